//! Chaincode of 1.4 (`lscc`): installed on each peer from the user's file, then instantiated once for a whole channel.
//!
//! Peers build it themselves, by a docker daemon. What is installed and instantiated is asked before each step, so a run that
//! stopped is finished by the next; the file is wanted only while a peer lacks the code.

mod code;
mod look;
#[cfg(test)]
mod tests;

use chain_plugin_sdk::doing::join_all;
use chain_plugin_sdk::{Blob, Diagnostics, Report};
use fabric_channel::policy::parse_signature;
use fabric_proto::peer::ChaincodeType;
use fabric_service::extra;
use fabric_service::fault::{at as fault_at, refuse, refuse_with};
use fabric_transaction::definition::{LegacyStep, next_legacy};
use fabric_transaction::failure::Verdict;
use fabric_transaction::proposal::legacy::{self, Instantiation, LegacyChaincode};
use serde_json::{Map, Value, json};

use self::code::{Code, read};
use self::look::{Look, first, seen};
use super::amend::{IN_FILE, amend};
use super::crew::{Chaincode, Crew};
use super::submit::Patience;
use super::{report, spec};
use crate::{data, names};

/// Arguments of `chaincode-install` and `chaincode-deploy`.
pub fn args() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": sources()})
}

/// What is said of sources in `--file`.
pub fn sources() -> Map<String, Value> {
    let path = json!({
        "type": "string", "minLength": 1,
        "description": "of sources in `--file`, 1.4 only: where they are in the archive, below src/",
    });
    let language = json!({
        "enum": ["golang", "node", "java"], "default": "golang",
        "description": "of sources in `--file`, 1.4 only",
    });
    [("path".to_owned(), path), ("language".to_owned(), language)]
        .into_iter()
        .collect()
}

/// What does not exist in 1.4.
pub fn unknown(operation: &str) -> Diagnostics {
    let message = format!("{operation} is of the lifecycle since 2.0, and this chain is 1.4");
    let hint = "kubectl chain run chaincode-deploy NAME --file CODE installs and instantiates, chaincode-upgrade NAME version=V --file CODE upgrades";
    refuse_with("operation", "", message, hint)
}

/// What is instantiated with a chaincode.
fn instantiation(about: &extra::Chaincode) -> Result<Instantiation, Diagnostics> {
    let policy = match about.policy.as_str() {
        "" => None,
        path if path.starts_with('/') => {
            let message = format!(
                "chaincode {}: in 1.4 a policy is a rule over signatures, not {path}",
                about.name
            );
            return Err(refuse_with(
                "policy",
                "",
                message,
                "such as OR('Org1MSP.peer')",
            ));
        }
        text => Some(parse_signature(text).map_err(fault_at("policy", ""))?),
    };
    let args = about.init_args.iter().map(|it| it.as_bytes().to_vec());
    Ok(Instantiation {
        args: args.collect(),
        policy,
        collections: Some(data::collections(about, "")?).filter(|it| !it.config.is_empty()),
    })
}

async fn install_on(crew: &Crew, code: &Code, look: &Look<'_>) -> Result<(), Diagnostics> {
    let call = &legacy::install(&code.chaincode, &code.bytes);
    let says = &format!(
        "installing chaincode {} {}",
        code.chaincode.name, code.chaincode.version
    );
    let work = look.lacking.iter().map(|(admin, peer)| async move {
        let mut patience = Patience::new(crew);
        loop {
            match crew.ask(peer, call, admin, patience.says(says)).await {
                Ok(_) => return Ok(()),
                Err(trouble) if trouble.verdict == Verdict::Done => return Ok(()),
                Err(trouble) => patience.bear(crew, &peer.id, trouble).await?,
            }
        }
    });
    join_all(work.collect::<Vec<_>>())
        .await
        .into_iter()
        .collect()
}

/// What became of a chaincode.
#[derive(Debug)]
pub enum Deployed {
    /// It is instantiated.
    Done,
    /// These peers lack the code, and no file was given.
    Lacks(Vec<String>),
}

