//! `kubectl chain logs`: logs of nodes, followed along restarts and replaced pods.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;

use super::home::{leading, tell, tell_part};
use crate::cluster::connect::{ConnectFlags, Connection};
use crate::cluster::error::one_line;
use crate::cluster::logs::{
    Containers, LogError, LogEvent, LogOptions, LogTarget, NodePod, Since, find_nodes, stream,
};
use crate::cluster::{Elsewhere, elsewhere, home_of, records};
use crate::state::Head;
use crate::ui::Printer;
use crate::ui::log_lines::LogLines;

/// Print the logs of nodes
///
/// Several logs are printed side by side, each line behind its node and
/// container: in the order of time, or as they come when followed.
///
/// A followed log goes on when its connection breaks, when the container is
/// restarted, and when the pod is replaced. No line is repeated. Where lines
/// may be missing, a line on stderr says so: --- node0/consensus: gap: … ---
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Follow the consensus of node0
  kubectl chain logs node0 -c consensus -f

  # The last 20 lines of every container of two nodes
  kubectl chain logs node0 node1 --all-containers --tail=20

  # What all nodes of a chain said in the last five minutes
  kubectl chain logs --chain test-chain -c consensus --since=5m")]
pub struct Logs {
    /// Nodes by name, or what nodes belong to, such as an organisation; none
    /// means all nodes of the chain
    #[arg(value_name = "NODE")]
    pub nodes: Vec<String>,
    /// All nodes of the chain, which is also meant when none is named
    #[arg(long, conflicts_with = "nodes")]
    pub all: bool,
    /// The chain, when the namespace has several with such a node
    #[arg(long, value_name = "NAME")]
    pub chain: Option<String>,
    /// Container to print the logs of
    #[arg(short, long, value_name = "NAME", conflicts_with = "all_containers")]
    pub container: Option<String>,
    /// Print the logs of all containers, init containers included
    #[arg(long)]
    pub all_containers: bool,
    /// Go on printing what is written
    #[arg(short, long, conflicts_with = "previous")]
    pub follow: bool,
    /// Lines from the end of each log; -1 means all
    #[arg(long, value_name = "LINES", default_value_t = -1, allow_negative_numbers = true)]
    pub tail: i64,
    /// Only lines newer than a duration such as 5s, 2m or 3h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "since_time")]
    pub since: Option<Duration>,
    /// Only lines from a time on (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub since_time: Option<Timestamp>,
    /// The log of the container before its last restart
    #[arg(short, long)]
    pub previous: bool,
    /// Print the time of each line
    #[arg(long)]
    pub timestamps: bool,
    /// Bytes of each log at most
    #[arg(long, value_name = "BYTES")]
    pub limit_bytes: Option<u64>,
    /// Logs at once at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub max_log_requests: usize,
    /// Print node and container before each line, even of one log
    #[arg(long)]
    pub prefix: bool,
}

/// The nodes that are meant, and how they are reached.
struct Found {
    connection: Connection,
    nodes: Vec<NodePod>,
    away: Elsewhere,
}

impl Logs {
    /// Prints the logs. True when all of them could be read.
    pub async fn run(
        self,
        flags: &ConnectFlags,
        connection: &Connection,
        printer: &Printer,
    ) -> anyhow::Result<bool> {
        let targets = self.targets(flags, connection, printer).await?;
        let labels: Vec<String> = targets.iter().map(|(_, it)| it.label.clone()).collect();
        let lines = LogLines::new(printer, &labels, self.prefix);
        let mut events = stream(targets, &self.options());
        let mut all_well = true;
        loop {
            // Flushed only when nothing is at hand: a flood is written in large pieces, a trickle at once.
            let next = if let Some(next) = events.try_next() {
                Some(next)
            } else {
                if self.follow {
                    lines.flush()?;
                }
                events.next().await
            };
            let Some((target, event)) = next else { break };
            match event {
                LogEvent::Line(line) => {
                    let text = if self.timestamps {
                        line.stamped()
                    } else {
                        line.text()
                    };
                    lines.line(target, text, line.newline)?;
                }
                LogEvent::Gap(gap) => lines.mark(target, &gap.to_string()),
                LogEvent::Note(note) => lines.mark(target, &note),
                LogEvent::End(None) => {}
                LogEvent::End(Some(error)) if labels.len() == 1 => {
                    lines.flush()?;
                    return Err(error.into());
                }
                LogEvent::End(Some(error)) => {
                    all_well = false;
                    printer.error(&error);
                }
            }
        }
        lines.flush()?;
        Ok(all_well)
    }

    async fn targets(
        &self,
        flags: &ConnectFlags,
        connection: &Connection,
        printer: &Printer,
    ) -> anyhow::Result<Vec<(kube::Client, LogTarget)>> {
        let Found {
            connection,
            nodes,
            away,
        } = self.find(flags, connection, printer).await?;
        for error in away.iter().filter_map(|it| it.reach.as_ref().err()) {
            printer.warning(&one_line(error));
        }
        let which = match &self.container {
            Some(name) => Containers::Named(name.clone()),
            None if self.all_containers => Containers::All,
            None => Containers::Default,
        };
        let mut targets = Vec::new();
        for node in nodes {
            let there = away.iter().find(|it| {
                it.cluster == node.cluster
                    && it.namespace == node.namespace
                    && it.chains.contains(&node.chain)
            });
            let there = there.and_then(|it| it.reach.as_ref().ok());
            let client = &there.unwrap_or(&connection).client;
            let own = node.targets(&which)?.into_iter();
            targets.extend(own.map(|it| (client.clone(), it)));
        }
        if targets.len() > self.max_log_requests {
            let (wanted, allowed) = (targets.len(), self.max_log_requests);
            return Err(LogError::TooMany { wanted, allowed }.into());
        }
        Ok(targets)
    }

