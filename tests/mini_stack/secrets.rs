//! A secret that is shared by consent: who may read it, and where it lies.

use super::*;

#[test]
fn with_consent_the_secret_is_read_and_bound_and_stays_in_its_vault() {
    for words in BOTH {
        let prepared = formed(words);
        let node = words.say("node/circle0/node0");
        let pledge = &prepared.outcome.public.facts[&node][&words.say("chorus")]["pledge"];
        assert_eq!(pledge.as_str().map(str::len), Some(32));
        let set = object(&prepared.objects, "StatefulSet", "demo-node0");
        let chorus = container(set, &words.say("chorus"));
        let mounts = chorus["volumeMounts"].to_string();
        assert!(mounts.contains(&words.say("/etc/chorus/seed")), "{mounts}");
        let talker = container(set, &words.say("talker"));
        assert_eq!(
            talker["image"],
            json!(words.say("registry.example/pebble/talker:1.0"))
        );
        let volumes = set.value["spec"]["template"]["spec"]["volumes"].to_string();
        assert!(volumes.contains("demo-vault-node-"), "{volumes}");
    }
}

#[test]
fn secrets_are_in_no_public_object_in_any_spelling() {
    for words in BOTH {
        let prepared = formed(words);
        let mut public: String = prepared
            .objects
            .iter()
            .map(|object| object.value.to_string())
            .collect();
        public += &serde_json::to_string(&prepared.outcome.public).unwrap();
        public += &serde_json::to_string(&prepared.revision).unwrap();
        let secrets: Vec<_> = prepared
            .outcome
            .vaults
            .iter()
            .flat_map(|vault| vault.items.values())
            .filter(|item| item.secret)
            .collect();
        assert_eq!(
            secrets.len(),
            2 + 3,
            "a root for each circle, a seed for each node"
        );
        for item in secrets {
            use base64::Engine as _;
            let hex = hex::encode(&item.bytes);
            let base64 = base64::engine::general_purpose::STANDARD.encode(&item.bytes);
            assert!(!public.contains(&hex) && !public.contains(&base64));
        }
    }
}

#[test]
fn without_consent_the_secret_is_neither_read_nor_bound_and_the_message_says_whose_it_is() {
    for words in BOTH {
        let refused = Circumstances {
            consents: BTreeSet::new(),
            ..circumstances(words)
        };
        let resolved = resolved(words, 3);
        let known = Known {
            head: Some(head(words, &ran(words, 3, &circumstances(words)))),
            ..Known::default()
        };
        let outcome = run(&resolved, &known, &refused, &runtime()).unwrap();
        let node = words.say("node/circle0/node0");
        let given = &outcome.public.facts[&node];
        assert!(
            !given.contains_key(&words.say("chorus")),
            "no pledge without the seed"
        );
        let pledge = words.say("node/circle0/node0 makes no pledge: its seed may not be read");
        assert!(outcome.notes.iter().any(|(_, said)| said.message == pledge));
        assert_eq!(
            asks_for_seed(words, &resolved, &outcome, &refused.consents),
            Err(words.say(
                "plugin pebble_chorus asked for the secret `seed` of talker about node/circle0/node0, which it may not see",
            ))
        );
        let granted = asks_for_seed(words, &resolved, &outcome, &consent(words));
        assert_eq!(granted.map(|bytes| bytes.map(|it| it.len())), Ok(Some(32)));
        let problems = objects(&resolved, outcome, &refused.consents).unwrap_err();
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let expected = words.say(
            "node/circle0/node0: plugin pebble_chorus binds seed of talker (node/circle0/node0) to /etc/chorus/seed in container chorus: seed is a secret of role talker, which does not share it with role chorus",
        );
        assert!(texts.contains(&expected), "{texts:#?}");
    }
}

/// What the consensus gets when it asks for the seed of a node that is being born.
fn asks_for_seed(
    words: Words,
    resolved: &Resolved,
    outcome: &Outcome,
    consents: &BTreeSet<(String, String, String)>,
) -> Result<Option<Vec<u8>>, String> {
    let world = World::new(&outcome.subjects, HashMap::default(), None);
    for (place, item) in &outcome.items {
        world.keep(place.clone(), item.clone());
    }
    let (talker, node) = (words.say("talker"), words.say("node/circle0/node0"));
    let chorus = service(resolved, &words.say("chorus"));
    let door = ServiceDoor::new(Arc::new(world), chorus, Phase::Provision, consents);
    door.about(&node);
    door.kept(&Ref {
        role: talker.clone(),
        instance: talker,
        subject: node,
        name: "seed".to_owned(),
    })
}

fn object<'a>(objects: &'a [Object], kind: &str, name: &str) -> &'a Object {
    objects
        .iter()
        .find(|object| object.kind() == kind && object.name() == name)
        .unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn container(set: &Object, name: &str) -> Value {
    set.value["spec"]["template"]["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|container| container["name"] == json!(name))
        .unwrap_or_else(|| panic!("no container {name}"))
        .clone()
}
