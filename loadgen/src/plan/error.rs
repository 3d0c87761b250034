//! Why there is no plan.

use schemas::model::Channel;
use std::io;
use tls::TlsError;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The URL is none.
    #[error("--url {url}: {source}")]
    Url {
        /// As typed.
        url: String,
        /// What is wrong.
        source: url::ParseError,
    },
    /// The URL is for something else.
    #[error("--url {url}: expected ws://HOST:PORT/PATH or wss://HOST:PORT/PATH")]
    Scheme {
        /// As typed.
        url: String,
    },
    /// There is no TLS for it.
    #[error("--url {url}: {source}")]
    Tls {
        /// As typed.
        url: String,
        /// Why.
        source: TlsError,
    },
    /// The host is unknown.
    #[error("--url {url}: {source}")]
    Host {
        /// As typed.
        url: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The address of the tick lines is none.
    #[error("--publish {address}: {source}")]
    Publish {
        /// As typed.
        address: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// A share of what has shares already.
    #[error("--tiered goes with one --interval-ms; several have their own weights, such as 0=80,100=20")]
    Tiers,
    /// Passes that are opened anew each time drift no further.
    #[error("--floor-pairs does not go with a soak")]
    SoakInPairs,
    /// What drifts is judged by one process.
    #[error("--processes and --part do not go with a soak")]
    SoakInParts,
    /// A part would have nothing to do.
    #[error("{connections} connections cannot be shared among {parts} processes: each needs one at least")]
    Parts {
        /// Connections in all.
        connections: usize,
        /// As typed.
        parts: u32,
    },
    /// What one server says of a topic cannot be held against another's.
    #[error("--url: --verify, --publish and --floor-pairs go with one server only")]
    Servers,
    /// Nothing of the channel would come.
    #[error("--publish: what is published is the channel `quotes`, and --channel is `{0}`")]
    PublishedChannel(String),
    /// The floor could not take part.
    #[error(
        "--floor-pairs: the floor sends every quote to connections that read promptly and stay; so it goes with --publish, \
         and without --verify, --interval-ms, --stalled, --trickling and --churn"
    )]
    Pairs,
    /// A batch would never be full.
    #[error(
        "--ahead {ahead}: less than the updates of one write (--batch {batch}), of which none would be made"
    )]
    Ahead {
        /// As typed.
        ahead: u32,
        /// As typed.
        batch: usize,
    },
    /// More than all connections would be slow.
    #[error("--stalled and --trickling together are more than 100%")]
    Shares,
    /// Nothing would be measured.
    #[error("--duration must be longer than nothing")]
    Duration,
    /// There would be nothing to compare with.
    #[error("--baseline must be longer than nothing")]
    Baseline,
    /// Fewer symbols than asked for.
    #[error(
        "--symbols-per-connection {asked}: there are only {symbols} symbols with the channel `{channel}`"
    )]
    Symbols {
        /// How many each connection was to watch.
        asked: usize,
        /// How many there are.
        symbols: usize,
        /// The channel.
        channel: Channel,
    },
}
