//! Sections are read from the outside of a component, whatever stands in it.

use chain_plugin_toolchain::section;

#[test]
fn a_component_without_sections_has_none() {
    let empty = b"\0asm\x0d\0\x01\0";
    assert_eq!(section::read(empty, section::CONTRACT).unwrap(), None);
}

#[test]
fn what_is_no_component_is_an_error() {
    assert!(section::read(b"#!/bin/sh", section::CONTRACT).is_err());
}

#[test]
fn sections_are_found_behind_each_other() {
    let mut binary = b"\0asm\x0d\0\x01\0".to_vec();
    section::append(&mut binary, section::CONTRACT, &[0, 1, 0, 0, 0, 0]);
    section::append(&mut binary, section::DESCRIPTOR, b"{}");
    assert_eq!(
        section::read(&binary, section::CONTRACT).unwrap(),
        Some(&[0, 1, 0, 0, 0, 0][..])
    );
    assert_eq!(
        section::read(&binary, section::DESCRIPTOR).unwrap(),
        Some(&b"{}"[..])
    );
}
