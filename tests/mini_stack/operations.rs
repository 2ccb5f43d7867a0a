//! Operations and hooks in pods that are played: what they ask, and what they remember.

use super::*;

/// Pods of a chain: those that live answer `seat 17`, and what is remembered is written down. The one that hangs gives no
/// answer before that.
struct Pods {
    words: Words,
    living: BTreeSet<String>,
    hanging: Option<String>,
    said: Mutex<Vec<String>>,
    remembered: Mutex<Option<(String, String, Value)>>,
    spoke: Mutex<Option<TlsSettings>>,
}

impl Acts for Pods {
    async fn exec(
        &self,
        on: &Subject,
        container: &str,
        command: &[String],
        _stdin: &[u8],
        _tty: bool,
        _timeout: Duration,
    ) -> Result<Response, Failure> {
        assert_eq!(container, self.words.say("chorus"));
        let line = format!("{}: {}", on.id, command.join(" "));
        self.said.lock().unwrap().push(line);
        if self.hanging.as_ref() == Some(&on.id) {
            let remembered = async {
                while self.remembered.lock().unwrap().is_none() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            let waited = tokio::time::timeout(Duration::from_secs(20), remembered).await;
            assert!(waited.is_ok(), "one that hangs holds up the others");
        }
        if self.living.contains(&on.id) {
            return Ok(streams(0, b"seat 17\n".to_vec(), b""));
        }
        Err(Failure {
            kind: "timeout".to_owned(),
            message: "no answer".to_owned(),
        })
    }

    async fn http(
        &self,
        _on: &Subject,
        _port: u16,
        request: &Http,
        tls: Option<TlsSettings>,
        _timeout: Duration,
    ) -> Result<Response, Failure> {
        *self.spoke.lock().unwrap() = tls;
        Ok(Response {
            code: 200,
            ..streams(0, request.body.clone(), b"")
        })
    }

    async fn logs(
        &self,
        _on: &Subject,
        _container: &str,
        _since_ms: u64,
        _limit: u32,
        _timeout: Duration,
    ) -> Result<Response, Failure> {
        unreachable!("it reads no logs")
    }

    async fn wait(
        &self,
        _on: &Subject,
        _condition: &Value,
        _timeout: Duration,
    ) -> Result<Response, Failure> {
        unreachable!("it waits for nothing")
    }

    async fn remember(&self, on: &Subject, key: &str, state: Value) -> Result<Response, Failure> {
        let all = (on.id.clone(), key.to_owned(), state);
        *self.remembered.lock().unwrap() = Some(all);
        Ok(done())
    }

    async fn amend(&self, _patch: Value) -> Result<Response, Failure> {
        unreachable!("it leaves the spec alone")
    }

    async fn renew(&self, _on: &Subject, _items: &[String]) -> Result<Response, Failure> {
        unreachable!("it makes nothing again")
    }

    fn now_ms(&self) -> u64 {
        NOW
    }

    fn says(&self, _on: &Subject, _text: &str) {}
}

/// Calls the hook `before-add` for `node` while the nodes of `living` answer; returns what is remembered.
pub(super) fn join(
    words: Words,
    node: &str,
    living: &[&str],
    hanging: Option<&str>,
    resolved: &Resolved,
    outcome: &Outcome,
) -> Result<(String, String, Value), String> {
    let (service, operation) = hooks(&resolved.services, "before-add").next().unwrap();
    assert_eq!(service.role, words.say("chorus"));
    let pods = Pods {
        words,
        living: living.iter().map(|node| words.say(node)).collect(),
        hanging: hanging.map(|node| words.say(node)),
        said: Mutex::default(),
        remembered: Mutex::default(),
        spoke: Mutex::default(),
    };
    let topology = expand::topology(resolved, outcome.subjects.clone());
    let start = Start {
        service,
        services: &resolved.services,
        operation,
        subject: node,
        args: json!({}),
        files: Vec::new(),
        seed: [0; 32],
        secrets: Secrets::default(),
    };
    let scene = Scene {
        topology: &topology,
        public: &outcome.public,
        head: None,
        granted: &BTreeMap::new(),
        consents: &consent(words),
    };
    let driven = wait_for(drive(start, &scene, &runtime(), &pods));
    let id = outcome.public.facts[node][&words.say("talker")]["id"].clone();
    let asked = format!("{} join {}", words.say("pebble"), id.as_str().unwrap());
    for line in pods.said.lock().unwrap().iter() {
        assert!(line.ends_with(&asked), "{line}");
    }
    driven.map_err(|fault| fault.to_string())?;
    Ok(pods.remembered.into_inner().unwrap().unwrap())
}

#[test]
fn an_operation_speaks_as_a_node_by_a_key_that_no_guest_sees() {
    for words in BOTH {
        let (runtime, circumstances) = (runtime(), circumstances(words));
        let granted = BTreeMap::new();
        let store = MemoryStore::new("demo");
        let prepared = form(
            words,
            3,
            &store,
            &setting(&runtime, &circumstances, &granted),
        );
        let head = wait_for(store.load_head()).unwrap().unwrap().head;
        let resolved = resolved(words, 3);
        let service = service(&resolved, &words.say("talker"));
        let node = prepared
            .outcome
            .subjects
            .iter()
            .find(|it| it.kind == "node")
            .unwrap();
        let topology = expand::topology(&resolved, prepared.outcome.subjects.clone());
        let consents = consent(words);
        let scene = Scene {
            topology: &topology,
            public: &prepared.outcome.public,
            head: Some(&head),
            granted: &granted,
            consents: &consents,
        };
        let greet = |operation: &Operation| {
            let secrets = wait_for(Secrets::of_operation(
                &store,
                &head,
                &prepared.outcome.public,
                &topology.subjects,
                &User {
                    service,
                    operation,
                    subject: &node.id,
                    consents: &consents,
                },
            ))
            .unwrap();
            let pods = Pods {
                words,
                living: BTreeSet::new(),
                hanging: None,
                said: Mutex::default(),
                remembered: Mutex::default(),
                spoke: Mutex::default(),
            };
            let start = Start {
                service,
                services: &resolved.services,
                operation,
                subject: &node.id,
                args: json!({}),
                files: Vec::new(),
                seed: [0; 32],
                secrets,
            };
            let done = wait_for(drive(start, &scene, &runtime, &pods));
            (
                done.map_err(|fault| fault.to_string()),
                pods.spoke.into_inner().unwrap(),
            )
        };
        let operation = service
            .plugin
            .descriptor
            .operations
            .iter()
            .find(|it| it.name == "greet");
        let operation = operation.unwrap().clone();
        let (report, spoke) = greet(&operation);
        assert_eq!(report.unwrap().text, "hello");
        let listed = &head.subjects[&node.id].vaults[0];
        let vault =
            wait_for(store.read_vault(Site::home(&node.namespace), &node.id, listed)).unwrap();
        let key = (words.say("talker"), words.say("talker"), "seed".to_owned());
        let identity = spoke.unwrap().identity.unwrap();
        assert_eq!(identity.key, vault.items[&key].bytes);

        // One that its descriptor does not name is not to be had.
        let (report, spoke) = greet(&Operation {
            secrets: Vec::new(),
            ..operation
        });
        let fault = report.map(|_| ()).unwrap_err();
        assert!(
            fault.contains("there is no `seed`") && fault.contains("`secrets`"),
            "{fault}"
        );
        assert!(spoke.is_none());
    }
}
