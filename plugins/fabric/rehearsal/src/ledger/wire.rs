//! Answers as the host hands them on: HTTP, and gRPC over it.

use chain_plugin_sdk::{Failure, Http, Response};
use fabric_proto::Message;
use fabric_transaction::grpc::{self, Method};
use serde_json::{Value, json};

/// A failure of a connection.
pub fn failure(kind: &str, message: impl Into<String>) -> Failure {
    Failure {
        kind: kind.to_owned(),
        message: message.into(),
    }
}

fn answer(code: i32, headers: &Value, trailers: &Value, body: Vec<u8>) -> Response {
    Response {
        code,
        body,
        more: json!({"headers": headers, "trailers": trailers}).to_string(),
    }
}

/// An answer of plain HTTP with JSON in it.
pub fn plain(code: i32, body: &Value) -> Response {
    let headers = json!([["content-type", "application/json"]]);
    let body = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    answer(code, &headers, &json!([]), body)
}

/// An answer of plain HTTP with text in it.
pub fn text(code: i32, body: &str) -> Response {
    let headers = json!([["content-type", "text/plain; version=0.0.4"]]);
    answer(code, &headers, &json!([]), body.as_bytes().to_vec())
}

/// The messages of a call that went well.
pub fn messages<M: Message>(all: &[M]) -> Response {
    let body = all
        .iter()
        .flat_map(|it| grpc::frame(&it.encode_to_vec()))
        .collect();
    answer(
        200,
        &json!([["content-type", "application/grpc"]]),
        &json!([["grpc-status", "0"], ["grpc-message", ""]]),
        body,
    )
}

/// A call that failed: code 2 is what a peer's own errors come as. Without a body the status stands in the headers.
pub fn refused(code: u8, message: &str) -> Response {
    let encoded: String = message
        .bytes()
        .map(|byte| match byte {
            b'%' => "%25".to_owned(),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    answer(
        200,
        &json!([
            ["content-type", "application/grpc"],
            ["grpc-status", code.to_string()],
            ["grpc-message", encoded]
        ]),
        &json!([]),
        Vec::new(),
    )
}

/// The call of a request, and its one message.
pub fn call(http: &Http) -> Result<(Method, Vec<u8>), Response> {
    let all = [
        Method::ProcessProposal,
        Method::Broadcast,
        Method::OrdererDeliver,
        Method::PeerDeliver,
        Method::DeliverFiltered,
    ];
    let Some(method) = all.into_iter().find(|it| it.path() == http.path) else {
        return Err(refused(12, &format!("unknown service {}", http.path)));
    };
    let has = |name: &str, value: &str| {
        http.headers
            .iter()
            .any(|(key, said)| key == name && said == value)
    };
    if http.method != "POST" || !http.h2 || !has("content-type", "application/grpc") {
        return Err(plain(415, &Value::Null));
    }
    if !has("te", "trailers") {
        return Err(refused(13, "no te: trailers"));
    }
    match grpc::only(&http.body, grpc::MAX_MESSAGE) {
        Ok(message) => Ok((method, message.to_vec())),
        Err(fault) => Err(refused(13, &fault.to_string())),
    }
}

/// The one file of a form.
pub fn form_file(http: &Http, part: &str) -> Result<Vec<u8>, String> {
    let kind = http
        .headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.as_str())
        .unwrap_or_default();
    let boundary = kind
        .strip_prefix("multipart/form-data; boundary=")
        .ok_or_else(|| format!("unsupported Content-Type: {kind:?}"))?;
    let (start, end) = (
        format!("--{boundary}\r\n"),
        format!("\r\n--{boundary}--\r\n"),
    );
    let inner = http
        .body
        .strip_prefix(start.as_bytes())
        .and_then(|it| it.strip_suffix(end.as_bytes()))
        .ok_or("cannot read form from request body")?;
    let split = inner
        .windows(4)
        .position(|it| it == b"\r\n\r\n")
        .ok_or("part without headers")?;
    let (head, file) = inner.split_at(split);
    let head = String::from_utf8_lossy(head);
    if !head.contains(&format!("name=\"{part}\"")) || !head.contains("filename=") {
        return Err(format!("form does not contain part key: {part}"));
    }
    Ok(file.get(4..).unwrap_or_default().to_vec())
}
