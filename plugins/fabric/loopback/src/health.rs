//! Whether a process serves.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::process::Kind;

const TIME: Duration = Duration::from_secs(5);

/// Whether `/healthz` answers 200, if there is one, and clients are listened to. `/healthz` alone is too
/// early: it answers some time before orderers serve their administration and peers their clients.
pub fn is_ready(kind: Kind, address: Ipv4Addr) -> bool {
    let healthy = kind.operations().is_none_or(|port| {
        status(address, port).is_ok_and(|line| line.starts_with("HTTP/1.1 200"))
    });
    healthy && connect(address, kind.port()).is_ok()
}

fn connect(address: Ipv4Addr, port: u16) -> std::io::Result<TcpStream> {
    let to = SocketAddr::from((address, port));
    let stream = TcpStream::connect_timeout(&to, TIME)?;
    stream.set_read_timeout(Some(TIME))?;
    Ok(stream)
}

fn status(address: Ipv4Addr, port: u16) -> std::io::Result<String> {
    let mut stream = connect(address, port)?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
