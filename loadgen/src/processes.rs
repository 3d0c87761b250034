//! `loadgen run --processes N`: this program starts N of itself, each with its part of the load, and makes one report of what
//! they measured at the same time.
//!
//! A process that is led tells where it stands, a word a line, on its standard output. It begins to measure when its standard
//! input says so, and ends early when that ends.

mod led;

pub(crate) use led::Follower;
pub use led::measure as be_led;

use crate::cli::{LED, Led, RunArgs};
use crate::lead::{LOOK_EVERY, Lead};
use crate::limits;
use crate::merge;
use crate::part::Part;
use crate::plan::PlanError;
use crate::progress::Standing;
use crate::report::{self, Measurement};
use crate::worker::now_us;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What a process that is led says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// What it does, for how long still, and where its connections stand.
    Stands(String, Duration, Standing),
    /// It is connected, and waits for the others.
    Connected,
    /// What it measured: its last word.
    Measured(Box<Measurement>),
}

/// A process that is led.
#[derive(Debug)]
struct Follow {
    child: Child,
    /// What tells it to go on; closed, to end.
    input: Option<ChildStdin>,
    /// What it does.
    doing: (String, Duration, Standing),
    is_connected: bool,
    measurement: Option<Measurement>,
}

/// Carries the load with so many processes, and reports; whether all went well.
///
/// # Errors
/// When a process cannot be started or fails, or the report cannot be written.
pub async fn measure(args: &RunArgs, processes: usize) -> anyhow::Result<bool> {
    let parts = u32::try_from(processes).ok().filter(|parts| *parts as usize <= args.connections);
    let connections = args.connections;
    let parts =
        parts.ok_or(PlanError::Parts { connections, parts: u32::try_from(processes).unwrap_or(u32::MAX) })?;
    limits::look_for_ports(connections.div_ceil(args.source_addresses.len().max(1)))?;
    let seed = args.window.seed.unwrap_or_else(now_us);
    let (sender, words) = channel();
    let mut all = Vec::new();
    for number in 1..=parts {
        all.push(Follow::start(Led { part: Part { number, of: parts }, seed }, sender.clone())?);
    }
    drop(sender);
    let mut lead = Lead::new(connections, args.verify);
    let led = lead_all(&mut all, &words, &mut lead).await;
    lead.finish();
    led?;
    let report = merge::report(all.iter_mut().filter_map(|follow| follow.measurement.take()).collect())?;
    report::write(&report, &args.output)?;
    Ok(report.failures.is_empty())
}

/// Until all have said their last word.
async fn lead_all(
    all: &mut [Follow],
    words: &Receiver<(u32, Option<Word>)>,
    lead: &mut Lead,
) -> anyhow::Result<()> {
    let mut told = false;
    while all.iter().any(|follow| follow.measurement.is_none()) {
        for (number, word) in words.try_iter() {
            let follow = &mut all[number as usize - 1];
            match word {
                Some(Word::Stands(what, left, standing)) => follow.doing = (what, left, standing),
                Some(Word::Connected) => follow.is_connected = true,
                Some(Word::Measured(measurement)) => follow.measurement = Some(*measurement),
                None if follow.measurement.is_some() => {}
                None => anyhow::bail!("process {number} of {} failed", all.len()),
            }
        }
        if !told && all.iter().all(|follow| follow.is_connected) {
            told = true;
            all.iter_mut().for_each(Follow::tell);
        }
        if lead.is_interrupted() {
            all.iter_mut().for_each(|follow| follow.input = None);
        }
        let standing = all.iter().map(|follow| follow.doing.2).fold(Standing::default(), Standing::plus);
        if let Some((what, left, _)) =
            all.iter().map(|follow| &follow.doing).min_by_key(|doing| doing.2.decided())
        {
            lead.show(what, *left, standing);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

impl Follow {
    fn start(led: Led, words: Sender<(u32, Option<Word>)>) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut child = Command::new(program)
            .args(std::env::args_os().skip(1))
            .env(LED, led.to_string())
            // An interrupt from the terminal is for the one who leads.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a process")?;
        let (input, output) = child.stdin.take().zip(child.stdout.take()).context("no pipe to a process")?;
        let hear = move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            for word in lines.map_while(|line| serde_json::from_str(&line).ok()) {
                // When nobody listens any more, there is nothing to hear.
                let _ = words.send((led.part.number, Some(word)));
            }
            let _ = words.send((led.part.number, None));
        };
        std::thread::Builder::new().name(format!("hear-{}", led.part.number)).spawn(hear)?;
        let doing = ("starting".to_owned(), Duration::ZERO, Standing::default());
        Ok(Self { child, input: Some(input), doing, is_connected: false, measurement: None })
    }

    /// All are connected. A process that is gone is noticed when its words end.
    fn tell(&mut self) {
        if let Some(input) = &mut self.input {
            let _ = writeln!(input, "go");
        }
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        // Of one that has not said its last word, nothing is wanted any more.
        if self.measurement.is_none() {
            let _ = self.child.kill();
        }
        // Waited for, it leaves no trace in the table of processes.
        let _ = self.child.wait();
    }
}
