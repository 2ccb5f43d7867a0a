//! Two parties with a home and namespaces each: the second comes into the first one's channel by one file each way, and
//! what both must sign goes from home to home.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kubectl_chain::cluster::object_api::ApiKind;
use kubectl_chain::cluster::request::ListQuery;
use serde_json::Value;

use super::Operator;
use super::front::Front;
use super::live::picture;
use super::plane::plane;

/// All that a chain keeps secret, in all namespaces, in the forms in which it could be told: keys as PEM, as DER, and the
/// number that they are.
async fn secrets(of: &Operator, chain: &str) -> Vec<Vec<u8>> {
    let kind = ApiKind::known("", "Secret").unwrap();
    let labels = format!("chain.dev/chain={chain}");
    let query = ListQuery {
        labels: &labels,
        ..ListQuery::default()
    };
    let mut all = Vec::new();
    for secret in of.admin.list(&kind, "", query).await.unwrap() {
        for value in secret["data"].as_object().unwrap().values() {
            let text = BASE64.decode(value.as_str().unwrap()).unwrap();
            let text = String::from_utf8_lossy(&text);
            if !text.contains("PRIVATE KEY") {
                continue;
            }
            let lines = text.lines().filter(|it| !it.contains("-----"));
            let lines: Vec<&str> = lines.collect();
            // The third line is of the public key alone.
            all.extend(lines.iter().take(2).map(|it| it.as_bytes().to_vec()));
            let der = BASE64.decode(lines.concat()).unwrap();
            // PKCS#8 around SEC1: the number is an octet string of 32 bytes.
            let at = der.windows(2).position(|it| it == [4, 32]).unwrap();
            all.push(der[at + 2..at + 34].to_vec());
        }
    }
    all
}

/// Whether bytes have others in them, as they are or encoded.
fn tells(bytes: &[u8], secret: &[u8]) -> bool {
    let hex: String = secret.iter().map(|it| format!("{it:02x}")).collect();
    let within = |it: &[u8]| bytes.windows(it.len()).any(|part| part == it);
    within(secret) || within(hex.as_bytes()) || within(BASE64.encode(secret).as_bytes())
}

