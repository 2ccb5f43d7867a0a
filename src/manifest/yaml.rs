//! Objects as text: multi-document YAML that kubectl reads as it was meant, JSON lists, and names.
//!
//! kubectl reads YAML 1.1: `yes`, `1_000`, `1:30` and `=` must be quoted to stay strings. Long lines are never folded.

use std::cell::RefCell;
use std::io::Write;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_saphyr::{DoubleQuoted, LitStr};
use thiserror::Error;

use super::object::Object;
use crate::parts::in_parts;

/// Writing failed; only by a fault of the writer.
#[derive(Debug, Error)]
pub enum Error {
    /// YAML.
    #[error("{object} cannot be written as yaml")]
    Yaml {
        /// The object.
        object: String,
        /// Why.
        #[source]
        source: serde_saphyr::ser::Error,
    },
    /// JSON.
    #[error("objects cannot be written as json")]
    Json(#[source] serde_json::Error),
    /// The output is closed or full.
    #[error("objects cannot be written")]
    Output(#[from] std::io::Error),
}

impl From<serde_json::Error> for Error {
    fn from(fault: serde_json::Error) -> Self {
        // A fault of the output stays one: a closed pipe must be found below.
        if fault.is_io() {
            Self::Output(fault.into())
        } else {
            Self::Json(fault)
        }
    }
}

/// All objects as YAML documents, with `---` between them; written on all cores when there are many.
pub fn documents(objects: &[Object]) -> Result<String, Error> {
    let parts: Vec<String> = in_parts(objects, 64, |part| -> Result<String, Error> {
        let mut out = Vec::new();
        write_documents(part, &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    })
    .into_iter()
    .collect::<Result<_, Error>>()?;
    Ok(parts.join("---\n"))
}

/// The same, written piece by piece: a thousand nodes are hundreds of megabytes.
pub fn write_documents<'a>(
    objects: impl IntoIterator<Item = &'a Object>,
    to: &mut dyn Write,
) -> Result<(), Error> {
    let mut text = String::new();
    for (index, object) in objects.into_iter().enumerate() {
        text.clear();
        if index > 0 {
            text.push_str("---\n");
        }
        value_into(&mut text, &object.value).map_err(|source| Error::Yaml {
            object: object.display(),
            source,
        })?;
        to.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// One value as YAML, for other commands (`-o spec`).
pub fn value(value: &Value) -> Result<String, serde_saphyr::ser::Error> {
    let mut out = String::new();
    value_into(&mut out, value)?;
    Ok(out)
}

fn value_into(out: &mut String, value: &Value) -> Result<(), serde_saphyr::ser::Error> {
    // Long lines are never folded, and only text that every reader takes is written as a block.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_fmt_writer_with_options(out, &Readable(value), options)?;
    if !out.ends_with('\n') {
        out.push('\n');
    }
    Ok(())
}

/// A value whose text of several lines is a block where that is safe, and quoted with escapes where it is not.
struct Readable<'a>(&'a Value);

impl Serialize for Readable<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if is_block(text) => LitStr(text).serialize(to),
            Value::String(text) if text.contains(['\n', '\r']) => DoubleQuoted(text).serialize(to),
            Value::Array(list) => to.collect_seq(list.iter().map(Readable)),
            Value::Object(map) => to.collect_map(map.iter().map(|(k, v)| (k, Readable(v)))),
            scalar => scalar.serialize(to),
        }
    }
}

/// Several lines that every reader of YAML takes as a literal block: the first starts with a letter or sign, none with a
/// tab, nothing that cannot be printed.
fn is_block(text: &str) -> bool {
    let odd = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
    };
    text.contains('\n')
        && !text.starts_with(char::is_whitespace)
        && !text.contains(odd)
        && !text.contains("\n\t")
        && !text
            .lines()
            .any(|line| line.trim().is_empty() && !line.is_empty())
}

/// All objects as one JSON `List`, as `kubectl get -o json` prints it; written piece by piece.
pub fn write_json_list<'a>(
    objects: impl IntoIterator<Item = &'a Object>,
    to: &mut dyn Write,
) -> Result<(), Error> {
    let mut json = serde_json::Serializer::pretty(&mut *to);
    let mut list = json.serialize_map(Some(3))?;
    list.serialize_entry("apiVersion", "v1")?;
    list.serialize_entry("kind", "List")?;
    list.serialize_entry("items", &Items(RefCell::new(Some(objects.into_iter()))))?;
    list.end()?;
    to.write_all(b"\n")?;
    Ok(())
}

/// What an iterator gives, as a list; to be written once.
struct Items<I>(RefCell<Option<I>>);

impl<'a, I: Iterator<Item = &'a Object>> Serialize for Items<I> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let objects = self.0.take();
        to.collect_seq(objects.into_iter().flatten().map(|object| &object.value))
    }
}

