//! One pass: connections are opened, measured for a while, and closed.

use crate::broker_stats::{self, Sample};
use crate::counted::Counted;
use crate::cpu;
use crate::crew::Crew;
use crate::lead::{LOOK_EVERY, Lead};
use crate::phase::{Course, Phase};
use crate::plan::Plan;
use crate::publish::link::Link;
use crate::publish::rate::Publisher;
use crate::publish::{Pace, Published, Publishing};
use crate::report::{Measured, Report};
use crate::worker::now_us;
use anyhow::Context as _;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the last comparisons with fresh snapshots may take.
pub(crate) const CHECKING_TIME_MAX: Duration = Duration::from_secs(40);

/// A crew, and who publishes for it.
#[derive(Debug)]
pub struct Pass<'a> {
    plan: Arc<Plan>,
    crew: Crew,
    publisher: Option<JoinHandle<anyhow::Result<Published>>>,
    lead: &'a mut Lead,
    started: jiff::Timestamp,
}

impl<'a> Pass<'a> {
    /// Starts the threads; with a `link`, also the one that publishes over it what the plan says.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(plan: Arc<Plan>, link: Option<Link>, lead: &'a mut Lead) -> anyhow::Result<Self> {
        let crew = Crew::start(&plan, Arc::default(), Ok)?;
        let publisher = match (link, &plan.publishing) {
            (Some(link), Some(publishing)) => Some(publish(link, publishing, &plan, &crew.course)?),
            _ => None,
        };
        Ok(Self { plan, crew, publisher, lead, started: jiff::Timestamp::now() })
    }

    /// Connects, warms up, measures, verifies if the plan says so, and ends; what was measured.
    ///
    /// # Errors
    /// When a thread failed.
    pub async fn go_through(mut self) -> anyhow::Result<Report> {
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
        let Counted { tally, verification, .. } = self.crew.collect()?;
        measured.published = self.publisher.map(joined).transpose()?;
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
        let over = || self.publisher.as_ref().is_some_and(JoinHandle::is_finished);
        self.lead.stay(what, longest, &[crew], || over() || done(crew, plan)).await;
    }
}

fn publish(
    link: Link,
    publishing: &Publishing,
    plan: &Plan,
    course: &Arc<Course>,
) -> anyhow::Result<JoinHandle<anyhow::Result<Published>>> {
    let publisher = Publisher::new(link, publishing.symbols)?;
    let Pace::Rate { per_s, order } = publishing.pace;
    let (course, random) = (course.clone(), plan.publisher_random());
    let publish = move || Ok(publisher.run(per_s, order, random, &course)?);
    std::thread::Builder::new().name("publish".to_owned()).spawn(publish).context("cannot start a thread")
}

fn joined<T>(thread: JoinHandle<anyhow::Result<T>>) -> anyhow::Result<T> {
    let name = thread.thread().name().unwrap_or_default().to_owned();
    thread.join().map_err(|_| anyhow::anyhow!("the thread {name} panicked"))?
}

fn pair(before: Result<Sample, String>, after: Result<Sample, String>) -> Result<(Sample, Sample), String> {
    Ok((before?, after?))
}
