//! The `claimbound` program: decides tokens, explains, builds and tests policies.
//!
//! Only this crate reads the clock, the environment and the arguments.

mod alone;
mod arguments;
mod artifact;
mod baseline;
mod bench;
mod changed;
mod checks;
mod code_cache;
mod command;
mod component;
mod console;
mod edition;
mod entry;
mod escape;
mod example;
mod findings;
mod found;
mod fresh;
mod input;
mod issuers;
mod language;
mod ledger;
mod malformed;
mod markdown;
mod module_document;
mod module_name;
mod naming;
mod nearest;
mod operator;
mod outcome;
mod output;
mod page;
mod policies;
mod policy_file;
mod proposal;
mod published;
mod question;
mod recorder;
mod redact;
mod report;
mod sandboxed;
mod scaffold;
mod sent;
mod sides;
mod signatures;
mod signer;
mod slim;
mod store;
mod taken;
mod throwaway;
mod time;
mod trial;
mod trusted;
mod world;

use std::process::ExitCode;

use clap::Parser as _;

use console::Console;

fn main() -> ExitCode {
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return console::usage(&error).into(),
    };
    let console = Console::new(arguments.format);
    if let Err(error) = arguments.check_format() {
        return console::usage(&error).into();
    }
    let status = command::run(&arguments.command, console);
    status
        .unwrap_or_else(|error| console.report(&error, arguments.command.shape()))
        .into()
}
