//! Whether somebody listens at an address, without a connection: a server under measurement should see none of that, and one
//! to a port that is not taken yet may meet itself.

use std::fs;
use std::net::SocketAddr;

/// The state LISTEN in the system's table of sockets.
const LISTEN: &str = "0A";

/// Whether the system has a socket that listens at the port of `address`.
pub(super) fn is_listening(address: SocketAddr) -> bool {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    tables.iter().any(|table| has_listener(table, address.port()))
}

/// A row has a number, the local address with its port behind the last colon, the remote one, and the state, all as
/// hexadecimal digits.
fn has_listener(table: &str, port: u16) -> bool {
    table.lines().skip(1).any(|row| {
        let mut fields = row.split_ascii_whitespace().skip(1);
        let local = fields.next().and_then(|local| local.rsplit_once(':'));
        let is_port = local.is_some_and(|(_, digits)| u16::from_str_radix(digits, 16) == Ok(port));
        is_port && fields.nth(1) == Some(LISTEN)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn only_listeners_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue\n\
                     0: 0100007F:498F 00000000:0000 0A 00000000:00000000 00:00000000\n\
                     1: 0100007F:4990 0100007F:498F 01 00000000:00000000 00:00000000\n";
        assert_eq!([0x498f, 0x4990, 0].map(|port| has_listener(table, port)), [true, false, false]);
        assert!(!has_listener("", 1) && !has_listener("head\nx", 1));
    }

    #[test]
    fn the_system_tells() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(is_listening(address));
        let client = TcpStream::connect(address).unwrap();
        assert!(!is_listening(client.local_addr().unwrap()));
    }
}
