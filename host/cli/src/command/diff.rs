//! `diff`: which tokens two policies decide otherwise, each kind with an example.

mod markdown;

use std::path::PathBuf;

use claimbound_analysis::{Budget, Relation};

use crate::console::{self, Console, Status, Written};
use crate::sides::Sides;

/// Say which tokens two policies decide otherwise, each kind with an example.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound diff old/policy.toml policy.toml
  claimbound diff deploy-1.4.0.wasm deploy-1.5.0.wasm --format json
  claimbound diff old.toml new.toml --fail-on wider     in CI: can anybody get in who could not?

The newer policy is `equivalent`, `narrower`, `wider` or `different`, for all tokens that there
can be and not for some that were tried; where that would take too long it is `unknown`. What
grants more or asks for less is wider: a role, a longer lifetime, no single use any more. Each
example is a token that both components were asked about. `--format markdown` writes a comment
for a pull request.

Exit status: 0 equivalent, 1 they differ, 2 unknown, or a file can't be read; `--fail-on` says
what else is 0.")]
pub(crate) struct Arguments {
    /// The policy as it was: a document, a component that carries one, or a folder
    /// with a `policy.toml`.
    #[arg(value_name = "OLD")]
    old: PathBuf,

    /// The policy as it is.
    #[arg(value_name = "NEW")]
    new: PathBuf,

    /// Which differences have exit status 1.
    #[arg(long, value_enum, default_value_t = FailOn::Any, value_name = "WHICH")]
    fail_on: FailOn,

    /// How many steps the comparison of two statements may take.
    #[arg(long, default_value_t = Budget::USUAL, value_name = "STEPS")]
    steps: u64,
}

/// What counts as a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Every difference.
    Any,
    /// What is wider, or different.
    Wider,
    /// None.
    Never,
}

impl FailOn {
    const fn status(self, relation: Relation) -> Status {
        match (relation, self) {
            (Relation::Equivalent, _) | (_, Self::Never) | (Relation::Narrower, Self::Wider) => {
                Status::Yes
            }
            (Relation::Unknown, Self::Any | Self::Wider) => Status::Unanswered,
            (Relation::Narrower | Relation::Wider | Relation::Different, _) => Status::No,
        }
    }
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let sides = Sides::open(&arguments.old, &arguments.new)?;
    let comparison = sides.compare(arguments.steps)?;
    if console.written() == Written::Markdown {
        console::write_raw(markdown::text(&sides, &comparison).as_bytes())?;
    } else {
        console.answer(|| sides.page(&comparison), || sides.to_json(&comparison))?;
    }
    Ok(arguments.fail_on.status(comparison.relation))
}
