//! Every setting, once: the field's name is the flag, the environment variable and the key in the file; its comment is
//! the help text, the file's documentation and this page.

use super::deserialize::one_or_many;
use clap::Args;
use serde::{Deserialize, Serialize};

/// What can be set, as it was typed.
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Address to serve the page, HTTP and WebSocket on; port 0 takes a free one
    #[arg(value_name = "ADDR")]
    pub listen: String,
    /// Feed URL; may be given several times
    #[arg(value_name = "URL")]
    #[serde(deserialize_with = "one_or_many")]
    pub feed: Vec<String>,
    /// Threads that serve subscribers, 1 to 64 (default: one less than there are cores, at least one)
    pub shards: usize,
    /// Where feeds run: control (threads of their own), shards (the subscribers' threads, which saves waking them), or auto:
    /// on the shards where the process has a single core
    #[arg(value_name = "WHERE", hide_possible_values = true)]
    pub feeds_on: FeedsOn,
    /// Levels a side that are kept and sent
    pub book_depth: usize,
    /// Name of this broker, told to every client
    pub node: String,
    /// What is logged: a level (error, warn, info, debug, trace) or directives such as `info,broker::http=debug`
    #[arg(value_name = "FILTER")]
    pub log: String,
    /// How the log is written: text for people, json for programs
    #[arg(hide_possible_values = true)]
    pub log_format: LogFormat,
    /// Limits and times.
    #[command(flatten)]
    #[serde(flatten)]
    pub limits: Limits,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people
    Text,
    /// A JSON object a line
    Json,
}

/// Where feeds run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum FeedsOn {
    /// On the shards if the process has a single core
    Auto,
    /// On the control runtime
    Control,
    /// On the shards, in turn
    Shards,
}

impl FeedsOn {
    /// Whether that is on the shards.
    #[must_use]
    pub fn is_shards(self) -> bool {
        match self {
            Self::Auto => std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1),
            Self::Control => false,
            Self::Shards => true,
        }
    }
}

