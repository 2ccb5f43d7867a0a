//! Between the traits of an author and the exports of the component. Used by [`crate::export_plugin!`] alone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use crate::bindings::chain::plugin::host as imports;
use crate::bindings::exports::chain::plugin::{convert, operate, plugin, stack};
use crate::{
    At, Blob, Call, Configured, Convert, Diagnostic, Host, HostLevel, Operate, Outcome, Plugin,
    Provisioned, Ref, Rendered, Request, Stack, Subject, Topology, Turn, error,
};

pub use crate::bindings::exports::chain::plugin as exports;

struct Imports;

impl Host for Imports {
    fn log(&self, level: HostLevel, message: &str) {
        let level = match level {
            HostLevel::Debug => imports::Level::Debug,
            HostLevel::Info => imports::Level::Info,
            HostLevel::Warning => imports::Level::Warning,
        };
        imports::log(level, message);
    }
    fn entropy(&self, length: u32) -> Vec<u8> {
        imports::entropy(length)
    }
    fn facts(&self, subject: &str, role: &str) -> Vec<(String, String)> {
        imports::facts(subject, role)
    }
    fn kept(&self, from: &Ref) -> Option<Vec<u8>> {
        imports::kept(from)
    }
    fn state(&self, subject: &str) -> Option<String> {
        imports::state(subject)
    }
}

/// Exports the interface `plugin`.
pub struct PluginShim<T>(PhantomData<T>);
/// A session.
pub struct SessionShim<T>(T);
/// Exports the interface `stack`.
pub struct StackShim<T>(PhantomData<T>);
/// Exports the interface `convert`.
pub struct ConvertShim<T>(PhantomData<T>);
/// Exports the interface `operate`.
pub struct OperateShim<T>(PhantomData<T>);
/// A run of an operation.
pub struct RunShim<T>(RefCell<Running<T>>);

/// An operation, and what it has heard of the turn that is under way, when it wants whole ones.
struct Running<T> {
    operation: T,
    /// Number of steps of that turn.
    wanted: usize,
    held: BTreeMap<u32, Outcome>,
}

impl<T: Operate> Running<T> {
    fn new(operation: T) -> Self {
        Self {
            operation,
            wanted: 0,
            held: BTreeMap::new(),
        }
    }

    fn next(&mut self, outcomes: Vec<(u32, Outcome)>, host: &dyn Host) -> Turn {
        let outcomes = match self.operation.ended(outcomes, host) {
            Ok(turn) => return turn,
            Err(outcomes) => outcomes,
        };
        self.held.extend(outcomes);
        if self.held.len() < self.wanted {
            return Turn::Steps(Vec::new());
        }
        let whole = std::mem::take(&mut self.held).into_values().collect();
        let turn = self.operation.next(whole, host);
        if let Turn::Steps(steps) = &turn {
            self.wanted = steps.len();
        }
        turn
    }
}

impl<T: Plugin> plugin::Guest for PluginShim<T> {
    type Session = SessionShim<T>;
    fn describe() -> String {
        serde_json::to_string(&T::descriptor()).unwrap_or_default()
    }
}

impl<T: Plugin> plugin::GuestSession for SessionShim<T> {
    fn open(all: Topology) -> Result<plugin::Session, Vec<Diagnostic>> {
        T::open(all).map(|session| plugin::Session::new(SessionShim(session)))
    }
    fn provision(&self, at: Call) -> Result<Provisioned, Vec<Diagnostic>> {
        self.0.provision(&At {
            call: &at,
            host: &Imports,
        })
    }
    fn configure(&self, at: Call) -> Result<Configured, Vec<Diagnostic>> {
        self.0.configure(&At {
            call: &at,
            host: &Imports,
        })
    }
    fn render(&self, at: Call) -> Result<Rendered, Vec<Diagnostic>> {
        self.0.render(&At {
            call: &at,
            host: &Imports,
        })
    }
}

impl<T: Stack> stack::Guest for StackShim<T> {
    fn expand(
        spec: String,
        born: Vec<Subject>,
        next: Vec<(String, u32)>,
        now_ms: u64,
    ) -> Result<Vec<Subject>, Vec<Diagnostic>> {
        let spec = serde_json::from_str(&spec)
            .map_err(|fault| vec![error("spec", "", format!("the spec does not fit: {fault}"))])?;
        T::expand(spec, born, next.into_iter().collect(), now_ms)
    }
}

