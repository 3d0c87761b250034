//! The symbols that a broker offers.

use crate::http;
use crate::plan::Target;
use schemas::model::Channel;
use serde::Deserialize;

/// Why there are no symbols to choose from.
#[derive(Debug, thiserror::Error)]
pub enum SymbolsError {
    /// Not what `/v1/symbols` is to answer.
    #[error("/v1/symbols: {0}; name them with --symbols A,B,C")]
    Answer(#[from] serde_json::Error),
    /// None has the channel.
    #[error("none of the broker's {symbols} symbols has the channel `{channel}`")]
    None {
        /// How many there are.
        symbols: usize,
        /// The channels that were asked for.
        channel: String,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    List(Vec<Offer>),
    Object { symbols: Vec<Offer> },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Offer {
    Name(String),
    Object { symbol: String, channels: Option<Vec<String>> },
}

/// The symbols that a user named; where none is named, those of the broker that have all these channels.
///
/// # Errors
/// When the broker does not tell its symbols, or none has the channels.
pub async fn named_or_offered(
    named: &[String],
    target: &Target,
    channels: &[Channel],
) -> anyhow::Result<Vec<String>> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let answer = http::get(target, "/v1/symbols").await?;
    Ok(offered(&answer, channels)?)
}

/// The names of the symbols in the answer of `/v1/symbols` that have these channels, in their order there. A symbol that
/// does not list its channels is taken to have them all.
///
/// # Errors
/// [`SymbolsError`] if the answer is of another form, or no symbol has the channels.
pub fn offered(answer: &[u8], channels: &[Channel]) -> Result<Vec<String>, SymbolsError> {
    let (Answer::List(offers) | Answer::Object { symbols: offers }) = serde_json::from_slice(answer)?;
    let count = offers.len();
    let names: Vec<String> = offers.into_iter().filter_map(|offer| offer.with(channels)).collect();
    if names.is_empty() {
        let channel = channels.iter().map(|channel| channel.name()).collect::<Vec<_>>().join("`, `");
        return Err(SymbolsError::None { symbols: count, channel });
    }
    Ok(names)
}

impl Offer {
    fn with(self, wanted: &[Channel]) -> Option<String> {
        match self {
            Self::Name(symbol) | Self::Object { symbol, channels: None } => Some(symbol),
            Self::Object { symbol, channels: Some(channels) } => {
                let has = |channel: &Channel| channels.iter().any(|name| name == channel.name());
                wanted.iter().all(has).then_some(symbol)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_the_answer() {
        let list = r#"[{"symbol":"a:b","venue":"a","channels":["book","quotes"]},{"symbol":"a:c","channels":["quotes"]},
            {"symbol":"a:d","state":"live"},"a:e"]"#;
        assert_eq!(offered(list.as_bytes(), &[Channel::Book]).unwrap(), ["a:b", "a:d", "a:e"]);
        let object = format!(r#"{{"symbols":{list}}}"#);
        assert_eq!(offered(object.as_bytes(), &[Channel::Quotes]).unwrap(), ["a:b", "a:c", "a:d", "a:e"]);
    }

    #[test]
    fn no_symbols_is_an_error_that_says_why() {
        let none = offered(br#"[{"symbol":"a:b","channels":["book"]}]"#, &[Channel::Trades]).unwrap_err();
        assert_eq!(none.to_string(), "none of the broker's 1 symbols has the channel `trades`");
        assert!(offered(b"<html>", &[Channel::Book]).is_err());
    }
}
