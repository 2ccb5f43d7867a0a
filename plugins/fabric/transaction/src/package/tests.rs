use super::tar::{Entry, Kind};
use super::*;

const KV: &[u8] = include_bytes!("../../../fixtures/kv.tgz");

fn kv() -> Package {
    build("kv_1", &Code::Service(Connection::plain("kv:9999")), &[]).unwrap()
}

fn index(name: &str) -> Index {
    Index {
        collection: None,
        name: name.to_owned(),
        definition: br#"{"index":{"fields":["owner"]},"name":"i","type":"json"}"#.to_vec(),
    }
}

/// A package of any entries: name, type and content.
fn pack(entries: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, kind, content) in entries {
        let mut tar = tar::write(&[(name, content)]).unwrap();
        tar.truncate(tar.len() - 1024);
        tar[156] = *kind;
        fix_sum(&mut tar);
        bytes.extend(tar);
    }
    bytes.extend([0; 1024]);
    gzip::store(&bytes)
}

fn fix_sum(tar: &mut [u8]) {
    tar[148..156].fill(b' ');
    let sum: u32 = tar[..512].iter().map(|byte| u32::from(*byte)).sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn error(bytes: &[u8]) -> String {
    read(bytes, &Limits::default()).unwrap_err().to_string()
}

#[test]
fn the_package_of_the_field_has_the_id_that_a_peer_gave_it() {
    let contents = read(KV, &Limits::default()).unwrap();
    assert_eq!(
        contents.id,
        "kv_1:ad0a77e774cad5f8cb9d6780ef924c069256f4d233b807a176c3fd95429105c1"
    );
    assert_eq!(contents.label, "kv_1");
    assert_eq!(
        contents.code,
        Code::Service(Connection::plain("127.0.0.1:17999"))
    );
    assert_eq!(contents.files, [("connection.json".to_owned(), 72)]);
    assert!(contents.ignored.is_empty() && contents.indexes.is_empty());
}

#[test]
fn own_bytes_never_change() {
    let package = kv();
    assert_eq!(package.bytes.len(), 10 + 5 + 5120 + 8);
    assert_eq!(
        package.id,
        "kv_1:1bf5d4eaf290066cd53910611dae54c153aad2d94e90e8b750e274340bc25106"
    );
    let contents = read(&package.bytes, &Limits::default()).unwrap();
    assert_eq!(contents.id, package.id);
    assert_eq!(contents.code, Code::Service(Connection::plain("kv:9999")));
}

#[test]
fn the_layout_is_that_of_the_two_formats() {
    let bytes = kv().bytes;
    // No time, no flags, one stored block that is the last one.
    assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    assert_eq!(bytes[10..15], [1, 0, 0x14, 0xff, 0xeb]);
    let header = &bytes[15..15 + 512];
    assert_eq!(&header[..14], b"metadata.json\0");
    assert_eq!(&header[100..124], b"0000644\x000000000\x000000000\0");
    assert_eq!(&header[124..148], b"00000000037\x0000000000000\0");
    assert_eq!(&header[156..157], b"0");
    assert_eq!(&header[257..265], b"ustar\x0000");
    assert_eq!(
        &bytes[15 + 512..15 + 512 + 31],
        br#"{"type":"ccaas","label":"kv_1"}"#
    );
}

#[test]
fn indexes_lie_where_peers_look_for_them() {
    let mut private = index("b.json");
    private.collection = Some("secrets".to_owned());
    let code = Code::Service(Connection::plain("kv:9999"));
    let package = build("kv_1", &code, &[private.clone(), index("a.json")]).unwrap();
    let swapped = build("kv_1", &code, &[index("a.json"), private.clone()]).unwrap();
    assert_eq!(package, swapped);
    let contents = read(&package.bytes, &Limits::default()).unwrap();
    let names: Vec<&str> = contents
        .files
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "META-INF/statedb/couchdb/collections/secrets/indexes/b.json",
            "META-INF/statedb/couchdb/indexes/a.json",
            "connection.json"
        ]
    );
    assert_eq!(contents.indexes, [private, index("a.json")]);
    assert!(build("kv_1", &code, &[index("a.json"), index("a.json")]).is_err());
    for name in ["", ".json", "a.txt", "../a.json", "a b.json"] {
        assert!(build("kv_1", &code, &[index(name)]).is_err(), "{name}");
    }
    let mut broken = index("a.json");
    broken.definition = b"{}".to_vec();
    assert!(build("kv_1", &code, &[broken]).is_err());
}

