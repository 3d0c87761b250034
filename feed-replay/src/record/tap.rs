//! What a connection tells of itself, as records with the time at which it happened.

use super::queue::Sender;
use crate::time::now;
use link::Witness;
use schemas::capture::{Body, Record};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use url::Url;

/// Where RFC 6455 has no close frame.
const NO_CLOSE_FRAME: u16 = 1006;

/// What all connections have told.
#[derive(Debug, Default)]
pub(super) struct Tapped {
    pub(super) frames: AtomicU64,
    pub(super) frame_bytes: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) http: AtomicU64,
    pub(super) connects: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) errors: AtomicU64,
}

/// Records one connection.
pub(super) struct Tap {
    name: String,
    conn: u32,
    sender: Arc<Sender>,
    tapped: Arc<Tapped>,
    /// The venue has said that it closes, so there is no more to be said.
    closed: bool,
}

impl Tap {
    pub(super) fn new(name: String, conn: u32, sender: Arc<Sender>, tapped: Arc<Tapped>) -> Self {
        Self { name, conn, sender, tapped, closed: false }
    }

    fn put(&self, body: Body<'_>) {
        let record = Record { time: now(), conn: self.conn, body };
        if let Err(error) = self.sender.put(&record) {
            tracing::warn!("{}: {error}: {body:?}", self.name);
        }
    }

    fn close(&self, code: u16, reason: &str) {
        self.put(Body::Close { code, reason });
    }

    fn error(&self, message: &str) {
        up(&self.tapped.errors);
        self.put(Body::Error(message));
    }

    fn frame(&self, bytes: usize) {
        up(&self.tapped.frames);
        self.tapped.frame_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Witness for Tap {
    fn name(&self) -> &str {
        &self.name
    }

    fn connected(&mut self, url: &Url) {
        up(&self.tapped.connects);
        self.closed = false;
        self.put(Body::Open { url: url.as_str() });
    }

    fn cannot_connect(&mut self, url: &Url, reason: &str) {
        self.error(&format!("{url}: {reason}"));
    }

    fn sent(&mut self, text: &str) {
        up(&self.tapped.sent);
        self.put(Body::Sent(text));
    }

    fn text(&mut self, text: &str) {
        self.put(Body::Frame(text));
        self.frame(text.len());
    }

    fn binary(&mut self, bytes: &[u8]) {
        self.put(Body::Binary(bytes));
        self.frame(bytes.len());
    }

    fn fetched(&mut self, url: &str, body: Result<&[u8], &str>) {
        let text = body.and_then(|body| std::str::from_utf8(body).map_err(|_| "the body is no text"));
        match text {
            Ok(text) => {
                up(&self.tapped.http);
                self.put(Body::Http { url, body: text });
            }
            Err(error) => self.error(&format!("{url}: {error}")),
        }
    }

    fn closed(&mut self, code: u16, reason: &str) {
        self.closed = true;
        self.close(code, reason);
    }

    fn lost(&mut self, reason: &str) {
        up(&self.tapped.lost);
        if !self.closed {
            self.close(NO_CLOSE_FRAME, reason);
        }
    }
}

fn up(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
