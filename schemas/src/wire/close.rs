//! Close codes. 1001, 1013 and 4000 to 4499 ask the client to reconnect, all others not to.

/// Shutdown or drain: reconnect.
pub const GOING_AWAY: u16 = 1001;
/// The client broke the WebSocket protocol.
pub const PROTOCOL_ERROR: u16 = 1002;
/// A frame that is no text.
pub const UNSUPPORTED: u16 = 1003;
/// Text that is no UTF-8.
pub const INVALID_PAYLOAD: u16 = 1007;
/// Against the rules of this server: a flood, for one.
pub const POLICY: u16 = 1008;
/// A message beyond `message_bytes`.
pub const TOO_BIG: u16 = 1009;
/// Overloaded: reconnect later.
pub const OVERLOADED: u16 = 1013;
/// The client read too slowly for too long.
pub const SLOW_CONSUMER: u16 = 4008;
/// No pong in time.
pub const NO_PONG: u16 = 4012;
/// More connections than one address may have.
pub const TOO_MANY_CONNECTIONS: u16 = 4505;
