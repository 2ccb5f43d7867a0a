//! What a guest computes when it is built is there when it runs.

use chain_plugin_toolchain::{engine, warm};
use wasmtime::{Instance, Module, Store};

#[test]
fn memory_and_globals_are_those_that_the_function_left() {
    let module = wat::parse_str(format!(
        r#"(module
            (import "host" "log" (func $log))
            (memory (export "memory") 1)
            (global $count (mut i32) (i32.const 0))
            (data (i32.const 16) "before")
            (func (export "{}")
                (i32.store (i32.const 8) (i32.const 42))
                (global.set $count (i32.const 7)))
            (func (export "table") (result i32) (i32.load (i32.const 8)))
            (func (export "count") (result i32) (global.get $count)))"#,
        warm::EXPORT
    ))
    .unwrap();
    let warmed = warm::warm("x", &module).unwrap();

    let engine = engine::engine().unwrap();
    let module = Module::new(&engine, &warmed).unwrap();
    assert!(module.get_export(warm::EXPORT).is_none());
    let mut store = Store::new(&engine, ());
    store.set_epoch_deadline(1);
    let log = wasmtime::Func::wrap(&mut store, || ());
    let instance = Instance::new(&mut store, &module, &[log.into()]).unwrap();
    let mut asked = |name: &str| {
        let function = instance
            .get_typed_func::<(), i32>(&mut store, name)
            .unwrap();
        function.call(&mut store, ()).unwrap()
    };
    assert_eq!((asked("table"), asked("count")), (42, 7));
}

#[test]
fn a_guest_that_asks_its_host_while_it_is_built_is_refused() {
    let module = wat::parse_str(format!(
        r#"(module
            (import "host" "entropy" (func $entropy))
            (memory (export "memory") 1)
            (func (export "{}") (call $entropy)))"#,
        warm::EXPORT
    ))
    .unwrap();
    assert!(warm::warm("x", &module).is_err());
}
