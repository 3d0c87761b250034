//! One pass: connections are opened, measured for a while, and closed.

mod quiet;
mod server;

pub use server::Server;

use crate::broker_stats::Sample;
use crate::counted::Counted;
use crate::cpu;
use crate::crew::Crew;
use crate::lead::{LOOK_EVERY, Lead};
use crate::machine;
use crate::phase::{Course, Phase};
use crate::plan::Plan;
use crate::publish::ahead::Ahead;
use crate::publish::link::Link;
use crate::publish::rate::Publisher;
use crate::publish::schedule::Order;
use crate::publish::{Pace, Published, Publishing};
use crate::report::{Measured, OwnMemory, Report};
use crate::soak::Watched;
use crate::worker::now_us;
use anyhow::Context as _;
use quiet::Quiet;
use server::Sampled;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the last comparisons with fresh snapshots may take.
pub(crate) const CHECKING_TIME_MAX: Duration = Duration::from_secs(40);
/// How long the last updates may take to the last subscriber.
const CATCHING_UP_TIME_MAX: Duration = Duration::from_secs(10);
/// How long before it opens a window is announced, so that whoever publishes or receives knows it before anything in it is
/// due.
const ANNOUNCED_BEFORE: Duration = Duration::from_millis(50);

/// The only pass of a broker.
///
/// # Errors
/// When a thread fails.
pub async fn single(plan: Plan, link: Option<Link>) -> anyhow::Result<Report> {
    let mut lead = Lead::new(plan.own_connections(), plan.verify);
    let report = led(plan, link, &mut lead).await;
    lead.finish();
    report
}

/// The same, led by somebody else.
///
/// # Errors
/// When a thread fails.
pub async fn led(plan: Plan, link: Option<Link>, lead: &mut Lead) -> anyhow::Result<Report> {
    Pass::start(Arc::new(plan), Server::Broker, link, lead)?.go_through().await
}

/// A crew, who publishes for it, and whom both talk to.
#[derive(Debug)]
pub struct Pass<'a> {
    plan: Arc<Plan>,
    crew: Crew,
    feeder: Feeder,
    server: Server,
    lead: &'a mut Lead,
    started: jiff::Timestamp,
    /// Resident before the first connection, in bytes.
    resident_before: Option<f64>,
}

/// Who publishes.
#[derive(Debug)]
enum Feeder {
    /// Somebody else.
    Other,
    /// A thread.
    Thread {
        handle: JoinHandle<anyhow::Result<Published>>,
        /// Deliveries that are due of what it has published, where each is looked for.
        handed_over: Arc<AtomicU64>,
    },
    /// The receiving threads.
    Crew(Arc<Ahead>),
}

