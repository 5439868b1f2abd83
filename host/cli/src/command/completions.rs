//! `completions`: a script that completes the program's arguments.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::arguments::HiddenFormat;
use crate::console::{self, Status};

/// Print a script that completes arguments in a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound completions bash > ~/.local/share/bash-completion/completions/claimbound
  claimbound completions fish > ~/.config/fish/completions/claimbound.fish")]
pub(crate) struct Arguments {
    /// The shell.
    shell: Shell,

    #[command(flatten)]
    _format: HiddenFormat,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Status> {
    let mut script = Vec::new();
    let mut command = crate::arguments::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "claimbound", &mut script);
    console::write_raw(&script)?;
    Ok(Status::Yes)
}
