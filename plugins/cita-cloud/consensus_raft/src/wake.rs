//! Wakes a raft that waits for its leader's first message.
//!
//! A follower does nothing, does not even count time, before a first message of its raft arrives. The leader remembers on
//! which session of the network it heard a node last, and sends there; a node whose network started anew has other
//! sessions, so the leader speaks to nobody, and the node sleeps until another one leads: with a second node down the
//! chain then has no majority. One message is enough. This one asks for what no other node may ask for, so raft refuses
//! it (`raft step failed`) and begins to count time; without a leader it asks for votes, by which the others learn of the
//! new sessions.
//!
//! The message goes to the service that its network calls, over HTTP/2 without TLS and with literal headers, as bytes that
//! a shell can send.

use std::fmt::Write as _;

/// Name of the script.
pub const FILE: &str = "wake.sh";

/// Where it appears in the container.
pub const PATH: &str = "/opt/cita-cloud/wake/wake.sh";

/// What the service's log ends with while its raft sleeps: it registers and starts side by side, so any of these comes last.
const SLEEPS: [&str; 3] = [
    "register network msg handler success",
    "start raft",
    "start grpc server",
];

/// The script for the node with this raft id.
pub fn script(log: &str, port: u16, raft_id: u64) -> String {
    let mut octal = String::new();
    for byte in request(raft_id) {
        // Into a string: nothing to fail.
        let _ = write!(octal, "\\{byte:03o}");
    }
    let sleeps = SLEEPS.join("|");
    format!(
        "\
# Wakes a raft that waits for a message of its leader, which may not reach it: the leader sends on the session of the
# network on which it heard this node last. Once the raft has had any message, it counts time, and asks for votes when it
# hears of no leader. Runs in bash beside the service until it ends.
while sleep 15; do
	tail -n 1 {log} | grep -Eq '{sleeps}' || continue
	echo 'wake.sh: the raft has heard of nobody: wakes it' >&2
	{{
		printf '{octal}' >&3
		sleep 1
	}} 3<>/dev/tcp/127.0.0.1/{port}
done
"
    )
}

/// A call of `ProcessNetworkMsg` with a message to the raft from no one, of the kind that a raft sends to itself alone.
fn request(raft_id: u64) -> Vec<u8> {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;
    let mut all = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    all.extend(frame(SETTINGS, 0, 0, &[]));
    // POST and http are entries 3 and 6 of the static table; path, authority and content-type have names there.
    let mut headers = vec![0x83, 0x86];
    let path = "/network.NetworkMsgHandlerService/ProcessNetworkMsg";
    headers.extend(header(&[0x04], path));
    headers.extend(header(&[0x01], "127.0.0.1"));
    headers.extend(header(&[0x0f, 0x10], "application/grpc"));
    headers.extend(header(&[0x00, 2, b't', b'e'], "trailers"));
    all.extend(frame(HEADERS, END_HEADERS, 1, &headers));
    // raft's Message: field 2, to.
    let mut message = vec![0x10];
    message.extend(varint(raft_id));
    // NetworkMsg: module, type, msg.
    let mut body = Vec::new();
    for (tag, bytes) in [(0x0a, &b"consensus"[..]), (0x12, b"raft"), (0x22, &message)] {
        body.push(tag);
        body.extend(varint(bytes.len() as u64));
        body.extend(bytes);
    }
    let mut grpc = vec![0];
    grpc.extend(u32::try_from(body.len()).unwrap_or(0).to_be_bytes());
    grpc.extend(body);
    all.extend(frame(DATA, END_STREAM, 1, &grpc));
    all
}

/// A frame of HTTP/2: three bytes of length, kind, flags, stream.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    let mut all: Vec<u8> = length.into_iter().skip(1).collect();
    all.extend([kind, flags]);
    all.extend(stream.to_be_bytes());
    all.extend(payload);
    all
}

/// A header that is not added to a table: its name, then its value, shorter than 127 bytes.
fn header(name: &[u8], value: &str) -> Vec<u8> {
    let mut all = name.to_vec();
    all.push(u8::try_from(value.len()).unwrap_or(0));
    all.extend(value.as_bytes());
    all
}

/// A number of protobuf.
fn varint(mut value: u64) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            all.push(low);
            return all;
        }
        all.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_to_one_raft_and_of_a_kind_that_raft_refuses() {
        let sent = request(2);
        let body = b"\x0a\x09consensus\x12\x04raft\x22\x02\x10\x02";
        assert!(sent.ends_with(body), "{sent:?}");
        // Before it the frame's head (a length of 5 + 21, the end of stream 1), then what gRPC puts before a message.
        let head = [0, 0, 26, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 21];
        assert!(
            sent.get(..sent.len() - body.len())
                .unwrap()
                .ends_with(&head)
        );
        assert!(request(200).ends_with(b"\x22\x03\x10\xc8\x01"));
    }

    #[test]
    fn the_script_sends_these_bytes_while_the_log_ends_with_the_start() {
        use std::process::Command;

        if Command::new("bash").args(["-c", ":"]).status().is_err() {
            return;
        }
        // Which comes last is a matter of luck.
        for (name, start) in [
            (
                "a",
                "INFO start raft\nINFO start grpc server!\nINFO register network msg handler success!\n",
            ),
            (
                "b",
                "INFO register network msg handler success!\nINFO start raft\nINFO start grpc server!\n",
            ),
            ("c", "INFO start grpc server!\nINFO start raft\n"),
        ] {
            wakes_once(name, start);
        }
    }

    fn wakes_once(name: &str, start: &str) {
        use std::io::Read as _;
        use std::net::TcpListener;
        use std::process::Command;

        let folder = std::env::temp_dir().join(format!("wake-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let log = folder.join("raft.log");
        std::fs::write(&log, start).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = script(log.to_str().unwrap(), port, 3).replace("sleep 15", "sleep 0.1");
        let mut waking = Command::new("bash").args(["-c", &script]).spawn().unwrap();
        let (mut socket, _) = listener.accept().unwrap();
        // It has heard: no second message.
        let heard = format!("{start}WARN raft step failed\n");
        std::fs::write(&log, heard).unwrap();
        let mut sent = Vec::new();
        socket.read_to_end(&mut sent).unwrap();
        assert_eq!(sent, request(3), "{start}");
        listener.set_nonblocking(true).unwrap();
        std::thread::sleep(std::time::Duration::from_secs(1));
        assert!(listener.accept().is_err(), "{start}");
        waking.kill().unwrap();
        waking.wait().unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
