//! `antiphon journal`: looks into the durable record. All but `compact` work while the daemon runs, and change nothing.

use std::{fs::File, io::Write as _, path::PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::{
    caller::{Caller, wait_for},
    error::{Error, Kind},
    output,
};
use crate::{
    clock::Clock,
    config::Search,
    journal::{self, Journal as _, Retention, SqliteJournal},
    view::SCHEMA,
};

const EXAMPLES: &str = "\
Examples:
  antiphon journal info                                   what is in it
  antiphon journal verify                                 whether everything in it fits together
  antiphon journal export > journal.jsonl                 all of it, one JSON object a line
  antiphon journal compact                                forgets what is older than the retention";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks that everything in the journal fits together; exit code 5 if it does not
    #[command(after_help = "Examples:\n  antiphon journal verify\n  antiphon journal verify --json")]
    Verify(Shown),
    /// Writes everything as JSON, one object a line
    #[command(after_help = "Examples:\n  antiphon journal export | grep '\"kind\":\"entry\"'\n  \
                            antiphon journal export --output journal.jsonl")]
    Export(Export),
    /// Forgets what is older than the retention; the daemon does it every hour by itself
    #[command(after_help = "Examples:\n  antiphon journal compact --state-dir /srv/antiphon")]
    Compact(Shown),
    /// Shows what is in the journal
    #[command(after_help = "Examples:\n  antiphon journal info\n  antiphon journal info --json | jq .entries")]
    Info(Shown),
}

#[derive(Debug, clap::Args)]
struct Shown {
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Export {
    /// Writes to this file instead of standard output; it must not exist
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Arguments {
    /// Whether errors are to be JSON.
    pub(super) const fn json(&self) -> bool {
        match &self.command {
            Command::Verify(shown) | Command::Compact(shown) | Command::Info(shown) => shown.json,
            Command::Export(_) => false,
        }
    }
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    let dir = caller.state_dir()?;
    if !SqliteJournal::is_in(&dir) {
        let message = format!("there is no journal in {}", dir.display());
        return Err(
            Error::failed(message).hint("name the daemon's --state-dir; the first `antiphon up` makes the journal")
        );
    }
    wait_for(async {
        match &arguments.command {
            Command::Verify(shown) => verify(&SqliteJournal::open_read_only(&dir)?, shown.json).await,
            Command::Export(export) => write_out(&SqliteJournal::open_read_only(&dir)?, export, caller).await,
            Command::Info(shown) => info(&SqliteJournal::open_read_only(&dir)?, shown.json, caller).await,
            Command::Compact(shown) => compact(shown.json, caller).await,
        }
    })
}

async fn verify(journal: &SqliteJournal, json: bool) -> Result<(), Error> {
    let findings = journal.verify().await?;
    if json {
        let shown: Vec<_> = findings
            .iter()
            .map(|it| json!({ "check": format!("{:?}", it.check).to_lowercase(), "subject": it.subject, "detail": it.detail }))
            .collect();
        output::json(&json!({ "schema": SCHEMA, "sound": findings.is_empty(), "findings": shown }))?;
    } else {
        for finding in &findings {
            output::line(&format!("{:?}: {}: {}", finding.check, finding.subject, finding.detail))?;
        }
    }
    match findings.len() {
        0 if json => Ok(()),
        0 => output::line("The journal is sound."),
        count => Err(Error::new(Kind::Unsound, format!("the journal has {count} faults"))
            .hint("save it with `antiphon journal export` before you do anything else")),
    }
}

async fn write_out(journal: &SqliteJournal, export: &Export, caller: &Caller) -> Result<(), Error> {
    let Some(path) = &export.output else {
        let written = journal.export(output::stream()).await;
        return written.map(drop).map_err(|error| closed(&error).unwrap_or_else(|| error.into()));
    };
    let path = caller.environment.dir().join(path);
    let shown = path.display().to_string();
    let unwritten = |error: std::io::Error| Error::failed(format!("cannot write {shown}")).because(&error);
    let file = File::create_new(&path).map_err(unwritten)?;
    let mut out = std::io::BufWriter::new(file.try_clone().map_err(unwritten)?);
    out.flush().map_err(unwritten)?;
    let lines = journal.export(out).await?;
    file.sync_all().map_err(unwritten)?;
    if caller.is_quiet() { Ok(()) } else { output::line(&format!("{lines} lines in {shown}")) }
}

/// The export ended because nobody reads it any more.
fn closed(error: &journal::Error) -> Option<Error> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return Some(output::unwritten(io));
        }
        next = cause.source();
    }
    None
}

async fn info(journal: &SqliteJournal, json: bool, caller: &Caller) -> Result<(), Error> {
    let stats = journal.stats().await?;
    let dir = caller.state_dir()?.display().to_string();
    if json {
        let mut value = serde_json::to_value(&stats).unwrap_or_default();
        value["schema"] = json!(SCHEMA);
        value["state_dir"] = json!(dir);
        return output::json(&value);
    }
    let machines: Vec<_> = stats.machines.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let rows = [
        ("state directory", dir),
        ("on disk", format!("{} kB", stats.bytes.div_ceil(1000))),
        ("log", format!("{} entries", stats.entries)),
        ("machines", machines.join(", ")),
        ("deliveries", format!("{}, {} not routed, {} not understood", stats.deliveries, stats.unrouted, stats.dead)),
        ("waiting events", stats.waiting.to_string()),
        ("open effects", stats.outbox.to_string()),
    ];
    rows.iter().try_for_each(|(name, value)| output::line(&format!("{name:<16} {value}")))
}

async fn compact(json: bool, caller: &Caller) -> Result<(), Error> {
    // Only the retention is wanted of the settings, and that has a default.
    let settings = caller.config_if_any(Search::User)?.map(|(_, config)| config).unwrap_or_default();
    let retention = Retention {
        deliveries: settings.retention.deliveries.0,
        log: settings.retention.log.0,
        log_bytes_max: settings.retention.log_bytes.0,
    };
    let clock = Clock::system();
    let journal = SqliteJournal::open(&caller.state_dir()?, clock.clone(), retention)?;
    let gone = journal.compact(clock.now()).await?;
    if json {
        return output::json(&json!({
            "schema": SCHEMA, "deliveries": gone.deliveries, "consumed": gone.consumed, "effects": gone.effects,
            "entries": gone.entries, "texts": gone.texts,
        }));
    }
    output::line(&format!(
        "Forgotten: {} deliveries, {} consumed events, {} ended effects, {} entries of the log, {} texts.",
        gone.deliveries, gone.consumed, gone.effects, gone.entries, gone.texts
    ))
}
