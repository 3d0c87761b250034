//! Faults that a stand-in makes on request, as they are written on the command line.

use crate::time::nanos_of_duration;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What each fault does, for people.
pub const HELP: &str = "Make a fault, counted; may be given several times: \
KIND[:HOW][@SINCE][:SYMBOL], such as drop:0.1%, drop:2%@10s:BTCUSDT, delay:50ms..2s or stall:30s@60s. \
SINCE is a time after the replay's start (0 unless given), SYMBOL the one that it is about (all unless given).\n\n\
drop:P%          leaves out so many of the messages\n\
dup:P%           sends so many twice\n\
reorder:P%       sends so many behind the next one of their channel and symbol\n\
badsum:P%        makes the checksum wrong in so many (of those that carry one: Kraken, OKX)\n\
garbage:P%       cuts so many off somewhere in their second half\n\
delay:D or D..D  holds every message back for so long, or anything between; the order within a symbol stays\n\
stall:D@T        sends no data for so long, then what came meanwhile; pings and replies go on\n\
slow-snapshot:D  holds snapshots of books back for so long (also D..D), over REST too; what follows in the symbol waits behind\n\
disconnect@T     ends all connections, without a close frame\n\
half-open@T      sends nothing and hears nothing any more on the connections that there are, without ending them\n\
mute@T           sends no data any more on the connections that there are; pings, heartbeats and replies go on\n\n\
Counts: GET /-/faults as JSON while it serves, and on standard output at the end";

/// A fault, when it begins and what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// As it was written.
    pub text: String,
    /// What it does.
    pub kind: FaultKind,
    /// After the replay's start.
    pub since: Duration,
    /// The symbol that it is about; none: all.
    pub symbol: Option<String>,
}

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FaultKind {
    /// Does something to messages, to each with this probability.
    Disturb(Disturbance, f64),
    /// Holds messages back for a time between these.
    Delay(Duration, Duration),
    /// Sends no data for so long.
    Stall(Duration),
    /// Holds snapshots back for a time between these.
    SlowSnapshot(Duration, Duration),
    /// Ends all connections.
    Disconnect,
    /// Makes all connections deaf and dumb.
    HalfOpen,
    /// Keeps the data from all connections, which are answered all the same.
    Mute,
}

/// What is done to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// It is left out.
    Drop,
    /// It is sent twice.
    Duplicate,
    /// It is sent behind the next one of its channel and symbol.
    Reorder,
    /// Its checksum is wrong.
    BadSum,
    /// It is cut off.
    Garbage,
}

/// The faults of a stand-in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    /// All of them.
    pub faults: Vec<Fault>,
    /// Decides which messages are hit.
    pub seed: u64,
    /// The least time of the capture between two disturbances of a channel of a symbol, so that each can be told from the next.
    pub spacing: Duration,
}

impl Fault {
    /// Whether it is about this symbol.
    #[must_use]
    pub fn is_about(&self, symbol: &str) -> bool {
        self.symbol.as_deref().is_none_or(|about| about == symbol)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let end = text.find([':', '@']).unwrap_or(text.len());
        let (name, mut rest) = text.split_at(end);
        let mut how = None;
        if !is_of_connections(name) {
            let given =
                rest.strip_prefix(':').ok_or_else(|| format!("{name}: expected {}", expected(name)))?;
            let end = given.find([':', '@']).unwrap_or(given.len());
            (how, rest) = (Some(&given[..end]), &given[end..]);
        }
        let (since, symbol) = match rest.split_once(':') {
            Some((_, "")) => return Err(format!("{text}: expected a symbol after the colon")),
            Some((since, symbol)) => (since, Some(symbol.to_owned())),
            None => (rest, None),
        };
        let needs_since = name == "stall" || is_of_connections(name);
        let since = match since.strip_prefix('@') {
            Some(since) => {
                duration(since).ok_or_else(|| format!("{text}: expected a time after @, such as 60s"))?
            }
            None if needs_since => return Err(format!("{name}: expected {}", expected(name))),
            None => Duration::ZERO,
        };
        if symbol.is_some() && is_of_connections(name) {
            return Err(format!("{name}: it is about connections, not about a symbol"));
        }
        let kind = kind(name, how.unwrap_or_default())?;
        Ok(Self { text: text.to_owned(), kind, since, symbol })
    }
}

fn is_of_connections(name: &str) -> bool {
    matches!(name, "disconnect" | "half-open" | "mute")
}

