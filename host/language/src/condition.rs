//! Conditions: an operator on a value of the token, checked by what the model
//! knows of the value, and compiled to a test.

use claimbound_engine::Code;
use claimbound_engine::model::{Condition, Literal, Source, Test};
use claimbound_issuers::{ClaimType, Model};

use crate::diagnostic::Sink;
use crate::document::ClaimCondition;
use crate::fields::Placed;
use crate::operator::{Operator, kind};
use crate::pattern::{At, Pattern, is_empty};
use crate::places::Places;
use crate::rule::Rule;
use crate::tree::Place;
use crate::unknown;

/// What is known of a value before any token is seen, and how it is compared.
pub(crate) struct Target<'a> {
    /// How its author names the condition.
    pub(crate) label: String,
    /// The path of the claim that reasons speak of.
    pub(crate) claim: Vec<String>,
    pub(crate) source: Source,
    pub(crate) code: Code,
    /// Its JSON type, where that is known.
    pub(crate) json: Option<ClaimType>,
    /// Whether the model compares these names without case.
    pub(crate) folds: bool,
    pub(crate) at: At,
    /// How the issuer spells a value of the policy.
    pub(crate) encode: &'a dyn Fn(&str) -> String,
}

/// Whether a statement trusts or forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stance {
    Trust,
    Forbid,
}

impl Target<'_> {
    /// Whether texts are compared without ASCII case: in forbids, and where a
    /// value is kept out.
    fn fold(&self, operator: &Operator, stance: Stance) -> bool {
        self.folds && (stance == Stance::Forbid || matches!(operator, Operator::NoneOf(_)))
    }

    fn literal(&self, literal: &Literal) -> Literal {
        match literal {
            Literal::Text(text) => Literal::Text((self.encode)(text)),
            Literal::Null | Literal::Boolean(_) | Literal::Number(_) => literal.clone(),
        }
    }

    fn literals(&self, literals: &[Placed<Literal>]) -> Vec<Literal> {
        literals
            .iter()
            .map(|one| self.literal(&one.value))
            .collect()
    }

    /// Compiles the condition; none where there were findings.
    pub(crate) fn compile(
        self,
        operator: &Placed<Operator>,
        stance: Stance,
        places: &mut Places,
        sink: &mut Sink,
    ) -> Option<Condition> {
        if let Some(json) = self.json {
            check_type(&self.label, json, operator, sink)?;
        }
        let fold = self.fold(&operator.value, stance);
        let test = match &operator.value {
            Operator::Equals(literal) => Test::Equals(self.literal(&literal.value)),
            Operator::AnyOf(literals) => Test::AnyOf(self.literals(literals)),
            Operator::NoneOf(literals) => Test::NoneOf(self.literals(literals)),
            Operator::Glob(glob) => {
                let key = (false, (self.encode)(&glob.value), self.at, fold);
                let pattern = places.pattern(key, |steps| {
                    Pattern::encoded_glob(&glob.value, self.at, fold, self.encode, steps)
                });
                Test::Matches(finished(pattern, &glob.place, sink)?)
            }
            Operator::Regex(regex) => {
                let key = (true, regex.value.clone(), At::Plain, fold);
                let pattern =
                    places.pattern(key, |steps| Pattern::cased_regex(&regex.value, fold, steps));
                Test::Matches(finished(pattern, &regex.place, sink)?)
            }
            Operator::AtLeast(number) => Test::AtLeast(number.value.clone()),
            Operator::AtMost(number) => Test::AtMost(number.value.clone()),
            Operator::Contains(text) => Test::Contains(text.value.clone()),
            Operator::AllOf(texts) => {
                Test::AllOf(texts.iter().map(|one| one.value.clone()).collect())
            }
            Operator::Present => Test::Present,
            Operator::Absent => Test::Absent,
            Operator::SameAs(path) => Test::SameAs(places.claim(&path.value)),
            Operator::Attribute(name) => Test::Attribute(places.attribute(&name.value)),
        };
        Some(Condition {
            label: self.label,
            claim: self.claim,
            source: self.source,
            test,
            fold,
            code: self.code,
            expected: operator.value.expected(),
        })
    }
}

fn finished(
    pattern: Result<Pattern, String>,
    place: &Place,
    sink: &mut Sink,
) -> Option<claimbound_engine::Automaton> {
    match pattern {
        Err(message) => {
            sink.error(Rule::Pattern, place, message);
            None
        }
        Ok(pattern) if is_empty(&pattern.automaton) => {
            sink.error(
                Rule::NeverMatches,
                place,
                "the pattern matches nothing at all",
            );
            None
        }
        Ok(pattern) => Some(pattern.automaton),
    }
}

/// The JSON type of a claim, in words.
const fn type_words(json: ClaimType) -> &'static str {
    match json {
        ClaimType::Text => "a string",
        ClaimType::Boolean => "a boolean",
        ClaimType::Integer | ClaimType::Number => "a number",
        ClaimType::Texts => "a list of strings",
        ClaimType::Json => "of several types",
    }
}

