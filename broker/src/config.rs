//! The broker's configuration, in two layers: [`Settings`] is what was typed (defaults, then the file, then the
//! environment, then flags), [`Config`] is what it means.

mod arguments;
mod deserialize;
mod file;
mod lines;
mod print;
mod settings;

pub use feed::spec::{
    FeedSpec, FeedUrlError, FileFeed, Selection, SimulatedFeed, Source, Speed, TickLines, TickLink, VenueFeed,
};
pub use lines::lines;
pub use settings::{FeedsOn, Limits, LogFormat, Settings};

use feed::spec::has_port;
use std::ffi::OsString;
use std::path::PathBuf;

/// What the settings mean.
#[derive(Debug, Clone)]
pub struct Config {
    /// `HOST:PORT` to listen on.
    pub listen: String,
    /// The feeds, in the order they were named.
    pub feeds: Vec<FeedSpec>,
    /// Threads that serve subscribers.
    pub shards: usize,
    /// Where feeds run.
    pub feeds_on: FeedsOn,
    /// Levels a side that are kept and sent.
    pub book_depth: usize,
    /// The name of this broker, told to every client.
    pub node: String,
    /// What is logged.
    pub log: String,
    /// How the log is written.
    pub log_format: LogFormat,
    /// Limits and times.
    pub limits: Limits,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// To serve.
    Run(Box<Config>),
    /// To show the configuration: this text.
    Print(String),
}

/// Why there is no configuration. [`ConfigError::exit_code`] says what the process ends with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The command line or an environment variable is wrong, or asks for help.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML, or holds what is no setting.
    #[error("{}:{line}: {message}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Where in it, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The layers do not make a whole.
    #[error("configuration: {0}")]
    Merged(String),
    /// A setting's value makes no sense.
    #[error("{setting}: expected {expected}, found {found}")]
    Value {
        /// The setting's name.
        setting: &'static str,
        /// What was expected.
        expected: &'static str,
        /// What was found, as TOML.
        found: String,
    },
    /// A feed URL is wrong.
    #[error(transparent)]
    Feed(#[from] FeedUrlError),
}

impl ConfigError {
    /// 0 for help and version, 1 for a file that cannot be read, 2 for what was typed wrongly.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(error) if !error.use_stderr() => 0,
            Self::Unreadable { .. } => 1,
            _ => 2,
        }
    }
}

impl Invocation {
    /// Reads the command line (its first word is the program), the environment and the file they name.
    ///
    /// # Errors
    /// [`ConfigError`]: what is wrong, where, and what was expected.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, ConfigError> {
        let arguments = arguments::read(args)?;
        let config = Config::new(&arguments.settings)?;
        Ok(if arguments.print_config {
            Self::Print(print::toml(&arguments.settings))
        } else {
            Self::Run(Box::new(config))
        })
    }
}

impl Config {
    /// What `settings` mean.
    ///
    /// # Errors
    /// [`ConfigError::Value`] and [`ConfigError::Feed`].
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        check(settings)?;
        let feeds = settings.feed.iter().map(|url| feed(url)).collect::<Result<Vec<_>, _>>()?;
        lines(&feeds)?;
        Ok(Self {
            listen: settings.listen.clone(),
            feeds,
            shards: settings.shards,
            feeds_on: settings.feeds_on,
            book_depth: settings.book_depth,
            node: settings.node.clone(),
            log: settings.log.clone(),
            log_format: settings.log_format,
            limits: settings.limits.clone(),
        })
    }
}

/// A capture that is not there is a wrong URL: better told now than after everything else has begun.
fn feed(url: &str) -> Result<FeedSpec, ConfigError> {
    let spec = FeedSpec::parse(url)?;
    if let Source::File(file) = &spec.source {
        let message = |e| format!("cannot read {}: {e}", file.path.display());
        std::fs::File::open(&file.path).map_err(|e| FeedUrlError::new(url, message(e)))?;
    }
    Ok(spec)
}

