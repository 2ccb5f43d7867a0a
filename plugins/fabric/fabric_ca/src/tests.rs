//! Where the password goes and where it does not, what the server is told, and the script that starts it.

use super::*;
use chain_plugin_sdk::{Call, Content, Item, Source, Target, TestHost};
use fabric_service::fixture::{ROLES, Size, another, topology};
use serde_json::{Value, from_str};

const CA: &str = "ca/ca.org1";

fn call(options: &Value) -> Call {
    TestHost::call(CA, role::CA, options, &[(CONTAINER, "ca:1")])
}

fn session() -> FabricCa {
    let mut all = topology(Release::V2_5, Size::default(), &ROLES);
    let mut ca = another(
        (kind::CA, "ca.org1"),
        "org/org1",
        "org1",
        "ca",
        &[(port::CA, PORT)],
    );
    ca.endpoints[0].outside = Some("203.0.113.7:30054".to_owned());
    all.subjects.push(ca);
    FabricCa::open(all).unwrap()
}

fn provision(host: &TestHost, options: &Value) -> Provisioned {
    session().provision(&host.at(&call(options))).unwrap()
}

fn render(host: &TestHost, options: &Value) -> Rendered {
    session().render(&host.at(&call(options))).unwrap()
}

fn file<'a>(rendered: &'a Rendered, name: &str) -> &'a str {
    let file = rendered.files.iter().find(|it| it.name == name).unwrap();
    let Content::Bytes(bytes) = &file.content else {
        panic!("no bytes")
    };
    std::str::from_utf8(bytes).unwrap()
}

fn container(rendered: &Rendered) -> Value {
    let pod: Value = from_str(&rendered.fragments[0].body).unwrap();
    pod["spec"]["containers"][0].clone()
}

fn bound(rendered: &Rendered) -> Vec<(String, String)> {
    let of = rendered.bindings.iter().map(|binding| {
        let target = match &binding.target {
            Target::Path(at) | Target::Env(at) => at.clone(),
        };
        let source = match &binding.source {
            Source::File(from) => format!("{} {} {}", from.role, from.subject, from.name),
            Source::Volume((volume, folder)) => format!("volume {volume}/{folder}"),
        };
        (target, source)
    });
    of.collect()
}

#[test]
fn the_password_is_born_once_and_known_by_the_name_beside_it() {
    let first = provision(&TestHost::new(), &json!({}));
    let kept: Vec<(&str, bool, usize)> = first
        .keep
        .iter()
        .map(|it| (it.name.as_str(), it.secret, it.bytes.len()))
        .collect();
    assert_eq!(kept, [(ADMIN, false, 5), (PASSWORD, true, 40)]);
    assert!(first.keep[1].bytes.iter().all(u8::is_ascii_hexdigit));
    let again = TestHost::new().kept(CA, role::CA, &first.keep[..1]);
    assert_eq!(provision(&again, &json!({})).keep, Vec::<Item>::new());
    let secrets = FabricCa::descriptor().kept;
    assert_eq!(
        secrets
            .iter()
            .filter(|it| it.secret)
            .map(|it| &*it.name)
            .collect::<Vec<_>>(),
        [PASSWORD]
    );
}

#[test]
fn the_password_reaches_the_pod_by_reference_alone() {
    let born = provision(&TestHost::new(), &json!({})).keep;
    let password = String::from_utf8(born[1].bytes.clone()).unwrap();
    let rendered = render(&TestHost::new().kept(CA, role::CA, &born), &json!({}));
    for file in &rendered.files {
        assert!(
            !self::file(&rendered, &file.name).contains(&password),
            "{}",
            file.name
        );
    }
    assert!(!rendered.fragments[0].body.contains(&password));
    assert!(bound(&rendered).contains(&(
        "CA_ADMIN_PASSWORD".to_owned(),
        "ca ca/ca.org1 password".to_owned()
    )));
    let config = file(&rendered, CONFIG);
    assert_eq!(config.matches(config::PASSWORD_MARK).count(), 1);
    assert!(file(&rendered, SCRIPT).contains(config::PASSWORD_MARK));
}

