//! What `loadgen run` was told.

use super::{OutputArgs, PairArgs, PublishArgs, ShareArgs, WindowArgs, at_least_one};
use crate::mix::Mix;
use crate::popularity::Popularity;
use crate::units::{self, Share};
use clap::Parser;
use schemas::model::Channel;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The arguments of `loadgen run`.
#[derive(Debug, Clone, Parser)]
pub struct RunArgs {
    /// The broker's stream, such as ws://127.0.0.1:9000/v1/stream, or wss:// where the system trusts the server's certificate
    /// (SSL_CERT_FILE names a file of others); several, each of a server of its own, are connected to in
    /// turns, and what they cost is added up
    #[arg(long, env = "TICKCAST_URL", value_name = "URL,...", value_delimiter = ',', required = true)]
    pub url: Vec<String>,

    /// TOML file with the flags of this command as keys (connections = 5000, symbols_per_connection = 20, ...); flags and the
    /// environment win over it
    #[arg(long, env = "TICKCAST_SCENARIO", value_name = "FILE")]
    pub scenario: Option<PathBuf>,

    /// Connections to open
    #[arg(long, env = "TICKCAST_CONNECTIONS", value_name = "N", value_parser = at_least_one)]
    pub connections: usize,

    /// Channel to subscribe to: trades, quotes, ticker, book10, book or status; several are spread over the connections by
    /// their weights, such as quotes=3,book=1
    #[arg(long, env = "TICKCAST_CHANNEL", value_name = "CHANNEL[=W],...", default_value = "quotes", value_parser = Mix::<Channel>::from_str)]
    pub channel: Mix<Channel>,

    /// Symbols that each connection watches
    #[arg(long, env = "TICKCAST_SYMBOLS_PER_CONNECTION", value_name = "K", default_value = "1", value_parser = at_least_one)]
    pub symbols_per_connection: usize,

    /// How interest is spread over the symbols (all: every connection watches every symbol)
    #[arg(long, env = "TICKCAST_POPULARITY", value_enum, default_value = "uniform")]
    pub popularity: Popularity,

    /// Symbols to choose from [default: those that the broker lists at /v1/symbols]
    #[arg(long, env = "TICKCAST_SYMBOLS", value_name = "A,B,...", value_delimiter = ',')]
    pub symbols: Vec<String>,

    /// Rate tier: at most one frame of a topic each T milliseconds; 0 is each update; several are spread over the connections
    /// by their weights, such as 0=80,100=20
    #[arg(long, env = "TICKCAST_INTERVAL_MS", value_name = "T[=W],...", default_value = "0", value_parser = Mix::<u32>::from_str)]
    pub interval_ms: Mix<u32>,

    /// Share of connections that are on that tier; the others get each update [default: 100%]
    #[arg(long, env = "TICKCAST_TIERED", value_name = "P%", value_parser = units::share, requires = "interval_ms")]
    pub tiered: Option<Share>,

    /// Share of connections that never read
    #[arg(long, env = "TICKCAST_STALLED", value_name = "P%", default_value = "0%", value_parser = units::share)]
    pub stalled: Share,

    /// Share of connections that read 1 KiB a second
    #[arg(long, env = "TICKCAST_TRICKLING", value_name = "P%", default_value = "0%", value_parser = units::share)]
    pub trickling: Share,

    /// Share of connections that leave and come back each minute, half of them without a close
    #[arg(long, env = "TICKCAST_CHURN", value_name = "P%/min", default_value = "0%", value_parser = units::churn)]
    pub churn: Share,

    /// How long opening them is spread over, evenly
    #[arg(long, env = "TICKCAST_RAMP_UP", value_name = "D", default_value = "0s", value_parser = units::duration)]
    pub ramp_up: Duration,

    /// Addresses of this machine to connect from, in turns, such as 127.0.0.1,127.0.0.2: each has ports of its own, of which
    /// there are about 28,000
    #[arg(long, env = "TICKCAST_SOURCE_ADDRESSES", value_name = "A,B,...", value_delimiter = ',')]
    pub source_addresses: Vec<IpAddr>,

    /// Who comes back, by plan or because the broker ended the connection, asks for what it missed
    #[arg(long, env = "TICKCAST_RESUME")]
    pub resume: bool,

    /// Prove for every topic of every connection that nothing is silently missing or wrong
    #[arg(long, env = "TICKCAST_VERIFY")]
    pub verify: bool,

    /// When is measured, and by what.
    #[command(flatten)]
    pub window: WindowArgs,

    /// Where the report goes.
    #[command(flatten)]
    pub output: OutputArgs,

    /// How it is shared among processes.
    #[command(flatten)]
    pub share: ShareArgs,

    /// What is to be published.
    #[command(flatten)]
    pub publishing: PublishArgs,

    /// Whether the floor is measured beside the broker.
    #[command(flatten)]
    pub pairs: PairArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &[&str]) -> Result<RunArgs, clap::Error> {
        let start = ["loadgen run", "--url", "ws://a:1/", "--connections", "5"];
        RunArgs::try_parse_from(start.iter().chain(arguments))
    }

    #[test]
    fn shares_and_durations_are_read() {
        let args =
            run(&["--stalled", "1%", "--churn", "10%/min", "--duration", "2m", "--symbols", "a:b,a:c"])
                .unwrap();
        assert_eq!((args.stalled, args.churn), (Share(0.01), Share(0.1)));
        assert_eq!(args.window.duration, Duration::from_secs(120));
        assert_eq!(args.symbols, ["a:b", "a:c"]);
        assert_eq!((args.channel.single(), args.popularity), (Some(Channel::Quotes), Popularity::Uniform));
    }

    #[test]
    fn bad_usage_is_told() {
        for (wrong, said) in [
            (["--channel", "candles"], "expected trades, quotes"),
            (["--duration", "10"], "expected a duration"),
            (["--stalled", "101%"], "expected a share"),
            (["--threads", "0"], "whole number from 1"),
            (["--popularity", "odd"], "uniform"),
            (["--tiered", "20%"], "--interval-ms"),
            (["--part", "3/2"], "expected a part such as 1/2"),
            (["--part", "1/2"], "--seed"),
        ] {
            let error = run(&wrong).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
