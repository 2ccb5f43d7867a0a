//! `crypto-config.yaml`, from which cryptogen makes keys and certificates: organisations, their nodes and users.

use chain_plugin_sdk::Diagnostics;

use super::notes::Notes;
use super::place::Place;
use super::template::render;

/// Most nodes that an organisation may have, and most users.
const MOST: u64 = 1000;
/// Most nodes of all organisations.
const MOST_NODES: usize = 10_000;
/// Most names that a certificate may have beside the usual ones.
const MOST_NAMES: usize = 100;

/// A node.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its host name without domain.
    pub hostname: String,
    /// Its name in certificates.
    pub common_name: String,
    /// Further names.
    pub sans: Vec<String>,
}

/// An organisation.
#[derive(Debug)]
pub struct CryptoOrg<'a> {
    /// Where it stands.
    pub place: Place<'a>,
    /// Whether its nodes are orderers.
    pub ordering: bool,
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: String,
    /// Whether roles stand in its certificates.
    pub node_ous: bool,
    /// Its orderers or peers.
    pub members: Vec<Member>,
    /// How many users it has beside its Admin.
    pub users: u64,
    /// Country, province and locality of its certificates.
    pub subject: [Option<String>; 3],
}

/// Reads the organisations of a file, those that order first.
pub fn read<'a>(root: &Place<'a>, notes: &mut Notes) -> Result<Vec<CryptoOrg<'a>>, Diagnostics> {
    let mut orgs = Vec::new();
    let mut count = 0usize;
    for (key, ordering) in [("OrdererOrgs", true), ("PeerOrgs", false)] {
        for place in notes.list(root, key)? {
            notes.is_map(&place)?;
            let org = org(&place, ordering, notes)?;
            count = count.saturating_add(org.members.len());
            if count > MOST_NODES {
                let message = format!("there are more than {MOST_NODES} nodes");
                return Err(notes.refuse(&place, &message, ""));
            }
            orgs.push(org);
        }
    }
    Ok(orgs)
}

fn org<'a>(
    place: &Place<'a>,
    ordering: bool,
    notes: &mut Notes,
) -> Result<CryptoOrg<'a>, Diagnostics> {
    let Some((domain, _)) = notes.text(place, "Domain")? else {
        return Err(notes.refuse(place, "the organisation has no Domain", ""));
    };
    let name = notes.text(place, "Name")?.map_or(domain, |(name, _)| name);
    let node_ous = notes.boolean(place, "EnableNodeOUs")?.unwrap_or(false);
    if let Some((algorithm, at)) = notes.text(place, "PublicKeyAlgorithm")?
        && !algorithm.eq_ignore_ascii_case("ecdsa")
    {
        notes.ignore(&at, "it has no effect: keys are ECDSA, on P-256", "");
    }
    let subject = authority(place, notes)?;
    let users = match notes.map(place, "Users")? {
        Some(users) if ordering => {
            let reason = "it has no effect: an organisation that orders has its Admin alone, with cryptogen too";
            notes.ignore(&users, reason, "`users` of the organisation makes some");
            0
        }
        Some(users) => notes
            .number(&users, "Count", MOST)?
            .map_or(0, |(count, _)| count),
        None => 0,
    };
    Ok(CryptoOrg {
        place: place.clone(),
        ordering,
        name: name.to_owned(),
        domain: domain.to_owned(),
        node_ous,
        members: members(place, domain, ordering, notes)?,
        users,
        subject,
    })
}

/// What is said about the authorities: only where they are, which all certificates below them repeat.
fn authority(place: &Place<'_>, notes: &mut Notes) -> Result<[Option<String>; 3], Diagnostics> {
    let Some(ca) = notes.map(place, "CA")? else {
        return Ok([None, None, None]);
    };
    if let Some((hostname, at)) = notes.text(&ca, "Hostname")?
        && hostname != "ca"
    {
        let reason = "it has no effect: the authorities of a domain are ca.DOMAIN and tlsca.DOMAIN";
        notes.ignore(&at, reason, "");
    }
    for key in [
        "CommonName",
        "OrganizationalUnit",
        "StreetAddress",
        "PostalCode",
    ] {
        if let Some(at) = notes.take(&ca, key) {
            let reason = "it has no effect: of an authority's subject only Country, Province and Locality can be said";
            notes.ignore(&at, reason, "");
        }
    }
    if let Some(at) = notes.take(&ca, "SANS") {
        let reason = "it has no effect: the certificate of an authority names no host";
        notes.ignore(&at, reason, "");
    }
    let mut said = |key: &str| -> Result<Option<String>, Diagnostics> {
        Ok(notes.text(&ca, key)?.map(|(text, _)| text.to_owned()))
    };
    Ok([said("Country")?, said("Province")?, said("Locality")?])
}

