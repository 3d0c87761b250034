//! A server that passes on what is published, as far as its script lets it.

use crate::server::{House, Peer, Server, now_us};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a connection of a client that has left is kept.
const LINGERS: Duration = Duration::from_millis(300);

/// A running server, and where it listens for tick lines.
pub(crate) struct Relay {
    pub(crate) url: String,
    pub(crate) publish: String,
    pub(crate) house: Arc<House>,
}

impl Relay {
    /// Calls `script` for each update that a subscriber is to get, with its `seq`.
    pub(crate) fn start(script: impl Fn(&mut Peer, u64) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let publish = listener.local_addr().unwrap().to_string();
        let published = Arc::<AtomicU64>::default();
        let lines = published.clone();
        std::thread::spawn(move || {
            for publisher in listener.incoming() {
                let lines = lines.clone();
                std::thread::spawn(move || {
                    for line in BufReader::new(publisher.unwrap()).lines() {
                        assert!(line.unwrap().contains(r#""symbol":"S0000""#));
                        lines.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        let server = Server::offering(&["acme:S0000"], move |peer| {
            let mut sent = published.load(Ordering::SeqCst);
            peer.grant(sent);
            peer.text(&frame("snapshot", sent, sent));
            peer.repeat(|peer, _| {
                while sent < published.load(Ordering::SeqCst) {
                    sent += 1;
                    script(peer, sent);
                }
            });
            std::thread::sleep(LINGERS);
        });
        Self { url: server.url(), publish, house: server.house }
    }
}

pub(crate) fn frame(kind: &str, first: u64, last: u64) -> String {
    let now = now_us();
    format!(
        r#"{{"type":"{kind}","channel":"quotes","symbol":"acme:S0000","seq":[{first},{last}],"ts":{now},"rx":{now},"bid":"1"}}"#
    )
}

pub(crate) fn update(peer: &mut Peer, seq: u64) {
    peer.text(&frame("update", seq, seq));
}
