//! `create` without a cluster: on paper, into a folder, and what is told when the input is bad.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::collections::BTreeMap;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

struct Place {
    home: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::cargo_bin("kubectl-chain").unwrap();
        command
            .args(line.split_whitespace())
            .current_dir(self.path())
            .env("HOME", self.path())
            .env("KUBECONFIG", self.path().join("none"))
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("CHAIN_KMS_PASSWORD");
        command
    }

    fn run(&self, line: &str) -> String {
        let output = self.command(line).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}\n{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The one message of a command that fails.
    fn refused(&self, line: &str, code: i32) -> String {
        let output = self.command(line).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{line}\n{said}");
        assert_eq!(said.matches("error:").count(), 1, "{said}");
        said
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }
}

fn objects(text: &str) -> Vec<Value> {
    let list: Value = serde_json::from_str(text).unwrap();
    list["items"].as_array().unwrap().clone()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                all.insert(
                    path.strip_prefix(folder).unwrap().display().to_string(),
                    std::fs::read(&path).unwrap(),
                );
            }
        }
    }
    all
}

#[test]
fn without_arguments_it_is_a_chain_of_three_nodes() {
    let place = Place::new();
    let names = place.run("create --dry-run=client -o name");
    let sets: Vec<&str> = names
        .lines()
        .filter(|name| name.starts_with("statefulset.apps/"))
        .collect();
    assert_eq!(
        sets,
        [
            "statefulset.apps/test-chain-0",
            "statefulset.apps/test-chain-1",
            "statefulset.apps/test-chain-2"
        ]
    );
}

#[test]
fn no_secret_stands_in_a_public_object() {
    let place = Place::new();
    place.write("pw", "a-password-of-my-own\n");
    let text = place.run("create --nodes 2 --kms-password-file pw --dry-run=client -o json");
    for object in objects(&text) {
        if object["kind"] != "Secret" {
            assert!(
                !object.to_string().contains("a-password-of-my-own"),
                "{}",
                object["metadata"]["name"]
            );
        }
    }
    let spec = place.run("create --kms-password-file pw --dry-run=client -o spec");
    assert!(!spec.contains("a-password-of-my-own"));
}

#[test]
fn the_spec_with_every_default_makes_the_same_chain() {
    let place = Place::new();
    let spec = place.run("create demo --nodes 2 --dry-run=client -o spec");
    place.write("chain.yaml", &spec);
    assert_eq!(
        place.run("create -f chain.yaml --dry-run=client -o spec"),
        spec
    );
    let names = |line: &str| place.run(line).replace(|c: char| c.is_ascii_hexdigit(), "");
    assert_eq!(
        names("create -f chain.yaml --dry-run=client -o name"),
        names("create demo --nodes 2 --dry-run=client -o name")
    );
}

