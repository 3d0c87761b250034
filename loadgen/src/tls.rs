//! TLS over the sockets of a poll loop: what arrives is decrypted when it is read, and what is sent is encrypted before.

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io::{self, ErrorKind, Read, Write};
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
    Name(#[from] rustls::pki_types::InvalidDnsNameError),
    /// Its settings are refused.
    #[error("{0}")]
    Tls(#[from] rustls::Error),
}

/// One connection's part.
#[derive(Debug)]
pub struct Session(ClientConnection);

impl Tls {
    /// With the server of this name, which a certificate that the system trusts must prove.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn with(host: &str) -> Result<Self, TlsError> {
        // An IPv6 address stands in brackets in a URL.
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
        Ok(Self { config: config()?, name })
    }

    /// A connection that is to be.
    ///
    /// # Errors
    /// [`TlsError::Tls`] if the settings are refused.
    pub fn session(&self) -> Result<Session, rustls::Error> {
        ClientConnection::new(Arc::clone(&self.config), self.name.clone()).map(Session)
    }

    /// The handshake over a connection of a runtime.
    ///
    /// # Errors
    /// When it fails.
    pub async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(Arc::clone(&self.config)).connect(self.name.clone(), stream).await
    }
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

impl Session {
    /// Reads what is decrypted, or decrypts what has arrived; 0 is the end of the stream. A short read does not mean that
    /// nothing is left.
    ///
    /// # Errors
    /// Of the socket, [`ErrorKind::WouldBlock`] when nothing is left, [`ErrorKind::InvalidData`] when the server breaks TLS's rules.
    pub fn read(&mut self, stream: &mut (impl Read + Write), buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if self.0.read_tls(stream)? == 0 {
                return Ok(0);
            }
            let processed = self.0.process_new_packets();
            // Also an alert that tells the server why.
            let pushed = self.push(stream);
            processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            pushed?;
        }
    }

    /// Sends `unsent`, as far as the socket takes it, and keeps the rest there. What waits for the end of the handshake is
    /// bounded by the library.
    ///
    /// # Errors
    /// Of the socket.
    pub fn send(&mut self, stream: &mut impl Write, unsent: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let taken = if unsent.is_empty() { 0 } else { self.0.writer().write(unsent)? };
            unsent.drain(..taken);
            if !self.push(stream)? || taken == 0 {
                return Ok(());
            }
        }
    }

    /// Sends what is encrypted; whether the socket took all.
    fn push(&mut self, stream: &mut impl Write) -> io::Result<bool> {
        while self.0.wants_write() {
            match self.0.write_tls(stream) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
