//! The connection: kubectl's flags and kubeconfig rules, turned into one client.
//!
//! `$KUBECONFIG` may be a list; the context's namespace is respected; in a pod without a kubeconfig the pod's own
//! account is used. Building a [`Connection`] sends nothing: the first request finds out whether the server is there.
//! The number in flight is bounded here, for all callers together: a server without HTTP/2 gets a connection for each.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use tokio::sync::Semaphore;

use super::error::ClusterError;
use super::forward::Kept;
use super::transport;

/// How many requests are in flight at once, unless the caller says otherwise.
pub const DEFAULT_CONCURRENCY: usize = 64;

/// How long one attempt of one request may take, unless `--request-timeout` says otherwise.
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// kubectl's connection flags, spelled as kubectl spells them.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection options")]
pub struct ConnectFlags {
    /// Path to the kubeconfig file to use
    #[arg(long, value_name = "PATH", global = true)]
    pub kubeconfig: Option<PathBuf>,
    /// The name of the kubeconfig context to use
    #[arg(long, value_name = "NAME", global = true)]
    pub context: Option<String>,
    /// The name of the kubeconfig cluster to use
    #[arg(long, value_name = "NAME", global = true)]
    pub cluster: Option<String>,
    /// The name of the kubeconfig user to use
    #[arg(long, value_name = "NAME", global = true)]
    pub user: Option<String>,
    /// The namespace to work in
    #[arg(long, short = 'n', value_name = "NAME", global = true)]
    pub namespace: Option<String>,
    /// The address and port of the Kubernetes API server
    #[arg(long, short = 's', value_name = "URL", global = true)]
    pub server: Option<String>,
    /// Bearer token for authentication to the API server
    #[arg(long, value_name = "TOKEN", global = true)]
    pub token: Option<Token>,
    /// Username for basic authentication to the API server
    #[arg(long, value_name = "USER", global = true)]
    pub username: Option<String>,
    /// Password for basic authentication; others see the command line
    #[arg(long, value_name = "PASSWORD", global = true)]
    pub password: Option<Token>,
    /// Username to impersonate for the operation
    #[arg(long = "as", value_name = "USER", global = true)]
    pub as_user: Option<String>,
    /// Group to impersonate for the operation; may be repeated
    #[arg(long, value_name = "GROUP", global = true)]
    pub as_group: Vec<String>,
    /// UID to impersonate for the operation
    #[arg(long, value_name = "UID", global = true)]
    pub as_uid: Option<String>,
    /// Path to a certificate file for the certificate authority
    #[arg(long, value_name = "PATH", global = true)]
    pub certificate_authority: Option<PathBuf>,
    /// Path to a client certificate file for TLS
    #[arg(long, value_name = "PATH", global = true)]
    pub client_certificate: Option<PathBuf>,
    /// Path to a client key file for TLS
    #[arg(long, value_name = "PATH", global = true)]
    pub client_key: Option<PathBuf>,
    /// Do not check the server's certificate: makes the connection insecure
    #[arg(long, global = true)]
    pub insecure_skip_tls_verify: bool,
    /// Server name to use for checking the server's certificate
    #[arg(long, value_name = "NAME", global = true)]
    pub tls_server_name: Option<String>,
    /// Do not ask the server to compress what it answers
    #[arg(long, global = true)]
    pub disable_compression: bool,
    /// Taken as kubectl takes it; nothing of the server's is cached here
    #[arg(long, value_name = "PATH", global = true, hide = true)]
    pub cache_dir: Option<PathBuf>,
    /// How long to wait for one server request, e.g. 1s, 2m, 3h; 0 means the default
    #[arg(long, value_name = "DURATION", global = true, default_value = "0")]
    pub request_timeout: String,
}

impl ConnectFlags {
    /// The same user's flags for another context: what is about one server or one login is left out.
    pub(super) fn of_context(&self, context: &str) -> Self {
        Self {
            kubeconfig: self.kubeconfig.clone(),
            context: Some(context.to_owned()),
            as_user: self.as_user.clone(),
            as_group: self.as_group.clone(),
            as_uid: self.as_uid.clone(),
            disable_compression: self.disable_compression,
            request_timeout: self.request_timeout.clone(),
            ..Self::default()
        }
    }
}

/// A bearer token or a password: `Debug` never shows it.
#[derive(Clone)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