#[test]
fn every_pod_meets_the_restricted_standard() {
    let place = Place::new();
    for object in objects(&place.run("create --nodes 1 --dry-run=client -o json")) {
        if object["kind"] != "StatefulSet" {
            continue;
        }
        let pod = &object["spec"]["template"]["spec"];
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["enableServiceLinks"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(
            pod["securityContext"]["seccompProfile"]["type"],
            "RuntimeDefault"
        );
        let containers = pod["containers"]
            .as_array()
            .unwrap()
            .iter()
            .chain(pod["initContainers"].as_array().unwrap());
        for container in containers {
            assert_eq!(
                container["securityContext"]["allowPrivilegeEscalation"], false,
                "{}",
                container["name"]
            );
            assert_eq!(
                container["securityContext"]["capabilities"]["drop"][0],
                "ALL"
            );
            assert!(
                container["image"].as_str().unwrap().contains(':'),
                "a tag is pinned"
            );
        }
    }
}

#[test]
fn a_folder_is_byte_identical_when_written_again_and_keeps_keys_when_it_grows() {
    let place = Place::new();
    place.run("create demo --nodes 2 --output-dir out");
    let first = files(&place.path().join("out"));
    for name in ["genesis.toml", "init_sys_config.toml", "config/config.xml"] {
        assert!(
            first.contains_key(&format!("cita-cloud/demo/{name}")),
            "{name} in {:?}",
            first.keys()
        );
    }
    for name in [
        "kms.db",
        "key_id",
        "node_address",
        "network-config.toml",
        "config/cert.pem",
        // Of the chain, and bound by the node: a copy, as its services see it.
        "genesis.toml",
        "init_sys_config.toml",
        "config/config.xml",
    ] {
        assert!(
            first.contains_key(&format!("cita-cloud/demo/node0/{name}")),
            "{name}"
        );
    }
    place.run("create demo --nodes 2 --output-dir out");
    assert!(files(&place.path().join("out")) == first);
    place.run("create demo --nodes 3 --output-dir out");
    let grown = files(&place.path().join("out"));
    for (name, bytes) in &first {
        if name.contains("kms.db") || name.contains("/vaults/") || name.ends_with("genesis.toml") {
            assert!(grown.get(name) == Some(bytes), "{name} changed");
        }
    }
    assert!(grown.contains_key("cita-cloud/demo/node2/kms.db"));
}

#[cfg(unix)]
#[test]
fn secrets_in_a_folder_are_for_the_owner_alone_or_apart() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.run("create demo --nodes 1 --output-dir out");
    let mode = |name: &str| {
        std::fs::metadata(place.path().join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("out/cita-cloud/demo/node0/kms.db"), 0o600);
    assert_eq!(mode("out/demo-secrets.yaml"), 0o600);
    place.run("create demo --nodes 1 --output-dir apart --no-secrets");
    let public = files(&place.path().join("apart"));
    assert!(public.contains_key("demo.yaml"));
    assert!(
        !public.keys().any(|name| name.contains("kms.db")
            || name.contains("secret")
            || name.contains("vault"))
    );
    assert!(
        files(&place.path().join("apart.secrets"))
            .keys()
            .any(|name| name.ends_with("node0/kms.db"))
    );
}

#[test]
fn the_database_of_the_kms_is_opened_by_sqlite_and_decrypts_to_the_address() {
    let place = Place::new();
    place.write("pw", "secret-of-mine\n");
    place.run("create demo --nodes 1 --kms-password-file pw --output-dir out");
    // Given once more it changes nothing, and that is said.
    place.write("other", "another-secret\n");
    let line = "apply demo --nodes 1 --kms-password-file other --output-dir out";
    let output = place.command(line).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("`password` changes nothing") && !said.contains("another"),
        "{said}"
    );
    let folder = place.path().join("out/cita-cloud/demo/node0");
    let database = rusqlite::Connection::open(folder.join("kms.db")).unwrap();
    let check: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    let (public, encrypted): (Vec<u8>, Vec<u8>) = database
        .query_row(
            "SELECT pubkey, privkey FROM account WHERE id = 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let password = cita_cloud_formats::kms::Password::parse("secret-of-mine\n").unwrap();
    let generation = cita_cloud_formats::kms::Generation::V4;
    let encrypted: [u8; 32] = encrypted.try_into().unwrap();
    let account = cita_cloud_formats::account::Account::from_private(
        &password.decrypt(generation, &encrypted),
    )
    .unwrap();
    assert_eq!(account.public().as_slice(), public);
    let address = std::fs::read_to_string(folder.join("node_address")).unwrap();
    assert_eq!(account.address().to_string(), address);
}

#[test]
fn a_slip_of_the_hand_is_met_with_the_nearest_name() {
    let place = Place::new();
    for (line, near) in [
        ("create --stack cita-clout --dry-run=client", "cita-cloud"),
        ("create --kms kms_sn --dry-run=client", "kms_sm"),
        ("create --release v4.0.1 --dry-run=client", "v4.0.0"),
    ] {
        let said = place.refused(line, 1);
        assert!(said.contains(near), "{line}: {said}");
    }
    assert!(
        place
            .refused("create --kms-pasword x --dry-run=client", 2)
            .contains("--kms-password")
    );
    assert!(
        place
            .refused("create --kms network_p2p --dry-run=client", 1)
            .contains("fills `network`")
    );
}

#[test]
fn a_file_is_refused_at_its_line() {
    let place = Place::new();
    let head = "apiVersion: chain.dev/v1alpha1\nkind: Chain\nmetadata: {name: demo}\nspec:\n";
    for (rest, wanted) in [
        ("  nodes: 0\n", ["chain.yaml:5:", "1 to 10000"]),
        ("  nodes: 10001\n", ["chain.yaml:5:", "1 to 10000"]),
        (
            "  services:\n    kmz: kms_sm\n",
            ["chain.yaml:6:", "did you mean `kms`"],
        ),
        (
            "  services:\n    kms: {options: {pasword: x}}\n",
            ["chain.yaml:6:", "password"],
        ),
        (
            "  services:\n    controller:\n      options:\n        blockInterval: soon\n",
            ["chain.yaml:8:", "blockInterval"],
        ),
        (
            "  services:\n    controller:\n      options: {blockDelayNumber: 1}\n",
            ["blockDelayNumber", "0"],
        ),
        (
            "  services:\n    kms:\n    - {name: a}\n    - {name: b}\n",
            ["chain.yaml:6:", "once is enough"],
        ),
        ("  services:\n    kms: none\n", ["chain.yaml:6:", "kms"]),
        (
            "  storage: {claim: cluster0_pvc}\n",
            ["chain.yaml:5:", "cluster0_pvc"],
        ),
        ("  colour: blue\n", ["chain.yaml:5:", "colour"]),
        (
            "  nodes:\n  - name: a\n  - name: a\n",
            ["chain.yaml:7:", "two nodes"],
        ),
        (
            "  clusters:\n    east: {context: east, namespace: A}\n",
            ["chain.yaml:6:", "clusters.east.namespace"],
        ),
        (
            "  nodes:\n  - name: a\n    cluster: east\n",
            ["chain.yaml:7:", "there is no cluster `east`"],
        ),
    ] {
        place.write("chain.yaml", &format!("{head}{rest}"));
        let said = place.refused("create -f chain.yaml --dry-run=client", 1);
        for part in wanted {
            assert!(said.contains(part), "{rest}: {said}");
        }
    }
    place.write("chain.yaml", "kind: Chain\nspec: [\n");
    assert!(
        place
            .refused("create -f chain.yaml --dry-run=client", 1)
            .contains("chain.yaml")
    );
    assert!(
        place
            .refused("create -f nowhere.yaml --dry-run=client", 1)
            .contains("cannot read nowhere.yaml")
    );
}

#[test]
fn names_that_kubernetes_refuses_are_refused_here() {
    let place = Place::new();
    assert!(
        place
            .refused("create Demo --dry-run=client", 1)
            .contains("lower-case")
    );
    let long = "a".repeat(41);
    assert!(
        place
            .refused(&format!("create {long} --dry-run=client"), 1)
            .contains("41 characters")
    );
}

#[test]
fn a_password_file_that_is_empty_missing_or_odd_is_told() {
    let place = Place::new();
    place.write("empty", "\n");
    place.write("odd", " leading\n");
    assert!(
        place
            .refused("create --kms-password-file empty --dry-run=client", 1)
            .contains("is empty")
    );
    assert!(
        place
            .refused("create --kms-password-file none --dry-run=client", 1)
            .contains("cannot read `none`")
    );
    assert!(
        place
            .refused("create --kms-password-file odd --dry-run=client", 1)
            .contains("white")
    );
    let output = place
        .command("create --kms-password on-the-line --dry-run=client -o name")
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--kms-password-file"));
}

#[test]
fn help_fits_and_shows_what_plugins_add() {
    let place = Place::new();
    let help = place.run("create --help");
    for flag in [
        "--kms <PLUGIN>",
        "--kms-password-file",
        "--super-admin",
        "Role kms",
        "kubectl chain create",
    ] {
        assert!(help.contains(flag), "{flag} in\n{help}");
    }
    for command in [
        "",
        "create",
        "apply",
        "get",
        "status",
        "logs",
        "run",
        "delete",
        "plugin",
        "completion",
        "version",
    ] {
        let help = place.run(&format!("{command} --help"));
        let wide: Vec<&str> = help
            .lines()
            .filter(|line| line.chars().count() > 80)
            .collect();
        assert!(wide.is_empty(), "{command}: {wide:#?}");
        assert!(help.contains("kubectl chain"), "{command}");
    }
}

#[test]
fn plugins_are_listed_and_shown() {
    let place = Place::new();
    let list = place.run("plugin list");
    assert!(
        list.lines().count() >= 8 && list.contains("kms_sm"),
        "{list}"
    );
    let info = place.run("plugin info kms_sm");
    assert!(
        info.contains("secret") && info.contains("citacloud/kms_sm:v4.0.0"),
        "{info}"
    );
    assert!(place.refused("plugin info kms_sn", 1).contains("kms_sm"));
}

#[test]
fn a_node_less_and_a_node_more_in_a_folder_is_the_same_node() {
    let place = Place::new();
    place.run("create x --nodes 3 --output-dir out");
    let before = files(&place.path().join("out"));
    place.run("create x --nodes 2 --output-dir out");
    let less = files(&place.path().join("out"));
    let sets = |files: &BTreeMap<String, Vec<u8>>| {
        let text = String::from_utf8_lossy(&files["x.yaml"]).into_owned();
        text.matches("kind: StatefulSet").count()
    };
    assert_eq!((sets(&before), sets(&less)), (3, 2));
    assert!(
        place
            .run("create x --nodes 2 --output-dir out")
            .contains("unchanged")
    );
    place.run("create x --nodes 3 --output-dir out");
    let again = files(&place.path().join("out"));
    for (path, bytes) in &before {
        let changes = path.starts_with("state/") && !path.contains("vaults/");
        assert!(changes || again.get(path) == Some(bytes), "{path}");
    }
}

#[test]
fn a_folder_never_gets_a_second_identity() {
    let place = Place::new();
    place.run("create z --nodes 1 --output-dir g --no-secrets");
    let public = files(&place.path().join("g"));
    let said = place.refused("create z --nodes 1 --output-dir g", 1);
    assert!(
        said.contains("with --no-secrets") && said.contains("pass it"),
        "{said}"
    );
    // As a fresh clone of what Git holds: the keys are elsewhere.
    std::fs::rename(place.path().join("g.secrets"), place.path().join("kept")).unwrap();
    let said = place.refused("create z --nodes 1 --output-dir g --no-secrets", 1);
    assert!(said.contains("its keys are not in"), "{said}");
    assert_eq!(files(&place.path().join("g")), public);
    std::fs::rename(place.path().join("kept"), place.path().join("g.secrets")).unwrap();
    place.run("create z --nodes 1 --output-dir g --no-secrets");

    place.run("create w --nodes 1 --output-dir h");
    let said = place.refused("create w --nodes 1 --output-dir h --no-secrets", 1);
    assert!(said.contains("without --no-secrets"), "{said}");
    let said = place.refused("create w --no-secrets --dry-run=client -o yaml", 2);
    assert!(said.contains("--output-dir"), "{said}");
}

#[test]
fn what_kubernetes_would_refuse_is_refused_before_it_is_asked() {
    let place = Place::new();
    let refused = |line: &str, said: &str| {
        let message = place.refused(&format!("create x --dry-run=client -o name {line}"), 1);
        assert!(message.contains(said), "{line}: {message}");
    };
    refused("-n Foo_Bar", "namespace `Foo_Bar`");
    refused("--storage-size 10G1", "storage.size `10G1`");
    refused("--storage-claim a --storage-size 1Gi", "one or the other");
    refused("--image-pull-secret B_AD", "pull secret `B_AD`");
    for (spec, said) in [
        (
            "services: {kms: {image: \"bad image\"}}",
            "chain.yaml:3: services.kms.image",
        ),
        (
            "services: {kms: {resources: {reqests: {cpu: 1}}}}",
            "expected requests, limits",
        ),
        (
            "services: {kms: {resources: {limits: {memory: 64Mb}}}}",
            "limits.memory `64Mb`",
        ),
        ("images: {pullPolicy: Alwys}", "images.pullPolicy `Alwys`"),
        (
            "storage: {accessModes: [ReadWriteOnze]}",
            "storage.accessModes `ReadWriteOnze`",
        ),
        (
            "services: {kms: {plugin: a}, kms: {plugin: b}}",
            "duplicate",
        ),
        ("services: {stack: {plugin: a}}", "`images` and `resources`"),
    ] {
        place.write(
            "chain.yaml",
            &format!("apiVersion: chain.dev/v1alpha1\nkind: Chain\nspec: {{{spec}}}\n"),
        );
        refused("-f chain.yaml", said);
    }
    place.write("chain.yaml", "");
    refused("-f chain.yaml", "holds no chain");
    refused("--controller-log-level inof", "did you mean `info`");
}

#[test]
fn the_image_of_the_stack_itself_can_be_set() {
    let place = Place::new();
    let image = "mirror.example/syncthing:1.27.0";
    place.write(
        "chain.yaml",
        &format!("apiVersion: chain.dev/v1alpha1\nkind: Chain\nspec:\n  services:\n    stack: {{images: {{syncthing: \"{image}\"}}}}\n"),
    );
    let all = place.run("create x -f chain.yaml --dry-run=client -o yaml");
    assert!(all.contains(image) && !all.contains("syncthing/syncthing:"));
    assert!(place.run("create x -f chain.yaml -o spec").contains(image));
    let plain = place.run("create x -o spec");
    assert!(plain.contains("syncthing"), "{plain}");
}

#[test]
fn manifests_of_several_clusters_are_files_of_their_own() {
    let place = Place::new();
    let chain = |cluster: &str| {
        format!(
            "apiVersion: chain.dev/v1alpha1
kind: Chain
metadata: {{name: wide}}
spec:
  expose: {{type: ClusterIP}}
  nodes: [{{host: a.example}}, {{cluster: {cluster}}}]
  clusters:
    west: {{context: far, namespace: blocks, host: b.example}}
"
        )
    };
    place.write("chain.yaml", &chain("west"));
    place.run("create -f chain.yaml --output-dir out");
    let file = |name: &str| std::fs::read_to_string(place.path().join("out").join(name)).unwrap();
    let (home, west) = (file("wide.yaml"), file("wide.west.yaml"));
    assert!(home.contains("name: wide-0\n") && !home.contains("name: wide-1\n"));
    assert!(west.contains("name: wide-1\n") && !west.contains("name: wide-0\n"));
    assert!(west.contains("chain.dev/cluster: west") && !home.contains("chain.dev/cluster"));
    assert!(!west.contains("namespace: default"));
    assert!(file("wide-secrets.yaml").contains("wide-vault-node-node0"));
    assert!(file("wide.west-secrets.yaml").contains("wide-vault-node-node1"));
    let peers = file("cita-cloud/wide/node0/network-config.toml");
    assert!(
        peers.contains("b.example") && peers.contains("40000"),
        "{peers}"
    );

    place.write("chain.yaml", &chain("wset"));
    let said = place.refused("create -f chain.yaml --output-dir other", 1);
    assert!(
        said.contains("chain.yaml:6") && said.contains("did you mean `west`?"),
        "{said}"
    );
}
