//! Organisations in namespaces of their own: one command makes them, sees them and takes them away.

use std::collections::BTreeSet;

use kubectl_chain::cluster::object_api::ApiKind;
use kubectl_chain::cluster::request::{ListQuery, Preconditions};
use serde_json::Value;

use super::Operator;
use super::plane::plane;

async fn names(of: &Operator, group: &str, kind: &str, namespace: &str) -> Vec<String> {
    let kind = ApiKind::known(group, kind).unwrap();
    let query = ListQuery {
        labels: "chain.dev/chain",
        ..ListQuery::default()
    };
    let all = of.admin.list(&kind, namespace, query).await.unwrap();
    let mut names: Vec<String> = all
        .iter()
        .map(|it| it["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// The same operator, standing in another namespace.
fn at(of: &Operator, namespace: &str) -> Operator {
    Operator {
        admin: of.admin.in_namespace(namespace),
        kubeconfig: of.kubeconfig.clone(),
        home: tempfile::tempdir().unwrap(),
    }
}

/// What `chain-net` says in a namespace.
async fn signpost(of: &Operator, namespace: &str) -> Option<Value> {
    let kind = ApiKind::known("", "ConfigMap").unwrap();
    let map = of.admin.get(&kind, namespace, "chain-net").await.unwrap()?;
    serde_json::from_str(map["data"]["signpost.json"].as_str()?).unwrap()
}

/// Commands that are typed where an organisation lives.
async fn the_way_home(one: &Operator, other: &Operator) {
    let home = &one.admin.namespace;
    let here = at(one, "nsa");
    for namespace in ["nsa", "nsb", "nso"] {
        let said = signpost(one, namespace).await.unwrap();
        assert_eq!(said["home"]["namespace"], home.as_str());
        assert!(said["home"]["uid"].is_string() && said["home"]["context"].is_null());
        let kinds = said["groupKinds"].to_string();
        assert!(kinds.contains("StatefulSet.apps"), "{kinds}");
    }
    assert!(signpost(one, home).await.is_none(), "the head is there");

    // Lists.
    let shown = here.run("get");
    let way = format!("home: -n {home}");
    assert!(shown.contains("net") && shown.contains(&way), "{shown}");
    assert_eq!(here.run("get -o name").trim(), "chain/net");
    let (code, document, said) = here.output("get net -o yaml");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        document.contains(&format!("namespace: {home}")),
        "{document}"
    );
    assert!(document.contains("stack: fabric"), "{document}");
    let all = here.run("get -A --no-headers");
    let ours = [home.as_str(), "nsa", "nsb", "nso"];
    let places = all.lines().filter_map(|it| it.split_whitespace().next());
    let places: Vec<&str> = places.filter(|it| ours.contains(it)).collect();
    assert_eq!(places, [home.as_str()], "{all}");

    // Looks: all of the chain from its home, and one's own node without it.
    let note = format!("net is at home in namespace {home}");
    for line in ["status", "status net"] {
        let (code, shown, said) = here.output(line);
        assert!(code == Some(0) && said.contains(&note), "{line}: {said}");
        assert!(shown.contains("5/5 nodes ready"), "{line}: {shown}");
        assert!(shown.contains("formed"), "{line}: {shown}");
    }
    let (code, lines, said) = here.output("logs peer0");
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(lines.contains("net-peer0-0"), "{lines}");
    let (code, lines, said) = here.output("logs peer0.nsb");
    assert!(code == Some(0) && said.contains(&note), "{said}");
    assert!(lines.contains("net-peer0-0"), "{lines}");

    // Operations and changes.
    let (code, shown, said) = here.output("run");
    assert!(code == Some(0) && said.contains(&note), "{said}");
    assert!(shown.contains("channel-create"), "{shown}");
    here.run("run --chain net");
    here.run("stop peer0.nsb --chain net");
    here.run("start peer0.nsb");
    one.run("apply net --wait");
    let said = here.fails("stop --all");
    let typed = format!("kubectl chain stop --all --chain net -n {home}");
    assert!(said.contains(&typed), "{said}");
    let said = here.fails("delete net -y --purge");
    let typed = format!("kubectl chain delete net --purge -n {home}");
    assert!(said.contains(&typed), "{said}");
    let said = here.fails("create net --stack fabric --peers 1");
    assert!(said.contains("another chain `net` has a place"), "{said}");
    assert!(said.contains(home.as_str()), "{said}");

    // Another chain of that name: refused before anything is written.
    let said = other.fails("create net --stack fabric --orgs nsa,nsfree --orderer-org nsother");
    assert!(
        said.contains("chain \"net\" cannot have a place in namespace \"nsa\"")
            && said.contains(&format!("kubectl chain delete net -n {home}")),
        "{said}"
    );
    let kind = ApiKind::known("", "Namespace").unwrap();
    let made = other.admin.get(&kind, "", "nsfree").await.unwrap();
    assert!(made.is_none(), "it was made before the refusal");
    assert_eq!(other.run("get -o name"), "");

    // Whoever has rights in one place alone sees what is there, and is told what lies behind it.
    plane()
        .user(&one.admin.in_namespace("nsa"), "neighbour", "view")
        .await;
    let closed = format!("namespace \"{home}\", which you may not look into");
    let (code, shown, said) = here.output("status net --as neighbour");
    assert!(code == Some(0) && said.contains(&closed), "{said}");
    assert!(shown.contains("1/1 nodes ready"), "{shown}");
    here.run("logs peer0 --as neighbour");
    let (_, _, said) = here.output("logs --as neighbour");
    assert!(said.contains(&closed), "{said}");
    for line in ["run", "apply net --peers 2", "get net -o yaml"] {
        let said = here.fails(&format!("{line} --as neighbour"));
        assert!(said.contains(&closed), "{line}: {said}");
    }

    // What somebody took away is there again after an apply that changes nothing else.
    let map = ApiKind::known("", "ConfigMap").unwrap();
    let any = Preconditions::default();
    let gone = one.admin.delete(&map, "nsb", "chain-net", &any).await;
    gone.unwrap();
    let again = one.run("apply net");
    assert!(
        again.lines().all(|line| line.ends_with(" unchanged")),
        "{again}"
    );
    assert!(signpost(one, "nsb").await.is_some());
}

/// All objects of the chain in its namespaces, by kind and name, with the names of the organisations taken out.
async fn picture(of: &Operator, namespaces: &[&str]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for namespace in namespaces {
        for (group, kind) in [
            ("apps", "StatefulSet"),
            ("", "Service"),
            ("", "Secret"),
            ("", "PersistentVolumeClaim"),
        ] {
            for name in names(of, group, kind, namespace).await {
                // The name of a vault ends with a hash of its subject's, and that has the organisation's in it.
                let parts = name.rsplitn(3, '-').last().filter(|_| kind == "Secret");
                let name = parts.unwrap_or(&name);
                all.insert(format!("{kind}/{name}").replace(namespace, "NAMESPACE"));
            }
        }
        let said = signpost(of, namespace).await.unwrap();
        all.insert(format!(
            "{} {}",
            said["home"]["namespace"], said["groupKinds"]
        ));
    }
    let home = &of.admin.namespace;
    all.iter()
        .map(|it| it.replace(home.as_str(), "HOME"))
        .collect()
}

#[cfg(feature = "crash-points")]
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_stopped_among_the_places_is_finished_by_the_next() {
    let line = |it: &str| {
        format!("create net --stack fabric --orgs {it}p --orderer-org {it}o --peers 1 --orderers 1")
    };
    let whole = Operator::new(plane(), "wholeplaces").await;
    let counted = whole.home.path().join("points");
    let mut command = whole.command(&line("cw"));
    let done = command.env("CHAIN_CRASH_COUNT", &counted).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let wanted = picture(&whole, &["cwp", "cwo"]).await;
    // Namespaces, head, signposts, and the first of the vaults.
    let points = std::fs::read_to_string(&counted).unwrap();
    let posts: Vec<usize> = points
        .lines()
        .enumerate()
        .filter(|(_, it)| it.contains("POST cw") && it.contains("chain-net"))
        .map(|(number, _)| number + 1)
        .collect();
    assert_eq!(posts.len(), 4, "{points}");
    let head = points.lines().position(|it| it.contains("chain-net"));
    let vault = points.lines().position(|it| it.contains("-vault-"));
    let (head, vault) = (head.unwrap() + 1, vault.unwrap() + 1);
    assert!(
        posts.iter().all(|at| head < *at && *at < vault),
        "the head, the places, the vaults: {points}"
    );
    for at in 1..=vault + 1 {
        let name = format!("c{at}");
        let (peers, orderers) = (format!("{name}p"), format!("{name}o"));
        let one = Operator::new(plane(), "cutplaces").await;
        let mut command = one.command(&line(&name));
        let stopped = command
            .env("CHAIN_CRASH_AT", at.to_string())
            .output()
            .unwrap();
        assert_eq!(stopped.status.code(), Some(86), "{at}: it did not stop");
        let before = names(&one, "", "Secret", &peers).await;
        one.run(&line(&name));
        let after = names(&one, "", "Secret", &peers).await;
        assert!(before.iter().all(|it| after.contains(it)), "{at}");
        assert_eq!(picture(&one, &[&peers, &orderers]).await, wanted, "{at}");
        let again = one.run(&line(&name));
        assert!(
            again.lines().all(|line| line.ends_with(" unchanged")),
            "{at}: {again}"
        );
    }
    // Taken away: stopped at each write, nothing is left over.
    let counted = whole.home.path().join("purged");
    let mut command = whole.command("delete net -y --purge");
    let done = command.env("CHAIN_CRASH_COUNT", &counted).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let points = std::fs::read_to_string(&counted).unwrap();
    let first = points
        .lines()
        .position(|it| it.contains("-vault-"))
        .unwrap()
        + 1;
    let last = points.lines().count();
    let of_heads: Vec<&str> = points
        .lines()
        .filter(|it| it.contains("after DELETE") && it.contains("chain-net"))
        .collect();
    assert!(
        matches!(of_heads.as_slice(), [_, _, home] if home.contains("wholeplaces")),
        "the home goes last: {of_heads:?}"
    );
    for at in (first..=last).step_by(5).chain(last - 4..=last) {
        let name = format!("d{at}");
        let one = Operator::new(plane(), "cutpurge").await;
        one.run(&line(&name));
        let mut command = one.command("delete net -y --purge");
        let stopped = command
            .env("CHAIN_CRASH_AT", at.to_string())
            .output()
            .unwrap();
        assert_eq!(stopped.status.code(), Some(86), "{at}: it did not stop");
        let (code, _, said) = one.output("delete net -y --purge");
        let was_done = said.contains("no chain `net`");
        assert!(code == Some(0) || was_done, "{at}: {said}");
        for namespace in [format!("{name}p"), format!("{name}o")] {
            for kind in ["ConfigMap", "Secret"] {
                let left = names(&one, "", kind, &namespace).await;
                assert!(left.is_empty(), "{at}: {namespace}: {left:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_organisation_lives_in_a_namespace_of_its_own() {
    let one = Operator::new(plane(), "fabrichome").await;
    let spec = "--stack fabric --orgs nsa,nsb --orderer-org nso --peers 1";
    one.run(&format!("create net {spec} --dry-run=server"));
    let said = one.run(&format!("create net {spec} --wait"));
    for namespace in ["nsa", "nsb", "nso"] {
        assert!(
            said.contains(&format!("namespace/{namespace} created")),
            "{said}"
        );
    }
    // The Service is the host's name in certificates; the pod's controller carries the chain's name.
    assert_eq!(names(&one, "", "Service", "nsa").await, ["peer0"]);
    assert_eq!(
        names(&one, "apps", "StatefulSet", "nsa").await,
        ["net-peer0"]
    );
    assert_eq!(
        names(&one, "", "Service", "nso").await,
        ["orderer0", "orderer1", "orderer2"]
    );
    let status = one.run("status net");
    for node in ["peer0.nsa", "peer0.nsb", "orderer2.nso"] {
        assert!(status.contains(node), "{status}");
    }
    assert!(status.contains("5/5 nodes ready"), "{status}");
    assert!(
        one.run("logs peer0.nsb --chain net")
            .contains("net-peer0-0")
    );
    // An organisation's own: no other's lines.
    let of_org = one.run("logs nsb --chain net --prefix");
    assert!(
        of_org.contains("net-peer0-0") && !of_org.contains("nsa"),
        "{of_org}"
    );
    // Another chain whose organisation has that namespace does not take the Service over.
    let other = Operator::new(plane(), "fabricother").await;
    let said =
        other.fails("create other --stack fabric --orgs nsa --orderer-org nsother --peers 1");
    assert!(said.contains("service/peer0"), "{said}");
    the_way_home(&one, &other).await;
    // A peer more touches no other.
    let before = names(&one, "", "Secret", "nsa").await;
    // It may be typed in any of the places.
    let (code, _, said) = at(&one, "nsa").output("apply net --peers 2 --wait");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("net is at home in namespace"), "{said}");
    let again = one.run("apply net");
    assert!(
        again.lines().all(|line| line.ends_with(" unchanged")),
        "{again}"
    );
    let after = names(&one, "", "Secret", "nsa").await;
    assert!(
        before.iter().all(|it| after.contains(it)),
        "{before:?} {after:?}"
    );
    assert_eq!(names(&one, "", "Service", "nsa").await, ["peer0", "peer1"]);
    // Without --purge the places stay taken, as the home does.
    one.run("delete net -y");
    let said = other.fails("create net --stack fabric --orgs nsa --orderer-org nsother --peers 1");
    assert!(said.contains("marks a place of another chain"), "{said}");
    one.run("delete net -y --purge");
    for namespace in ["nsa", "nsb", "nso"] {
        for (group, kind) in [
            ("apps", "StatefulSet"),
            ("", "Service"),
            ("", "Secret"),
            ("", "ConfigMap"),
        ] {
            let left = names(&one, group, kind, namespace).await;
            assert!(left.is_empty(), "{namespace}: {kind} {left:?}");
        }
    }
}