/// Takes the one file that a home has and the other has not to the other, and tells its name.
fn carry(from: &Operator, to: &Operator, sent: &mut Vec<Vec<u8>>) -> String {
    let mut fresh = Vec::new();
    for entry in std::fs::read_dir(from.home.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = to.home.path().join(&name);
        if path.extension().is_some_and(|it| it == "pb") && !path.exists() {
            fresh.push(name);
        }
    }
    let [name] = fresh.as_slice() else {
        panic!("{fresh:?}");
    };
    let bytes = std::fs::read(from.home.path().join(name)).unwrap();
    std::fs::write(to.home.path().join(name), &bytes).unwrap();
    sent.push(bytes);
    name.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_party_comes_into_the_channel_and_signs_in_a_home_of_its_own() {
    let Some(front) = Front::of(plane(), "pair") else {
        return;
    };
    let (alpha, beta) = (
        Operator::new(plane(), "fabricalpha").await,
        Operator::new(plane(), "fabricbeta").await,
    );
    let base = "--stack fabric --peers 1 --channel shared --chaincode kv=example/kv:1 --wait";
    alpha.run(&format!(
        "create pair {base} --orgs pone --orderer-org porder --orderers 1"
    ));
    let from_alpha = alpha.run("export pair --party alpha --reach cluster");
    assert!(!from_alpha.contains("PRIVATE"), "{from_alpha}");
    assert!(
        from_alpha.contains("orderer0.porder.svc:7050"),
        "{from_alpha}"
    );

    // Who joins has the block of the channel, and no orderers of its own.
    beta.receive("alpha.yaml", &from_alpha);
    let (code, out, said) = beta.output(&format!("join -f alpha.yaml {base} --orgs ptwo"));
    assert_eq!(code, Some(0), "{out}\n{said}");
    assert!(said.contains("no members of it yet"), "{said}");
    let status = beta.run("status pair -o json");
    assert!(status.contains("peer0.ptwo"), "{status}");
    assert!(!status.contains("orderer"), "{status}");

    // What the second tells has its organisation, and the same channel.
    let from_beta = beta.run("export pair --party beta --reach cluster");
    let configured = |text: &str| {
        let tree: Value = serde_yaml::from_str(text).unwrap();
        tree["spec"]["configured"]["channel/shared"].clone()
    };
    assert_eq!(configured(&from_alpha), configured(&from_beta));
    assert!(!configured(&from_alpha).is_null());

    // The first learns it; its own objects stay.
    alpha.receive("beta.yaml", &from_beta);
    let sets = alpha.of_chain("apps", "StatefulSet").await;
    alpha.run("join -f beta.yaml");
    assert_eq!(alpha.of_chain("apps", "StatefulSet").await, sets);
    // Now it is somebody who can be added: so far the first party alone decides.
    let said = alpha.fails("run channel-add-org shared org=nobody --chain pair");
    assert!(said.contains("ptwo"), "{said}");
    alpha.run("run channel-add-org shared org=ptwo --chain pair");
    let (code, out, said) = beta.output("run bring-up --chain pair");
    assert_eq!(code, Some(0), "{out}\n{said}");
    assert!(
        said.contains("kubectl chain run chaincode-deploy kv"),
        "{said}"
    );
    let seen = picture(&front.ledger(), "shared");
    let members = ["PoneMSP", "PtwoMSP"].map(|it| (it.to_owned(), true));
    assert_eq!(seen.members, members.into());
    assert_eq!(seen.nodes.len(), 3, "{seen:?}");

    // The definition stands already; the second party runs its code by its own approval, which who has an orderer hands in.
    let mut sent = Vec::new();
    beta.run("run chaincode-deploy kv --chain pair");
    let approval = carry(&beta, &alpha, &mut sent);
    let submit = format!("run channel-submit shared --chain pair --file {approval}");
    for _ in 0..2 {
        alpha.run(&submit);
        beta.run("run chaincode-deploy kv --chain pair");
        let seen = picture(&front.ledger(), "shared");
        let approved = seen.lifecycle.contains("approval/PtwoMSP/kv/1");
        assert!(approved, "{seen:?}");
        assert_eq!(seen.raised, [(("kv".to_owned(), 1), 1)].into());
    }

    // A call that both must endorse: made by one, endorsed by the other, finished by the first.
    alpha.run(r#"run chaincode-invoke kv --chain pair call=["add","n","1"]"#);
    let proposal = carry(&alpha, &beta, &mut sent);
    beta.run(&format!(
        "run chaincode-endorse shared --chain pair --file {proposal}"
    ));
    let endorsed = carry(&beta, &alpha, &mut sent);
    let finish = format!("run chaincode-endorse shared --chain pair --file {endorsed}");
    for _ in 0..2 {
        alpha.run(&finish);
        let said = beta.run(r#"run chaincode-query kv --chain pair call=["get","n"]"#);
        assert_eq!(said.trim(), "1");
    }

    // A change that both must sign: signed in one home, submitted from the other.
    let sequence = picture(&front.ledger(), "shared").sequence;
    let wish = alpha
        .command("run channel-update shared --chain pair")
        .arg(r#"policies={"Endorsement":"ANY Endorsement"}"#)
        .output()
        .unwrap();
    assert!(wish.status.success(), "{wish:?}");
    let open = carry(&alpha, &beta, &mut sent);
    let alone = format!("run channel-submit shared --chain pair --file {open}");
    let said = alpha.fails(&alone);
    assert!(said.contains("still missing: PtwoMSP"), "{said}");
    let said = beta.run(&format!(
        "run channel-sign shared --chain pair --file {open}"
    ));
    assert!(said.contains("signed by PtwoMSP"), "{said}");
    let signed = carry(&beta, &alpha, &mut sent);
    let both = format!("{alone} --file {signed}");
    let said = beta.fails(&both);
    assert!(said.contains("no orderer of channel shared"), "{said}");
    for _ in 0..2 {
        alpha.run(&both);
        let seen = picture(&front.ledger(), "shared");
        assert_eq!(seen.sequence, sequence + 1);
    }
    // From now on one endorsement is enough.
    alpha.run(r#"run chaincode-invoke kv --chain pair call=["add","n","1"]"#);
    let said = beta.run(r#"run chaincode-query kv --chain pair call=["get","n"]"#);
    assert_eq!(said.trim(), "2");

    // Nothing that went from home to home has a key in it.
    let secrets = secrets(&alpha, "pair").await;
    assert!(secrets.len() > 20, "{}", secrets.len());
    sent.extend([from_alpha.into_bytes(), from_beta.into_bytes()]);
    assert_eq!(sent.len(), 7);
    for bytes in sent {
        assert!(!secrets.iter().any(|it| tells(&bytes, it)));
    }
}
