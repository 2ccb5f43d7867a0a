//! Value `MSP`: the membership provider of an organisation.

use fabric_proto::Message;
use fabric_proto::msp::{
    FabricCryptoConfig, FabricMspConfig, FabricNodeOus, FabricOuIdentifier, MSP_TYPE_FABRIC,
    MspConfig,
};

use crate::model::{Msp, NodeOus, Organization, OrganizationalUnit};

fn bytes(texts: &[String]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn unit(unit: &OrganizationalUnit) -> FabricOuIdentifier {
    FabricOuIdentifier {
        certificate: unit.certificate.as_bytes().to_vec(),
        organizational_unit_identifier: unit.unit.clone(),
    }
}

/// The membership provider of an organisation, for a channel.
pub fn msp_config(organization: &Organization) -> MspConfig {
    let msp = &organization.msp;
    let config = FabricMspConfig {
        name: organization.msp_id.clone(),
        root_certs: bytes(&msp.root_certs),
        intermediate_certs: bytes(&msp.intermediate_certs),
        admins: bytes(&msp.admins),
        revocation_list: bytes(&msp.revocation_list),
        signing_identity: None,
        organizational_unit_identifiers: msp.organizational_units.iter().map(unit).collect(),
        crypto_config: Some(FabricCryptoConfig {
            signature_hash_family: "SHA2".to_owned(),
            identity_identifier_hash_function: "SHA256".to_owned(),
        }),
        tls_root_certs: bytes(&msp.tls_root_certs),
        tls_intermediate_certs: bytes(&msp.tls_intermediate_certs),
        fabric_node_ous: msp.node_ous.as_ref().map(|units| FabricNodeOus {
            enable: units.enable,
            client_ou_identifier: units.client.as_ref().map(unit),
            peer_ou_identifier: units.peer.as_ref().map(unit),
            admin_ou_identifier: units.admin.as_ref().map(unit),
            orderer_ou_identifier: units.orderer.as_ref().map(unit),
        }),
    };
    MspConfig {
        r#type: MSP_TYPE_FABRIC,
        config: config.encode_to_vec(),
    }
}

/// The other way; bytes that are not text are replaced, since a certificate is text.
pub fn msp_model(config: &FabricMspConfig) -> Msp {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let texts = |all: &[Vec<u8>]| all.iter().map(text).collect();
    let unit = |unit: &FabricOuIdentifier| OrganizationalUnit {
        certificate: text(&unit.certificate),
        unit: unit.organizational_unit_identifier.clone(),
    };
    Msp {
        root_certs: texts(&config.root_certs),
        intermediate_certs: texts(&config.intermediate_certs),
        admins: texts(&config.admins),
        revocation_list: texts(&config.revocation_list),
        organizational_units: config
            .organizational_unit_identifiers
            .iter()
            .map(unit)
            .collect(),
        tls_root_certs: texts(&config.tls_root_certs),
        tls_intermediate_certs: texts(&config.tls_intermediate_certs),
        node_ous: config.fabric_node_ous.as_ref().map(|units| NodeOus {
            enable: units.enable,
            client: units.client_ou_identifier.as_ref().map(unit),
            peer: units.peer_ou_identifier.as_ref().map(unit),
            admin: units.admin_ou_identifier.as_ref().map(unit),
            orderer: units.orderer_ou_identifier.as_ref().map(unit),
        }),
    }
}
