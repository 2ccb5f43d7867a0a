//! What is remembered of a chain: heads, the lock, vaults, revisions.

use super::*;

#[tokio::test]
async fn exactly_one_of_many_creators_gets_the_name() {
    let connection = plane().namespace("claim").await;
    let mut racers = Vec::new();
    for number in 0..8 {
        let connection = connection.clone();
        racers.push(tokio::spawn(async move {
            let uid = format!("uid-{number}");
            let store = ClusterStore::new(&connection, "c", &uid, &connection.namespace);
            match store.create_head(&head("c", &uid)).await.unwrap() {
                HeadCreation::Created(_) => Ok(uid),
                HeadCreation::Exists(stored) => Err(stored.head.uid),
            }
        }));
    }
    let mut winners = Vec::new();
    let mut seen = BTreeSet::new();
    for racer in racers {
        match racer.await.unwrap() {
            Ok(uid) => winners.push(uid),
            Err(uid) => {
                seen.insert(uid);
            }
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(seen, winners.into_iter().collect());
}

#[tokio::test]
async fn a_stale_head_is_not_written_and_a_deleted_one_not_raised() {
    let connection = plane().namespace("stale").await;
    let store = ClusterStore::new(&connection, "c", UID, &connection.namespace);
    let HeadCreation::Created(first) = store.create_head(&head("c", UID)).await.unwrap() else {
        panic!("the name was free");
    };
    let mut changed = head("c", UID);
    changed.phase = Phase::Formed;
    changed.group_kinds = ["Service".to_owned(), "StatefulSet.apps".to_owned()].into();
    let HeadPut::Written(second) = store.put_head(&changed, &first).await.unwrap() else {
        panic!("nobody else changed it");
    };
    let mut other = head("c", UID);
    other.release = "v2".into();
    assert_eq!(
        store.put_head(&other, &first).await.unwrap(),
        HeadPut::Conflict
    );
    assert_eq!(store.load_head().await.unwrap().unwrap().head, changed);

    let map = get(&connection, "", "ConfigMap", "chain-c").await.unwrap();
    assert_eq!(
        labels::label(&map, labels::APPLYSET_ID),
        labels::applyset_id("c", &connection.namespace)
    );
    assert_eq!(
        labels::annotation(&map, labels::APPLYSET_GROUP_KINDS),
        "Service,StatefulSet.apps"
    );

    assert_eq!(store.delete_head(&first).await.unwrap(), HeadPut::Conflict);
    assert!(matches!(
        store.delete_head(&second).await.unwrap(),
        HeadPut::Written(_)
    ));
    assert_eq!(
        store.put_head(&changed, &second).await.unwrap(),
        HeadPut::Conflict
    );
    assert!(store.load_head().await.unwrap().is_none());
}

#[tokio::test]
async fn a_newer_hosts_head_is_read_and_not_written() {
    let connection = plane().namespace("newer").await;
    let store = ClusterStore::new(&connection, "c", UID, &connection.namespace);
    let mut newer = head("c", UID);
    newer.minimum_host = "99.0.0".into();
    let _ = store.create_head(&newer).await.unwrap();
    let stored = store.load_head().await.unwrap().unwrap();
    let mut mine = stored.head.clone();
    mine.minimum_host = "0.1.0".into();
    let error = store.put_head(&mine, &stored.version).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { .. }), "{error}");
    assert!(error.to_string().contains("99.0.0"), "{error}");
}

#[tokio::test]
async fn the_lock_keeps_others_out_until_it_expires() {
    let connection = plane().namespace("lock").await;
    let store = ClusterStore::new(&connection, "c", UID, &connection.namespace);
    let _ = store.create_head(&head("c", UID)).await.unwrap();
    let claim = |holder: &str| Claim {
        holder: holder.into(),
        by: format!("{holder}@host"),
        operation: "apply".into(),
    };
    acquire(&store, &claim("alice"), 1_000_000, 60_000)
        .await
        .unwrap();
    fence(&store, "alice").await.unwrap();
    let error = acquire(&store, &claim("bob"), 1_010_000, 60_000)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, LockError::Held { by, .. } if by == "alice@host"),
        "{error}"
    );
    assert!(
        error.to_string().contains("1970-01-01T00:17:40Z"),
        "{error}"
    );
    acquire(&store, &claim("bob"), 1_070_000, 60_000)
        .await
        .unwrap();
    assert!(fence(&store, "alice").await.is_err());
    release(&store, "alice").await.unwrap();
    fence(&store, "bob").await.unwrap();
    release(&store, "bob").await.unwrap();
    assert!(matches!(
        fence(&store, "bob").await,
        Err(LockError::Lost { .. })
    ));
}

