//! The floor under every broker's cost: a server that does nothing but write.
//!
//! It is fed by the same publisher and read by the same workers as a broker, sends the same bytes, and does the least that
//! can be done in between: one thread finds the end of a tick line and the number of its symbol, puts the digits of `seq`,
//! `ts` and `rx` into a frame that is ready, and writes it to each subscriber. What a broker costs beyond that is its own.
//!
//! It is a process of its own, as a broker is, so that both ends of the connections need not fit into the open files of
//! one process. Its standard input tells it what to do ([`Control`]), its standard output tells what came of it.

mod command;
mod frame;
mod report;
mod serve;
mod setup;
mod tick;
mod writes;

pub use command::command;
pub(crate) use command::{Cores, pass};
pub(crate) use frame::Frame;
pub use serve::serve;
pub(crate) use tick::TS_DIGITS;

use crate::broker_stats::Sample;
use crate::plan::Target;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The hidden command of this program that is the server.
pub const COMMAND: &str = "floor-server";

/// What the server is to expect.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spec {
    /// Subscribers, of which each subscribes once.
    pub connections: usize,
    /// Symbols of each of them.
    pub symbols_per_connection: usize,
    /// The whole names of all symbols, in the order of their numbers in tick lines.
    pub symbols: Vec<String>,
    /// Consecutive updates of a symbol that go into one write.
    pub batch: usize,
    /// The cores that it may use.
    pub cores: Vec<usize>,
}

/// Where the server listens.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Ready {
    stream: SocketAddr,
    feed: SocketAddr,
}

/// What the one who leads the run tells the server while it runs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Control {
    /// What is written from here on counts, in microseconds since the Unix epoch.
    Open(u64),
    /// What is written counts until here, in microseconds since the Unix epoch.
    Close(u64),
    /// The run is over.
    End,
}

/// What the server used within the window.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Cost {
    /// CPU time of its thread, in seconds.
    cpu_s: f64,
}

/// A running server.
#[derive(Debug)]
pub struct Floor {
    /// Where its subscribers connect to.
    pub target: Target,
    /// Where its publisher connects to.
    pub feed: SocketAddr,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Floor {
    /// Starts the server, and waits until it listens.
    ///
    /// # Errors
    /// When there is no process for it, or it cannot do what is expected.
    pub fn start(spec: &Spec) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut child = Command::new(program)
            .arg(COMMAND)
            // An interrupt from the terminal is for the one who leads the run.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the floor's server")?;
        let (input, output) = child.stdin.take().zip(child.stdout.take()).context("no pipe to the floor")?;
        let (mut input, mut output) = (input, BufReader::new(output));
        writeln!(input, "{}", serde_json::to_string(spec)?)?;
        let Ready { stream, feed } = answer(&mut output)?;
        let target =
            Target { address: stream, host: stream.to_string(), path: "/v1/stream".to_owned(), tls: None };
        Ok(Self { target, feed, child, input, output })
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it ended already, which it does on its own only by failing.
    pub fn has_failed(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// What is written from here on counts, in microseconds since the Unix epoch.
    pub fn open_window(&mut self, start_us: u64) {
        self.tell(Control::Open(start_us));
    }

    /// What is written counts until here, in microseconds since the Unix epoch.
    pub fn close_window(&mut self, end_us: u64) {
        self.tell(Control::Close(end_us));
    }

    /// The run is over: it may stop to write, and stays until its cost was taken.
    pub fn end(&mut self) {
        self.tell(Control::End);
    }

    /// Waits for the end of its writes, and lets it go; what it used, as a broker's account of itself.
    ///
    /// # Errors
    /// When it failed; it has told why.
    pub fn account(mut self) -> anyhow::Result<(Sample, Sample)> {
        let Cost { cpu_s } = answer(&mut self.output)?;
        let of = |cpu_s| Sample { cpu_s: Some(cpu_s), ..Sample::default() };
        Ok((of(0.0), of(cpu_s)))
    }

    /// A server that is gone is noticed when it is asked for its cost.
    fn tell(&mut self, control: Control) {
        if let Ok(text) = serde_json::to_string(&control) {
            let _ = writeln!(self.input, "{text}");
        }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // It ends by itself when its input does; waited for, it leaves no trace in the table of processes.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answer<T: for<'a> Deserialize<'a>>(output: &mut BufReader<ChildStdout>) -> anyhow::Result<T> {
    let mut line = String::new();
    output.read_line(&mut line).context("cannot hear the floor's server")?;
    anyhow::ensure!(!line.is_empty(), "the floor's server failed");
    serde_json::from_str(&line).context("cannot understand the floor's server")
}
