//! `loadgen run`, from the arguments to the exit status.

use crate::broker_stats::{self, Sample};
use crate::cli::RunArgs;
use crate::cpu;
use crate::crew::Crew;
use crate::exit;
use crate::lead::{LOOK_EVERY, Lead};
use crate::limits;
use crate::phase::Phase;
use crate::plan::{Plan, Target};
use crate::report::{self, Measured, Report};
use crate::symbols;
use crate::worker::{Counted, now_us};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the last comparisons with fresh snapshots may take.
const CHECKING_TIME_MAX: Duration = Duration::from_secs(40);

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
    let names = symbols::named_or_offered(&args.symbols, &target, args.channel).await?;
    let plan = Arc::new(Plan::new(args, target, names, seed)?);
    Run::start(plan)?.go_through().await
}

/// Leads the workers through the phases of a run.
struct Run {
    plan: Arc<Plan>,
    crew: Crew,
    lead: Lead,
    started: jiff::Timestamp,
}

impl Run {
    fn start(plan: Arc<Plan>) -> anyhow::Result<Self> {
        Ok(Self {
            lead: Lead::new(plan.connections, plan.verify),
            started: jiff::Timestamp::now(),
            crew: Crew::start(&plan, Arc::default(), Ok)?,
            plan,
        })
    }

    async fn go_through(mut self) -> anyhow::Result<Report> {
        let connecting = Instant::now();
        let connect_timeout = self.plan.connect_timeout;
        self.stay("connecting", connect_timeout, |crew, plan| crew.standing().decided() >= plan.connections)
            .await;
        let connect_time = connecting.elapsed();
        self.crew.course.begin(Phase::Running);
        let mut measured = Measured { connect_time, ..self.measure().await };
        if self.plan.verify && !self.lead.is_interrupted() {
            self.crew.course.begin(Phase::Checking);
            self.stay("checking", CHECKING_TIME_MAX, |crew, _| crew.all_compared()).await;
        }
        measured.standing = self.crew.standing();
        self.crew.course.begin(Phase::Ending);
        self.lead.finish();
        let Counted { tally, verification } = self.crew.collect()?;
        measured.interrupted = self.lead.is_interrupted();
        Ok(Report::new(&self.plan, self.started, measured, tally, verification))
    }

    async fn measure(&mut self) -> Measured {
        if self.crew.standing().settled > 0 {
            self.stay("warming up", self.plan.warmup, |_, _| false).await;
        }
        let before = broker_stats::sample(&self.plan.target).await;
        let process_cpu = cpu::of_process();
        let start = Instant::now();
        self.crew.course.open_window(now_us());
        if self.crew.standing().settled > 0 {
            self.stay("measuring", self.plan.duration, |_, _| false).await;
        }
        self.crew.course.close_window(now_us());
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

    async fn stay(&mut self, what: &str, longest: Duration, done: impl Fn(&Crew, &Plan) -> bool) {
        let (crew, plan) = (&self.crew, &self.plan);
        self.lead.stay(what, longest, &[crew], || done(crew, plan)).await;
    }
}

fn pair(before: Result<Sample, String>, after: Result<Sample, String>) -> Result<(Sample, Sample), String> {
    Ok((before?, after?))
}
