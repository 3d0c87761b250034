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
fn thread_wait() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

/// What a thread has used up to a moment, or between two of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    /// CPU time.
    pub cpu: Duration,
    /// The part of it outside the kernel, in steps of a hundredth of a second.
    pub own: Option<Duration>,
    /// How long it was ready to run and had to wait for a core.
    pub waited: Option<Duration>,
}

impl Spent {
    /// By the calling thread, since it began.
    #[must_use]
    pub fn by_thread() -> Self {
        let own = std::fs::read_to_string("/proc/thread-self/stat").ok().and_then(|stat| of_stat(&stat));
        Self { cpu: of_thread(), own: own.map(|(own, _)| own), waited: thread_wait() }
    }

    /// What was used since it was as `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        let between = |now: Option<Duration>, then: Option<Duration>| {
            now.zip(then).map(|(now, then)| now.saturating_sub(then))
        };
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            own: between(self.own, earlier.own),
            waited: between(self.waited, earlier.waited),
        }
    }
}

/// CPU time outside the kernel and in it by `/proc/<id>/stat`: `utime` and `stime`, the 14th and 15th field, behind a name
/// that may contain anything.
#[must_use]
pub fn of_stat(stat: &str) -> Option<(Duration, Duration)> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    #[expect(clippy::cast_precision_loss, reason = "it is a hundred")]
    let per_s = rustix::param::clock_ticks_per_second() as f64;
    let mut next = || Duration::try_from_secs_f64(fields.next()?.parse::<f64>().ok()? / per_s).ok();
    Some((next()?, next()?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let stat = "7 (a) b) R 1 7 7 0 -1 4194304 105 0 0 0 250 50 0 0 20 0 1 0 100 2000 300";
        assert_eq!(of_stat(stat), Some((Duration::from_millis(2500), Duration::from_millis(500))));
        assert_eq!([of_stat("7 (a"), of_stat("7 (a) R 1")], [None, None]);
    }

    #[test]
    fn what_a_thread_does_without_the_kernel_is_its_own() {
        let before = Spent::by_thread();
        while of_thread().saturating_sub(before.cpu) < Duration::from_millis(100) {
            std::hint::black_box((0..100_000_u64).fold(1, |hash, i| std::hint::black_box(hash ^ i)));
        }
        let spent = Spent::by_thread().since(before);
        assert!(spent.own.unwrap() > spent.cpu / 2 && spent.waited.is_some(), "{spent:?}");
    }
}
