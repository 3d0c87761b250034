//! The TOML file: keys are settings' names, and what is wrong is named with its line.

use super::{ConfigError, Settings};
use serde::Deserialize;
use std::path::Path;
use toml::de::DeTable;
use toml::{Table, Value};

/// The settings that the file at `path` holds.
///
/// # Errors
/// [`ConfigError::Unreadable`], or [`ConfigError::File`] with the line of what is no TOML, no setting or no value of it.
pub(super) fn read(path: &Path, names: &[String]) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    parse(&text, names).map_err(|(line, message)| ConfigError::File { path: path.to_owned(), line, message })
}

type Fault = (usize, String);

fn parse(text: &str, names: &[String]) -> Result<Table, Fault> {
    let line_of = |offset: usize| 1 + text[..offset.min(text.len())].matches('\n').count();
    let fault = |e: toml::de::Error| (line_of(e.span().map_or(0, |span| span.start)), e.message().to_owned());
    let keys = DeTable::parse(text).map_err(fault)?;
    let values: Table = toml::from_str(text).map_err(fault)?;
    let mut settings = Table::new();
    let mut in_order: Vec<_> = keys.get_ref().keys().collect();
    in_order.sort_unstable_by_key(|key| key.span().start);
    for key in in_order {
        let line = line_of(key.span().start);
        let name = key.get_ref().replace('-', "_");
        if !names.contains(&name) {
            return Err((line, unknown(key.get_ref(), names)));
        }
        let value = values.get(&**key.get_ref()).cloned().unwrap_or(Value::Boolean(false));
        check(&name, &value).map_err(|message| (line, message))?;
        if settings.insert(name, value).is_some() {
            return Err((line, format!("`{}` is set twice", key.get_ref())));
        }
    }
    Ok(settings)
}

/// Alone, so that an error can be told with the key that it is about.
fn check(name: &str, value: &Value) -> Result<(), String> {
    let alone = Table::from_iter([(name.to_owned(), value.clone())]);
    Settings::deserialize(alone).map(drop).map_err(|e| format!("{name}: {}", e.message()))
}

fn unknown(key: &str, names: &[String]) -> String {
    let near = names.iter().find(|name| name.starts_with(key) || key.starts_with(name.as_str()));
    let hint = near.map_or_else(|| "--help lists them".to_owned(), |name| format!("did you mean `{name}`?"));
    format!("unknown key `{key}` ({hint})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Table, Fault> {
        parse(text, &["feed", "shards", "book_depth", "tiers_ms"].map(str::to_owned))
    }

    #[test]
    fn keys_may_be_written_like_flags() {
        let table = parsed("book-depth = 10\nfeed = \"sim:\"\n").unwrap();
        assert_eq!(table["book_depth"].as_integer(), Some(10));
    }

    #[test]
    fn faults_have_a_line_and_a_key() {
        let cases = [
            ("\nshard = 3", 2, "unknown key `shard` (did you mean `shards`?)"),
            ("# x\n[server]\nlisten = 1", 2, "unknown key `server` (--help lists them)"),
            (
                "shards = 1\nbook_depth = \"ten\"",
                2,
                "book_depth: invalid type: string \"ten\", expected usize",
            ),
            ("shards = -1", 1, "shards: invalid value: integer `-1`, expected usize"),
            ("tiers_ms = [0, true]", 1, "tiers_ms: invalid type: boolean `true`, expected u32"),
            ("feed = 1", 1, "feed: expected a string or a list of strings"),
            ("book_depth = 1\n\nbook-depth = 2", 3, "`book-depth` is set twice"),
        ];
        for (text, line, message) in cases {
            assert_eq!(parsed(text), Err((line, message.to_owned())), "{text}");
        }
        assert_eq!(parsed("shards = 1\nshards").unwrap_err().0, 2);
    }
}
