//! `man`: the manual pages.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::arguments::HiddenFormat;
use crate::console::{self, Status};

/// Print the manual page, or write the pages of all commands to a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound man | man -l -
  claimbound man --dir ~/.local/share/man/man1")]
pub(crate) struct Arguments {
    /// A folder for the pages of all commands.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,

    #[command(flatten)]
    _format: HiddenFormat,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Status> {
    let command = crate::arguments::Arguments::command();
    let Some(folder) = &arguments.dir else {
        console::write_raw(&page(command)?)?;
        return Ok(Status::Yes);
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("`{}` can't be made", folder.display()))?;
    clap_mangen::generate_to(command, folder)
        .with_context(|| format!("the pages can't be written to `{}`", folder.display()))?;
    Ok(Status::Yes)
}

fn page(command: clap::Command) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    clap_mangen::Man::new(command).render(&mut bytes)?;
    Ok(bytes)
}
