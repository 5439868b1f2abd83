//! claimbound in front of traffic: `bench` measures it beside Envoy's own
//! filters, `soak` tries it under load while everything around it changes, `swaps`
//! measures what it costs callers that policies follow each other.
//!
//! `tests/traffic/run` builds what both need and runs them.

mod bench;
mod envoy;
#[expect(dead_code, reason = "the tests have it do more")]
#[path = "../../src/idp.rs"]
mod idp;
mod load;
mod soak;
mod stage;
mod swaps;
mod table;
mod tokens;
mod wrk;

use std::process::ExitCode;

/// What was asked for on the command line: a command, and pairs of options.
struct Arguments(Vec<String>);

impl Arguments {
    fn command(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// Whether there is nothing but pairs of these options.
    fn are_of(&self, options: &[&str]) -> bool {
        let mut pairs = self.0.get(1..).unwrap_or_default().chunks(2);
        pairs.all(|pair| matches!(pair, [name, _] if options.contains(&name.as_str())))
    }

    fn option(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|argument| argument == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    fn number(&self, name: &str, usual: u64) -> u64 {
        let text = self.option(name);
        text.map_or(usual, |text| text.parse().expect("a whole number"))
    }
}

/// The options of each command.
const BENCH: &[&str] = &[
    "--rounds",
    "--seconds",
    "--tokens",
    "--format",
    "--algorithm",
    "--only",
];
const SOAK: &[&str] = &["--minutes"];
const SWAPS: &[&str] = &["--swaps", "--rounds"];

fn main() -> ExitCode {
    let arguments = Arguments(std::env::args().skip(1).collect());
    match arguments.command() {
        "bench" if arguments.are_of(BENCH) => bench::run(&bench::Plan {
            rounds: arguments.number("--rounds", 3),
            seconds: arguments.number("--seconds", 4),
            tokens: arguments.number("--tokens", 20_000),
            is_json: arguments.option("--format") == Some("json"),
            algorithm: arguments.option("--algorithm").map(str::to_owned),
            only: arguments.option("--only").map(str::to_owned),
        }),
        "soak" if arguments.are_of(SOAK) => soak::run(arguments.number("--minutes", 10)),
        "swaps" if arguments.are_of(SWAPS) => swaps::run(
            arguments.number("--swaps", 100),
            arguments.number("--rounds", 3),
        ),
        _ => {
            eprintln!(
                "traffic bench [--rounds N] [--seconds N] [--tokens N] [--algorithm RS256|ES256] [--only TEXT] [--format json]"
            );
            eprintln!("traffic soak [--minutes N]");
            eprintln!("traffic swaps [--swaps N] [--rounds N]");
            ExitCode::from(2)
        }
    }
}
