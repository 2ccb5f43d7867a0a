//! Where a call stands: the call itself, and the door to the host.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::plugin::{Diagnostics, error};
use crate::{Call, Ref};

/// How loud a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostLevel {
    /// Shown with `-v`.
    Debug,
    /// Shown with `-v`.
    Info,
    /// Always shown.
    Warning,
}

/// What the host offers, see the interface `host` of the contract.
pub trait Host {
    /// Logs a line.
    fn log(&self, level: HostLevel, message: &str);
    /// Fresh random bytes; in `provision` alone.
    fn entropy(&self, length: u32) -> Vec<u8>;
    /// Facts by instance that `role` gave about `subject`.
    fn facts(&self, subject: &str, role: &str) -> Vec<(String, String)>;
    /// A kept item or a configured file.
    fn kept(&self, from: &Ref) -> Option<Vec<u8>>;
    /// What this plugin's operations remembered about a subject.
    fn state(&self, subject: &str) -> Option<String>;
}

/// One call: about whom, with which options, and the host to ask.
pub struct At<'a> {
    /// The call as it came.
    pub call: &'a Call,
    /// The host.
    pub host: &'a dyn Host,
}

impl At<'_> {
    /// The options as a type of the plugin's own; the host has checked them against the schema and filled in defaults.
    pub fn options<T: DeserializeOwned>(&self) -> Result<T, Diagnostics> {
        serde_json::from_str(&self.call.options)
            .map_err(|fault| vec![error("options", "", format!("options do not fit: {fault}"))])
    }

    /// The image that the user or the descriptor chose for `name`.
    pub fn image(&self, name: &str) -> String {
        self.call
            .images
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, image)| image.clone())
            .unwrap_or_default()
    }

    /// The facts of the one plugin that fills `role`, about `subject`.
    pub fn fact<T: DeserializeOwned>(&self, subject: &str, role: &str) -> Result<T, Diagnostics> {
        let all = self.host.facts(subject, role);
        let Some((instance, text)) = all.first() else {
            return Err(vec![error(
                "facts",
                "",
                format!("role {role} gave no facts about {subject}"),
            )]);
        };
        serde_json::from_str(text).map_err(|fault| {
            vec![error(
                "facts",
                "",
                format!("facts of {role}/{instance} about {subject} do not fit: {fault}"),
            )]
        })
    }

    /// The facts of all instances of `role` about `subject`.
    pub fn facts(&self, subject: &str, role: &str) -> BTreeMap<String, Value> {
        self.host
            .facts(subject, role)
            .into_iter()
            .map(|(instance, text)| (instance, serde_json::from_str(&text).unwrap_or(Value::Null)))
            .collect()
    }

    /// A reference to what this plugin itself made about the subject of the call.
    pub fn own(&self, name: &str) -> Ref {
        self.own_of(&self.call.subject, name)
    }

    /// A reference to what this plugin itself made about another subject.
    pub fn own_of(&self, subject: &str, name: &str) -> Ref {
        Ref {
            role: self.call.role.clone(),
            instance: self.call.instance.clone(),
            subject: subject.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The bytes of a kept item of this plugin about the subject of the call, if there are any and they may be seen.
    pub fn kept(&self, name: &str) -> Option<Vec<u8>> {
        self.host.kept(&self.own(name))
    }

    /// Like [`At::kept`], as text.
    pub fn kept_text(&self, name: &str) -> Option<String> {
        self.kept(name)
            .and_then(|bytes| String::from_utf8(bytes).ok())
    }

    /// Fresh random bytes; in `provision` alone.
    pub fn entropy<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        let bytes = self.host.entropy(u32::try_from(N).unwrap_or(u32::MAX));
        for (to, from) in out.iter_mut().zip(bytes) {
            *to = from;
        }
        out
    }
}
