//! `<service>-log4rs.yaml`: the log configuration of a service.
//!
//! A rolling file `logs/<service>-service.log` of 50 MB, five old ones kept compressed. The
//! appender `stdout` is always declared but, as in the original, not used unless asked for; without
//! it a service says next to nothing to `kubectl logs`.

use crate::service::Service;

/// The most detailed messages that are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum LogLevel {
    /// Errors only.
    Error,
    /// And warnings.
    Warn,
    /// And information; the original's level.
    #[default]
    Info,
    /// And debug messages.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// All levels, from the quietest.
    pub const ALL: [Self; 5] = [
        Self::Error,
        Self::Warn,
        Self::Info,
        Self::Debug,
        Self::Trace,
    ];

    /// The level as log4rs spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The name of the file: `<service>-log4rs.yaml`.
#[must_use]
pub fn file_name(service: Service) -> String {
    format!("{}-log4rs.yaml", service.name())
}

/// The text of the file; with `stdout` the root logger writes to the container's output as well.
#[must_use]
pub fn render(service: Service, level: LogLevel, stdout: bool) -> String {
    let name = service.name();
    let level = level.name();
    let console = if stdout { "    - stdout\n" } else { "" };
    format!(
        r#"refresh_rate: 30 seconds
appenders:
  stdout:
    kind: console
  journey-service:
    kind: rolling_file
    path: "logs/{name}-service.log"
    policy:
      kind: compound
      trigger:
        kind: size
        limit: 50mb
      roller:
        kind: fixed_window
        base: 1
        count: 5
        pattern: "logs/{name}-service.{{}}.gz"
root:
  level: {level}
  appenders:
    - journey-service
{console}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::vector;
    use serde_json::{Value, json};

    fn parsed(service: Service, level: LogLevel, stdout: bool) -> Value {
        serde_yaml::from_str(&render(service, level, stdout)).unwrap()
    }

    /// The golden form is given for network; others differ by the name in the two paths.
    fn golden(service: Service) -> Value {
        let golden = vector("golden_log4rs")["network"].to_string();
        let path = format!("logs/{}-service", service.name());
        serde_json::from_str(&golden.replace("logs/network-service", &path)).unwrap()
    }

    #[test]
    fn vector_golden_log4rs() {
        for service in Service::ALL {
            assert_eq!(parsed(service, LogLevel::Info, false), golden(service));
        }
    }

    #[test]
    fn stdout_is_added_to_the_root_only() {
        let mut expected = golden(Service::Kms);
        expected["root"]["appenders"] = json!(["journey-service", "stdout"]);
        assert_eq!(parsed(Service::Kms, LogLevel::Info, true), expected);
    }

    #[test]
    fn the_level_is_the_roots() {
        for level in LogLevel::ALL {
            let written = parsed(Service::Storage, level, false);
            assert_eq!(written["root"]["level"], level.name());
        }
    }

    #[test]
    fn file_is_named_after_the_service() {
        assert_eq!(file_name(Service::Controller), "controller-log4rs.yaml");
    }
}
