//! Scalars as typed, places, and files that must not be read.

use super::*;
use serde_json::json;

fn parse(text: &str) -> Node {
    Node::parse(text).unwrap()
}

fn refused(text: &str) -> String {
    Node::parse(text).unwrap_err().to_string()
}

#[test]
fn scalars_keep_their_text() {
    let node = parse("a: 0x0784\nb: 2.10\nc: \"yes\"\nd: 1e400\n");
    let text = |key: &str| node.get(key).unwrap().text().unwrap().to_owned();
    assert_eq!((text("a"), text("b")), ("0x0784".into(), "2.10".into()));
    assert_eq!(node.get("c").unwrap().boolean(), None);
    assert_eq!(
        node.json(),
        json!({"a": "0x0784", "b": "2.10", "c": "yes", "d": "1e400"})
    );
}

#[test]
fn types_are_read_on_demand() {
    let node = parse("{n: 10, q: '10', x: 0x10, o: 010, y: yes, f: off, e: , t: ~}");
    let number = |key: &str| node.get(key).unwrap().number();
    assert_eq!(
        [number("n"), number("q"), number("x"), number("o")],
        [Some(10), Some(10), Some(16), None]
    );
    assert_eq!(node.get("y").unwrap().boolean(), Some(true));
    assert_eq!(node.get("f").unwrap().boolean(), Some(false));
    assert!(node.get("e").unwrap().is_null() && node.get("t").unwrap().is_null());
    assert!(parse("").is_null());
}

#[test]
fn anchors_and_merge_keys_work() {
    let node = parse(
        "base: &b {x: 1, y: 2}\nmore: &m {y: 9, z: 4}\nmade: {<<: [*b, *m], z: 3}\nlist: [*b]\n",
    );
    assert_eq!(
        node.get("made").unwrap().json(),
        json!({"x": 1, "y": 2, "z": 3})
    );
    assert_eq!(node.get("list").unwrap().json(), json!([{"x": 1, "y": 2}]));
    assert_eq!(parse("{'<<': 1}").json(), json!({"<<": 1}));
    assert_eq!(parse("a: {<<: , x: 1}").json(), json!({"a": {"x": 1}}));
}

#[test]
fn a_place_is_that_of_what_was_written() {
    let node = parse("base: &b\n  x: {deep: 1}\nmade:\n  <<: *b\n  y: *b\nlist:\n  - *b\n");
    let mark = |line, column| Mark { line, column };
    let made = node.get("made").unwrap();
    let marks: Vec<(&str, Mark)> = made
        .entries()
        .iter()
        .map(|entry| (entry.key.as_str(), entry.mark))
        .collect();
    assert_eq!(marks, [("y", mark(5, 3)), ("x", mark(2, 3))]);
    let deep = &made.get("x").unwrap().entries()[0];
    assert_eq!(deep.mark, mark(2, 7));
    assert_eq!(
        node.get("list").unwrap().items()[0].entries()[0].mark,
        mark(2, 3)
    );
}

#[test]
fn faults_name_their_line() {
    for (text, message) in [
        ("a: 1\na: 2\n", "line 2: key \"a\" stands twice"),
        (
            "a: 1\n---\nb: 2\n",
            "line 2: a second document begins, expected one",
        ),
        ("? [a]\n: 1\n", "line 1: a key must be a plain word"),
        (
            "a: 1\nb:\n  <<: word\n",
            "line 3: `<<` merges a map or a list of maps",
        ),
        (
            "a:\n  <<: [1]\n",
            "line 2: `<<` merges a map or a list of maps",
        ),
        ("a: &a [*a]\n", "line 1: an alias within its own anchor"),
    ] {
        assert_eq!(refused(text), message);
    }
    for text in ["a: [1\nb: }", "a: *none\n"] {
        assert!(matches!(Node::parse(text), Err(YamlError::Syntax { .. })));
    }
}

#[test]
fn files_that_grow_are_refused() {
    let large = |text: &str| matches!(Node::parse(text), Err(YamlError::TooLarge(_)));
    // Ten times as much at each level.
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.extend([format!("a{level}: &a{level} [{aliases}]\n")]);
    }
    assert!(large(&bomb));
    // A long text again and again.
    let word = "x".repeat(100_000);
    let aliases = vec!["*w"; 1000].join(", ");
    assert!(large(&format!("w: &w {word}\nl: [{aliases}]\n")));
    // A large map merged into many.
    let keys: String = (0..2000).map(|n| format!("  k{n}: 1\n")).collect();
    let maps = vec!["{<<: *b}"; 1000].join(", ");
    assert!(large(&format!("b: &b\n{keys}l: [{maps}]\n")));
    // A level more with each alias.
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..200 {
        chain.extend([format!("a{level}: &a{level} [*a{}]\n", level - 1)]);
    }
    assert!(large(&chain));
    for depth in [100, 100_000] {
        let deep = "[".repeat(depth) + &"]".repeat(depth);
        assert!(Node::parse(&deep).is_err(), "{depth}");
    }
    assert!(large(&" ".repeat(MAX_BYTES + 1)));
}

#[test]
fn many_keys_are_read_soon() {
    let text: String = (0..40_000).map(|n| format!("k{n}: 1\n")).collect();
    assert_eq!(parse(&text).entries().len(), 40_000);
}
