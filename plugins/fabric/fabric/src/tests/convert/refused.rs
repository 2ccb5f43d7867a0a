//! Files that are refused, and hostile ones.

use super::*;

#[test]
fn what_is_no_template_is_refused_with_its_line() {
    let text = |hostname: &str| {
        format!(
            "PeerOrgs:\n  - Domain: a\n    Template:\n      Count: 1\n      Hostname: \"{hostname}\"\n"
        )
    };
    for (hostname, part) in [
        ("{{.Nobody}}", "`{{.Nobody}}` is not understood"),
        ("{{range .}}x{{end}}", "is not understood"),
        ("{{.Index", "without `}}`"),
        (&"{{.Prefix}}".repeat(100), "more than 253 characters"),
    ] {
        let said = refused(&[("c.yaml", &text(hostname))]);
        assert!(
            said.contains(part) && said.contains("c.yaml line 3"),
            "{said}"
        );
    }
}

#[test]
fn files_that_cannot_be_read_are_refused_by_place() {
    for (files, part) in [
        (vec![("a.yaml", "x: 1\n")], "a.yaml line 1: it is neither"),
        (vec![("a.yaml", "PeerOrgs: [")], "a.yaml line "),
        (vec![("a.yaml", "PeerOrgs: 5")], "a list is expected"),
        (
            vec![("a.yaml", "PeerOrgs: [5]")],
            "keys with values are expected",
        ),
        (vec![("a.yaml", "PeerOrgs: [{Name: a}]")], "no Domain"),
        (
            vec![(
                "a.yaml",
                "PeerOrgs:\n- Domain: a\n  Template:\n    Count: 4294967295\n",
            )],
            "a.yaml line 4: /PeerOrgs/0/Template/Count: a number from 0 to 1000",
        ),
        (
            vec![("a.yaml", "PeerOrgs: []\n")],
            "no organisation is left",
        ),
        (
            vec![("a.yaml", TX_14), ("b.yaml", TX_14)],
            "b.yaml line 1: it is a second",
        ),
        (
            vec![(
                "a.yaml",
                &TX_14.replace("OrdererType: solo", "OrdererType: poa"),
            )],
            "orderers of type \"poa\" are not known",
        ),
        (
            vec![(
                "a.yaml",
                &TX_14.replace("BatchTimeout: 2s", "BatchTimeout: soon"),
            )],
            "a.yaml line 31: /Profiles/Solo/Orderer/BatchTimeout: a length of time",
        ),
        (
            vec![("a.yaml", &TX_14.replace("98 MB", "98 pounds"))],
            "a size is expected",
        ),
        (
            vec![("a.yaml", &TX_14.replace("ANY Readers", "ANY"))],
            "expected",
        ),
    ] {
        let said = refused(&files);
        assert!(said.contains(part), "{part:?} in {said:?}");
    }
    let fault = Converter::read("helm", vec![blob("f", "")]).unwrap_err();
    assert_eq!(fault[0].message, "the format helm is not known");
    let fault = Converter::read(CONFIGTX, Vec::new()).unwrap_err();
    assert_eq!(fault[0].message, "there is no file");
    let binary = Blob {
        name: "f".to_owned(),
        bytes: vec![0xff],
    };
    let fault = Converter::read(CONFIGTX, vec![binary]).unwrap_err();
    assert_eq!(fault[0].message, "f is no text");
}

#[test]
fn hostile_files_end_soon() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.extend([format!("a{level}: &a{level} [{aliases}]\n")]);
    }
    bomb.push_str("PeerOrgs: *a8\n");
    assert!(refused(&[("a.yaml", &bomb)]).contains("too large"));
    let orgs = "- {Domain: d, Template: {Count: 1000}}\n".repeat(20);
    let said = refused(&[("a.yaml", &format!("PeerOrgs:\n{orgs}"))]);
    assert!(said.contains("more than 10000 nodes"), "{said}");
    // Many profiles over the same section, and organisations of one name.
    let profiles = |count: usize| {
        let one = |n| {
            format!(
                "  P{n}: {{Orderer: {{OrdererType: etcdraft}}, Application: {{Organizations: [*o]}}}}\n"
            )
        };
        let all: String = (0..count).map(one).collect();
        format!("Organizations:\n- &o {{Name: o, ID: o}}\nProfiles:\n{all}")
    };
    let read = read_all(&[("a.yaml", &profiles(1000))]).unwrap();
    assert_eq!(read.spec["channels"].as_array().unwrap().len(), 1000);
    assert!(refused(&[("a.yaml", &profiles(1001))]).contains("at most 1000 profiles"));
    let orgs = |count: usize| {
        let one = |_| "- {Name: a, Domain: a}\n";
        format!("PeerOrgs:\n{}", (0..count).map(one).collect::<String>())
    };
    let read = crypto(&orgs(1000));
    assert_eq!(read.spec["orgs"][999]["name"], "a-1000");
    assert!(refused(&[("a.yaml", &orgs(1001))]).contains("a list of at most 1000"));
}
