//! OKX, v5: channels by request, snapshots in band, the text `ping` answered by `pong`.

pub mod frame;
mod instrument;
mod requests;

use super::closing::Closing;
use super::idle::Idle;
use super::subscribers::Subscribers;
use super::window::Window;
use super::{Connects, Profile};
use crate::edit::Edits;
use crate::generate;
use crate::generate::listing::Notation;
use crate::serve::Limits;
use crate::source::{Item, Kind};
use crate::stand_in::{self, ConnId, HttpReply, Moment, Outbox, StandIn, Target};
use frame::Frame;
use instrument::Instrument;
use requests::{Arg, Refusal, Request};
use rustc_hash::FxHashMap;
use schemas::capture::UnixNanos;
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const PROFILE: Profile = Profile {
    feed: feed::venue::Venue::Okx,
    classify: frame::classify,
    stand_in: |limits| Box::new(Okx::new(limits)),
    connects: Connects { max: 3, within: Duration::from_secs(1) },
    messages_per_s: None,
    notation: Notation { separator_and_quote: "-USDT", price_zeros: 0, size_zeros: 2 },
    teller: |listings| Box::new(generate::okx::Okx::new(listings)),
};

/// A connection over which nothing went for so long is cut.
const IDLE_WITHIN: Duration = Duration::from_secs(30);
const REQUESTS_AN_HOUR: usize = 480;
/// What the arguments of all subscriptions of a connection may take.
const ARGS_BYTES_MAX: usize = 64 << 10;

/// From the notice of an upgrade to the end of the connections.
const NOTICE_NS: u64 = 60_000_000_000;
/// The number of that notice.
const CLOSING: &str = "64008";

/// Stands in for OKX.
#[derive(Debug)]
pub struct Okx {
    instruments: BTreeMap<String, Instrument>,
    subscribers: Subscribers,
    requests: FxHashMap<ConnId, Window>,
    idle: Idle,
    /// The connections that were told that they will be closed.
    closing: Closing,
    is_lenient: bool,
}

impl Okx {
    /// A stand-in that cuts idle connections.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            instruments: BTreeMap::new(),
            subscribers: Subscribers::default(),
            requests: FxHashMap::default(),
            idle: Idle::new(limits.idle_within.unwrap_or(IDLE_WITHIN)),
            closing: Closing::new(NOTICE_NS),
            is_lenient: limits.lenient,
        }
    }
}

impl StandIn for Okx {
    fn survey(&mut self, item: &Item) {
        if item.kind == Kind::Frame
            && let Some(frame) = Frame::parse(&item.text)
            && !frame.is_control()
            && !frame.instrument.is_empty()
        {
            self.instruments.entry(frame.instrument.to_owned()).or_default().survey(&frame);
        }
    }

    fn opened(
        &mut self,
        conn: ConnId,
        target: &Target,
        now: UnixNanos,
        _: &mut Outbox,
    ) -> Result<(), HttpReply> {
        if target.path.trim_end_matches('/') != "/ws/v5/public" {
            return Err(not_found());
        }
        self.requests.insert(conn, Window::new(REQUESTS_AN_HOUR, Duration::from_secs(3_600)));
        self.idle.heard(conn, now);
        Ok(())
    }

    fn message(&mut self, conn: ConnId, text: &str, now: UnixNanos, out: &mut Outbox) {
        self.idle.heard(conn, now);
        if text == "ping" {
            return out.text(conn, "pong");
        }
        let id = conn_id(conn);
        match self.counted(conn, now).and_then(|()| requests::parse(text)) {
            Err(refusal) => out.text(conn, refusal.text(&id)),
            Ok((Request::Subscribe(args), request)) => {
                self.subscribe(conn, &args, request.as_deref(), text, out);
            }
            Ok((Request::Unsubscribe(args), request)) => {
                for arg in &args {
                    self.subscribers.remove(conn, &arg.topic());
                    out.text(conn, requests::done("unsubscribe", arg, request.as_deref(), &id));
                }
            }
        }
    }

    fn closed(&mut self, conn: ConnId) {
        self.requests.remove(&conn);
        self.idle.closed(conn);
        self.subscribers.remove_all(conn);
    }

    fn http(&mut self, _: &Target, _: UnixNanos) -> HttpReply {
        not_found()
    }

    fn play(&mut self, item: &Item, moment: &Moment, out: &mut Outbox) {
        match item.kind {
            Kind::Frame => self.play_frame(&item.text, moment, out),
            Kind::Binary if moment.heard => out.binary(self.subscribers.all(), &item.bytes),
            _ => {}
        }
    }

    fn rewind(&mut self) {
        self.instruments.values_mut().for_each(Instrument::rewind);
    }

    fn tick(&mut self, now: UnixNanos, _: bool, out: &mut Outbox) {
        for conn in self.idle.overdue(now) {
            out.close(conn, 4004, "No data received in 30s.");
        }
        self.closing.due(now).into_iter().for_each(|conn| out.close(conn, 1001, "service upgrade"));
    }

    fn holds_nothing(&self) -> bool {
        self.instruments.is_empty()
    }

