//! Requests and replies in Bybit's form: one reply for each request, which spot and linear word in two ways.

use crate::stand_in::ConnId;
use serde_json::{Value, json};

/// At which of the venue's paths a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Market {
    Spot,
    Linear,
}

impl Market {
    /// What the reply says to an operation that was done.
    pub(super) fn done(self, op: &str) -> &str {
        match self {
            Self::Spot => op,
            Self::Linear => "",
        }
    }

    /// What the reply says to a topic that there is not.
    pub(super) fn unknown(self, topic: &str) -> String {
        match self {
            Self::Spot => format!("Invalid symbol :[{topic}]"),
            Self::Linear => format!("error:handler not found,topic:{topic}"),
        }
    }
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
    Ping,
}

/// A message from a client, and what is needed to answer it.
#[derive(Debug)]
pub(super) struct Asked {
    /// What it wants, or why that cannot be told.
    pub(super) request: Result<Request, String>,
    /// The operation; empty if there is none.
    pub(super) op: String,
    /// Its id, as it is repeated in the reply; spot leaves it out where there was none.
    id: Option<Value>,
    conn: ConnId,
}

impl Asked {
    pub(super) fn parse(text: &str, market: Market, conn: ConnId) -> Self {
        let value = serde_json::from_str(text).unwrap_or(Value::Null);
        let op = value["op"].as_str().unwrap_or("").to_owned();
        let request = match op.as_str() {
            "ping" => Ok(Request::Ping),
            "subscribe" => topics(&value).map(Request::Subscribe),
            "unsubscribe" => topics(&value).map(Request::Unsubscribe),
            _ if value.is_object() => Err("error:invalid op".to_owned()),
            _ => Err("Failed to decode incoming data".to_owned()),
        };
        let id = value.get("req_id").filter(|id| !id.is_null()).cloned();
        let id = id.or_else(|| (market == Market::Linear).then(|| "".into()));
        Self { request, op, id, conn }
    }

    /// The reply, its fields in the venue's order.
    pub(super) fn reply(&self, success: bool, message: &str) -> String {
        let id = self.id.as_ref().map(|id| format!("\"req_id\":{id},")).unwrap_or_default();
        let (message, op, conn) = (json!(message), json!(self.op), self.conn);
        format!("{{\"success\":{success},\"ret_msg\":{message},\"conn_id\":\"{conn:08x}\",{id}\"op\":{op}}}")
    }
}

fn topics(value: &Value) -> Result<Vec<String>, String> {
    let list = value["args"].as_array().filter(|args| !args.is_empty());
    let topics = list.and_then(|args| args.iter().map(|arg| arg.as_str().map(str::to_owned)).collect());
    topics.ok_or_else(|| "error:request args are not right".to_owned())
}
