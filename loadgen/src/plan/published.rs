//! The load of a server that this program starts and publishes to.

use super::{Interest, Plan, PlanError, Target};
use crate::cli::{SymbolArgs, WindowArgs};
use crate::publish::{Pace, Publishing, lines};
use crate::worker::now_us;
use schemas::model::Channel;

impl Plan {
    /// Quotes of this side's symbols, which are called after `venue`. The server is not there yet: its addresses are those of
    /// nobody.
    ///
    /// # Errors
    /// [`PlanError`] as of [`Plan::prompt`].
    pub(crate) fn published(
        connections: usize,
        args: SymbolArgs,
        venue: &str,
        pace: Pace,
        window: &WindowArgs,
    ) -> Result<Self, PlanError> {
        let symbols = args.published.publish_symbols;
        let names = (0..symbols).map(|symbol| format!("{venue}:{}", lines::name(symbol, symbols))).collect();
        let interest = Interest {
            channel: Channel::Quotes,
            connections,
            symbols_per_connection: args.symbols_per_connection,
            popularity: args.popularity,
        };
        let target = Target::nowhere();
        let publishing = Some(Publishing { address: target.address, symbols, pace });
        let seed = window.seed.unwrap_or_else(now_us);
        let plan = Self::prompt(interest, target, names, window, seed)?;
        Ok(Self { publishing, ..plan })
    }
}
