//! The descriptor by itself: names, phases, kept items, what becomes part of a pod, permissions.

use chain_plugin_sdk::descriptor::Phase;

use super::{Check, Subject, is_word, twin};
use crate::manifest::relative;
use crate::pipeline::graph::name;
use crate::pipeline::world::covers;
use crate::plugin::limits::{MOST_MEMORY, MOST_TIME};
use crate::spec::names::{not_a_label, not_a_quantity, not_an_image};

/// Permissions that the gate knows.
const PERMISSIONS: [&str; 19] = [
    "root",
    "privileged",
    "escalation",
    "unconfined",
    "capabilities",
    "procMount",
    "seLinux",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "hostPort",
    "hostPath",
    "nodeName",
    "token",
    "rbac",
    "externalIPs",
    "externalName",
    "probeHost",
    "dataSource",
];
/// Those that name a thing after a colon.
const NAMED: [&str; 6] = [
    "capability",
    "sysctl",
    "volume",
    "kind",
    "secretType",
    "field",
];

/// Name, aliases, stack, role, version, license.
pub fn identity(subject: &Subject<'_>) -> Check {
    let mut check = Check::new("identity");
    let it = subject.descriptor();
    let words = [("/name", &it.name), ("/stack", &it.stack)];
    for (path, word) in words {
        if !is_word(word) {
            let message = format!("`{word}` is not 1 to 63 lower-case letters, digits, `_` or `-`");
            check.fault(path, message, None);
        }
    }
    if !it.role.is_empty() && !is_word(&it.role) {
        let message = format!(
            "`{}` is not lower-case letters, digits, `_` or `-`",
            it.role
        );
        check.fault("/role", message, None);
    }
    if it.role == "stack" {
        let hint = "leave it out: the plugin of a stack fills no role";
        check.fault(
            "/role",
            "`stack` is the name by which the stack itself is found",
            Some(hint),
        );
    }
    for (index, alias) in it.aliases.iter().enumerate() {
        if !is_word(alias) {
            let message = format!("`{alias}` is not lower-case letters, digits, `_` or `-`");
            check.fault(format!("/aliases/{index}"), message, None);
        }
    }
    let taken = subject
        .catalog
        .all()
        .filter(|other| other.name() != it.name);
    for other in taken {
        let names = std::iter::once(other.name())
            .chain(other.descriptor.aliases.iter().map(String::as_str));
        for name in names {
            if name == it.name || it.aliases.iter().any(|alias| alias == name) {
                let message = format!("`{name}` is a name of plugin {} too", other.name());
                check.fault("/aliases", message, None);
            }
        }
    }
    for (path, text) in [
        ("/version", &it.version),
        ("/license", &it.license),
        ("/summary", &it.summary),
    ] {
        if text.is_empty() {
            check.warn(path, "it is empty", None);
        } else if text.chars().any(char::is_control) {
            check.fault(path, "it is not one line of text", None);
        }
    }
    check.detail = format!("{} {}", it.name, it.version).trim_end().to_owned();
    check
}

