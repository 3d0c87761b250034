//! The bundled samples are what the commands in their README make.

#![allow(clippy::unwrap_used, reason = "a test may")]

use feed_replay::generate::{Settings, generate};
use feed_replay::venue::Venue;
use schemas::capture::decompressed;
use std::fs;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::time::Duration;

#[test]
fn samples_are_small_and_made_by_the_documented_commands() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    for venue in Venue::ALL {
        let path = folder.join(format!("{venue}.capture.zst"));
        assert!(fs::metadata(&path).unwrap().len() < 300_000, "{venue}");
        let command = format!("--venue {:<8} --symbols 4 --rate 100 --duration 30s --seed 1", venue.name());
        assert!(readme.contains(&command), "{command}");
        let settings = Settings { venue, symbols: 4, rate: 100, duration: Duration::from_secs(30), seed: 1 };
        let (mut made, mut bundled) = (Vec::new(), Vec::new());
        generate(&settings, &mut made).unwrap();
        decompressed(BufReader::new(fs::File::open(&path).unwrap()))
            .unwrap()
            .read_to_end(&mut bundled)
            .unwrap();
        assert!(
            made == bundled,
            "{venue}: the sample differs from what its command makes now (has the simulated market changed?): make it anew by the commands in samples/README.md"
        );
    }
}
