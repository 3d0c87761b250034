//! Requests, and errors in Coinbase's form.

use super::subscriptions::recorded_channel;
use serde_json::{Value, json};

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Subscribe(Vec<Wanted>),
    /// Without products it means all of the channel.
    Unsubscribe(Vec<Wanted>),
}

/// A channel by the name that the client used, and its products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) channel: String,
    pub(super) products: Vec<String>,
}

/// Reads a request.
///
/// # Errors
/// The reply to a bad one: nothing of it is granted.
pub(super) fn parse(text: &str, is_known: impl Fn(&str) -> bool) -> Result<Request, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| refusal("Malformed JSON", &error.to_string()))?;
    match value["type"].as_str() {
        Some("subscribe") => {
            let failed = |reason: String| refusal("Failed to subscribe", &reason);
            let wanted = wanted(&value).map_err(failed)?;
            wanted.iter().try_for_each(|wanted| check(wanted, &is_known)).map_err(failed)?;
            Ok(Request::Subscribe(wanted))
        }
        Some("unsubscribe") => {
            let wanted = wanted(&value).map_err(|reason| refusal("Failed to unsubscribe", &reason))?;
            Ok(Request::Unsubscribe(wanted))
        }
        Some(other) => Err(refusal("Unknown message type", &format!("{other} is not a valid type"))),
        None => Err(refusal("Malformed JSON", "expected an object with a type")),
    }
}

fn wanted(request: &Value) -> Result<Vec<Wanted>, String> {
    let common = names(&request["product_ids"])?;
    let Value::Array(channels) = &request["channels"] else {
        return Err("channels must be a list".to_owned());
    };
    if channels.is_empty() {
        return Err("no channels given".to_owned());
    }
    let wanted = channels.iter().map(|channel| match channel {
        Value::String(name) => Ok(Wanted { channel: name.clone(), products: common.clone() }),
        Value::Object(_) => {
            let name = channel["name"].as_str().ok_or("a channel has no name")?;
            let mut products = names(&channel["product_ids"])?;
            products.extend(
                common.iter().filter(|product| !products.contains(product)).cloned().collect::<Vec<_>>(),
            );
            Ok(Wanted { channel: name.to_owned(), products })
        }
        other => Err(format!("{other} is not a valid channel")),
    });
    wanted.collect()
}

fn names(list: &Value) -> Result<Vec<String>, String> {
    match list {
        Value::Null => Ok(Vec::new()),
        Value::Array(names) => {
            let name = |name: &Value| {
                name.as_str().map(str::to_owned).ok_or(format!("{name} is not a valid product"))
            };
            names.iter().map(name).collect()
        }
        other => Err(format!("product_ids must be a list, found {other}")),
    }
}

fn check(wanted: &Wanted, is_known: impl Fn(&str) -> bool) -> Result<(), String> {
    let Wanted { channel, products } = wanted;
    if recorded_channel(channel).is_none() {
        return Err(match channel.as_str() {
            "user" | "level3" => format!("{channel} requires authentication"),
            _ => format!("{channel} is not a valid channel"),
        });
    }
    if products.is_empty() && channel != "status" {
        return Err(format!("no products given for {channel}"));
    }
    match products.iter().find(|product| !is_known(product)) {
        Some(unknown) => Err(format!("{unknown} is not a valid product")),
        None => Ok(()),
    }
}

fn refusal(message: &str, reason: &str) -> String {
    json!({"type": "error", "message": message, "reason": reason}).to_string()
}
