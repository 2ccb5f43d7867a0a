//! Scalars as typed, and files that must not be read.

use super::*;
use serde_json::json;

fn parse(text: &str) -> Node {
    Node::parse(text).unwrap()
}

#[test]
fn scalars_keep_their_text() {
    let node =
        parse("a: 0x078426792F49BF76A94CFD2A1A35EBE8832DE3F1\nb: 2.10\nc: \"yes\"\nd: 1e400\n");
    assert_eq!(
        node.get("a").unwrap().text(),
        Some("0x078426792F49BF76A94CFD2A1A35EBE8832DE3F1")
    );
    assert_eq!(
        node.get("a").unwrap().json(),
        json!("0x078426792F49BF76A94CFD2A1A35EBE8832DE3F1")
    );
    assert_eq!(node.get("b").unwrap().text(), Some("2.10"));
    assert_eq!(node.get("c").unwrap().boolean(), None);
    assert_eq!(node.get("d").unwrap().json(), json!("1e400"));
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
    let node = parse("base: &b {x: 1, y: 2}\nmade: {<<: *b, y: 3}\nlist: [*b]\n");
    assert_eq!(
        node.json(),
        json!({"base": {"x": 1, "y": 2}, "made": {"y": 3, "x": 1}, "list": [{"x": 1, "y": 2}]})
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
    ] {
        assert_eq!(Node::parse(text).unwrap_err().to_string(), message);
    }
    assert!(matches!(
        Node::parse("a: [1\nb: }"),
        Err(YamlError::Syntax { .. })
    ));
}

#[test]
fn files_that_grow_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.extend([format!("a{level}: &a{level} [{aliases}]\n")]);
    }
    assert!(matches!(Node::parse(&bomb), Err(YamlError::TooLarge(_))));
    let deep = "[".repeat(100) + &"]".repeat(100);
    assert!(matches!(Node::parse(&deep), Err(YamlError::TooLarge(_))));
}
