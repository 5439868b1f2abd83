//! One condition on one token: held, not held, or unknown.

use core::cmp::Ordering;

use crate::automaton;
use crate::bytes::{Bytes, Span};
use crate::code::Code;
use crate::decimal::Decimal;
use crate::decision::Failure;
use crate::facts::{Facts, Value};
use crate::model::Source;
use crate::number::{Operator, Tag};
use crate::program::{Condition, Program, source};
use crate::window;

/// Three values. Unknown satisfies no trust, and it triggers a forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Yes,
    No,
    /// The value is not there.
    Absent,
    /// The value is of a type that the test does not take.
    Mistyped,
    /// The request has not the attribute that the value is compared with.
    Unset,
}

impl Held {
    const fn when(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    const fn negated(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Absent | Self::Mistyped | Self::Unset => self,
        }
    }

    pub(crate) const fn known(self) -> Option<bool> {
        match self {
            Self::Yes => Some(true),
            Self::No => Some(false),
            Self::Absent | Self::Mistyped | Self::Unset => None,
        }
    }
}

/// Decides `condition`.
pub(crate) fn decide(
    program: Program<'_>,
    condition: &Condition,
    facts: &impl Facts,
) -> Result<Held, Failure> {
    let (bytes, operand) = (program.bytes, condition.operand);
    let words = || bytes.slice(operand).map(Bytes);
    let value = value(condition.source, facts);
    Ok(match condition.operator {
        Operator::Equals | Operator::AnyOf => any_of(bytes, operand, value, condition.fold)?,
        Operator::NoneOf => any_of(bytes, operand, value, condition.fold)?.negated(),
        Operator::Matches => matches(bytes, operand, value)?,
        Operator::AtLeast => bounded(bytes.text(operand)?, value, Ordering::is_ge)?,
        Operator::AtMost => bounded(bytes.text(operand)?, value, Ordering::is_le)?,
        Operator::Contains | Operator::AllOf => all_of(bytes, operand, value)?,
        Operator::Present => Held::when(value != Value::Absent),
        Operator::Absent => Held::when(value == Value::Absent),
        Operator::SameAs => {
            let other = source(words()?.u8(0)?, condition.other)?;
            same(value, self::value(other, facts), condition.fold)
        }
        Operator::Attribute => match facts.attribute(program.attribute(condition.other)?) {
            Some(wanted) => same(value, Value::Text(wanted), condition.fold),
            None if value == Value::Absent => Held::Absent,
            None => Held::Unset,
        },
        Operator::AudienceIs => {
            let audience = bytes.slice(operand)?;
            let is = |one: &str| one.as_bytes() == audience;
            let named = facts.audience().iter().any(|one| is(one));
            Held::when(named && is(facts.route_audience()))
        }
        Operator::SoleAudience => Held::when(facts.audience().len() == 1),
        Operator::Weekly => Held::when(window::is_open(bytes, operand, facts.now())?),
        Operator::Between => {
            let (from, until) = (words()?.u64(0)?, words()?.u64(8)?);
            Held::when((from..until).contains(&facts.now()))
        }
        Operator::LifetimeAtMost => since_issued(facts, facts.expires_at(), words()?.u64(0)?),
        Operator::AgeAtMost => since_issued(facts, facts.now(), words()?.u64(0)?),
    })
}

/// When a condition that holds `now` holds no more because time has passed, if
/// that is before `end`. That a token grows too old is its own affair.
pub(crate) fn ends(
    program: Program<'_>,
    condition: &Condition,
    now: u64,
    end: u64,
) -> Result<Option<u64>, Failure> {
    let (bytes, operand) = (program.bytes, condition.operand);
    Ok(match condition.operator {
        Operator::Weekly => window::closes(bytes, operand, now, end)?,
        Operator::Between => {
            let until = Bytes(bytes.slice(operand)?).u64(8)?;
            (until < end).then_some(until)
        }
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
        | Operator::Attribute
        | Operator::AudienceIs
        | Operator::SoleAudience
        | Operator::LifetimeAtMost
        | Operator::AgeAtMost => None,
    })
}

