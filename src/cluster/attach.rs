//! The user's own terminal at a command in a container: the act `exec` with a terminal.
//!
//! Where the user has none, as in a pipe, standard input is fed to the command, and what it says is passed on as it comes.

use std::io::IsTerminal as _;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::AttachParams;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::exec::{ExecError, ExecRequest, exit_code, refused};

/// Runs a command at the user's terminal until it ends, and gives its exit code. `stdin`, `tty` and `timeout` of the
/// request mean nothing here: the user is all three.
///
/// # Errors
/// See [`ExecError`].
pub async fn attach(client: &kube::Client, request: &ExecRequest) -> Result<i32, ExecError> {
    let program = request.command.first().cloned().unwrap_or_default();
    let at = format!("{}/{}", request.pod, request.container);
    let pods: Api<Pod> = Api::namespaced(client.clone(), &request.namespace);
    let tty = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let parameters = AttachParams::default()
        .container(&request.container)
        .stdin(true)
        .stdout(true)
        .stderr(!tty)
        .tty(tty);
    let mut process = pods
        .exec(
            &request.pod,
            request.command.iter().map(String::as_str),
            &parameters,
        )
        .await
        .map_err(|source| refused(&program, &at, source))?;
    let broken = |source| ExecError::Broken {
        program: program.clone(),
        at: at.clone(),
        source,
    };
    let (input, output, errors) = (process.stdin(), process.stdout(), process.stderr());
    let status = process.take_status();
    let size = process.terminal_size();
    let raw = tty.then(terminal::Raw::enter).flatten();
    let feed = tokio::spawn(async move {
        if let Some(mut input) = input {
            // The command may end first; then nobody reads what is typed.
            let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut input).await;
            let _ = input.shutdown().await;
        }
    });
    let resize = tokio::spawn(async move {
        if let Some(size) = size.filter(|_| tty) {
            terminal::follow(size).await;
        }
    });
    let passed = tokio::try_join!(
        pass(output, tokio::io::stdout()),
        pass(errors, tokio::io::stderr())
    );
    feed.abort();
    resize.abort();
    drop(raw);
    passed.map_err(|error| broken(Some(error)))?;
    let status = match status {
        Some(status) => status.await,
        None => None,
    };
    let status = status.ok_or_else(|| broken(None))?;
    exit_code(&status).map_err(|message| ExecError::NotStarted {
        program: program.clone(),
        at: at.clone(),
        message,
    })
}

/// Passes on what comes, as it comes.
async fn pass(
    from: Option<impl AsyncRead + Unpin>,
    mut to: impl AsyncWrite + Unpin,
) -> std::io::Result<()> {
    use tokio::io::AsyncReadExt as _;
    let Some(mut from) = from else { return Ok(()) };
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        to.write_all(bytes).await?;
        to.flush().await?;
    }
}

#[cfg(unix)]
mod terminal {
    use futures::SinkExt as _;
    use futures::channel::mpsc::Sender;
    use kube::api::TerminalSize;
    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
    use tokio::signal::unix::{SignalKind, signal};

    /// The terminal passes on every key as it is typed, until this is dropped.
    pub(super) struct Raw(Termios);

    impl Raw {
        pub(super) fn enter() -> Option<Self> {
            let before = tcgetattr(std::io::stdin()).ok()?;
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).ok()?;
            Some(Self(before))
        }
    }

    impl Drop for Raw {
        fn drop(&mut self) {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
        }
    }

    /// Tells the size of the terminal, now and whenever it changes.
    pub(super) async fn follow(mut to: Sender<TerminalSize>) {
        let Ok(mut changes) = signal(SignalKind::window_change()) else {
            return;
        };
        loop {
            if let Ok(size) = tcgetwinsize(std::io::stdout()) {
                let size = TerminalSize {
                    width: size.ws_col,
                    height: size.ws_row,
                };
                if to.send(size).await.is_err() {
                    return;
                }
            }
            if changes.recv().await.is_none() {
                return;
            }
        }
    }
}

#[cfg(not(unix))]
mod terminal {
    use futures::channel::mpsc::Sender;
    use kube::api::TerminalSize;

    /// Terminals of other systems stay as they are: a line is passed on when it ends.
    pub(super) struct Raw;

    impl Raw {
        pub(super) fn enter() -> Option<Self> {
            None
        }
    }

    pub(super) async fn follow(_: Sender<TerminalSize>) {}
}
