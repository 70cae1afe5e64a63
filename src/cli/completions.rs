//! `antiphon completions`: a script that completes commands in a shell.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{error::Error, output};

const EXAMPLES: &str = "\
Examples:
  antiphon completions bash > ~/.local/share/bash-completion/completions/antiphon
  antiphon completions zsh > \"${fpath[1]}/_antiphon\"
  antiphon completions fish > ~/.config/fish/completions/antiphon.fish";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "antiphon", &mut script);
    output::text_as_it_is(&String::from_utf8_lossy(&script))
}
