//! `explain`: decides one token and shows every condition, or shows the page of a rule.

use anyhow::Context as _;
use claimbound::ledger::Run;
use claimbound::obligation::Obligation;
use claimbound::outcome::Outcome;
use claimbound::policy::Step;
use claimbound::reason::Code;
use claimbound_analysis::lint::rule as rule_of;
use serde_json::{Value, json};

use crate::command::lint;
use crate::console::{Console, Shape, Status};
use crate::page::{Cell, Ink, Page};
use crate::{outcome, question};

/// Decide one token and show how every condition was decided, or explain a rule.
#[derive(Debug)]
pub(crate) enum Arguments {
    /// A token is decided.
    Token(Box<question::Arguments>),
    /// The page of a rule is shown.
    Rule(String),
}

/// The arguments about a token, and their help.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound explain --policy policy.toml --token token.jwt --jwks keys.json
  claimbound explain --policy policy.toml --claims claims.json
  claimbound explain --policy policy.toml --claims claims.json --ledger ledger.db
  claimbound explain takeover                     a rule of `claimbound lint`
  claimbound explain document.tenant              a finding of the compiler's
  claimbound explain --policy policy.wasm --token token.jwt --jwks keys.json \\
    --code-cache ~/.cache/claimbound --code-key code.key

A condition holds (✓), does not (✗), or can't be told (?): the claim is absent or
of another type. An unknown condition satisfies no trust, and triggers a forbid.
Where a statement accepts, what it asks of the host stands last: to bind names to
ids, to take a token once. A ledger is looked at, and never written to.

Exit status: 0 allowed or explained, 1 denied, 2 no answer could be given.")]
struct AboutToken {
    #[command(flatten)]
    question: question::Arguments,
}

/// The argument's id.
const RULE: &str = "rule";

