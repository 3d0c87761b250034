//! `loadgen storm`: all subscribers come back at once. How soon do they have what they asked for, and what does it cost those
//! who never left?
//!
//! Two crews receive: one thread for the connections that stay, which are measured before the cut, in the storm and after
//! it; and the threads of the storm, which give way to it ([`NICE`]), so that on a shared core the client's own work for the
//! storm is not taken for the broker's delay.

mod awaited;
mod broker;
mod comeback;
mod follow;
mod plan;
pub mod report;
mod spells;
mod tiles;
mod timeline;

pub use awaited::Awaited;
pub use broker::{Account, Reading};
pub use comeback::Comeback;
pub use follow::{Followed, Follower, Times};
pub use plan::StormPlan;
pub use report::StormReport;
pub use spells::{Spell, Spells};
pub use tiles::{Grant, Tiles};
pub use timeline::Timeline;

use crate::cli::StormArgs;
use crate::cpu;
use crate::crew::Crew;
use crate::exit;
use crate::lead::{LOOK_EVERY, Lead};
use crate::limits;
use crate::pass::CHECKING_TIME_MAX;
use crate::phase::{Course, Phase, Place};
use crate::plan::Target;
use crate::symbols;
use crate::worker::{Storm, Worker, now_us};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How much the threads of the storm give way to the one that receives for the live connections.
pub const NICE: i32 = 10;
/// From the announcement of the cut to the cut: every worker has noticed by then.
const NOTICE: Duration = Duration::from_millis(200);

/// Runs the command.
#[must_use]
pub fn command(args: &StormArgs) -> ExitCode {
    exit::of(exit::block_on(run(args)).and_then(|report| {
        report.write(args)?;
        Ok(report.failures.is_empty())
    }))
}

/// Lets the storm loose and measures it.
///
/// # Errors
/// When the arguments contradict each other, the broker's symbols cannot be had, or a thread fails.
pub async fn run(args: &StormArgs) -> anyhow::Result<StormReport> {
    let target = Target::parse(&args.url)?;
    StormPlan::check(args)?;
    limits::make_room(args.connections + args.live, 1)?;
    limits::look_for_ports(StormPlan::ports(args))?;
    let seed = args.seed.unwrap_or_else(now_us);
    let names = symbols::named_or_offered(&args.symbols, &target, &[args.channel]).await?;
    let plan = StormPlan::new(args, target, names, seed)?;
    Watch::start(plan)?.go_through().await
}

/// What was measured besides what the workers counted.
#[derive(Debug)]
pub struct Observed {
    /// When the run began.
    pub started: jiff::Timestamp,
    /// How long the first connecting took.
    pub connect_time: Duration,
    /// The storm's window, in microseconds since the Unix epoch.
    pub storm_us: (u64, u64),
    /// How long the connections that stay were measured before it, and after it.
    pub spells: (Duration, Duration),
    /// CPU time of this process in the storm.
    pub client_cpu: Duration,
    /// The broker's account of itself.
    pub broker: Account,
    /// Connections that stayed, of those that were to.
    pub stayed: usize,
    /// Whether someone ended the run early.
    pub interrupted: bool,
}

impl Observed {
    /// From the cut until all were consistent, or nobody was waited for any longer.
    #[must_use]
    pub fn storm_time(&self) -> Duration {
        Duration::from_micros(self.storm_us.1.saturating_sub(self.storm_us.0))
    }

    /// How long the connections that stay were measured in all.
    #[must_use]
    pub fn live_time(&self) -> Duration {
        self.spells.0 + self.storm_time() + self.spells.1
    }
}

/// Leads both crews.
struct Watch {
    plan: StormPlan,
    live: Crew,
    storm: Crew,
    awaited: Arc<Awaited>,
    lead: Lead,
    broker: Account,
    started: jiff::Timestamp,
}

impl Watch {
    fn start(plan: StormPlan) -> anyhow::Result<Self> {
        let course = Arc::<Course>::default();
        let awaited = Arc::new(Awaited::new(course.clone(), plan.storm.connections));
        let window = course.clone();
        let through_storm = move |worker: Worker| Ok(worker.through_storm(Spells::new(window.clone())?));
        Ok(Self {
            lead: Lead::new(plan.connections(), plan.live.verify),
            started: jiff::Timestamp::now(),
            live: Crew::start(&plan.live, Arc::default(), through_storm)?,
            storm: Crew::start(&plan.storm, course, in_storm(&plan, &awaited))?,
            broker: Account::new(plan.live.target.clone()),
            awaited,
            plan,
        })
    }