    fn has_subscribers(&self) -> bool {
        !self.subscribers.is_empty()
    }
}

impl Okx {
    /// Counts a request of a connection.
    fn counted(&mut self, conn: ConnId, now: UnixNanos) -> Result<(), Refusal> {
        let takes = self.requests.get_mut(&conn).is_none_or(|requests| requests.takes(now));
        if takes || self.is_lenient { Ok(()) } else { Err(Refusal::too_many()) }
    }

    /// Answers for each argument by itself, and sends what a late subscriber has missed: recorded snapshots come in their place in
    /// the stream if that is still ahead.
    fn subscribe(&mut self, conn: ConnId, args: &[Arg], request: Option<&str>, text: &str, out: &mut Outbox) {
        let id = conn_id(conn);
        let held: usize = self.subscribers.of(conn).iter().map(|topic| topic.len()).sum();
        let asked: usize = args.iter().map(Arg::bytes).sum();
        if held + asked > ARGS_BYTES_MAX && !self.is_lenient {
            return out.text(conn, Refusal::request(text).text(&id));
        }
        let mut silent = Vec::new();
        for arg in args {
            match self.grant(conn, arg) {
                Err(refusal) => out.text(conn, refusal.text(&id)),
                Ok(missed) => {
                    out.text(conn, requests::done("subscribe", arg, request, &id));
                    match missed {
                        Some(missed) => missed.into_iter().for_each(|missed| out.text(conn, missed)),
                        None => silent.push(arg.topic()),
                    }
                }
            }
        }
        stand_in::tell_silent(conn, &silent);
    }

    /// Grants a subscription; also one to what the capture lacks, which stays silent. Returns what has been missed, or nothing
    /// if it will be silent.
    fn grant(&mut self, conn: ConnId, arg: &Arg) -> Result<Option<Option<String>>, Refusal> {
        let Arg { channel, instrument } = arg;
        let known = self.instruments.get(instrument).ok_or_else(|| Refusal::unknown(arg))?;
        let recorded = known.recorded(channel);
        match channel.as_str() {
            "books" | "books5" | "bbo-tbt" | "trades" | "tickers" => {}
            // The recorder was logged in; whoever asks for the same may have it.
            "books-l2-tbt" | "books50-l2-tbt" if recorded.is_some() => {}
            "books-l2-tbt" | "books50-l2-tbt" => return Err(Refusal::tier()),
            _ => return Err(Refusal::unknown(arg)),
        }
        let stream = format!("{}:{instrument}", recorded.unwrap_or(channel));
        self.subscribers.add(conn, &stream, &arg.topic());
        Ok(recorded.map(|recorded| known.missed(recorded, channel, instrument)))
    }

    fn play_frame(&mut self, text: &str, moment: &Moment, out: &mut Outbox) {
        let Some(frame) = Frame::parse(text) else {
            if text != "pong" && moment.heard {
                // What cannot be read goes to whoever listens, as it came.
                out.texts(self.subscribers.all(), text);
            }
            return;
        };
        // Replies and other notices belong to the recorder's connection: each client gets its own.
        if frame.is_control() {
            if moment.heard && frame.code == CLOSING {
                self.announce_closing(out);
            }
            return;
        }
        let instrument = self.instruments.get_mut(frame.instrument);
        let rewritten = instrument.as_deref().and_then(|known| known.rewrite(text, &frame, moment));
        let sent = rewritten.as_deref().unwrap_or(text);
        // What is kept for late subscribers is what was sent.
        let Some(frame) = Frame::parse(sent) else { return };
        if let Some(instrument) = instrument {
            instrument.play(&frame, sent);
        }
        if moment.heard {
            self.deliver(&frame, sent, out);
        }
    }

    /// Announces the end of all connections, which comes a minute later; new ones stay.
    fn announce_closing(&mut self, out: &mut Outbox) {
        for conn in self.requests.keys() {
            out.text(*conn, requests::closing(CLOSING, &conn_id(*conn)));
        }
        self.closing.announced(self.requests.keys().copied());
    }

    /// Sends a frame to its subscribers, to each under the channel's name that it has asked for.
    fn deliver(&mut self, frame: &Frame<'_>, text: &str, out: &mut Outbox) {
        let stream = format!("{}:{}", frame.channel, frame.instrument);
        for (conn, topic) in self.subscribers.to(&stream) {
            let asked = topic.split(':').next().unwrap_or(topic);
            if asked == frame.channel {
                out.text(conn, text);
            } else {
                let mut edits = Edits::default();
                edits.replace(frame.channel_at.clone(), format!("\"{asked}\""));
                out.text(conn, edits.apply(text));
            }
            self.idle.served(conn);
        }
    }
}

/// The name that a connection has in replies.
fn conn_id(conn: ConnId) -> String {
    format!("{conn:08x}")
}

fn not_found() -> HttpReply {
    HttpReply { status: 404, body: "{\"msg\":\"Not Found\",\"code\":\"404\"}".to_owned() }
}

#[cfg(test)]
mod tests;
