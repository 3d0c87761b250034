//! What was typed, layer over layer: defaults, the file, the environment, flags.

use super::{ConfigError, Settings, file};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, Command, FromArgMatches};
use serde::Deserialize;
use std::ffi::OsString;
use std::path::PathBuf;
use toml::{Table, Value};

/// Where the broker's environment variables begin.
const ENVIRONMENT: &str = "TICKCAST_";

/// What the command line asks for.
#[derive(Debug)]
pub(super) struct Arguments {
    /// The settings, all layers merged.
    pub(super) settings: Settings,
    /// Only show them.
    pub(super) print_config: bool,
}

// The parts of the command line that are no settings. No doc comment: clap would show it as the program's.
#[derive(Debug, Args)]
struct Invocation {
    /// TOML file with settings; flags and the environment win over it. On SIGHUP it is read anew for the symbols of feeds
    #[arg(long, value_name = "FILE", env = "TICKCAST_CONFIG")]
    config: Option<PathBuf>,
    /// Show the configuration that results, as TOML without secrets, and exit
    #[arg(long)]
    print_config: bool,
}

/// Merges all layers.
///
/// # Errors
/// [`ConfigError::Usage`] for the command line and the environment (help and version are among them), others for the
/// file.
pub(super) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Arguments, ConfigError> {
    let matches = command().try_get_matches_from(args)?;
    let invocation = Invocation::from_arg_matches(&matches)?;
    let names = names();
    let mut merged = table(&Settings::default());
    if let Some(path) = &invocation.config {
        merged.extend(file::read(path, &names)?);
    }
    merged.extend(given(&matches, &names)?);
    let settings = Settings::deserialize(merged).map_err(|e| ConfigError::Merged(e.message().to_owned()))?;
    Ok(Arguments { settings, print_config: invocation.print_config })
}

/// The whole command line.
pub(super) fn command() -> Command {
    let command = Settings::augment_args(Invocation::augment_args(Command::new("broker")));
    let mut place = 0;
    command
        .mut_args(|arg| {
            place += 1;
            let is_setting = arg.get_long().is_none();
            if is_setting { as_setting(arg) } else { arg }.display_order(place)
        })
        .version(env!("CARGO_PKG_VERSION"))
        .about("Market data fan-out broker: one venue connection in, thousands of subscriber sockets out")
        .after_help(
            "Each flag has an environment variable, and a key of the same name in the file \
             (--book-depth, TICKCAST_BOOK_DEPTH, book_depth). Flags win over the environment, that over the file.",
        )
        .max_term_width(110)
}

/// Names of all settings, in the order of their declaration.
pub(super) fn names() -> Vec<String> {
    settings_command().get_arguments().map(|arg| arg.get_id().to_string()).collect()
}

/// Settings and their help, in the order of their declaration.
pub(super) fn documented() -> Vec<(String, String)> {
    let help = |arg: &clap::Arg| arg.get_help().map(ToString::to_string).unwrap_or_default();
    settings_command().get_arguments().map(|arg| (arg.get_id().to_string(), help(arg))).collect()
}

/// The settings as TOML values.
pub(super) fn table(settings: &Settings) -> Table {
    // Strings, integers and lists of them: all have a form in TOML.
    Table::try_from(settings).unwrap_or_default()
}

fn settings_command() -> Command {
    Settings::augment_args(Command::new("settings"))
}

/// A field becomes a flag and an environment variable of its name, with the default that `Settings` has.
fn as_setting(arg: clap::Arg) -> clap::Arg {
    let id = arg.get_id().to_string();
    let defaults = table(&Settings::default());
    let arg = arg
        .long(id.replace('_', "-"))
        .env(format!("{ENVIRONMENT}{}", id.to_uppercase()))
        .hide_env(true)
        .required(false);
    match defaults.get(&id) {
        Some(Value::Array(items)) => {
            let (arg, values) = (arg.action(ArgAction::Append), items.iter().map(plain));
            // As one would type them.
            match arg.get_value_delimiter().map(String::from) {
                Some(comma) => arg.default_value(values.collect::<Vec<_>>().join(&comma)),
                None => arg.default_values(values),
            }
        }
        Some(value) => arg.default_value(plain(value)),
        None => arg,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Only what flags and the environment say.
fn given(matches: &ArgMatches, names: &[String]) -> Result<Table, ConfigError> {
    let mut typed = table(&Settings::from_arg_matches(matches)?);
    let source = |name: &str| matches.value_source(name);
    if source("feed") == Some(ValueSource::EnvVariable) {
        split_feeds(&mut typed);
    }
    let is_default = |name: &&String| matches!(source(name), None | Some(ValueSource::DefaultValue));
    for name in names.iter().filter(is_default) {
        typed.remove(name);
    }
    Ok(typed)
}

/// A variable has one value, so several feed URLs stand in it with white space between them.
fn split_feeds(typed: &mut Table) {
    let Some(Value::Array(feeds)) = typed.get_mut("feed") else { return };
    let words = |value: &Value| -> Vec<Value> {
        plain(value).split_whitespace().map(|word| Value::String(word.to_owned())).collect()
    };
    *feeds = feeds.iter().flat_map(words).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(args: &[&str]) -> Result<Arguments, ConfigError> {
        read(std::iter::once("broker").chain(args.iter().copied()).map(OsString::from))
    }

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_setting_has_a_default_and_a_help_text() {
        let defaults = table(&Settings::default());
        for (name, help) in documented() {
            assert!(defaults.contains_key(&name), "{name}");
            assert!(help.len() > 10, "{name}: {help}");
        }
        assert_eq!(defaults.len(), names().len());
    }

    #[test]
    fn defaults_stand_where_nothing_is_typed() {
        assert_eq!(typed(&[]).unwrap().settings, Settings::default());
    }

    #[test]
    fn flags_win_over_the_file_and_leave_the_rest_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tickcast.toml");
        std::fs::write(&path, "book_depth = 7\nping_ms = 9\nfeed = [\"sim:\", \"sim:?seed=2\"]").unwrap();
        let path = path.to_str().unwrap();
        let settings = typed(&["--config", path, "--book-depth", "8"]).unwrap().settings;
        assert_eq!((settings.book_depth, settings.limits.ping_ms), (8, 9));
        assert_eq!(settings.feed, ["sim:", "sim:?seed=2"]);
        let settings =
            typed(&["--config", path, "--feed", "sim:?seed=3", "--tiers-ms", "0,5"]).unwrap().settings;
        assert_eq!(settings.feed, ["sim:?seed=3"]);
        assert_eq!(settings.limits.tiers_ms, [0, 5]);
    }

    #[test]
    fn what_is_no_flag_or_no_number_is_refused() {
        for args in [&["--shard", "3"][..], &["--shards", "many"], &["sim:"], &["--log-format", "xml"]] {
            assert!(matches!(typed(args), Err(ConfigError::Usage(_))), "{args:?}");
        }
    }
}
