//! Files and bindings: where content lies, how it is mounted, who may have it.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_file_of_the_chain_is_there_once_and_a_file_of_a_node_with_the_node() {
    let all = done(&shape(5), parts(5));
    let shared: Vec<_> = names(&all)
        .into_iter()
        .filter(|n| n.starts_with("configmap/c-files-"))
        .collect();
    assert_eq!(shared.len(), 1);
    let object = find(&all, &shared[0]);
    assert_eq!(object["immutable"], true);
    assert_eq!(
        object["data"],
        json!({"vote.start.json": "{\"one\": \"for all\"}"})
    );
    for i in 0..5 {
        let set = find(&all, &format!("statefulset.apps/c-{i}"));
        assert_eq!(
            *mount(set, "net", "/etc/start.json"),
            json!({"name": "chain-shared-0", "mountPath": "/etc/start.json", "subPath": "vote.start.json", "readOnly": true})
        );
        assert_eq!(
            pod_volume(set, "chain-shared-0")["configMap"],
            json!({"name": shared[0].strip_prefix("configmap/").unwrap(), "items": [{"key": "vote.start.json", "path": "vote.start.json", "mode": 0o644}]})
        );
    }
}

#[test]
fn what_may_wait_has_a_fixed_name_and_rolls_nothing() {
    let with = |text: &str| {
        let parts = one(|p| {
            p.rendered.files.push(file("peers.json", text));
            p.rendered.bindings.push(Binding {
                on_change: Change::Wait,
                ..binding("net", "/etc/peers.json", "net", "node/0", "peers.json")
            });
        });
        done(&shape(1), parts)
    };
    let (before, after) = (with("[1]"), with("[1, 2]"));
    assert_eq!(
        find(&before, "statefulset.apps/c-0"),
        find(&after, "statefulset.apps/c-0")
    );
    let live = find(&after, "configmap/c-0-live");
    assert_eq!(
        (&live["data"]["net.peers.json"], &live["immutable"]),
        (&json!("[1, 2]"), &Value::Null)
    );
}

#[test]
fn what_rolls_changes_the_name_and_so_the_pod() {
    let with = |text: &str| {
        let parts = one(|p| p.rendered.files[0] = file("own.toml", text));
        done(&shape(1), parts)
    };
    assert_ne!(
        find(&with("a"), "statefulset.apps/c-0"),
        find(&with("b"), "statefulset.apps/c-0")
    );
}

#[test]
fn a_live_file_is_mounted_as_a_folder_of_its_own() {
    let live = |path: &str| {
        one(|p| {
            p.rendered.files.push(file("peers.json", "[]"));
            p.rendered.bindings.push(Binding {
                delivery: Delivery::Live,
                ..binding("net", path, "net", "node/0", "peers.json")
            });
        })
    };
    let all = done(&shape(1), live("/peers/peers.json"));
    let set = find(&all, "statefulset.apps/c-0");
    let at = mount(set, "net", "/peers");
    assert_eq!(at["subPath"], Value::Null);
    assert_eq!(
        pod_volume(set, at["name"].as_str().unwrap())["configMap"],
        json!({"name": "c-0-live", "items": [{"key": "net.peers.json", "path": "peers.json", "mode": 0o644}]})
    );
    // Within a volume, a folder of its own is fine; the volume's own folder is not.
    done(&shape(1), live("/data/peers/peers.json"));
    let problems = said(&shape(1), live("/data/peers.json"));
    assert!(problems[0].contains("it shares folder /data with the mount /data, so it would be mounted by subPath and never change"), "{problems:?}");
    assert!(
        said(&shape(1), live("/etc/peers.json"))[0]
            .contains("shares folder /etc with the mount /etc/start.json")
    );
}

#[test]
fn a_secret_item_is_mounted_from_the_vault_and_not_copied() {
    let mut shape = shape(1);
    with_kept(&mut shape, "net", "node/0", "key", vault("net.key"));
    let all = done(
        &shape,
        one(|p| {
            p.rendered
                .bindings
                .push(binding("net", "/keys/key", "net", "node/0", "key"));
        }),
    );
    let set = find(&all, "statefulset.apps/c-0");
    assert_eq!(
        *pod_volume(set, "chain-vault-0"),
        json!({"name": "chain-vault-0", "secret": {"secretName": "chain-c-node-0-v1", "items": [{"key": "net.key", "path": "net.key", "mode": 0o440}]}})
    );
    assert_eq!(mount(set, "net", "/keys/key")["subPath"], "net.key");
    assert_eq!(*mount(set, "vote", "/keys/key"), Value::Null);
    assert!(!names(&all).iter().any(|n| n.starts_with("secret/")));
}