#[test]
fn an_image_needs_a_digest_and_a_label_for_kubernetes() {
    let image = |digest: &str| {
        Code::Image(Image {
            name: "ghcr.io/me/kv".to_owned(),
            digest: digest.to_owned(),
        })
    };
    let good = format!("sha256:{}", "0a".repeat(32));
    let package = build("kv-1", &image(&good), &[]).unwrap();
    let contents = read(&package.bytes, &Limits::default()).unwrap();
    assert_eq!(contents.code, image(&good));
    for digest in ["", "latest", "sha256:0a", &good.to_uppercase(), &good[7..]] {
        assert!(build("kv", &image(digest), &[]).is_err(), "{digest}");
    }
    // The builder refuses what a peer takes: seen with `kv_1.0`.
    for label in [
        "kv_1.0",
        "kv.1",
        "Kv",
        "1kv",
        "kv-",
        "kv+1",
        &"k".repeat(64),
    ] {
        assert!(build(label, &image(&good), &[]).is_err(), "{label}");
        let service = Code::Service(Connection::plain("kv:1"));
        assert!(build(label, &service, &[]).is_ok(), "{label}");
    }
}

#[test]
fn labels_follow_the_rule_of_peers() {
    for label in ["a", "9", "kv_1", "A.b+c-d_e"] {
        assert!(check_label(label).is_ok(), "{label}");
    }
    for label in ["", "_a", ".a", "a:b", "a b", "a/b", "ä", "a\n"] {
        assert!(check_label(label).is_err(), "{label}");
    }
}

#[test]
fn connections_are_checked_before_a_peer_finds_out() {
    let with = |change: &dyn Fn(&mut Connection)| {
        let mut connection = Connection::plain("kv:9999");
        change(&mut connection);
        connection.check().is_ok()
    };
    assert!(with(&|_| {}));
    assert!(with(&|c| c.address = "{{.peername}}_kv:9999".to_owned()));
    assert!(with(&|c| c.address = "[::1]:9999".to_owned()));
    for address in [
        "",
        "kv",
        "kv:",
        ":1",
        "kv:0",
        "kv:65536",
        "kv:+1",
        "http://kv:1",
    ] {
        assert!(!with(&|c| c.address = address.to_owned()), "{address}");
    }
    for timeout in ["10s", "1m30s", "1.5h", "500ms"] {
        assert!(with(&|c| c.dial_timeout = timeout.to_owned()), "{timeout}");
    }
    for timeout in ["", "10", "s", "10x", ".s", "1..2s", "-1s", "10 s"] {
        assert!(!with(&|c| c.dial_timeout = timeout.to_owned()), "{timeout}");
    }
    assert!(!with(&|c| c.tls_required = true));
    let tls = |c: &mut Connection| {
        c.tls_required = true;
        c.root_cert = "PEM".to_owned();
    };
    assert!(with(&tls));
    assert!(!with(&|c| {
        tls(c);
        c.client_auth_required = true;
        c.client_cert = "PEM".to_owned();
    }));
}

#[test]
fn archives_of_sources_are_packed_as_they_are() {
    let files = BTreeMap::from([
        ("src/go.mod".to_owned(), b"module kv\n".to_vec()),
        (
            format!("src/{}/{}.go", "d".repeat(90), "f".repeat(90)),
            vec![],
        ),
    ]);
    let code = Code::Archive {
        kind: "golang".to_owned(),
        path: "kv".to_owned(),
        archive: archive(&files).unwrap(),
    };
    let package = build("kv_1", &code, &[]).unwrap();
    let contents = read(&package.bytes, &Limits::default()).unwrap();
    assert_eq!(contents.code, code);
    let names: Vec<&String> = contents.files.iter().map(|(name, _)| name).collect();
    assert_eq!(names, files.keys().collect::<Vec<_>>());
    assert!(build("kv_1", &code, &[index("a.json")]).is_err());
    for path in ["", "/a", "../a", "a/../../b", &"x".repeat(101)] {
        let files = BTreeMap::from([(path.to_owned(), vec![])]);
        assert!(archive(&files).is_err(), "{path}");
    }
}

