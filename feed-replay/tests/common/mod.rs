//! What the tests of this crate share.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "skips are loud, and a test may")]

pub(crate) mod served;

use std::path::{Path, PathBuf};

/// A recording that lies beside the project; none, said loudly, where it is missing.
pub(crate) fn recording(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/feeds");
    let folder = std::env::var_os("TICKCAST_FEEDS").map_or_else(beside, PathBuf::from);
    let path = folder.join(name);
    if !path.exists() {
        eprintln!("SKIPPED: the recording {name} is not in {}", folder.display());
        return None;
    }
    Some(path)
}
