//! Where a run goes.

use super::PlanError;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use tls::Tls;
use url::Url;

/// Where the broker is.
#[derive(Debug, Clone)]
pub struct Target {
    /// The address.
    pub address: SocketAddr,
    /// The value of the Host header.
    pub host: String,
    /// Path and query of the stream.
    pub path: String,
    /// How it is spoken to, if by TLS.
    pub tls: Option<Arc<Tls>>,
}

impl Target {
    /// A target in a plan whose server is not there yet.
    #[must_use]
    pub fn nowhere() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { address, host: address.to_string(), path: "/".to_owned(), tls: None }
    }

    /// Reads a `ws://` or `wss://` URL and looks its host up.
    ///
    /// # Errors
    /// [`PlanError`] if it is no such URL or the host has no address.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let url = || text.to_owned();
        let parsed = Url::parse(text).map_err(|source| PlanError::Url { url: url(), source })?;
        let host = parsed.host_str().filter(|_| ["ws", "wss"].contains(&parsed.scheme()));
        let host = host.ok_or_else(|| PlanError::Scheme { url: url() })?;
        let tls = (parsed.scheme() == "wss").then(|| Tls::with(host).map(Arc::new)).transpose();
        let tls = tls.map_err(|source| PlanError::Tls { url: url(), source })?;
        let port = parsed.port_or_known_default().unwrap_or(80);
        let host = format!("{host}:{port}");
        let address = resolved(&host).map_err(|source| PlanError::Host { url: url(), source })?;
        let path = &parsed[url::Position::BeforePath..url::Position::AfterQuery];
        Ok(Self { address, host, path: path.to_owned(), tls })
    }

    /// As typed, or as it might have been.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}{}", self.host, self.path)
    }
}

/// The address of a broker's feed of tick lines.
///
/// # Errors
/// [`PlanError::Publish`] if it is none.
pub fn publish_address(address: &str) -> Result<SocketAddr, PlanError> {
    resolved(address).map_err(|source| PlanError::Publish { address: address.to_owned(), source })
}

fn resolved(host: &str) -> io::Result<SocketAddr> {
    host.to_socket_addrs()?.next().ok_or_else(|| io::Error::other("the host has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_host_port_and_path() {
        let target = Target::parse("ws://127.0.0.1:9000/v1/stream?a=b").unwrap();
        assert_eq!((target.host.as_str(), target.path.as_str()), ("127.0.0.1:9000", "/v1/stream?a=b"));
        assert_eq!(Target::parse("ws://127.0.0.1").unwrap().host, "127.0.0.1:80");
        assert_eq!(Target::parse("ws://[::1]:7/").unwrap().address.to_string(), "[::1]:7");
        for wrong in ["127.0.0.1:9000", "http://127.0.0.1/", "wss://", "ws://"] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }
}