fn kind(name: &str, how: &str) -> Result<FaultKind, String> {
    let wrong = || format!("{name}: expected {}, found {how:?}", expected(name));
    let disturb = |what| share(how).map(|share| FaultKind::Disturb(what, share)).ok_or_else(wrong);
    let between = || between(how).ok_or_else(wrong);
    match name {
        "drop" => disturb(Disturbance::Drop),
        "dup" => disturb(Disturbance::Duplicate),
        "reorder" => disturb(Disturbance::Reorder),
        "badsum" => disturb(Disturbance::BadSum),
        "garbage" => disturb(Disturbance::Garbage),
        "delay" => between().map(|(least, most)| FaultKind::Delay(least, most)),
        "slow-snapshot" => between().map(|(least, most)| FaultKind::SlowSnapshot(least, most)),
        "stall" => duration(how).map(FaultKind::Stall).ok_or_else(wrong),
        "disconnect" => Ok(FaultKind::Disconnect),
        "half-open" => Ok(FaultKind::HalfOpen),
        "mute" => Ok(FaultKind::Mute),
        _ => Err(format!("expected {NAMES}, found {name:?}")),
    }
}

const NAMES: &str =
    "drop, dup, reorder, badsum, garbage, delay, stall, slow-snapshot, disconnect, half-open or mute";

fn expected(name: &str) -> String {
    match name {
        "drop" | "dup" | "reorder" | "badsum" | "garbage" => format!("a share, such as {name}:0.1%"),
        "delay" | "slow-snapshot" => format!("how long, such as {name}:50ms..2s"),
        "stall" => "how long and when, such as stall:30s@60s".to_owned(),
        "disconnect" | "half-open" | "mute" => format!("when, such as {name}@60s"),
        _ => NAMES.to_owned(),
    }
}

fn share(text: &str) -> Option<f64> {
    let percent: f64 = text.strip_suffix('%')?.parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

fn between(text: &str) -> Option<(Duration, Duration)> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let (least, most) = (duration(least)?, duration(most)?);
    (least <= most).then_some((least, most))
}

fn duration(text: &str) -> Option<Duration> {
    nanos_of_duration(text).map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn each_kind_is_written_with_its_how_its_time_and_its_symbol() {
        let seconds = Duration::from_secs;
        let drop = fault("drop:0.1%@10s:BTC/USD");
        assert_eq!(drop.kind, FaultKind::Disturb(Disturbance::Drop, 0.001));
        assert_eq!((drop.since, drop.symbol.as_deref()), (seconds(10), Some("BTC/USD")));
        let kinds = [
            ("dup:100%", FaultKind::Disturb(Disturbance::Duplicate, 1.0)),
            ("reorder:0%", FaultKind::Disturb(Disturbance::Reorder, 0.0)),
            ("badsum:5%", FaultKind::Disturb(Disturbance::BadSum, 0.05)),
            ("garbage:5%", FaultKind::Disturb(Disturbance::Garbage, 0.05)),
            ("delay:50ms..2s", FaultKind::Delay(Duration::from_millis(50), seconds(2))),
            ("slow-snapshot:3s", FaultKind::SlowSnapshot(seconds(3), seconds(3))),
            ("stall:30s@60s", FaultKind::Stall(seconds(30))),
            ("disconnect@60s", FaultKind::Disconnect),
            ("half-open@1m", FaultKind::HalfOpen),
            ("mute@1m", FaultKind::Mute),
        ];
        for (text, kind) in kinds {
            assert_eq!((fault(text).kind, fault(text).symbol), (kind, None), "{text}");
        }
        assert!(fault("drop:1%:A").is_about("A") && !fault("drop:1%:A").is_about("B"));
        assert!(fault("drop:1%").is_about("B"));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_was_expected() {
        let cases = [
            ("", "expected drop, dup"),
            ("rain:1%", "expected drop, dup"),
            ("drop", "drop: expected a share, such as drop:0.1%"),
            ("drop:1", "drop: expected a share"),
            ("drop:101%", "drop: expected a share"),
            ("drop:nan%", "drop: expected a share"),
            ("drop:1%:", "expected a symbol after the colon"),
            ("drop:1%@soon", "expected a time after @"),
            ("delay:2s..1s", "delay: expected how long"),
            ("stall:30s", "stall: expected how long and when"),
            ("disconnect", "disconnect: expected when"),
            ("half-open@1s:BTC", "it is about connections"),
            ("mute:1s", "mute: expected when, such as mute@60s"),
        ];
        for (text, message) in cases {
            let error = text.parse::<Fault>().unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
