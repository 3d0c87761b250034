//! TLS with a given certificate, for clients that insist on `wss://`.

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take for the handshake.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// A certificate and its key, ready to be used.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ServerConfig>);

/// Why a certificate and a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What stands between the PEM markers of a file is damaged.
    #[error("{}: is damaged PEM: {error}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        error: pem::Error,
    },
    /// A file holds something else.
    #[error("{}: expected {expected} in PEM form, found {found}", path.display())]
    Lacks {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// What is in it.
        found: String,
    },
    /// The two cannot be used together, or not at all.
    #[error("the certificate in {} and the key in {} cannot be used: {error}", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        error: rustls::Error,
    },
}

impl Tls {
    /// Reads a certificate, with those that vouch for it behind it, and its private key; both as PEM.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = Pem::read(certificate)?.chain()?;
        let secret = Pem::read(key)?.key()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let unusable = |error| TlsError::Unusable { certificate: certificate.into(), key: key.into(), error };
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(unusable)?;
        Ok(Self(Arc::new(config)))
    }

    /// Does the handshake; none, logged, with a client that fails at it.
    pub(super) async fn accept(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let peer = stream.peer_addr().map_or_else(|_| "?".to_owned(), |peer| peer.to_string());
        let accepting = TlsAcceptor::from(self.0.clone()).accept(stream);
        match timeout(HANDSHAKE_WITHIN, accepting).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::warn!("{peer}: no TLS handshake: {error}");
                None
            }
            Err(_) => {
                tracing::warn!("{peer}: no TLS handshake in {} s", HANDSHAKE_WITHIN.as_secs());
                None
            }
        }
    }
}

/// The sections of a PEM file.
struct Pem<'a> {
    path: &'a Path,
    sections: Vec<(SectionKind, Vec<u8>)>,
}

impl<'a> Pem<'a> {
    fn read(path: &'a Path) -> Result<Self, TlsError> {
        let text = std::fs::read(path).map_err(|error| TlsError::Unreadable { path: path.into(), error })?;
        let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(&text).collect::<Result<_, _>>();
        let sections = sections.map_err(|error| TlsError::Damaged { path: path.into(), error })?;
        Ok(Self { path, sections })
    }

    fn chain(self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates = self.sections.iter().filter(|(kind, _)| *kind == SectionKind::Certificate);
        let chain: Vec<_> = certificates.map(|(_, der)| CertificateDer::from(der.clone())).collect();
        if chain.is_empty() { Err(self.lacks("a certificate")) } else { Ok(chain) }
    }

    fn key(self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let found = self.sections.iter().find_map(|(kind, der)| PrivateKeyDer::from_pem(*kind, der.clone()));
        found.ok_or_else(|| self.lacks("a private key without a password"))
    }

    fn lacks(&self, expected: &'static str) -> TlsError {
        let found = match self.sections.first() {
            Some((SectionKind::Certificate, _)) => "a certificate".to_owned(),
            Some((SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey, _)) => {
                "a private key".to_owned()
            }
            Some((kind, _)) => format!("{kind:?}"),
            None => "nothing of the kind".to_owned(),
        };
        TlsError::Lacks { path: self.path.into(), expected, found }
    }
}
