//! A server's process: started on its cores, watched, and ended by its number.

use crate::broker_stats::Sample;
use crate::cpu;
use crate::floor::Floor;
use crate::machine;
use anyhow::Context as _;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What of a server's last words goes into an error.
const LAST_WORDS_BYTES_MAX: usize = 600;
const LOG: &str = "server.log";

/// A running server, which ends with this value.
#[derive(Debug)]
pub struct Process {
    kind: Kind,
    /// Its configuration and its log.
    directory: TempDir,
}

#[derive(Debug)]
enum Kind {
    Child(Child),
    /// It has its own way to be talked to.
    Floor(Box<Floor>),
}

impl Process {
    /// Starts `command` on these cores; it ends when this process does, however that ends.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(command: &Command, cores: &[usize], directory: TempDir) -> anyhow::Result<Self> {
        let log = File::create(directory.path().join(LOG))?;
        let mut command = ending_with_this(command);
        command
            // An interrupt from the terminal is for the one who leads the run.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TICKCAST_"))
        {
            command.env_remove(name);
        }
        // A process has the cores of the thread that starts it, and runtimes look at their number when they begin. It is this
        // thread and not another, since the child would end with that.
        let own = cpu::cores();
        cpu::pin(cores)?;
        let child = command.spawn();
        cpu::pin(&own)?;
        let child = child.with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self { kind: Kind::Child(child), directory })
    }

    /// A floor that was started already.
    ///
    /// # Errors
    /// When there is no temporary directory.
    pub(super) fn of_floor(floor: Floor) -> anyhow::Result<Self> {
        Ok(Self { kind: Kind::Floor(Box::new(floor)), directory: tempfile::tempdir()? })
    }

    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        match &self.kind {
            Kind::Child(child) => child.id(),
            Kind::Floor(floor) => floor.id(),
        }
    }

    /// Whether it ended already, which a server does only by failing.
    pub fn has_ended(&mut self) -> bool {
        match &mut self.kind {
            Kind::Child(child) => !matches!(child.try_wait(), Ok(None)),
            Kind::Floor(floor) => floor.has_failed(),
        }
    }

    /// What it has used so far: CPU time of all its threads, and memory.
    ///
    /// # Errors
    /// A sentence for the report.
    pub fn sample(&self) -> Result<Sample, String> {
        let path = format!("/proc/{}", self.id());
        let stat = fs::read_to_string(format!("{path}/stat")).map_err(|error| format!("{path}: {error}"))?;
        let (own, in_kernel) =
            cpu::of_stat(&stat).ok_or_else(|| format!("{path}/stat is not as expected"))?;
        let resident_bytes = machine::resident_bytes_of(self.id());
        Ok(Sample { cpu_s: Some((own + in_kernel).as_secs_f64()), resident_bytes, ..Sample::default() })
    }

    /// The load is over: it may let its connections go.
    pub fn release(&mut self) {
        if let Kind::Floor(floor) = &mut self.kind {
            floor.end();
        }
    }

    /// What it said last.
    #[must_use]
    pub fn last_words(&self) -> String {
        let said = fs::read(self.directory.path().join(LOG)).unwrap_or_default();
        let last = &said[said.len().saturating_sub(LAST_WORDS_BYTES_MAX)..];
        String::from_utf8_lossy(last).trim().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A floor ends itself; nobody's data is lost with the others.
        if let Kind::Child(child) = &mut self.kind {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The same command through `setpriv`, where there is one: the system then ends it when the thread does that started it, even
/// if nobody is left to do so.
fn ending_with_this(command: &Command) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    let mut ending = if setpriv.is_file() {
        let mut ending = Command::new(setpriv);
        ending.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program());
        ending
    } else {
        Command::new(command.get_program())
    };
    ending.args(command.get_args());
    ending
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn start(program: &str, arguments: &[&str]) -> Process {
        let mut command = Command::new(program);
        command.args(arguments);
        Process::start(&command, &cpu::cores()[..1], tempfile::tempdir().unwrap()).unwrap()
    }

    fn wait_for(done: impl Fn() -> bool) {
        let until = Instant::now() + Duration::from_secs(10);
        while !done() {
            assert!(Instant::now() < until);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_process_has_its_core_and_its_cost_and_ends_with_its_value() {
        let own = cpu::cores();
        let process = start("sh", &["-c", "while :; do :; done"]);
        assert_eq!(cpu::cores(), own, "the one who starts it stays where it was");
        wait_for(|| process.sample().unwrap().cpu_s.unwrap() > 0.02);
        assert!(process.sample().unwrap().resident_bytes.unwrap() > 1e5);
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
        assert_eq!(allowed.trim(), own[0].to_string());
        let path = format!("/proc/{}", process.id());
        drop(process);
        assert!(!Path::new(&path).exists());
    }

    #[test]
    fn one_that_fails_is_noticed_with_its_last_words() {
        let mut process = start("sh", &["-c", "echo no port; exit 3"]);
        let until = Instant::now() + Duration::from_secs(10);
        while !process.has_ended() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(process.has_ended());
        assert_eq!(process.last_words(), "no port");
    }
}
