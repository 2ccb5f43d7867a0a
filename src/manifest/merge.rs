//! How the fragments of several plugins become one object.
//!
//! First what each plugin says is put together, then the plugins, in container order. Maps merge deeply, lists by the
//! API's own keys (see [`super::lists`]), other lists are one value. A container and a volume belong to one plugin; two
//! plugins that say different things about one field are a problem that names both. The order in which fragments arrive
//! never matters: the caller gives plugins in container order, and each plugin's own order is kept.

use serde_json::{Map, Value};

use super::lists::{ListKind, entry_key, kind_of};
use super::problem::Problem;

/// All that one plugin says about one object, or about one pod.
#[derive(Debug)]
pub struct Layer<'a> {
    /// The plugin.
    pub plugin: &'a str,
    /// Its fragments, in its order.
    pub fragments: Vec<Value>,
}

/// One step from an object's root to a field.
#[derive(Debug, Clone)]
enum Step {
    Field(String),
    Entry(&'static [&'static str], String),
}

struct Merge<'a> {
    kind: &'a str,
    object: &'a str,
    trail: Vec<Step>,
    /// Between plugins, entries of keyed lists have one owner.
    between: bool,
    /// The plugin whose value is being added.
    plugin: &'a str,
    found: Vec<Found>,
}

enum Found {
    Differs {
        trail: Vec<Step>,
        first: Value,
        second: Value,
    },
    Owned {
        trail: Vec<Step>,
    },
    NoKey {
        trail: Vec<Step>,
        keys: &'static [&'static str],
    },
    Twice {
        trail: Vec<Step>,
    },
}

/// Merges layers into one value. `kind` decides how lists merge (`PodTemplate` for pod fragments); `object` is for
/// messages. What conflicts is reported and the first word kept, so that all problems come out in one run.
pub fn combine(
    kind: &str,
    object: &str,
    layers: Vec<Layer<'_>>,
    problems: &mut Vec<Problem>,
) -> Value {
    let mut own: Vec<(&str, Value)> = Vec::with_capacity(layers.len());
    for layer in layers {
        let mut merge = Merge::new(kind, object, layer.plugin, false);
        let mut said = Value::Object(Map::new());
        for fragment in layer.fragments {
            merge.join(&mut said, fragment);
        }
        let plugin = merge.plugin;
        report(merge, &[], problems);
        own.push((plugin, said));
    }
    if own.len() == 1 {
        return own.pop().map(|(_, value)| value).unwrap_or_default();
    }
    let mut all = Value::Object(Map::new());
    for index in 0..own.len() {
        let Some((plugin, said)) = own.get(index) else {
            continue;
        };
        let mut merge = Merge::new(kind, object, plugin, true);
        merge.join(&mut all, said.clone());
        report(merge, own.get(..index).unwrap_or_default(), problems);
    }
    all
}

impl<'a> Merge<'a> {
    fn new(kind: &'a str, object: &'a str, plugin: &'a str, between: bool) -> Self {
        Self {
            kind,
            object,
            trail: Vec::new(),
            between,
            plugin,
            found: Vec::new(),
        }
    }

    fn join(&mut self, target: &mut Value, added: Value) {
        match (target, added) {
            (Value::Object(target), Value::Object(added)) => {
                for (key, value) in added {
                    match target.get_mut(&key) {
                        None => {
                            let value = self.checked(&key, value);
                            target.insert(key, value);
                        }
                        Some(there) => {
                            self.trail.push(Step::Field(key));
                            self.join(there, value);
                            self.trail.pop();
                        }
                    }
                }
            }
            (Value::Array(target), Value::Array(added)) => self.join_lists(target, added),
            (target, added) if *target == added => {}
            (target, added) => self.differs(target, added),
        }
    }

    /// A value that is new here: its keyed lists must have their keys, each once.
    fn checked(&mut self, key: &str, value: Value) -> Value {
        self.trail.push(Step::Field(key.to_owned()));
        let value = match value {
            Value::Object(map) => {
                let mut fresh = Value::Object(Map::new());
                self.join(&mut fresh, Value::Object(map));
                fresh
            }
            Value::Array(list) => {
                let mut fresh = Vec::new();
                self.join_lists(&mut fresh, list);
                Value::Array(fresh)
            }
            scalar => scalar,
        };
        self.trail.pop();
        value
    }

    fn list_kind(&self) -> ListKind {
        let path: Vec<&str> = self
            .trail
            .iter()
            .filter_map(|step| match step {
                Step::Field(name) => Some(name.as_str()),
                Step::Entry(..) => None,
            })
            .collect();
        kind_of(self.kind, &path)
    }

