//! The container of a node: what the client is told, and what it reads.

use chain_plugin_sdk::descriptor::Port;
use chain_plugin_sdk::{
    At, Change, Content, Delivery, Diagnostics, File, Rendered, RenderedBuilder, warning,
};
use quorum_formats::client_flags::{ClientFlags, private_config, renamed};
use quorum_formats::version::Version;
use quorum_service::facts::{
    self, ClientChain, ClientFacts, ConsensusFacts, ConsensusNode, PrivacyNode,
};
use quorum_service::fault::{refuse, refuse_with};
use quorum_service::{
    CHAIN, CLIENT, CONSENSUS, DATA_VOLUME, METRICS_PORT, MONITOR, Nodes, P2P, PRIVACY,
    SOCKET_VOLUME, container,
};
use serde_json::{Value, json};

use crate::options::{CONTAINER, Options};
use crate::{genesis, helpers, keys, peers};

/// The folder of the chain.
const DATA: &str = "/etc/quorum/qdata/dd";
/// Where the privacy manager's socket appears.
const SOCKETS: &str = "/run/quorum";
/// Where the keys appear; outside of the chain's folder, into which a mount would put folders of root's.
const KEYS: &str = "/etc/quorum/keys";
/// The file that starts the client.
const START: &str = "start.sh";

/// Seconds that the client may take to write what it holds in memory.
const GRACE: u32 = 120;

/// The ports on which it listens.
pub fn ports() -> Vec<Port> {
    vec![
        container::port("rpc", 8545, "clients", "rpc"),
        container::port("ws", 8546, "clients", "ws"),
        container::port(P2P, 30303, "peers", "p2p"),
        container::port("metrics", METRICS_PORT, "peers", "metrics"),
    ]
}

/// What is there once for all nodes: the list of nodes, and the scripts.
pub fn chain(nodes: &Nodes, at: &At<'_>) -> Result<Rendered, Diagnostics> {
    let list = peers::list(nodes, at, nodes.all())?;
    let mut builder = RenderedBuilder::new()
        .file(peers::LIST, list.render())
        .file(START, include_str!("start.sh"));
    for file in helpers::files(nodes, at)? {
        builder = builder.add(File {
            name: file.name.to_owned(),
            content: Content::Bytes(file.text.into_bytes()),
            mode: if file.runs { 0o755 } else { 0o644 },
            secret: false,
        });
    }
    // Who joins the chain of another party has its id too, and rightly.
    if nodes.all().all(|node| !node.foreign) {
        let facts: ClientChain = at.fact(CHAIN, CLIENT)?;
        builder = builder.claim(format!("quorum-chain-id/{}", facts.chain_id));
    }
    Ok(builder.build())
}

/// The pod of a node.
pub fn node(nodes: &Nodes, at: &At<'_>) -> Result<Rendered, Diagnostics> {
    let options = Options::of(at)?;
    let version = options.version(at)?;
    let node = nodes.subject(&at.call.subject)?;
    let consensus: ConsensusFacts = at.fact(CHAIN, CONSENSUS)?;
    let member: ConsensusNode = at.fact(&node.id, CONSENSUS)?;
    let chain: ClientChain = at.fact(CHAIN, CLIENT)?;
    let privacy: Option<PrivacyNode> = facts::optional(at, &node.id, PRIVACY)?;
    genesis::same_consensus(node, &member, &consensus.kind)?;
    if chain.privacy_enhancements == Some(true) && privacy.is_none() {
        let message = format!(
            "{} has no privacy manager, and the genesis block of the chain has privacy enhancements: the client would not start",
            node.name
        );
        let hint = "`--privacy tessera`, as when the chain was made";
        return Err(refuse_with("privacy", "", message, hint));
    }
    let flags = ClientFlags {
        data_dir: DATA.to_owned(),
        consensus: crate::spelling::flags(&consensus, &member, &version, chain.period_in_genesis)
            .map_err(|fault| refuse("consensus", "", fault.0))?,
        network_id: chain.network_id,
        verbosity: options.verbosity,
        permissioned: options.permissioned,
        password_file: options.unlock.then(|| format!("{KEYS}/{}", keys::PASSWORD)),
        http_port: port("rpc"),
        ws_port: port("ws"),
        ws: options.ws,
        p2p_port: port(P2P),
        metrics: false,
        extra: extra(&options, &version, nodes),
    };
    let (own, replaced) = renamed(&options.extra_args, &version);
    let mut arguments = flags.arguments(&version);
    arguments.extend(own);
    // By number only, a node that comes later is a member after the others have given it one.
    let pending = consensus.kind == "raft" && !member.founder && member.member_number.is_none();
    let socket = privacy.map(|privacy| format!("{SOCKETS}/{}", privacy.socket));
    let mut environment = vec![
        json!({"name": "QUORUM_DATA_DIR", "value": DATA}),
        json!({"name": "HOME", "value": DATA}),
        json!({"name": "GENESIS_HASH", "value": chain.genesis_hash}),
        json!({"name": "PRIVATE_CONFIG", "value": private_config(socket.as_deref())}),
    ];
    if consensus.kind == "raft" {
        let own: ClientFacts = at.fact(&node.id, CLIENT)?;
        environment.push(json!({"name": "THIS_ENODE", "value": own.node_id}));
    }
    if let Some(number) = member.member_number {
        environment.push(json!({"name": "CHAIN_MEMBER", "value": number.to_string()}));
    }
    if pending {
        environment.push(json!({"name": "CHAIN_JOIN", "value": "pending"}));
    }
    let mut builder = RenderedBuilder::new()
        .pod(&json!({
            "metadata": {"annotations": {"kubectl.kubernetes.io/default-container": CONTAINER}},
            "spec": {"terminationGracePeriodSeconds": GRACE},
        }))
        .container(&json!({
            "name": CONTAINER,
            "image": at.image(CONTAINER),
            "command": ["sh", format!("/opt/quorum/{START}")],
            "args": arguments,
            "env": environment,
            "ports": container::ports(&ports()),
            "startupProbe": probe(5, 120),
            "readinessProbe": probe(10, 3),
        }))
        .volume(CONTAINER, DATA, DATA_VOLUME, "dd");
    if socket.is_some() {
        builder = builder.volume(CONTAINER, SOCKETS, SOCKET_VOLUME, "");
    }
    builder = bound(builder, at, &consensus.kind, socket.is_some());
    if pending {
        let message = format!(
            "{} gets its number when the members are asked, before it starts",
            node.name
        );
        builder = builder.note(warning("raft", "", message));
    }
    for old in replaced {
        let message = format!("{old} was dropped by version {version}; its new name is used");
        builder = builder.note(warning("extra-args", "/extraArgs", message));
    }
    Ok(builder.build())
}

