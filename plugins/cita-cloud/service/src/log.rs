//! What a service logs: the option `logLevel`, and the log4rs file that writes to the container's output as well.

use chain_plugin_sdk::{At, Change, Delivery, Diagnostics, RenderedBuilder, error};
use cita_cloud_formats::log4rs::{self, LogLevel};
use cita_cloud_formats::service::Service;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::container::{DATA, at_data};

/// The option, as it arrives.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct LogOptions {
    /// Name of the level; the original's when absent.
    #[serde(default, rename = "logLevel")]
    pub level: Option<String>,
}

/// Schema of the option.
pub fn schema() -> Value {
    let names: Vec<&str> = LogLevel::ALL.iter().map(|level| level.name()).collect();
    json!({
        "type": "string",
        "enum": names,
        "default": LogLevel::default().name(),
        "description": "least severe messages that are logged, to logs/ on the volume and to the container's output",
    })
}

/// Renders `<service>-log4rs.yaml` and binds it into the service's container.
pub fn rendered(
    builder: RenderedBuilder,
    at: &At<'_>,
    service: Service,
) -> Result<RenderedBuilder, Diagnostics> {
    let options: LogOptions = at.options()?;
    let level = match options.level.as_deref() {
        None => LogLevel::default(),
        Some(name) => LogLevel::ALL
            .into_iter()
            .find(|level| level.name() == name)
            .ok_or_else(|| {
                vec![error(
                    "log-level",
                    "/logLevel",
                    format!("unknown log level {name:?}"),
                )]
            })?,
    };
    let name = log4rs::file_name(service);
    Ok(builder
        .file(&name, log4rs::render(service, level, true))
        .bind(
            service.name(),
            &at_data(DATA, &name),
            at.own(&name),
            Delivery::SeedStart,
            Change::Roll,
        ))
}