impl<T: Convert> convert::Guest for ConvertShim<T> {
    fn read(
        format: String,
        files: Vec<Blob>,
    ) -> Result<(String, Vec<Diagnostic>), Vec<Diagnostic>> {
        T::read(&format, files)
    }
    fn write(format: String, all: Topology) -> Result<Vec<Blob>, Vec<Diagnostic>> {
        T::write(&format, all, &Imports)
    }
}

impl<T: Operate> operate::Guest for OperateShim<T> {
    type Run = RunShim<T>;
}

impl<T: Operate> operate::GuestRun for RunShim<T> {
    fn start(all: Topology, what: Request) -> Result<operate::Run, Vec<Diagnostic>> {
        T::start(all, what, &Imports)
            .map(|run| operate::Run::new(RunShim(RefCell::new(Running::new(run)))))
    }
    fn next(&self, outcomes: Vec<(u32, Outcome)>) -> Turn {
        self.0.borrow_mut().next(outcomes, &Imports)
    }
}

/// Exports a plugin: `export_plugin!(Kms)`, or with what else it has:
/// `export_plugin!(Cita, stack = Cita, operate = Status)`.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ty $(, $part:ident = $with:ty)* $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::glue::PluginShim<$plugin>;
            $crate::bindings::exports::chain::plugin::plugin::__export_chain_plugin_plugin_1_0_0_cabi!(
                Exported with_types_in $crate::bindings::exports::chain::plugin::plugin
            );
            #[unsafe(export_name = "chain:warm")]
            extern "C" fn warm() {
                <$plugin as $crate::Plugin>::warm();
            }
            $( $crate::export_part!($part, $with); )*
        };
    };
}

/// One optional interface of [`export_plugin!`].
#[doc(hidden)]
#[macro_export]
macro_rules! export_part {
    (stack, $with:ty) => {
        const _: () = {
            type Exported = $crate::glue::StackShim<$with>;
            $crate::bindings::exports::chain::plugin::stack::__export_chain_plugin_stack_1_0_0_cabi!(
                Exported with_types_in $crate::bindings::exports::chain::plugin::stack
            );
        };
    };
    (convert, $with:ty) => {
        const _: () = {
            type Exported = $crate::glue::ConvertShim<$with>;
            $crate::bindings::exports::chain::plugin::convert::__export_chain_plugin_convert_1_0_0_cabi!(
                Exported with_types_in $crate::bindings::exports::chain::plugin::convert
            );
        };
    };
    (operate, $with:ty) => {
        const _: () = {
            type Exported = $crate::glue::OperateShim<$with>;
            $crate::bindings::exports::chain::plugin::operate::__export_chain_plugin_operate_1_0_0_cabi!(
                Exported with_types_in $crate::bindings::exports::chain::plugin::operate
            );
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Act, Diagnostics, Response, Step, TestHost};

    /// Asks two, then one for each answer, and tells what it was given.
    struct Whole(Vec<Vec<i32>>);

    impl Operate for Whole {
        fn start(_: Topology, _: Request, _: &dyn Host) -> Result<Self, Diagnostics> {
            Ok(Self(Vec::new()))
        }

        fn next(&mut self, outcomes: Vec<Outcome>, _: &dyn Host) -> Turn {
            let code = |it: &Outcome| it.answer.as_ref().map_or(-1, |it| it.code);
            self.0.push(outcomes.iter().map(code).collect());
            let step = Step {
                on: "chain".to_owned(),
                says: String::new(),
                sensitive: false,
                timeout_ms: 0,
                act: Act::Sleep(1),
            };
            match self.0.len() {
                1 | 2 => Turn::Steps(vec![step.clone(), step]),
                _ => Turn::Failed(Vec::new()),
            }
        }
    }

    #[test]
    fn an_operation_that_wants_whole_turns_gets_them_in_their_order() {
        let host = TestHost::default();
        let mut running = Running::new(Whole(Vec::new()));
        let outcome = |number: u32, code: i32| {
            let answer = Ok(Response {
                code,
                body: Vec::new(),
                more: String::new(),
            });
            (number, Outcome { at_ms: 0, answer })
        };
        let count = |turn: &Turn| match turn {
            Turn::Steps(steps) => steps.len(),
            _ => 9,
        };
        assert_eq!(count(&running.next(Vec::new(), &host)), 2);
        assert_eq!(count(&running.next(vec![outcome(1, 11)], &host)), 0);
        assert_eq!(count(&running.next(vec![outcome(0, 10)], &host)), 2);
        assert_eq!(
            count(&running.next(vec![outcome(3, 13), outcome(2, 12)], &host)),
            9
        );
        assert_eq!(running.operation.0, [vec![], vec![10, 11], vec![12, 13]]);
    }
}
