//! Plugins for tests: the sample plugins, built as their author would build them, and guests that mean harm.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use chain_plugin_toolchain::{CONTRACT_VERSION, component, guest, section};
use kubectl_chain::plugin::{Plugin, Runtime};

/// The sample plugins and their renamed twin, whose words differ and who are the same in everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Words {
    /// As they lie in `sample-plugins`.
    Pebble,
    /// Every stack, role, plugin, container and kind has another name.
    Renamed,
}

/// The words of the sample plugins that stand for stack, roles, plugins, containers and kinds, and what they become.
const RENAMES: [(&str, &str); 5] = [
    ("pebble", "driftwood"),
    ("talker", "scribe"),
    ("chorus", "quarrel"),
    ("circle", "hamlet"),
    ("Pebble", "Driftwood"),
];

impl Words {
    /// The word that stands for `word` of the sample plugins; names made of several words are translated part by part.
    pub fn say(self, text: &str) -> String {
        match self {
            Self::Pebble => text.to_owned(),
            Self::Renamed => RENAMES
                .iter()
                .fold(text.to_owned(), |text, (from, to)| text.replace(from, to)),
        }
    }

    /// The component of a sample plugin, by its name in `sample-plugins`.
    pub fn plugin(self, name: &str) -> PathBuf {
        built(self).join(format!("{}.wasm", self.say(name)))
    }
}

/// The engine of a test binary. Compiled code goes below `target`, never to the cache of who runs the tests.
pub fn runtime() -> Runtime {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        Runtime::new()
            .unwrap()
            .with_cache(target().join("sample-plugins/cache"))
    });
    RUNTIME.clone()
}

/// The same, with little patience: a guest that does not end is ended after a second.
pub fn impatient() -> Runtime {
    runtime().with_patience(Duration::from_secs(1))
}

/// A guest of `tests/fixtures/hostile`, as a plugin that says of itself what its descriptor says.
pub fn hostile(name: &str) -> Arc<Plugin> {
    Arc::new(Plugin::from_component(&format!("{name}.wasm"), hostile_component(name)).unwrap())
}

/// The component of a guest of `tests/fixtures/hostile`. A fixture that is a core module is wrapped like a plugin; one
/// that is a component gets the sections of a plugin.
pub fn hostile_component(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hostile");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let text = read(&format!("{name}.wat")).replace("(;common;)", &read("common.wat"));
    let binary = wat::parse_str(&text).unwrap_or_else(|fault| panic!("{name}.wat: {fault}"));
    if text.contains("(component") {
        stamped(binary, CONTRACT_VERSION, r#"{"name": "hostile"}"#)
    } else {
        component::componentize(name, &binary).unwrap()
    }
}

/// A component with the two sections of a plugin.
pub fn stamped(mut component: Vec<u8>, version: (u16, u16, u16), descriptor: &str) -> Vec<u8> {
    let numbers: Vec<u8> = [version.0, version.1, version.2]
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect();
    section::append(&mut component, section::CONTRACT, &numbers);
    section::append(&mut component, section::DESCRIPTOR, descriptor.as_bytes());
    component
}

/// The folder with the built plugins; built once in each test binary, by cargo only where something changed.
fn built(words: Words) -> &'static Path {
    static BUILT: [OnceLock<PathBuf>; 2] = [OnceLock::new(), OnceLock::new()];
    BUILT[words as usize].get_or_init(|| {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-plugins");
        let out = target().join("sample-plugins").join(words.say("pebble"));
        let workspace = match words {
            Words::Pebble => home,
            Words::Renamed => {
                let copy = out.join("source");
                rename(&home, &copy, words);
                copy
            }
        };
        let guests: Vec<guest::Guest> = ["pebble", "pebble_talker", "pebble_chorus"]
            .iter()
            .map(|name| guest::find(&workspace.join(words.say(name))).unwrap())
            .collect();
        let modules = guest::build(&guests, Some(&target().join("sample-plugins/guests"))).unwrap();
        std::fs::create_dir_all(&out).unwrap();
        for (guest, module) in guests.iter().zip(modules) {
            let module = std::fs::read(module).unwrap();
            let component = component::componentize(&guest.package, &module).unwrap();
            put(&out.join(format!("{}.wasm", guest.package)), &component);
        }
        out
    })
}

/// The build folder of the tests.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// Copies a workspace with every word replaced, in texts and in names of files alike. Only what differs is written, so
/// that cargo has little to do.
fn rename(from: &Path, to: &Path, words: Words) {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/sdk");
    let mut copied = BTreeMap::new();
    collect(from, Path::new(""), &mut copied);
    for (path, text) in copied {
        let text = words
            .say(&text)
            .replace("../plugins/sdk", sdk.to_str().unwrap());
        put(&to.join(words.say(&path)), text.as_bytes());
    }
}

fn collect(root: &Path, below: &Path, into: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = below.join(entry.file_name());
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "target" || name.starts_with('.') {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            collect(root, &path, into);
        } else {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            into.insert(path.to_str().unwrap().to_owned(), text);
        }
    }
}

/// Writes a file if it would change, in one step: several test binaries may be at it.
fn put(path: &Path, bytes: &[u8]) {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return;
    }
    let folder = path.parent().unwrap();
    std::fs::create_dir_all(folder).unwrap();
    let file = tempfile::NamedTempFile::new_in(folder).unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file.persist(path).unwrap();
}
