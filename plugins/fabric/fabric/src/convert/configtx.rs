//! `configtx.yaml`, from which configtxgen makes blocks and transactions: organisations as channels name them, and
//! profiles.
//!
//! A profile with `Orderer` is the first block of a channel, or of a system channel if it has `Consortiums`; one with
//! `Application` alone is the transaction that makes a channel of release 1.4. One way of ordering is taken, that of the
//! first profile that says one, and each profile with `Application` that fits it is a channel.

use std::collections::BTreeMap;

use chain_plugin_sdk::Diagnostics;
use fabric_channel::model;
use fabric_service::Release;
use serde_json::json;

use super::capabilities::{self, Group, line};
use super::crypto::CryptoOrg;
use super::label::{distinct, label};
use super::notes::{MOST, Notes};
use super::ordering::{self, Consensus, Ordering};
use super::place::Place;
use super::policies;
use crate::names;

/// An organisation as channels name it.
#[derive(Debug)]
pub struct TxOrg<'a> {
    /// Where it stands.
    pub place: Place<'a>,
    /// Its MSP.
    pub id: &'a str,
    /// The organisation of cryptogen's file that is meant.
    pub crypto: Option<usize>,
    /// The domain by the path of its MSP.
    pub domain: Option<&'a str>,
    /// Whether it orders in a profile that is taken.
    pub orders: bool,
    /// Whether it has peers there.
    pub applies: bool,
    /// Its anchor peers: host, port, place.
    pub anchors: Vec<(&'a str, Option<u64>, Place<'a>)>,
    /// Addresses of its orderers.
    pub endpoints: Vec<(&'a str, Place<'a>)>,
}

/// A channel.
#[derive(Debug)]
pub struct TxChannel<'a> {
    /// Its name.
    pub name: String,
    /// Its organisations, by MSP.
    pub orgs: Vec<&'a str>,
    /// Its policies that are not the usual ones.
    pub policies: BTreeMap<&'a str, &'a str>,
    /// Where its profile stands.
    pub place: Place<'a>,
}

/// What the file says.
#[derive(Debug, Default)]
pub struct Configtx<'a> {
    /// The release, when something tells it.
    pub release: Option<Release>,
    /// Organisations that profiles name, and those of cryptogen's file.
    pub orgs: Vec<TxOrg<'a>>,
    /// Who orders.
    pub ordering: Option<Ordering<'a>>,
    /// The consortium, where the release has one.
    pub consortium: Option<&'a str>,
    /// Channels.
    pub channels: Vec<TxChannel<'a>>,
}

/// Reads the file, beside the organisations of cryptogen's.
pub fn read<'a>(
    root: &Place<'a>,
    crypto: &[CryptoOrg<'_>],
    notes: &mut Notes,
) -> Result<Configtx<'a>, Diagnostics> {
    let mut reader = Reader {
        crypto,
        made: Configtx::default(),
        release: Release::V2_5,
    };
    reader.profiles(root, notes)?;
    reader.unused(root, notes)?;
    Ok(reader.made)
}

struct Reader<'a, 'c> {
    crypto: &'c [CryptoOrg<'c>],
    made: Configtx<'a>,
    release: Release,
}

