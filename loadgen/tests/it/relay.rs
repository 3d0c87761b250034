//! A server that passes on what is published, as far as its script lets it.

use crate::server::{House, Peer, Server, now_us};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
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
        Self::telling_times(move |peer, seq, _| script(peer, seq))
    }

    /// The same, with the intended time of the update too.
    pub(crate) fn telling_times(script: impl Fn(&mut Peer, u64, u64) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let publish = listener.local_addr().unwrap().to_string();
        let published = Arc::<Mutex<Vec<u64>>>::default();
        let lines = published.clone();
        std::thread::spawn(move || {
            for publisher in listener.incoming() {
                let lines = lines.clone();
                std::thread::spawn(move || {
                    for line in BufReader::new(publisher.unwrap()).lines() {
                        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
                        assert_eq!(line["symbol"], "S0000");
                        lines.lock().unwrap().push(line["ts"].as_u64().unwrap());
                    }
                });
            }
        });
        let server = Server::offering(&["acme:S0000"], move |peer| {
            let mut sent = published.lock().unwrap().len() as u64;
            peer.grant(sent);
            peer.text(&frame("snapshot", sent, sent));
            peer.repeat(|peer, _| {
                let due = published.lock().unwrap()[sent as usize..].to_vec();
                for ts in due {
                    sent += 1;
                    script(peer, sent, ts);
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