#[test]
fn a_foreign_package_is_explained() {
    let code: &[u8] = &Code::Service(Connection::plain("kv:1"))
        .archive(&[])
        .unwrap();
    let json: &[u8] = br#"{"type":"ccaas","label":"kv_1"}"#;
    let name = "n".repeat(5000);
    let pax = format!("5011 path={name}\n");
    assert_eq!(pax.len(), 5011);
    let long = pack(&[("x", b'x', pax.as_bytes()), ("short", b'0', b"")]);
    assert!(error(&long).contains("is too long"));
    let good = pack(&[("metadata.json", b'0', json), ("code.tar.gz", b'0', code)]);
    assert!(read(&good, &Limits::default()).is_ok());
    let dotted = pack(&[
        ("./metadata.json", b'0', json),
        ("./code.tar.gz", b'0', code),
    ]);
    assert!(error(&dotted).contains("it has ./code.tar.gz, ./metadata.json"));
    let folder = pack(&[("./", b'5', b""), ("metadata.json", b'0', json)]);
    assert!(error(&folder).contains("is a folder, which a peer refuses"));
    let git = pack(&[("pax_global_header", b'g', b"")]);
    assert!(error(&git).contains("git archive"));
    let link = pack(&[("metadata.json", b'2', b"")]);
    assert!(error(&link).contains("is a link"));
    let escape = pack(&[("../metadata.json", b'0', json)]);
    assert!(error(&escape).contains("leads out"));
    let label: &[u8] = br#"{"type":"ccaas","label":"kv:1"}"#;
    let label = pack(&[("metadata.json", b'0', label), ("code.tar.gz", b'0', code)]);
    assert!(error(&label).contains("label \"kv:1\""));
    let image: &[u8] = br#"{"Type":"K8S","Label":"kv"}"#;
    let image = pack(&[("metadata.json", b'0', image), ("code.tar.gz", b'0', code)]);
    assert!(error(&image).contains("no file \"image.json\" (it has connection.json)"));
    let raw = pack(&[("metadata.json", b'0', json), ("code.tar.gz", b'0', b"tar")]);
    assert!(error(&raw).starts_with("code.tar.gz is not a whole gzip stream"));
    let more = pack(&[
        ("README", b'0', b""),
        ("metadata.json", b'0', json),
        ("code.tar.gz", b'0', code),
    ]);
    assert_eq!(read(&more, &Limits::default()).unwrap().ignored, ["README"]);
    let inner = pack(&[("../../connection.json", b'0', b"{}")]);
    let inner = pack(&[("metadata.json", b'0', json), ("code.tar.gz", b'0', &inner)]);
    assert!(error(&inner).starts_with("code.tar.gz: the name"));
    let inner = pack(&[
        ("./", b'5', b""),
        (
            "./connection.json",
            b'0',
            br#"{"address":"kv:1","dial_timeout":"10s"}"#,
        ),
    ]);
    let inner = pack(&[("metadata.json", b'0', json), ("code.tar.gz", b'0', &inner)]);
    assert!(read(&inner, &Limits::default()).is_ok());
}

#[test]
fn bombs_and_crowds_are_bounded() {
    let small = Limits {
        unpacked: 4096,
        entries: 1,
    };
    assert!(matches!(
        read(&kv().bytes, &small),
        Err(PackageError::TooLarge { limit: 4096, .. })
    ));
    let one = Limits {
        entries: 1,
        ..Limits::default()
    };
    assert!(matches!(
        read(&kv().bytes, &one),
        Err(PackageError::TooMany { limit: 1, .. })
    ));
    // 64 MiB of zeros in 64 KiB.
    let zeros = miniz_oxide::deflate::compress_to_vec(&vec![0; 64 << 20], 9);
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    bomb.extend(&zeros);
    assert!(zeros.len() < 1 << 17);
    assert!(matches!(
        gzip::unpack("x", &bomb, 1 << 20),
        Err(PackageError::TooLarge { .. })
    ));
    // A name for an entry that never comes, again and again.
    let endless: Vec<(&str, u8, &[u8])> = vec![("././@LongLink", b'L', b"name\0"); 40];
    let endless = gzip::unpack("x", &pack(&endless), 1 << 20).unwrap();
    assert!(matches!(
        tar::read("x", &endless, 10),
        Err(PackageError::TooMany { .. })
    ));
}

