//! `antiphon recording`: what the terminal of an agent showed, as asciicast files.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use jiff::tz::TimeZone;
use serde_json::json;

use super::{
    age::age,
    caller::Caller,
    error::{Error, Kind},
    output,
};
use crate::{
    model::SessionId,
    places::Places,
    runtime::recording::{Recorded, recorded},
    view::SCHEMA,
};

const EXAMPLES: &str = "\
Examples:
  antiphon recording hello-12                             where the newest recording is
  asciinema play \"$(antiphon recording hello-12)\"         plays it
  antiphon recording hello-12 --list                      all of them, one for each launch of the agent
  antiphon recording hello-12 --launch 1 --output a.cast  copies one

Input is not recorded, and what looks like a secret is masked. Look through a recording all the same before you share it.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The session, which bears its task's name
    session: SessionId,
    /// Lists the recordings of all launches
    #[arg(long, short, conflicts_with_all = ["launch", "output"])]
    list: bool,
    /// Which launch of the agent; default: the newest that was recorded
    #[arg(long, value_name = "NUMBER")]
    launch: Option<u32>,
    /// Copies the recording to this file, which must not exist
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Prints what is known of it as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    let session = &arguments.session;
    let unreadable = |error| Error::failed(format!("cannot read the recordings of {session}")).because(&error);
    let all = recorded(&Places::new(caller.state_dir()?), session).map_err(unreadable)?;
    if arguments.list {
        return list(&all, arguments.json);
    }
    let wanted = |one: &&Recorded| arguments.launch.is_none_or(|launch| one.launch == launch);
    let Some(one) = all.iter().rfind(wanted) else {
        let error = Error::new(Kind::Refused, format!("there is no such recording of {session}"));
        return Err(error.hint("see what there is with `--list`; `recordings` of the settings says what is recorded"));
    };
    if let Some(output) = &arguments.output {
        copy(one, &caller.environment.dir().join(output))?;
    }
    match (arguments.json, &arguments.output) {
        (true, _) => output::json(&json!({ "schema": SCHEMA, "recording": one })),
        (false, Some(_)) => Ok(()),
        (false, None) => output::line(&one.path.display().to_string()),
    }
}

fn list(all: &[Recorded], json: bool) -> Result<(), Error> {
    if json {
        return output::json(&json!({ "schema": SCHEMA, "recordings": all }));
    }
    all.iter().try_for_each(|one| output::line(&line(one)))
}

fn line(one: &Recorded) -> String {
    let began = one.began.map(|at| at.to_zoned(TimeZone::system()).strftime("%F %T").to_string());
    let length = one.began.map(|at| age(at, at + jiff::SignedDuration::from_secs(one.seconds.cast_signed())));
    let (began, length) = (began.unwrap_or_default(), length.unwrap_or_default());
    format!("launch {}  {began}  {length:>4}  {:>6} kB  {}", one.launch, one.bytes.div_ceil(1_000), one.path.display())
}

/// Copies a recording, which stays private: what masks secrets knows only those that it knows.
fn copy(one: &Recorded, to: &std::path::Path) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::failed(format!("cannot write {}", to.display())).because(&error);
    drop(File::create_new(to).map_err(failed)?);
    fs::copy(&one.path, to).map(drop).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_one_line() {
        let one = Recorded { launch: 2, began: None, seconds: 0, bytes: 1_001, path: "/s/2/recording.cast".into() };

        assert_eq!(line(&one), "launch 2               2 kB  /s/2/recording.cast");
    }
}