/// The nodes: those that are listed, then those of the template, as cryptogen has them.
fn members(
    place: &Place<'_>,
    domain: &str,
    ordering: bool,
    notes: &mut Notes,
) -> Result<Vec<Member>, Diagnostics> {
    let mut members: Vec<Member> = Vec::new();
    for spec in notes.list(place, "Specs")? {
        notes.is_map(&spec)?;
        for key in [
            "Country",
            "Province",
            "Locality",
            "OrganizationalUnit",
            "StreetAddress",
            "PostalCode",
        ] {
            if let Some(at) = notes.take(&spec, key) {
                let reason = "it has no effect: certificates of nodes have the place of their authority, with cryptogen too";
                notes.ignore(&at, reason, "");
            }
        }
        let hostname = notes.text(&spec, "Hostname")?.map(|(name, _)| name);
        let common_name = notes.text(&spec, "CommonName")?;
        let Some(hostname) = hostname.or_else(|| {
            let (name, _) = common_name.as_ref()?;
            name.split('.').next()
        }) else {
            return Err(notes.refuse(&spec, "the node has no Hostname", ""));
        };
        let sans = names(&spec, notes)?;
        let common_name = common_name.map(|(name, _)| name);
        let member = member(hostname, common_name, domain, &sans)
            .map_err(|why| notes.refuse(&spec, &why, ""))?;
        push(&mut members, member, &spec, notes);
    }
    let Some(template) = notes.map(place, "Template")? else {
        return Ok(members);
    };
    let number = |key: &str, most: u64, notes: &mut Notes| {
        Ok::<u64, Diagnostics>(notes.number(&template, key, most)?.map_or(0, |it| it.0))
    };
    let count = number("Count", MOST, notes)?;
    let start = number("Start", u64::from(u32::MAX), notes)?;
    let pattern = notes.text(&template, "Hostname")?;
    let pattern = pattern.map_or("{{.Prefix}}{{.Index}}", |(text, _)| text);
    let sans = names(&template, notes)?;
    let prefix = if ordering { "orderer" } else { "peer" };
    for n in 0..count {
        let index = start.saturating_add(n).to_string();
        let variables = [("Prefix", prefix), ("Index", &index), ("Domain", domain)];
        let made = render(pattern, &variables)
            .and_then(|hostname| member(&hostname, None, domain, &sans))
            .map_err(|why| notes.refuse(&template, &why, ""))?;
        push(&mut members, made, &template, notes);
    }
    Ok(members)
}

fn names<'a>(at: &Place<'a>, notes: &mut Notes) -> Result<Vec<&'a str>, Diagnostics> {
    let all = notes.words(at, "SANS")?;
    if all.len() > MOST_NAMES {
        let message = format!("SANS: at most {MOST_NAMES} names fit");
        return Err(notes.refuse(at, &message, ""));
    }
    Ok(all.into_iter().map(|(name, _)| name).collect())
}

fn member(
    hostname: &str,
    common_name: Option<&str>,
    domain: &str,
    sans: &[&str],
) -> Result<Member, String> {
    let variables = [("Hostname", hostname), ("Domain", domain)];
    let pattern = common_name.unwrap_or("{{.Hostname}}.{{.Domain}}");
    let common_name = render(pattern, &variables)?;
    let [first, second] = variables;
    let variables = [first, second, ("CommonName", common_name.as_str())];
    let sans = sans
        .iter()
        .map(|san| render(san, &variables))
        .collect::<Result<_, _>>()?;
    Ok(Member {
        hostname: hostname.to_owned(),
        sans,
        common_name,
    })
}

fn push(members: &mut Vec<Member>, member: Member, at: &Place<'_>, notes: &mut Notes) {
    if members.iter().any(|it| it.hostname == member.hostname) {
        let reason = format!("{} stands twice; it is one node", member.hostname);
        notes.warn(at, &reason, "");
    } else {
        members.push(member);
    }
}