async fn bring(
    crew: &Crew,
    chaincode: &Chaincode,
    code: Option<&Code>,
) -> Result<Deployed, Diagnostics> {
    let about = &chaincode.about;
    let channel = crew.channel(&about.channel)?;
    let with = instantiation(about)?;
    // Name and version say which of the installed ones it is.
    let named = LegacyChaincode {
        name: about.name.clone(),
        version: about.version.clone(),
        path: String::new(),
        language: ChaincodeType::Golang,
    };
    loop {
        let look = seen(crew, channel, about).await?;
        let everywhere = look.lacking.is_empty();
        let (call, word) = match next_legacy(&about.version, everywhere, look.instantiated.as_ref())
        {
            LegacyStep::Install => {
                let Some(code) = code else {
                    let peers = look.lacking.iter().map(|(_, peer)| peer.name.clone());
                    return Ok(Deployed::Lacks(peers.collect()));
                };
                install_on(crew, code, &look).await?;
                continue;
            }
            LegacyStep::Deploy => (
                legacy::deploy(&channel.name, &named, &with),
                "instantiating",
            ),
            LegacyStep::Upgrade => (legacy::upgrade(&channel.name, &named, &with), "upgrading"),
            LegacyStep::Done => return Ok(Deployed::Done),
        };
        let Some((peer, admin)) = first(crew, channel) else {
            return Err(refuse("channel", "", "no peer of it is this party's"));
        };
        let says = format!("{word} chaincode {} {}", about.name, about.version);
        crew.settle(channel, &call, admin, &[peer], &says).await?;
    }
}

/// Deploys a chaincode whose code is installed, or says who lacks it.
pub async fn deploy(crew: &Crew, chaincode: &Chaincode) -> Result<Deployed, Diagnostics> {
    bring(crew, chaincode, None).await
}

/// That peers lack the code, and what is typed.
pub fn lacks(name: &str, version: &str, peers: &[String]) -> (String, String) {
    let message = format!(
        "chaincode {name} {version} is not installed on {}",
        peers.join(", ")
    );
    let hint = format!(
        "kubectl chain run chaincode-deploy {name} --file CODE.tar.gz path=PATH, or with the file of `peer chaincode package`"
    );
    (message, hint)
}

fn missing(about: &extra::Chaincode, peers: &[String]) -> Diagnostics {
    let (message, hint) = lacks(&about.name, &about.version, peers);
    refuse_with("file", "", message, hint)
}

/// Installs a chaincode where it lacks, instantiates or upgrades it, and waits until that is committed.
pub async fn deploy_one(
    crew: &Crew,
    id: &str,
    args: &Value,
    files: &[Blob],
) -> Result<Report, Diagnostics> {
    let chaincode = crew.chaincode(id)?;
    let about = &chaincode.about;
    let code = read(about, args, files)?;
    brought(crew, chaincode, code.as_ref(), "").await
}

/// Brings a chaincode about, and tells it with a last word.
async fn brought(
    crew: &Crew,
    chaincode: &Chaincode,
    code: Option<&Code>,
    last: &str,
) -> Result<Report, Diagnostics> {
    let about = &chaincode.about;
    match bring(crew, chaincode, code).await? {
        Deployed::Done => Ok(report(
            format!(
                "chaincode {} {} is instantiated on {}{last}",
                about.name,
                about.version,
                crew.channel(&about.channel)?.name
            ),
            &json!({"chaincode": about.name, "version": about.version, "instantiated": true}),
        )),
        Deployed::Lacks(peers) => Err(missing(about, &peers)),
    }
}

/// The code as a file that other parties install: what `peer chaincode package` makes. All peers must have the same.
pub fn package(crew: &Crew, id: &str, args: &Value, files: &[Blob]) -> Result<Report, Diagnostics> {
    let about = &crew.chaincode(id)?.about;
    let code = read(about, args, files)?.ok_or_else(|| {
        let message = format!("chaincode {}: which code is to be packed?", about.name);
        refuse_with("file", "", message, "`--file CODE.tar.gz path=PATH`")
    })?;
    let call = legacy::install(&code.chaincode, &code.bytes);
    let bytes = call.args.into_iter().nth(1).unwrap_or_default();
    let file = format!("{}-{}.cds", about.name, about.version);
    let text = format!(
        "{file} has chaincode {} {}; each party: kubectl chain run chaincode-install {} --file {file}",
        about.name, about.version, about.name
    );
    let table = json!({"chaincode": about.name, "version": about.version, "file": file});
    Ok(Report {
        files: vec![Blob { name: file, bytes }],
        ..report(text, &table)
    })
}

