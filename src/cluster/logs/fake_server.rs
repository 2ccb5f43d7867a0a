//! An API server on loopback that knows one pod and its logs, and breaks connections where it is told to.
//!
//! It keeps what the real one does: `sinceTime` is cut to whole seconds, the log of a replaced pod is gone, `previous`
//! shows the run before, a follow ends when its container does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A run of the container and its log.
#[derive(Debug, Clone)]
pub struct FakeRun {
    pub restarts: i32,
    pub log: Vec<u8>,
    pub ended: bool,
}

/// What the server knows.
#[derive(Debug, Default)]
pub struct World {
    /// UID of the pod, while there is one.
    pub pod: Option<String>,
    pub runs: Vec<FakeRun>,
    /// Runs whose log `previous` still shows.
    pub keeps_previous: bool,
    pub has_set: bool,
    /// For each coming log connection: after how many bytes it breaks.
    pub cuts: VecDeque<Option<usize>>,
    /// Status codes with which coming log requests are refused; none lets one pass.
    pub refusals: VecDeque<Option<u16>>,
    /// The API server does not know of the last restart yet.
    pub status_lags: bool,
    /// Queries of the log requests.
    pub asked: Vec<String>,
}

/// The server; ends with the test's runtime.
#[derive(Clone)]
pub struct FakeServer {
    pub world: Arc<Mutex<World>>,
    port: u16,
}