// By hand: what a token needs is not needed for a rule, which `derive` can't say
// of arguments that another command has as well.
impl clap::Args for Arguments {
    fn augment_args(command: clap::Command) -> clap::Command {
        let rule = clap::Arg::new(RULE)
            .value_name("RULE")
            .help("A rule of `claimbound lint`, or the code of a finding, to be explained")
            .value_parser(lint::known_rule)
            .conflicts_with_all(["policy", "token", "claims"]);
        AboutToken::augment_args(command)
            .arg(rule)
            .mut_arg("policy", |policy| {
                policy.required(false).required_unless_present(RULE)
            })
            .mut_arg("token", |token| {
                token.required_unless_present_any(["claims", RULE])
            })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Arguments {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        if let Some(rule) = matches.get_one::<String>(RULE) {
            return Ok(Self::Rule(rule.clone()));
        }
        let about = AboutToken::from_arg_matches(matches)?;
        Ok(Self::Token(Box::new(about.question)))
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Arguments {
    /// The shape of its answer.
    pub(crate) const fn shape(&self) -> Shape {
        match self {
            Self::Token(_) => Shape::Explanation,
            Self::Rule(_) => Shape::Own,
        }
    }
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    match arguments {
        Arguments::Token(question) => explain_token(question, console),
        Arguments::Rule(rule) => explain_rule(rule, console),
    }
}

/// Shows the page of a rule.
fn explain_rule(name: &str, console: Console) -> anyhow::Result<Status> {
    if let Some(rule) = rule_of(name) {
        console.answer(
            || {
                let mut page = Page::default();
                page.lines(rule.page());
                page
            },
            || {
                json!({
                    "rule": rule.name,
                    "severity": rule.severity.to_string(),
                    "summary": rule.summary,
                    "page": rule.page(),
                })
            },
        )?;
        return Ok(Status::Yes);
    }
    let mut compilers = claimbound_language::Rule::ALL.iter();
    // INVARIANT: a name that is no rule's was refused as an argument.
    let rule = compilers.find(|rule| rule.code() == name);
    let rule = rule.with_context(|| format!("there is no rule `{name}`"))?;
    console.answer(
        || {
            let mut page = Page::default();
            page.put(Ink::Strong, rule.code()).end();
            page.text(rule.meaning()).end();
            page
        },
        || json!({ "rule": rule.code(), "summary": rule.meaning() }),
    )?;
    Ok(Status::Yes)
}

fn explain_token(arguments: &question::Arguments, console: Console) -> anyhow::Result<Status> {
    let question = arguments.open(Run::Dry)?;
    let outcome = question.decide();
    let explanation = question.explain();
    let steps = explanation.steps;
    let policy = question.gate().policy().id();
    console.answer(
        || {
            let mut page = Page::default();
            outcome::show(&mut page, &outcome, policy, question.now);
            show_steps(&mut page, &steps, &question.forbids);
            show_obligations(&mut page, &explanation.outcome, &outcome);
            page
        },
        || {
            let mut json = outcome::to_json(&outcome, policy);
            if let Some(members) = json.as_object_mut() {
                members.insert("statements".into(), to_json(&steps));
            }
            json
        },
    )?;
    super::check::notes(&question.notes);
    Ok(outcome::status(&outcome))
}

/// The steps, gathered by statement in their order.
fn by_statement(steps: &[Step]) -> impl Iterator<Item = &[Step]> {
    steps.chunk_by(|one, next| one.statement == next.statement)
}

fn to_json(steps: &[Step]) -> Value {
    let statements = by_statement(steps).map(|steps| {
        let conditions: Vec<_> = steps
            .iter()
            .map(|step| {
                json!({
                    "condition": step.condition,
                    "held": step.held,
                    "expected": step.expected,
                    "found": step.found,
                })
            })
            .collect();
        json!({ "statement": steps.first().map(|step| &step.statement), "conditions": conditions })
    });
    statements.collect()
}

fn show_steps(page: &mut Page, steps: &[Step], forbids: &[String]) {
    if steps.is_empty() {
        page.end()
            .put(
                Ink::Faint,
                "No condition was asked: the token did not reach the policy.",
            )
            .end();
    }
    for steps in by_statement(steps) {
        let name = steps.first().map_or("", |step| step.statement.as_str());
        let held = steps.iter().filter(|step| step.held == Some(true)).count();
        page.end();
        if forbids.iter().any(|forbid| forbid == name) {
            page.put(Ink::Warn, "forbid ");
        }
        page.put(Ink::Strong, name);
        page.put(Ink::Faint, format!("  {held} of {} hold", steps.len()))
            .end();
        let rows: Vec<_> = steps.iter().map(row).collect();
        page.table(2, &rows);
    }
}

/// What the statement that accepts asks of the host, and whether that was met.
fn show_obligations(page: &mut Page, before: &Outcome, after: &Outcome) {
    let Outcome::Allow(allowed) = before else {
        return;
    };
    if allowed.obligations.is_empty() {
        return;
    }
    page.end().put(Ink::Strong, &allowed.statement);
    page.put(Ink::Faint, "  asks the host to").end();
    let row = |obligation: &Obligation| {
        let (ink, mark) = match after {
            Outcome::Allow(_) => (Ink::Good, "✓"),
            Outcome::Deny(denied)
                if denied.reasons.iter().any(|one| fails(obligation, one.code)) =>
            {
                (Ink::Bad, "✗")
            }
            Outcome::Deny(_) | Outcome::Error(_) => (Ink::Warn, "?"),
        };
        vec![Cell::new(ink, mark), Cell::plain(obligation.to_string())]
    };
    let rows: Vec<_> = allowed.obligations.iter().map(row).collect();
    page.table(2, &rows);
}

/// Whether a denial for this reason says that the obligation was not met.
fn fails(obligation: &Obligation, code: Code) -> bool {
    match obligation {
        Obligation::Bind(_) => code.as_str().starts_with("identity."),
        Obligation::UseOnce => code == Code::TokenReused,
        Obligation::Prove(_) => code.as_str().starts_with("proof."),
        Obligation::Other { .. } => false,
    }
}

fn row(step: &Step) -> Vec<Cell> {
    let (ink, mark) = match step.held {
        Some(true) => (Ink::Good, "✓"),
        Some(false) => (Ink::Bad, "✗"),
        None => (Ink::Warn, "?"),
    };
    let found = match (step.held, &step.found) {
        (Some(true), Some(found)) if *found == step.expected => String::new(),
        (_, Some(found)) => format!("found {found}"),
        (_, None) => "found nothing".to_owned(),
    };
    vec![
        Cell::new(ink, mark),
        Cell::plain(&step.condition),
        Cell::new(Ink::Faint, &step.expected),
        Cell::plain(found),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(statement: &str, held: Option<bool>, found: Option<&str>) -> Step {
        Step {
            statement: statement.into(),
            condition: "claims.ref".into(),
            held,
            expected: "main".into(),
            found: found.map(Into::into),
        }
    }

    #[test]
    fn conditions_stand_under_their_statement() {
        let steps = [
            step("a", Some(true), Some("main")),
            step("a", Some(false), Some("x")),
            step("b", None, None),
        ];
        let mut page = Page::default();
        show_steps(&mut page, &steps, &["b".to_owned()]);
        let text = anstream::adapter::strip_str(page.styled()).to_string();
        assert_eq!(
            text,
            "\na  1 of 2 hold\n  ✓  claims.ref  main\n  ✗  claims.ref  main  found x\n\nforbid b  0 of 1 hold\n  ?  claims.ref  main  found nothing\n"
        );
        assert_eq!(to_json(&steps)[1]["conditions"][0]["held"], Value::Null);
    }
}