#[tokio::test]
async fn a_vault_is_written_once_and_never_changes() {
    let connection = plane().namespace("vault").await;
    let namespace = connection.namespace.clone();
    let store = ClusterStore::new(&connection, "c", UID, &namespace);
    let first = vault("node-0", b"KEY-ONE");
    assert_eq!(
        store
            .create_vault(Site::home(&namespace), "c-node-0-v1", &first)
            .await
            .unwrap(),
        VaultCreation::Created
    );
    let second = vault("node-0", b"KEY-TWO");
    let VaultCreation::Exists(there) = store
        .create_vault(Site::home(&namespace), "c-node-0-v1", &second)
        .await
        .unwrap()
    else {
        panic!("a vault was overwritten");
    };
    assert_eq!(*there, first);

    let listed = VaultRef {
        name: "c-node-0-v1".into(),
        digest: first.digest(),
    };
    assert_eq!(
        store
            .read_vault(Site::home(&namespace), "node-0", &listed)
            .await
            .unwrap(),
        first
    );

    let wrong = VaultRef {
        digest: second.digest(),
        ..listed.clone()
    };
    let error = store
        .read_vault(Site::home(&namespace), "node-0", &wrong)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::VaultDiffers { .. }), "{error}");
    let error = store
        .read_vault(Site::home(&namespace), "node-1", &listed)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::VaultDiffers { .. }), "{error}");
    let missing = VaultRef {
        name: "c-node-9-v1".into(),
        ..listed.clone()
    };
    let error = store
        .read_vault(Site::home(&namespace), "node-9", &missing)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::VaultMissing { .. }), "{error}");
    assert!(error.to_string().contains("node-9") && error.hint().is_some());

    // The server itself refuses any change.
    let secret = kind("", "Secret");
    let mut changed = get(&connection, "", "Secret", "c-node-0-v1").await.unwrap();
    assert_eq!(changed["type"], labels::VAULT_TYPE);
    changed["data"]["kms.key"] = json!("S0VZLVRXTw==");
    let error = connection
        .replace(&secret, &namespace, "c-node-0-v1", &changed)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("immutable"), "{error}");

    // A viewer is told what he may not, never that the key is not there.
    let viewer = plane().user(&connection, "vera", "view").await;
    let store = ClusterStore::new(&viewer, "c", UID, &namespace);
    let error = store
        .read_vault(Site::home(&namespace), "node-0", &listed)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::VaultUnreadable { .. }),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("kind: Role"));
}

#[tokio::test]
async fn revisions_in_parts_come_back_and_ten_are_kept() {
    let connection = plane().namespace("rev").await;
    let store = ClusterStore::new(&connection, "c", UID, &connection.namespace);
    let _ = store.create_head(&head("c", UID)).await.unwrap();
    // Larger than one object: text that does not compress well.
    let mut public = Public::default();
    let mut noise: u64 = 7;
    for node in 0..2_000 {
        let mut text = String::new();
        for _ in 0..64 {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            text.push_str(&format!("{noise:016x}"));
        }
        public
            .facts
            .entry(format!("node-{node}"))
            .or_default()
            .insert("client".into(), json!({ "text": text }));
    }
    let large = store.write_public(&public).await.unwrap();
    assert_eq!(
        store.write_public(&public).await.unwrap(),
        large,
        "twice is no fault"
    );
    assert_eq!(store.read_public(&large).await.unwrap(), public);
    let small = store.write_public(&Public::default()).await.unwrap();

    let revision = |number: u32, by: &str| Revision {
        number,
        created_ms: 1,
        by: by.into(),
        tool: "t".into(),
        spec: json!({"nodes": number}),
        lock: BTreeMap::new(),
        public: if number == 1 {
            large.clone()
        } else {
            small.clone()
        },
        inventory: Inventory::new(),
    };
    for number in 1..=12 {
        store.write_revision(&revision(number, "a")).await.unwrap();
    }
    // What a run left that stopped before it moved the head is replaced; what the head knows is not.
    store.write_revision(&revision(12, "b")).await.unwrap();
    assert_eq!(store.read_revision(12).await.unwrap().by, "b");
    let stored = store.load_head().await.unwrap().unwrap();
    let mut moved = stored.head.clone();
    moved.revision = 12;
    let _ = store.put_head(&moved, &stored.version).await.unwrap();
    let error = store.write_revision(&revision(12, "c")).await.unwrap_err();
    assert!(matches!(error, StoreError::RevisionTaken { .. }), "{error}");

    store.collect_revisions(12).await.unwrap();
    assert_eq!(store.list_revisions().await.unwrap(), (3..=12).collect());
    assert!(matches!(
        store.read_public(&large).await,
        Err(StoreError::Missing { .. })
    ));
    store.read_public(&small).await.unwrap();
    assert!(matches!(
        store.read_revision(2).await,
        Err(StoreError::Missing { .. })
    ));
}