/// Phases, their kinds, and what they need.
pub fn phases(subject: &Subject<'_>) -> Check {
    let mut check = Check::new("phases");
    let it = subject.descriptor();
    let Some(kinds) = subject.kinds() else {
        let why = format!(
            "stack `{}` is not in sight: name its .wasm file too",
            it.stack
        );
        return Check::skipped("phases", why);
    };
    let known = |kind: &str| kinds.iter().any(|it| it == kind);
    let all = format!("kinds of the stack: {}", kinds.join(", "));
    if it.on.values().all(Vec::is_empty) && it.operations.is_empty() && it.formats.is_empty() {
        let hint = "name the kinds of subjects for each phase that it implements";
        check.warn("/on", "it is called in no phase", Some(hint));
    }
    for (phase, of) in &it.on {
        let path = format!("/on/{}", name(*phase));
        if *phase == Phase::Operate {
            check.fault(&path, "operations are named under `operations`", None);
        }
        for kind in of.iter().filter(|kind| !known(kind)) {
            check.fault(&path, format!("there is no kind `{kind}`"), Some(&all));
        }
        if let Some((_, kind)) = twin(of.iter().map(String::as_str)) {
            check.fault(&path, format!("`{kind}` stands there twice"), None);
        }
    }
    for (index, need) in it.needs.iter().enumerate() {
        let path = format!("/needs/{index}");
        if !matches!(need.from, Phase::Provision | Phase::Configure) {
            let hint = "facts come from provision and configure";
            check.fault(
                &path,
                format!("{} gives nothing to read", name(need.from)),
                Some(hint),
            );
            continue;
        }
        if let Some(kind) = need.kind.as_ref().filter(|kind| !known(kind)) {
            check.fault(&path, format!("there is no kind `{kind}`"), Some(&all));
        }
        let called = need.phase == Phase::Operate
            || it
                .on
                .get(&need.phase)
                .is_some_and(|kinds| !kinds.is_empty());
        if !called {
            check.warn(
                &path,
                format!("it is never called in {}", name(need.phase)),
                None,
            );
        }
        met(subject, &mut check, &path, need);
    }
    let called: Vec<String> = it
        .on
        .iter()
        .map(|(phase, kinds)| format!("{} {}", name(*phase), kinds.join(" ")))
        .collect();
    check.detail = called.join("; ");
    check
}

/// Whether somebody in sight gives what is needed.
fn met(
    subject: &Subject<'_>,
    check: &mut Check,
    path: &str,
    need: &chain_plugin_sdk::descriptor::Need,
) {
    let Some(stack) = subject.stack() else { return };
    let gives = |it: &chain_plugin_sdk::descriptor::Descriptor| {
        it.on.get(&need.from).is_some_and(|kinds| match &need.kind {
            Some(kind) => kinds.contains(kind),
            None => !kinds.is_empty(),
        })
    };
    let about = need.kind.as_deref().unwrap_or("anything");
    if need.role == "stack" {
        if !gives(&stack.descriptor) && !need.optional {
            let message = format!(
                "the stack gives nothing in {} about {about}",
                name(need.from)
            );
            check.fault(path, message, None);
        }
        return;
    }
    let releases = subject.releases(&stack.descriptor);
    let has_role = |role: &str| {
        releases
            .iter()
            .any(|(_, it)| it.roles.iter().any(|it| it.name == role))
    };
    if !has_role(&need.role) {
        let message = format!(
            "stack `{}` has no role `{}`",
            stack.descriptor.stack, need.role
        );
        check.fault(path, message, None);
        return;
    }
    let makers: Vec<_> = subject.of_role(&need.role).collect();
    if makers.is_empty() {
        let message = format!("no plugin in sight fills role `{}`", need.role);
        check.warn(path, message, Some("name its .wasm file too"));
    } else if !need.optional && !makers.iter().any(|it| gives(it)) {
        let message = format!(
            "no plugin of role `{}` gives facts in {} about {about}",
            need.role,
            name(need.from)
        );
        check.fault(path, message, Some("or say that it is `optional`"));
    }
}