/// Moves a chaincode to another version: writes it into the spec, installs the code where it lacks, and upgrades. Nothing
/// is written when the code is wanted and not given.
pub async fn upgrade(
    crew: &Crew,
    id: &str,
    args: &Value,
    files: &[Blob],
) -> Result<Report, Diagnostics> {
    let chaincode = crew.chaincode(id)?;
    let old = &chaincode.about;
    let name = &old.name;
    let said = |key: &str| args.get(key).and_then(Value::as_str);
    if said("image").is_some() {
        let message =
            format!("chaincode {name}: in 1.4 peers build the code themselves, there is no image");
        return Err(refuse_with("image", "/image", message, "`--file CODE`"));
    }
    let Some(version) = said("version") else {
        let message = format!("chaincode {name}: in 1.4 only another version changes it");
        return Err(refuse_with("version", "/version", message, "`version=2.0`"));
    };
    if let Some(why) = names::not_a_version(version) {
        let message = format!("chaincode {name}: {why}");
        return Err(refuse("version", "/version", message));
    }
    if version == old.version && said("policy").is_some_and(|it| it != old.policy) {
        let message =
            format!("chaincode {name}: another policy wants another version than {version}");
        return Err(refuse("version", "/version", message));
    }
    let mut wished = chaincode.clone();
    version.clone_into(&mut wished.about.version);
    if let Some(policy) = said("policy") {
        policy.clone_into(&mut wished.about.policy);
    }
    let about = &wished.about;
    instantiation(about)?;
    let code = read(about, args, files)?;
    let channel = crew.channel(&about.channel)?;
    let look = seen(crew, channel, about).await?;
    if code.is_none() && !look.lacking.is_empty() {
        let peers: Vec<String> = look.lacking.iter().map(|it| it.1.name.clone()).collect();
        let (message, _) = lacks(name, version, &peers);
        let hint = format!(
            "kubectl chain run chaincode-upgrade {name} version={version} --file CODE.tar.gz path=PATH"
        );
        return Err(refuse_with("file", "", message, hint));
    }
    if about.version != old.version {
        let mut chaincodes = spec::chaincodes(&crew.network)?;
        for entry in chaincodes.iter_mut().filter(|it| it.name == *name) {
            entry.version = Some(version.to_owned());
            if let Some(policy) = said("policy") {
                entry.policy = Some(policy.to_owned()).filter(|it| !it.is_empty());
            }
        }
        let says = format!("amending chaincode {name}");
        amend(crew, &says, &spec::with_chaincodes(&chaincodes)).await?;
    }
    brought(crew, &wished, code.as_ref(), IN_FILE).await
}

/// Installs a chaincode on the peers that lack it.
pub async fn install(
    crew: &Crew,
    id: &str,
    args: &Value,
    files: &[Blob],
) -> Result<Report, Diagnostics> {
    let chaincode = crew.chaincode(id)?;
    let about = &chaincode.about;
    let channel = crew.channel(&about.channel)?;
    let code = read(about, args, files)?;
    let look = seen(crew, channel, about).await?;
    let fresh: Vec<String> = look.lacking.iter().map(|it| it.1.name.clone()).collect();
    if !fresh.is_empty() {
        let code = code.ok_or_else(|| missing(about, &fresh))?;
        install_on(crew, &code, &look).await?;
    }
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    for (peers, now) in [(&look.having, false), (&fresh, true)] {
        for peer in peers {
            let word = if now { "installed" } else { "was there" };
            lines.push(format!("{peer}  {} {}  {word}", about.name, about.version));
            rows.push(json!({"peer": peer, "version": about.version, "installed": now}));
        }
    }
    Ok(report(lines.join("\n"), &json!(rows)))
}