#[test]
fn it_signs_with_the_ca_of_its_organisation_and_keeps_its_database_on_a_volume() {
    let rendered = render(&TestHost::new(), &json!({}));
    let own = |path: &str, from: &str| (path.to_owned(), from.to_owned());
    let all = bound(&rendered);
    for expected in [
        own("/etc/hyperledger/ca/ca-cert.pem", "msp org/org1 ca-cert"),
        own("/etc/hyperledger/ca/ca-key.pem", "msp org/org1 ca-key"),
        own("/var/hyperledger/fabric-ca", "volume ca-data/ca"),
        own("/run/fabric-ca", "volume ca-memory/"),
    ] {
        assert!(all.contains(&expected), "{expected:?}");
    }
    let config = file(&rendered, CONFIG);
    for line in [
        "  name: \"ca.org1\"\n",
        "  certfile: \"/etc/hyperledger/ca/ca-cert.pem\"\n",
        "  keyfile: \"/etc/hyperledger/ca/ca-key.pem\"\n",
        "    - name: \"admin\"\n",
        "  datasource: fabric-ca-server.db\n",
        "    expiry: 8760h\n",
    ] {
        assert!(config.contains(line), "{line}{config}");
    }
    let container = container(&rendered);
    assert_eq!(
        container["command"],
        json!(["sh", "/etc/hyperledger/ca/start.sh"])
    );
    assert_eq!(
        container["env"][1],
        json!({"name": "FABRIC_CA_SERVER_HOME", "value": HOME})
    );
    assert_eq!(
        container["readinessProbe"]["httpGet"],
        json!({"path": "/cainfo", "port": "ca", "scheme": "HTTPS"})
    );
    let takes: Vec<String> = FabricCa::descriptor()
        .takes
        .into_iter()
        .map(|it| it.item)
        .collect();
    assert_eq!(takes, [item::CA_KEY, item::TLS_KEY]);
}

#[test]
fn it_certifies_itself_under_every_name_by_which_it_is_reached() {
    let rendered = render(&TestHost::new(), &json!({}));
    let config = file(&rendered, CONFIG);
    assert!(
        config.contains(
            "  enabled: true\n  certfile: \"/run/fabric-ca/tls-cert.pem\"\n  keyfile: \"\"\n"
        ),
        "{config}"
    );
    assert!(
        config.contains(
            r#"  hosts: ["ca.org1", "ca", "ca.org1.svc", "ca.org1.svc.cluster.local", "203.0.113.7", "localhost", "127.0.0.1"]"#
        ),
        "{config}"
    );
    let plain = render(&TestHost::new(), &json!({"tls": false}));
    assert!(file(&plain, CONFIG).contains("  enabled: false\n"));
    assert_eq!(
        container(&plain)["readinessProbe"]["httpGet"]["scheme"],
        "HTTP"
    );
}

#[test]
fn it_takes_the_certificate_that_msp_made_for_it() {
    let certificate = [descriptor::text_item(item::TLS_CERT, "pem", false)];
    let rendered = render(
        &TestHost::new().kept(CA, role::MSP, &certificate),
        &json!({}),
    );
    let config = file(&rendered, CONFIG);
    assert!(
        config.contains("  certfile: \"/etc/hyperledger/ca/tls-cert.pem\"\n  keyfile: \"/etc/hyperledger/ca/tls-key.pem\"\n"),
        "{config}"
    );
    let all = bound(&rendered);
    assert!(all.contains(&(
        "/etc/hyperledger/ca/tls-key.pem".to_owned(),
        "msp ca/ca.org1 tls-key".to_owned()
    )));
}

