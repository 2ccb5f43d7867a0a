//! Runs a command in a container and collects what it says: the act `exec` of the contract.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::AttachParams;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use super::logs::server_message;

/// Output of one stream that is collected at most, in bytes.
pub const LARGEST_OUTPUT: usize = 16 * 1024 * 1024;

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// Name of the container.
    pub container: String,
    /// Program and arguments; no shell.
    pub command: Vec<String>,
    /// Fed to its standard input, which is then closed. None given to a command that reads it: it sees the end at once.
    pub stdin: Vec<u8>,
    /// The command must be done within this time.
    pub timeout: Duration,
}

/// What a command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// Its exit code.
    pub code: i32,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr.
    pub stderr: Vec<u8>,
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The server refused, or there is no such pod or container.
    #[error("cannot run {program:?} in {at}: {message}")]
    Refused {
        /// The program.
        program: String,
        /// `pod/container`.
        at: String,
        /// What the server said.
        message: String,
        /// The whole of it.
        #[source]
        source: Box<kube::Error>,
    },
    /// The container runtime could not start it: no such file, for one.
    #[error("cannot run {program:?} in {at}: {message}")]
    NotStarted {
        /// The program.
        program: String,
        /// `pod/container`.
        at: String,
        /// What the runtime said.
        message: String,
    },
    /// It did not end in time. It may still be running.
    #[error("{program:?} in {at} did not end within {} s", after.as_secs_f32())]
    Timeout {
        /// The program.
        program: String,
        /// `pod/container`.
        at: String,
        /// How long was waited.
        after: Duration,
    },
    /// It said too much.
    #[error("{program:?} in {at} wrote more than {LARGEST_OUTPUT} bytes to {stream}")]
    Truncated {
        /// The program.
        program: String,
        /// `pod/container`.
        at: String,
        /// `stdout` or `stderr`.
        stream: &'static str,
    },
    /// The connection broke before the exit code was known.
    #[error("lost the connection to {program:?} in {at}; it may still be running")]
    Broken {
        /// The program.
        program: String,
        /// `pod/container`.
        at: String,
        /// Why.
        #[source]
        source: Option<std::io::Error>,
    },
}

impl ExecError {
    /// The word for it in the contract's `failure.kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused { source, .. } => kind_of(source),
            Self::NotStarted { .. } => "refused",
            Self::Timeout { .. } => "timeout",
            Self::Truncated { .. } => "truncated",
            Self::Broken { .. } => "broken",
        }
    }
}

/// The contract's word for what a server answered.
pub(super) fn kind_of(error: &kube::Error) -> &'static str {
    match upgrade_status(error) {
        Some(401 | 403) => "forbidden",
        Some(404) => "not-found",
        Some(_) => "refused",
        None => "broken",
    }
}

fn upgrade_status(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        kube::Error::UpgradeConnection(kube::client::UpgradeConnectionError::ProtocolSwitch(
            code,
        )) => Some(code.as_u16()),
        _ => None,
    }
}

/// What the server said, also when it said no to the change of protocol.
pub(super) fn upgrade_message(error: &kube::Error) -> String {
    match (error, upgrade_status(error)) {
        (kube::Error::Api(_), _) | (_, None) => server_message(error),
        (_, Some(401 | 403)) => "not allowed".to_owned(),
        (_, Some(404)) => "no such pod".to_owned(),
        (_, Some(code)) => format!("the server answered {code}"),
    }
}

/// Runs a command to its end. An exit code that is not 0 is an answer, not an error.
///
/// # Errors
/// See [`ExecError`].
pub async fn exec(client: &kube::Client, request: &ExecRequest) -> Result<ExecOutput, ExecError> {
    let program = request.command.first().cloned().unwrap_or_default();
    let at = format!("{}/{}", request.pod, request.container);
    match tokio::time::timeout(request.timeout, run(client, request, &program, &at)).await {
        Ok(result) => result,
        Err(_) => Err(ExecError::Timeout {
            program,
            at,
            after: request.timeout,
        }),
    }
}

