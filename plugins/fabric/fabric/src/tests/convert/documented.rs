//! The files and operations that docs/fabric.md shows.

use super::*;

const PAGE: &str = include_str!("../../../../../../docs/fabric.md");

/// The indented blocks of the page that begin with a line.
fn blocks(first: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let (mut within, mut open) = (false, false);
    for line in PAGE.lines() {
        let Some(line) = line.strip_prefix("    ") else {
            (within, open) = (false, false);
            continue;
        };
        if !within && line.starts_with(first) {
            all.push(String::new());
            open = true;
        }
        within = true;
        if open {
            all.last_mut().unwrap().extend([line, "\n"]);
        }
    }
    all
}

#[test]
fn what_the_page_says_of_organisations_is_understood() {
    for first in ["# chain.yaml", "orgs:"] {
        let text = blocks(first).remove(0);
        let tree = Node::parse(&text).unwrap().json();
        let mut spec = tree.get("spec").unwrap_or(&tree).clone();
        if spec["channels"][0]["orgs"] == json!(["bank", "org1"]) {
            let orgs = spec["orgs"].as_array_mut().unwrap();
            orgs.push(json!({"name": "org1"}));
        }
        let read = Read {
            spec,
            notes: Vec::new(),
        };
        let all = read.expanded();
        assert_eq!(ids(&all, "orderer").len(), 3, "{first}");
        assert_eq!(ids(&all, "peer").len(), 4, "{first}");
        assert_eq!(ids(&all, "chaincode"), ["basic"], "{first}");
    }
}

#[test]
fn what_the_page_says_can_be_run_can_be_run() {
    let operations = crate::descriptor::descriptor().operations;
    let known = |name: &str| operations.iter().any(|it| it.name == name);
    let table = PAGE.split("| `kubectl chain run ...` | |").nth(1).unwrap();
    let rows: Vec<&str> = table
        .lines()
        .skip(2)
        .take_while(|row| row.starts_with("| `"))
        .collect();
    for row in &rows {
        let row = row.trim_start_matches("| `");
        let name = row.split([' ', '`']).next().unwrap();
        assert!(known(name), "{name}");
    }
    assert!(rows.len() >= 6, "{rows:?}");
}

#[test]
fn kinds_that_the_page_names_are_those_of_the_stack() {
    let kinds = crate::descriptor::descriptor().kinds;
    let under_spec = blocks("# chain.yaml, under spec");
    assert_eq!(under_spec.len(), 2);
    for text in under_spec {
        let tree = Node::parse(&text).unwrap();
        for section in tree.entries() {
            for entry in section.value.get("byKind").unwrap().entries() {
                let known = kinds.iter().any(|kind| kind.name == entry.key);
                assert!(known, "{}", entry.key);
            }
        }
    }
}
