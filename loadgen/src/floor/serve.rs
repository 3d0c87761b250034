//! The server's process: hears what it is to do, does it, and tells what it cost.

use super::setup::{self, Grants};
use super::writes::Writes;
use super::{Control, Cost, Ready, Spec};
use crate::cpu;
use crate::limits;
use crate::phase::{Course, Phase};
use anyhow::Context as _;
use serde::Serialize;
use std::io::{BufRead, Write, stdin, stdout};
use std::net::TcpStream;
use std::sync::Arc;

/// Serves one run.
///
/// # Errors
/// When the standard input does not say what is to be done, a subscriber or the publisher does something else than this
/// program's do, or a subscriber's socket is full for five seconds.
pub fn serve() -> anyhow::Result<bool> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line).context("cannot hear what is to be done")?;
    let spec: Spec = serde_json::from_str(&line).context("cannot understand what is to be done")?;
    limits::make_room(spec.connections, 1)?;
    cpu::pin(&spec.cores)?;
    let course = Arc::<Course>::default();
    let heard = course.clone();
    let control = std::thread::Builder::new().name("control".to_owned()).spawn(move || hear(&heard))?;
    let mut connections = Vec::with_capacity(spec.connections);
    tell(&run(&spec, &mut connections, &course)?)?;
    // Subscribers leave by themselves: a connection that this side ends would look to them as if it had failed.
    let _ = control.join();
    Ok(true)
}

fn run(spec: &Spec, connections: &mut Vec<TcpStream>, course: &Course) -> anyhow::Result<Cost> {
    let (subscribers, publishers) = (setup::listen()?, setup::listen()?);
    tell(&Ready { stream: subscribers.local_addr()?, feed: publishers.local_addr()? })?;
    let mut topics = setup::topics(spec)?;
    let mut grants = Grants::new(spec, &mut topics);
    for number in 0..spec.connections {
        let Some(stream) = setup::accept(&subscribers, course)? else { return Ok(Cost::default()) };
        connections.push(grants.welcome(number, stream)?);
    }
    let Some(feed) = setup::accept(&publishers, course)? else { return Ok(Cost::default()) };
    Writes::new(connections, topics, spec.batch, course).run(feed)
}

/// Follows what it is told until it is told no more.
fn hear(course: &Course) {
    for line in stdin().lock().lines().map_while(Result::ok) {
        match serde_json::from_str(&line) {
            Ok(Control::Open(start_us)) => course.open_window(start_us),
            Ok(Control::Close(end_us)) => course.close_window(end_us),
            Ok(Control::End) | Err(_) => course.begin(Phase::Ending),
        }
    }
    course.begin(Phase::Ending);
}

fn tell(what: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(what)?;
    let mut stdout = stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).context("nobody hears")
}
