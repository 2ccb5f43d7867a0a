//! Two at once: one wins, the other is told, no key is lost.

use super::*;

fn pair(tool: &Tool, line: &str) -> [Output; 2] {
    std::thread::scope(|scope| {
        let one = scope.spawn(|| tool.output(line));
        let two = scope.spawn(|| tool.output(line));
        [one.join().unwrap(), two.join().unwrap()]
    })
}

/// A loser says that somebody else is at it, and what to do.
fn told(output: &Output) -> bool {
    let said = text(&output.stderr);
    said.contains("somebody else")
        || said.contains("is being changed")
        || said.contains("holds")
        || said.contains("lock")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_creates_and_two_applies_at_once_lose_no_key() {
    for round in 0..20 {
        let admin = plane().namespace("race").await;
        let tool = Tool::new(&admin.namespace);
        let line = "create race --nodes 2 --expose-type ClusterIP";
        let both = pair(&tool, line);
        assert!(
            both.iter().any(|it| it.status.success()),
            "round {round}: {both:?}"
        );
        assert!(
            both.iter().all(|it| it.status.success() || told(it)),
            "round {round}: {both:?}"
        );
        let made = crash::vaults(&admin).await;
        assert_eq!(made.len(), 3, "round {round}");
        let both = pair(&tool, "apply race --nodes 3 --expose-type ClusterIP");
        assert!(
            both.iter().any(|it| it.status.success()),
            "round {round}: {both:?}"
        );
        assert!(
            both.iter().all(|it| it.status.success() || told(it)),
            "round {round}: {both:?}"
        );
        tool.run("apply race --nodes 3 --expose-type ClusterIP");
        let after = crash::vaults(&admin).await;
        assert!(
            made.iter().all(|(name, uid)| after.get(name) == Some(uid)),
            "round {round}"
        );
        assert_eq!(after.len(), 4, "round {round}");
        crash::every_validator_has_its_key(&admin, 2).await;
    }
}
