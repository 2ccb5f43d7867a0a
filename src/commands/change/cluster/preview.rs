//! What `--dry-run=server` says of each object.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::apply::{self, ApplyOptions, ApplyPlan};
use crate::commands::change::namespaces::Missing;
use crate::commands::change::part::{Part, Target};
use crate::commands::change::{Change, print_objects};
use crate::commands::in_cluster;
use crate::manifest::Object;
use crate::pipeline::form::Prepared;
use crate::state::ObjectId;
use crate::ui::Printer;

impl Change {
    pub(super) async fn preview(
        &self,
        target: &Target<'_>,
        options: &ApplyOptions,
        parts: &[Part],
        prepared: &Prepared,
        missing: &Missing,
        printer: &Printer,
    ) -> anyhow::Result<bool> {
        if let Some(format) = self.output {
            print_objects(format, &prepared.objects, printer)?;
            return Ok(true);
        }
        // The server tells nothing of what goes into a namespace that is not there yet: all of it is new.
        let is_fresh = |object: &&Object| {
            let place = (object.cluster.clone(), object.namespace().to_owned());
            missing.contains(&place)
        };
        let fresh = prepared.objects.iter().filter(is_fresh);
        let mut changed: BTreeMap<ObjectId, &str> = fresh.map(|it| (it.id(), "created")).collect();
        for part in parts {
            let there: Vec<Value> = prepared
                .objects
                .iter()
                .filter(|it| it.cluster == part.cluster && !is_fresh(it))
                .map(|it| it.value.clone())
                .collect();
            let plan = ApplyPlan {
                objects: &there,
                ..part.plan(target, options)
            };
            let previews = apply::preview(&part.connection, &plan, false).await;
            for preview in previews.map_err(|error| error.of_cluster(&part.cluster))? {
                preview
                    .result
                    .map_err(|error| error.of_cluster(&part.cluster))?;
                let word = if preview.live.is_some() {
                    "configured"
                } else {
                    "created"
                };
                changed.insert(preview.id, word);
            }
        }
        let objects: BTreeMap<ObjectId, String> = prepared
            .objects
            .iter()
            .map(|object| (object.id(), object.display()))
            .collect();
        for (id, name) in &objects {
            let (word, place) = (changed.get(id).copied(), in_cluster(&id.cluster));
            let word = word.unwrap_or("unchanged");
            printer.line(&format!("{name} {word}{place} (server dry run)"))?;
        }
        for id in prepared.previous.difference(&prepared.revision.inventory) {
            let (kind, place) = (id.kind.to_lowercase(), in_cluster(&id.cluster));
            printer.line(&format!(
                "{kind}/{} pruned{place} (server dry run)",
                id.name
            ))?;
        }
        Ok(true)
    }
}
