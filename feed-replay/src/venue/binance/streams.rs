//! Frames in the form that each subscriber wants.

use super::frame::Frame;
use super::rewrite::Rewrite;
use crate::stand_in::{ConnId, Outbox};
use crate::venue::subscribers::Subscribers;
use tungstenite::Utf8Bytes;

/// Sends a frame of the recorded stream `stream` to its subscribers. `options` says of each whether it wants the wrapper and
/// microseconds.
pub(super) fn deliver(
    subscribers: &Subscribers,
    frame: &Frame<'_>,
    stream: &str,
    options: impl Fn(ConnId) -> (bool, bool),
    rewrite: &Rewrite,
    out: &mut Outbox,
) {
    let mut forms: Vec<(Form<'_>, Utf8Bytes)> = Vec::with_capacity(1);
    for (conn, name) in subscribers.to(stream) {
        let (combined, micros) = options(conn);
        let form = Form { name: combined.then_some(name), micros };
        let text = match forms.iter().find(|(known, _)| *known == form) {
            Some((_, text)) => text.clone(),
            None => {
                let text = form.of(frame, rewrite);
                forms.push((form, text.clone()));
                text
            }
        };
        out.text(conn, text);
    }
}

/// One of the forms in which a frame goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form<'a> {
    /// The name in the wrapper, if there is to be one.
    name: Option<&'a str>,
    micros: bool,
}

impl Form<'_> {
    fn of(&self, frame: &Frame<'_>, rewrite: &Rewrite) -> Utf8Bytes {
        let rewritten = rewrite.payload(frame.payload(), self.micros);
        match (self.name, frame.stream, rewritten) {
            (Some(name), Some(recorded), None) if name == recorded => frame.text.into(),
            (Some(name), _, rewritten) => {
                let payload = rewritten.as_deref().unwrap_or(frame.payload());
                format!("{{\"stream\":\"{name}\",\"data\":{payload}}}").into()
            }
            (None, _, Some(rewritten)) => rewritten.into(),
            (None, _, None) => frame.payload().into(),
        }
    }
}
