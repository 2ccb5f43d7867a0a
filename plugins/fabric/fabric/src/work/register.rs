//! Registration at a Fabric CA server.
//!
//! The server's first administrator enrols, with a key that lives as long as the operation, and registers a name; whoever
//! is meant enrols with the password that comes back. That password is drawn here, so that a request whose answer was
//! lost can be sent again. It is shown once and kept nowhere; that a registration was under way is remembered, so a run
//! after one that was killed knows that nobody has seen its password, and sets another.

use std::collections::BTreeSet;

use chain_plugin_sdk::doing::Hands;
use chain_plugin_sdk::{
    Act, Diagnostics, Host, Http, Report, Request, Step, Subject, Tls, reference, warning,
};
use fabric_identity::PrivateKey;
use fabric_service::facts::CaServer;
use fabric_service::fault::{refuse, refuse_with};
use fabric_service::{Network, item, kind, port, role};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::crew::fact;
use super::registry::{self, Fault};
use super::report;

/// The name of the operation.
pub const NAME: &str = "identity-register";

/// Longest time in which a server that does not answer is asked again, and the pause before, in milliseconds.
const PATIENCE: u64 = 60_000;
const PAUSE: u32 = 1_000;

/// What a person or program is in the network, by the unit in its certificate.
const TYPES: [&str; 4] = ["client", "peer", "orderer", "admin"];

/// Arguments of `identity-register`.
pub fn args() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "org": {"type": "string", "minLength": 1, "description": "the organisation; the only one with a CA server when absent"},
            "name": {
                "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._@-]*$", "maxLength": 64,
                "description": "name of the person or program",
            },
            "type": {"enum": TYPES, "default": "client", "description": "what it is in the network: client, peer, orderer or admin"},
            "affiliation": {"type": "string", "description": "department that the CA server knows, such as a.b; none when absent"},
            "attributes": {
                "type": "object", "additionalProperties": {"type": "string"},
                "description": "attributes of its certificates, as JSON",
            },
            "maxEnrollments": {"type": "integer", "minimum": -1, "description": "how often the password can be used; -1 for no limit"},
            "reset": {"type": "boolean", "default": false, "description": "give it a new password when it is registered already"},
        },
    })
}

/// What the user wants.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Wish {
    org: Option<String>,
    name: String,
    r#type: Option<String>,
    affiliation: Option<String>,
    attributes: Map<String, Value>,
    max_enrollments: Option<i32>,
    reset: bool,
}

impl Wish {
    fn kind(&self) -> &str {
        self.r#type.as_deref().unwrap_or("client")
    }

    /// The body of a registration.
    fn body(&self, secret: &str) -> Value {
        let attributes: Vec<Value> = self
            .attributes
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value, "ecert": true}))
            .collect();
        let mut body = json!({
            "id": self.name,
            "type": self.kind(),
            "secret": secret,
            // None is said by a dot: the server takes an empty one for the registrar's own.
            "affiliation": self.affiliation.as_deref().filter(|it| !it.is_empty()).unwrap_or("."),
            "attrs": attributes,
        });
        if let (Some(most), Some(all)) = (self.max_enrollments, body.as_object_mut()) {
            all.insert("max_enrollments".to_owned(), json!(most));
        }
        body
    }
}

/// What is remembered about a CA server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    /// Names whose registration was begun and not seen to its end.
    registering: BTreeSet<String>,
}

/// A CA server and all that is needed to register there.
#[derive(Debug)]
pub struct Desk {
    wish: Wish,
    id: String,
    name: String,
    org: String,
    tls: Option<Tls>,
    admin: String,
    password: String,
    memory: Memory,
    seed: Vec<u8>,
    until_ms: u64,
}

/// Who registers: the administrator, enrolled.
struct Registrar {
    certificate: String,
    key: PrivateKey,
}

impl Desk {
    /// Finds the CA server, and reads what it wants to see.
    pub fn gather(network: &Network, what: &Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        let wish: Wish = serde_json::from_str(&what.args)
            .map_err(|fault| refuse("args", "", fault.to_string()))?;
        if !registry::is_name(&wish.name) {
            let message = format!(
                "name {:?}: expected letters, digits, `.`, `_`, `-` and `@`, at most 64",
                wish.name
            );
            return Err(refuse("name", "/name", message));
        }
        let server = server(network, wish.org.as_deref())?;
        let org = network.org(server)?;
        let kept = |from: &str, subject: &str, name: &str| {
            host.kept(&reference(from, subject, name))
                .and_then(|bytes| String::from_utf8(bytes).ok())
        };
        let needed = |found: Option<String>, name: &str| {
            found.ok_or_else(|| {
                let message = format!("the {name} of {} cannot be read here", server.id);
                let hint = "its vault is missing, or the plugin may not use it: see `kubectl chain plugin grant`";
                refuse_with("kept", "", message, hint)
            })
        };
        let admin = needed(kept(role::CA, &server.id, item::CA_ADMIN), item::CA_ADMIN)?;
        let password = needed(
            kept(role::CA, &server.id, item::CA_PASSWORD),
            item::CA_PASSWORD,
        )?;
        let facts: Option<CaServer> = fact(host, &server.id, role::CA)?;
        let tls = if facts.is_none_or(|it| it.tls) {
            let roots = needed(
                kept(role::MSP, &org.id, item::TLS_CA_CERT),
                item::TLS_CA_CERT,
            )?;
            Some(Tls {
                server_name: network.address(server, port::CA)?.0,
                roots: roots.into_bytes(),
                identity: None,
            })
        } else {
            None
        };
        let memory = host
            .state(&server.id)
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        Ok(Self {
            id: server.id.clone(),
            name: server.name.clone(),
            org: org.name.clone(),
            wish,
            tls,
            admin,
            password,
            memory,
            seed: what.seed.clone(),
            until_ms: what.now_ms.saturating_add(PATIENCE),
        })
    }

