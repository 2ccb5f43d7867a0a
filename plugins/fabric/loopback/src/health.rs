//! Whether a process serves.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::process::Kind;

const TIME: Duration = Duration::from_secs(5);

/// Whether `/healthz` answers 200, if there is one, and all of `ports` are listened to. `/healthz` alone
/// is too early: it answers some time before orderers serve their administration.
pub fn is_ready(kind: Kind, address: Ipv4Addr, ports: &[u16]) -> bool {
    let healthy = kind
        .operations()
        .is_none_or(|port| answer(address, port).is_ok_and(|answer| is_healthy(&answer)));
    healthy && ports.iter().all(|port| connect(address, *port).is_ok())
}

/// A peer of 1.4 always misses docker, which is not there.
fn is_healthy(answer: &str) -> bool {
    let failed = answer.matches("\"component\"").count();
    let only_docker = failed == 1 && answer.contains("\"docker\"");
    answer.starts_with("HTTP/1.1 200") || only_docker
}

/// The ports on which a process listens, by what its environment says of its own address.
pub fn ports(kind: Kind, address: Ipv4Addr, env: &BTreeMap<String, String>) -> Vec<u16> {
    let own = env.values().filter_map(|value| {
        let (host, port) = value.split_once(':')?;
        (host == address.to_string()).then(|| port.parse().ok())?
    });
    own.chain([kind.port()]).collect()
}

fn connect(address: Ipv4Addr, port: u16) -> std::io::Result<TcpStream> {
    let to = SocketAddr::from((address, port));
    let stream = TcpStream::connect_timeout(&to, TIME)?;
    stream.set_read_timeout(Some(TIME))?;
    Ok(stream)
}

fn answer(address: Ipv4Addr, port: u16) -> std::io::Result<String> {
    let mut stream = connect(address, port)?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_docker_may_be_missed() {
        let failed = |names: &[&str]| {
            let all: Vec<_> = names
                .iter()
                .map(|name| format!(r#"{{"component":"{name}","reason":"x"}}"#))
                .collect();
            let body = format!(r#"{{"failed_checks":[{}]}}"#, all.join(","));
            is_healthy(&format!("HTTP/1.1 503 Service Unavailable\r\n\r\n{body}"))
        };
        assert!(is_healthy("HTTP/1.1 200 OK\r\n\r\n{}"));
        assert!(failed(&["docker"]));
        assert!(!failed(&["couchdb"]) && !failed(&["docker", "couchdb"]) && !failed(&[]));
    }

    #[test]
    fn a_process_listens_where_its_environment_says() {
        let env = [
            ("ORDERER_GENERAL_LISTENADDRESS", "127.9.0.1"),
            ("ORDERER_ADMIN_LISTENADDRESS", "127.9.0.1:9443"),
            ("ORDERER_METRICS_PROVIDER", "prometheus"),
            ("CORE_PEER_ADDRESS", "peer0.org1:7051"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let found = ports(Kind::Orderer, Ipv4Addr::new(127, 9, 0, 1), &env.into());
        assert_eq!(found, [9443, 7050]);
    }
}