/// One `kind.group/name` a line.
pub fn write_names<'a>(
    objects: impl IntoIterator<Item = &'a Object>,
    to: &mut dyn Write,
) -> Result<(), Error> {
    for object in objects {
        writeln!(to, "{}", object.display())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Words that some reader of YAML takes for something else than text.
    const NASTY: &[&str] = &[
        "",
        " ",
        "yes",
        "Yes",
        "YES",
        "no",
        "No",
        "on",
        "On",
        "off",
        "OFF",
        "y",
        "Y",
        "n",
        "N",
        "true",
        "True",
        "false",
        "null",
        "Null",
        "~",
        "NULL",
        "1_000",
        "=",
        "<<",
        "1:30",
        "190:20:30",
        "190:20:30.15",
        "2024-01-01",
        "2001-12-14t21:59:43.10-05:00",
        "0x10",
        "0o14",
        "012",
        "0b101",
        "1e3",
        "1.",
        ".5",
        "+1",
        "-0",
        ".inf",
        "-.INF",
        ".nan",
        "1,000",
        "- a",
        "-",
        "--- a",
        "---",
        "...",
        "? a",
        ": a",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "&a",
        "*a",
        "!a",
        "!!str a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "{a}",
        "[a]",
        "'",
        "\"",
        "\\",
        "a\tb",
        "\ta",
        "a ",
        " a",
        "a\n",
        "a\n\n",
        "\na",
        "a\nb",
        "a \nb\t\n",
        " a\nb\n",
        "a\n b\n",
        "a\r\nb",
        "a\rb",
        "\u{7}",
        "\u{0}",
        "\u{1b}[0m",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{feff}",
        "鏈",
        "链\n上",
        "🦀",
        "0xdeadbeef",
        "0X1F",
        "0x0000000000000000000000000000000000000001",
        "12345678901234567890123",
        "1__0",
        "0_7",
        "_1",
        "1_",
        "685_230.15",
        "a\n---\nb\n",
        "key: |\n  text\n",
        "\n",
        "\n\n",
        "  \n",
        "\t\n",
        "x\n\t\n",
    ];

    fn nasty() -> Value {
        let long = "word ".repeat(60);
        let mut values: Vec<Value> = NASTY.iter().map(|w| json!(w)).collect();
        values.push(json!(long));
        values.push(json!(format!("{long}\n  {long}\n")));
        values.extend([
            json!(1),
            json!(-1),
            json!(1.5),
            json!(true),
            Value::Null,
            json!([]),
            json!({}),
        ]);
        let map: serde_json::Map<String, Value> =
            NASTY.iter().map(|w| ((*w).to_owned(), json!(w))).collect();
        json!({"list": values, "map": map, "nested": [[1, ["yes"]], {"a": [{"b": "on"}]}]})
    }

    #[test]
    fn nasty_words_come_back_as_the_same_strings() {
        let text = value(&nasty()).unwrap();
        let back: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(back, nasty(), "{text}");
    }

    #[test]
    fn words_that_yaml_1_1_reads_otherwise_are_quoted() {
        for word in [
            "yes",
            "no",
            "on",
            "off",
            "y",
            "n",
            "Y",
            "N",
            "1_000",
            "=",
            "<<",
            "1:30",
            "2024-01-01",
            "0x10",
            "012",
            "1e3",
            "~",
            "null",
            "0b101",
            "190:20:30.15",
            ".inf",
            "",
        ] {
            let text = value(&json!({"a": word})).unwrap();
            assert!(
                text.starts_with("a: '") || text.starts_with("a: \""),
                "{word:?} is written as {text:?}"
            );
        }
    }

    #[test]
    fn kubectl_reads_what_was_meant() {
        use std::process::{Command, Stdio};
        let words: serde_json::Map<String, Value> = NASTY
            .iter()
            .enumerate()
            .map(|(i, w)| (format!("k{i:03}"), json!(w)))
            .collect();
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": words});
        let child = Command::new("kubectl")
            .args(["annotate", "--local", "-f", "-", "a=b", "-o", "json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            eprintln!("skipped: there is no kubectl");
            return;
        };
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(value(&map).unwrap().as_bytes()).unwrap();
        drop(stdin);
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success());
        let read: Value = serde_json::from_slice(&out.stdout).unwrap();
        for (key, word) in map["data"].as_object().unwrap() {
            assert_eq!(read["data"][key], *word);
        }
    }

    #[test]
    fn documents_are_separated_and_stand_alone() {
        let object = |name: &str| Object {
            cluster: String::new(),
            value: json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}, "data": {"f": "---\n"}}),
        };
        let objects = [object("a"), object("b")];
        let text = documents(&objects).unwrap();
        assert_eq!(text.matches("\n---\n").count(), 1, "{text}");
        let mut out = Vec::new();
        write_names(&objects, &mut out).unwrap();
        assert_eq!(out, b"statefulset.apps/a\nstatefulset.apps/b\n");
        out.clear();
        write_json_list(&objects, &mut out).unwrap();
        assert!(out.ends_with(b"}\n"));
        let list: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            (&list["kind"], &list["items"][1]["metadata"]["name"]),
            (&json!("List"), &json!("b"))
        );
    }
}
