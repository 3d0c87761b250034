//! Scenarios: the flags of `loadgen run`, `loadgen soak` and `loadgen storm` as keys of a TOML file.
//!
//! A key is a flag's long name with underscores. What is on the command line wins over the environment, and that over the
//! file: so a key becomes a flag only where neither of them has it.

use super::{RunArgs, SoakArgs, StormArgs};
use clap::{Arg, ArgAction, Command, CommandFactory};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use toml::Value;

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("--scenario {}: {source}", .path.display())]
    Io {
        /// As typed.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("--scenario {}: {source}", .path.display())]
    Toml {
        /// As typed.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
    /// No flag of the command is called so.
    #[error("--scenario {}: unknown key `{key}`: expected the name of a flag of this command, with underscores", .path.display())]
    Key {
        /// As typed.
        path: PathBuf,
        /// As in the file.
        key: String,
    },
    /// A value that is none of a flag.
    #[error("--scenario {}: `{key}`: expected {expected}", .path.display())]
    Value {
        /// As typed.
        path: PathBuf,
        /// As in the file.
        key: String,
        /// What it might have been.
        expected: &'static str,
    },
}

/// The command line, with what the scenario that it names says besides.
///
/// # Errors
/// [`ScenarioError`].
pub fn expanded(line: Vec<OsString>) -> Result<Vec<OsString>, ScenarioError> {
    let command = match line.get(1).and_then(|command| command.to_str()) {
        Some("run") => RunArgs::command(),
        Some("soak") => SoakArgs::command(),
        Some("storm") => StormArgs::command(),
        _ => return Ok(line),
    };
    let Some(path) = named(&line[2..]).or_else(|| std::env::var_os("TICKCAST_SCENARIO")) else {
        return Ok(line);
    };
    let mut flags = flags(&command, Path::new(&path), &line[2..])?;
    let (start, rest) = line.split_at(2);
    let mut expanded = start.to_vec();
    expanded.append(&mut flags);
    expanded.extend_from_slice(rest);
    Ok(expanded)
}

/// The file that a command line names.
fn named(arguments: &[OsString]) -> Option<OsString> {
    let after = arguments.iter().position(|argument| argument == "--scenario").map(|at| at + 1);
    let joined = || arguments.iter().find_map(|argument| argument.to_str()?.strip_prefix("--scenario="));
    after.and_then(|at| arguments.get(at).cloned()).or_else(|| joined().map(OsString::from))
}

fn flags(command: &Command, path: &Path, given: &[OsString]) -> Result<Vec<OsString>, ScenarioError> {
    let own = || path.to_owned();
    let text = std::fs::read_to_string(path).map_err(|source| ScenarioError::Io { path: own(), source })?;
    let table: toml::Table = toml::from_str(&text)
        .map_err(|source| ScenarioError::Toml { path: own(), source: Box::new(source) })?;
    let mut flags = Vec::new();
    for (key, value) in &table {
        let arg = command.get_arguments().find(|arg| key_of(arg).as_ref() == Some(key));
        let arg = arg.ok_or_else(|| ScenarioError::Key { path: own(), key: key.clone() })?;
        let wrong = |expected| ScenarioError::Value { path: own(), key: key.clone(), expected };
        let flag = flag(arg, value).map_err(wrong)?;
        flags.extend(flag.filter(|_| !is_given(arg, given)).map(OsString::from));
    }
    Ok(flags)
}

/// The key of a flag; none of those that have no place in a file.
fn key_of(arg: &Arg) -> Option<String> {
    let long = arg.get_long().filter(|long| !["scenario", "help"].contains(long))?;
    Some(long.replace('-', "_"))
}

fn is_given(arg: &Arg, given: &[OsString]) -> bool {
    let flag = format!("--{}", arg.get_long().unwrap_or_default());
    let is_it = |argument: &OsStr| {
        let rest = argument.to_str().and_then(|argument| argument.strip_prefix(&flag));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    given.iter().any(|argument| is_it(argument)) || arg.get_env().and_then(std::env::var_os).is_some()
}

/// A flag with its value; none of a switch that is off.
fn flag(arg: &Arg, value: &Value) -> Result<Option<String>, &'static str> {
    let flag = format!("--{}", arg.get_long().unwrap_or_default());
    match (arg.get_action(), value) {
        (ArgAction::SetTrue, Value::Boolean(on)) => Ok(on.then_some(flag)),
        (ArgAction::SetTrue, _) => Err("true or false"),
        (_, value) => word(value).map(|word| Some(format!("{flag}={word}"))),
    }
}

/// A value as it is typed.
fn word(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Array(values) => {
            values.iter().map(word).collect::<Result<Vec<_>, _>>().map(|words| words.join(","))
        }
        Value::Table(table) => {
            let pair = |(key, value): (&String, &Value)| Ok(format!("{key}={}", word(value)?));
            table.iter().map(pair).collect::<Result<Vec<_>, _>>().map(|words| words.join(","))
        }
        Value::Boolean(_) | Value::Datetime(_) => Err("a string, a number, a list or a table"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn expand(scenario: &str, arguments: &[&str]) -> Result<Vec<String>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), scenario).unwrap();
        let path = file.path().to_str().unwrap();
        let line =
            ["loadgen", "run", "--scenario", path].iter().chain(arguments).map(OsString::from).collect();
        match expanded(line) {
            Ok(line) => Ok(line
                .into_iter()
                .skip(2)
                .map(|word| word.into_string().unwrap())
                .filter(|w| w != path)
                .collect()),
            Err(error) => Err(error.to_string().replace(path, "FILE")),
        }
    }

    #[test]
    fn keys_are_flags_and_flags_on_the_command_line_win() {
        let scenario = "url = \"ws://a:1/\"\nconnections = 50\nverify = true\nresume = false\nsymbols = [\"a:b\", \"a:c\"]\n";
        let expected = ["--url=ws://a:1/", "--connections=7", "--verify", "--symbols=a:b,a:c", "--scenario"];
        let line = expand(scenario, &["--connections=7"]).unwrap();
        for word in expected {
            assert_eq!(line.iter().filter(|found| *found == word).count(), 1, "{word}: {line:?}");
        }
        assert_eq!(line.len(), expected.len());
        assert!(
            expand(scenario, &["--connections", "7"]).unwrap().iter().all(|word| word != "--connections=50")
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_key() {
        let error = |scenario| expand(scenario, &[]).unwrap_err();
        assert!(error("connection = 5").contains("--scenario FILE: unknown key `connection`"));
        assert!(error("scenario = \"x\"").contains("unknown key"));
        assert_eq!(error("verify = 1"), "--scenario FILE: `verify`: expected true or false");
        assert!(error("connections = true").contains("`connections`: expected a string, a number"));
        assert!(error("connections = ").contains("line 1"));
    }

    #[test]
    fn the_scenarios_of_the_results_are_understood() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/scenarios");
        let mut count = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let command = if text.contains("# command: storm") { "storm" } else { "run" };
            let publish = ["--publish", "127.0.0.1:1"];
            let publish = if text.contains("# feed: ticks ") { &publish[..] } else { &[] };
            let start = ["loadgen", command, "--url", "ws://a:1/", "--scenario", path.to_str().unwrap()];
            let line = start.iter().chain(publish).map(OsString::from).collect();
            let parsed = super::super::Cli::try_parse_from(expanded(line).unwrap());
            assert!(parsed.is_ok() && text.contains("# feed: "), "{}: {parsed:?}", path.display());
            count += 1;
        }
        assert!(count >= 7, "{count}");
    }

    #[test]
    fn other_commands_have_no_scenarios() {
        let line: Vec<OsString> =
            ["loadgen", "floor", "--scenario", "/nowhere"].iter().map(OsString::from).collect();
        assert_eq!(expanded(line.clone()).unwrap(), line);
    }
}
