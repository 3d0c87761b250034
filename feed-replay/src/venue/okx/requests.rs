//! Requests, and replies and errors in OKX's form: one reply for each argument.

use serde_json::{Value, json};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Subscribe(Vec<Arg>),
    Unsubscribe(Vec<Arg>),
}

/// What a client wants or has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arg {
    pub(super) channel: String,
    pub(super) instrument: String,
}

/// Why something is refused: the venue's number and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    code: &'static str,
    message: String,
}

/// The notice that a connection will soon be closed.
pub(super) fn closing(code: &str, conn: &str) -> String {
    format!(
        "{{\"event\":\"notice\",\"code\":\"{code}\",\"msg\":\"The connection will soon be closed for a service upgrade. Please reconnect.\",\"connId\":\"{conn}\"}}"
    )
}

impl Arg {
    /// A name for the subscription.
    pub(super) fn topic(&self) -> String {
        format!("{}:{}", self.channel, self.instrument)
    }

    /// How many bytes it takes in a request.
    pub(super) fn bytes(&self) -> usize {
        self.value().to_string().len()
    }

    fn value(&self) -> Value {
        json!({"channel": self.channel, "instId": self.instrument})
    }
}

impl Refusal {
    pub(super) fn request(text: &str) -> Self {
        const SHOWN_CHARACTERS_MAX: usize = 200;
        let shown: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
        Self { code: "60012", message: format!("Invalid request: {shown}") }
    }

    pub(super) fn unknown(arg: &Arg) -> Self {
        let Arg { channel, instrument } = arg;
        let message = format!(
            "Wrong URL or channel:{channel},instId:{instrument} doesn't exist. Please use the correct URL, channel and parameters referring to API document."
        );
        Self { code: "60018", message }
    }

    pub(super) fn tier() -> Self {
        let message = "Your trading fee tier doesn't meet the requirement to access this channel";
        Self { code: "64003", message: message.to_owned() }
    }

    pub(super) fn login() -> Self {
        Self { code: "60009", message: "Login failed.".to_owned() }
    }

    pub(super) fn too_many() -> Self {
        Self { code: "60014", message: "Requests too frequent".to_owned() }
    }

    /// The message that tells it.
    pub(super) fn text(&self, conn: &str) -> String {
        json!({"event": "error", "code": self.code, "msg": self.message, "connId": conn}).to_string()
    }
}

/// Reads a request and its id.
///
/// # Errors
/// [`Refusal`] of the whole request.
pub(super) fn parse(text: &str) -> Result<(Request, Option<String>), Refusal> {
    let refused = || Refusal::request(text);
    let value: Value = serde_json::from_str(text).map_err(|_| refused())?;
    let args = || args(&value["args"]).ok_or_else(refused);
    let request = match value["op"].as_str() {
        Some("subscribe") => Request::Subscribe(args()?),
        Some("unsubscribe") => Request::Unsubscribe(args()?),
        Some("login") => return Err(Refusal::login()),
        _ => return Err(refused()),
    };
    Ok((request, value["id"].as_str().map(str::to_owned)))
}

/// The reply that grants or ends a subscription.
pub(super) fn done(event: &str, arg: &Arg, id: Option<&str>, conn: &str) -> String {
    let mut reply = json!({"event": event, "arg": arg.value(), "connId": conn});
    if let Some(id) = id {
        reply["id"] = id.into();
    }
    reply.to_string()
}

fn args(list: &Value) -> Option<Vec<Arg>> {
    let args = list.as_array().filter(|args| !args.is_empty())?.iter().map(|arg| {
        let text = |key: &str| arg[key].as_str().map(str::to_owned);
        Some(Arg { channel: text("channel")?, instrument: text("instId")? })
    });
    args.collect()
}
