//! scrypt as guests run it, in vectors under the engine of the host, derives what the RFC and the library say.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;

use chain_plugin_toolchain::{engine, guest, misplaced};
use wasmparser::{Operator, Parser, Payload};
use wasmtime::{Instance, Memory, Module, Store, TypedFunc};

struct Guest {
    store: Store<()>,
    put: TypedFunc<u32, ()>,
    derive: TypedFunc<(u64, u32, u32, u32, u32), u32>,
    get: TypedFunc<u32, u32>,
    memory: Memory,
}

impl Guest {
    fn start() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scrypt/tests/guest");
        let found = guest::find(&manifest).unwrap();
        let built = guest::build(&[found], None).unwrap();
        let code = std::fs::read(&built[0]).unwrap();
        assert_eq!(misplaced::find("scrypt-guest", &code).unwrap(), None);
        assert_eq!(shuffles(&code), 0, "each is a call on the baseline CPU");
        let engine = engine::engine().unwrap();
        let module = Module::new(&engine, &code).unwrap();
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        Self {
            put: instance.get_typed_func(&mut store, "put").unwrap(),
            derive: instance.get_typed_func(&mut store, "derive").unwrap(),
            get: instance.get_typed_func(&mut store, "get").unwrap(),
            memory: instance.get_memory(&mut store, "memory").unwrap(),
            store,
        }
    }

    fn derive(
        &mut self,
        password: &[u8],
        salt: &[u8],
        (n, r, p): (u64, u32, u32),
        length: u32,
    ) -> Vec<u8> {
        for byte in [password, salt].concat() {
            self.put.call(&mut self.store, byte.into()).unwrap();
        }
        let password = u32::try_from(password.len()).unwrap();
        let given = (n, r, p, password, length);
        assert_eq!(self.derive.call(&mut self.store, given).unwrap(), 1);
        // Of the tables, which have hundreds of pages in the vectors of the RFC, nothing is left.
        let memory = self.memory.data(&self.store);
        let left = memory.chunks(4096).filter(|page| **page != [0; 4096]);
        let left = left.count();
        assert!(left < 100, "{left} pages after {given:?}");
        (0..length)
            .map(|place| self.get.call(&mut self.store, place).unwrap())
            .map(|byte| u8::try_from(byte).unwrap())
            .collect()
    }
}

/// Instructions that move bytes within vectors, in all functions of a module.
fn shuffles(module: &[u8]) -> usize {
    let bodies = Parser::new(0)
        .parse_all(module)
        .filter_map(|payload| match payload.unwrap() {
            Payload::CodeSectionEntry(body) => Some(body),
            _ => None,
        });
    let moves = |operator: &Operator| {
        matches!(
            operator,
            Operator::I8x16Shuffle { .. } | Operator::I8x16Swizzle
        )
    };
    bodies
        .map(|body| {
            let operators = body.get_operators_reader().unwrap().into_iter();
            operators.map(Result::unwrap).filter(|it| moves(it)).count()
        })
        .sum()
}

#[test]
fn a_guest_derives_what_the_rfc_and_the_library_say() {
    let mut guest = Guest::start();

    // RFC 7914, section 12.
    let mut derived = |password: &str, salt: &str, params| {
        hex::encode(guest.derive(password.as_bytes(), salt.as_bytes(), params, 64))
    };
    assert_eq!(
        derived("", "", (16, 1, 1)),
        "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442\
         fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
    );
    assert_eq!(
        derived("password", "NaCl", (1024, 8, 16)),
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162\
         2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
    );
    assert_eq!(
        derived("pleaseletmein", "SodiumChloride", (16384, 8, 1)),
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2\
         d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
    );

    // A linear congruence draws parameters; the upper bits are the better ones.
    let mut state = 1_u64;
    let mut drawn = |below: u32| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(state >> 40).unwrap() % below
    };
    for _ in 0..200 {
        let (log_n, r, p) = (1 + drawn(9), 1 + drawn(12), 1 + drawn(6));
        let mut text = |below| -> Vec<u8> {
            let length = drawn(below);
            (0..length)
                .map(|_| u8::try_from(drawn(256)).unwrap())
                .collect()
        };
        let (password, salt) = (text(100), text(100));
        let length = 1 + drawn(200);
        let mut theirs = vec![0; length as usize];
        let params = scrypt::Params::new(u8::try_from(log_n).unwrap(), r, p).unwrap();
        scrypt::scrypt(&password, &salt, &params, &mut theirs).unwrap();
        let ours = guest.derive(&password, &salt, (1 << log_n, r, p), length);
        assert_eq!(ours, theirs, "n = 2^{log_n}, r = {r}, p = {p}");
    }
}