/// The value that `source` names.
pub(crate) fn value<F: Facts>(source: Source, facts: &F) -> Value<'_> {
    match source {
        Source::Time => Value::Absent,
        Source::Issuer => Value::Text(facts.issuer()),
        Source::Subject => Value::Text(facts.subject()),
        Source::Form => Value::Text(facts.form()),
        Source::Audience => Value::Texts(facts.audience()),
        Source::Claim(index) => facts.claim(usize::from(index)),
        Source::Part(index) => text(facts.part(usize::from(index))),
        Source::Name(index) => text(facts.name(usize::from(index)).map(|name| name.name)),
        Source::NameId(index) => text(facts.name(usize::from(index)).and_then(|name| name.id)),
        Source::NameParent(index) => {
            text(facts.name(usize::from(index)).and_then(|name| name.parent))
        }
        Source::KeyType => Value::Text(facts.key().key_type),
        Source::KeyAlgorithm => Value::Text(facts.key().algorithm),
        Source::KeyBits => Value::Integer(i64::from(facts.key().bits)),
        Source::KeyThumbprint => Value::Text(facts.key().thumbprint),
    }
}

fn text(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Absent, Value::Text)
}

/// The code of a condition that does not hold.
pub(crate) fn code(condition: &Condition, held: Held) -> Code {
    match (held, condition.code) {
        (Held::Absent, Code::ClaimMismatch) => Code::ClaimAbsent,
        (Held::Mistyped, Code::ClaimMismatch) => Code::ClaimType,
        (Held::Absent, Code::SubjectMismatch) if matches!(condition.source, Source::NameId(_)) => {
            Code::IdentityAbsent
        }
        (Held::No, Code::ClaimMismatch) if condition.operator == Operator::Present => {
            Code::ClaimAbsent
        }
        (_, code) => code,
    }
}

/// Equality of two values of the token, or of one and an attribute.
fn same(left: Value<'_>, right: Value<'_>, fold: bool) -> Held {
    match (left, right) {
        (Value::Absent, _) | (_, Value::Absent) => Held::Absent,
        (Value::Text(left), Value::Text(right)) => {
            Held::when(same_text(left.as_bytes(), right.as_bytes(), fold))
        }
        (Value::Boolean(left), Value::Boolean(right)) => Held::when(left == right),
        (left, right) => match (number(left, &mut [0; 20]), number(right, &mut [0; 20])) {
            (Some(left), Some(right)) => Held::when(left.compare(&right).is_eq()),
            _ => Held::Mistyped,
        },
    }
}

/// Whether `end` is at most `longest` seconds after `iat`.
fn since_issued(facts: &impl Facts, end: u64, longest: u64) -> Held {
    match facts.issued_at() {
        None => Held::Absent,
        Some(issued) => Held::when(end.saturating_sub(issued) <= longest),
    }
}

fn matches(bytes: Bytes<'_>, operand: Span, value: Value<'_>) -> Result<Held, Failure> {
    match value {
        Value::Absent => Ok(Held::Absent),
        Value::Text(text) => automaton::accepts(bytes, operand, text.as_bytes()).map(Held::when),
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Texts(_)
        | Value::Json(_) => Ok(Held::Mistyped),
    }
}

fn same_text(left: &[u8], right: &[u8], fold: bool) -> bool {
    if fold {
        left.eq_ignore_ascii_case(right)
    } else {
        left == right
    }
}

/// A value that is a number, in a buffer that holds any 64-bit integer.
fn number<'a>(value: Value<'a>, buffer: &'a mut [u8; 20]) -> Option<Decimal<'a>> {
    match value {
        Value::Number(text) => Decimal::parse(text).ok(),
        Value::Integer(integer) => Decimal::parse(digits(integer, buffer)).ok(),
        Value::Absent
        | Value::Null
        | Value::Boolean(_)
        | Value::Text(_)
        | Value::Texts(_)
        | Value::Json(_) => None,
    }
}

/// Writes `integer` into `buffer`: 19 digits and a sign at most.
pub(crate) fn digits(integer: i64, buffer: &mut [u8; 20]) -> &str {
    let mut rest = integer.unsigned_abs();
    let mut start = buffer.len();
    for place in buffer.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        start -= 1;
        if rest == 0 {
            break;
        }
    }
    if integer < 0 {
        start -= 1;
        if let Some(place) = buffer.get_mut(start) {
            *place = b'-';
        }
    }
    buffer
        .get(start..)
        .and_then(|digits| core::str::from_utf8(digits).ok())
        .unwrap_or_default()
}

fn bounded(bound: &str, value: Value<'_>, within: fn(Ordering) -> bool) -> Result<Held, Failure> {
    let bound = Decimal::parse(bound)
        .map_err(|_| Failure::program("a number of the program is not one"))?;
    Ok(match (value, number(value, &mut [0; 20])) {
        (Value::Absent, _) => Held::Absent,
        (_, Some(number)) => Held::when(within(number.compare(&bound))),
        (_, None) => Held::Mistyped,
    })
}