    async fn go_through(mut self) -> anyhow::Result<StormReport> {
        let connecting = Instant::now();
        self.connect().await;
        let connect_time = connecting.elapsed();
        self.stay("warming up", self.plan.live.warmup).await;
        self.live.course.open_window(now_us());
        let before = self.measure("before", Place::Before).await;
        let client_cpu = self.storm().await;
        let after = self.measure("after", Place::After).await;
        self.live.course.close_window(now_us());
        if !self.lead.is_interrupted() {
            self.live.course.begin(Phase::Checking);
            let live = &self.live;
            self.lead.stay("checking", CHECKING_TIME_MAX, &[live], || live.all_compared()).await;
        }
        // So that every worker notices the end of the window before it is told to end.
        tokio::time::sleep(2 * LOOK_EVERY).await;
        let observed = Observed {
            started: self.started,
            connect_time,
            storm_us: self.awaited.course.window_us(),
            spells: (before, after),
            client_cpu,
            broker: self.broker,
            stayed: self.live.standing().settled,
            interrupted: self.lead.is_interrupted(),
        };
        for crew in [&self.live, &self.storm] {
            crew.course.begin(Phase::Ending);
        }
        self.lead.finish();
        Ok(StormReport::new(&self.plan, observed, self.live.collect()?, self.storm.collect()?))
    }

    async fn connect(&mut self) {
        let (live, storm) = (&self.live, &self.storm);
        let storming = if self.plan.cut.is_some() { self.plan.storm.connections } else { 0 };
        let staying = self.plan.live.connections;
        let all_decided = || live.standing().decided() >= staying && storm.standing().decided() >= storming;
        self.lead.stay("connecting", self.plan.live.connect_timeout, &[live, storm], all_decided).await;
        for crew in [live, storm] {
            crew.course.begin(Phase::Running);
        }
    }

    /// Measures the connections that stay; how long it was.
    async fn measure(&mut self, what: &str, place: Place) -> Duration {
        self.broker.look(place).await;
        let start = Instant::now();
        self.stay(what, self.plan.live.duration).await;
        let measured = start.elapsed();
        self.broker.look(place).await;
        measured
    }

    async fn stay(&mut self, what: &str, longest: Duration) {
        self.lead.stay(what, longest, &[&self.live, &self.storm], || false).await;
    }

    /// Cuts, and waits until all are back; the CPU time that took this process.
    async fn storm(&mut self) -> Duration {
        let course = &self.awaited.course;
        let cut_us = now_us() + micros(NOTICE);
        course.open_window(cut_us);
        course.begin(Phase::Storming);
        tokio::time::sleep(NOTICE).await;
        let cpu = cpu::of_process();
        let looking = self.broker.keep_looking();
        let (live, storm, awaited) = (&self.live, &self.storm, &self.awaited);
        // Those who are gone for good are not waited for.
        let is_over = || awaited.left() <= storm.standing().gone;
        let longest = self.plan.limit + self.plan.patience;
        self.lead.stay("storm", longest, &[live, storm], is_over).await;
        if course.place(now_us()) == Place::Within {
            course.close_window(now_us());
        }
        let cpu = cpu::of_process().saturating_sub(cpu);
        looking.abort();
        self.broker.look(Place::Within).await;
        cpu
    }
}

/// What prepares the threads of the storm.
fn in_storm(
    plan: &StormPlan,
    awaited: &Arc<Awaited>,
) -> impl Fn(Worker) -> anyhow::Result<Worker> + Clone + Send + 'static {
    let StormPlan { storm, cut, within, resume, .. } = plan;
    let (plan, awaited, cut, within, resume) = (storm.clone(), awaited.clone(), *cut, *within, *resume);
    move |worker| {
        // Where it is not allowed, the report says so.
        let _ = cpu::give_way(NICE);
        let connections = u32::try_from(plan.connections).unwrap_or(u32::MAX);
        let follower = Follower::new(&plan, resume, awaited.clone());
        Ok(worker.in_storm(Storm::new(cut, within, connections), follower))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