    fn join_lists(&mut self, target: &mut Vec<Value>, added: Vec<Value>) {
        let (keys, owned) = match self.list_kind() {
            ListKind::Atomic => {
                if target.is_empty() {
                    *target = added;
                } else if *target != added {
                    let first = Value::Array(target.clone());
                    self.differs(&first, Value::Array(added));
                }
                return;
            }
            ListKind::Keyed(keys) => (keys, false),
            ListKind::Owned(keys) => (keys, true),
        };
        let before = target.len();
        let mut known: Vec<Option<String>> = target.iter().map(|e| entry_key(keys, e)).collect();
        for entry in added {
            let Some(key) = entry_key(keys, &entry) else {
                self.found.push(Found::NoKey {
                    trail: self.trail.clone(),
                    keys,
                });
                continue;
            };
            let place = known
                .iter()
                .position(|k| k.as_deref() == Some(key.as_str()));
            self.trail.push(Step::Entry(keys, key.clone()));
            match place.and_then(|at| target.get_mut(at).map(|there| (at, there))) {
                None => {
                    let mut fresh = Value::Object(Map::new());
                    self.join(&mut fresh, entry);
                    target.push(fresh);
                    known.push(Some(key));
                }
                Some((at, _)) if at >= before && self.between => {
                    self.found.push(Found::Twice {
                        trail: self.trail.clone(),
                    });
                }
                Some(_) if owned && self.between => self.found.push(Found::Owned {
                    trail: self.trail.clone(),
                }),
                Some((_, there)) if self.between => {
                    if *there != entry {
                        self.first_difference(there, &entry);
                    }
                }
                Some((_, there)) => self.join(there, entry),
            }
            self.trail.pop();
        }
    }

    fn differs(&mut self, first: &Value, second: Value) {
        self.found.push(Found::Differs {
            trail: self.trail.clone(),
            first: first.clone(),
            second,
        });
    }

    /// Entries have one owner, so they are equal or they differ somewhere: says where.
    fn first_difference(&mut self, first: &Value, second: &Value) {
        if let (Value::Object(a), Value::Object(b)) = (first, second) {
            let key = a
                .keys()
                .chain(b.keys())
                .find(|key| a.get(*key) != b.get(*key));
            if let Some(key) = key {
                let (a, b) = (a.get(key).cloned(), b.get(key).cloned());
                self.trail.push(Step::Field(key.clone()));
                self.first_difference(&a.unwrap_or_default(), &b.unwrap_or_default());
                self.trail.pop();
                return;
            }
        }
        self.differs(first, second.clone());
    }
}

/// Turns what was found into problems; only here the plugin that spoke first is looked for.
fn report(merge: Merge<'_>, earlier: &[(&str, Value)], problems: &mut Vec<Problem>) {
    let Merge {
        kind,
        object,
        plugin,
        found,
        ..
    } = merge;
    let first_of = |trail: &[Step]| {
        earlier
            .iter()
            .find(|(_, said)| lookup(said, trail))
            .map_or(plugin, |(name, _)| *name)
            .to_owned()
    };
    for one in found {
        problems.push(match one {
            Found::Differs {
                trail,
                first,
                second,
            } => Problem::Conflict {
                object: object.to_owned(),
                path: show_path(&trail),
                first: first_of(&trail),
                first_value: show(kind, &first),
                second: plugin.to_owned(),
                second_value: show(kind, &second),
            },
            Found::Owned { trail } => Problem::NotOwner {
                object: object.to_owned(),
                path: show_path(&trail),
                owner: first_of(&trail),
                plugin: plugin.to_owned(),
            },
            Found::NoKey { trail, keys } => Problem::Fragment {
                object: object.to_owned(),
                plugin: plugin.to_owned(),
                why: format!(
                    "an entry of {} has no {}",
                    show_path(&trail),
                    keys.join("/")
                ),
            },
            Found::Twice { trail } => Problem::Fragment {
                object: object.to_owned(),
                plugin: plugin.to_owned(),
                why: format!("{} is there twice", show_path(&trail)),
            },
        });
    }
}

fn lookup(value: &Value, trail: &[Step]) -> bool {
    match trail {
        [] => !value.is_null(),
        [Step::Field(name), rest @ ..] => value.get(name).is_some_and(|v| lookup(v, rest)),
        [Step::Entry(keys, key), rest @ ..] => value
            .as_array()
            .and_then(|list| {
                list.iter()
                    .find(|e| entry_key(keys, e).as_deref() == Some(key))
            })
            .is_some_and(|v| lookup(v, rest)),
    }
}

fn show_path(trail: &[Step]) -> String {
    let mut out = String::new();
    for step in trail {
        match step {
            Step::Field(name) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(name);
            }
            Step::Entry(_, key) => {
                out.push('[');
                out.push_str(key);
                out.push(']');
            }
        }
    }
    out
}

