//! Where a report goes: to the standard output, and into a directory.

use anyhow::Context as _;
use std::fs;
use std::io::Write;
use std::path::Path;

/// A report, written out.
#[derive(Debug)]
pub(crate) struct Output<N> {
    /// For people.
    pub(crate) text: String,
    /// For programs.
    pub(crate) json: String,
    /// Names and contents of what else goes into the directory.
    pub(crate) files: Vec<(N, String)>,
}

impl<N: AsRef<Path>> Output<N> {
    /// Shows the report, as JSON if `as_json`, and writes all of it into `directory` if there is one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, as_json: bool, directory: Option<&Path>) -> anyhow::Result<()> {
        let shown = if as_json { &self.json } else { &self.text };
        writeln!(std::io::stdout().lock(), "{}", shown.trim_end()).context("cannot write the report")?;
        match directory {
            None => Ok(()),
            Some(directory) => {
                self.write_files(directory).with_context(|| format!("--out {}", directory.display()))
            }
        }
    }

    fn write_files(&self, directory: &Path) -> std::io::Result<()> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("report.json"), &self.json)?;
        fs::write(directory.join("report.txt"), &self.text)?;
        self.files.iter().try_for_each(|(name, content)| fs::write(directory.join(name), content))
    }
}
