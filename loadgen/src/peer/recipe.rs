//! How each server is started.

use super::listening::is_listening;
use super::{Peer, Process, Program};
use crate::dialect::Dialect;
use crate::floor::{Floor, Spec};
use crate::plan::{Plan, Target};
use anyhow::{Context as _, bail};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a server may take until it listens.
const STARTING_TIME_MAX: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A port that was free a moment ago may not be so any more.
const ATTEMPTS_MAX: u32 = 3;
/// Where a subscriber of this project's broker connects to.
const STREAM: &str = "/v1/stream";

/// A server that listens.
#[derive(Debug)]
pub struct Started {
    /// Its process.
    pub process: Process,
    /// Where subscribers connect to.
    pub target: Target,
    /// Where it is published to.
    pub feed: SocketAddr,
}

/// Free ports of a server: for subscribers, and for the broker's publisher or for what a server insists on to listen at besides.
#[derive(Debug, Clone, Copy)]
struct Ports {
    stream: SocketAddr,
    feed: SocketAddr,
}

impl Program {
    /// Starts it on these cores, for the load of `plan`, and waits until it listens.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(&self, plan: &Plan, cores: &[usize]) -> anyhow::Result<Started> {
        if self.peer == Peer::Floor {
            return start_floor(plan, cores);
        }
        let mut attempt = 1;
        loop {
            match self.attempt(cores) {
                Err(_) if attempt < ATTEMPTS_MAX => attempt += 1,
                outcome => return outcome.with_context(|| format!("cannot start {}", self.peer.name())),
            }
        }
    }

    fn attempt(&self, cores: &[usize]) -> anyhow::Result<Started> {
        let directory = tempfile::tempdir()?;
        let ports = Ports::free()?;
        let command = self.command(ports, directory.path())?;
        let mut process = Process::start(&command, cores, directory)?;
        let feed = if self.peer == Peer::Tickcast { ports.feed } else { ports.stream };
        wait_until_listening(&mut process, [ports.stream, feed])?;
        let path = self.peer.dialect().map_or(STREAM, Dialect::path);
        Ok(Started { process, target: target(ports.stream, path), feed })
    }

    /// With a configuration in `directory`, where it needs one.
    fn command(&self, ports: Ports, directory: &Path) -> anyhow::Result<Command> {
        let mut command = Command::new(&self.file);
        let (stream, feed) = (ports.stream, ports.feed);
        let port = stream.port();
        match self.peer {
            Peer::Floor | Peer::TokioBroadcast => drop(command.arg(stream.to_string())),
            Peer::Tickcast => {
                command.args(["--listen", &stream.to_string(), "--shards", "1"]);
                command.args(["--feed", &format!("ticks+listen://{feed}?venue={VENUE}")]);
            }
            Peer::SocketIo | Peer::Ws => drop(command.args(&self.script).arg(port.to_string())),
            Peer::Nats => {
                let file = directory.join("nats.conf");
                fs::write(&file, nats_configuration(port, feed.port()))?;
                command.arg("-c").arg(file);
            }
            Peer::Mosquitto => {
                let file = directory.join("mosquitto.conf");
                fs::write(&file, mosquitto_configuration(port, feed.port()))?;
                command.arg("-c").arg(file);
            }
        }
        Ok(command)
    }
}

/// The venue of the symbols, which are called the same at every server.
pub(crate) const VENUE: &str = "acme";

impl Ports {
    fn free() -> std::io::Result<Self> {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let (stream, feed) = (listen()?, listen()?);
        Ok(Self { stream: stream.local_addr()?, feed: feed.local_addr()? })
    }
}

fn start_floor(plan: &Plan, cores: &[usize]) -> anyhow::Result<Started> {
    let floor = Floor::start(&Spec {
        connections: plan.connections,
        symbols_per_connection: plan.symbols_per_connection,
        symbols: plan.symbols.clone(),
        batch: 1,
        cores: cores.to_vec(),
    })?;
    let (target, feed) = (floor.target.clone(), floor.feed);
    Ok(Started { process: Process::of_floor(floor)?, target, feed })
}

fn wait_until_listening(process: &mut Process, addresses: [SocketAddr; 2]) -> anyhow::Result<()> {
    let until = Instant::now() + STARTING_TIME_MAX;
    while !addresses.into_iter().all(is_listening) {
        if process.has_ended() {
            bail!("it ended: {}", process.last_words());
        }
        if Instant::now() >= until {
            bail!("it does not listen after {} s: {}", STARTING_TIME_MAX.as_secs(), process.last_words());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

fn target(address: SocketAddr, path: &str) -> Target {
    Target { address, host: address.to_string(), path: path.to_owned(), tls: None }
}

/// Some versions do not start without a listener for bare MQTT, and listen everywhere unless they are told the family of
/// addresses. `user root` lets it stay who started it, as the others do, and has no meaning for other users.
fn mosquitto_configuration(port: u16, other_port: u16) -> String {
    format!(
        "listener {other_port} 127.0.0.1\n\
         listener {port} 127.0.0.1\nprotocol websockets\nsocket_domain ipv4\n\
         allow_anonymous true\npersistence false\nuser root\nset_tcp_nodelay true\nlog_type error\n"
    )
}

/// Its WebSocket wants TLS unless it is told otherwise; its own port is not used, and cannot be left out.
fn nats_configuration(port: u16, other_port: u16) -> String {
    format!(
        "host: 127.0.0.1\nport: {other_port}\nmax_connections: 1000000\n\
         websocket {{\n  host: 127.0.0.1\n  port: {port}\n  no_tls: true\n  compression: false\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu;
    use std::path::PathBuf;

    #[test]
    fn a_server_that_does_not_come_up_is_told_with_what_it_said() {
        let program = Program { peer: Peer::Ws, file: PathBuf::from("sh"), script: None, version: None };
        // `sh PORT`: there is no such script.
        let error = program.attempt(&cpu::cores()).unwrap_err();
        assert!(error.to_string().starts_with("it ended: "), "{error}");
    }
}