    /// The nodes that are meant. Whoever stands in a place of a chain that is at home elsewhere finds there what is there,
    /// and all else from its home.
    async fn find(
        &self,
        flags: &ConnectFlags,
        connection: &Connection,
        printer: &Printer,
    ) -> anyhow::Result<Found> {
        let chain = self.chain.as_deref();
        // Whoever may not see where else a chain lives sees what is here.
        let mut found = records(connection, Some(&connection.namespace))
            .await
            .unwrap_or_default();
        found.only(chain);
        let Some(signpost) = leading(&found) else {
            return self.find_from(flags, connection, found.heads, chain).await;
        };
        let here = self.find_from(flags, connection, Vec::new(), chain).await;
        if here.is_ok() && !self.nodes.is_empty() {
            return here;
        }
        let why = match home_of(connection, signpost).await {
            Ok((home, head)) => {
                let heads = vec![(home.namespace.clone(), head)];
                let name = Some(signpost.chain.as_str());
                let found = self.find_from(flags, &home, heads, name).await;
                match found {
                    // Not all that is elsewhere may be seen.
                    Err(fault) if here.is_ok() => one_line(fault.as_ref()),
                    found => {
                        tell(signpost, printer);
                        return found;
                    }
                }
            }
            Err(fault) if fault.is_no_way_home() && here.is_err() => return Err(fault.into()),
            Err(fault) if fault.is_no_way_home() => one_line(&fault),
            Err(fault) => return Err(fault.into()),
        };
        tell_part(connection, &why, printer);
        here
    }

    async fn find_from(
        &self,
        flags: &ConnectFlags,
        connection: &Connection,
        heads: Vec<(String, Head)>,
        chain: Option<&str>,
    ) -> anyhow::Result<Found> {
        let away = elsewhere(flags, connection, &heads, chain).await;
        let (client, namespace) = (&connection.client, &connection.namespace);
        let names = self.names(&heads);
        let nodes = find_nodes(client, namespace, &away, chain, &names).await?;
        Ok(Found {
            connection: connection.clone(),
            nodes,
            away,
        })
    }

    /// The names of nodes that are meant: one that is no node's stands for all that belong to it, as an organisation's
    /// does.
    fn names(&self, heads: &[(String, Head)]) -> Vec<String> {
        let chain = |head: &&Head| self.chain.as_ref().is_none_or(|name| head.chain == *name);
        let mut names = Vec::new();
        for name in &self.nodes {
            let heads = heads.iter().map(|(_, head)| head).filter(chain);
            let below: Vec<&str> = heads.flat_map(|head| head.pods_below(name)).collect();
            if below.is_empty() {
                names.push(name.clone());
            } else {
                names.extend(below.into_iter().map(ToOwned::to_owned));
            }
        }
        names
    }

    fn options(&self) -> LogOptions {
        LogOptions {
            follow: self.follow,
            tail: u64::try_from(self.tail).ok(),
            since: self
                .since
                .map(Since::Ago)
                .or(self.since_time.map(Since::At)),
            previous: self.previous,
            timestamps: self.timestamps,
            limit_bytes: self.limit_bytes,
        }
    }
}

/// kubectl's durations: numbers with units, as in `1h30m`.
pub(super) fn parse_duration(text: &str) -> anyhow::Result<Duration> {
    let bad = || format!("{text:?} is not a duration such as 5s, 2m or 1h30m");
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).with_context(bad)?;
        let (number, tail) = rest.split_at(digits);
        let end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let number: u64 = number.parse().with_context(bad)?;
        let unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => anyhow::bail!(bad()),
        };
        let part = number.checked_mul(unit).with_context(bad)?;
        total = total
            .checked_add(Duration::from_millis(part))
            .with_context(bad)?;
        rest = tail;
    }
    anyhow::ensure!(total > Duration::ZERO, bad());
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        logs: Logs,
    }

    fn parse(line: &str) -> Result<Logs, clap::Error> {
        Cli::try_parse_from(std::iter::once("logs").chain(line.split_whitespace()))
            .map(|cli| cli.logs)
    }

    #[test]
    fn flags_are_those_of_kubectl() {
        let logs = parse("node0 node1 -c kms -f --tail=20 --since=1h30m").unwrap();
        let options = logs.options();
        assert_eq!((options.follow, options.tail), (true, Some(20)));
        assert_eq!(options.since, Some(Since::Ago(Duration::from_mins(90))));
        assert_eq!(parse("node0").unwrap().options(), LogOptions::default());
        assert_eq!(parse("node0 --tail -1").unwrap().options().tail, None);
        assert!(parse("--since-time=2026-01-01T00:00:00Z -p").is_ok());
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for line in [
            "-f -p",
            "-c a --all-containers",
            "--since=5m --since-time=2026-01-01T00:00:00Z",
            "--since=soon",
            "--since=5",
            "--since=0s",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
