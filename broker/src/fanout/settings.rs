//! What the shards need to know of the configuration.

use schemas::wire::PROTOCOL;
use schemas::wire::reply::{Hello, Limits};

/// Limits and times of the fan-out. Each is a key of the configuration, where its meaning is told at length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The name of this broker, told in `hello`.
    pub node: String,
    /// The intervals of the rate tiers in milliseconds, rising; the first is 0, each update.
    pub tiers_ms: Vec<u32>,
    /// The longest that a shard works before it looks at its sockets again, in milliseconds.
    pub turn_ms_max: u64,
    /// The least time between the beginnings of two turns, in milliseconds; 0: a turn begins when there is something.
    pub turn_interval_ms: u64,
    /// How long a connection's socket may have been full before its data is conflated, in milliseconds.
    pub conflate_after_ms: u64,
    /// How long a subscription may be late again and again before it is moved to a slower tier, in milliseconds.
    pub demote_after_ms: u64,
    /// How long one that was moved must be in time before it is moved back, in milliseconds, at first.
    pub promote_after_ms: u64,
    /// The longest that this grows to, in milliseconds.
    pub promote_after_ms_max: u64,
    /// The slowest tier that a subscription is moved to, in milliseconds.
    pub demoted_interval_ms_max: u32,
    /// How long a socket may take nothing before its connection is closed with 4008, in milliseconds.
    pub stall_time_max_ms: u64,
    /// A connection that was sent nothing for this long gets a heartbeat, in milliseconds.
    pub heartbeat_ms: u64,
    /// How often clients are pinged, in milliseconds.
    pub ping_ms: u64,
    /// How long a pong may take, in milliseconds.
    pub pong_timeout_ms: u64,
    /// How long a closing connection may take to read its close frame and to end, in milliseconds.
    pub close_timeout_ms: u64,
    /// Bytes that the kernel may hold unsent for a connection.
    pub unsent_bytes_max: u32,
    /// Bytes of replies and control frames that may wait for a connection; one reply may exceed it alone.
    pub control_bytes_max: usize,
    /// Topics and patterns that a connection may be subscribed to.
    pub subscriptions_max: usize,
    /// Requests a second that a connection may make over time.
    pub requests_per_s_max: u32,
    /// Requests that it may make at once.
    pub request_burst_max: u32,
    /// Requests beyond that, in a row, after which the connection is closed.
    pub refused_requests_max: u32,
    /// Bytes of one request.
    pub request_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: "tickcast".to_owned(),
            tiers_ms: vec![0, 50, 100, 250, 500, 1_000],
            turn_ms_max: 5,
            turn_interval_ms: 0,
            conflate_after_ms: 250,
            demote_after_ms: 2_000,
            promote_after_ms: 10_000,
            promote_after_ms_max: 300_000,
            demoted_interval_ms_max: 1_000,
            stall_time_max_ms: 30_000,
            heartbeat_ms: 5_000,
            ping_ms: 20_000,
            pong_timeout_ms: 20_000,
            close_timeout_ms: 1_000,
            unsent_bytes_max: 16 * 1024,
            control_bytes_max: 64 * 1024,
            subscriptions_max: 4_096,
            requests_per_s_max: 50,
            request_burst_max: 200,
            refused_requests_max: 200,
            request_bytes_max: 256 * 1024,
        }
    }
}

impl Settings {
    /// What a connection is told first.
    pub(crate) fn hello(&self) -> Hello<'_> {
        Hello {
            protocol: PROTOCOL,
            node: &self.node,
            ping_ms: self.ping_ms,
            tiers_ms: &self.tiers_ms,
            limits: Limits {
                subscriptions: self.subscriptions_max,
                requests_per_s: self.requests_per_s_max,
                message_bytes: self.request_bytes_max,
            },
        }
    }
}
