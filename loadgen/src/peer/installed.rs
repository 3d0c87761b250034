//! Where a server's program is, and what to do where it is not.

use super::Peer;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to tell its version.
const VERSION_TIME_MAX: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Where the system's servers are that are not in everybody's path.
const MORE_PATHS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// Where programs are looked for.
#[derive(Debug, Clone)]
pub struct Places {
    /// The directory of this project's binaries.
    pub binaries: PathBuf,
    /// The directory of the servers for Node.js, if there is one.
    pub scripts: Option<PathBuf>,
    /// Other programs' directories.
    pub path: OsString,
}

/// A program that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Which server it is.
    pub peer: Peer,
    /// What to start; the floor is a part of this program.
    pub file: PathBuf,
    /// What it is to run, if it runs scripts.
    pub script: Option<PathBuf>,
    /// Its version, if it tells.
    pub version: Option<String>,
}

/// A server is not there; the sentence says what is missing, and how to get it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not installed: {0}")]
pub struct Missing(String);

impl Places {
    /// Beside this program, in the checkout around it or around the present directory, and in the path.
    #[must_use]
    pub fn usual(scripts: Option<PathBuf>) -> Self {
        let program = std::env::current_exe().unwrap_or_default();
        let binaries = program.parent().map(Path::to_owned).unwrap_or_default();
        let present = std::env::current_dir().unwrap_or_default();
        let around = present.ancestors().chain(binaries.ancestors());
        let scripts = scripts
            .or_else(|| around.map(|directory| directory.join("benches/peers")).find(|path| path.is_dir()));
        Self { binaries, scripts, path: std::env::var_os("PATH").unwrap_or_default() }
    }

    /// The program of a server.
    ///
    /// # Errors
    /// [`Missing`], with what to do about it.
    pub fn find(&self, peer: Peer) -> Result<Program, Missing> {
        match peer {
            Peer::Floor => Ok(Program {
                peer,
                file: PathBuf::new(),
                script: None,
                version: Some(concat!("loadgen ", env!("CARGO_PKG_VERSION")).to_owned()),
            }),
            Peer::Tickcast => self.own(peer, "broker", "cargo build --release -p broker"),
            Peer::TokioBroadcast => {
                self.own(peer, "tokio-broadcast", "cargo build --release -p benches --bin tokio-broadcast")
            }
            Peer::Nats => self.system(peer, "nats-server", "--version"),
            Peer::Mosquitto => self.system(peer, "mosquitto", "-h"),
            Peer::SocketIo => self.node(peer, "socket.io"),
            Peer::Ws => self.node(peer, "ws"),
        }
    }

    fn own(&self, peer: Peer, name: &str, build: &str) -> Result<Program, Missing> {
        let file = self.binaries.join(name);
        if !file.is_file() {
            return Err(Missing(format!("there is no {} ({build})", file.display())));
        }
        // What people write by hand has no version of its own.
        let version = (peer == Peer::Tickcast).then(|| version(&file, "--version")).flatten();
        Ok(Program { peer, file, script: None, version })
    }

    fn system(&self, peer: Peer, name: &str, ask: &str) -> Result<Program, Missing> {
        let file = self.in_path(name).ok_or_else(|| {
            Missing(format!("`{name}` is not in the path (apt-get install {name}, as ./test.sh does)"))
        })?;
        let version = version(&file, ask);
        Ok(Program { peer, file, script: None, version })
    }

    fn node(&self, peer: Peer, package: &str) -> Result<Program, Missing> {
        let file = self.in_path("node").ok_or_else(|| {
            Missing("`node` is not in the path (apt-get install nodejs npm, as ./test.sh does)".to_owned())
        })?;
        let script = self.scripts.as_ref().map(|scripts| scripts.join(format!("{package}.js")));
        let script = script.filter(|script| script.is_file()).ok_or_else(|| {
            Missing(format!(
                "benches/peers/{package}.js is not found (work in a checkout, or use --peers-dir)"
            ))
        })?;
        let modules = script.ancestors().map(|directory| directory.join("tests/node_modules").join(package));
        let manifest = modules.map(|module| module.join("package.json")).find(|file| file.is_file());
        let manifest = manifest.ok_or_else(|| {
            Missing(format!("the npm package `{package}` (npm ci in tests/, as ./test.sh does)"))
        })?;
        let version = package_version(&manifest).map(|number| format!("{package} {number}"));
        let node = self::version(&file, "--version").map(|number| format!("node {number}"));
        let version = [version, node].into_iter().flatten().collect::<Vec<_>>().join(", ");
        Ok(Program { peer, file, script: Some(script), version: Some(version) })
    }

    fn in_path(&self, name: &str) -> Option<PathBuf> {
        let more = MORE_PATHS.iter().map(PathBuf::from);
        std::env::split_paths(&self.path)
            .chain(more)
            .map(|place| place.join(name))
            .find(|file| file.is_file())
    }
}

fn package_version(manifest: &Path) -> Option<String> {
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(manifest).ok()?).ok()?;
    Some(manifest.get("version")?.as_str()?.to_owned())
}

/// The first line that it says when asked.
fn version(file: &Path, ask: &str) -> Option<String> {
    let mut asked = Command::new(file)
        .arg(ask)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let until = Instant::now() + VERSION_TIME_MAX;
    while asked.try_wait().ok()?.is_none() {
        if Instant::now() >= until {
            let _ = asked.kill();
            let _ = asked.wait();
            return None;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let mut said = String::new();
    // More than a pipe holds would have kept it from ending.
    asked.stdout?.read_to_string(&mut said).ok()?;
    Some(said.lines().next()?.trim().to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let nowhere = tempfile::tempdir().unwrap();
        let binaries = nowhere.path().to_owned();
        let places = Places { binaries, scripts: None, path: OsString::new() };
        let told = |peer| places.find(peer).unwrap_err().to_string();
        assert!(told(Peer::Tickcast).ends_with("/broker (cargo build --release -p broker)"));
        assert!(told(Peer::TokioBroadcast).contains("-p benches --bin tokio-broadcast"));
        assert!(told(Peer::Ws).starts_with("not installed: "));
        assert!(places.find(Peer::Floor).is_ok());
    }

    #[test]
    fn scripts_need_node_themselves_and_their_package() {
        let tree = tempfile::tempdir().unwrap();
        let (bin, scripts) = (tree.path().join("bin"), tree.path().join("benches/peers"));
        let package = tree.path().join("tests/node_modules/ws");
        [&bin, &scripts, &package].iter().for_each(|directory| std::fs::create_dir_all(directory).unwrap());
        let places = Places {
            binaries: bin.clone(),
            scripts: Some(scripts.clone()),
            path: bin.clone().into_os_string(),
        };
        std::fs::write(bin.join("node"), "").unwrap();
        let told = || places.find(Peer::Ws).unwrap_err().to_string();
        assert!(told().contains("benches/peers/ws.js is not found"), "{}", told());
        std::fs::write(scripts.join("ws.js"), "").unwrap();
        assert!(told().contains("npm ci in tests/"), "{}", told());
        std::fs::write(package.join("package.json"), r#"{"name":"ws","version":"8.0.1"}"#).unwrap();
        let program = places.find(Peer::Ws).unwrap();
        assert_eq!(program.version.as_deref(), Some("ws 8.0.1"));
        assert_eq!(program.script, Some(scripts.join("ws.js")));
    }
}