/// Items that it keeps, and secrets of others that it takes.
pub fn kept(subject: &Subject<'_>) -> Check {
    let mut check = Check::new("kept items");
    let it = subject.descriptor();
    let born = it.on.get(&Phase::Provision).cloned().unwrap_or_default();
    if let Some((index, name)) = twin(it.kept.iter().map(|it| it.name.as_str())) {
        check.fault(
            format!("/kept/{index}/name"),
            format!("`{name}` stands there twice"),
            None,
        );
    }
    let roles: Option<Vec<String>> = subject.stack().map(|stack| {
        let releases = stack.descriptor.releases.values();
        releases
            .flat_map(|release| release.roles.iter().map(|role| role.name.clone()))
            .chain(["stack".to_owned()])
            .collect()
    });
    let is_role = |role: &String| roles.as_ref().is_none_or(|roles| roles.contains(role));
    for (index, item) in it.kept.iter().enumerate() {
        let path = format!("/kept/{index}");
        if !is_path(item.name.trim_end_matches('/')) {
            let hint = "letters, digits, `.`, `_`, `-`, `@`, `+`, and `/` between components";
            let message = format!("`{}` is not relative and normal", item.name);
            check.fault(format!("{path}/name"), message, Some(hint));
        }
        if item.kinds.is_empty() {
            check.fault(
                format!("{path}/kinds"),
                "it is about no kind of subject",
                None,
            );
        }
        for kind in item.kinds.iter().filter(|kind| !born.contains(kind)) {
            let message = format!("`{}` about a {kind} is never born", item.name);
            let hint = "provision is not called for that kind: see `on`";
            check.fault(format!("{path}/kinds"), message, Some(hint));
        }
        if !item.share.is_empty() && !item.secret {
            check.warn(
                format!("{path}/share"),
                "everybody reads what is no secret",
                None,
            );
        }
        for role in item.share.iter().filter(|role| !is_role(role)) {
            check.fault(
                format!("{path}/share"),
                format!("there is no role `{role}`"),
                None,
            );
        }
    }
    let own = if subject.is_stack() {
        "stack"
    } else {
        &it.role
    };
    for (index, take) in it.takes.iter().enumerate() {
        let path = format!("/takes/{index}");
        if !is_role(&take.role) {
            check.fault(path, format!("there is no role `{}`", take.role), None);
            continue;
        }
        let stack = subject.stack().filter(|_| take.role == "stack");
        let makers: Vec<_> = subject
            .of_role(&take.role)
            .chain(stack.as_ref().map(|stack| &stack.descriptor))
            .collect();
        let shares = makers.iter().any(|maker| {
            let mut kept = maker.kept.iter();
            kept.any(|item| covers(&item.name, &take.item) && item.share.iter().any(|it| it == own))
        });
        if !makers.is_empty() && !shares {
            let message = format!(
                "no plugin of role `{}` shares `{}` with it",
                take.role, take.item
            );
            let hint = "its maker lists this role under `share` of the item";
            check.fault(path, message, Some(hint));
        }
    }
    let secrets = it.kept.iter().filter(|item| item.secret).count();
    check.detail = format!(
        "{}, {secrets} of them secret; takes {}",
        it.kept.len(),
        it.takes.len()
    );
    check
}

/// Relative and normal, as the contract has it.
fn is_path(text: &str) -> bool {
    relative(text).is_ok()
}

/// What becomes part of pods: container, images, ports, volumes.
pub fn pods(subject: &Subject<'_>) -> Check {
    let mut check = Check::new("pods");
    let it = subject.descriptor();
    if !it.container.is_empty()
        && let Some(why) = not_a_label(&it.container, 63)
    {
        check.fault("/container", why, None);
    }
    for (index, image) in it.images.iter().enumerate() {
        let path = format!("/images/{index}/default");
        if let Some(why) = not_an_image(&image.default) {
            check.fault(&path, why, None);
        } else if !is_pinned(&image.default) {
            let message = format!("`{}` names no version", image.default);
            let hint =
                "a tag that is not `latest`, or a digest: what runs must not change by itself";
            check.fault(&path, message, Some(hint));
        }
    }
    let names = [
        ("images", twin(it.images.iter().map(|it| it.name.as_str()))),
        ("ports", twin(it.ports.iter().map(|it| it.name.as_str()))),
        (
            "volumes",
            twin(it.volumes.iter().map(|it| it.name.as_str())),
        ),
    ];
    for (list, twin) in names {
        if let Some((index, name)) = twin {
            let path = format!("/{list}/{index}/name");
            check.fault(path, format!("`{name}` stands there twice"), None);
        }
    }
    for (index, port) in it.ports.iter().enumerate() {
        let path = format!("/ports/{index}");
        if let Some(why) = not_a_label(&port.name, 15) {
            check.fault(format!("{path}/name"), why, None);
        }
        if port.number == 0 {
            check.fault(
                format!("{path}/number"),
                "a port has a number from 1 to 65535",
                None,
            );
        }
        if !["", "TCP", "UDP"].contains(&port.protocol.as_str()) {
            let message = format!("`{}` is neither TCP nor UDP", port.protocol);
            check.fault(format!("{path}/protocol"), message, None);
        }
        if !["pod", "peers", "clients"].contains(&port.reach.as_str()) {
            let message = format!("`{}` is none of pod, peers, clients", port.reach);
            check.fault(format!("{path}/reach"), message, None);
        }
    }
    for (index, volume) in it.volumes.iter().enumerate() {
        let path = format!("/volumes/{index}");
        if let Some(why) = not_a_label(&volume.name, 63) {
            check.fault(format!("{path}/name"), why, None);
        }
        let is_disk = ["", "disk"].contains(&volume.medium.as_str());
        if !is_disk && !["scratch", "memory"].contains(&volume.medium.as_str()) {
            let message = format!("`{}` is none of disk, scratch, memory", volume.medium);
            check.fault(format!("{path}/medium"), message, None);
        }
        if (is_disk || !volume.size.is_empty())
            && let Some(why) = not_a_quantity(&volume.size)
        {
            check.fault(format!("{path}/size"), why, None);
        }
    }
    check.detail = format!(
        "images {}, ports {}, volumes {}",
        it.images.len(),
        it.ports.len(),
        it.volumes.len()
    );
    check
}