impl std::str::FromStr for Token {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

/// One cluster, as one user, with a namespace to work in.
#[derive(Clone)]
pub struct Connection {
    /// The client underneath, for streams (logs, exec, watch).
    pub client: kube::Client,
    /// The client of the door, [`super::request`].
    pub(super) requests: kube::Client,
    /// The namespace: `--namespace`, else the context's, else `default`.
    pub namespace: String,
    /// The context's name, "" in a pod.
    pub context_name: String,
    /// The server's URL.
    pub server: String,
    pub(super) in_flight: Arc<Semaphore>,
    /// Connections into pods.
    pub(super) kept: Kept,
    pub(super) request_timeout: Duration,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.server)
            .field("context_name", &self.context_name)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects as the flags say, with [`DEFAULT_CONCURRENCY`]. Sends nothing, but may run a credential plugin.
    ///
    /// # Errors
    /// No or a broken kubeconfig, an unknown context, cluster or user, unusable certificates.
    pub async fn open(flags: &ConnectFlags) -> Result<Self, ClusterError> {
        Self::open_with(flags, DEFAULT_CONCURRENCY).await
    }

    /// As [`Connection::open`], with at most `concurrency` requests in flight.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn open_with(flags: &ConnectFlags, concurrency: usize) -> Result<Self, ClusterError> {
        let request_timeout =
            parse_timeout(&flags.request_timeout)?.unwrap_or(DEFAULT_REQUEST_TIMEOUT);
        let (mut config, context_name) = load(flags).await?;
        if let Some(namespace) = &flags.namespace {
            config.default_namespace.clone_from(namespace);
        }
        let server = config.cluster_url.to_string();
        let server = server.trim_end_matches('/').to_owned();
        let namespace = config.default_namespace.clone();
        let clients = transport::clients(&config).map_err(|source| ClusterError::Setup {
            server: server.clone(),
            source: Box::new(source),
        })?;
        Ok(Self {
            client: clients.streams,
            requests: clients.requests,
            namespace,
            context_name,
            server,
            in_flight: Arc::new(Semaphore::new(concurrency.max(1))),
            kept: Kept::default(),
            request_timeout,
        })
    }

    /// The same connection, working in another namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            ..self.clone()
        }
    }
}

/// The namespace to work in, without connecting: `--namespace`, else the context's, else the pod's, else `default`.
/// A missing kubeconfig is no fault here, so that rendering works without one.
///
/// # Errors
/// A broken kubeconfig, or a context that was asked for by name and does not exist.
pub fn namespace_of(flags: &ConnectFlags) -> Result<String, ClusterError> {
    if let Some(namespace) = &flags.namespace {
        return Ok(namespace.clone());
    }
    let Some(kubeconfig) = read_kubeconfig(flags)? else {
        return Ok(
            Config::incluster().map_or_else(|_| "default".to_owned(), |c| c.default_namespace)
        );
    };
    let wanted = flags
        .context
        .as_ref()
        .or(kubeconfig.current_context.as_ref());
    let found = kubeconfig
        .contexts
        .iter()
        .find(|c| Some(&c.name) == wanted)
        .and_then(|c| c.context.as_ref());
    match (found, &flags.context) {
        (None, Some(context)) => Err(unknown_context(context, &kubeconfig)),
        (found, _) => Ok(found
            .and_then(|c| c.namespace.clone())
            .filter(|n| !n.is_empty())
            .unwrap_or_else(|| "default".to_owned())),
    }
}

/// Reads and merges the kubeconfig files; `None` when there is none at the default place or in `$KUBECONFIG`.
fn read_kubeconfig(flags: &ConnectFlags) -> Result<Option<Kubeconfig>, ClusterError> {
    let broken = |error| ClusterError::Kubeconfig(Box::new(error));
    if let Some(path) = &flags.kubeconfig {
        return Kubeconfig::read_from(path).map(Some).map_err(broken);
    }
    // As kubectl does: files of the list that do not exist are passed over.
    if let Some(list) = std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty()) {
        let mut merged: Option<Kubeconfig> = None;
        for path in std::env::split_paths(&list).filter(|p| !p.as_os_str().is_empty() && p.exists())
        {
            let next = Kubeconfig::read_from(&path).map_err(broken)?;
            merged = Some(match merged {
                None => next,
                Some(first) => first.merge(next).map_err(broken)?,
            });
        }
        return Ok(merged);
    }
    let Some(path) = default_kubeconfig().filter(|path| path.exists()) else {
        return Ok(None);
    };
    Kubeconfig::read_from(&path).map(Some).map_err(broken)
}