/// A value for a message: JSON, cut; nothing of a Secret.
fn show(kind: &str, value: &Value) -> String {
    if kind == "Secret" {
        return "(hidden)".to_owned();
    }
    let text = value.to_string();
    if text.chars().count() > 120 {
        let head: String = text.chars().take(117).collect();
        return format!("{head}...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(layers: Vec<(&'static str, Vec<Value>)>) -> (Value, Vec<Problem>) {
        let mut problems = Vec::new();
        let layers = layers
            .into_iter()
            .map(|(plugin, fragments)| Layer { plugin, fragments })
            .collect();
        let value = combine("PodTemplate", "statefulset.apps/c-0", layers, &mut problems);
        (value, problems)
    }

    #[test]
    fn containers_of_two_plugins_stand_in_plugin_order() {
        let (value, problems) = pod(vec![
            (
                "net",
                vec![json!({"spec": {"containers": [{"name": "z"}]}})],
            ),
            (
                "vote",
                vec![
                    json!({"spec": {"containers": [{"name": "a"}], "shareProcessNamespace": true}}),
                ],
            ),
        ]);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(
            value,
            json!({"spec": {"containers": [{"name": "z"}, {"name": "a"}], "shareProcessNamespace": true}})
        );
    }

    #[test]
    fn two_plugins_that_differ_are_named_with_object_path_and_values() {
        let (_, problems) = pod(vec![
            (
                "net",
                vec![json!({"spec": {"terminationGracePeriodSeconds": 30}})],
            ),
            ("mid", vec![json!({"spec": {"dnsPolicy": "Default"}})]),
            (
                "vote",
                vec![json!({"spec": {"terminationGracePeriodSeconds": 60}})],
            ),
        ]);
        let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "statefulset.apps/c-0: spec.terminationGracePeriodSeconds: plugin net sets 30, plugin vote sets 60"
            ]
        );
    }

    #[test]
    fn a_plugin_may_not_reach_into_a_container_of_another() {
        let (value, problems) = pod(vec![
            (
                "net",
                vec![json!({"spec": {"containers": [{"name": "net", "image": "a"}]}})],
            ),
            (
                "evil",
                vec![
                    json!({"spec": {"containers": [{"name": "net", "env": [{"name": "LD_PRELOAD", "value": "x"}]}]}}),
                ],
            ),
        ]);
        assert_eq!(
            problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "statefulset.apps/c-0: spec.containers[net] belongs to plugin net; plugin evil may not change it"
            ]
        );
        assert_eq!(
            value,
            json!({"spec": {"containers": [{"name": "net", "image": "a"}]}})
        );
    }

    #[test]
    fn a_plugin_may_say_its_container_in_pieces() {
        let (value, problems) = pod(vec![(
            "net",
            vec![
                json!({"spec": {"containers": [{"name": "net", "ports": [{"containerPort": 1}]}]}}),
                json!({"spec": {"containers": [{"name": "net", "ports": [{"containerPort": 1, "name": "p2p"}, {"containerPort": 1, "protocol": "UDP"}]}]}}),
            ],
        )]);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(
            value,
            json!({"spec": {"containers": [{"name": "net", "ports": [
                {"containerPort": 1, "name": "p2p"}, {"containerPort": 1, "protocol": "UDP"}]}]}})
        );
    }

    #[test]
    fn ports_of_a_service_may_be_said_twice_only_alike() {
        let mut problems = Vec::new();
        let layer = |plugin, target: u16| Layer {
            plugin,
            fragments: vec![
                json!({"spec": {"ports": [{"port": 1, "targetPort": target}, {"port": 1, "protocol": "UDP"}]}}),
            ],
        };
        combine(
            "Service",
            "service/c-0",
            vec![layer("a", 1), layer("b", 1)],
            &mut problems,
        );
        assert!(problems.is_empty(), "{problems:?}");
        combine(
            "Service",
            "service/c-0",
            vec![layer("a", 1), layer("b", 2)],
            &mut problems,
        );
        assert_eq!(
            problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["service/c-0: spec.ports[1/TCP].targetPort: plugin a sets 1, plugin b sets 2"]
        );
    }

    #[test]
    fn values_of_secrets_are_not_shown() {
        let mut problems = Vec::new();
        let layer = |plugin, text: &str| Layer {
            plugin,
            fragments: vec![json!({"data": {"k": text}})],
        };
        combine(
            "Secret",
            "secret/c-0",
            vec![layer("a", "eA=="), layer("b", "eQ==")],
            &mut problems,
        );
        let said = problems.iter().map(ToString::to_string).collect::<String>();
        assert!(said.contains("data.k") && !said.contains("eA=="), "{said}");
    }

    #[test]
    fn an_entry_without_its_key_is_refused() {
        let (_, problems) = pod(vec![(
            "net",
            vec![json!({"spec": {"containers": [{"image": "a"}]}})],
        )]);
        assert_eq!(
            problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "statefulset.apps/c-0: plugin net rendered a fragment that cannot be used: an entry of spec.containers has no name"
            ]
        );
    }
}