    /// Bytes that were never used before, for one purpose.
    fn fresh(&self, purpose: &str) -> [u8; 32] {
        Sha256::new()
            .chain_update(&self.seed)
            .chain_update(purpose.as_bytes())
            .finalize()
            .into()
    }

    /// Registers the name, or says that it is registered.
    pub async fn register(self, hands: Hands) -> Result<Report, Diagnostics> {
        let registrar = self.enroll(&hands).await?;
        let name = &self.wish.name;
        let path = registry::identity_path(name);
        let says = format!("looking for {name} at {}", self.name);
        let known = match self
            .signed(&hands, &registrar, ("GET", &path), &says, None)
            .await?
        {
            (Ok(known), _) => Some(known),
            (Err(fault), _) if fault.is_absent() => None,
            (Err(fault), _) => return Err(self.refused(&fault)),
        };
        // The password, in letters that every program takes.
        let secret: String = self
            .fresh("password")
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let unseen = self.memory.registering.contains(name);
        let text = match known {
            Some(known) if !unseen && !self.wish.reset => return Ok(self.was_known(&known)),
            Some(_) => {
                let says = format!("giving {name} a new password");
                let body = json!({"secret": secret});
                let (answer, _) = self
                    .signed(&hands, &registrar, ("PUT", &path), &says, Some(&body))
                    .await?;
                answer.map_err(|fault| self.refused(&fault))?;
                format!("{name} is registered at {} with a new password", self.name)
            }
            None => {
                self.remember(&hands, true).await?;
                let says = format!("registering {name}");
                let body = self.wish.body(&secret);
                let (answer, again) = self
                    .signed(
                        &hands,
                        &registrar,
                        ("POST", registry::REGISTER),
                        &says,
                        Some(&body),
                    )
                    .await?;
                match answer {
                    Ok(_) => {}
                    // It was not there before, and this is not the first time that it is sent: it is this password's.
                    Err(fault) if fault.is_known() && again => {}
                    Err(fault) => {
                        self.remember(&hands, false).await?;
                        return Err(self.refused(&fault));
                    }
                }
                let kind = self.wish.kind();
                format!("{name} is registered at {} as {kind}", self.name)
            }
        };
        self.remember(&hands, false).await?;
        let port = self.tls.as_ref().map_or("http", |_| "https");
        let host = self
            .tls
            .as_ref()
            .map_or_else(|| self.name.clone(), |tls| tls.server_name.clone());
        let text = format!(
            "{text}; the password is shown this once:\n  {secret}\nit enrols from a pod of the cluster, with the organisation's TLS root:\n  fabric-ca-client enroll -u {port}://{name}:PASSWORD@{host}:7054"
        );
        let table = json!({"org": self.org, "name": name, "registered": true, "secret": secret});
        Ok(report(text, &table))
    }

    fn was_known(&self, known: &Value) -> Report {
        let name = &self.wish.name;
        let said = |key: &str| known.get(key).and_then(Value::as_str).unwrap_or_default();
        let text = format!(
            "{name} is registered at {} already, as {}; its password is not shown again, `reset=true` gives it another",
            self.name,
            said("type"),
        );
        let mut end = report(
            text,
            &json!({"org": self.org, "name": name, "registered": false, "type": said("type")}),
        );
        if said("type") != self.wish.kind() {
            let message = format!(
                "{name} is {} there, not {}: a registration is not changed",
                said("type"),
                self.wish.kind()
            );
            end.notes.push(warning("identity-type", "/type", message));
        }
        end
    }

    /// The administrator enrols, as often as he likes: the key is drawn anew and forgotten.
    async fn enroll(&self, hands: &Hands) -> Result<Registrar, Diagnostics> {
        let key = PrivateKey::from_scalar(&self.fresh("key"))
            .map_err(|fault| refuse("key", "", fault.to_string()))?;
        let body = registry::enrolment(&self.admin, &key).to_string();
        let says = format!("enrolling the administrator of {}", self.name);
        let (answer, _) = self
            .ask(
                hands,
                ("POST", registry::ENROLL),
                &says,
                body.as_bytes(),
                &|_| registry::basic(&self.admin, &self.password),
            )
            .await?;
        let result = answer.map_err(|fault| {
            if fault.is_unbelieved() {
                let message = format!("{} does not take its administrator: {}", self.name, fault.words());
                let hint = "its database may be of an earlier chain, or `maxEnrollments` of fabric_ca is used up";
                return refuse_with("ca", "", message, hint);
            }
            self.refused(&fault)
        })?;
        let certificate = registry::certificate(&result).ok_or_else(|| {
            let message = format!("{} answered an enrolment without a certificate", self.name);
            refuse("ca", "", message)
        })?;
        Ok(Registrar { certificate, key })
    }

