//! Generated from the contract. Authors use the re-exports at the root of the crate.
#![allow(
    unsafe_code,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::panic
)]

wit_bindgen::generate!({
    world: "everything",
    path: "wit",
    pub_export_macro: true,
    additional_derives: [PartialEq],
});
