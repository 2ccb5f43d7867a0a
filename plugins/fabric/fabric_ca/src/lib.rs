//! The CA `fabric_ca`: a Fabric CA server for each organisation, which issues under the same root as the network's own
//! certificates.
//!
//! The password of its administrator is born with it and goes into the pod by reference alone. It stands in the
//! configuration, since a server that has a file of its own passes over `-b`: a script puts it in when the pod starts, in
//! memory. So it is in no ConfigMap, no argument, no volume, and never in this guest.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod config;

use chain_plugin_sdk::descriptor::{Descriptor, Image, KeptSpec, Phase, Volume};
use chain_plugin_sdk::{
    At, Change, Delivery, Diagnostics, Plugin, Provisioned, Rendered, RenderedBuilder, Subject,
    Topology, export_plugin, reference,
};
use fabric_service::facts::CaServer;
use fabric_service::{Network, Release, container, descriptor, facts, item, kind, port, role};
use serde::Deserialize;
use serde_json::json;

use config::{Config, Tls};

/// The name of the container and of its image.
const CONTAINER: &str = "ca";
/// Where the server listens.
const PORT: u16 = 7054;
/// The volume with the server's database, and where it is mounted: the server's home.
const DATA: &str = "ca-data";
const HOME: &str = "/var/hyperledger/fabric-ca";
/// The volume for what shall be on no disk, and where it is mounted.
const MEMORY_VOLUME: &str = "ca-memory";
const MEMORY: &str = "/run/fabric-ca";
/// Where the server finds what is handed to it.
const GIVEN: &str = "/etc/hyperledger/ca";
/// The configuration, with a mark for the password.
const CONFIG: &str = "fabric-ca-server-config.yaml";
/// The file that starts the server.
const SCRIPT: &str = "start.sh";
/// The kept password of the administrator, a secret.
const PASSWORD: &str = item::CA_PASSWORD;
/// The kept name of the administrator: the public sign that the password was born.
const ADMIN: &str = item::CA_ADMIN;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    name: Option<String>,
    admin: String,
    tls: bool,
    expiry: String,
    tls_expiry: String,
    max_enrollments: i32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: None,
            admin: "admin".to_owned(),
            tls: true,
            expiry: "8760h".to_owned(),
            tls_expiry: "8760h".to_owned(),
            max_enrollments: -1,
        }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct FabricCa {
    network: Network,
}

