//! `--print-config`: a file that says the same as all layers together.

use super::{Settings, arguments};
use std::fmt::Write;

/// The settings as TOML, each below what it means. Feed URLs hold no secrets: those with a password are refused.
pub(super) fn toml(settings: &Settings) -> String {
    let values = arguments::table(settings);
    let mut text = String::new();
    for (name, help) in arguments::documented() {
        if let Some(value) = values.get(&name) {
            // Writing into a string does not fail.
            let _ = writeln!(text, "# {help}\n{name} = {value}\n");
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back_as_the_same_settings() {
        let mut settings = Settings { node: "a \"b\"".into(), shards: 3, ..Settings::default() };
        settings.limits.tiers_ms = vec![0, 7];
        let text = toml(&settings);
        assert_eq!(::toml::from_str::<Settings>(&text).unwrap(), settings);
        assert!(text.contains("\n# Levels a side that are kept and sent\nbook_depth = 1000\n"), "{text}");
    }
}