/// Refuses what a value of type `json` can never meet.
fn check_type(
    label: &str,
    json: ClaimType,
    operator: &Placed<Operator>,
    sink: &mut Sink,
) -> Option<()> {
    let fits = |literal: &Literal| match (json, literal) {
        (ClaimType::Json, _)
        | (ClaimType::Text, Literal::Text(_))
        | (ClaimType::Boolean, Literal::Boolean(_))
        | (ClaimType::Integer | ClaimType::Number, Literal::Number(_)) => true,
        (
            ClaimType::Text
            | ClaimType::Boolean
            | ClaimType::Integer
            | ClaimType::Number
            | ClaimType::Texts,
            Literal::Null | Literal::Boolean(_) | Literal::Number(_) | Literal::Text(_),
        ) => false,
    };
    let literals = match &operator.value {
        Operator::Equals(literal) => core::slice::from_ref(literal),
        Operator::AnyOf(literals) | Operator::NoneOf(literals) => literals,
        Operator::Glob(_) | Operator::Regex(_) | Operator::Attribute(_) => {
            return takes(json, &[ClaimType::Text], label, operator, sink);
        }
        Operator::AtLeast(_) | Operator::AtMost(_) => {
            let numbers = [ClaimType::Integer, ClaimType::Number];
            return takes(json, &numbers, label, operator, sink);
        }
        Operator::Contains(_) | Operator::AllOf(_) => {
            return takes(json, &[ClaimType::Texts], label, operator, sink);
        }
        Operator::Present | Operator::Absent | Operator::SameAs(_) => return Some(()),
    };
    let mut well = true;
    for literal in literals {
        if !fits(&literal.value) {
            let message = format!(
                "`{label}` is {}, so it never equals {}",
                type_words(json),
                kind(&literal.value)
            );
            let finding = sink.error(Rule::NeverMatches, &literal.place, message);
            finding.expected(type_words(json));
            finding.hint = suggestion(json, &literal.value);
            well = false;
        }
    }
    well.then_some(())
}

fn suggestion(json: ClaimType, literal: &Literal) -> Option<String> {
    match (json, literal) {
        (ClaimType::Text, Literal::Number(text)) => Some(format!("write \"{text}\"")),
        (ClaimType::Text, Literal::Boolean(boolean)) => Some(format!("write \"{boolean}\"")),
        (ClaimType::Integer | ClaimType::Number | ClaimType::Boolean, Literal::Text(text)) => {
            Some(format!("write it without quotes: {text}"))
        }
        (ClaimType::Texts, _) => Some("use `contains` or `all_of`".to_owned()),
        (
            ClaimType::Text
            | ClaimType::Integer
            | ClaimType::Number
            | ClaimType::Boolean
            | ClaimType::Json,
            Literal::Null | Literal::Boolean(_) | Literal::Number(_) | Literal::Text(_),
        ) => None,
    }
}

fn takes(
    json: ClaimType,
    taken: &[ClaimType],
    label: &str,
    operator: &Placed<Operator>,
    sink: &mut Sink,
) -> Option<()> {
    if json == ClaimType::Json || taken.contains(&json) {
        return Some(());
    }
    let message = format!(
        "`{label}` is {}, and `{}` never holds for that",
        type_words(json),
        operator.value.name()
    );
    sink.error(Rule::NeverMatches, &operator.place, message);
    None
}

/// Where each registered claim (RFC 7519 §4.1) belongs in a document.
const REGISTERED: [(&str, &str); 6] = [
    ("iss", "`issuer` names the issuer"),
    ("sub", "`subject` says which subjects are meant"),
    ("aud", "`audience` names the audience"),
    ("exp", "`token_lifetime` bounds how long a token is valid"),
    ("nbf", "the host checks `nbf` of every token"),
    ("iat", "`max_age` bounds how long ago a token was issued"),
];

/// Whether the claim at `path` is a name that the model compares without case.
fn is_folded(model: &Model, path: &[String]) -> bool {
    let is_at = |claim: &[Box<str>]| claim.iter().map(|name| &**name).eq(path.iter());
    let mut names = model.names().iter();
    names.any(|kind| kind.folds_case() && kind.claim().is_some_and(is_at))
}

/// Whether `operator` compares with a claim that is a name which the model
/// compares without case: its case is then no reason to be another one.
pub(crate) fn folds_other(model: &Model, operator: &Operator) -> bool {
    matches!(operator, Operator::SameAs(path) if is_folded(model, &path.value))
}

/// Compiles a condition on a claim.
pub(crate) fn claim(
    model: &Model,
    condition: &ClaimCondition,
    stance: Stance,
    places: &mut Places,
    sink: &mut Sink,
) -> Option<Condition> {
    let path = &condition.path.value;
    if let [name] = path.as_slice()
        && let Some((_, hint)) = REGISTERED.iter().find(|(known, _)| known == name)
    {
        let message = format!("registered claim `{name}` is not a condition of its own");
        sink.error(Rule::RegisteredClaim, &condition.path.place, message)
            .hint(*hint);
        return None;
    }
    if let Operator::SameAs(other) = &condition.operator.value
        && other.value == *path
    {
        let message = format!("`{}` is always the same as itself", condition.label());
        sink.error(Rule::Value, &other.place, message)
            .hint("use `present`, or name another claim");
        return None;
    }
    unknown::check(model, condition, sink);
    let operator = &condition.operator.value;
    let folds = is_folded(model, path) || folds_other(model, operator);
    let target = Target {
        label: condition.label(),
        claim: path.clone(),
        source: places.claim(path),
        code: Code::ClaimMismatch,
        json: model
            .claim(path)
            .map(claimbound_issuers::ClaimRule::json_type),
        folds,
        at: At::Plain,
        encode: &str::to_owned,
    };
    target.compile(&condition.operator, stance, places, sink)
}
