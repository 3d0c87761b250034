//! Requests, and replies and errors in Kraken's form: one reply for each symbol.

use super::subscriptions::Subscription;
use serde_json::{Map, Value, json};

/// The depths that the venue offers.
pub(super) const DEPTHS: [u64; 5] = [10, 25, 100, 500, 1000];
const DEPTH_DEFAULT: u64 = 10;
const INTERVAL_DEFAULT: u64 = 1;

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    pub(super) method: Method,
    req_id: Option<Value>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Method {
    Ping,
    Subscribe(Vec<Subscription>),
    Unsubscribe(Vec<Subscription>),
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    error: String,
    /// What is known of the request that is refused whole.
    method: Option<String>,
    req_id: Option<Value>,
}

impl Refusal {
    fn new(error: impl Into<String>) -> Self {
        Self { error: error.into(), method: None, req_id: None }
    }

    pub(super) fn pair(symbol: &str) -> Self {
        Self::new(format!("Currency pair not supported {symbol}"))
    }

    pub(super) fn depth() -> Self {
        Self::new("Subscription depth not supported")
    }

    pub(super) fn held() -> Self {
        Self::new("Already subscribed")
    }

    pub(super) fn not_held() -> Self {
        Self::new("Subscription Not Found")
    }
}

/// Reads a request.
///
/// # Errors
/// [`Refusal`] of the whole request.
pub(super) fn parse(text: &str) -> Result<Asked, Refusal> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| Refusal::new(format!("Malformed request: {error}")))?;
    let name = value["method"].as_str().map(str::to_owned);
    let req_id = value.get("req_id").cloned();
    let method = method(name.as_deref(), &value["params"], req_id.as_ref());
    match method {
        Ok(method) => Ok(Asked { method, req_id }),
        Err(error) => Err(Refusal { error, method: name, req_id }),
    }
}

fn method(name: Option<&str>, params: &Value, req_id: Option<&Value>) -> Result<Method, String> {
    if req_id.is_some_and(|id| !id.is_u64() && !id.is_i64()) {
        return Err("Malformed request: req_id must be an integer".to_owned());
    }
    match name {
        Some("ping") => Ok(Method::Ping),
        Some("subscribe") => subscriptions(params).map(Method::Subscribe),
        Some("unsubscribe") => subscriptions(params).map(Method::Unsubscribe),
        Some(other) => Err(format!("Method not supported {other}")),
        None => Err("Malformed request: method missing".to_owned()),
    }
}

fn subscriptions(params: &Value) -> Result<Vec<Subscription>, String> {
    let channel = params["channel"].as_str().ok_or("Malformed request: channel missing")?;
    let template = template(channel, params)?;
    if channel == "instrument" {
        return Ok(vec![template]);
    }
    let symbols = params["symbol"].as_array().filter(|symbols| !symbols.is_empty());
    let symbols = symbols.ok_or("Malformed request: symbol must be a list of currency pairs")?;
    let symbols = symbols.iter().map(|symbol| {
        let symbol = symbol.as_str().ok_or(format!("Currency pair not supported {symbol}"))?;
        Ok(Subscription { symbol: symbol.to_owned(), ..template.clone() })
    });
    symbols.collect()
}

/// The subscription that is asked for each symbol.
fn template(channel: &str, params: &Value) -> Result<Subscription, String> {
    let snapshot = match &params["snapshot"] {
        Value::Null => channel != "trade",
        Value::Bool(snapshot) => *snapshot,
        other => return Err(format!("Malformed request: snapshot must be true or false, found {other}")),
    };
    let number = |key: &str, default: u64| match &params[key] {
        Value::Null => Ok(default),
        value => value.as_u64().ok_or(format!("Malformed request: {key} must be a number, found {value}")),
    };
    let depth = match channel {
        "book" => Some(number("depth", DEPTH_DEFAULT)?),
        _ => None,
    };
    if depth.is_some_and(|depth| !DEPTHS.contains(&depth)) {
        return Err(Refusal::depth().error);
    }
    let more = match channel {
        "ticker" => Some((
            "event_trigger",
            params.get("event_trigger").cloned().unwrap_or("trades".into()).to_string(),
        )),
        "ohlc" => Some(("interval", number("interval", INTERVAL_DEFAULT)?.to_string())),
        "book" | "trade" | "instrument" => None,
        _ => return Err(format!("Channel not supported {channel}")),
    };
    Ok(Subscription { channel: channel.to_owned(), symbol: String::new(), snapshot, depth, more })
}

/// Makes replies; `time` is when the request came and was answered.
pub(super) struct Reply<'a> {
    pub(super) time: &'a str,
}

impl Reply<'_> {
    pub(super) fn pong(&self, asked: &Asked) -> String {
        self.finish(object([("method", "pong".into())]), asked.req_id.as_ref())
    }

    pub(super) fn granted(&self, asked: &Asked, granted: &Subscription) -> String {
        let mut result = object([("channel", granted.channel.as_str().into())]);
        if let Some(depth) = granted.depth {
            result.insert("depth".to_owned(), depth.into());
        }
        if let Some((key, value)) = &granted.more {
            result.insert((*key).to_owned(), serde_json::from_str(value).unwrap_or_default());
        }
        result.insert("snapshot".to_owned(), granted.snapshot.into());
        self.succeeded("subscribe", asked, result, granted)
    }

    pub(super) fn ended(&self, asked: &Asked, ended: &Subscription) -> String {
        let mut result = object([("channel", ended.channel.as_str().into())]);
        if let Some(depth) = ended.depth {
            result.insert("depth".to_owned(), depth.into());
        }
        self.succeeded("unsubscribe", asked, result, ended)
    }

    fn succeeded(
        &self,
        method: &str,
        asked: &Asked,
        mut result: Map<String, Value>,
        subscription: &Subscription,
    ) -> String {
        if !subscription.symbol.is_empty() {
            result.insert("symbol".to_owned(), subscription.symbol.as_str().into());
        }
        let reply = object([("method", method.into()), ("result", result.into()), ("success", true.into())]);
        self.finish(reply, asked.req_id.as_ref())
    }

    /// One symbol of a request is refused.
    pub(super) fn refused(&self, asked: &Asked, refusal: &Refusal, symbol: &str) -> String {
        let method = match asked.method {
            Method::Unsubscribe(_) => "unsubscribe",
            _ => "subscribe",
        };
        let error = refusal.error.as_str();
        let fields = [
            ("error", error.into()),
            ("method", method.into()),
            ("success", false.into()),
            ("symbol", symbol.into()),
        ];
        self.finish(object(fields), asked.req_id.as_ref())
    }

    /// The whole request is refused.
    pub(super) fn malformed(&self, refusal: &Refusal) -> String {
        let mut reply = object([("error", refusal.error.as_str().into())]);
        if let Some(method) = &refusal.method {
            reply.insert("method".to_owned(), method.as_str().into());
        }
        reply.insert("success".to_owned(), false.into());
        self.finish(reply, refusal.req_id.as_ref())
    }

    fn finish(&self, mut reply: Map<String, Value>, req_id: Option<&Value>) -> String {
        if let Some(req_id) = req_id {
            reply.insert("req_id".to_owned(), req_id.clone());
        }
        reply.insert("time_in".to_owned(), json!(self.time));
        reply.insert("time_out".to_owned(), json!(self.time));
        Value::Object(reply).to_string()
    }
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