#[test]
fn options_reach_the_file_and_the_administrator_is_who_was_born() {
    let options = json!({
        "name": "ca-org1", "admin": "root", "expiry": "43800h", "tlsExpiry": "17520h", "maxEnrollments": 3,
    });
    let config = |host: &TestHost| file(&render(host, &options), CONFIG).to_owned();
    let text = config(&TestHost::new());
    for line in [
        "  name: \"ca-org1\"\n",
        "    - name: \"root\"\n",
        "    expiry: 43800h\n",
        "      expiry: 17520h\n",
        "  maxenrollments: 3\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    let born = [descriptor::text_item(ADMIN, "admin", false)];
    assert!(config(&TestHost::new().kept(CA, role::CA, &born)).contains("    - name: \"admin\"\n"));
}

/// What a run of the script left: what the server was given, or what was complained of.
struct Run {
    folder: tempfile::TempDir,
    output: std::process::Output,
}

fn start(password: &str, before: impl Fn(&std::path::Path)) -> Run {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("start.sh"), include_str!("start.sh")).unwrap();
    fs::write(at("template"), "pass: \"%CA_ADMIN_PASSWORD%\"\nend: \\n %s").unwrap();
    fs::create_dir(at("memory")).unwrap();
    let server = "#!/bin/sh\necho \"$*\"\nenv\ncat \"$FABRIC_CA_SERVER_HOME/fabric-ca-server-config.yaml\"\n";
    fs::write(at("server"), server).unwrap();
    fs::set_permissions(at("server"), fs::Permissions::from_mode(0o755)).unwrap();
    before(folder.path());
    let mut command = std::process::Command::new("sh");
    command
        .arg(at("start.sh"))
        .env("CA_ADMIN_PASSWORD", password);
    for (name, file) in [
        ("CA_TEMPLATE", "template"),
        ("CA_MEMORY", "memory"),
        ("FABRIC_CA_SERVER_HOME", "home"),
        ("CA_SERVER", "server"),
    ] {
        command.env(name, at(file));
    }
    let output = command.output().unwrap();
    Run { folder, output }
}

#[test]
fn the_script_puts_the_password_in_and_leaves_none_on_the_volume_or_in_the_environment() {
    use std::fs;
    let run = start("5ec4e7", |_| ());
    let at = |name: &str| run.folder.path().join(name);
    let told = String::from_utf8(run.output.stdout).unwrap();
    assert!(told.starts_with("start\n"), "{told}");
    assert!(told.ends_with("pass: \"5ec4e7\"\nend: \\n %s\n"), "{told}");
    assert!(!told.contains("CA_ADMIN_PASSWORD"), "{told}");
    for (link, target) in [
        (
            "home/fabric-ca-server-config.yaml",
            "memory/fabric-ca-server-config.yaml",
        ),
        ("home/msp", "memory/msp"),
        (
            "memory/msp/keystore/IssuerSecretKey",
            "home/idemix/IssuerSecretKey",
        ),
    ] {
        assert_eq!(fs::read_link(at(link)).unwrap(), at(target), "{link}");
    }
}

#[test]
fn the_script_starts_again_on_a_volume_of_its_own_and_stops_where_it_cannot_be_right() {
    use std::fs;
    let again = start("5ec4e7", |folder| {
        fs::create_dir_all(folder.join("home/idemix")).unwrap();
        std::os::unix::fs::symlink("/gone", folder.join("home/msp")).unwrap();
        std::os::unix::fs::symlink("/gone", folder.join("home/fabric-ca-server-config.yaml"))
            .unwrap();
    });
    assert!(again.output.status.success(), "{:?}", again.output);
    for (password, foreign) in [("", false), ("5ec4e7", true)] {
        let run = start(password, |folder| {
            if foreign {
                fs::create_dir_all(folder.join("home/msp/keystore")).unwrap();
            }
        });
        assert!(!run.output.status.success());
        assert!(String::from_utf8_lossy(&run.output.stderr).starts_with("start.sh: "));
    }
}
