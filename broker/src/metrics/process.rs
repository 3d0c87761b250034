//! The process, under the names that Prometheus' own clients use. From `/proc`; where there is none, they are absent.

use super::{Family, Kind, Source};
use std::fs;

/// Clock ticks a second in `/proc`: 100 for every program on Linux, whatever the kernel's own rate.
const TICKS_PER_S: f64 = 100.0;

/// The figures of this process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessMetrics;

impl Source for ProcessMetrics {
    fn families(&self) -> Vec<Family> {
        let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        let build =
            Family::of("tickcast_build_info", "The version of the broker", Kind::Gauge, vec![(version, 1.0)]);
        let counter =
            |name, help, value: Option<f64>| Some(Family::single(name, help, Kind::Counter, value?));
        let gauge = |name, help, value: Option<f64>| Some(Family::single(name, help, Kind::Gauge, value?));
        [
            Some(build),
            counter("process_cpu_seconds", "CPU time of the process, user and system", cpu_seconds()),
            gauge(
                "process_start_time_seconds",
                "When the process was started, since the Unix epoch",
                start_seconds(),
            ),
            gauge("process_resident_memory_bytes", "Resident memory of the process", status_bytes("VmRSS:")),
            gauge("process_virtual_memory_bytes", "Virtual memory of the process", status_bytes("VmSize:")),
            gauge("process_threads", "Threads of the process", status_number("Threads:")),
            gauge("process_open_fds", "Open file descriptors of the process", open_fds()),
            gauge("process_max_fds", "File descriptors that the process may open", max_fds()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The soft limit of open files.
pub(crate) fn max_fds() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

/// Fields 14 and 15 of `stat`, counted behind the command's name, which may hold anything.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_S)
}

/// Field 22 of `stat`, from when the system was started.
fn start_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let ticks: f64 = stat.rsplit_once(") ")?.1.split_whitespace().nth(19)?.parse().ok()?;
    let system = fs::read_to_string("/proc/stat").ok()?;
    let start: f64 = system.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()?;
    Some(start + ticks / TICKS_PER_S)
}

fn status_bytes(name: &str) -> Option<f64> {
    status_number(name).map(|kilobytes| kilobytes * 1024.0)
}

fn status_number(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn open_fds() -> Option<f64> {
    // The directory that is read is one of them.
    fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count().saturating_sub(1) as f64)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    fn a_process_on_linux_has_all_figures() {
        let families = ProcessMetrics.families();
        let value = |name: &str| families.iter().find(|family| family.name == name).unwrap().values[0].1;
        assert_eq!(families.len(), 8);
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_open_fds") >= 3.0 && value("process_max_fds") >= value("process_open_fds"));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        assert!((now - 3_600.0..now + 2.0).contains(&value("process_start_time_seconds")));
        assert!(value("process_cpu_seconds") < 3_600.0 && value("process_threads") >= 1.0);
    }
}
