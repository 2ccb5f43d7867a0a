//! Parties with homes of their own in one network.

use chain_plugin_sdk::{Blob, Diagnostics, Report};
use fabric_rehearsal::driver::{Faults, run};
use fabric_rehearsal::ledger::Ledger;
use fabric_rehearsal::network::{Network, Orderers, Spec};
use fabric_service::Release;
use serde_json::{Value, json};

pub const CHANNEL: &str = "channel/mychannel";
#[allow(dead_code)]
pub const BASIC: &str = "chaincode/basic";

/// What both files say.
#[derive(Debug, Clone)]
pub struct File {
    pub release: Release,
    pub version: &'static str,
    pub policy: &'static str,
}

impl Default for File {
    fn default() -> Self {
        Self {
            release: Release::V2_5,
            version: "1.0",
            policy: "",
        }
    }
}

impl File {
    /// A party that owns all but some organisations, and knows of those what they publish. One seed makes one network of
    /// all homes.
    pub fn home(&self, away: &[&str]) -> Network {
        let mut basic = json!({"name": "basic", "image": "registry.example/basic:1.0", "version": self.version});
        if !self.policy.is_empty() {
            basic["policy"] = json!(self.policy);
        }
        let kinds = json!({
            "orderers": 1, "orgs": 2, "peers": 1, "channels": [{"name": "mychannel"}], "chaincodes": [basic],
        });
        let mut network = Network::new(Spec::new(self.release, Orderers::Raft, &kinds)).unwrap();
        for subject in &mut network.topology.subjects {
            let org = subject.parent.clone().unwrap_or_default();
            subject.foreign = away.contains(&subject.id.as_str()) || away.contains(&org.as_str());
            for endpoint in &mut subject.endpoints {
                if subject.foreign {
                    let outside = format!("{}.example:{}", endpoint.service, endpoint.number);
                    endpoint.outside = Some(outside);
                }
            }
        }
        network
    }

    /// The first party has the orderers and `org1`, the second `org2`.
    pub fn homes(&self) -> [Network; 2] {
        [
            self.home(&["org/org2"]),
            self.home(&["org/orderer", "org/org1"]),
        ]
    }

    /// Their world, where nothing was done yet.
    pub fn world(&self) -> World {
        World::of(self.homes().into())
    }
}

/// The parties, and what they share.
pub struct World {
    pub homes: Vec<Network>,
    pub ledger: Ledger,
}

impl World {
    pub fn of(homes: Vec<Network>) -> Self {
        let mut ledger = Ledger::new(&homes[0]).unwrap();
        for home in &homes {
            ledger.start(home).unwrap();
        }
        Self { homes, ledger }
    }

    /// One party does something.
    pub fn tries(
        &mut self,
        party: usize,
        operation: &str,
        subject: &str,
        args: &Value,
        files: &[Blob],
        faults: &Faults,
    ) -> Result<Report, Diagnostics> {
        let home = &mut self.homes[party];
        home.now_ms = self.ledger.clock_ms();
        run(
            home,
            &mut self.ledger,
            operation,
            subject,
            args,
            files,
            faults,
        )
    }

    /// The same without faults.
    pub fn does(
        &mut self,
        party: usize,
        operation: &str,
        subject: &str,
        args: &Value,
        files: &[Blob],
    ) -> Result<Report, Diagnostics> {
        self.tries(party, operation, subject, args, files, &Faults::none())
    }

    /// All join the channel.
    pub fn all_join(&mut self) {
        for party in 0..self.homes.len() {
            let report = self.does(party, "channel-join", CHANNEL, &json!({}), &[]);
            report.unwrap();
        }
        for peer in self.ledger.peers.values() {
            assert!(peer.channels.contains_key("mychannel"));
        }
    }
}