fn default_kubeconfig() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".kube").join("config"))
}

fn searched() -> String {
    match std::env::var("KUBECONFIG") {
        Ok(list) if !list.is_empty() => format!("{list} (from KUBECONFIG)"),
        _ => default_kubeconfig().map_or_else(
            || "~/.kube/config".to_owned(),
            |path| path.display().to_string(),
        ),
    }
}

fn unknown_context(context: &str, kubeconfig: &Kubeconfig) -> ClusterError {
    ClusterError::UnknownContext {
        context: context.to_owned(),
        known: kubeconfig.contexts.iter().map(|c| c.name.clone()).collect(),
    }
}

/// The configuration and the context's name.
async fn load(flags: &ConnectFlags) -> Result<(Config, String), ClusterError> {
    let (mut config, context_name) = match read_kubeconfig(flags)? {
        Some(kubeconfig) => from_kubeconfig(flags, kubeconfig).await?,
        None => (without_kubeconfig(flags)?, String::new()),
    };
    override_with(&mut config, flags)?;
    Ok((config, context_name))
}

async fn from_kubeconfig(
    flags: &ConnectFlags,
    kubeconfig: Kubeconfig,
) -> Result<(Config, String), ClusterError> {
    let named = |entries: Vec<String>, what: &'static str, wanted: &Option<String>| match wanted {
        Some(name) if !entries.contains(name) => Err(ClusterError::UnknownEntry {
            what,
            name: name.clone(),
            known: entries,
        }),
        _ => Ok(()),
    };
    named(
        kubeconfig.clusters.iter().map(|c| c.name.clone()).collect(),
        "cluster",
        &flags.cluster,
    )?;
    named(
        kubeconfig
            .auth_infos
            .iter()
            .map(|u| u.name.clone())
            .collect(),
        "user",
        &flags.user,
    )?;
    let known: Vec<String> = kubeconfig.contexts.iter().map(|c| c.name.clone()).collect();
    let context = flags
        .context
        .clone()
        .or_else(|| kubeconfig.current_context.clone())
        .filter(|name| !name.is_empty());
    let Some(context) = context else {
        if let Some(server) = &flags.server {
            let config = Config::new(parse_server(server)?);
            return Ok((config, String::new()));
        }
        return Err(ClusterError::NoCurrentContext { known });
    };
    let options = KubeConfigOptions {
        context: Some(context.clone()),
        cluster: flags.cluster.clone(),
        user: flags.user.clone(),
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| match error {
            KubeconfigError::LoadContext(context) => {
                ClusterError::UnknownContext { context, known }
            }
            other => ClusterError::Kubeconfig(Box::new(other)),
        })?;
    Ok((config, context))
}

fn without_kubeconfig(flags: &ConnectFlags) -> Result<Config, ClusterError> {
    if let Some(context) = &flags.context {
        return Err(ClusterError::UnknownContext {
            context: context.clone(),
            known: Vec::new(),
        });
    }
    if let Some(server) = &flags.server {
        return Ok(Config::new(parse_server(server)?));
    }
    Config::incluster().map_err(|_| ClusterError::NoKubeconfig {
        searched: searched(),
    })
}

fn parse_server(server: &str) -> Result<http::Uri, ClusterError> {
    let full = if server.contains("://") {
        server.to_owned()
    } else {
        format!("https://{server}")
    };
    full.parse().map_err(|e| ClusterError::Flag {
        flag: "--server",
        reason: format!("{server:?} is not a URL: {e}"),
    })
}

