//! What changed since an earlier version: what chains that live hold on to must stay.

use std::collections::BTreeSet;

use chain_plugin_sdk::descriptor::Descriptor;
use serde_json::Value;

use super::Check;
use crate::pipeline::graph::name;
use crate::pipeline::options::properties;

/// Compares a descriptor with that of an earlier version.
pub fn check(new: &Descriptor, old: &Descriptor) -> Check {
    let mut check = Check::new("against");
    check.detail = format!("{} {}", old.name, old.version)
        .trim_end()
        .to_owned();
    for (path, was, is) in [
        ("/name", &old.name, &new.name),
        ("/stack", &old.stack, &new.stack),
        ("/role", &old.role, &new.role),
    ] {
        if was != is {
            let message = format!("it was `{was}`, and is `{is}`: chains would not find it");
            check.fault(path, message, None);
        }
    }
    if new.version == old.version && new != old {
        let hint = "count it up: a user tells two builds apart by it";
        check.warn(
            "/version",
            format!("{} is another plugin already", old.version),
            Some(hint),
        );
    }
    kept(&mut check, new, old);
    options(&mut check, new, old);
    let gone = old.series.iter().filter(|it| !new.series.contains(it));
    for series in gone {
        let hint = "chains of that release keep the earlier plugin";
        check.warn(
            "/series",
            format!("it is no longer of series {series}"),
            Some(hint),
        );
    }
    for release in old
        .releases
        .keys()
        .filter(|it| !new.releases.contains_key(*it))
    {
        let hint = "chains of that release can no longer be changed";
        check.warn(
            "/releases",
            format!("release {release} is gone"),
            Some(hint),
        );
    }
    asks(&mut check, new, old);
    check
}

/// What was born stays: a plugin that no longer knows an item makes another key, or none.
fn kept(check: &mut Check, new: &Descriptor, old: &Descriptor) {
    for item in &old.kept {
        let Some((index, now)) = new
            .kept
            .iter()
            .enumerate()
            .find(|(_, it)| it.name == item.name)
        else {
            let hint = "kept items are append-only; give a new one another name beside it";
            check.fault("/kept", format!("`{}` is gone", item.name), Some(hint));
            continue;
        };
        let path = format!("/kept/{index}");
        for kind in item.kinds.iter().filter(|it| !now.kinds.contains(it)) {
            let message = format!("`{}` is no longer about a {kind}", item.name);
            check.fault(format!("{path}/kinds"), message, None);
        }
        if item.secret != now.secret {
            let message = format!(
                "`{}` was {}secret",
                item.name,
                if item.secret { "" } else { "no " }
            );
            check.fault(format!("{path}/secret"), message, None);
        }
        if item.renewable && !now.renewable {
            check.warn(
                format!("{path}/renewable"),
                format!("`{}` was renewable", item.name),
                None,
            );
        }
        for role in now.share.iter().filter(|it| !item.share.contains(it)) {
            let message = format!("`{}` is shared with role `{role}` now", item.name);
            check.warn(format!("{path}/share"), message, None);
        }
    }
}

fn options(check: &mut Check, new: &Descriptor, old: &Descriptor) {
    for (name, was) in properties(&old.options) {
        let path = format!("/options/properties/{name}");
        let Some((_, is)) = properties(&new.options).find(|(it, _)| *it == name) else {
            let hint = "files and specs that name it are refused";
            check.warn("/options", format!("option `{name}` is gone"), Some(hint));
            continue;
        };
        for key in [
            "type",
            "x-chain-secret",
            "x-chain-fixed",
            "default",
            "enum",
            "format",
        ] {
            let (before, now) = (was.get(key), is.get(key));
            let narrower = key != "enum" || narrows(before, now);
            if before != now && narrower {
                let show = |it: Option<&Value>| it.map_or("nothing".to_owned(), Value::to_string);
                let message = format!("`{name}`: it was {}, and is {}", show(before), show(now));
                check.warn(format!("{path}/{key}"), message, None);
            }
        }
    }
    let required = |it: &Descriptor| -> BTreeSet<String> {
        let list = it.options.get("required").and_then(Value::as_array);
        let words = list.into_iter().flatten().filter_map(Value::as_str);
        words.map(ToOwned::to_owned).collect()
    };
    for name in required(new).difference(&required(old)) {
        let hint = "chains that live do not have it: give it a default";
        check.warn(
            "/options/required",
            format!("`{name}` must be given now"),
            Some(hint),
        );
    }
}

/// Whether a list of choices lacks one that there was.
fn narrows(before: Option<&Value>, now: Option<&Value>) -> bool {
    let list = |it: Option<&Value>| it.and_then(Value::as_array).cloned();
    match (list(before), list(now)) {
        (Some(before), Some(now)) => before.iter().any(|it| !now.contains(it)),
        (None, Some(_)) => true,
        _ => false,
    }
}