async fn run(
    client: &kube::Client,
    request: &ExecRequest,
    program: &str,
    at: &str,
) -> Result<ExecOutput, ExecError> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &request.namespace);
    let stdin = !request.stdin.is_empty();
    let parameters = AttachParams::default()
        .container(&request.container)
        .stdin(stdin)
        .stdout(true)
        .stderr(true)
        .max_stdin_buf_size(64 * 1024)
        .max_stdout_buf_size(64 * 1024)
        .max_stderr_buf_size(64 * 1024);
    let mut process = pods
        .exec(
            &request.pod,
            request.command.iter().map(String::as_str),
            &parameters,
        )
        .await
        .map_err(|source| refused(program, at, source))?;
    let (input, stdout, stderr) = (process.stdin(), process.stdout(), process.stderr());
    let status = process.take_status();
    let feed = async {
        if let Some(mut input) = input {
            // A command that does not read its input to the end is no fault.
            let _ = input.write_all(&request.stdin).await;
            let _ = input.shutdown().await;
        }
        Ok(())
    };
    let truncated = |stream| ExecError::Truncated {
        program: program.to_owned(),
        at: at.to_owned(),
        stream,
    };
    let broken = |source| ExecError::Broken {
        program: program.to_owned(),
        at: at.to_owned(),
        source,
    };
    let read = async |stream: Option<_>, name| match collect(stream).await {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(truncated(name)),
        Err(error) => Err(broken(Some(error))),
    };
    let ((), stdout, stderr) =
        tokio::try_join!(feed, read(stdout, "stdout"), read(stderr, "stderr"))?;
    let status = match status {
        Some(status) => status.await,
        None => None,
    };
    let status = status.ok_or_else(|| broken(None))?;
    let code = exit_code(&status).map_err(|message| ExecError::NotStarted {
        program: program.to_owned(),
        at: at.to_owned(),
        message,
    })?;
    Ok(ExecOutput {
        code,
        stdout,
        stderr,
    })
}

/// What the server answered instead of starting a command.
pub(super) fn refused(program: &str, at: &str, source: kube::Error) -> ExecError {
    ExecError::Refused {
        program: program.to_owned(),
        at: at.to_owned(),
        message: upgrade_message(&source),
        source: Box::new(source),
    }
}

/// Reads to the end; none when there is more than [`LARGEST_OUTPUT`].
async fn collect(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream
            .take(LARGEST_OUTPUT as u64 + 1)
            .read_to_end(&mut bytes)
            .await?;
    }
    Ok((bytes.len() <= LARGEST_OUTPUT).then_some(bytes))
}

/// The exit code in the status that ends an exec, or why the command was not started.
pub(super) fn exit_code(status: &Status) -> Result<i32, String> {
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = status
        .details
        .as_ref()
        .and_then(|details| details.causes.as_ref());
    let code = causes
        .into_iter()
        .flatten()
        .find(|cause| cause.reason.as_deref() == Some("ExitCode"));
    let code = code
        .and_then(|cause| cause.message.as_deref())
        .and_then(|code| code.parse().ok());
    code.ok_or_else(|| {
        status
            .message
            .clone()
            .unwrap_or_else(|| "no reason given".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(status: serde_json::Value) -> Result<i32, String> {
        exit_code(&serde_json::from_value(status).unwrap())
    }

    #[test]
    fn the_exit_code_is_in_the_status() {
        assert_eq!(code(json!({"status": "Success"})), Ok(0));
        let failed = json!({"status": "Failure", "reason": "NonZeroExitCode", "message": "command terminated",
            "details": {"causes": [{"reason": "ExitCode", "message": "7"}]}});
        assert_eq!(code(failed), Ok(7));
        let missing = json!({"status": "Failure", "message": "exec: \"x\": not found"});
        assert_eq!(code(missing), Err("exec: \"x\": not found".to_owned()));
    }

    #[tokio::test]
    async fn output_is_bounded() {
        let exact = vec![0_u8; LARGEST_OUTPUT];
        assert_eq!(
            collect(Some(&exact[..])).await.unwrap().map(|b| b.len()),
            Some(LARGEST_OUTPUT)
        );
        let more = vec![0_u8; LARGEST_OUTPUT + 1];
        assert_eq!(collect(Some(&more[..])).await.unwrap(), None);
    }
}
