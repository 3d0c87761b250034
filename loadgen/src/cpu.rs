//! CPU time of this process and of single threads.

use rustix::process::{getpriority_process, setpriority_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// CPU time that the calling thread has used.
#[must_use]
pub fn of_thread() -> Duration {
    of(ClockId::ThreadCPUTime)
}

/// CPU time that this process has used.
#[must_use]
pub fn of_process() -> Duration {
    of(ClockId::ProcessCPUTime)
}

/// How long the calling thread was ready to run and had to wait for a core; `None` where the system does not tell
/// (Linux's `schedstat` does).
#[must_use]
pub fn thread_wait() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

/// Makes the calling thread give way to others of this process by so many steps of niceness.
///
/// # Errors
/// When the system does not allow it.
pub fn give_way(nice: i32) -> std::io::Result<()> {
    // On Linux no process id means the calling thread.
    Ok(setpriority_process(None, nice)?)
}

/// The niceness of the calling thread.
#[must_use]
pub fn niceness_of_thread() -> Option<i32> {
    getpriority_process(None).ok()
}

/// A thread cannot have the cores that it is to have.
#[derive(Debug, thiserror::Error)]
#[error("cannot use core {cores:?}: {source}")]
pub struct PinError {
    cores: Vec<usize>,
    source: std::io::Error,
}

/// Lets the calling thread, and those that it starts from now on, run on these cores only.
///
/// # Errors
/// [`PinError`] if there are no such cores.
pub fn pin(cores: &[usize]) -> Result<(), PinError> {
    let failed = |source| PinError { cores: cores.to_vec(), source };
    let mut set = CpuSet::new();
    for core in cores {
        if *core >= CpuSet::MAX_CPU {
            return Err(failed(std::io::ErrorKind::InvalidInput.into()));
        }
        set.set(*core);
    }
    sched_setaffinity(None, &set).map_err(|error| failed(error.into()))
}

/// The cores that the calling thread may use; none where the system does not tell.
#[must_use]
pub fn cores() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
}

fn of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
