//! A `kms.db` that `SQLite` reads and the password opens; passwords that would not do.

use super::*;
use chain_plugin_sdk::serde_json::{Value, from_str};
use chain_plugin_sdk::{Item, Source, Subject, Target, TestHost};
use cita_cloud_formats::kms::{Generation, Password};

fn subject(id: &str, kind: &str) -> Subject {
    Subject {
        id: id.to_owned(),
        kind: kind.to_owned(),
        name: String::new(),
        parent: Some("chain".to_owned()),
        ordinal: 0,
        born_ms: 0,
        foreign: false,
        cluster: String::new(),
        namespace: "default".to_owned(),
        workload: None,
        endpoints: Vec::new(),
        folder: String::new(),
        extra: "{}".to_owned(),
    }
}

fn kms() -> Kms {
    Kms::open(Topology {
        chain: "c".to_owned(),
        stack: "cita-cloud".to_owned(),
        release: "v4.0.0".to_owned(),
        subjects: vec![
            subject("node/node0", "node"),
            subject("account/super-admin", "account"),
        ],
        host_features: Vec::new(),
        extra: "{}".to_owned(),
    })
    .unwrap()
}

fn provision(id: &str, options: &Value, host: &TestHost) -> Result<Provisioned, Diagnostics> {
    let call = TestHost::call(id, "kms", options, &[]);
    kms().provision(&host.at(&call))
}

fn item<'a>(items: &'a [Item], name: &str) -> &'a Item {
    items.iter().find(|item| item.name == name).unwrap()
}

#[test]
fn the_database_is_sqlite_and_the_password_opens_it() {
    let options = json!({"password": "123456\n"});
    let born = provision("node/node0", &options, &TestHost::new()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kms.db");
    std::fs::write(&path, &item(&born.keep, "kms.db").bytes).unwrap();
    let db = rusqlite::Connection::open(path).unwrap();
    let sound: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    let (public, encrypted): (Vec<u8>, Vec<u8>) = db
        .query_row(
            "SELECT pubkey, privkey FROM account WHERE id = 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let password = Password::parse("123456").unwrap();
    let (public, encrypted): ([u8; 64], [u8; 32]) =
        (public.try_into().unwrap(), encrypted.try_into().unwrap());
    assert!(password.opens(Generation::V4, &encrypted, &public));
    assert_eq!(item(&born.keep, "key_file").bytes, b"123456");
    let facts: Value = from_str(&born.facts).unwrap();
    assert_eq!(
        facts["address"],
        cita_cloud_formats::address::Address::of_sm2_public_key(&public).to_string()
    );
}

#[test]
fn what_is_secret_is_marked_so_and_files_have_no_newline() {
    let born = provision("node/node0", &json!({}), &TestHost::new()).unwrap();
    let secret: Vec<(&str, bool)> = born
        .keep
        .iter()
        .map(|it| (it.name.as_str(), it.secret))
        .collect();
    assert_eq!(
        secret,
        [
            ("kms.db", true),
            ("key_file", true),
            ("key_id", false),
            ("node_address", false)
        ]
    );
    assert_eq!(item(&born.keep, "key_id").bytes, b"1");
    assert_eq!(item(&born.keep, "node_address").bytes.len(), 42);
    assert_eq!(
        item(&born.keep, "key_file").bytes.len(),
        48,
        "a strong password of its own"
    );
}

#[test]
fn passwords_that_would_not_do_are_refused_at_their_place() {
    for (password, said) in [
        ("", "empty"),
        (" \n", "empty"),
        (" 123456", "begins with white space"),
    ] {
        let options = json!({"password": password});
        let refused = provision("node/node0", &options, &TestHost::new()).unwrap_err();
        assert_eq!(refused[0].path, "/password");
        assert!(refused[0].message.contains(said), "{}", refused[0].message);
    }
}

#[test]
fn an_account_is_born_once_and_has_no_port() {
    let id = "account/super-admin";
    let born = provision(id, &json!({}), &TestHost::new()).unwrap();
    let facts: Value = from_str(&born.facts).unwrap();
    assert_eq!(
        (facts["keyId"].as_u64(), facts.get("grpcPort")),
        (Some(1), None)
    );
    let public: Vec<Item> = born
        .keep
        .iter()
        .filter(|item| !item.secret)
        .cloned()
        .collect();
    let host = TestHost::new().kept(id, "kms", &public);
    let again = provision(id, &json!({"password": "ignored"}), &host).unwrap();
    assert_eq!((again.keep.len(), again.facts), (0, born.facts));
}

#[test]
fn a_host_without_entropy_makes_no_weak_password() {
    struct Dry;
    impl chain_plugin_sdk::Host for Dry {
        fn log(&self, _: chain_plugin_sdk::HostLevel, _: &str) {}
        fn entropy(&self, _: u32) -> Vec<u8> {
            Vec::new()
        }
        fn facts(&self, _: &str, _: &str) -> Vec<(String, String)> {
            Vec::new()
        }
        fn kept(&self, _: &chain_plugin_sdk::Ref) -> Option<Vec<u8>> {
            None
        }
        fn state(&self, _: &str) -> Option<String> {
            None
        }
    }
    let call = TestHost::call("node/node0", "kms", &json!({}), &[]);
    assert!(
        kms()
            .provision(&At {
                call: &call,
                host: &Dry
            })
            .is_err()
    );
}

#[test]
fn the_database_is_copied_once_and_the_password_is_mounted() {
    let host = TestHost::new();
    let call = TestHost::call("node/node0", "kms", &json!({}), &[]);
    let rendered = kms().render(&host.at(&call)).unwrap();
    let delivery = |path: &str| {
        let target = Target::Path(path.to_owned());
        let binding = rendered
            .bindings
            .iter()
            .find(|it| it.target == target)
            .unwrap();
        let Source::File(of) = &binding.source else {
            panic!("a volume")
        };
        (of.name.clone(), binding.delivery)
    };
    assert_eq!(
        delivery("/data/kms.db"),
        ("kms.db".to_owned(), Delivery::SeedOnce)
    );
    assert_eq!(
        delivery("/kms/key_file"),
        ("key_file".to_owned(), Delivery::Mounted)
    );
    assert!(
        rendered.fragments[0]
            .body
            .contains(r#""--file","kms.db","--private","kms.db""#)
    );
}

#[test]
fn its_log_does_not_show_what_its_password_is_derived_to() {
    let level = Kms::descriptor().options["properties"]["logLevel"]["default"].clone();
    assert_eq!(level, "warn");
}