#[test]
fn a_secret_of_another_role_needs_consent_and_of_another_node_is_never_given() {
    let mut shape = shape(2);
    with_kept(&mut shape, "vote", "node/0", "key", vault("vote.key"));
    let bind = |subject: &str| {
        let mut all = parts(2);
        let net = all
            .iter_mut()
            .find(|p| p.owner.role == "net" && p.subject == "node/0")
            .unwrap();
        net.rendered
            .bindings
            .push(binding("net", "/keys/key", "vote", subject, "key"));
        all
    };
    assert_eq!(
        said(&shape, bind("node/0")),
        [
            "node/0: plugin net binds key of vote (node/0) to /keys/key in container net: key is a secret of role vote, which does not share it with role net"
        ]
    );
    shape.consents.insert(Consent {
        maker: "vote".to_owned(),
        taker: "net".to_owned(),
        item: "key".to_owned(),
    });
    done(&shape, bind("node/0"));
    with_kept(&mut shape, "vote", "node/1", "key", vault("vote.key"));
    assert!(said(&shape, bind("node/1"))[0].ends_with("key is a secret of node/1"));
}

#[test]
fn public_items_of_other_roles_are_copied_and_a_wrong_name_says_what_there_is() {
    let mut shape = shape(1);
    with_kept(
        &mut shape,
        "vote",
        "node/0",
        "address",
        KeptPlace::Public(b"0x1".to_vec()),
    );
    let bind = |name: &str| {
        one(|p| {
            p.rendered
                .bindings
                .push(binding("net", "/x", "vote", "node/0", name));
        })
    };
    let all = done(&shape, bind("address"));
    assert!(
        all.objects
            .iter()
            .any(|o| o.value["data"]["vote.address"] == "0x1")
    );
    assert!(
        said(&shape, bind("adress"))[0]
            .contains("role vote gave no adress about node/0; it gave address, own.toml")
    );
}

#[test]
fn a_tree_is_one_folder_of_public_and_secret_items() {
    let mut shape = shape(1);
    with_kept(
        &mut shape,
        "net",
        "node/0",
        "msp/keystore/sk",
        vault("net.msp-keystore-sk"),
    );
    with_kept(
        &mut shape,
        "net",
        "node/0",
        "msp/signcerts/cert.pem",
        KeptPlace::Public(b"cert".to_vec()),
    );
    let all = done(
        &shape,
        one(|p| {
            p.rendered
                .bindings
                .push(binding("net", "/msp", "net", "node/0", "msp/"));
        }),
    );
    let set = find(&all, "statefulset.apps/c-0");
    let name = mount(set, "net", "/msp")["name"].as_str().unwrap();
    let sources = pod_volume(set, name)["projected"]["sources"]
        .as_array()
        .unwrap();
    assert_eq!(
        sources[0]["configMap"]["items"][0]["path"],
        "signcerts/cert.pem"
    );
    assert_eq!(
        sources[1]["secret"]["items"][0],
        json!({"key": "net.msp-keystore-sk", "path": "keystore/sk", "mode": 0o440})
    );
}

