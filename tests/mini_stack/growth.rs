//! A node that joins: who vouches for it, where it sits, and what of the old objects it changes.

use super::operations::join;
use super::*;

#[test]
fn a_new_node_is_vouched_for_by_its_old_circle_and_sits_where_the_first_told_it() {
    for words in BOTH {
        let before = ran(words, 3, &circumstances(words));
        let mut known = known(words, &before);
        let resolved = resolved(words, 4);
        let node = words.say("node/circle1/node3");
        let grown = run(&resolved, &known, &circumstances(words), &runtime()).unwrap();
        assert_eq!(
            genesis(words, &grown),
            genesis(words, &before),
            "it is made once"
        );
        assert_eq!(grown.vaults.len(), 1, "only the new one's keys are born");
        assert_eq!(grown.vaults[0].subject, node);
        let badge = &grown.public.facts[&node]["stack"]["badge"];
        assert!(
            badge.is_string(),
            "from the circle's root, which lies in its vault"
        );
        assert!(seat_args(words, &grown, &node).contains("--wait-for-seat"));

        let nobody = join(words, &node, &[], None, &resolved, &grown).unwrap_err();
        let expected = words.say("operation join of pebble_chorus failed: no node gave a seat: node/circle0/node0: no answer; node/circle1/node1: no answer; node/circle0/node2: no answer");
        assert!(nobody.starts_with(&expected), "{nobody}");
        let one = ["node/circle1/node1"];
        let mute = Some("node/circle0/node0");
        let (on, key, state) = join(words, &node, &one, mute, &resolved, &grown).unwrap();
        assert_eq!((&on, key), (&node, words.say("chorus")));
        assert_eq!(state, json!({"seat": 17}));

        let head = known.head.as_mut().unwrap();
        *head = self::head(words, &grown);
        let remembered = head.subjects.get_mut(&node).unwrap();
        remembered.state.insert(words.say("chorus"), state);
        known.public = grown.public.clone();
        let seated = run(&resolved, &known, &circumstances(words), &runtime()).unwrap();
        assert!(seated.vaults.is_empty(), "nothing is born twice");
        assert!(seat_args(words, &seated, &node).contains(r#""--seat","17""#));
        let founder = words.say("node/circle1/node1");
        assert!(seat_args(words, &seated, &founder).contains(r#""--seat","1""#));
    }
}

/// What the consensus rendered for a node, as text.
fn seat_args(words: Words, outcome: &Outcome, node: &str) -> String {
    let chorus = outcome
        .services
        .iter()
        .position(|service| service.role == words.say("chorus"))
        .unwrap();
    let part = outcome
        .parts
        .iter()
        .find(|part| part.service == chorus && part.subject == node)
        .unwrap();
    part.rendered.fragments[0].body.clone()
}

#[test]
fn a_new_node_changes_of_the_old_objects_only_lists_that_name_peers() {
    for words in BOTH {
        let few = ran(words, 3, &circumstances(words));
        let known = known(words, &few);
        let (small, large) = (resolved(words, 3), resolved(words, 4));
        let many = run(&large, &known, &circumstances(words), &runtime()).unwrap();
        let before = objects(&small, few, &consent(words)).unwrap();
        let after = objects(&large, many, &consent(words)).unwrap();
        let mut changed = Vec::new();
        for old in &before {
            let new = after.iter().find(|new| new.id() == old.id());
            let new = new.unwrap_or_else(|| panic!("{} is gone", old.display()));
            if new != old {
                changed.push(old.display());
            }
        }
        let peers = [0, 1, 2].map(|i| format!("configmap/demo-node{i}-live"));
        assert_eq!(changed, peers);
        for new in after
            .iter()
            .filter(|new| before.iter().all(|old| old.id() != new.id()))
        {
            assert!(new.name().starts_with("demo-node3"), "{}", new.display());
        }
    }
}

#[test]
fn a_chain_grows_by_a_node_that_its_circle_vouches_for() {
    for words in BOTH {
        let (store, granted) = (MemoryStore::new("demo"), BTreeMap::new());
        let (circumstances, runtime) = (circumstances(words), runtime());
        let setting = setting(&runtime, &circumstances, &granted);
        form(words, 3, &store, &setting);
        let grown = form(words, 4, &store, &setting);
        assert_eq!(grown.outcome.vaults.len(), 1);
    }
}