impl FakeServer {
    /// With one pod whose container runs for the first time.
    pub async fn start() -> Self {
        let world = World {
            pod: Some("uid-1".into()),
            runs: vec![FakeRun {
                restarts: 0,
                log: Vec::new(),
                ended: false,
            }],
            keeps_previous: true,
            has_set: true,
            ..World::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self {
            world: Arc::new(Mutex::new(world)),
            port,
        };
        let own = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let own = own.clone();
                tokio::spawn(async move {
                    let _ = own.answer(stream).await;
                });
            }
        });
        server
    }

    pub fn client(&self) -> kube::Client {
        let url = format!("http://127.0.0.1:{}", self.port);
        let mut config = kube::Config::new(url.parse().unwrap());
        config.default_retry = false;
        kube::Client::try_from(config).unwrap()
    }

    /// Appends a line to the current run.
    pub fn write(&self, stamp: &str, text: &str) {
        self.write_raw(format!("{stamp} {text}\n").as_bytes());
    }

    pub fn write_raw(&self, bytes: &[u8]) {
        self.with(|world| world.runs.last_mut().unwrap().log.extend_from_slice(bytes));
    }

    /// The container ends.
    pub fn end_run(&self) {
        self.with(|world| world.runs.last_mut().unwrap().ended = true);
    }

    /// The container starts again in the same pod.
    pub fn restart(&self) {
        self.with(|world| {
            let last = world.runs.last_mut().unwrap();
            last.ended = true;
            let restarts = last.restarts + 1;
            world.runs.push(FakeRun {
                restarts,
                log: Vec::new(),
                ended: false,
            });
        });
    }

    /// The pod goes, with its logs.
    pub fn delete_pod(&self) {
        self.with(|world| {
            world.pod = None;
            world.runs.clear();
        });
    }

    /// A new pod comes.
    pub fn new_pod(&self, uid: &str) {
        self.with(|world| {
            world.pod = Some(uid.into());
            world.runs = vec![FakeRun {
                restarts: 0,
                log: Vec::new(),
                ended: false,
            }];
        });
    }

    /// The coming log connections break after so many bytes each.
    pub fn cut(&self, after: impl IntoIterator<Item = usize>) {
        self.with(|world| world.cuts.extend(after.into_iter().map(Some)));
    }

    /// Lets `pass` more log requests through and refuses all others, until [`FakeServer::release`].
    pub fn hold_after(&self, pass: usize) {
        self.with(|world| {
            world.refusals = std::iter::repeat_n(None, pass)
                .chain(vec![Some(503); 1000])
                .collect();
        });
    }

    pub fn release(&self) {
        self.with(|world| world.refusals.clear());
    }

    pub fn with<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        change(&mut self.world.lock().unwrap())
    }

    async fn answer(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut request = String::new();
        stream.read_line(&mut request).await?;
        let mut header = String::new();
        while stream.read_line(&mut header).await? > 2 {
            header.clear();
        }
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let mut stream = stream.into_inner();
        if path.ends_with("/log") {
            return self.log(&mut stream, query).await;
        }
        let body = if path.contains("/statefulsets/") {
            self.set()
        } else {
            self.pod()
        };
        match body {
            Some(body) => respond(&mut stream, 200, &body).await,
            None => refuse(&mut stream, 404, "not found").await,
        }
    }

    fn set(&self) -> Option<Value> {
        self.with(|world| world.has_set.then(|| {
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "c-0"}, "spec": {
                "replicas": 1, "selector": {}, "serviceName": "c-0", "template": {}}})
        }))
    }

    fn pod(&self) -> Option<Value> {
        self.with(|world| {
            let uid = world.pod.clone()?;
            let shown = if world.status_lags { world.runs.len() - 2 } else { world.runs.len() - 1 };
            let run = &world.runs[shown];
            let id = |run: &FakeRun| format!("fake://{uid}-{}", run.restarts);
            let ended = |run: &FakeRun| json!({"terminated": {"exitCode": 1, "reason": "Error",
                "startedAt": "2026-01-01T00:00:00Z", "containerID": id(run)}});
            let state = if run.ended && !world.status_lags {
                ended(run)
            } else {
                json!({"running": {"startedAt": "2026-01-01T00:10:00Z"}})
            };
            let last = shown.checked_sub(1).map_or(json!({}), |at| ended(&world.runs[at]));
            Some(json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "c-0-0", "uid": uid, "ownerReferences": [
                    {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "c-0", "uid": "s"}]},
                "spec": {"containers": [{"name": "main"}]},
                "status": {"phase": "Running", "containerStatuses": [{"name": "main", "image": "i", "imageID": "",
                    "ready": true, "restartCount": run.restarts, "containerID": id(run),
                    "state": state, "lastState": last}]}}))
        })
    }

    async fn log(&self, stream: &mut TcpStream, query: &str) -> std::io::Result<()> {
        let find = |key: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(k, _)| *k == key)
                .map(|(_, v)| v.to_owned())
        };
        let follow = find("follow").is_some();
        let since = find("sinceTime").map(|since| {
            let since: Timestamp = since
                .replace("%3A", ":")
                .replace("%2B", "+")
                .parse()
                .unwrap();
            Timestamp::from_second(since.as_second()).unwrap()
        });
        let tail: Option<usize> = find("tailLines").map(|lines| lines.parse().unwrap());
        let (run, refusal, cut) = self.with(|world| {
            world.asked.push(query.to_owned());
            let refusal = world.refusals.pop_front().flatten();
            let run = if find("previous").is_some() {
                world
                    .runs
                    .len()
                    .checked_sub(2)
                    .filter(|_| world.keeps_previous)
            } else {
                world.runs.len().checked_sub(1)
            };
            let cut = if refusal.is_none() && run.is_some() {
                world.cuts.pop_front().flatten()
            } else {
                None
            };
            (
                run.map(|at| (world.pod.clone(), world.runs[at].restarts)),
                refusal,
                cut,
            )
        });
        if let Some(code) = refusal {
            return refuse(stream, code, "not now").await;
        }
        let Some(run) = run else {
            return refuse(
                stream,
                400,
                "previous terminated container \"main\" not found",
            )
            .await;
        };
        stream
            .write_all(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
            )
            .await?;
        let mut left = cut.unwrap_or(usize::MAX);
        let mut at = 0;
        let mut first = true;
        loop {
            let (bytes, ended) = self.with(|world| {
                let own = world
                    .runs
                    .iter()
                    .find(|r| (world.pod.clone(), r.restarts) == run);
                own.map_or((Vec::new(), true), |own| {
                    (own.log.get(at..).unwrap_or_default().to_vec(), own.ended)
                })
            });
            at += bytes.len();
            let mut shown = select(&bytes, since);
            if let (true, Some(tail)) = (first, tail) {
                let from = shown.len().saturating_sub(tail);
                shown.drain(..from);
            }
            first = false;
            let out = shown.concat();
            let out = &out[..out.len().min(left)];
            left -= out.len();
            // In small pieces, so that lines are torn at the reader.
            for piece in out.chunks(11) {
                stream
                    .write_all(format!("{:x}\r\n", piece.len()).as_bytes())
                    .await?;
                stream.write_all(piece).await?;
                stream.write_all(b"\r\n").await?;
            }
            if left == 0 {
                return Ok(());
            }
            if !follow || ended {
                return stream.write_all(b"0\r\n\r\n").await;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// The lines from a time on.
fn select(bytes: &[u8], since: Option<Timestamp>) -> Vec<Vec<u8>> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let new = |line: &&[u8]| {
        let stamp = line
            .split(|byte| *byte == b' ')
            .next()
            .and_then(|s| std::str::from_utf8(s).ok());
        let stamp: Option<Timestamp> = stamp.and_then(|stamp| stamp.parse().ok());
        since.is_none_or(|since| stamp.is_none_or(|stamp| stamp >= since))
    };
    lines.filter(new).map(<[u8]>::to_vec).collect()
}

async fn respond(stream: &mut TcpStream, code: u16, body: &Value) -> std::io::Result<()> {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}

async fn refuse(stream: &mut TcpStream, code: u16, message: &str) -> std::io::Result<()> {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code,
        "reason": if code == 404 { "NotFound" } else { "" }});
    respond(stream, code, &status).await
}