fn check(settings: &Settings) -> Result<(), ConfigError> {
    let limits = &settings.limits;
    let tiers = &limits.tiers_ms;
    let tiers_rise = tiers.first() == Some(&0) && tiers.is_sorted_by(|a, b| a < b) && tiers.len() <= 32;
    let backoff_fits = (1..=limits.backoff_max_ms).contains(&limits.backoff_min_ms);
    let promote_fits = (1..=limits.promote_after_ms_max).contains(&limits.promote_after_ms);
    let rules = [
        ("listen", has_port(&settings.listen), "HOST:PORT, such as 127.0.0.1:9000"),
        ("feed", !settings.feed.is_empty(), "at least one feed URL"),
        ("shards", (1..=64).contains(&settings.shards), "1 to 64"),
        ("book_depth", (1..=100_000).contains(&settings.book_depth), "1 to 100000"),
        ("node", (1..=64).contains(&settings.node.len()), "a name of 1 to 64 bytes"),
        ("log", is_filter(&settings.log), "a level such as info, or directives such as broker=debug"),
        ("tiers_ms", tiers_rise, "up to 32 rising numbers, the first of them 0"),
        ("http_head_bytes_max", limits.http_head_bytes_max >= 8_192, "at least 8192"),
        ("request_bytes_max", limits.request_bytes_max >= 128, "at least 128"),
        ("backoff_min_ms", backoff_fits, "at least 1 and at most backoff_max_ms"),
        ("promote_after_ms", promote_fits, "at least 1 and at most promote_after_ms_max"),
    ];
    let positive = positive(limits).map(|(setting, value)| (setting, value > 0, "at least 1"));
    match rules.into_iter().chain(positive).find(|(_, holds, _)| !holds) {
        None => Ok(()),
        Some((setting, _, expected)) => {
            let found = arguments::table(settings).get(setting).map(ToString::to_string).unwrap_or_default();
            Err(ConfigError::Value { setting, expected, found })
        }
    }
}

/// Limits of zero would let nothing happen at all.
fn positive(limits: &Limits) -> [(&'static str, usize); 27] {
    [
        ("connections_max", limits.connections_max),
        ("connections_per_address_max", limits.connections_per_address_max),
        ("handshake_timeout_ms", limits.handshake_timeout_ms as usize),
        ("requests_per_s_max", limits.requests_per_s_max as usize),
        ("request_burst_max", limits.request_burst_max as usize),
        ("subscriptions_max", limits.subscriptions_max),
        ("symbols_max", limits.symbols_max),
        ("demand_symbols_max", limits.demand_symbols_max),
        ("topics_max", limits.topics_max),
        ("trades_log_entries_max", limits.trades_log_entries_max),
        ("book_log_entries_max", limits.book_log_entries_max),
        ("other_log_entries_max", limits.other_log_entries_max),
        ("log_bytes_max", limits.log_bytes_max),
        ("stall_time_max_ms", limits.stall_time_max_ms as usize),
        ("unsent_bytes_max", limits.unsent_bytes_max as usize),
        ("control_bytes_max", limits.control_bytes_max),
        ("turn_ms_max", limits.turn_ms_max as usize),
        ("ping_ms", limits.ping_ms as usize),
        ("pong_timeout_ms", limits.pong_timeout_ms as usize),
        ("close_timeout_ms", limits.close_timeout_ms as usize),
        ("heartbeat_ms", limits.heartbeat_ms as usize),
        ("upstream_message_bytes_max", limits.upstream_message_bytes_max),
        ("upstream_connect_timeout_ms", limits.upstream_connect_timeout_ms as usize),
        ("upstream_fetch_timeout_ms", limits.upstream_fetch_timeout_ms as usize),
        ("capture_line_bytes_max", limits.capture_line_bytes_max),
        ("tick_line_bytes_max", limits.tick_line_bytes_max),
        ("tick_publishers_max", limits.tick_publishers_max),
    ]
}

fn is_filter(text: &str) -> bool {
    text.parse::<tracing_subscriber::EnvFilter>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings::default();
        change(&mut settings);
        Config::new(&settings).unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_mean_something() {
        let config = Config::new(&Settings::default()).unwrap();
        assert_eq!(config.listen, "127.0.0.1:9000");
        assert!(matches!(config.feeds[0].source, Source::Simulated(_)));
    }

    #[test]
    fn values_without_sense_are_refused_by_name() {
        assert_eq!(
            refused(|s| s.listen = "9000".into()),
            "listen: expected HOST:PORT, such as 127.0.0.1:9000, found \"9000\""
        );
        assert_eq!(refused(|s| s.shards = 65), "shards: expected 1 to 64, found 65");
        assert_eq!(refused(|s| s.limits.ping_ms = 0), "ping_ms: expected at least 1, found 0");
        assert_eq!(
            refused(|s| s.limits.tiers_ms = vec![0, 50, 50]),
            "tiers_ms: expected up to 32 rising numbers, the first of them 0, found [0, 50, 50]"
        );
        assert_eq!(
            refused(|s| s.limits.backoff_max_ms = 1),
            "backoff_min_ms: expected at least 1 and at most backoff_max_ms, found 250"
        );
        assert!(refused(|s| s.feed = vec!["simm:".into()]).contains("simm"));
        let missing = refused(|s| s.feed = vec!["file:/nowhere.zst?venue=binance".into()]);
        assert!(missing.contains("cannot read /nowhere.zst: No such file"), "{missing}");
    }
}
