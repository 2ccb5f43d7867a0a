//! Registration at a real Fabric CA server: needs `fabric-ca-server`, see [`VARIABLE`]; without it nothing is tested.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chain_plugin_sdk::{Failure, Http, Report, Response};
use fabric_identity::PrivateKey;
use fabric_identity::request::SigningRequest;
use fabric_loopback::http;
use fabric_rehearsal::driver::{Fault, Faults, World, run};
use fabric_rehearsal::network::{Network, Orderers, Spec};
use fabric_rehearsal::pod;
use fabric_service::{Release, role};
use serde_json::{Value, json};

/// The environment variable that names the program.
const VARIABLE: &str = "CHAIN_TEST_FABRIC_CA";
const CA: &str = "ca/ca.org1";

/// A server at work in a folder of its own.
struct Server {
    child: Child,
    home: PathBuf,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        fs::remove_dir_all(&self.home).ok();
    }
}

impl Server {
    /// Starts the program as the pod of the CA does, by the plugin's script and configuration, with all folders below one
    /// of the test's own.
    fn start(program: &Path, network: &Network) -> Self {
        let home = std::env::temp_dir().join(format!("fabric-ca-{}", std::process::id()));
        let folder = |name: &str| {
            let path = home.join(name);
            fs::create_dir_all(&path).unwrap();
            path
        };
        let (given, memory, data) = (folder("given"), folder("memory"), folder("data"));
        // A port that is free now.
        let port = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let containers = pod::containers(network, CA).unwrap();
        let container = &containers["ca"];
        for (path, bytes) in &container.files {
            let name = Path::new(path).file_name().unwrap();
            let mut bytes = bytes.clone();
            if name == "fabric-ca-server-config.yaml" {
                let text = String::from_utf8(bytes).unwrap();
                let text = text
                    .replace(path.rsplit_once('/').unwrap().0, given.to_str().unwrap())
                    .replace("/run/fabric-ca", memory.to_str().unwrap())
                    .replace("port: 7054", &format!("port: {port}"))
                    .replace("127.0.0.1:9443", "127.0.0.1:0");
                bytes = text.into_bytes();
            }
            fs::write(given.join(name), bytes).unwrap();
        }
        let child = Command::new("sh")
            .arg(given.join("start.sh"))
            .envs(&container.env)
            .env("FABRIC_CA_HOME", &data)
            .env("FABRIC_CA_SERVER_HOME", &data)
            .env("FABRIC_CA_SERVER_ADDRESS", "127.0.0.1")
            .env("CA_TEMPLATE", given.join("fabric-ca-server-config.yaml"))
            .env("CA_MEMORY", &memory)
            .env("CA_SERVER", program)
            .stdout(Stdio::null())
            .stderr(fs::File::create(home.join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { child, home, port }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.join("log")).unwrap()
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Option<(i32, Vec<u8>)> {
        let request = http::Request {
            to: SocketAddr::from(([127, 0, 0, 1], self.port)),
            tls: None,
            h2: false,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: headers.to_vec(),
            body: body.to_vec(),
            timeout: Duration::from_secs(30),
        };
        let answer = http::send(&request).ok()?;
        Some((i32::from(answer.status), answer.body))
    }

    /// Whether somebody can enrol with a password.
    fn enrols(&self, name: &str, password: &str) -> bool {
        let key = PrivateKey::from_scalar(&[9; 32]).unwrap();
        let body = json!({"certificate_request": SigningRequest::write(name, &key)});
        let basic = format!("Basic {}", BASE64.encode(format!("{name}:{password}")));
        let headers = [("authorization".to_owned(), basic)];
        let answer = self.ask(
            "POST",
            "/api/v1/enroll",
            &headers,
            body.to_string().as_bytes(),
        );
        answer.is_some_and(|(code, _)| code == 201)
    }
}

impl World for Server {
    fn http(&mut self, _: &str, _: &str, said: &Http) -> Result<Response, Failure> {
        assert!(said.tls.is_none());
        let answer = self.ask(&said.method, &said.path, &said.headers, &said.body);
        let Some((code, body)) = answer else {
            std::thread::sleep(Duration::from_millis(300));
            return Err(Failure {
                kind: "refused".to_owned(),
                message: "nobody listens".to_owned(),
            });
        };
        Ok(Response {
            code,
            body,
            more: "{}".to_owned(),
        })
    }
}

fn secret(report: &Report) -> Option<String> {
    let table: Value = serde_json::from_str(&report.table).unwrap();
    Some(table.get("secret")?.as_str()?.to_owned())
}

#[test]
fn a_real_server_registers_what_it_is_asked_to() {
    let Some(program) = std::env::var_os(VARIABLE).filter(|it| !it.is_empty()) else {
        eprintln!("skipped: {VARIABLE} does not name a fabric-ca-server");
        return;
    };
    let kinds = json!({"orderers": 1, "orgs": 1, "peers": 1});
    let mut spec = Spec::new(Release::V2_5, Orderers::Raft, &kinds);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    spec.now_ms = u64::try_from(now.unwrap().as_millis()).unwrap();
    spec.options
        .insert(role::CA.to_owned(), json!({"tls": false}));
    let mut network = Network::new(spec).unwrap();
    let mut server = Server::start(Path::new(&program), &network);
    let mut asked = |server: &mut Server, args: &Value, faults: &Faults| {
        run(
            &mut network,
            server,
            "identity-register",
            "chain",
            args,
            &[],
            faults,
        )
    };
    // The server starts meanwhile.
    let wish =
        json!({"org": "org1", "name": "alice", "type": "admin", "attributes": {"role": "teller"}});
    let report = asked(&mut server, &wish, &Faults::none());
    let report = report.unwrap_or_else(|why| panic!("{why:?}\n{}", server.log()));
    let first = secret(&report).unwrap();
    assert!(server.enrols("alice", &first));
    let again = asked(&mut server, &wish, &Faults::none()).unwrap();
    assert!(
        secret(&again).is_none() && again.text.contains("already, as admin"),
        "{}",
        again.text
    );
    let reset = json!({"org": "org1", "name": "alice", "type": "admin", "reset": true});
    let second = secret(&asked(&mut server, &reset, &Faults::none()).unwrap()).unwrap();
    assert!(!server.enrols("alice", &first) && server.enrols("alice", &second));
    // Lost and killed at the registration itself, which is the third request.
    for (name, fault) in [
        ("bob", Fault::LostAfter),
        ("carol", Fault::KilledAfter),
        ("dave", Fault::KilledBefore),
    ] {
        let report = asked(
            &mut server,
            &json!({"org": "org1", "name": name}),
            &Faults::one(2, fault),
        );
        let shown = secret(&report.unwrap()).unwrap_or_else(|| panic!("{name}: no password"));
        assert!(server.enrols(name, &shown), "{name}");
    }
    let unknown = json!({"org": "org1", "name": "erin", "affiliation": "no.such"});
    let fault = asked(&mut server, &unknown, &Faults::none()).unwrap_err();
    assert!(format!("{fault:?}").contains("refuses erin"), "{fault:?}");
}
