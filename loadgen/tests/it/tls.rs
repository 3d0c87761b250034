//! `wss://`: the same load over TLS.

use crate::known::{SECOND_US, is_close, send_aged};
use crate::server::Server;
use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, mpsc};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// In front of a server, with a certificate of its own.
struct Front {
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl Front {
    fn of(server: &Server) -> Self {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("certificate.pem"), cert.pem()).unwrap();
        let (sender, address) = mpsc::channel();
        let server = server.address;
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(pass_on(TlsAcceptor::from(Arc::new(config)), server, sender));
        });
        Self { address: address.recv().unwrap(), directory }
    }

    fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    /// Runs against it, where the system trusts the certificate of `trusted`.
    fn run(&self, trusted: &Self, arguments: &[&str]) -> Output {
        let url = format!("wss://{}/v1/stream", self.address);
        Command::new(env!("CARGO_BIN_EXE_loadgen"))
            .args(["run", "--url", &url, "--warmup", "0s", "--seed", "1", "--json"])
            .args(arguments)
            .env("SSL_CERT_FILE", trusted.certificate())
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap()
    }
}

/// Decrypts for the server, and encrypts what it answers.
async fn pass_on(acceptor: TlsAcceptor, server: SocketAddr, address: mpsc::Sender<SocketAddr>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    address.send(listener.local_addr().unwrap()).unwrap();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // Who does not trust it, or leaves, is no concern of its.
            let Ok(mut client) = acceptor.accept(client).await else { return };
            let mut server = TcpStream::connect(server).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        });
    }
}

fn report(output: &Output) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(0), "{}", crate::cli::stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_comes_over_tls_is_whole_and_counts_the_same() {
    // Updates that fill several records and more than a buffer, and small ones.
    let server = Server::start(|peer| {
        peer.grant(0);
        peer.wait_for_window();
        for round in 0..10 {
            let long = format!(r#"{{"type":"heartbeat","x":"{}"}}"#, "x".repeat(60_000));
            peer.text(&long);
            (1..=10).for_each(|seq| send_aged(peer, round * 10 + seq, 100 * SECOND_US));
        }
    });
    let front = Front::of(&server);
    let run = front.run(&front, &["--connections", "4", "--trickling", "25%", "--duration", "2s"]);
    let report = report(&run);
    let counts = |class: usize, what: &str| report["classes"][class][what].as_u64().unwrap();
    assert_eq!((counts(0, "updates"), counts(0, "opened")), (300, 3));
    assert_eq!(report["received"]["unparsable"], 0);
    assert!(report["received"]["heartbeats"].as_u64().unwrap() >= 30);
    is_close(report["latency_us"]["corrected"]["p50"].as_u64().unwrap(), 100 * SECOND_US);
    // The trickling one reads 1 KiB a second of the first long message here too.
    assert_eq!(report["classes"][1]["kind"], "trickling");
    assert!(counts(1, "bytes") <= 3 * 1024 && counts(1, "updates") == 0, "{}", report["classes"][1]);
    // The symbols and the metrics came over it too.
    assert_eq!((&report["load"]["symbols"], &report["broker"]["cpu_s"]), (&3.into(), &0.0.into()));
    assert!(report["load"]["address"].as_str().unwrap().starts_with("wss://127.0.0.1:"));
}

#[test]
fn who_leaves_comes_back_over_tls() {
    let server = Server::start(|peer| {
        peer.grant(0);
        peer.update("sim:A", 1);
    });
    let front = Front::of(&server);
    let run = ["--connections", "4", "--symbols", "sim:A", "--churn", "6000%/min", "--duration", "2s"];
    let report = report(&front.run(&front, &run));
    assert!(report["connections"]["churned"].as_u64().unwrap() >= 4, "{}", report["connections"]);
    assert_eq!(report["failures"], serde_json::json!([]));
}

#[test]
fn a_certificate_that_nobody_trusts_is_a_reason_to_fail() {
    let server = Server::start(|peer| drop(peer.grant(0)));
    let (front, other) = (Front::of(&server), Front::of(&server));
    let run =
        ["--connections", "1", "--symbols", "sim:A", "--duration", "100ms", "--connect-timeout", "200ms"];
    let output = front.run(&other, &run);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let reasons = report["connections"]["failed_attempts"].to_string();
    assert!(reasons.contains("invalid peer certificate"), "{reasons}");
}
