//! Command line of the broker: reads the configuration, prints where it serves, ends on SIGTERM and SIGINT.

use broker::Broker;
use broker::config::{Config, ConfigError, Invocation, LogFormat};
use std::io::Write;
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Threads of the control runtime, where there are cores for them.
const CONTROL_THREADS_MAX: usize = 2;

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
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let outcome = runtime.block_on(serve(config));
    // What still runs has had its time to end.
    runtime.shutdown_background();
    outcome
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listener = TcpListener::bind(&config.listen).await.map_err(|e| cannot_listen(&config.listen, &e))?;
    let broker = Broker::start(listener, config, shutdown.clone()).await?;
    say(&greeting(&broker))?;
    tokio::spawn(end_on_signal(signals, shutdown));
    broker.end().await;
    Ok(())
}

/// Where everything is, as the first lines of output.
fn greeting(broker: &Broker) -> String {
    let (version, address) = (env!("CARGO_PKG_VERSION"), broker.address());
    let feeds: String = broker.feeds().iter().map(|feed| format!("feed   {}\n", feed.status.url())).collect();
    format!("tickcast broker {version}\n{feeds}page   http://{address}/\nstream ws://{address}/v1/stream\n")
}

fn cannot_listen(address: &str, error: &std::io::Error) -> anyhow::Error {
    if error.kind() == std::io::ErrorKind::AddrInUse {
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

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => (),
        _ = interrupt.recv() => (),
    }
}

fn log_to_stderr(config: &Config) {
    // The configuration was checked to be a filter.
    let filter = EnvFilter::try_new(&config.log).unwrap_or_default();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Standard output may be a closed pipe; that is no reason to panic.
fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())?;
    Ok(())
}

fn failed(error: &impl std::fmt::Display, code: u8) -> ExitCode {
    // Nobody is left to hear that this failed too.
    let _ = writeln!(std::io::stderr(), "broker: {error}");
    ExitCode::from(code)
}
