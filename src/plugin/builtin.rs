//! The plugins in this binary: descriptor, digest and precompiled code of each, put here by `build.rs`.

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
