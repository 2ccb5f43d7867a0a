//! A chain that is born: who is in it, what its genesis says, and that the same wish gives the same chain.

use super::*;

#[test]
fn subjects_of_a_kind_that_no_host_knows_stand_between_chain_and_nodes() {
    for words in BOTH {
        let outcome = ran(words, 3, &circumstances(words));
        let ids: Vec<String> = outcome
            .subjects
            .iter()
            .map(|subject| subject.id.clone())
            .collect();
        let expected = [
            "chain",
            "circle/circle0",
            "circle/circle1",
            "node/circle0/node0",
            "node/circle1/node1",
            "node/circle0/node2",
        ]
        .map(|id| words.say(id));
        assert_eq!(ids, expected);
    }
}

#[test]
fn the_genesis_names_all_nodes_and_circles_and_is_made_after_keys_and_order() {
    for words in BOTH {
        let outcome = ran(words, 3, &circumstances(words));
        let genesis = genesis(words, &outcome);
        let facts = |subject: &str, role: &str| {
            outcome.public.facts[&words.say(subject)][&words.say(role)].clone()
        };
        let ids: Vec<Value> = [
            "node/circle0/node0",
            "node/circle1/node1",
            "node/circle0/node2",
        ]
        .iter()
        .map(|node| facts(node, "talker")["id"].clone())
        .collect();
        assert_eq!(genesis["members"], json!(ids));
        assert_eq!(genesis["kind"], json!("round-robin"));
        assert_eq!(genesis["bornMs"], json!(NOW.to_string()));
        let mottos: Vec<Value> = [0, 1]
            .map(|i| facts(&format!("circle/circle{i}"), "stack")["motto"].clone())
            .to_vec();
        let said: Vec<Value> = genesis[words.say("circles")]
            .as_array()
            .unwrap()
            .iter()
            .map(|circle| circle["motto"].clone())
            .collect();
        assert_eq!(said, mottos);
        assert_eq!(outcome.fingerprint.as_ref().map(String::len), Some(64));
    }
}

#[test]
fn the_same_head_and_entropy_give_the_same_bytes_in_any_number_of_sessions() {
    for words in BOTH {
        let with = |threads| {
            let circumstances = Circumstances {
                threads,
                ..circumstances(words)
            };
            everything(&ran(words, 40, &circumstances))
        };
        let alone = with(1);
        assert_eq!(alone, with(1));
        assert_eq!(alone, with(4));
    }
}

#[test]
fn another_entropy_gives_other_keys() {
    let other = Circumstances {
        seed: [8; 32],
        ..circumstances(Words::Pebble)
    };
    let (a, b) = (
        ran(Words::Pebble, 3, &circumstances(Words::Pebble)),
        ran(Words::Pebble, 3, &other),
    );
    assert_ne!(a.fingerprint, b.fingerprint);
}

/// Everything that a run gives, as text.
fn everything(outcome: &Outcome) -> String {
    let parts: Vec<_> = outcome
        .parts
        .iter()
        .map(|part| (part.service, &part.subject, &part.rendered))
        .collect();
    let vaults: Vec<_> = outcome
        .vaults
        .iter()
        .map(|vault| (&vault.subject, vault.digest()))
        .collect();
    format!(
        "{}\n{vaults:?}\n{}\n{:?}",
        serde_json::to_string(&parts).unwrap(),
        serde_json::to_string(&outcome.public).unwrap(),
        outcome.fingerprint,
    )
}

#[test]
fn a_second_run_writes_nothing_and_gives_the_same_objects() {
    for words in BOTH {
        let (store, granted) = (MemoryStore::new("demo"), BTreeMap::new());
        let first = circumstances(words);
        let formed = form(words, 3, &store, &setting(&runtime(), &first, &granted));
        // Another time and other entropy: what is there counts.
        let later = Circumstances {
            now_ms: NOW + 86_400_000,
            seed: [9; 32],
            ..circumstances(words)
        };
        let again = form(words, 3, &store, &setting(&runtime(), &later, &granted));
        assert!(!again.changed && again.outcome.vaults.is_empty());
        assert_eq!(again.objects, formed.objects);
    }
}

#[test]
fn what_is_named_otherwise_is_otherwise_the_same() {
    let shapes = BOTH.map(|words| {
        let prepared = formed(words);
        let names: Vec<String> = prepared.objects.iter().map(skeleton).collect();
        names
    });
    let [pebble, renamed] = shapes;
    let translated: BTreeSet<String> = pebble.iter().map(|name| Words::Renamed.say(name)).collect();
    assert_eq!(translated, renamed.into_iter().collect());
}

/// An object without what follows from keys: kind, and the paths of all its fields.
fn skeleton(object: &Object) -> String {
    fn paths(value: &Value, at: &str, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) if !at.ends_with("/data") => {
                for (key, value) in map {
                    paths(value, &format!("{at}/{key}"), into);
                }
            }
            Value::Array(list) => {
                for value in list {
                    paths(value, &format!("{at}/-"), into);
                }
            }
            _ => {
                into.insert(at.to_owned());
            }
        }
    }
    let mut all = BTreeSet::new();
    paths(&object.value, "", &mut all);
    format!("{} {all:?}", object.kind())
}

#[test]
fn a_hostile_plugin_ends_its_own_run_and_the_next_one_works() {
    let words = Words::Pebble;
    let mut catalog = Catalog::default();
    let hostile = Plugin::from_component("hostile.wasm", hostile_component("render_loop")).unwrap();
    catalog.add(hostile);
    let mut wish = wish(words, 3);
    wish["spec"]["services"]["chorus"] = json!("hostile");
    let bad = resolved_from(wish, &mut catalog);
    let runtime = impatient();
    let begun = Instant::now();
    let fault = run(&bad, &Known::default(), &circumstances(words), &runtime).unwrap_err();
    assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
    assert_eq!(
        fault.to_string(),
        "plugin hostile failed in render node/circle0/node0: it did not end within 1 s"
    );
    let good = resolved(words, 3);
    run(&good, &Known::default(), &circumstances(words), &runtime).unwrap();
}