/// What bounds the growth of everything that a peer can make grow, and how long things may take.
#[derive(Debug, Clone, PartialEq, Eq, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Limits and times")]
#[serde(default)]
pub struct Limits {
    /// Connections in all; a WebSocket beyond is closed with 1013, other requests get HTTP 503
    pub connections_max: usize,
    /// Connections of one address (IPv6: of a /64); a WebSocket beyond is closed with 4505, other requests get HTTP 503
    pub connections_per_address_max: usize,
    /// Time for a whole request head, which bounds an idle HTTP connection too
    pub handshake_timeout_ms: u64,
    /// Bytes of an HTTP request head (at least 8192)
    pub http_head_bytes_max: usize,
    /// Bytes of one WebSocket request
    pub request_bytes_max: usize,
    /// Requests a second of one connection, over time
    pub requests_per_s_max: u32,
    /// Requests that a connection may send at once
    pub request_burst_max: u32,
    /// Requests beyond that in a row, each refused, after which the connection is closed with 1008
    pub refused_requests_max: u32,
    /// Topics and patterns that one connection may be subscribed to
    pub subscriptions_max: usize,
    /// Symbols of all feeds
    pub symbols_max: usize,
    /// Topics of all feeds (six a symbol)
    pub topics_max: usize,
    /// Entries in the log of a `trades` topic
    pub trades_log_entries_max: usize,
    /// Entries in the log of a `book` topic
    pub book_log_entries_max: usize,
    /// Entries in the log of any other topic
    pub other_log_entries_max: usize,
    /// Bytes of all logs together; the oldest entries go first. It says how long a client may be away and still resume
    pub log_bytes_max: usize,
    /// Time that a connection's socket may be full before its data is conflated
    pub conflate_after_ms: u64,
    /// Time in which an `adaptive` subscription is late again and again before it is moved to the next slower tier
    pub demote_after_ms: u64,
    /// Time that one so moved must be in time before it is moved back; it doubles each time that this was too soon
    pub promote_after_ms: u64,
    /// Longest that this time grows to
    pub promote_after_ms_max: u64,
    /// Interval of the slowest tier that a subscription is moved to; 0: none is moved
    pub demoted_interval_ms_max: u32,
    /// Time that a connection may take nothing while data waits for it, before it is closed with 4008
    pub stall_time_max_ms: u64,
    /// Bytes that the kernel takes for one connection beyond what is on the wire (TCP_NOTSENT_LOWAT)
    pub unsent_bytes_max: u32,
    /// Bytes of replies and control frames that may wait for one connection; one reply may exceed it alone
    pub control_bytes_max: usize,
    /// Time that a shard works before it looks at its sockets again
    pub turn_ms_max: u64,
    /// Least time between the beginnings of a shard's turns: more updates leave in one write, and come that much later
    pub turn_interval_ms: u64,
    /// Time between two pings to a client
    pub ping_ms: u64,
    /// Time for the pong, before the connection is closed with 4012
    pub pong_timeout_ms: u64,
    /// Time for a close frame to be read and answered, before the connection is reset
    pub close_timeout_ms: u64,
    /// A connection that was sent nothing for this long gets a heartbeat
    pub heartbeat_ms: u64,
    /// Intervals that a subscription may ask for; others are rounded up to the next
    #[arg(value_delimiter = ',')]
    pub tiers_ms: Vec<u32>,
    /// Time for an orderly end, before everything is closed at once
    pub drain_timeout_ms: u64,
    /// Bytes of one message or HTTP body from a venue
    pub upstream_message_bytes_max: usize,
    /// Time for a connection to a venue, its TLS and WebSocket handshakes included
    pub upstream_connect_timeout_ms: u64,
    /// Time for an HTTP reply of a venue
    pub upstream_fetch_timeout_ms: u64,
    /// Symbols that a feed opens on demand (symbols=*), those included that are no longer watched or that the venue refused
    pub demand_symbols_max: usize,
    /// How long a symbol on demand stays subscribed to at the venue after its last subscriber
    pub demand_linger_ms: u64,
    /// Longest wait before the first attempt to reconnect to a venue; it doubles with each failure
    pub backoff_min_ms: u64,
    /// Longest wait before any attempt to reconnect to a venue
    pub backoff_max_ms: u64,
    /// Bytes of one line of a capture, decompressed
    pub capture_line_bytes_max: usize,
    /// Bytes of one tick line
    pub tick_line_bytes_max: usize,
    /// Publishers of tick lines that one feed accepts at a time
    pub tick_publishers_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            listen: "127.0.0.1:9000".to_owned(),
            feed: vec!["sim:?symbols=500&rate=5000&seed=1".to_owned()],
            shards: (cores - 1).clamp(1, 64),
            feeds_on: FeedsOn::Auto,
            book_depth: 1_000,
            node: "a".to_owned(),
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 65_536,
            connections_per_address_max: 32_768,
            handshake_timeout_ms: 10_000,
            http_head_bytes_max: 16_384,
            request_bytes_max: 262_144,
            requests_per_s_max: 50,
            request_burst_max: 200,
            refused_requests_max: 200,
            subscriptions_max: 4_096,
            symbols_max: 20_000,
            topics_max: 120_000,
            trades_log_entries_max: 4_096,
            book_log_entries_max: 1_024,
            other_log_entries_max: 1_024,
            log_bytes_max: 24 << 20,
            conflate_after_ms: 250,
            demote_after_ms: 2_000,
            promote_after_ms: 10_000,
            promote_after_ms_max: 300_000,
            demoted_interval_ms_max: 1_000,
            stall_time_max_ms: 30_000,
            unsent_bytes_max: 16_384,
            control_bytes_max: 65_536,
            turn_ms_max: 5,
            turn_interval_ms: 0,
            ping_ms: 20_000,
            pong_timeout_ms: 20_000,
            close_timeout_ms: 1_000,
            heartbeat_ms: 5_000,
            tiers_ms: vec![0, 50, 100, 250, 500, 1_000],
            drain_timeout_ms: 5_000,
            upstream_message_bytes_max: 16 << 20,
            upstream_connect_timeout_ms: 10_000,
            upstream_fetch_timeout_ms: 10_000,
            demand_symbols_max: 1_000,
            demand_linger_ms: 60_000,
            backoff_min_ms: 250,
            backoff_max_ms: 30_000,
            capture_line_bytes_max: 64 << 20,
            tick_line_bytes_max: 1 << 20,
            tick_publishers_max: 64,
        }
    }
}
