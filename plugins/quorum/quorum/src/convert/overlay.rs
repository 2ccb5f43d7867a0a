//! One service of all nodes, and what differs for some: what most say stands once, under `services`.

use serde_json::{Map, Value, json};

/// The option with further arguments.
pub const ARGUMENTS: &str = "extraArgs";

/// A service as each node has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct One {
    /// Its image.
    pub image: String,
    /// Its options.
    pub options: Map<String, Value>,
}

/// Nodes have different values of what a chain has one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Differs;

impl One {
    fn arguments(&self) -> Vec<String> {
        let all = self.options.get(ARGUMENTS).and_then(Value::as_array);
        let words = all.into_iter().flatten().filter_map(Value::as_str);
        words.map(str::to_owned).collect()
    }
}

/// The number that an argument has, and the other arguments.
fn without(arguments: &[String], name: &str) -> (Option<u64>, Vec<String>) {
    let (mut value, mut left) = (None, Vec::new());
    let mut all = arguments.iter().peekable();
    while let Some(argument) = all.next() {
        let (key, given) = match argument.split_once('=') {
            Some((key, given)) => (key, Some(given)),
            None => (argument.as_str(), None),
        };
        let given = given.or_else(|| all.peek().map(|next| next.as_str()));
        match given.and_then(|given| given.parse().ok()) {
            Some(number) if key == name => {
                value = Some(number);
                if key == argument {
                    all.next();
                }
            }
            _ => left.push(argument.clone()),
        }
    }
    (value, left)
}

/// A service of a chain.
#[derive(Debug)]
pub struct Overlay {
    plugin: &'static str,
    nodes: Vec<One>,
    /// The node that speaks for all.
    speaker: usize,
    /// What belongs to the chain and to no node.
    chain: Map<String, Value>,
}

impl Overlay {
    /// The service that `plugin` gives, as each node has it. What the node `speaker` has is what all have.
    pub fn new(plugin: &'static str, nodes: Vec<One>, speaker: usize) -> Self {
        Self {
            plugin,
            nodes,
            speaker,
            chain: Map::new(),
        }
    }

    /// An option that belongs to the chain.
    pub fn chain_option(&mut self, name: &str, value: Value) {
        self.chain.insert(name.to_owned(), value);
    }

    /// An option of one node that no other shares.
    pub fn own_option(&mut self, node: usize, name: &str, value: Value) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.options.insert(name.to_owned(), value);
        }
    }

    /// The value of an argument that all nodes have alike; it then no longer is one. Where they differ it stays.
    pub fn common_argument(&mut self, name: &str) -> Result<Option<u64>, Differs> {
        let mut values: Vec<Option<u64>> = Vec::new();
        let mut left = Vec::new();
        for node in &self.nodes {
            let arguments = node.arguments();
            let (value, rest) = without(&arguments, name);
            values.push(value);
            left.push(rest);
        }
        let first = values.first().copied().flatten();
        if values.iter().any(|value| *value != first) {
            return Err(Differs);
        }
        if first.is_some() {
            for (node, rest) in self.nodes.iter_mut().zip(left) {
                node.options.insert(ARGUMENTS.to_owned(), json!(rest));
            }
        }
        Ok(first)
    }

    /// What stands under `services`.
    pub fn base(&self) -> Value {
        let speaker = self.nodes.get(self.speaker).cloned().unwrap_or_default();
        let mut options = self.chain.clone();
        // Nothing is what a node has anyway; it is said only where it differs from what all have.
        let shared = self.shared(&speaker).into_iter();
        options.extend(shared.filter(|(_, value)| *value != json!([])));
        let mut base = json!({"plugin": self.plugin, "image": speaker.image});
        if let (false, Some(base)) = (options.is_empty(), base.as_object_mut()) {
            base.insert("options".to_owned(), Value::Object(options));
        }
        base
    }

    /// What stands under a node: what differs.
    pub fn over(&self, index: usize) -> Option<Value> {
        let node = self.nodes.get(index)?;
        let speaker = self.nodes.get(self.speaker)?;
        let shared = self.shared(speaker);
        let mut over = Map::new();
        if node.image != speaker.image {
            over.insert("image".to_owned(), json!(node.image));
        }
        let differs = |(name, value): &(&String, &Value)| shared.get(*name) != Some(*value);
        let options: Map<String, Value> = node
            .options
            .iter()
            .filter(differs)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if !options.is_empty() {
            over.insert("options".to_owned(), Value::Object(options));
        }
        (!over.is_empty()).then_some(Value::Object(over))
    }

    /// The options of the speaker that every node has, be it with another value.
    fn shared(&self, speaker: &One) -> Map<String, Value> {
        let everywhere = |name: &str| self.nodes.iter().all(|it| it.options.contains_key(name));
        let secret = |name: &str| name.ends_with("File");
        speaker
            .options
            .iter()
            .filter(|(name, _)| everywhere(name) && !secret(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}
