//! `config.xml`: what Syncthing shares with whom; the same file for every node of a chain.
//!
//! Every node is a device of every folder, itself too. Syncthing 1.x migrates the file when it
//! first starts, so it must be writable (running notes D). Format version 32, tree of the vector
//! `golden_syncthing_config_xml`.

use super::device_id::DeviceId;

/// The name of the file, in the folder of `cert.pem` and `key.pem`.
pub const FILE_NAME: &str = "config.xml";

/// The port (TCP) on which devices exchange files.
pub const SYNC_PORT: u16 = 22000;

/// The port (TCP) of user interface and REST API, on the loopback interface only.
pub const GUI_PORT: u16 = 8384;

/// The folders that are shared, in the node's own folder. `ignoreDelete` is essential: each node
/// deletes proposals locally that others still need.
pub const FOLDERS: [&str; 3] = ["blocks", "proposals", "txs"];

/// A node as the others know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Id, from the node's certificate.
    pub id: DeviceId,
    /// Name that is shown.
    pub name: String,
    /// Host name or address at which it is reached.
    pub host: String,
    /// Port at which it is reached, [`SYNC_PORT`] inside a cluster.
    pub port: u16,
}

/// Children of a folder before its devices.
const FOLDER_SETTINGS: &str = r#"        <filesystemType>basic</filesystemType>
        <minDiskFree unit="%">1</minDiskFree>
        <versioning>
            <cleanupIntervalS>0</cleanupIntervalS>
        </versioning>
        <copiers>0</copiers>
        <pullerMaxPendingKiB>0</pullerMaxPendingKiB>
        <hashers>0</hashers>
        <order>random</order>
        <ignoreDelete>true</ignoreDelete>
        <scanProgressIntervalS>0</scanProgressIntervalS>
        <pullerPauseS>0</pullerPauseS>
        <maxConflicts>10</maxConflicts>
        <disableSparseFiles>false</disableSparseFiles>
        <disableTempIndexes>false</disableTempIndexes>
        <paused>false</paused>
        <weakHashThresholdPct>25</weakHashThresholdPct>
        <markerName>.stfolder</markerName>
        <copyOwnershipFromParent>false</copyOwnershipFromParent>
        <modTimeWindowS>0</modTimeWindowS>
        <maxConcurrentWrites>0</maxConcurrentWrites>
        <disableFsync>false</disableFsync>
        <blockPullOrder>standard</blockPullOrder>
        <copyRangeMethod>standard</copyRangeMethod>
        <caseSensitiveFS>true</caseSensitiveFS>
        <junctionsAsDirs>false</junctionsAsDirs>
"#;

/// Everything that calls home or out of the chain is off.
const OPTIONS: &str = r#"    <ldap></ldap>
    <options>
        <listenAddress>tcp://0.0.0.0:22000</listenAddress>
        <globalAnnounceServer>default</globalAnnounceServer>
        <globalAnnounceEnabled>false</globalAnnounceEnabled>
        <localAnnounceEnabled>false</localAnnounceEnabled>
        <localAnnouncePort>21027</localAnnouncePort>
        <localAnnounceMCAddr></localAnnounceMCAddr>
        <maxSendKbps>0</maxSendKbps>
        <maxRecvKbps>0</maxRecvKbps>
        <reconnectionIntervalS>60</reconnectionIntervalS>
        <relaysEnabled>false</relaysEnabled>
        <relayReconnectIntervalM>10</relayReconnectIntervalM>
        <startBrowser>false</startBrowser>
        <natEnabled>false</natEnabled>
        <natLeaseMinutes>60</natLeaseMinutes>
        <natRenewalMinutes>30</natRenewalMinutes>
        <natTimeoutSeconds>10</natTimeoutSeconds>
        <urAccepted>-1</urAccepted>
        <urSeen>3</urSeen>
        <urUniqueID></urUniqueID>
        <urURL></urURL>
        <urPostInsecurely>false</urPostInsecurely>
        <urInitialDelayS>1800</urInitialDelayS>
        <restartOnWakeup>false</restartOnWakeup>
        <autoUpgradeIntervalH>0</autoUpgradeIntervalH>
        <upgradeToPreReleases>false</upgradeToPreReleases>
        <keepTemporariesH>24</keepTemporariesH>
        <cacheIgnoredFiles>false</cacheIgnoredFiles>
        <progressUpdateIntervalS>1</progressUpdateIntervalS>
        <limitBandwidthInLan>false</limitBandwidthInLan>
        <minHomeDiskFree unit="%">1</minHomeDiskFree>
        <releasesURL></releasesURL>
        <overwriteRemoteDeviceNamesOnConnect>false</overwriteRemoteDeviceNamesOnConnect>
        <tempIndexMinBlocks>10</tempIndexMinBlocks>
        <trafficClass>0</trafficClass>
        <defaultFolderPath>~</defaultFolderPath>
        <setLowPriority>false</setLowPriority>
        <maxFolderConcurrency>0</maxFolderConcurrency>
        <crashReportingURL></crashReportingURL>
        <crashReportingEnabled>false</crashReportingEnabled>
        <stunKeepaliveStartS>0</stunKeepaliveStartS>
        <stunKeepaliveMinS>0</stunKeepaliveMinS>
        <databaseTuning>auto</databaseTuning>
        <maxConcurrentIncomingRequestKiB>0</maxConcurrentIncomingRequestKiB>
    </options>