/// What users must agree to anew.
fn asks(check: &mut Check, new: &Descriptor, old: &Descriptor) {
    let hint = Some("users are asked again: say why in its changelog");
    for permission in new
        .permissions
        .iter()
        .filter(|it| !old.permissions.contains(it))
    {
        check.warn(
            "/permissions",
            format!("it asks for {permission} now"),
            hint,
        );
    }
    for take in &new.takes {
        let same =
            |it: &&chain_plugin_sdk::descriptor::Take| it.role == take.role && it.item == take.item;
        match old.takes.iter().find(same) {
            None => {
                let message = format!("it asks for {} of {} now", take.item, take.role);
                check.warn("/takes", message, hint);
            }
            Some(before) => {
                for phase in take.phases.iter().filter(|it| !before.phases.contains(it)) {
                    let message = format!(
                        "it reads {} of {} in {} now",
                        take.item,
                        take.role,
                        name(*phase)
                    );
                    check.warn("/takes", message, hint);
                }
            }
        }
    }
    for (phase, budget) in &new.budget {
        let before = old.budget.get(phase).copied().unwrap_or_default();
        if budget.memory_mib > before.memory_mib || budget.seconds > before.seconds {
            let message = format!("it asks for more in {} than before", name(*phase));
            check.warn(format!("/budget/{}", name(*phase)), message, hint);
        }
    }
}

#[cfg(test)]
mod tests {
    use chain_plugin_sdk::descriptor::KeptSpec;
    use serde_json::json;

    use super::*;
    use crate::pipeline::check::Grade;

    fn plugin() -> Descriptor {
        Descriptor {
            name: "storage".to_owned(),
            version: "1.0.0".to_owned(),
            series: vec!["a".to_owned(), "b".to_owned()],
            kept: vec![KeptSpec {
                name: "key".to_owned(),
                kinds: vec!["node".to_owned()],
                secret: true,
                ..KeptSpec::default()
            }],
            options: json!({"properties": {"level": {"type": "string", "enum": ["a", "b"]}, "size": {"type": "integer"}}}),
            permissions: vec!["root".to_owned()],
            ..Descriptor::default()
        }
    }

    /// `F` or `W`, the place, and the words of each finding.
    fn found(change: impl FnOnce(&mut Descriptor)) -> Vec<(Grade, String)> {
        let mut new = plugin();
        new.version = "1.1.0".to_owned();
        change(&mut new);
        let check = check(&new, &plugin());
        check
            .findings
            .into_iter()
            .map(|it| (it.grade, it.path))
            .collect()
    }

    #[test]
    fn what_is_added_is_nobodys_trouble() {
        let found = found(|new| {
            new.kept.push(KeptSpec {
                name: "second".to_owned(),
                ..KeptSpec::default()
            });
            new.options["properties"]["more"] = json!({"type": "string"});
            new.options["properties"]["level"]["enum"] = json!(["a", "b", "c"]);
            new.series.push("c".to_owned());
        });
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn kept_items_are_append_only() {
        let fault = |path: &str| vec![(Grade::Fault, path.to_owned())];
        assert_eq!(found(|new| new.kept.clear()), fault("/kept"));
        assert_eq!(
            found(|new| new.kept[0].secret = false),
            fault("/kept/0/secret")
        );
        assert_eq!(
            found(|new| new.kept[0].kinds.clear()),
            fault("/kept/0/kinds")
        );
        assert_eq!(found(|new| new.name = "other".to_owned()), fault("/name"));
    }

    #[test]
    fn what_users_must_know_is_told() {
        let told = |path: &str| vec![(Grade::Warning, path.to_owned())];
        assert_eq!(
            found(|new| {
                new.options["properties"]
                    .as_object_mut()
                    .unwrap()
                    .remove("size");
            }),
            told("/options")
        );
        assert_eq!(
            found(|new| new.options["properties"]["size"]["type"] = json!("string")),
            told("/options/properties/size/type")
        );
        assert_eq!(
            found(|new| new.options["properties"]["level"]["enum"] = json!(["a"])),
            told("/options/properties/level/enum")
        );
        assert_eq!(
            found(|new| new.options["required"] = json!(["size"])),
            told("/options/required")
        );
        assert_eq!(
            found(|new| {
                new.series.remove(0);
            }),
            told("/series")
        );
        assert_eq!(
            found(|new| new.permissions.push("rbac".to_owned())),
            told("/permissions")
        );
        assert_eq!(
            found(|new| {
                new.version = "1.0.0".to_owned();
                new.permissions.clear();
            }),
            told("/version")
        );
    }
}
