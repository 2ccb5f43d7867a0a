//! Fields that may be written in several ways. What is wrong inside keeps its own words and its own line: serde's untagged
//! enums would say only that no variant fits.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::chain_spec::{Nodes, Service, Services};

impl<'de> Deserialize<'de> for Nodes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Nodes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of nodes, or a list of them")
            }

            fn visit_u64<E: Error>(self, count: u64) -> Result<Nodes, E> {
                Ok(Nodes::Count(count))
            }

            fn visit_i64<E: Error>(self, count: i64) -> Result<Nodes, E> {
                u64::try_from(count)
                    .map(Nodes::Count)
                    .map_err(|_| E::custom(format!("nodes: {count}: expected at least 1")))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Nodes, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(list)).map(Nodes::List)
            }
        }
        from.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Services {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Services;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a plugin, a service with `plugin` and `options`, or a list of services")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Services, E> {
                Ok(Services::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Services, A::Error> {
                Service::deserialize(MapAccessDeserializer::new(map))
                    .map(|one| Services::One(Box::new(one)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Services, A::Error> {
                let all: Vec<Service> = Deserialize::deserialize(SeqAccessDeserializer::new(list))?;
                if all.is_empty() {
                    return Err(A::Error::custom("a list of services without any"));
                }
                Ok(Services::Many(all))
            }
        }
        from.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::ChainFile;

    fn fault(spec: &str) -> String {
        serde_yaml::from_str::<ChainFile>(&format!("spec:\n{spec}"))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_is_wrong_inside_is_said() {
        for (spec, said) in [
            (
                "  services:\n    network: {plugin: p, imge: foo}\n",
                "unknown field `imge`",
            ),
            ("  services:\n    kms:\n", "expected the name of a plugin"),
            ("  services:\n    kms: []\n", "without any"),
            ("  nodes: \"3\"\n", "expected a number of nodes, or a list"),
            ("  nodes: -1\n", "expected at least 1"),
            (
                "  nodes: [{name: n, placement: {nodeSelecter: {}}}]\n",
                "unknown field `nodeSelecter`",
            ),
        ] {
            let fault = fault(spec);
            assert!(
                fault.contains(said) && fault.contains("line"),
                "{spec}: {fault}"
            );
        }
    }
}