impl<'a> Reader<'a, '_> {
    fn profiles(&mut self, root: &Place<'a>, notes: &mut Notes) -> Result<(), Diagnostics> {
        let Some(all) = notes.map(root, "Profiles")? else {
            return Ok(());
        };
        let mut profiles = Vec::new();
        if all.node.entries().len() > MOST {
            let message = format!("at most {MOST} profiles are expected");
            return Err(notes.refuse(&all, &message, ""));
        }
        for (name, place) in all.entries() {
            notes.mark(&place);
            if !place.node.is_null() {
                notes.is_map(&place)?;
                profiles.push((name, place));
            }
        }
        let first = profiles
            .iter()
            .find_map(|(name, place)| Some((*name, place.get("Orderer")?)));
        let consensus = match &first {
            Some((_, orderer)) => Some(Consensus::of(orderer, notes)?),
            None => None,
        };
        let mut taken = Vec::new();
        let mut system = None;
        for (name, place) in profiles {
            let orderer = place.get("Orderer");
            if let (Some(orderer), Some((first, _)), Some(consensus)) =
                (&orderer, &first, consensus)
            {
                let other = Consensus::of(orderer, notes)? != consensus;
                let genesis = place.get("Application").is_none();
                if other || (genesis && system.is_some()) {
                    let reason = format!(
                        "it is left out: a chain has one way of ordering, that of profile {first}"
                    );
                    let hint = format!(
                        "to have {name} instead, take {first} out of the file and convert it again"
                    );
                    notes.ignore(&place, &reason, &hint);
                    continue;
                }
                if genesis {
                    system = Some(name);
                }
            }
            taken.push((name, place));
        }
        self.release(&taken, consensus, notes);
        if let (Some((name, orderer)), Some(consensus)) = (first, consensus) {
            self.ordering(name, &orderer, consensus, notes)?;
        }
        let mut names = std::collections::BTreeSet::new();
        for (name, place) in &taken {
            self.profile(name, place, &mut names, notes)?;
        }
        Ok(())
    }

    /// The oldest release that has all that is required.
    fn release(
        &mut self,
        taken: &[(&str, Place<'a>)],
        consensus: Option<Consensus>,
        notes: &mut Notes,
    ) {
        let mut found = None;
        for (_, profile) in taken {
            let sections = [
                Some(profile.clone()),
                profile.get("Orderer"),
                profile.get("Application"),
            ];
            for section in sections.into_iter().flatten() {
                found = found.max(capabilities::release(&section));
            }
        }
        let release = match (found, consensus) {
            (_, Some(Consensus::Bft)) => Release::V3_1,
            (Some(found), _) => found,
            (None, Some(Consensus::Solo | Consensus::Kafka)) => Release::V1_4,
            (None, None) if taken.is_empty() => return,
            (None, _) => Release::V2_5,
        };
        if found.is_none() {
            notes.tell(&format!(
                "configtx.yaml requires no capability: the release is {}",
                release.name()
            ));
        }
        self.release = release;
        self.made.release = Some(release);
    }

    fn ordering(
        &mut self,
        name: &str,
        orderer: &Place<'a>,
        consensus: Consensus,
        notes: &mut Notes,
    ) -> Result<(), Diagnostics> {
        notes.is_map(orderer)?;
        let read = ordering::read(orderer, consensus, self.release, notes)?;
        if read.consenters.is_empty() && matches!(consensus, Consensus::Raft | Consensus::Bft) {
            let reason = format!("profile {name} names no consenter: every orderer is one here");
            notes.inform(orderer, &reason);
        }
        self.made.ordering = Some(read);
        Ok(())
    }

    fn profile(
        &mut self,
        name: &str,
        place: &Place<'a>,
        taken: &mut std::collections::BTreeSet<String>,
        notes: &mut Notes,
    ) -> Result<(), Diagnostics> {
        policies::compare(place, &model::channel_policies(), notes)?;
        capabilities::compare(place, Group::Channel, self.release, notes)?;
        if let Some(orderer) = notes.map(place, "Orderer")? {
            policies::compare(&orderer, &model::orderer_policies(), notes)?;
            capabilities::compare(&orderer, Group::Orderer, self.release, notes)?;
            for item in notes.list(&orderer, "Organizations")? {
                let usual = |org: &TxOrg<'_>, reader: &Self| reader.usual(org, true);
                let at = self.org(&item, usual, notes)?;
                if let Some(org) = self.made.orgs.get_mut(at) {
                    org.orders = true;
                }
            }
            self.same(name, &orderer, notes)?;
        }
        if let Some((consortium, at)) = notes.text(place, "Consortium")? {
            self.consortium(consortium, &at, notes);
        }
        if let Some(all) = notes.map(place, "Consortiums")? {
            if self.release != Release::V1_4 {
                let reason = format!(
                    "in {} there is no system channel: channels are made without one, and their members are what profiles say",
                    self.release.name()
                );
                notes.inform(&all, &reason);
            }
            for (name, consortium) in all.entries() {
                notes.mark(&consortium);
                if consortium.node.is_null() {
                    continue;
                }
                notes.is_map(&consortium)?;
                self.consortium(name, &consortium, notes);
                for item in notes.list(&consortium, "Organizations")? {
                    let usual = |org: &TxOrg<'_>, reader: &Self| reader.usual(org, false);
                    let at = self.org(&item, usual, notes)?;
                    if let Some(org) = self.made.orgs.get_mut(at) {
                        org.applies = true;
                    }
                }
            }
        }
        let Some(application) = notes.map(place, "Application")? else {
            return Ok(());
        };
        self.channel(name, place, &application, taken, notes)
    }

    /// Where a later profile orders otherwise than the first one.
    fn same(
        &mut self,
        name: &str,
        orderer: &Place<'a>,
        notes: &mut Notes,
    ) -> Result<(), Diagnostics> {
        let Some(first) = self.made.ordering.take() else {
            return Ok(());
        };
        let consensus = Consensus::of(orderer, notes)?;
        let this = ordering::read(orderer, consensus, self.release, notes)?;
        if this.options != first.options || this.service != first.service {
            let reason = format!(
                "profile {name} orders otherwise than the first one: all channels have what that says"
            );
            notes.warn(orderer, &reason, "");
        }
        self.made.ordering = Some(first);
        Ok(())
    }

    fn consortium(&mut self, name: &'a str, at: &Place<'_>, notes: &mut Notes) {
        if self.release != Release::V1_4 {
            return;
        }
        match self.made.consortium {
            Some(first) if first != name => {
                let reason =
                    format!("there is one consortium, {first}; whoever has peers is in it");
                notes.warn(at, &reason, "");
            }
            _ => self.made.consortium = Some(name),
        }
    }

    fn channel(
        &mut self,
        name: &str,
        place: &Place<'a>,
        application: &Place<'a>,
        taken: &mut std::collections::BTreeSet<String>,
        notes: &mut Notes,
    ) -> Result<(), Diagnostics> {
        capabilities::compare(application, Group::Application, self.release, notes)?;
        policies::access(application, notes)?;
        if let Some(resources) = notes.take(application, "Resources") {
            notes.ignore(&resources, "it has no effect: no release here reads it", "");
        }
        let mut orgs: Vec<&'a str> = Vec::new();
        for item in notes.list(application, "Organizations")? {
            let usual = |org: &TxOrg<'_>, reader: &Self| reader.usual(org, false);
            let at = self.org(&item, usual, notes)?;
            if let Some(org) = self.made.orgs.get_mut(at) {
                org.applies = true;
                if !orgs.contains(&org.id) {
                    orgs.push(org.id);
                }
            }
        }
        let usual = model::application_policies(line(self.release));
        let policies = policies::unusual(application, &usual, notes)?;
        let channel = label(name, "channel");
        let channel = distinct(taken, &[channel]);
        debug_assert!(names::not_a_channel(&channel).is_none());
        let message = format!(
            "no file names the channel: it is `{channel}` after its profile; write under `channels` what -channelID said"
        );
        notes.inform(place, &message);
        self.made.channels.push(TxChannel {
            name: channel,
            orgs,
            policies: policies
                .into_iter()
                .map(|(name, rule, _)| (name, rule))
                .collect(),
            place: place.clone(),
        });
        Ok(())
    }

    /// The policies that an organisation has here.
    fn usual(&self, org: &TxOrg<'_>, ordering: bool) -> model::Policies {
        let crypto = org.crypto.and_then(|at| self.crypto.get(at));
        let node_ous = crypto.is_none_or(|it| it.node_ous);
        policies::of_org(org.id, node_ous, ordering, line(self.release))
    }

    /// Reads an organisation where it is used; its place among all.
    fn org(
        &mut self,
        place: &Place<'a>,
        usual: impl Fn(&TxOrg<'_>, &Self) -> model::Policies,
        notes: &mut Notes,
    ) -> Result<usize, Diagnostics> {
        let read = self.read_org(place, notes)?;
        policies::compare(place, &usual(&read, self), notes)?;
        Ok(self.register(read))
    }

    fn register(&mut self, read: TxOrg<'a>) -> usize {
        let known = self.made.orgs.iter().position(|org| org.id == read.id);
        known.unwrap_or_else(|| {
            self.made.orgs.push(read);
            self.made.orgs.len().saturating_sub(1)
        })
    }

    fn read_org(&self, place: &Place<'a>, notes: &mut Notes) -> Result<TxOrg<'a>, Diagnostics> {
        notes.is_map(place)?;
        let name = notes.text(place, "Name")?;
        let id = notes.text(place, "ID")?;
        let Some((id, _)) = id.or_else(|| name.clone()) else {
            return Err(notes.refuse(place, "the organisation has no ID", ""));
        };
        if let Some((name, at)) = &name
            && *name != id
        {
            let reason = format!("it has no effect: channels call the organisation {id} here");
            notes.ignore(at, &reason, "");
        }
        if let Some((kind, at)) = notes.text(place, "MSPType")?
            && !kind.eq_ignore_ascii_case("bccsp")
        {
            let hint = "take the organisation out of the file";
            return Err(notes.refuse(&at, "only MSPs of type bccsp can be had here", hint));
        }
        if let Some(at) = notes.take(place, "AdminPrincipal") {
            let reason = "it has no effect: policies say who administers";
            notes.ignore(&at, reason, "");
        }
        if let Some(at) = notes.take(place, "SkipAsForeign") {
            let reason = "it has no effect: what is of another party comes by `kubectl chain join`";
            notes.ignore(&at, reason, "");
        }
        let path = notes.text(place, "MSPDir")?.map(|(path, _)| path);
        let tree = path.and_then(of_tree);
        let mut anchors = Vec::new();
        for anchor in notes.list(place, "AnchorPeers")? {
            notes.is_map(&anchor)?;
            let port = notes.number(&anchor, "Port", u64::from(u16::MAX))?;
            match notes.text(&anchor, "Host")? {
                Some((host, _)) => anchors.push((host, port.map(|(port, _)| port), anchor)),
                None => return Err(notes.refuse(&anchor, "the anchor peer has no Host", "")),
            }
        }
        Ok(TxOrg {
            crypto: self.meant(id, name.map(|(name, _)| name), tree),
            domain: tree.map(|(domain, _)| domain),
            orders: false,
            applies: false,
            anchors,
            endpoints: notes.words(place, "OrdererEndpoints")?,
            place: place.clone(),
            id,
        })
    }

    /// The organisation of cryptogen's file that is meant: by the path of its MSP in cryptogen's tree, else by name.
    fn meant(&self, id: &str, name: Option<&str>, tree: Option<(&str, bool)>) -> Option<usize> {
        if let Some((domain, ordering)) = tree {
            return self
                .crypto
                .iter()
                .position(|org| org.domain == domain && org.ordering == ordering);
        }
        let names = |org: &&CryptoOrg<'_>| {
            let own = label(&org.name, "org");
            names::msp_id(&own) == id
                || name.is_some_and(|name| name.eq_ignore_ascii_case(&org.name))
                || id.eq_ignore_ascii_case(&org.name)
        };
        self.crypto.iter().position(|org| names(&org))
    }

    /// Organisations that no profile names: of cryptogen's file, or left out.
    fn unused(&mut self, root: &Place<'a>, notes: &mut Notes) -> Result<(), Diagnostics> {
        for item in notes.list(root, "Organizations")? {
            let word = |key: &str| item.get(key).and_then(|place| place.node.text());
            let (name, id) = (word("Name"), word("ID").or_else(|| word("Name")));
            let known = |id: &str| self.made.orgs.iter().any(|org| org.id == id);
            if id.is_some_and(known) {
                continue;
            }
            let tree = word("MSPDir").and_then(of_tree);
            if id.and_then(|id| self.meant(id, name, tree)).is_none() {
                let reason = "it is left out: no profile that is taken names it";
                notes.ignore(&item, reason, "");
                continue;
            }
            let read = self.read_org(&item, notes)?;
            let ordering = read.crypto.and_then(|at| self.crypto.get(at));
            let usual = self.usual(&read, ordering.is_some_and(|org| org.ordering));
            policies::compare(&item, &usual, notes)?;
            self.register(read);
        }
        Ok(())
    }
}

/// Of the path of an MSP in cryptogen's tree the domain, and whether it orders.
fn of_tree(path: &str) -> Option<(&str, bool)> {
    let mut parts = path.split('/');
    let ordering = parts.find_map(|part| match part {
        "ordererOrganizations" => Some(true),
        "peerOrganizations" => Some(false),
        _ => None,
    })?;
    let domain = parts.next().filter(|domain| !domain.is_empty())?;
    Some((domain, ordering))
}

/// The options of the stack that the file says.
pub fn options(read: &Configtx<'_>) -> serde_json::Map<String, serde_json::Value> {
    let mut options = read
        .ordering
        .as_ref()
        .map(|ordering| ordering.options.clone())
        .unwrap_or_default();
    if let Some(consortium) = read.consortium {
        options.insert("consortium".to_owned(), json!(consortium));
    }
    options
}
