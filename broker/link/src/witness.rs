//! What happens on a venue's connection, told to whoever keeps its status or writes it down.

use url::Url;

/// Is told what happens on a connection, as it happens. Whoever only wants some of it leaves the rest.
pub trait Witness: Send {
    /// How the connection is called in the log.
    fn name(&self) -> &str;

    /// A connection stands.
    fn connected(&mut self, _url: &Url) {}

    /// There is none, for this reason.
    fn cannot_connect(&mut self, _url: &Url, _reason: &str) {}

    /// A text was sent.
    fn sent(&mut self, _text: &str) {}

    /// A text came.
    fn text(&mut self, _text: &str) {}

    /// A binary message came.
    fn binary(&mut self, _bytes: &[u8]) {}

    /// A reply came over HTTP, or none did, for this reason.
    fn fetched(&mut self, _url: &str, _body: Result<&[u8], &str>) {}

    /// The venue has closed the connection with this code and this reason; what else ends one is only told as lost.
    fn closed(&mut self, _code: u16, _reason: &str) {}

    /// The connection is gone.
    fn lost(&mut self, _reason: &str) {}

    /// What was to be done is done; whether all symbols are live.
    fn live(&mut self, _is_live: bool) {}
}
