//! The machine that a figure was measured on.

use serde::{Deserialize, Serialize};
use std::fs;

/// What a reader must know of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Cores that it has.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// The operating system and its version.
    pub kernel: String,
}

impl Machine {
    /// This machine.
    #[must_use]
    pub fn here() -> Self {
        Self { cpu: cpu(), cores: all_cores(), memory_mib: memory_mib(), kernel: kernel() }
    }
}

/// Cores that this process may use.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Also those that this process is kept away from.
fn all_cores() -> usize {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let listed = text.lines().filter(|line| line.starts_with("processor")).count();
    listed.max(cores())
}

fn cpu() -> String {
    field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn memory_mib() -> Option<u64> {
    let total = field("/proc/meminfo", "MemTotal")?;
    total.split(' ').next()?.parse::<u64>().ok().map(|kib| kib / 1024)
}

fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {}", std::env::consts::OS, release.trim()).trim().to_owned()
}

/// Memory of this process that is resident, in bytes.
#[must_use]
pub fn resident_bytes() -> Option<f64> {
    status_bytes("/proc/self/status", "VmRSS")
}

/// The most memory of this process that was ever resident, in bytes.
#[must_use]
pub fn peak_bytes() -> Option<f64> {
    status_bytes("/proc/self/status", "VmHWM")
}

/// Memory of the process with this number that is resident, in bytes.
#[must_use]
pub fn resident_bytes_of(process: u32) -> Option<f64> {
    status_bytes(&format!("/proc/{process}/status"), "VmRSS")
}

fn status_bytes(path: &str, name: &str) -> Option<f64> {
    let value = field(path, name)?;
    value.split(' ').next()?.parse::<f64>().ok().map(|kib| kib * 1024.0)
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let (_, value) =
        text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned())
}
