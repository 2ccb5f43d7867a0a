//! `kubectl chain version`: of the host, of the contract, of the cluster.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::Context;
use crate::cluster::Connection;
use crate::manifest::yaml;

/// Print the versions of host, contract and cluster
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  kubectl chain version --client")]
pub struct Version {
    /// Ask no cluster
    #[arg(long)]
    pub client: bool,
    /// Output format
    #[arg(short, long, value_enum)]
    pub output: Option<VersionOutput>,
}

/// `-o` of `version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VersionOutput {
    /// JSON
    Json,
    /// YAML
    Yaml,
}

impl Version {
    /// Prints them.
    pub async fn run(self, context: &Context) -> anyhow::Result<bool> {
        let (major, minor, patch) = chain_plugin_toolchain::CONTRACT_VERSION;
        let host = env!("CARGO_PKG_VERSION");
        let contract = format!("{major}.{minor}.{patch}");
        let server = if self.client {
            None
        } else {
            self.server(context).await
        };
        let document =
            json!({"clientVersion": host, "contractVersion": contract, "serverVersion": server});
        match self.output {
            Some(VersionOutput::Json) => context
                .printer
                .line(&serde_json::to_string_pretty(&document)?)?,
            Some(VersionOutput::Yaml) => {
                context.printer.data(yaml::value(&document)?.as_bytes())?;
            }
            None => {
                context.printer.line(&format!("Client Version: v{host}"))?;
                context
                    .printer
                    .line(&format!("Contract Version: v{contract}"))?;
                if let Some(server) = server {
                    context.printer.line(&format!("Server Version: {server}"))?;
                }
            }
        }
        Ok(true)
    }

    /// The server's version; a cluster that does not answer is no fault here.
    async fn server(&self, context: &Context) -> Option<String> {
        let connection = match Connection::open(&context.connect).await {
            Ok(connection) => connection,
            Err(fault) => {
                context.printer.error(&fault);
                return None;
            }
        };
        match connection.client.apiserver_version().await {
            Ok(info) => Some(info.git_version),
            Err(fault) => {
                context.printer.error(&fault);
                None
            }
        }
    }
}