impl Plugin for FabricCa {
    fn descriptor() -> Descriptor {
        let duration = "^[1-9][0-9]*(\\.[0-9]+)?h$";
        Descriptor {
            options: json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "name": {
                        "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
                        "description": "name of the CA, as clients name it; that of its subject, such as ca.org1, when empty",
                    },
                    "admin": {
                        "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$", "default": "admin",
                        "x-chain-fixed": true,
                        "description": "name of the first administrator, who registers all others",
                    },
                    "tls": {"type": "boolean", "default": true, "description": "listen with TLS"},
                    "expiry": {
                        "type": "string", "pattern": duration, "default": "8760h",
                        "description": "how long certificates of identities are valid, in hours; never longer than the CA's own",
                    },
                    "tlsExpiry": {
                        "type": "string", "pattern": duration, "default": "8760h",
                        "description": "how long TLS certificates are valid, in hours",
                    },
                    "maxEnrollments": {
                        "type": "integer", "minimum": -1, "default": -1,
                        "description": "how often one password can be used to enrol; -1 for no limit",
                    },
                },
            }),
            on: [
                (Phase::Provision, descriptor::kinds(&[kind::CA])),
                (Phase::Render, descriptor::kinds(&[kind::CA])),
            ]
            .into(),
            kept: vec![
                descriptor::kept(ADMIN, &[kind::CA], false),
                KeptSpec {
                    // The stack registers people as this administrator.
                    share: vec![role::STACK.to_owned()],
                    ..descriptor::kept(PASSWORD, &[kind::CA], true)
                },
            ],
            takes: vec![
                descriptor::take(item::CA_KEY),
                descriptor::take(item::TLS_KEY),
            ],
            container: CONTAINER.to_owned(),
            images: vec![Image {
                name: CONTAINER.to_owned(),
                default: "hyperledger/fabric-ca:1.5.21".to_owned(),
            }],
            ports: vec![descriptor::port(port::CA, PORT, "clients", "ca")],
            volumes: vec![
                descriptor::disk(DATA, "1Gi", kind::CA),
                Volume {
                    medium: "memory".to_owned(),
                    ..descriptor::disk(MEMORY_VOLUME, "16Mi", kind::CA)
                },
            ],
            resources: container::requests("50m", "64Mi"),
            ..descriptor::plugin(
                "fabric_ca",
                role::CA,
                "Fabric CA server of each organisation: registers and enrols under the network's own root",
                &Release::ALL,
            )
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            network: Network::new(topology)?,
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let options: Options = at.options()?;
        // Born before: the secret is not shown again, its public sign is.
        let keep = if at.kept(ADMIN).is_some() {
            Vec::new()
        } else {
            let password: String = at
                .entropy::<20>()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            vec![
                descriptor::text_item(ADMIN, &options.admin, false),
                descriptor::text_item(PASSWORD, &password, true),
            ]
        };
        Ok(Provisioned {
            keep,
            ..facts::known(&CaServer { tls: options.tls })
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options: Options = at.options()?;
        let here = self.network.subject(&at.call.subject)?;
        let org = &self.network.org(here)?.id;
        // A certificate is public, so it can be asked whether there is one.
        let certificate = reference(role::MSP, &here.id, item::TLS_CERT);
        let made = at.host.kept(&certificate).is_some();
        let given = |file: &str| format!("{GIVEN}/{file}");
        let tls = match (options.tls, made) {
            (false, _) => Tls::Off,
            (true, false) => Tls::OfItsOwn(hosts(here)),
            (true, true) => Tls::Given {
                certificate: given("tls-cert.pem"),
                key: given("tls-key.pem"),
            },
        };
        let config = Config {
            name: options.name.unwrap_or_else(|| here.name.clone()),
            certificate: given("ca-cert.pem"),
            key: given("ca-key.pem"),
            memory: MEMORY.to_owned(),
            // Who was born with the password, whatever the options say now.
            admin: at.kept_text(ADMIN).unwrap_or(options.admin),
            tls: tls.clone(),
            expiry: options.expiry,
            tls_expiry: options.tls_expiry,
            max_enrollments: options.max_enrollments,
        };
        let scheme = if tls == Tls::Off { "HTTP" } else { "HTTPS" };
        let asks = json!({"path": "/cainfo", "port": port::CA, "scheme": scheme});
        let environment = [("FABRIC_CA_HOME", HOME), ("FABRIC_CA_SERVER_HOME", HOME)];
        let mut files = vec![
            ("ca-cert.pem", reference(role::MSP, org, item::CA_CERT)),
            ("ca-key.pem", reference(role::MSP, org, item::CA_KEY)),
            (CONFIG, at.own(CONFIG)),
            (SCRIPT, at.own(SCRIPT)),
        ];
        if let Tls::Given { .. } = tls {
            files.extend([
                ("tls-cert.pem", certificate),
                ("tls-key.pem", reference(role::MSP, &here.id, item::TLS_KEY)),
            ]);
        }
        let builder = RenderedBuilder::new()
            .file(CONFIG, config.text())
            .file(SCRIPT, include_str!("start.sh"))
            .container(&json!({
                "name": CONTAINER,
                "image": at.image(CONTAINER),
                "command": ["sh", given(SCRIPT)],
                "env": container::environment(&environment),
                "ports": container::ports(&Self::descriptor().ports),
                "startupProbe": {"httpGet": asks, "periodSeconds": 1, "failureThreshold": 300, "timeoutSeconds": 5},
                "readinessProbe": {"httpGet": asks, "periodSeconds": 10, "timeoutSeconds": 5},
                "securityContext": {"readOnlyRootFilesystem": true},
            }))
            .volume(CONTAINER, HOME, DATA, "ca")
            .volume(CONTAINER, MEMORY, MEMORY_VOLUME, "")
            .env(CONTAINER, "CA_ADMIN_PASSWORD", at.own(PASSWORD));
        Ok(files
            .into_iter()
            .fold(builder, |builder, (file, from)| {
                builder.bind(
                    CONTAINER,
                    &given(file),
                    from,
                    Delivery::Mounted,
                    Change::Roll,
                )
            })
            .build())
    }
}

/// The names by which clients reach a CA server: in its cluster, from outside, and through a forwarded port.
fn hosts(here: &Subject) -> Vec<String> {
    let mut all = Vec::new();
    let namespace = &here.namespace;
    for endpoint in here.endpoints.iter().filter(|it| it.port == port::CA) {
        let service = &endpoint.service;
        all.extend([
            format!("{service}.{namespace}"),
            service.clone(),
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}.svc.cluster.local"),
        ]);
        let outside = endpoint.outside.as_deref();
        let host = outside.and_then(|it| it.rsplit_once(':'));
        all.extend(host.map(|(host, _)| host.trim_matches(['[', ']']).to_owned()));
    }
    all.extend(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    all
}

export_plugin!(FabricCa);

#[cfg(test)]
mod tests;
