//! What two parties type from approvals to a call that is committed, and the files that go between them.

use chain_plugin_sdk::{Blob, Diagnostics, Report};
use fabric_rehearsal::driver::Faults;
use fabric_rehearsal::ledger::Ledger;
use serde_json::json;

use super::homes::{BASIC, CHANNEL, File, World};

pub const ONE: usize = 0;
pub const TWO: usize = 1;

/// Calls want both.
pub fn both() -> File {
    File {
        policy: "AND('Org1MSP.peer', 'Org2MSP.peer')",
        ..File::default()
    }
}

/// A command of a party, with the files that earlier ones gave.
#[derive(Clone, Copy)]
pub struct Step {
    pub party: usize,
    pub operation: &'static str,
    pub subject: &'static str,
    pub call: &'static str,
    pub files: &'static [usize],
}

pub const fn step(party: usize, operation: &'static str, files: &'static [usize]) -> Step {
    let subject = match operation.as_bytes() {
        b"channel-submit" | b"chaincode-endorse" => CHANNEL,
        _ => BASIC,
    };
    Step {
        party,
        operation,
        subject,
        call: "",
        files,
    }
}

pub const fn add(party: usize) -> Step {
    Step {
        call: "add n 1",
        ..step(party, "chaincode-invoke", &[])
    }
}

/// From approvals to a call that is committed; who has the orderers commits and calls.
pub const BY_ONE: [Step; 9] = [
    step(ONE, "chaincode-deploy", &[]),
    step(TWO, "chaincode-deploy", &[]),
    step(ONE, "channel-submit", &[1]),
    step(ONE, "chaincode-commit", &[]),
    step(TWO, "chaincode-endorse", &[3]),
    step(ONE, "chaincode-endorse", &[3, 4]),
    add(ONE),
    step(TWO, "chaincode-endorse", &[6]),
    step(ONE, "chaincode-endorse", &[7]),
];

/// The same by who has none.
pub const BY_TWO: [Step; 11] = [
    step(TWO, "chaincode-deploy", &[]),
    step(ONE, "channel-submit", &[0]),
    step(ONE, "chaincode-deploy", &[]),
    step(TWO, "chaincode-deploy", &[]),
    step(ONE, "chaincode-endorse", &[3]),
    step(TWO, "chaincode-endorse", &[3, 4]),
    step(ONE, "channel-submit", &[5]),
    add(TWO),
    step(ONE, "chaincode-endorse", &[7]),
    step(TWO, "chaincode-endorse", &[8]),
    step(ONE, "channel-submit", &[9]),
];

impl Step {
    pub fn run(
        &self,
        world: &mut World,
        made: &[Vec<Blob>],
        faults: &Faults,
    ) -> Result<Report, Diagnostics> {
        let args = if self.call.is_empty() {
            json!({})
        } else {
            json!({"call": self.call})
        };
        let files: Vec<Blob> = self.files.iter().flat_map(|it| made[*it].clone()).collect();
        world.tries(
            self.party,
            self.operation,
            self.subject,
            &args,
            &files,
            faults,
        )
    }
}

/// Takes steps after those whose files are there.
pub fn goes(world: &mut World, steps: &[Step], made: &mut Vec<Vec<Blob>>) -> Vec<Report> {
    let mut reports = Vec::new();
    for (number, step) in steps.iter().enumerate().skip(made.len()) {
        let report = step.run(world, made, &Faults::none());
        let report = report.unwrap_or_else(|why| {
            let refusals = &world.ledger.audit.refusals;
            panic!("{number} {}: {why:?} {refusals:#?}", step.operation)
        });
        made.push(report.files.clone());
        reports.push(report);
    }
    reports
}

pub fn faulty(ledger: &Ledger) -> Option<String> {
    let audit = &ledger.audit;
    let clean = audit.invalid.is_empty()
        && audit.refusals.is_empty()
        && audit.raised.values().all(|it| *it == 1)
        && audit.verified > 0;
    (!clean).then(|| format!("{audit:#?}"))
}
