//! Start-up: the program itself beside a hello world, and the daemon up to its first answer.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::ensure;

use crate::{
    daemon::{BINARY, World},
    table::{Samples, Table, ms, ratio},
};

const ROUNDS: usize = 60;

pub(crate) async fn measure(dir: &Path, table: &mut Table) -> anyhow::Result<()> {
    let hello = hello_world(dir)?;
    let (floor, own) = (run(&hello, &[])?, run(Path::new(BINARY), &["--version"])?);
    let times = ratio(own.p50(), floor.p50());
    let found = format!("{} : {}, {times:.1} ×", ms(own.p50()), ms(floor.p50()));
    table.line("`antiphon --version` : a hello world, p50", found, "≤ 3 ×", times <= 3.0);
    let world = World::new(&dir.join("start")).await?;
    let mut samples = Vec::new();
    for _ in 0..5 {
        let (daemon, took) = world.start().await?;
        samples.push(took);
        drop(daemon);
    }
    table.note("`antiphon up` to its first answer, p50 of 5", ms(Samples::new(samples).p50()));
    world.end().await;
    Ok(())
}

fn hello_world(dir: &Path) -> anyhow::Result<std::path::PathBuf> {
    let (source, program) = (dir.join("hello.rs"), dir.join("hello"));
    std::fs::write(&source, "fn main() { println!(\"hello\"); }\n")?;
    let compiled = Command::new("rustc").arg("-O").arg("-o").arg(&program).arg(&source).status()?;
    ensure!(compiled.success(), "the hello world does not compile");
    Ok(program)
}

fn run(program: &Path, args: &[&str]) -> anyhow::Result<Samples> {
    let mut samples: Vec<Duration> = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let status = Command::new(program).args(args).stdout(Stdio::null()).status()?;
        samples.push(begun.elapsed());
        ensure!(status.success(), "{} failed", program.display());
    }
    Ok(Samples::new(samples))
}