fn override_with(config: &mut Config, flags: &ConnectFlags) -> Result<(), ClusterError> {
    if let Some(server) = &flags.server {
        config.cluster_url = parse_server(server)?;
    }
    if let Some(Token(token)) = &flags.token {
        // A token replaces every other way of saying who one is, as in kubectl.
        let json = serde_json::json!({ "token": token });
        let auth: kube::config::AuthInfo =
            serde_json::from_value(json).map_err(|_| ClusterError::Flag {
                flag: "--token",
                reason: "not usable as a token".to_owned(),
            })?;
        config.auth_info.token = auth.token;
        config.auth_info.token_file = None;
        config.auth_info.exec = None;
        config.auth_info.auth_provider = None;
        config.auth_info.username = None;
        config.auth_info.password = None;
    }
    if let Some(username) = &flags.username {
        config.auth_info.username = Some(username.clone());
    }
    if let Some(Token(password)) = &flags.password {
        let json = serde_json::json!({ "password": password });
        let auth: kube::config::AuthInfo =
            serde_json::from_value(json).map_err(|_| ClusterError::Flag {
                flag: "--password",
                reason: "not usable as a password".to_owned(),
            })?;
        config.auth_info.password = auth.password;
    }
    if flags.disable_compression {
        config.disable_compression = true;
    }
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    if let Some(path) = &flags.client_certificate {
        config.auth_info.client_certificate = Some(text(path));
        config.auth_info.client_certificate_data = None;
    }
    if let Some(path) = &flags.client_key {
        config.auth_info.client_key = Some(text(path));
        config.auth_info.client_key_data = None;
    }
    if let Some(path) = &flags.certificate_authority {
        if !path.is_file() {
            return Err(ClusterError::Flag {
                flag: "--certificate-authority",
                reason: format!("no such file: {}", path.display()),
            });
        }
        config.root_cert_file = Some(path.clone());
        config.root_cert = None;
    }
    if flags.insecure_skip_tls_verify {
        config.accept_invalid_certs = true;
        config.root_cert = None;
        config.root_cert_file = None;
    }
    if let Some(name) = &flags.tls_server_name {
        config.tls_server_name = Some(name.clone());
    }
    if let Some(user) = &flags.as_user {
        config.auth_info.impersonate = Some(user.clone());
    } else if !flags.as_group.is_empty() || flags.as_uid.is_some() {
        return Err(ClusterError::Flag {
            flag: "--as-group",
            reason: "impersonating a group or uid needs --as too".to_owned(),
        });
    }
    if !flags.as_group.is_empty() {
        config.auth_info.impersonate_groups = Some(flags.as_group.clone());
    }
    if let Some(uid) = &flags.as_uid {
        config.auth_info.impersonate_uid = Some(uid.clone());
    }
    Ok(())
}

/// kubectl's durations: a number of seconds, or numbers with units. `0` means none given.
fn parse_timeout(text: &str) -> Result<Option<Duration>, ClusterError> {
    let bad = || ClusterError::Flag {
        flag: "--request-timeout",
        reason: format!("{text:?} is not a duration such as 30s, 2m or 1h30m"),
    };
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok((seconds > 0).then(|| Duration::from_secs(seconds)));
    }
    let mut total = Duration::ZERO;
    let mut number = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let amount: u64 = number.parse().map_err(|_| bad())?;
        number.clear();
        let unit = match (c, chars.peek()) {
            ('m', Some('s')) => {
                chars.next();
                Duration::from_millis(1)
            }
            ('h', _) => Duration::from_hours(1),
            ('m', _) => Duration::from_mins(1),
            ('s', _) => Duration::from_secs(1),
            _ => return Err(bad()),
        };
        let amount = u32::try_from(amount).map_err(|_| bad())?;
        total = total.saturating_add(unit.saturating_mul(amount));
    }
    if !number.is_empty() {
        return Err(bad());
    }
    Ok((total > Duration::ZERO).then_some(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_kubectl() {
        let parsed = |text| parse_timeout(text).ok().flatten().map(|d| d.as_millis());
        assert_eq!(parsed("0"), None);
        assert_eq!(parsed("5"), Some(5_000));
        assert_eq!(parsed("1m30s"), Some(90_000));
        assert_eq!(parsed("250ms"), Some(250));
        assert!(parse_timeout("soon").is_err());
        assert!(parse_timeout("3x").is_err());
    }

    #[test]
    fn a_token_is_never_shown() {
        let flags = ConnectFlags {
            token: Some(Token("very-secret".into())),
            ..ConnectFlags::default()
        };
        assert!(!format!("{flags:?}").contains("very-secret"));
    }

    #[test]
    fn the_namespace_needs_no_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(
            &path,
            "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context: {cluster: c, user: u, namespace: team}\n",
        )
        .unwrap();
        let mut flags = ConnectFlags {
            kubeconfig: Some(path),
            ..ConnectFlags::default()
        };
        assert_eq!(namespace_of(&flags).unwrap(), "team");
        flags.context = Some("b".into());
        let error = namespace_of(&flags).unwrap_err().to_string();
        assert!(
            error.contains("\"b\"") && error.ends_with("has: a"),
            "{error}"
        );
        flags.namespace = Some("mine".into());
        assert_eq!(namespace_of(&flags).unwrap(), "mine");
    }
}
