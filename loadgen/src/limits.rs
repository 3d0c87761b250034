//! What the system allows one process: open files, and ports to one address.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;

/// Descriptors besides the connections: standard streams, pollers, requests over HTTP, reports.
const OTHER_FILES: u64 = 64;

/// The connections do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Too few open files.
    #[error(
        "{connections} connections need {needed} open files, and the limit is {limit}: \
         raise it (ulimit -n {needed}) or use fewer connections"
    )]
    OpenFiles {
        /// Connections asked for.
        connections: usize,
        /// Files they need.
        needed: u64,
        /// The hard limit.
        limit: u64,
    },
    /// Too few local ports.
    #[error(
        "{connections} connections from one address to another need as many local ports, and the system has {ports} \
         (net.ipv4.ip_local_port_range): use fewer connections, or several --source-addresses"
    )]
    Ports {
        /// Connections asked for.
        connections: usize,
        /// Local ports.
        ports: usize,
    },
}

/// Raises the soft limit of open files as far as `connections` need it, and looks whether the ports of so many `sources`
/// suffice.
///
/// # Errors
/// [`LimitError`] if the connections do not fit.
pub fn make_room(connections: usize, sources: usize) -> Result<(), LimitError> {
    let needed = connections as u64 + OTHER_FILES;
    let limit = open_files(needed);
    if limit < needed {
        return Err(LimitError::OpenFiles { connections, needed, limit });
    }
    look_for_ports(connections.div_ceil(sources.max(1)))
}

/// Looks whether there are local ports for so many connections to one address.
///
/// # Errors
/// [`LimitError::Ports`] if there are not.
pub fn look_for_ports(connections: usize) -> Result<(), LimitError> {
    match local_ports() {
        Some(ports) if ports < connections => Err(LimitError::Ports { connections, ports }),
        _ => Ok(()),
    }
}

/// The soft limit, raised to `needed` if the hard limit allows it; the highest that can be had otherwise.
fn open_files(needed: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let current = current.unwrap_or(u64::MAX);
    if current >= needed {
        return current;
    }
    let raised = needed.min(maximum.unwrap_or(u64::MAX));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised,
        Err(_) => current,
    }
}

fn local_ports() -> Option<usize> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut bounds = range.split_ascii_whitespace().map(|bound| bound.parse::<usize>().ok());
    let (low, high) = (bounds.next()??, bounds.next()??);
    Some(high.saturating_sub(low) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_fine_and_what_does_not_is_said() {
        assert_eq!(make_room(1, 1), Ok(()));
        let error = make_room(1 << 40, 1).unwrap_err();
        assert!(error.to_string().contains("connections"), "{error}");
    }
}