impl<'a> Pass<'a> {
    /// Starts the threads; over the `link`, if there is one, is published what the plan says.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        plan: Arc<Plan>,
        server: Server,
        link: Option<Link>,
        lead: &'a mut Lead,
    ) -> anyhow::Result<Self> {
        let resident_before = machine::resident_bytes();
        let course = Arc::<Course>::default();
        let feeder = match (link, plan.publishing) {
            (Some(link), Some(publishing)) => Feeder::start(link, publishing, &plan, &course)?,
            _ => Feeder::Other,
        };
        let crew = match &feeder {
            Feeder::Crew(ahead) => {
                let ahead = ahead.clone();
                Crew::start(&plan, course, move |worker| Ok(worker.publishing(ahead.clone())))?
            }
            Feeder::Thread { .. } | Feeder::Other => Crew::start(&plan, course, Ok)?,
        };
        Ok(Self { plan, crew, feeder, server, lead, started: jiff::Timestamp::now(), resident_before })
    }

    /// Connects, warms up, measures, sees that all arrived, and ends; what was measured.
    ///
    /// # Errors
    /// When a thread failed, or the floor.
    pub async fn go_through(mut self) -> anyhow::Result<Report> {
        let connecting = Instant::now();
        let connections = self.plan.own_connections();
        let connect_timeout = self.plan.connect_timeout + self.plan.ramp_up;
        self.stay("connecting", connect_timeout, |pass| pass.crew.standing().decided() >= connections).await;
        let connect_time = connecting.elapsed();
        self.lead.meet(&self.crew).await;
        self.crew.course.begin(Phase::Running);
        let mut measured = Measured { connect_time, ..self.measure().await };
        if !self.lead.is_interrupted() {
            self.check().await;
        }
        measured.standing = self.crew.standing();
        self.server.end();
        self.crew.course.begin(Phase::Ending);
        measured.interrupted = self.lead.is_interrupted();
        self.collect(measured)
    }

    async fn measure(&mut self) -> Measured {
        if self.crew.standing().settled > 0 {
            self.stay("warming up", self.plan.warmup, |_| false).await;
        }
        let announced = if self.plan.roll_call { Some(self.announce_window().await) } else { None };
        let before = self.server.sample(&self.plan).await;
        let process_cpu = cpu::of_process();
        let mut watched = Vec::new();
        let start = Instant::now();
        let start_us = announced.unwrap_or_else(now_us);
        self.server.open_window(start_us);
        self.crew.course.open_window(start_us);
        if self.crew.standing().settled > 0 {
            watched = self.stay_and_watch(start).await;
        }
        // What was announced stays as it is, but for an interrupt.
        let end_us = now_us().min(self.crew.course.window_us().1);
        self.crew.course.close_window(end_us);
        self.server.close_window(end_us);
        let window = start.elapsed();
        let client_cpu = cpu::of_process().saturating_sub(process_cpu);
        let memory = OwnMemory { before: self.resident_before, peak: machine::peak_bytes() };
        let after = match &before {
            Ok(_) => self.server.sample(&self.plan).await,
            Err(reason) => Err(reason.clone()),
        };
        // So that every worker notices the end of the window before it is told to end.
        tokio::time::sleep(2 * LOOK_EVERY).await;
        let broker = pair(before, after);
        Measured { start_us, window, watched, client_cpu, memory, broker, ..Measured::default() }
    }

    /// Says from when to when the window is, waits until it opens, and says when that was: so by the schedule alone it is
    /// known which updates belong to it.
    async fn announce_window(&self) -> u64 {
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let start_us = now_us() + us(ANNOUNCED_BEFORE);
        self.crew.course.open_window(start_us);
        self.crew.course.close_window(start_us + us(self.plan.duration));
        tokio::time::sleep(ANNOUNCED_BEFORE).await;
        start_us
    }

    /// Waits for the end of the window, and looks at memory meanwhile if that is wanted.
    async fn stay_and_watch(&mut self, start: Instant) -> Vec<Watched> {
        let (duration, every) = (self.plan.duration, self.plan.watch_every);
        let mut watched = Vec::new();
        loop {
            let left = duration.saturating_sub(start.elapsed());
            if every.is_some() {
                let sample = self.server.sample(&self.plan).await.unwrap_or_default();
                watched.push(Watched::now(start.elapsed().as_secs_f64(), sample.resident_bytes));
            }
            let before = Instant::now();
            let stay = every.unwrap_or(left).min(left);
            self.stay("measuring", stay, |_| false).await;
            // What ends before its time was interrupted, or has failed.
            if stay == left || before.elapsed() < stay {
                return watched;
            }
        }
    }

    /// Sees, where that is wanted, that each subscriber has what it is to have.
    async fn check(&mut self) {
        if let Feeder::Crew(ahead) = &self.feeder {
            let ahead = ahead.clone();
            self.crew.course.begin(Phase::Checking);
            self.stay("catching up", CATCHING_UP_TIME_MAX, |_| ahead.is_caught_up()).await;
        } else if self.plan.roll_call {
            self.crew.course.begin(Phase::Checking);
            let quiet = Quiet::default();
            let is_quiet = |parts: &Parts<'_>| {
                quiet.is_over(parts.crew.standing().deliveries, parts.feeder.handed_over())
            };
            self.stay("catching up", CATCHING_UP_TIME_MAX, is_quiet).await;
        } else if self.plan.verify {
            self.crew.course.begin(Phase::Checking);
            self.stay("checking", CHECKING_TIME_MAX, |pass| pass.crew.all_compared()).await;
        }
    }

    fn collect(self, mut measured: Measured) -> anyhow::Result<Report> {
        let counted = self.crew.collect()?;
        let (published, never_came) = self.feeder.published()?;
        measured.published = published;
        measured.answers = counted.answers;
        if let Server::Floor(floor) = self.server {
            measured.broker = Ok(floor.into_inner().account()?);
        }
        let Counted { tally, verification, misses, .. } = counted;
        // In an interrupted run nobody waited for what was still under way.
        let never_came = if measured.interrupted { 0 } else { never_came };
        let misses = misses.map(|misses| misses.with_missing_at_the_end(never_came));
        Report::new(&self.plan, self.started, measured, tally, verification, misses)
    }

    async fn stay(&mut self, what: &str, longest: Duration, done: impl Fn(&Parts<'_>) -> bool) {
        let parts = Parts { crew: &self.crew, feeder: &self.feeder, server: &self.server };
        self.lead.stay(what, longest, &[&self.crew], || parts.have_failed() || done(&parts)).await;
    }
}

