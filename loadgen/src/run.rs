//! `loadgen run`, from the arguments to the exit status.

use crate::broker_stats::{self, Sample};
use crate::cli::RunArgs;
use crate::cpu;
use crate::exit;
use crate::http;
use crate::limits;
use crate::phase::{Course, Phase};
use crate::plan::{Plan, Target};
use crate::progress::{Board, Progress, Standing};
use crate::report::{self, Measured, Report};
use crate::symbols;
use crate::tally::Tally;
use crate::verify::Verification;
use crate::worker::{Worker, now_us};
use anyhow::Context as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the lead looks at the workers.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the last comparisons with fresh snapshots may take.
const CHECKING_TIME_MAX: Duration = Duration::from_secs(40);

type Outcome = anyhow::Result<(Tally, Option<Verification>)>;

/// Runs the command.
#[must_use]
pub fn command(args: &RunArgs) -> ExitCode {
    exit::of(exit::block_on(run(args)).and_then(|report| {
        report::write(&report, args)?;
        Ok(report.failures.is_empty())
    }))
}

/// Applies the load and measures it.
///
/// # Errors
/// When the arguments contradict each other, the broker's symbols cannot be had, or a thread fails.
pub async fn run(args: &RunArgs) -> anyhow::Result<Report> {
    let target = Target::parse(&args.url)?;
    Plan::slow(args)?;
    limits::make_room(args.connections)?;
    let seed = args.seed.unwrap_or_else(now_us);
    let names = symbol_names(args, &target).await?;
    let plan = Arc::new(Plan::new(args, target, names, seed)?);
    let mut lead = Lead::start(plan)?;
    lead.go_through().await
}

async fn symbol_names(args: &RunArgs, target: &Target) -> anyhow::Result<Vec<String>> {
    if !args.symbols.is_empty() {
        return Ok(args.symbols.clone());
    }
    let answer = http::get(target, "/v1/symbols").await?;
    Ok(symbols::offered(&answer, args.channel)?)
}

/// Leads the workers through the phases of a run.
struct Lead {
    plan: Arc<Plan>,
    course: Arc<Course>,
    boards: Vec<Arc<Board>>,
    threads: Vec<JoinHandle<Outcome>>,
    progress: Progress,
    interrupted: Arc<AtomicBool>,
    started: jiff::Timestamp,
}

impl Lead {
    fn start(plan: Arc<Plan>) -> anyhow::Result<Self> {
        let course = Arc::new(Course::default());
        let mut lead = Self {
            progress: Progress::new(plan.connections, plan.verify),
            interrupted: Arc::default(),
            started: jiff::Timestamp::now(),
            boards: Vec::new(),
            threads: Vec::new(),
            course,
            plan,
        };
        for (number, clients) in lead.plan.clients().into_iter().enumerate() {
            let board = Arc::<Board>::default();
            let (plan, course, shown) = (lead.plan.clone(), lead.course.clone(), board.clone());
            let receive = move || Worker::new(plan, clients, course, shown)?.run();
            let thread = std::thread::Builder::new().name(format!("receive-{number}"));
            lead.threads.push(thread.spawn(receive).context("cannot start a thread")?);
            lead.boards.push(board);
        }
        Ok(lead)
    }

    async fn go_through(&mut self) -> anyhow::Result<Report> {
        tokio::spawn(watch_interrupt(self.interrupted.clone()));
        let connecting = Instant::now();
        self.stay("connecting", self.plan.connect_timeout, Self::all_decided).await;
        let connect_time = connecting.elapsed();
        self.course.begin(Phase::Running);
        let mut measured = Measured { connect_time, ..self.measure().await };
        if self.plan.verify && !self.interrupted.load(Ordering::Relaxed) {
            self.course.begin(Phase::Checking);
            self.stay("checking", CHECKING_TIME_MAX, Self::all_compared).await;
        }
        measured.standing = Standing::of(&self.boards);
        self.course.begin(Phase::Ending);
        self.progress.finish();
        let (tally, verification) = self.collect()?;
        measured.interrupted = self.interrupted.load(Ordering::Relaxed);
        Ok(Report::new(&self.plan, self.started, measured, tally, verification))
    }

    async fn measure(&mut self) -> Measured {
        if Standing::of(&self.boards).settled > 0 {
            self.stay("warming up", self.plan.warmup, |_| false).await;
        }
        let before = broker_stats::sample(&self.plan.target).await;
        let process_cpu = cpu::of_process();
        let start = Instant::now();
        self.course.open_window(now_us());
        if Standing::of(&self.boards).settled > 0 {
            self.stay("measuring", self.plan.duration, |_| false).await;
        }
        self.course.close_window(now_us());
        let window = start.elapsed();
        let client_cpu = cpu::of_process().saturating_sub(process_cpu);
        let after = match &before {
            Ok(_) => broker_stats::sample(&self.plan.target).await,
            Err(reason) => Err(reason.clone()),
        };
        // So that every worker notices the end of the window before it is told to end.
        tokio::time::sleep(2 * LOOK_EVERY).await;
        Measured { window, client_cpu, broker: pair(before, after), ..Measured::default() }
    }

    /// Waits until `done`, `longest` is over, someone interrupts or a worker fails.
    async fn stay(&mut self, what: &str, longest: Duration, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + longest;
        while Instant::now() < end && !done(self) && !self.interrupted.load(Ordering::Relaxed) {
            if self.threads.iter().any(JoinHandle::is_finished) {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            self.progress.show(what, left, Standing::of(&self.boards));
            tokio::time::sleep(left.min(LOOK_EVERY)).await;
        }
    }

    fn all_decided(&self) -> bool {
        let Standing { settled, gone, .. } = Standing::of(&self.boards);
        settled + gone >= self.plan.connections
    }

    fn all_compared(&self) -> bool {
        let standing = Standing::of(&self.boards);
        standing.last_comparisons_asked == self.boards.len() && standing.comparisons_due == 0
    }

    fn collect(&mut self) -> anyhow::Result<(Tally, Option<Verification>)> {
        let mut tally = Tally::new()?;
        let mut verification: Option<Verification> = None;
        for thread in self.threads.drain(..) {
            let joined = thread.join().map_err(|_| anyhow::anyhow!("a receiving thread panicked"))?;
            let (counted, verified) = joined?;
            tally.merge(counted)?;
            match (&mut verification, verified) {
                (Some(sum), Some(verified)) => sum.merge(verified),
                (sum, verified) => *sum = sum.take().or(verified),
            }
        }
        Ok((tally, verification))
    }
}

fn pair(before: Result<Sample, String>, after: Result<Sample, String>) -> Result<(Sample, Sample), String> {
    Ok((before?, after?))
}

/// The first interrupt ends the measurement, the second one the program.
async fn watch_interrupt(interrupted: Arc<AtomicBool>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        if interrupted.swap(true, Ordering::Relaxed) {
            std::process::exit(1);
        }
    }
}
