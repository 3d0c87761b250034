//! The floor and the broker in turns, under the same load, so that what the machine does at the time concerns both.

use crate::broker_stats;
use crate::cli::{OutputArgs, PairArgs};
use crate::floor::{self, Cores};
use crate::lead::Lead;
use crate::pass::{self, Pass, Server};
use crate::plan::{Plan, PlanError};
use crate::publish::link::Link;
use crate::publish::{self, Publishing};
use crate::report::pairs::PairsReport;
use crate::report::{self, Report};
use std::sync::Arc;

/// What was measured one after the other.
#[derive(Debug)]
pub struct Pair {
    /// Whether the floor was first.
    pub floor_first: bool,
    /// The floor, by single writes.
    pub floor: Report,
    /// The broker.
    pub broker: Report,
}

/// Measures the broker under the load of `plan`, or floor and broker in turns if the arguments say so, and reports; whether
/// all went well.
///
/// # Errors
/// When a thread, the floor's server or the link to the broker fails, or the report cannot be written.
pub(crate) async fn measure(
    plan: Plan,
    link: Option<Link>,
    args: &PairArgs,
    cores: &Cores,
    output: &OutputArgs,
) -> anyhow::Result<bool> {
    let Some(count) = args.floor_pairs else {
        let report = pass::single(plan, link).await?;
        report::write(&report, output)?;
        return Ok(report.failures.is_empty());
    };
    let started = jiff::Timestamp::now();
    let mut lead = Lead::new(plan.connections, plan.verify);
    // Each pass has a publisher of its own.
    drop(link);
    let pairs = measure_pairs(&plan, count, cores, &mut lead).await?;
    lead.finish();
    let report = PairsReport::new(&plan, args.cores, started, pairs, lead.is_interrupted())?;
    report.write(output)?;
    Ok(report.failures.is_empty())
}

/// In alternating order; fewer if someone interrupts. Connections to both are opened anew each time: while one is measured,
/// the other has none.
async fn measure_pairs(
    plan: &Plan,
    count: usize,
    cores: &Cores,
    lead: &mut Lead,
) -> anyhow::Result<Vec<Pair>> {
    let publishing = plan.publishing.ok_or(PlanError::Pairs)?;
    let mut pairs = Vec::new();
    for number in 0..count {
        let floor_first = number % 2 == 0;
        let (floor, broker) = if floor_first {
            let floor = floor::pass(plan, 1, cores, lead).await?;
            (floor, broker_pass(plan, publishing, lead).await?)
        } else {
            let broker = broker_pass(plan, publishing, lead).await?;
            (floor::pass(plan, 1, cores, lead).await?, broker)
        };
        // Of an interrupted pair the halves are no match.
        if lead.is_interrupted() {
            break;
        }
        pairs.push(Pair { floor_first, floor, broker });
    }
    Ok(pairs)
}

async fn broker_pass(plan: &Plan, publishing: Publishing, lead: &mut Lead) -> anyhow::Result<Report> {
    let mut link = Link::dial(publishing.address)?;
    // The symbols went stale with the last publisher, and are live again before anyone subscribes.
    publish::announce(&mut link, publishing.symbols, &plan.target).await?;
    let before = broker_stats::sample(&plan.target).await.ok().and_then(|sample| sample.connections);
    let report = Pass::start(Arc::new(plan.clone()), Server::Broker, Some(link), lead)?.go_through().await?;
    // What it does to let them go is no part of what is measured next, and two times as many may be more than it takes.
    broker_stats::wait_for_connections(&plan.target, before).await;
    Ok(report)
}
