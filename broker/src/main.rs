//! Command line of the broker: reads the configuration, prints where it serves, ends on SIGTERM and SIGINT.

use broker::Broker;
use broker::config::{Config, ConfigError, Invocation, LogFormat};
use broker::panics::Panics;
use broker::upstream::{Change, Reloader};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Threads of the control runtime, where there are cores for them.
const CONTROL_THREADS_MAX: usize = 2;

/// Connections that may wait to be accepted; the system may allow fewer (net.core.somaxconn).
const BACKLOG: u32 = 4096;

/// The niceness of the control runtime's threads where they share a core with shards.
const CONTROL_NICENESS: i32 = 5;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outcome = match Invocation::read(std::env::args_os()) {
        Ok(Invocation::Print(text)) => say(&text),
        Ok(Invocation::Run(config)) => start(*config),
        Err(ConfigError::Usage(error)) => {
            // Its errors are formatted for the terminal; nobody is left to hear that writing failed.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
        Err(error) => return failed(&error, error.exit_code()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("{error:#}"), 1),
    }
}

fn start(config: Config) -> anyhow::Result<()> {
    log_to_stderr(&config);
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(CONTROL_THREADS_MAX);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(workers).enable_all();
    if config.feeds_on.is_shards() {
        runtime.on_thread_start(give_way);
    }
    let runtime = runtime.build()?;
    let outcome = runtime.block_on(serve(config));
    // What still runs has had its time to end.
    runtime.shutdown_background();
    outcome
}

/// Handshakes and HTTP give way to the shards, with which they share a core.
fn give_way() {
    // That they may not is no reason not to run.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), CONTROL_NICENESS);
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let hangup = signal(SignalKind::hangup())?;
    let listener = listen(&config.listen).await.map_err(|e| cannot_listen(&config.listen, &e))?;
    let panics = Panics::end(shutdown.clone());
    let broker = Broker::start(listener, config, shutdown.clone()).await?;
    say(&greeting(&broker))?;
    tokio::spawn(reload_on_signal(hangup, broker.reloader()));
    tokio::spawn(end_on_signal(signals, shutdown));
    broker.end().await;
    anyhow::ensure!(!panics.any(), "a part of it has failed");
    Ok(())
}

/// Where everything is, as the first lines of output.
fn greeting(broker: &Broker) -> String {
    let (version, address) = (env!("CARGO_PKG_VERSION"), broker.address());
    let feeds: String = broker.feeds().iter().map(|feed| format!("feed   {}\n", feed.status.url())).collect();
    format!("tickcast broker {version}\n{feeds}page   http://{address}/\nstream ws://{address}/v1/stream\n")
}

/// As `TcpListener::bind`, with a longer queue: a client whose first packet finds it full tries again only after a second.
async fn listen(address: &str) -> io::Result<TcpListener> {
    let mut refused = None;
    for address in tokio::net::lookup_host(address).await? {
        match listen_at(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or_else(|| io::Error::other("the host has no address")))
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn cannot_listen(address: &str, error: &io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::AddrInUse {
        let hint = "is another broker running? choose another with --listen";
        anyhow::anyhow!("cannot listen on {address}: address in use ({hint})")
    } else {
        anyhow::anyhow!("cannot listen on {address}: {error}")
    }
}

/// The first signal asks for an orderly end, the second one ends at once.
async fn end_on_signal((mut terminate, mut interrupt): (Signal, Signal), shutdown: CancellationToken) {
    either(&mut terminate, &mut interrupt).await;
    tracing::info!("ending; a second signal ends at once");
    shutdown.cancel();
    either(&mut terminate, &mut interrupt).await;
    std::process::exit(1);
}

/// SIGHUP has the configuration read anew; what cannot be taken over changes nothing.
async fn reload_on_signal(mut hangup: Signal, mut reloader: Reloader) {
    while hangup.recv().await.is_some() {
        let read = match Invocation::read(std::env::args_os()) {
            Ok(Invocation::Run(config)) => reloader.reload(&config.feeds).map_err(|error| error.to_string()),
            Ok(Invocation::Print(_)) => continue,
            Err(error) => Err(error.to_string()),
        };
        match read {
            Ok(changes) if changes.is_empty() => tracing::info!("read anew: the feeds have the same symbols"),
            Ok(changes) => changes.iter().for_each(|Change { feed, added, removed }| {
                tracing::info!(%feed, ?added, ?removed, "read anew: the feed has other symbols");
            }),
            Err(error) => tracing::error!("read anew, and nothing is taken over: {error}"),
        }
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => (),
        _ = interrupt.recv() => (),
    }
}

fn log_to_stderr(config: &Config) {
    // The configuration was checked to be a filter.
    let filter = EnvFilter::try_new(&config.log).unwrap_or_default();
    // Whoever reads the log may go. To complain of that on standard error would fail too, and with a panic: it would end the feed
    // or the shard that has something to say.
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    match config.log_format {
        LogFormat::Text => log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Standard output may be a closed pipe; that is no reason to panic.
fn say(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())?;
    Ok(())
}

fn failed(error: &impl std::fmt::Display, code: u8) -> ExitCode {
    // Nobody is left to hear that this failed too.
    let _ = writeln!(io::stderr(), "broker: {error}");
    ExitCode::from(code)
}