/// What may fail while the lead waits.
struct Parts<'a> {
    crew: &'a Crew,
    feeder: &'a Feeder,
    server: &'a Server,
}

impl Parts<'_> {
    fn have_failed(&self) -> bool {
        let feeder = matches!(self.feeder, Feeder::Thread { handle, .. } if handle.is_finished());
        feeder || self.server.has_failed()
    }
}

impl Feeder {
    fn start(link: Link, publishing: Publishing, plan: &Plan, course: &Arc<Course>) -> anyhow::Result<Self> {
        match publishing.pace {
            Pace::Rate { per_s, order } => {
                Self::thread(link, publishing.symbols, (per_s, order), plan, course)
            }
            Pace::Ahead(ahead) => {
                let ahead = Ahead::new(link, ahead, plan.connections, course.clone())?;
                Ok(Self::Crew(Arc::new(ahead)))
            }
        }
    }

    fn thread(
        link: Link,
        symbols: u32,
        (per_s, order): (u64, Order),
        plan: &Plan,
        course: &Arc<Course>,
    ) -> anyhow::Result<Self> {
        let watchers = if plan.roll_call { plan.watchers() } else { Vec::new() };
        let handed_over = Arc::<AtomicU64>::default();
        let publisher = Publisher::new(link, symbols)?.to_watchers(watchers, handed_over.clone());
        let (course, random) = (course.clone(), plan.publisher_random());
        let publish = move || Ok(publisher.run(per_s, order, random, &course)?);
        let thread = std::thread::Builder::new().name("publish".to_owned());
        let handle = thread.spawn(publish).context("cannot start a thread")?;
        Ok(Self::Thread { handle, handed_over })
    }

    /// Deliveries that are due of what was published so far, where each is looked for.
    fn handed_over(&self) -> u64 {
        match self {
            Self::Thread { handed_over, .. } => handed_over.load(Ordering::Relaxed),
            Self::Other | Self::Crew(_) => 0,
        }
    }

    /// What was published, and how many updates, over all connections, never came to one.
    fn published(self) -> anyhow::Result<(Option<Published>, u64)> {
        match self {
            Self::Other => Ok((None, 0)),
            Self::Thread { handle, .. } => {
                let joined = handle.join().map_err(|_| anyhow::anyhow!("the publishing thread panicked"))?;
                joined.map(|published| (Some(published), 0))
            }
            Self::Crew(ahead) => Ok((Some(ahead.published()?), ahead.missing())),
        }
    }
}

fn pair(before: Sampled, after: Sampled) -> Result<(Sample, Sample), String> {
    Ok((before?, after?))
}