fn node_in(namespace: &str) -> Remembered {
    Remembered {
        kind: "node".into(),
        namespace: namespace.into(),
        ..Remembered::default()
    }
}

/// A head with one subject in each of these namespaces.
fn spread(chain: &str, uid: &str, namespaces: &[&str]) -> Head {
    let subjects = namespaces.iter().enumerate();
    Head {
        subjects: subjects
            .map(|(number, namespace)| (format!("node/{number}"), node_in(namespace)))
            .collect(),
        ..head(chain, uid)
    }
}

fn kinds(kinds: &[&str]) -> BTreeSet<String> {
    kinds.iter().map(|kind| (*kind).to_owned()).collect()
}

async fn version(connection: &Connection) -> String {
    let map = get(connection, "", "ConfigMap", "chain-c").await.unwrap();
    map["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_signpost_stands_in_each_place_but_the_home_and_is_mended() {
    let home = plane().namespace("home").await;
    let place = plane().namespace("place").await;
    let head = spread("c", UID, &[&home.namespace, &place.namespace]);
    let store = || ClusterStore::new(&home, "c", UID, &home.namespace).at_home("n-1");
    let of = |of: &[&str]| {
        let mut places = places(&head, []);
        places.insert(Site::home(&place.namespace), kinds(of));
        places
    };
    let wanted = of(&["Service", "StatefulSet.apps"]);
    let first = store();
    assert!(!first.is_marked(&head, &wanted).await.unwrap());
    first.mark(&head, &wanted).await.unwrap();
    assert!(get(&home, "", "ConfigMap", "chain-c").await.is_none());
    let map = get(&place, "", "ConfigMap", "chain-c").await.unwrap();
    assert_eq!(labels::label(&map, labels::RECORD), "signpost");
    assert_eq!(
        labels::label(&map, labels::APPLYSET_ID),
        labels::applyset_id("c", &place.namespace)
    );
    let text = map["data"]["signpost.json"].as_str().unwrap();
    let shown: Value = serde_json::from_str(text).unwrap();
    assert_eq!(
        shown,
        json!({
            "schema": 1, "minimumHost": "0.1.0", "uid": UID, "chain": "c", "stack": "stack",
            "home": {"namespace": home.namespace, "uid": "n-1"},
            "groupKinds": ["Service", "StatefulSet.apps"],
        })
    );

    // What is there is left alone, also by somebody who may not read the home's namespace.
    let was = version(&place).await;
    let again = store().at_home("");
    again.mark(&head, &wanted).await.unwrap();
    assert!(again.is_marked(&head, &wanted).await.unwrap());
    assert_eq!(version(&place).await, was);
    // What differs is mended: its kinds, or what somebody wrote into it.
    store().mark(&head, &of(&["Service"])).await.unwrap();
    let map = get(&place, "", "ConfigMap", "chain-c").await.unwrap();
    assert_eq!(
        labels::annotation(&map, labels::APPLYSET_GROUP_KINDS),
        "Service"
    );
    let mut broken = map.clone();
    broken["data"] = json!({"signpost.json": "{}"});
    let config_map = kind("", "ConfigMap");
    place
        .replace(&config_map, &place.namespace, "chain-c", &broken)
        .await
        .unwrap();
    assert!(!store().is_marked(&head, &of(&["Service"])).await.unwrap());
    // Whoever has looked before writes by what is there now.
    first.mark(&head, &of(&["Service"])).await.unwrap();
    assert!(store().is_marked(&head, &of(&["Service"])).await.unwrap());

    // It leads home, and is no head.
    let _ = store().create_head(&head).await.unwrap();
    let here = ClusterStore::new(&place, "c", "", &place.namespace);
    let Err(StoreError::NotHome { signpost, .. }) = here.load_head().await else {
        panic!("it was taken for a head");
    };
    let (there, found) = home_of(&place, &signpost).await.unwrap();
    assert_eq!((&there.namespace, &found.uid), (&home.namespace, &head.uid));

    let purged = purge_records(&place, "", "c", UID, &place.namespace, &Quiet).await;
    assert_eq!(purged.unwrap(), 1);
    assert!(get(&place, "", "ConfigMap", "chain-c").await.is_none());
}

#[tokio::test]
async fn a_place_of_another_is_refused_and_its_owner_named() {
    let home = plane().namespace("mine").await;
    let place = plane().namespace("theirs").await;
    let head = spread("c", UID, &[&place.namespace]);
    let wanted = places(&head, []);
    let refused = async || {
        let store = ClusterStore::new(&home, "c", UID, &home.namespace);
        let looked = store.is_marked(&head, &wanted).await.unwrap_err();
        let marked = store.mark(&head, &wanted).await.unwrap_err();
        assert_eq!(looked.to_string(), marked.to_string());
        format!("{looked}\nhint: {}", looked.hint().unwrap())
    };

    let other = ClusterStore::new(&home, "c", "u-2", "elsewhere");
    let others = spread("c", "u-2", &[&place.namespace]);
    other.mark(&others, &places(&others, [])).await.unwrap();
    let said = refused().await;
    assert_eq!(
        said,
        format!(
            "chain \"c\" cannot have a place in namespace \"{}\": configmap \"chain-c\" there marks a place of another chain \"c\", whose home is namespace \"elsewhere\"\nhint: give this chain another name, or delete the other: kubectl chain delete c -n elsewhere",
            place.namespace
        )
    );
    purge_records(&place, "", "c", "u-2", &place.namespace, &Quiet)
        .await
        .unwrap();

    let at_home = ClusterStore::new(&place, "c", "u-3", &place.namespace);
    let HeadCreation::Created(stands) =
        at_home.create_head(&super::head("c", "u-3")).await.unwrap()
    else {
        panic!("the name was free");
    };
    let said = refused().await;
    assert!(said.contains("is the head of another chain"), "{said}");
    assert!(said.contains(&format!("kubectl chain delete c -n {}", place.namespace)));
    let _ = at_home.delete_head(&stands).await.unwrap();

    let stranger = config_map(&place, "chain-c", "1");
    let config_map = kind("", "ConfigMap");
    place
        .create(&config_map, &place.namespace, &stranger)
        .await
        .unwrap();
    let said = refused().await;
    assert!(said.contains("is of no chain that can be told"), "{said}");
    assert!(said.contains("kubectl delete configmap chain-c"), "{said}");
}

#[tokio::test]
async fn of_many_chains_of_one_name_one_gets_the_place() {
    let place = plane().namespace("crowd").await;
    let mut racers = Vec::new();
    for number in 0..8 {
        let place = place.clone();
        racers.push(tokio::spawn(async move {
            // Two runs of each chain.
            let uid = format!("uid-{}", number / 2);
            let head = spread("c", &uid, &[&place.namespace]);
            let store = ClusterStore::new(&place, "c", &uid, &format!("home-{uid}"));
            match store.mark(&head, &places(&head, [])).await {
                Ok(()) => Some(uid),
                Err(StoreError::PlaceTaken { .. }) => None,
                Err(error) => panic!("{error}"),
            }
        }));
    }
    let mut winners = BTreeMap::new();
    for racer in racers {
        if let Some(uid) = racer.await.unwrap() {
            *winners.entry(uid).or_insert(0) += 1;
        }
    }
    let winners: Vec<_> = winners.into_iter().collect();
    assert!(matches!(winners.as_slice(), [(_, 2)]), "{winners:?}");
}

#[tokio::test]
async fn the_way_home_ends_where_the_signpost_is_wrong_or_may_not_be_followed() {
    let home = plane().namespace("shut").await;
    let place = plane().namespace("open").await;
    let head = spread("c", UID, &[&place.namespace]);
    let store = ClusterStore::new(&home, "c", UID, &home.namespace);
    store.mark(&head, &places(&head, [])).await.unwrap();
    let known = records(&place, Some(&place.namespace)).await.unwrap();
    let [(_, signpost)] = known.signposts.as_slice() else {
        panic!("{known:?}");
    };
    let gone = home_of(&place, signpost).await.unwrap_err();
    assert!(matches!(gone, ClusterError::HomeGone { .. }), "{gone}");
    let hint = gone.hint().unwrap();
    assert!(
        hint.contains("kubectl delete configmap chain-c -n open-"),
        "{hint}"
    );

    let _ = store.create_head(&head).await.unwrap();
    let user = plane().user(&place, "neighbour", "view").await;
    let closed = home_of(&user, signpost).await.unwrap_err();
    assert!(
        matches!(closed, ClusterError::HomeClosed { .. }),
        "{closed}"
    );
    assert!(closed.to_string().contains(&home.namespace), "{closed}");
    assert!(closed.hint().unwrap().contains("kind: Role"));
    for error in [&gone, &closed] {
        assert!(error.is_no_way_home());
    }
}