/// A literal as the format has it: a tag and a text.
struct Literals<'a> {
    bytes: Bytes<'a>,
    span: Span,
}

/// Bytes of a literal's record.
const LITERAL: u32 = 12;

impl<'a> Literals<'a> {
    fn count(&self) -> u32 {
        self.span.length / LITERAL
    }

    fn tag(&self, index: u32) -> Result<Tag, Failure> {
        Tag::from_number(self.bytes.u32(self.place(index)?)?)
            .ok_or(Failure::program("a value of the program is of no type"))
    }

    fn text(&self, index: u32) -> Result<&'a [u8], Failure> {
        let span = self.bytes.span(self.place(index)? + 4)?;
        self.bytes.slice(span)
    }

    fn place(&self, index: u32) -> Result<u32, Failure> {
        let table = crate::bytes::Table {
            offset: self.span.offset,
            count: self.count(),
        };
        table.record(index, LITERAL)
    }

    /// The place of a text, by halving: literals are sorted.
    fn find(&self, text: &[u8]) -> Result<bool, Failure> {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low + (high - low) / 2;
            // Texts have the highest tag, so they come last.
            let order = match self.tag(middle)?.cmp(&Tag::Text) {
                Ordering::Equal => self.text(middle)?.cmp(text),
                unequal @ (Ordering::Less | Ordering::Greater) => unequal,
            };
            match order {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(true),
            }
        }
        Ok(false)
    }

    fn any(&self, mut holds: impl FnMut(Tag, &[u8]) -> bool) -> Result<bool, Failure> {
        for index in 0..self.count() {
            if holds(self.tag(index)?, self.text(index)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether `value` equals one of the literals at `operand`. Equality is of the
/// same JSON type; a value whose type no literal has is mistyped, not unequal.
fn any_of(bytes: Bytes<'_>, operand: Span, value: Value<'_>, fold: bool) -> Result<Held, Failure> {
    let literals = Literals {
        bytes,
        span: operand,
    };
    let found = match value {
        Value::Absent => return Ok(Held::Absent),
        Value::Texts(_) | Value::Json(_) => return Ok(Held::Mistyped),
        Value::Text(text) if fold => {
            literals.any(|tag, one| tag == Tag::Text && same_text(one, text.as_bytes(), true))?
        }
        Value::Text(text) => literals.find(text.as_bytes())?,
        Value::Null => literals.any(|tag, _| tag == Tag::Null)?,
        Value::Boolean(false) => literals.any(|tag, _| tag == Tag::False)?,
        Value::Boolean(true) => literals.any(|tag, _| tag == Tag::True)?,
        Value::Integer(_) | Value::Number(_) => {
            let mut buffer = [0; 20];
            let Some(value) = number(value, &mut buffer) else {
                return Ok(Held::Mistyped);
            };
            literals.any(|tag, one| {
                tag == Tag::Number && decimal(one).is_some_and(|one| one.compare(&value).is_eq())
            })?
        }
    };
    if found || literals.any(|tag, _| comparable(tag, value))? {
        Ok(Held::when(found))
    } else {
        Ok(Held::Mistyped)
    }
}

fn decimal(text: &[u8]) -> Option<Decimal<'_>> {
    Decimal::parse(core::str::from_utf8(text).ok()?).ok()
}

/// Whether a literal of type `tag` has the JSON type of `value`.
const fn comparable(tag: Tag, value: Value<'_>) -> bool {
    match value {
        Value::Null => matches!(tag, Tag::Null),
        Value::Boolean(_) => matches!(tag, Tag::False | Tag::True),
        Value::Integer(_) | Value::Number(_) => matches!(tag, Tag::Number),
        Value::Text(_) => matches!(tag, Tag::Text),
        Value::Absent | Value::Texts(_) | Value::Json(_) => false,
    }
}

fn all_of(bytes: Bytes<'_>, operand: Span, value: Value<'_>) -> Result<Held, Failure> {
    let literals = Literals {
        bytes,
        span: operand,
    };
    let texts = match value {
        Value::Absent => return Ok(Held::Absent),
        Value::Texts(texts) => texts,
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Json(_) => return Ok(Held::Mistyped),
    };
    let missing = literals.any(|_, wanted| !texts.iter().any(|one| one.as_bytes() == wanted))?;
    Ok(Held::when(!missing))
}
