//! The program's arguments, from which help, completions and manual are made.

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, ValueEnum as _};

use crate::command::Command;
use crate::console::Written;

/// Decide whether a workload's token may act: claim-bound trust, in a sandbox.
#[derive(Debug, Parser)]
#[command(
    name = "claimbound",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  claimbound demo                                     see it at work; needs nothing
  claimbound new acme-deploy                          begin a policy
  claimbound test acme-deploy                         run its cases
  claimbound check --policy policy.toml --token token.jwt --jwks keys.json

Exit status: 0 allowed or passed, 1 denied or failed, 2 no answer could be given."
)]
pub(crate) struct Arguments {
    /// How to write the answer.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub(crate) format: Written,

    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Refuses to write an answer in a format that it does not come in.
    pub(crate) fn check_format(&self) -> Result<(), clap::Error> {
        if self.command.writes(self.format) {
            return Ok(());
        }
        let all = Written::value_variants().iter();
        let own = all.filter(|written| self.command.writes(**written));
        let own =
            own.filter_map(|written| Some(written.to_possible_value()?.get_name().to_owned()));
        let own: Vec<String> = own.map(|name| format!("`{name}`")).collect();
        let mut command = Self::command();
        let message = format!(
            "this command writes {}; all formats are those of `claimbound lint`",
            own.join(", ")
        );
        Err(command.error(ErrorKind::InvalidValue, message))
    }
}

/// The commands of that name which stand under another one, each as it is called.
pub(crate) fn called(name: &str) -> Vec<String> {
    let all = Arguments::command();
    let over = all.get_subcommands();
    let over = over.filter(|over| over.find_subcommand(name).is_some());
    over.map(|over| format!("`claimbound {} {name}`", over.get_name()))
        .collect()
}

/// Takes the flag of all commands out of the help of one that it says nothing
/// to; it is still accepted.
#[derive(Debug, clap::Args)]
pub(crate) struct HiddenFormat {
    /// How to write the answer.
    #[arg(
        id = "format",
        long = "format",
        hide = true,
        value_enum,
        default_value_t
    )]
    _format: Written,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_and_shows_how_it_is_used() {
        for command in Arguments::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            let leaves: Vec<_> = match command.get_subcommands().count() {
                0 => vec![command],
                _ => command.get_subcommands().collect(),
            };
            for leaf in leaves {
                let after = leaf
                    .get_after_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                assert!(after.contains("Example"), "{}", leaf.get_name());
                assert!(
                    leaf.get_arguments().all(|one| one.get_help().is_some()),
                    "{}",
                    leaf.get_name()
                );
            }
        }
    }
}
