//! What the disk does.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use crate::table::Samples;

const ROUNDS: usize = 1_500;

/// Appends 512 bytes and waits until the disk has them; the median.
pub(crate) fn fdatasync(dir: &Path) -> anyhow::Result<Duration> {
    let mut file = OpenOptions::new().create(true).append(true).open(dir.join("floor"))?;
    let mut samples = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        file.write_all(&[b'x'; 512])?;
        file.sync_data()?;
        samples.push(begun.elapsed());
    }
    Ok(Samples::new(samples).p50())
}
