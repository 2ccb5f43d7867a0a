//! A model of Fabric CA servers: who is registered, who enrols, and what a request must be signed with.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chain_plugin_sdk::{Diagnostics, Failure, Http, Response};
use fabric_identity::issue::{IdentityProfile, Issuer};
use fabric_identity::request::SigningRequest;
use fabric_identity::validity::Validity;
use fabric_identity::{Certificate, PrivateKey, check};
use fabric_service::fault::refuse;
use fabric_service::{item, kind, port, role};
use serde_json::{Value, json};

use crate::driver::World;
use crate::ledger::wire::{failure, plain};
use crate::network::Network;

/// Somebody whom a server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What he is: `client`, `peer`, ...
    pub kind: String,
    /// His password.
    pub secret: String,
    /// What he was registered with.
    pub request: Value,
    /// Certificates that he got.
    pub enrolled: u32,
}

/// One server.
#[derive(Debug)]
pub struct Server {
    /// Everybody, by name.
    pub known: BTreeMap<String, Known>,
    /// Registrations that it carried out.
    pub registered: u32,
    /// Passwords that it changed.
    pub changed: u32,
    /// Whether it answers that it fails, instead of doing anything.
    pub ill: u32,
    tls: Certificate,
    ca: Certificate,
    key: PrivateKey,
    admin: String,
    issued: BTreeSet<String>,
}

/// All servers of a network, by their subject.
#[derive(Debug)]
pub struct Registry {
    /// The servers.
    pub servers: BTreeMap<String, Server>,
    /// What was refused, and why.
    pub refusals: Vec<String>,
    now: i64,
}

fn answered(code: i32, result: &Value) -> Response {
    let all = json!({"result": result, "errors": [], "messages": [], "success": true});
    plain(code, &all)
}

fn refused(code: i32, number: u32, message: &str) -> Response {
    let errors = json!([{"code": number, "message": message}]);
    let all = json!({"result": "", "errors": errors, "messages": [], "success": false});
    plain(code, &all)
}

impl Registry {
    /// The CA servers that a network has.
    ///
    /// # Errors
    /// What cannot be read of it.
    pub fn new(network: &Network) -> Result<Self, Diagnostics> {
        let text = |subject: &str, role: &str, name: &str| {
            let place = (subject.to_owned(), role.to_owned(), name.to_owned());
            let item = network.item(&place).map(|it| it.bytes.clone());
            item.and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| refuse("kept", "", format!("{subject} has no {name} of {role}")))
        };
        let odd = |fault: &dyn std::fmt::Display| refuse("kept", "", fault.to_string());
        let mut servers = BTreeMap::new();
        for server in network.of_kind(kind::CA) {
            let org = server.parent.as_deref().unwrap_or_default();
            let read = |subject: &str, name: &str| {
                Certificate::parse_pem(&text(subject, role::MSP, name)?).map_err(|it| odd(&it))
            };
            let admin = text(&server.id, role::CA, item::CA_ADMIN)?;
            let first = Known {
                kind: "client".to_owned(),
                secret: text(&server.id, role::CA, item::CA_PASSWORD)?,
                request: Value::Null,
                enrolled: 0,
            };
            servers.insert(
                server.id.clone(),
                Server {
                    known: [(admin.clone(), first)].into(),
                    registered: 0,
                    changed: 0,
                    ill: 0,
                    tls: read(&server.id, item::TLS_CERT)?,
                    ca: read(org, item::CA_CERT)?,
                    key: PrivateKey::parse_pem(&text(org, role::MSP, item::CA_KEY)?)
                        .map_err(|it| odd(&it))?,
                    admin,
                    issued: BTreeSet::new(),
                },
            );
        }
        Ok(Self {
            servers,
            refusals: Vec::new(),
            now: i64::try_from(network.now_ms / 1000).unwrap_or(i64::MAX),
        })
    }
}

fn header<'a>(http: &'a Http, name: &str) -> Option<&'a str> {
    let found = http
        .headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(text).ok()?).ok()
}

impl Server {
    fn handshake(&self, http: &Http) -> Result<(), Failure> {
        let said = http
            .tls
            .as_ref()
            .ok_or_else(|| failure("broken", "the server speaks TLS"))?;
        if !self.tls.covers(&said.server_name) {
            let text = format!("the certificate is not for {}", said.server_name);
            return Err(failure("tls", text));
        }
        let roots = Certificate::parse_pem_all(&String::from_utf8_lossy(&said.roots))
            .map_err(|fault| failure("tls", fault.to_string()))?;
        check::chain(&self.tls, &roots, &[]).map_err(|it| failure("tls", it.to_string()))?;
        Ok(())
    }

    /// Who shows by a token that he holds the key of a certificate of this server, for this very request.
    fn caller(&self, http: &Http) -> Option<String> {
        let (encoded, signature) = header(http, "authorization")?.split_once('.')?;
        let certificate = Certificate::parse_pem(&decoded(encoded)?).ok()?;
        let signed = [
            http.method.clone(),
            BASE64.encode(&http.path),
            BASE64.encode(&http.body),
            encoded.to_owned(),
        ]
        .join(".");
        let signature = BASE64.decode(signature).ok()?;
        certificate
            .public_key()
            .ok()?
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        self.issued
            .contains(&certificate.to_pem())
            .then(|| certificate.subject().common_name().map(ToOwned::to_owned))?
    }

