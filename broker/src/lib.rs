//! The Tickcast broker: one venue connection in, thousands of subscriber sockets out.

pub mod clock;
pub mod config;
pub mod fanout;
pub mod http;
pub mod metrics;
mod seldom;
mod session;
pub mod upstream;

use config::Config;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves on `listener` until `shutdown`.
///
/// # Errors
/// What keeps the broker from serving at all.
pub async fn run(listener: TcpListener, config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    shutdown.cancelled().await;
    drop((listener, config));
    Ok(())
}