/// The files that the container reads.
fn bound(builder: RenderedBuilder, at: &At<'_>, kind: &str, private: bool) -> RenderedBuilder {
    let of_chain = |name: &str| at.own_of(CHAIN, name);
    let (mounted, roll) = (Delivery::Mounted, Change::Roll);
    let mut builder = builder
        .bind(
            CONTAINER,
            &format!("/opt/quorum/{START}"),
            of_chain(START),
            mounted,
            roll,
        )
        .bind(
            CONTAINER,
            &format!("/etc/quorum/genesis/{}", genesis::FILE),
            of_chain(genesis::FILE),
            mounted,
            roll,
        )
        .bind(
            CONTAINER,
            &format!("/etc/quorum/nodes/{}", peers::LIST),
            of_chain(peers::LIST),
            Delivery::Live,
            Change::Wait,
        );
    if kind == "raft" {
        let path = format!("/etc/quorum/founders/{}", peers::FOUNDERS);
        builder = builder.bind(CONTAINER, &path, of_chain(peers::FOUNDERS), mounted, roll);
    }
    for name in helpers::names(kind, private) {
        let path = format!("/geth-helpers/{name}");
        let file = of_chain(name);
        builder = builder.bind(CONTAINER, &path, file, Delivery::Live, Change::Wait);
    }
    for (name, path) in [
        (keys::NODE_KEY, format!("{KEYS}/{}", keys::NODE_KEY)),
        (keys::PASSWORD, format!("{KEYS}/{}", keys::PASSWORD)),
        (keys::KEYSTORE, format!("{KEYS}/{}/key", keys::KEYSTORE)),
    ] {
        builder = builder.bind(CONTAINER, &path, at.own(name), mounted, roll);
    }
    builder
}

/// What the original does not say: where the keys are, that names of Services and every path of an Ingress are
/// answered, and where metrics are.
fn extra(options: &Options, version: &Version, nodes: &Nodes) -> Vec<String> {
    let new = *version >= Version::new(21, 4, 0);
    let (vhosts, cors, origins) = if new {
        ("--http.vhosts", "--http.corsdomain", "--ws.origins")
    } else {
        ("--rpcvhosts", "--rpccorsdomain", "--wsorigins")
    };
    let mut all = vec![
        "--nodekey".to_owned(),
        format!("{KEYS}/{}", keys::NODE_KEY),
        "--keystore".to_owned(),
        format!("{KEYS}/{}", keys::KEYSTORE),
        format!("{vhosts}=*"),
    ];
    if !options.cors_origins.is_empty() {
        all.push(format!("{cors}={}", options.cors_origins));
        all.push(format!("{origins}={}", options.cors_origins));
    }
    if *version >= Version::new(22, 1, 0) {
        all.extend([
            "--http.rpcprefix=/".to_owned(),
            "--ws.rpcprefix=/".to_owned(),
        ]);
    }
    if options.metrics || nodes.extra.service(MONITOR).is_some() {
        all.push("--metrics".to_owned());
        if new {
            all.push("--metrics.addr=0.0.0.0".to_owned());
            all.push(format!("--metrics.port={METRICS_PORT}"));
        } else {
            all.extend(["--pprof".to_owned(), "--pprofaddr=0.0.0.0".to_owned()]);
        }
    }
    all
}

/// The client answers GET without asking anything of the chain. No liveness probe: a client that hangs is for a person.
fn probe(period: u32, failures: u32) -> Value {
    json!({
        "httpGet": {"path": "/", "port": "rpc"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    })
}

fn port(name: &str) -> u16 {
    ports()
        .iter()
        .find(|port| port.name == name)
        .map_or(0, |port| port.number)
}