"#;

/// The text of `config.xml` for all nodes of a chain.
///
/// `devices` are all nodes in node order, the one that reads the file among them. `api_key`
/// protects the REST API; the original uses the chain's name, which is no secret. Any text may be
/// handed in: it is escaped, and characters that XML cannot hold become U+FFFD.
#[must_use]
pub fn render(api_key: &str, devices: &[Device]) -> String {
    let members: String = devices.iter().map(member).collect();
    let folders: String = FOLDERS.iter().map(|id| folder(id, &members)).collect();
    let devices: String = devices.iter().map(device).collect();
    let api_key = escaped(api_key);
    format!(
        r#"<configuration version="32">
{folders}    <gui enabled="true" tls="false" debugging="false">
        <address>127.0.0.1:{GUI_PORT}</address>
        <theme>default</theme>
        <apikey>{api_key}</apikey>
    </gui>
{OPTIONS}{devices}</configuration>
"#
    )
}

fn member(device: &Device) -> String {
    let id = escaped(device.id.as_str());
    format!("        <device id=\"{id}\" introducedBy=\"\"></device>\n")
}

fn folder(id: &str, members: &str) -> String {
    format!(
        "    <folder id=\"{id}\" label=\"\" path=\"/var/syncthing/{id}\" type=\"sendreceive\" \
         rescanIntervalS=\"0\" fsWatcherEnabled=\"true\" fsWatcherDelayS=\"1\" \
         ignorePerms=\"false\" autoNormalize=\"true\">\n{FOLDER_SETTINGS}{members}    </folder>\n"
    )
}

fn device(device: &Device) -> String {
    let id = escaped(device.id.as_str());
    let name = escaped(&device.name);
    let host = escaped(&device.host);
    let port = device.port;
    format!(
        r#"    <device id="{id}" name="{name}" compression="always" introducer="false" skipIntroductionRemovals="false" introducedBy="">
        <address>tcp://{host}:{port}</address>
        <paused>false</paused>
        <autoAcceptFolders>false</autoAcceptFolders>
        <maxSendKbps>0</maxSendKbps>
        <maxRecvKbps>0</maxRecvKbps>
        <maxRequestKiB>0</maxRequestKiB>
    </device>
"#
    )
}

/// A text as it may stand in an element or an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::vector;
    use roxmltree::{Document, Node};
    use serde_json::{Map, Value, json};

    /// The form of the vectors: tag, attributes, text without surrounding white space, children.
    fn tree(node: Node<'_, '_>) -> Value {
        let attrs: Map<String, Value> = node
            .attributes()
            .map(|attribute| (attribute.name().to_owned(), json!(attribute.value())))
            .collect();
        let children: Vec<Value> = node.children().filter(Node::is_element).map(tree).collect();
        let text = node.text().unwrap_or_default().trim();
        json!({"tag": node.tag_name().name(), "attrs": attrs, "text": text, "children": children})
    }

    fn parsed(xml: &str) -> Value {
        tree(Document::parse(xml).unwrap().root_element())
    }

    /// The devices that a golden file lists, read out of it.
    fn devices(golden: &Value) -> Vec<Device> {
        let children = golden["children"].as_array().unwrap();
        let devices = children.iter().filter(|child| child["tag"] == "device");
        devices
            .map(|device| {
                let address = device["children"][0]["text"].as_str().unwrap();
                let (host, port) = address
                    .strip_prefix("tcp://")
                    .and_then(|address| address.split_once(':'))
                    .unwrap();
                Device {
                    id: DeviceId::stub(device["attrs"]["id"].as_str().unwrap()),
                    name: device["attrs"]["name"].as_str().unwrap().to_owned(),
                    host: host.to_owned(),
                    port: port.parse().unwrap(),
                }
            })
            .collect()
    }

    #[test]
    fn vector_golden_syncthing_config_xml() {
        let golden = vector("golden_syncthing_config_xml");
        for scenario in ["local", "multi"] {
            let expected = &golden[scenario];
            let devices = devices(expected);
            assert_eq!(devices.len(), 3);
            let written = parsed(&render("test-chain", &devices));
            assert_eq!(&written, expected, "{scenario}");
        }
    }

    #[test]
    fn ports_in_the_text_are_the_public_ones() {
        let text = render("k", &[]);
        assert!(text.contains(&format!("tcp://0.0.0.0:{SYNC_PORT}<")));
        assert!(text.contains(&format!("127.0.0.1:{GUI_PORT}<")));
    }

    #[test]
    fn strange_names_stay_text() {
        let strange = "a\"'<b>&amp;]]>\té";
        let device = Device {
            id: DeviceId::from_hash(&[0; 32]),
            name: strange.to_owned(),
            host: strange.to_owned(),
            port: 1,
        };
        let read = parsed(&render(strange, &[device]));
        let children = read["children"].as_array().unwrap();
        let find = |tag| children.iter().find(|child| child["tag"] == tag).unwrap();
        assert_eq!(find("gui")["children"][2]["text"], strange);
        assert_eq!(find("device")["attrs"]["name"], strange);
        assert_eq!(
            find("device")["children"][0]["text"],
            format!("tcp://{strange}:1")
        );
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        assert_eq!(
            escaped("a\0\u{1b}\u{ffff}\nb"),
            "a\u{fffd}\u{fffd}\u{fffd}&#10;b"
        );
    }
}