#[test]
fn secret_bytes_go_into_a_secret_and_variables_name_their_object() {
    let all = done(
        &shape(1),
        one(|p| {
            p.rendered.files.push(File {
                secret: true,
                ..file("password", "hunter22")
            });
            p.rendered.bindings.push(Binding {
                target: Target::Env("PASSWORD".to_owned()),
                ..binding("net", "", "net", "node/0", "password")
            });
        }),
    );
    let secret = all.objects.iter().find(|o| o.kind() == "Secret").unwrap();
    assert_eq!(
        (&secret.value["type"], &secret.value["immutable"]),
        (&json!("Opaque"), &json!(true))
    );
    assert_eq!(secret.value["data"]["net.password"], "aHVudGVyMjI=");
    assert_eq!(
        container(find(&all, "statefulset.apps/c-0"), "net")["env"],
        json!([{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": secret.name(), "key": "net.password"}}}])
    );
}

#[test]
fn seeds_stand_in_the_manifest_of_the_init_container() {
    let mut shape = shape(1);
    with_kept(&mut shape, "net", "node/0", "kms.db", vault("net.kms.db"));
    let parts = one(|p| {
        p.rendered.files.push(File {
            content: Content::Directory,
            mode: 0o750,
            ..file("logs", "")
        });
        p.rendered.files.push(File {
            content: Content::Kept(Ref {
                role: "net".to_owned(),
                instance: "net".to_owned(),
                subject: "node/0".to_owned(),
                name: "kms.db".to_owned(),
            }),
            mode: 0o600,
            ..file("db", "")
        });
        p.rendered.files.push(file("config.xml", "<x/>"));
        p.rendered.bindings.extend([
            volume("net", "/state", "data", "state"),
            binding("net", "/data/logs", "net", "node/0", "logs"),
            Binding {
                delivery: Delivery::SeedOnce,
                ..binding("net", "/state/kms.db", "net", "node/0", "db")
            },
            Binding {
                delivery: Delivery::SeedStart,
                ..binding(
                    "net",
                    "/data/config/config.xml",
                    "net",
                    "node/0",
                    "config.xml",
                )
            },
        ]);
    });
    let manifest = |all: &Assembled| {
        all.objects
            .iter()
            .find_map(|o| {
                o.value["data"]["chain.manifest"]
                    .as_str()
                    .map(str::to_owned)
            })
            .unwrap()
    };
    let all = done(&shape, parts_clone(&parts));
    let uid = &shape.uid;
    assert_eq!(
        manifest(&all),
        format!(
            "pod\tc-0-0\nchain\t{uid}\nsubject\tnode/0\nvolume\t/chain/volumes/data\n\
             dir\t0750\t/chain/volumes/data/logs\ndir\t0755\t/chain/volumes/data/state\n\
             start\t0644\t/chain/sources/0\t/chain/volumes/data/config/config.xml\n\
             once\t0600\t/chain/sources/1\t/chain/volumes/data/state/kms.db\n"
        )
    );
    let set = find(&all, "statefulset.apps/c-0");
    assert_eq!(
        mount(set, "chain-init", "/chain/sources/1")["subPath"],
        "net.kms.db"
    );
    assert_eq!(
        *mount(set, "chain-init", "/chain/volumes/data"),
        json!({"name": "data", "mountPath": "/chain/volumes/data"})
    );
    assert_eq!(mount(set, "net", "/state")["subPath"], "state");

    // On a claim that all share, each subject has its folder.
    let keys = HostKeys {
        storage: Storage {
            claim: Some("local-pvc".to_owned()),
            ..Storage::default()
        },
        ..HostKeys::default()
    };
    shape.keys.insert("node/0".to_owned(), keys);
    let all = done(&shape, parts);
    assert!(
        manifest(&all).contains("volume\t/chain/volumes/data/stack/c/node0\n"),
        "{}",
        manifest(&all)
    );
    let set = find(&all, "statefulset.apps/c-0");
    assert_eq!(mount(set, "net", "/data")["subPath"], "stack/c/node0");
    assert_eq!(
        mount(set, "net", "/state")["subPath"],
        "stack/c/node0/state"
    );
    assert_eq!(
        pod_volume(set, "data")["persistentVolumeClaim"]["claimName"],
        "local-pvc"
    );
    assert!(
        !names(&all)
            .iter()
            .any(|n| n.starts_with("persistentvolumeclaim/"))
    );
}

#[test]
fn a_seed_needs_a_volume_and_a_binding_its_own_container() {
    let seed = one(|p| {
        p.rendered.bindings.push(Binding {
            delivery: Delivery::SeedOnce,
            ..binding("net", "/elsewhere/x", "net", "node/0", "own.toml")
        });
    });
    assert!(
        said(&shape(1), seed)[0]
            .ends_with("a file is seeded onto a volume, and none is bound there")
    );
    let other = one(|p| {
        p.rendered
            .bindings
            .push(binding("vote", "/x", "net", "node/0", "own.toml"));
    });
    assert!(said(&shape(1), other)[0].ends_with("plugin net renders no such container"));
}
