//! What the report of several passes begins with.

use super::page::Page;
use super::{Load, Tool, text};
use crate::cli::CoreArgs;
use crate::machine::Machine;
use crate::plan::Plan;
use crate::publish::Pace;
use serde::Serialize;

/// What measured, where, and under which load.
#[derive(Debug, Serialize)]
pub(crate) struct Head {
    loadgen: Tool,
    machine: Machine,
    /// The load of each pass.
    pub(crate) load: Load,
    pace: Option<Pace>,
    server_core: Option<usize>,
    client_core: Option<usize>,
}

impl Head {
    /// Of passes that follow the plan, on these cores.
    pub(crate) fn new(plan: &Plan, cores: CoreArgs, started: jiff::Timestamp, interrupted: bool) -> Self {
        Self {
            loadgen: Tool::new(started, interrupted),
            machine: Machine::here(),
            load: Load::new(plan, plan.duration.as_secs_f64()),
            pace: plan.publishing.map(|publishing| publishing.pace),
            server_core: cores.server_core,
            client_core: cores.client_core,
        }
    }

    /// For people.
    pub(crate) fn rows(&self, page: &mut Page) {
        page.origin(&self.loadgen, &self.machine, self.load.seed);
        text::load(page, &self.load);
        if let Some(pace) = self.pace {
            page.row("", &pace.words());
        }
    }

    /// Whether someone ended the run early.
    pub(crate) const fn is_interrupted(&self) -> bool {
        self.loadgen.interrupted
    }

    /// Whether server and load generator were given a core each.
    pub(crate) const fn has_cores(&self) -> bool {
        self.server_core.is_some() && self.client_core.is_some()
    }

    /// Whether updates are published by a schedule, whatever becomes of them.
    pub(crate) const fn is_scheduled(&self) -> bool {
        matches!(self.pace, Some(Pace::Rate { .. }))
    }
}
