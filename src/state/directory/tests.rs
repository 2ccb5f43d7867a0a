//! Every store keeps the same promises; a folder keeps some more.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::state::lock::{Claim, LockError, acquire, fence, release};
use crate::state::memory::MemoryStore;
use crate::state::{Inventory, Phase};

fn head() -> Head {
    Head {
        schema: 1,
        minimum_host: "0.1.0".into(),
        uid: "u-1".into(),
        chain: "c".into(),
        stack: "s".into(),
        release: "r".into(),
        phase: Phase::Forming,
        subjects: BTreeMap::new(),
        next: BTreeMap::new(),
        born_ms: 1,
        revision: 0,
        clusters: BTreeMap::new(),
        fingerprint: None,
        group_kinds: BTreeSet::new(),
        claims: vec![],
        applied: 0,
        lock: None,
    }
}

fn vault(bytes: &[u8]) -> Vault {
    let item = KeptItem {
        bytes: bytes.to_vec(),
        secret: true,
        media: "text/plain".into(),
    };
    Vault {
        chain_uid: "u-1".into(),
        subject: "node-0".into(),
        version: 1,
        items: [(("kms".into(), "kms".into(), "key".into()), item)].into(),
    }
}

fn revision(number: u32, by: &str, public: &str) -> Revision {
    Revision {
        number,
        created_ms: 1,
        by: by.into(),
        tool: "t".into(),
        spec: json!({}),
        lock: BTreeMap::new(),
        public: public.into(),
        inventory: Inventory::new(),
    }
}

/// What every store promises.
async fn keeps_its_promises<S: Store>(store: &S) {
    let HeadCreation::Created(first) = store.create_head(&head()).await.unwrap() else {
        panic!("the name was free");
    };
    assert!(matches!(
        store.create_head(&head()).await.unwrap(),
        HeadCreation::Exists(_)
    ));
    let mut changed = head();
    changed.phase = Phase::Formed;
    let HeadPut::Written(second) = store.put_head(&changed, &first).await.unwrap() else {
        panic!("nobody else changed it");
    };
    assert_eq!(
        store.put_head(&head(), &first).await.unwrap(),
        HeadPut::Conflict
    );

    let first_vault = vault(b"KEY-ONE");
    let listed = VaultRef {
        name: "c-node-0-v1".into(),
        digest: first_vault.digest(),
    };
    assert_eq!(
        store
            .create_vault(Site::home("n"), &listed.name, &first_vault)
            .await
            .unwrap(),
        VaultCreation::Created
    );
    assert_eq!(
        store
            .create_vault(Site::home("n"), &listed.name, &vault(b"KEY-TWO"))
            .await
            .unwrap(),
        VaultCreation::Exists(Box::new(first_vault.clone()))
    );
    assert_eq!(
        store
            .read_vault(Site::home("n"), "node-0", &listed)
            .await
            .unwrap(),
        first_vault
    );
    let other = VaultRef {
        digest: vault(b"KEY-TWO").digest(),
        ..listed.clone()
    };
    assert!(matches!(
        store.read_vault(Site::home("n"), "node-0", &other).await,
        Err(StoreError::VaultDiffers { .. })
    ));
    let missing = VaultRef {
        name: "c-node-1-v1".into(),
        ..listed
    };
    assert!(matches!(
        store.read_vault(Site::home("n"), "node-1", &missing).await,
        Err(StoreError::VaultMissing { .. })
    ));

    let empty = store.write_public(&Public::default()).await.unwrap();
    let mut public = Public::default();
    public.facts.entry("node-0".into()).or_default();
    let full = store.write_public(&public).await.unwrap();
    assert_eq!(store.read_public(&full).await.unwrap(), public);
    for number in 1..=12 {
        let public = if number == 1 { &full } else { &empty };
        store
            .write_revision(&revision(number, "a", public))
            .await
            .unwrap();
    }
    store
        .write_revision(&revision(12, "b", &empty))
        .await
        .unwrap();
    assert_eq!(store.read_revision(12).await.unwrap().by, "b");
    changed.revision = 12;
    let HeadPut::Written(_) = store.put_head(&changed, &second).await.unwrap() else {
        panic!("nobody else changed it");
    };
    assert!(matches!(
        store.write_revision(&revision(12, "c", &empty)).await,
        Err(StoreError::RevisionTaken { .. })
    ));
    store.collect_revisions(12).await.unwrap();
    assert_eq!(store.list_revisions().await.unwrap(), (3..=12).collect());
    assert!(store.read_public(&full).await.is_err());
    assert!(store.read_public(&empty).await.is_ok());

    let claim = |holder: &str| Claim {
        holder: holder.into(),
        by: "somebody@host".into(),
        operation: "apply".into(),
    };
    acquire(store, &claim("a"), 1_000, 500).await.unwrap();
    assert!(matches!(
        acquire(store, &claim("b"), 1_499, 500).await,
        Err(LockError::Held { .. })
    ));
    acquire(store, &claim("b"), 1_500, 500).await.unwrap();
    assert!(fence(store, "a").await.is_err());
    fence(store, "b").await.unwrap();
    release(store, "b").await.unwrap();

    assert_eq!(store.delete_head(&second).await.unwrap(), HeadPut::Conflict);
    let last = store.load_head().await.unwrap().unwrap();
    assert!(matches!(
        store.delete_head(&last.version).await.unwrap(),
        HeadPut::Written(_)
    ));
    assert!(store.load_head().await.unwrap().is_none());
}

#[tokio::test]
async fn a_folder_keeps_the_promises_of_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = DirectoryStore::open(&folder.path().join("out"), "c").unwrap();
    keeps_its_promises(&store).await;
}

#[tokio::test]
async fn memory_keeps_the_promises_of_a_store() {
    keeps_its_promises(&MemoryStore::new("c")).await;
}

#[cfg(unix)]
#[tokio::test]
async fn vaults_are_for_the_owner_alone_and_open_folders_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("out");
    let store = DirectoryStore::open(&path, "c").unwrap();
    let _ = store
        .create_vault(Site::home("n"), "v", &vault(b"KEY"))
        .await
        .unwrap();
    assert_eq!(mode(&path.join("vaults")), 0o700);
    assert_eq!(mode(&path.join("vaults/v.json")), 0o600);
    assert_eq!(
        std::fs::read_dir(path.join("vaults")).unwrap().count(),
        1,
        "no temporary file is left"
    );

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = DirectoryStore::open(&path, "c").unwrap_err();
    assert!(matches!(error, StoreError::OpenFolder { .. }), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_not_followed() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("out");
    let store = DirectoryStore::open(&path, "c").unwrap();
    std::fs::write(parent.path().join("theirs.json"), "{}").unwrap();
    std::os::unix::fs::symlink("../theirs.json", path.join("head.json")).unwrap();
    assert!(store.load_head().await.is_err());
    std::fs::create_dir(parent.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", path.join("vaults")).unwrap();
    assert!(
        store
            .create_vault(Site::home("n"), "v", &vault(b"KEY"))
            .await
            .is_err()
    );
    assert!(
        store
            .create_vault(Site::home("n"), "../v", &vault(b"KEY"))
            .await
            .is_err()
    );
    std::os::unix::fs::symlink(&path, parent.path().join("link")).unwrap();
    assert!(DirectoryStore::open(&parent.path().join("link"), "c").is_err());
}
