//! TLS for who dials, to servers whose certificates the system trusts: venues, and brokers behind a proxy.

use rustls::pki_types::{InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How a server is spoken to by TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The system trusts nobody.
    #[error("no certificates to trust were found on this system (SSL_CERT_FILE names a file of them): {0}")]
    Certificates(String),
    /// The host is neither a name nor an address.
    #[error("{0}")]
    Name(#[from] InvalidDnsNameError),
    /// Its settings are refused.
    #[error("{0}")]
    Tls(#[from] rustls::Error),
}

impl Tls {
    /// With the server of this name, as it stands in a URL, which a certificate that the system trusts must prove.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn with(host: &str) -> Result<Self, TlsError> {
        Ok(Self { name: server_name(host)?, config: config()? })
    }

    /// The handshake over a connection of a runtime.
    ///
    /// # Errors
    /// When it fails.
    pub async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(Arc::clone(&self.config)).connect(self.name.clone(), stream).await
    }

    /// The state of a connection that is to be, for who reads and writes its bytes himself.
    ///
    /// # Errors
    /// If the settings are refused.
    pub fn session(&self) -> Result<ClientConnection, rustls::Error> {
        ClientConnection::new(Arc::clone(&self.config), self.name.clone())
    }
}

/// An IPv6 address stands in brackets in a URL.
fn server_name(host: &str) -> Result<ServerName<'static>, InvalidDnsNameError> {
    ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
}

/// Trusts what the system trusts. Read once: all servers share it, and connections that come back resume.
fn config() -> Result<Arc<ClientConfig>, TlsError> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        return Err(TlsError::Certificates(errors.join(", ")));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_proven_by_the_host_of_its_url() {
        assert_eq!(server_name("ws.kraken.com").unwrap(), ServerName::try_from("ws.kraken.com").unwrap());
        for (host, address) in [("[::1]", "::1"), ("127.0.0.1", "127.0.0.1")] {
            let address: std::net::IpAddr = address.parse().unwrap();
            assert_eq!(server_name(host).unwrap(), ServerName::from(address));
        }
        assert!(matches!(Tls::with("no name"), Err(TlsError::Name(_))));
    }
}
