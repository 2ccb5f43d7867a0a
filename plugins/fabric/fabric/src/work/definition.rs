//! The definition of an organisation in a file: ours, or that of `configtxgen -printOrg`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chain_plugin_sdk::{Blob, Diagnostics};
use fabric_channel::model::{AnchorPeer, Msp, NodeOus, Organization, OrganizationRole, Policies};
use fabric_service::fault::{refuse, refuse_with};
use serde_json::Value;

/// Reads a file of either kind.
pub fn read(file: &Blob) -> Result<Organization, Diagnostics> {
    let fault = |message: String| refuse("file", "", format!("{}: {message}", file.name));
    let json: Value =
        serde_json::from_slice(&file.bytes).map_err(|it| fault(format!("no JSON: {it}")))?;
    if json.pointer("/values/MSP").is_some() {
        return printed(&json).ok_or_else(|| {
            let message = format!(
                "{}: its value MSP has no name or no root certificate",
                file.name
            );
            let hint =
                "`configtxgen -printOrg`, or `kubectl chain run org-definition`, makes such a file";
            refuse_with("file", "", message, hint)
        });
    }
    serde_json::from_value(json).map_err(|it| {
        let message = format!("{}: no definition of an organisation: {it}", file.name);
        let hint = "`kubectl chain run org-definition ORG` of its party makes one, or `configtxgen -printOrg`";
        refuse_with("file", "", message, hint)
    })
}

/// What `configtxgen -printOrg` prints: a group of the tree. Its policies are taken to be the usual ones.
fn printed(json: &Value) -> Option<Organization> {
    let config = json.pointer("/values/MSP/value/config")?;
    let name = config
        .get("name")
        .and_then(Value::as_str)
        .filter(|it| !it.is_empty())?;
    let certificates = |key: &str| {
        let list = config.get(key).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(text)
            .collect::<Vec<_>>()
    };
    let roots = certificates("root_certs");
    if roots.is_empty() {
        return None;
    }
    let ous = config.get("fabric_node_ous");
    let is_enabled = ous.and_then(|it| it.get("enable")).and_then(Value::as_bool);
    let authority = ous
        .and_then(|it| it.pointer("/client_ou_identifier/certificate"))
        .and_then(text);
    let anchors = json
        .pointer("/values/AnchorPeers/value/anchor_peers")
        .and_then(Value::as_array);
    let anchor = |it: &Value| {
        Some(AnchorPeer {
            host: it.get("host")?.as_str()?.to_owned(),
            port: u16::try_from(it.get("port")?.as_u64()?).ok()?,
        })
    };
    let endpoints = json
        .pointer("/values/Endpoints/value/addresses")
        .and_then(Value::as_array);
    let endpoints: Vec<String> = endpoints
        .into_iter()
        .flatten()
        .filter_map(|it| it.as_str().map(ToOwned::to_owned))
        .collect();
    Some(Organization {
        name: name.to_owned(),
        msp_id: name.to_owned(),
        role: if endpoints.is_empty() {
            OrganizationRole::Application
        } else {
            OrganizationRole::Orderer
        },
        msp: Msp {
            root_certs: roots,
            intermediate_certs: certificates("intermediate_certs"),
            admins: certificates("admins"),
            revocation_list: certificates("revocation_list"),
            tls_root_certs: certificates("tls_root_certs"),
            tls_intermediate_certs: certificates("tls_intermediate_certs"),
            node_ous: (is_enabled == Some(true)).then(|| NodeOus::usual(authority.as_deref())),
            ..Msp::default()
        },
        endpoints,
        anchor_peers: anchors.into_iter().flatten().filter_map(anchor).collect(),
        policies: Policies::new(),
    })
}

/// Base64 of a PEM text.
fn text(value: &Value) -> Option<String> {
    let bytes = STANDARD.decode(value.as_str()?).ok()?;
    String::from_utf8(bytes).ok().filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use fabric_channel::json::group_json;
    use fabric_channel::model::Release;
    use fabric_channel::tree::application_organization;
    use serde_json::json;

    use super::super::update::tests::org3;
    use super::*;

    fn blob(json: &Value) -> Blob {
        Blob {
            name: "org3.json".to_owned(),
            bytes: json.to_string().into_bytes(),
        }
    }

    #[test]
    fn both_kinds_of_files_say_the_same() {
        let mut org = org3();
        org.role = OrganizationRole::Application;
        org.endpoints.clear();
        org.anchor_peers = vec![AnchorPeer {
            host: "peer0.org3".to_owned(),
            port: 7051,
        }];
        assert_eq!(read(&blob(&json!(org))).unwrap(), org);
        let group = application_organization(Release::V2_5, &org).unwrap();
        let printed = group_json(&group).unwrap();
        assert_eq!(read(&blob(&printed)).unwrap(), org);
    }

    #[test]
    fn what_is_no_definition_is_refused_with_its_name() {
        for json in [
            json!({}),
            json!([]),
            json!({"values": {"MSP": {"value": {"config": {"name": "x"}}}}}),
        ] {
            let fault = read(&blob(&json)).unwrap_err();
            assert!(fault[0].message.contains("org3.json"), "{fault:?}");
        }
        let broken = Blob {
            name: "x".to_owned(),
            bytes: b"{".to_vec(),
        };
        assert!(read(&broken).unwrap_err()[0].message.contains("no JSON"));
    }
}