#[test]
fn gzip_is_read_in_all_its_forms() {
    let data: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let packed = gzip::store(&data);
    assert_eq!(packed.len(), 10 + 4 * 5 + data.len() + 8);
    let unpack = |bytes: &[u8]| gzip::unpack("x", bytes, 1 << 20);
    assert_eq!(unpack(&packed).unwrap(), data);
    assert_eq!(unpack(&gzip::store(b"")).unwrap(), b"");
    let two = [gzip::store(b"a"), gzip::store(b"b")].concat();
    assert_eq!(unpack(&two).unwrap(), b"ab");
    assert_eq!(
        unpack(&[gzip::store(b"a"), vec![0; 9]].concat()).unwrap(),
        b"a"
    );
    assert!(unpack(&[gzip::store(b"a"), vec![7; 9]].concat()).is_err());
    // All optional fields of the header, and compressed data.
    let mut all = vec![0x1f, 0x8b, 8, 0x1e, 1, 2, 3, 4, 2, 3, 2, 0, 9, 9];
    all.extend(b"name\0comment\0\x12\x34");
    all.extend(miniz_oxide::deflate::compress_to_vec(&data, 6));
    all.extend(crc32fast::hash(&data).to_le_bytes());
    all.extend(200_000_u32.to_le_bytes());
    assert_eq!(unpack(&all).unwrap(), data);
    let last = all.len() - 1;
    all[last] ^= 1;
    assert!(unpack(&all).is_err());
}

#[test]
fn long_names_are_read_in_all_their_forms() {
    let long = "n".repeat(120);
    let pax = format!("133 path={long}\n");
    assert_eq!(pax.len(), 130);
    let pax = format!("130 path={long}\n");
    let gnu = format!("{long}\0");
    let bytes = pack(&[
        ("x", b'x', pax.as_bytes()),
        ("short", b'0', b"1"),
        ("././@LongLink", b'L', gnu.as_bytes()),
        ("short", b'0', b"2"),
        ("short", 0, b"3"),
    ]);
    let bytes = gzip::unpack("x", &bytes, 1 << 20).unwrap();
    let entries = tar::read("x", &bytes, 10).unwrap();
    let seen: Vec<(&str, Kind, &[u8])> = entries
        .iter()
        .map(|Entry { name, kind, data }| (name.as_str(), *kind, *data))
        .collect();
    assert_eq!(
        seen,
        [
            (long.as_str(), Kind::Regular, &b"1"[..]),
            (long.as_str(), Kind::Regular, b"2"),
            ("short", Kind::Regular, b"3"),
        ]
    );
}

#[test]
fn no_damage_makes_the_reader_panic() {
    for package in [KV.to_vec(), kv().bytes] {
        for end in 0..package.len() {
            assert!(read(&package[..end], &Limits::default()).is_err(), "{end}");
        }
        for at in 0..package.len() {
            let mut damaged = package.clone();
            damaged[at] ^= 0xff;
            let _ = read(&damaged, &Limits::default());
        }
    }
    // Below gzip's checksum.
    let tar = gzip::unpack("x", &kv().bytes, 1 << 20).unwrap();
    for at in 0..512 {
        for byte in [0, 0x80, 0xff, b'7', b' '] {
            let mut damaged = tar.clone();
            damaged[at] = byte;
            let _ = tar::read("x", &damaged, 10);
            fix_sum(&mut damaged);
            let _ = tar::read("x", &damaged, 10);
        }
    }
    for pax in [
        "",
        "9",
        " ",
        "5 a=\n",
        "99 a=b\n",
        "0 a=b\n",
        "6 path\n",
        "18446744073709551615 a=b\n",
        "27 size=18446744073709551615\n",
    ] {
        let bytes = pack(&[("x", b'x', pax.as_bytes()), ("a", b'0', b"1")]);
        let bytes = gzip::unpack("x", &bytes, 1 << 20).unwrap();
        let _ = tar::read("x", &bytes, 10);
    }
}
