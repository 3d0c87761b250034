//! `loadgen compare`, from the arguments to the exit status: the same load against several servers, in turns.
//!
//! Each round measures each server once, each time another one first, so that what the machine does at the time concerns all.
//! Publisher, workers, histograms and the account of what was lost are the same for every server; only the words in which
//! an update is wrapped differ ([`crate::dialect`]).

use crate::cli::CompareArgs;
use crate::exit;
use crate::floor::Cores;
use crate::lead::Lead;
use crate::limits;
use crate::pass::{Pass, Server};
use crate::peer::{Missing, Peer, Places, Program, Started, VENUE};
use crate::plan::{Plan, PlanError};
use crate::publish::link::Link;
use crate::publish::voice::Voice;
use crate::publish::{self, Pace, Publishing};
use crate::report::Report;
use crate::report::compare::CompareReport;
use std::cell::RefCell;
use std::process::ExitCode;
use std::sync::Arc;

/// A server, and what came of it.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) peer: Peer,
    pub(crate) program: Result<Program, Missing>,
    /// By rounds.
    pub(crate) passes: Vec<Passed>,
}

/// What one pass came to, or why it did not.
pub(crate) type Passed = Result<Box<Report>, String>;

/// Runs the command.
#[must_use]
pub fn command(args: &CompareArgs) -> ExitCode {
    exit::of(exit::block_on(measure(args)).and_then(|report| {
        report.write(&args.measuring.output)?;
        Ok(report.failures.is_empty())
    }))
}

async fn measure(args: &CompareArgs) -> anyhow::Result<CompareReport> {
    let plan = plan(args)?;
    limits::make_room(args.connections, 1)?;
    let cores = Cores::settle(args.measuring.cores)?;
    let started = jiff::Timestamp::now();
    let places = Places::usual(args.peers_dir.clone());
    let mut all: Vec<Compared> = wanted(&args.peers)
        .into_iter()
        .map(|peer| Compared { peer, program: places.find(peer), passes: Vec::new() })
        .collect();
    let mut lead = Lead::new(plan.connections, false);
    for round in 0..args.rounds {
        measure_round(round, &mut all, &plan, &cores, &mut lead).await;
    }
    lead.finish();
    CompareReport::new(&plan, args, started, all, lead.is_interrupted())
}

/// Each once, in the order in which they were given.
fn wanted(peers: &[Peer]) -> Vec<Peer> {
    let mut wanted = Vec::new();
    for peer in peers {
        if !wanted.contains(peer) {
            wanted.push(*peer);
        }
    }
    wanted
}

/// Every server once, beginning with another one each round.
async fn measure_round(round: usize, all: &mut [Compared], plan: &Plan, cores: &Cores, lead: &mut Lead) {
    let count = all.len();
    for turn in 0..count {
        let compared = &mut all[(round + turn) % count];
        let Ok(program) = &compared.program else { continue };
        if lead.is_interrupted() {
            return;
        }
        let passed = pass(program, plan, cores, lead).await;
        // Of an interrupted pass there is nothing to compare.
        if !lead.is_interrupted() {
            compared.passes.push(passed.map(Box::new).map_err(|error| format!("{error:#}")));
        }
    }
}

/// Starts a server, measures it once, and ends it.
async fn pass(program: &Program, plan: &Plan, cores: &Cores, lead: &mut Lead) -> anyhow::Result<Report> {
    let Started { process, target, feed } = program.start(plan, cores.server())?;
    let dialect = program.peer.dialect();
    let mut link = match dialect {
        Some(dialect) => Voice::open(&target, dialect, &plan.symbols, plan.publisher_random())?,
        None => Link::dial(feed)?,
    };
    let publishing = plan.publishing.map(|publishing| Publishing { address: feed, ..publishing });
    if let (Peer::Tickcast, Some(publishing)) = (program.peer, publishing) {
        publish::announce(&mut link, publishing.symbols, &target).await?;
    }
    let plan = Plan { target, publishing, dialect, ..plan.clone() };
    let server = Server::Process(Box::new(RefCell::new(process)));
    Pass::start(Arc::new(plan), server, Some(link), lead)?.go_through().await
}

/// The load, whose addresses are not known yet.
fn plan(args: &CompareArgs) -> Result<Plan, PlanError> {
    let pace = Pace::Rate { per_s: args.rate as u64, order: args.symbols.published.publish_order };
    let plan = Plan::published(args.connections, args.symbols, VENUE, pace, &args.measuring.window)?;
    Ok(Plan { roll_call: true, ..plan })
}
