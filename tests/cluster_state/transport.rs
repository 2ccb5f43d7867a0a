//! Over what requests go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kubectl_chain::cluster::ConnectFlags;

use super::*;

/// Passes connections on to `target` and counts them.
async fn counted(target: String) -> (u16, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let shared = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            shared.fetch_add(1, Ordering::SeqCst);
            let target = target.clone();
            tokio::spawn(async move {
                let mut server = tokio::net::TcpStream::connect(target).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (port, count)
}

#[tokio::test]
async fn a_hundred_objects_go_over_one_connection() {
    let admin = plane().namespace("one-line").await;
    let target = admin.server.strip_prefix("https://").unwrap().to_owned();
    let host = target.split(':').next().unwrap().to_owned();
    let target = if target.contains(':') {
        target
    } else {
        format!("{target}:443")
    };
    let (port, count) = counted(target).await;
    let connection = Connection::open(&ConnectFlags {
        server: Some(format!("https://127.0.0.1:{port}")),
        tls_server_name: Some(host),
        ..plane().flags(&admin.namespace)
    })
    .await
    .unwrap();
    let objects: Vec<Value> = (0..100)
        .map(|number| config_map(&connection, &format!("c-{number}"), "1"))
        .collect();
    let applied = apply(&connection, &plan(&objects, &[]), &Quiet)
        .await
        .unwrap();
    assert_eq!(applied.created, 100);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}
