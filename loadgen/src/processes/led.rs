//! The side of a process that is led.

use super::Word;
use crate::cli::{Led, RunArgs};
use crate::lead::Lead;
use crate::pass;
use crate::progress::Standing;
use crate::run;
use anyhow::Context as _;
use std::io::{BufRead, Write, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a process that is led tells where it stands.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// Carries a part of the load for the process that leads, and tells it what was measured.
///
/// # Errors
/// When the run fails, or nobody hears.
pub async fn measure(args: &RunArgs, led: Led) -> anyhow::Result<bool> {
    let mut args = args.clone();
    args.share.part = Some(led.part);
    args.window.seed = Some(led.seed);
    let (plan, link) = run::plan(&args).await?;
    let mut lead = Lead::led();
    let report = pass::led(plan, link, &mut lead).await?;
    let measured = report.part().context("a process that is led has no part of the load")?;
    // As it was written for a file, so that nothing is read and written once more.
    say(&format!(r#"{{"measured":{measured}}}"#)).context("nobody hears")?;
    Ok(true)
}

/// Tells the one that leads, and hears it.
#[derive(Debug)]
pub(crate) struct Follower {
    go: Arc<AtomicBool>,
    told: Option<Instant>,
}

impl Follower {
    /// Listens; the end of the standard input is an interrupt.
    pub(crate) fn new(interrupted: Arc<AtomicBool>) -> Self {
        let go = Arc::<AtomicBool>::default();
        let heard = go.clone();
        std::thread::spawn(move || {
            for _ in stdin().lock().lines().map_while(Result::ok) {
                heard.store(true, Ordering::Relaxed);
            }
            interrupted.store(true, Ordering::Relaxed);
        });
        Self { go, told: None }
    }

    /// Tells that all connections are open, or given up.
    pub(crate) fn connected(&self) {
        tell(&Word::Connected);
    }

    /// Whether all others are connected too.
    pub(crate) fn may_go(&self) -> bool {
        self.go.load(Ordering::Relaxed)
    }

    /// Tells, now and then, where it stands.
    pub(crate) fn stands(&mut self, what: &str, left: Duration, standing: Standing) {
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            tell(&Word::Stands(what.to_owned(), left, standing));
        }
    }
}

/// When nobody hears, the end of the standard input tells so.
fn tell(word: &Word) {
    if let Ok(text) = serde_json::to_string(word) {
        let _ = say(&text);
    }
}

fn say(text: &str) -> std::io::Result<()> {
    let mut stdout = stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush())
}
