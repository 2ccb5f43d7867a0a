//! Names of nodes and of their objects.

pub use plugin_pods::names::{not_a_label, unfit, workload_of};

/// The name of the `StatefulSet` and the Service of a subject.
pub fn workload(chain: &str, name: &str) -> String {
    format!("{chain}-{name}")
}

/// The name of the Service that faces outside.
pub fn outside(service: &str) -> String {
    format!("{service}-outside")
}
