//! Reasons and steps in words. Built from pieces, because formatting machinery
//! would double the size of the component.

use crate::code::Code;
use crate::condition::{self, Held, digits};
use crate::decision::{Failure, Reason, Step};
use crate::facts::{Facts, Value};
use crate::number::Operator;
use crate::program::{Condition, Program, Statement};
use crate::time;

/// The most bytes of a value, a token's or a policy's, that a reason repeats.
const MOST_FOUND: usize = 256;

/// No statement speaks of the token's issuer.
pub(crate) fn unknown_issuer(facts: &impl Facts) -> Reason {
    Reason {
        code: Code::IssuerUnknown.as_str(),
        statement: None,
        claim: vec!["iss".to_owned()],
        expected: "an issuer that a statement names".to_owned(),
        found: Some(cut(facts.issuer())),
        message: ["no statement trusts issuer `", &cut(facts.issuer()), "`"].concat(),
    }
}

/// None of the issuer's `trusts` statements can match the subject.
pub(crate) fn no_statement(trusts: u32, facts: &impl Facts) -> Reason {
    let mut buffer = [0; 20];
    let count = digits(i64::from(trusts), &mut buffer);
    Reason {
        code: Code::SubjectMismatch.as_str(),
        statement: None,
        claim: vec!["sub".to_owned()],
        expected: "a subject that a statement names".to_owned(),
        found: Some(cut(facts.subject())),
        message: [
            "none of the ",
            count,
            " trust statements for this issuer names subject `",
            &cut(facts.subject()),
            "`",
        ]
        .concat(),
    }
}

/// A forbid applies; the reason speaks of its first condition on a claim.
pub(crate) fn forbidden(
    program: Program<'_>,
    statement: Statement,
    facts: &impl Facts,
) -> Result<Reason, Failure> {
    let name = program.text(statement.name)?;
    let mut reason = Reason {
        code: Code::Forbidden.as_str(),
        message: ["statement `", name, "` forbids this token"].concat(),
        statement: Some(name.to_owned()),
        claim: Vec::new(),
        expected: String::new(),
        found: None,
    };
    for index in 0..statement.conditions.count {
        let condition = program.condition(statement.conditions, index)?;
        if condition.claim.count > 0 {
            reason.claim = program.texts(condition.claim)?;
            reason.expected = cut(&["not ", program.text(condition.expected)?].concat());
            reason.found = found(&condition, facts);
            break;
        }
    }
    Ok(reason)
}

/// A condition of a trust statement does not hold.
pub(crate) fn reason(
    program: Program<'_>,
    statement: Statement,
    condition: &Condition,
    held: Held,
    facts: &impl Facts,
) -> Result<Reason, Failure> {
    let name = program.text(statement.name)?;
    let label = program.text(condition.label)?;
    let expected = cut(program.text(condition.expected)?);
    let found = found(condition, facts);
    let found_words = match (&found, held) {
        (_, Held::Unset) => "which this request does not have".to_owned(),
        (Some(found), Held::Mistyped) => {
            let what = type_name(condition::value(condition.source, facts));
            ["found `", found, "`, which is ", what].concat()
        }
        (Some(found), _) => ["found `", found, "`"].concat(),
        (None, _) => "found nothing".to_owned(),
    };
    Ok(Reason {
        code: condition::code(condition, held).as_str(),
        message: [
            "statement `",
            name,
            "` expects `",
            label,
            "` ",
            verb(condition.operator),
            " `",
            &expected,
            "`, ",
            &found_words,
        ]
        .concat(),
        statement: Some(name.to_owned()),
        claim: program.texts(condition.claim)?,
        expected,
        found,
    })
}

/// One line of an explanation.
pub(crate) fn step(
    program: Program<'_>,
    statement: Statement,
    condition: &Condition,
    held: Held,
    facts: &impl Facts,
) -> Result<Step, Failure> {
    Ok(Step {
        statement: program.text(statement.name)?.to_owned(),
        condition: program.text(condition.label)?.to_owned(),
        held: held.known(),
        expected: cut(program.text(condition.expected)?),
        found: found(condition, facts),
    })
}

/// What an operator asks of its value.
const fn verb(operator: Operator) -> &'static str {
    match operator {
        Operator::AnyOf => "to be one of",
        Operator::NoneOf => "to be none of",
        Operator::Matches => "to match",
        Operator::AtLeast => "to be at least",
        Operator::AtMost | Operator::LifetimeAtMost | Operator::AgeAtMost => "to be at most",
        Operator::Contains => "to contain",
        Operator::AllOf => "to contain all of",
        Operator::SameAs | Operator::Attribute => "to be the same as",
        Operator::Weekly | Operator::Between => "to be inside",
        Operator::Equals
        | Operator::Present
        | Operator::Absent
        | Operator::AudienceIs
        | Operator::SoleAudience => "to be",
    }
}

/// What the token has where `condition` looks.
fn found(condition: &Condition, facts: &impl Facts) -> Option<String> {
    let mut buffer = [0; 20];
    let seconds = |seconds: u64, buffer: &mut [u8; 20]| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        [digits(seconds, buffer), " s"].concat()
    };
    match condition.operator {
        Operator::AudienceIs | Operator::SoleAudience => Some(list(facts.audience())),
        Operator::Weekly | Operator::Between => Some(time::words(facts.now())),
        Operator::LifetimeAtMost => facts
            .issued_at()
            .map(|issued| seconds(facts.expires_at().saturating_sub(issued), &mut buffer)),
        Operator::AgeAtMost => facts
            .issued_at()
            .map(|issued| seconds(facts.now().saturating_sub(issued), &mut buffer)),
        Operator::Equals
        | Operator::AnyOf
        | Operator::NoneOf
        | Operator::Matches
        | Operator::AtLeast
        | Operator::AtMost
        | Operator::Contains
        | Operator::AllOf
        | Operator::Present
        | Operator::Absent
        | Operator::SameAs
        | Operator::Attribute => match condition::value(condition.source, facts) {
            Value::Absent => None,
            Value::Null => Some("null".to_owned()),
            Value::Boolean(true) => Some("true".to_owned()),
            Value::Boolean(false) => Some("false".to_owned()),
            Value::Integer(integer) => Some(digits(integer, &mut buffer).to_owned()),
            Value::Number(text) | Value::Text(text) | Value::Json(text) => Some(cut(text)),
            Value::Texts(texts) => Some(list(texts)),
        },
    }
}

/// The JSON type of a value, with its article.
const fn type_name(value: Value<'_>) -> &'static str {
    match value {
        Value::Absent => "absent",
        Value::Null => "null",
        Value::Boolean(_) => "a boolean",
        Value::Integer(_) | Value::Number(_) => "a number",
        Value::Text(_) => "a string",
        Value::Texts(_) => "a list of strings",
        Value::Json(_) => "a list or an object",
    }
}

fn list(texts: &[String]) -> String {
    let mut all = String::new();
    for text in texts {
        if all.len() > MOST_FOUND {
            break;
        }
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(&cut(text));
    }
    cut(&all)
}

/// At most [`MOST_FOUND`] bytes of `text`, with a mark where it was cut.
fn cut(text: &str) -> String {
    if text.len() <= MOST_FOUND {
        return text.to_owned();
    }
    let end = (0..=MOST_FOUND)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    [text.get(..end).unwrap_or_default(), "…"].concat()
}
