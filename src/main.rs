//! `kubectl-chain`: parse, run, map the error to an exit code. A broken pipe is success.

use std::process::ExitCode;

use kubectl_chain::commands;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::main(std::env::args_os())
}
