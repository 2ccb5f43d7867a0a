//! What a guest computes once is computed when it is built.
//!
//! A guest that exports `chain:warm` is instantiated here, that function runs, and the memory as it is then becomes the
//! data of the module: tables of base points, say, which would otherwise be made anew in each session. The function has
//! no imports, so no entropy, and what it leaves behind is as public as the component.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::{Instance, Linker, Module, Store, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

use crate::BuildError;

/// The export that is called; it is not one of the component.
pub const EXPORT: &str = "chain:warm";

/// The module with its memory as [`EXPORT`] leaves it.
pub fn warm(what: &str, module: &[u8]) -> Result<Vec<u8>, BuildError> {
    snapshot(module).map_err(|source| BuildError::Engine {
        what: what.to_owned(),
        source,
    })
}

fn snapshot(module: &[u8]) -> wasmtime::Result<Vec<u8>> {
    let mut wizer = Wizer::new();
    wizer.init_func(EXPORT);
    let (context, instrumented) = wizer.instrument(module)?;
    let engine = crate::engine::engine()?;
    let mut store = Store::new(&engine, ());
    // The epoch does not move: cargo compiled this guest a moment ago, and whoever builds it can stop it.
    store.set_epoch_deadline(1);
    let module = Module::new(&engine, &instrumented)?;
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&module)?;
    let instance = linker.instantiate(&mut store, &module)?;
    instance
        .get_typed_func::<(), ()>(&mut store, EXPORT)?
        .call(&mut store, ())?;
    let mut warmed = Warmed { store, instance };
    at_once(wizer.snapshot(&context, &mut warmed))
        .unwrap_or_else(|| Err(wasmtime::Error::msg("the snapshot waits for something")))
}

/// The result of a future that never waits.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

struct Warmed {
    store: Store<()>,
    instance: Instance,
}

impl InstanceState for Warmed {
    async fn global_get(&mut self, name: &str, kind: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut self.store, name);
        match (global.map(|global| global.get(&mut self.store)), kind) {
            (Some(Val::I64(value)), _) => SnapshotVal::I64(value),
            (Some(Val::F32(value)), _) => SnapshotVal::F32(value),
            (Some(Val::F64(value)), _) => SnapshotVal::F64(value),
            (Some(Val::V128(value)), _) => SnapshotVal::V128(value.as_u128()),
            (Some(Val::I32(value)), _) => SnapshotVal::I32(value),
            // The tool asks for the globals that it has just found in the module, and refused others before.
            (other, kind) => unreachable!("global {name} of type {kind} is {other:?}"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        match self.instance.get_memory(&mut self.store, name) {
            Some(memory) => contents(memory.data(&self.store)),
            None => unreachable!("memory {name} was in the module"),
        }
    }
}
