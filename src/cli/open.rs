//! `antiphon open`: a fresh link that logs a browser in once, and the browser with it.

use std::time::Duration;

use super::{
    caller::{Caller, wait_for},
    error::Error,
    output,
};
use crate::process::Command;

const EXAMPLES: &str = "\
Examples:
  antiphon open                                           prints the link and opens it
  antiphon open --print                                   only prints it
  antiphon open --print | pbcopy";

/// Programs that open a link return at once; one that does not is left alone.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Opens nothing
    #[arg(long)]
    print: bool,
}

pub(super) fn run(arguments: &Arguments, caller: &Caller) -> Result<(), Error> {
    let client = caller.client()?;
    wait_for(async {
        let link = client.link().await?;
        output::line(&link)?;
        // Whoever pipes the link somewhere has other plans for it.
        if !arguments.print && output::is_terminal() {
            open(&link, caller).await;
        }
        Ok(())
    })
}

/// Opens a link where there is a browser for it.
pub(super) async fn open(link: &str, caller: &Caller) {
    let Some(program) = opener(caller) else { return };
    let command = Command::new(program).arg(link).envs(caller.environment.variables()).deadline(PATIENCE);
    if !command.run().await.is_ok_and(|output| output.success()) {
        output::remark("no browser could be opened: open the link yourself");
    }
}

/// The program that opens links, where there is a screen to open them on.
fn opener(caller: &Caller) -> Option<std::path::PathBuf> {
    if cfg!(windows) {
        return caller.find_program("explorer");
    }
    if cfg!(target_os = "macos") {
        return caller.find_program("open");
    }
    let screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| caller.environment.var(name).is_some());
    if screen { caller.find_program("xdg-open") } else { None }
}