/// A digest, or a tag that stays what it is.
fn is_pinned(image: &str) -> bool {
    if image.contains("@sha256:") {
        return true;
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once(':')
        .is_some_and(|(_, tag)| !tag.is_empty() && tag != "latest")
}

/// Permissions and budgets: what a user is asked for.
pub fn permissions(subject: &Subject<'_>) -> Check {
    let mut check = Check::new("permissions");
    let it = subject.descriptor();
    for (index, permission) in it.permissions.iter().enumerate() {
        let named = permission
            .split_once(':')
            .is_some_and(|(word, name)| NAMED.contains(&word) && !name.is_empty());
        if !named && !PERMISSIONS.contains(&permission.as_str()) {
            let hint = "docs/plugins.md lists what there is";
            let message = format!("`{permission}` allows nothing that this host knows");
            check.fault(format!("/permissions/{index}"), message, Some(hint));
        }
    }
    for (phase, budget) in &it.budget {
        let path = format!("/budget/{}", name(*phase));
        // What is above is cut, and the plugin fails where it counted on more.
        let most = MOST_MEMORY >> 20;
        if budget.memory_mib as usize > most {
            let message = format!("{} MiB: at most {most} are given", budget.memory_mib);
            check.fault(format!("{path}/memoryMib"), message, None);
        }
        let most = MOST_TIME.as_secs();
        if u64::from(budget.seconds) > most {
            let message = format!("{} s: at most {most} are given", budget.seconds);
            check.fault(format!("{path}/seconds"), message, None);
        }
    }
    let mut asked = it.permissions.clone();
    asked.extend(it.budget.iter().map(|(phase, budget)| {
        format!(
            "{} MiB and {} s in {}",
            budget.memory_mib,
            budget.seconds,
            name(*phase)
        )
    }));
    check.detail = if asked.is_empty() {
        "none".to_owned()
    } else {
        asked.join(", ")
    };
    check
}

#[cfg(test)]
mod tests {
    use super::{is_path, is_pinned};

    #[test]
    fn an_image_is_pinned_by_a_tag_or_a_digest() {
        for fine in [
            "a:1",
            "r.example:5000/a:1",
            "a@sha256:00",
            "a:latest@sha256:00",
        ] {
            assert!(is_pinned(fine), "{fine}");
        }
        for loose in ["a", "r.example:5000/a", "a:latest", "a:"] {
            assert!(!is_pinned(loose), "{loose}");
        }
    }

    #[test]
    fn a_name_of_an_item_stays_where_it_is() {
        assert!(is_path("msp/keystore/key.pem"));
        for bad in ["", "/a", "a/../b", "a//b", "a b", "."] {
            assert!(!is_path(bad), "{bad}");
        }
    }
}
