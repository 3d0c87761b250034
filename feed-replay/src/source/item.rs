//! One record in buffers that are used again.

use schemas::capture::{Body, Record, UnixNanos};

/// A record of a capture that owns its text, for sources that cannot lend theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// When it was received, in nanoseconds.
    pub time: UnixNanos,
    /// The recorder's connection.
    pub conn: u32,
    /// What `text`, `url` and `code` mean.
    pub kind: Kind,
    /// The frame, the body of a reply, the reason of a close or an error's message.
    pub text: String,
    /// The binary frame.
    pub bytes: Vec<u8>,
    /// Where to or what for, with [`Kind::Open`] and [`Kind::Http`].
    pub url: String,
    /// The code of a close.
    pub code: u16,
}

/// What an [`Item`] is: the names of [`Body`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// A text frame.
    #[default]
    Frame,
    /// A binary frame.
    Binary,
    /// The recorder connected.
    Open,
    /// The recorder sent a frame.
    Sent,
    /// A reply over HTTP.
    Http,
    /// The connection ended.
    Close,
    /// The recorder could not do what it wanted.
    Error,
}

impl Item {
    /// Takes over a record.
    pub fn set(&mut self, record: &Record<'_>) {
        let (time, conn) = (record.time, record.conn);
        match record.body {
            Body::Frame(frame) => self.set_text(time, Kind::Frame, frame),
            Body::Error(message) => self.set_text(time, Kind::Error, message),
            Body::Sent(frame) => self.set_text(time, Kind::Sent, frame),
            Body::Binary(bytes) => self.set_binary(time, bytes),
            Body::Open { url } => self.set_url(time, Kind::Open, url, ""),
            Body::Http { url, body } => self.set_url(time, Kind::Http, url, body),
            Body::Close { code, reason } => {
                self.set_text(time, Kind::Close, reason);
                self.code = code;
            }
        }
        self.conn = conn;
    }

    /// Makes it a record that is all text.
    pub fn set_text(&mut self, time: UnixNanos, kind: Kind, text: &str) {
        (self.time, self.conn, self.kind) = (time, 0, kind);
        self.text.clear();
        self.text.push_str(text);
    }

    /// Makes it a record with a URL.
    pub fn set_url(&mut self, time: UnixNanos, kind: Kind, url: &str, text: &str) {
        self.set_text(time, kind, text);
        self.url.clear();
        self.url.push_str(url);
    }

    /// Makes it a binary frame.
    pub fn set_binary(&mut self, time: UnixNanos, bytes: &[u8]) {
        (self.time, self.conn, self.kind) = (time, 0, Kind::Binary);
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
    }

    /// The same as a record that borrows from it.
    #[must_use]
    pub fn record(&self) -> Record<'_> {
        let body = match self.kind {
            Kind::Frame => Body::Frame(&self.text),
            Kind::Sent => Body::Sent(&self.text),
            Kind::Binary => Body::Binary(&self.bytes),
            Kind::Open => Body::Open { url: &self.url },
            Kind::Http => Body::Http { url: &self.url, body: &self.text },
            Kind::Error => Body::Error(&self.text),
            Kind::Close => Body::Close { code: self.code, reason: &self.text },
        };
        Record { time: self.time, conn: self.conn, body }
    }
}