    fn refused(&self, fault: &Fault) -> Diagnostics {
        let message = format!(
            "{} refuses {}: {}",
            self.name,
            self.wish.name,
            fault.words()
        );
        refuse("ca", "", message)
    }

    /// Asks something in the administrator's name.
    async fn signed(
        &self,
        hands: &Hands,
        by: &Registrar,
        (method, path): (&str, &str),
        says: &str,
        body: Option<&Value>,
    ) -> Result<(Result<Value, Fault>, bool), Diagnostics> {
        let body = body.map(Value::to_string).unwrap_or_default();
        self.ask(hands, (method, path), says, body.as_bytes(), &|body| {
            registry::token(&by.certificate, &by.key, method, path, body)
        })
        .await
    }

    /// Asks until there is an answer. Also says whether an earlier request may have been carried out.
    async fn ask(
        &self,
        hands: &Hands,
        (method, path): (&str, &str),
        says: &str,
        body: &[u8],
        authorization: &dyn Fn(&[u8]) -> String,
    ) -> Result<(Result<Value, Fault>, bool), Diagnostics> {
        let mut again = false;
        loop {
            let act = Act::Http(Http {
                port: port::CA.to_owned(),
                h2: false,
                tls: self.tls.clone(),
                method: method.to_owned(),
                path: path.to_owned(),
                headers: vec![
                    ("authorization".to_owned(), authorization(body)),
                    ("content-type".to_owned(), "application/json".to_owned()),
                ],
                body: body.to_vec(),
            });
            let says = if again { "" } else { says };
            let outcome = hands.act(self.step(says, act)).await;
            let why = match outcome.answer {
                Ok(response) => match registry::open(response.code, &response.body) {
                    Err(fault) if fault.passes() => fault.words(),
                    answer => return Ok((answer, again)),
                },
                Err(failure) => {
                    let passes = ["timeout", "refused", "broken", "truncated", "not-found"];
                    if !passes.contains(&failure.kind.as_str()) {
                        return Err(refuse(
                            "ca",
                            "",
                            format!("{}: {}", self.name, failure.message),
                        ));
                    }
                    failure.message
                }
            };
            if hands.now_ms() >= self.until_ms {
                let message = format!("{} does not answer: {why}", self.name);
                let hint = format!(
                    "is its pod ready? `kubectl chain logs {}`; then run the same command again",
                    self.name
                );
                return Err(refuse_with("ca", "", message, hint));
            }
            again = true;
            hands.sleep(&self.id, "", PAUSE).await;
        }
    }

    fn step(&self, says: &str, act: Act) -> Step {
        Step {
            on: self.id.clone(),
            says: says.to_owned(),
            sensitive: true,
            timeout_ms: 0,
            act,
        }
    }

    /// Remembers that a registration is under way, or no more.
    async fn remember(&self, hands: &Hands, under_way: bool) -> Result<(), Diagnostics> {
        let mut memory = self.memory.clone();
        if under_way {
            memory.registering.insert(self.wish.name.clone());
        } else {
            memory.registering.remove(&self.wish.name);
        }
        let act = Act::Remember(json!(memory).to_string());
        let outcome = hands.act(self.step("", act)).await;
        let failed = |failure: chain_plugin_sdk::Failure| {
            let hint = "run the same command again";
            refuse_with("remember", "", failure.message, hint)
        };
        outcome.answer.map(|_| ()).map_err(failed)
    }
}

/// The CA server of an organisation, or the only one of this party.
fn server<'a>(network: &'a Network, org: Option<&str>) -> Result<&'a Subject, Diagnostics> {
    let own: Vec<&Subject> = network.of_kind(kind::CA).filter(|it| !it.foreign).collect();
    let found: Vec<&&Subject> = own
        .iter()
        .filter(|it| {
            let parent = it.parent.as_deref().unwrap_or_default();
            org.is_none_or(|org| parent == format!("{}/{org}", kind::ORG))
        })
        .collect();
    match (found.as_slice(), own.is_empty()) {
        ([one], _) => Ok(one),
        (_, true) => {
            let message = "no organisation of this chain has a CA server";
            let hint = "`--ca fabric_ca` gives each one; `kubectl chain run identity-issue` makes a user without";
            Err(refuse_with("org", "/org", message, hint))
        }
        (found, false) => {
            let names: Vec<&str> = own
                .iter()
                .filter_map(|it| it.parent.as_deref()?.rsplit('/').next())
                .collect();
            let message = if found.is_empty() {
                format!("organisation {} has no CA server", org.unwrap_or_default())
            } else {
                "there are several CA servers".to_owned()
            };
            Err(refuse_with(
                "org",
                "/org",
                message,
                format!("`org=NAME`, one of {}", names.join(", ")),
            ))
        }
    }
}
