//! One verb, one file: a clap `Args` struct that is data only, and its `run`.

pub mod apply;
pub mod arguments;
pub mod change;
pub mod circumstances;
pub mod completion;
pub mod convert;
pub mod create;
pub mod delete;
pub mod export;
pub mod get;
pub mod grants;
pub mod home;
pub mod hooks;
pub mod join;
pub mod logs;
pub mod notes;
pub mod plugin;
pub mod reached;
pub mod run;
pub mod scene;
pub mod spec_flags;
pub mod status;
pub mod stop;
pub mod version;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::OnceLock;

use anyhow::Context as _;
use clap::ArgMatches;

use crate::cli::{self, Cli, Command};
use crate::cluster::{ClusterError, Connection};
use crate::pipeline::form::{FormError, LOCK_MS};
use crate::plugin::{Catalog, Runtime};
use crate::state::lock::{self, LockError};
use crate::state::{ObjectId, Store, StoreError};
use crate::ui::{self, Message, Printer};

/// What every command gets.
pub struct Context {
    /// Prints.
    pub printer: Printer,
    /// Connection flags.
    pub connect: crate::cluster::ConnectFlags,
    /// Plugins in sight.
    pub catalog: Catalog,
    /// What descriptors added to the command line.
    pub matches: ArgMatches,
    /// The engine, once it was needed.
    engine: OnceLock<Runtime>,
}

impl Context {
    /// The engine of plugins: one for the process, since a plugin is loaded for one.
    pub fn engine(&self) -> anyhow::Result<Runtime> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine.clone());
        }
        let made = Runtime::new()
            .map_err(anyhow::Error::from)
            .context("the plugin engine does not start")?;
        Ok(self.engine.get_or_init(|| made).clone())
    }
}

/// Runs one command line.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let plain = Printer::new(ui::ColorChoice::Auto);
    let catalog = match catalog(&args) {
        Ok(catalog) => catalog,
        Err(fault) => return fail(&plain, &fault.into()),
    };
    let (cli, matches) = match cli::parse(&args, &catalog) {
        Ok(parsed) => parsed,
        Err(fault) => return usage(&plain, &fault),
    };
    let printer = Printer::new(cli.color);
    let context = Context {
        printer,
        connect: cli.connect.clone(),
        catalog,
        matches,
        engine: OnceLock::new(),
    };
    let threads = std::thread::available_parallelism()
        .map_or(2, std::num::NonZero::get)
        .min(8);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(fault) => return fail(&context.printer, &fault.into()),
    };
    let result = runtime.block_on(dispatch(cli, context));
    // What still runs in the background (a follow, a watch) has nothing left to say.
    runtime.shutdown_background();
    result
}

async fn dispatch(cli: Cli, mut context: Context) -> ExitCode {
    let result = match cli.command {
        Command::Create(command) => Box::pin(command.run(&mut context)).await,
        Command::Apply(command) => Box::pin(command.run(&mut context)).await,
        Command::Get(command) => command.run(&context).await,
        Command::Status(command) => status::run(command, &mut context).await,
        Command::Logs(command) => match Connection::open(&context.connect).await {
            Ok(connection) => {
                command
                    .run(&context.connect, &connection, &context.printer)
                    .await
            }
            Err(fault) => Err(fault.into()),
        },
        Command::Run(command) => command.run(&mut context).await,
        Command::Stop(command) => command.run(&mut context).await,
        Command::Start(command) => command.run(&mut context).await,
        Command::Delete(command) => command.run(&context).await,
        Command::Plugin(command) => Box::pin(command.run(&mut context)).await,
        Command::Export(command) => command.run(&mut context).await,
        Command::Join(command) => Box::pin(command.run(&mut context)).await,
        Command::Convert(command) => command.run(&context),
        Command::Completion(command) => command.run(&context),
        Command::Version(command) => command.run(&context).await,
    };
    let flushed = context.printer.flush().map_err(anyhow::Error::from);
    match result.and_then(|well| flushed.map(|()| well)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => fail(&context.printer, &fault),
    }
}

/// Notes that are told once, however often they come: somebody who waits looks again and again.
#[derive(Debug, Default)]
struct Once(std::sync::Mutex<std::collections::BTreeSet<String>>);

impl Once {
    /// Tells that something is waited for.
    fn waiting(&self, printer: &Printer, what: &str, id: &ObjectId, why: &str) {
        let text = format!("waiting for {what}{}: {why}", in_cluster(&id.cluster));
        let mut told = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if told.insert(text.clone()) {
            printer.note(&text);
        }
    }
}

/// Keeps the lock that a run holds, or says that it is lost.
async fn keep_lock<S: Store>(store: &S, holder: &str) -> Result<(), ClusterError> {
    let now_ms = circumstances::now_ms().unwrap_or_default();
    lock::renew(store, holder, now_ms, LOCK_MS).await?;
    Ok(())
}

/// ` in west` of another cluster than the chain's home, to stand behind the name of what is there.
fn in_cluster(cluster: &str) -> String {
    if cluster.is_empty() {
        String::new()
    } else {
        format!(" in {cluster}")
    }
}

/// The built-in plugins, and every `.wasm` file that the command line names, so that their flags are known.
fn catalog(args: &[OsString]) -> Result<Catalog, crate::plugin::PluginError> {
    let mut catalog = Catalog::built_in()?;
    for arg in args.iter().skip(1) {
        let Some(text) = arg.to_str() else { continue };
        let value = text
            .strip_prefix("--")
            .and_then(|flag| flag.split_once('='))
            .map_or(text, |(_, value)| value);
        let path = std::path::Path::new(value);
        if path.extension().is_some_and(|it| it == "wasm")
            && !value.starts_with('-')
            && path.is_file()
        {
            // A file that is no plugin is told so by the command that uses it.
            if let Err(fault) = catalog.add_file(path)
                && !matches!(fault, crate::plugin::PluginError::Foreign { .. })
            {
                return Err(fault);
            }
        }
    }
    Ok(catalog)
}

fn usage(printer: &Printer, fault: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    let text = fault.render();
    if matches!(
        fault.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        let shown = if printer.out_color() {
            text.ansi().to_string()
        } else {
            text.to_string()
        };
        let _ = printer.data(shown.as_bytes());
        let _ = printer.flush();
        return ExitCode::SUCCESS;
    }
    let shown = if printer.err_color() {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    printer.note(shown.trim_end());
    ExitCode::from(2)
}

fn fail(printer: &Printer, fault: &anyhow::Error) -> ExitCode {
    if ui::is_broken_pipe(fault.as_ref()) {
        return ExitCode::SUCCESS;
    }
    printer.message(&Message::from_error(fault.as_ref()).hint(hint(fault)));
    ExitCode::FAILURE
}

/// What to do about a fault, where its type knows.
fn hint(fault: &anyhow::Error) -> Option<String> {
    fault.chain().find_map(|cause| {
        if let Some(cluster) = cause.downcast_ref::<ClusterError>() {
            return cluster.hint();
        }
        if let Some(store) = cause.downcast_ref::<StoreError>() {
            return store.hint();
        }
        if let Some(lock) = cause.downcast_ref::<LockError>() {
            return lock.hint();
        }
        match cause.downcast_ref::<FormError>() {
            Some(FormError::Store(store)) => store.hint(),
            Some(FormError::Lock(lock)) => lock.hint(),
            _ => None,
        }
    })
}