    fn enroll(&mut self, http: &Http, body: &Value, now: i64) -> Result<Response, String> {
        let said = header(http, "authorization").and_then(|it| it.strip_prefix("Basic "));
        let said = said.and_then(decoded).unwrap_or_default();
        let (name, password) = said.split_once(':').unwrap_or_default();
        let known = self.known.get_mut(name);
        let Some(known) = known.filter(|it| it.secret == password) else {
            return Ok(refused(401, 20, "Authentication failure"));
        };
        let request = body.get("certificate_request").and_then(Value::as_str);
        let request = SigningRequest::parse_pem(request.unwrap_or_default())
            .map_err(|fault| fault.to_string())?;
        if request.subject.common_name() != Some(name) {
            return Err(format!("the request is of {}", request.subject));
        }
        known.enrolled += 1;
        let mut serial = [1; 16];
        for (to, from) in serial.iter_mut().zip(self.issued.len().to_be_bytes()) {
            *to = from;
        }
        let profile = IdentityProfile {
            organizational_units: vec![known.kind.clone()],
            common_name: name.to_owned(),
            ..IdentityProfile::default()
        };
        let validity = Validity::days(now - 300, 365).ok_or("no such time")?;
        let issuer = Issuer::new(&self.ca, &self.key).map_err(|it| it.to_string())?;
        let certificate = issuer
            .identity(&profile, &request.key, validity, &serial)
            .map_err(|it| it.to_string())?
            .to_pem();
        self.issued.insert(certificate.clone());
        let encoded = BASE64.encode(certificate);
        Ok(answered(
            201,
            &json!({"Cert": encoded, "ServerInfo": {"CAName": ""}}),
        ))
    }

    fn register(&mut self, body: &Value) -> Result<Response, String> {
        let said = |name: &str| body.get(name).and_then(Value::as_str);
        let (Some(name), Some(kind)) = (said("id"), said("type")) else {
            return Err("a registration without a name and a type".to_owned());
        };
        // Given none, the server takes the registrar's own.
        if said("affiliation") != Some(".") {
            return Ok(refused(500, 0, "Failed getting affiliation"));
        }
        if self.known.contains_key(name) {
            let message = format!("Identity '{name}' is already registered");
            return Ok(refused(409, 74, &message));
        }
        let secret = said("secret").unwrap_or("drawn by the server").to_owned();
        let known = Known {
            kind: kind.to_owned(),
            secret: secret.clone(),
            request: body.clone(),
            enrolled: 0,
        };
        self.known.insert(name.to_owned(), known);
        self.registered += 1;
        Ok(answered(201, &json!({"secret": secret})))
    }

    fn answer(&mut self, http: &Http, now: i64) -> Result<Response, String> {
        let body: Value = if http.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&http.body).map_err(|fault| fault.to_string())?
        };
        if self.ill > 0 {
            self.ill -= 1;
            return Ok(plain(503, &Value::Null));
        }
        let path = http.path.strip_prefix("/api/v1/").unwrap_or_default();
        if (http.method.as_str(), path) == ("POST", "enroll") {
            return self.enroll(http, &body, now);
        }
        match self.caller(http) {
            Some(caller) if caller == self.admin => {}
            Some(_) => return Ok(refused(403, 71, "Authorization failure")),
            None => return Err("a request whose token is not right".to_owned()),
        }
        let absent = || refused(404, 63, "Failed to get User: sql: no rows in result set");
        match (http.method.as_str(), path.split_once('/')) {
            ("POST", None) if path == "register" => self.register(&body),
            ("GET", Some(("identities", name))) => {
                Ok(self.known.get(name).map_or_else(absent, |it| {
                    answered(
                        200,
                        &json!({"id": name, "type": it.kind, "affiliation": ""}),
                    )
                }))
            }
            ("PUT", Some(("identities", name))) => Ok(match self.known.get_mut(name) {
                None => absent(),
                Some(known) => {
                    let secret = body.get("secret").and_then(Value::as_str);
                    known.secret = secret.unwrap_or_default().to_owned();
                    self.changed += 1;
                    answered(200, &json!({"id": name, "secret": known.secret}))
                }
            }),
            (method, _) => Err(format!("nobody answers {method} {}", http.path)),
        }
    }
}

impl World for Registry {
    fn http(&mut self, node: &str, of: &str, http: &Http) -> Result<Response, Failure> {
        let Some(server) = self.servers.get_mut(node).filter(|_| of == port::CA) else {
            return Err(failure("refused", format!("{node} has no port {of}")));
        };
        server.handshake(http)?;
        match server.answer(http, self.now) {
            Ok(response) => Ok(response),
            Err(why) => {
                self.refusals.push(format!("{node}: {why}"));
                Ok(refused(401, 20, "Authentication failure"))
            }
        }
    }
}
