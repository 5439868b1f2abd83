//! Writes a program: the inverse of [`Program`](crate::Program).
//!
//! The same model always gives the same bytes. Whatever stands twice (texts,
//! automata, whole conditions) is written once.

use std::collections::{BTreeMap, HashMap};

use crate::bytes::{MOST, Span, Table};
use crate::decision::{FirstUse, Grant, Obligation};
use crate::hash::hash;
use crate::model::{Condition, Effect, Literal, Program, Source, Statement, Test};
use crate::number::{Operator, Tag, of_source};
use crate::program::{FORMAT, HEADER, LISTED, MAGIC, SCANNED};

/// A program past the format's bound of 2 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramTooLarge;

impl core::fmt::Display for ProgramTooLarge {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the policy is too large for the program format")
    }
}

impl std::error::Error for ProgramTooLarge {}

type Written<T> = Result<T, ProgramTooLarge>;

/// An index is built from this many trust statements of an issuer on; fewer are
/// tried one after the other, which is faster than hashing.
const INDEXED_FROM: usize = 5;

/// Writes `program`.
///
/// # Errors
/// [`ProgramTooLarge`] past the format's bounds.
pub fn encode(program: &Program) -> Written<Vec<u8>> {
    let mut writer = Writer::new();
    let name = writer.text(&program.name)?;
    let version = writer.text(&program.version)?;
    let document = writer.text(program.document.as_deref().unwrap_or_default())?;
    let claims = writer.paths(&program.claims)?;
    let parts = writer.texts(&program.parts)?;
    let names = writer.texts(&program.names)?;
    let attributes = writer.texts(&program.attributes)?;
    let obligations = writer.texts(&obligation_kinds(program))?;
    let statements = writer.statements(&program.statements)?;
    let issuers = writer.issuers(&program.statements)?;
    let conditions = writer.finish_conditions()?;
    let mut header = Vec::with_capacity(HEADER as usize);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&FORMAT.to_le_bytes());
    header.extend_from_slice(&size(writer.bytes.len())?.to_le_bytes());
    for span in [name, version, document] {
        push_span(&mut header, span);
    }
    for table in [
        claims,
        parts,
        names,
        attributes,
        obligations,
        issuers,
        statements,
        conditions,
    ] {
        push_table(&mut header, table);
    }
    writer.bytes.splice(..header.len(), header);
    Ok(writer.bytes)
}

fn size(length: usize) -> Written<u32> {
    u32::try_from(length)
        .ok()
        .filter(|length| *length <= MOST)
        .ok_or(ProgramTooLarge)
}

fn push_span(bytes: &mut Vec<u8>, span: Span) {
    bytes.extend_from_slice(&span.offset.to_le_bytes());
    bytes.extend_from_slice(&span.length.to_le_bytes());
}

fn push_table(bytes: &mut Vec<u8>, table: Table) {
    bytes.extend_from_slice(&table.offset.to_le_bytes());
    bytes.extend_from_slice(&table.count.to_le_bytes());
}

/// The kinds of obligations that the program's grants hold, sorted.
fn obligation_kinds(program: &Program) -> Vec<String> {
    let mut kinds: Vec<String> = program
        .statements
        .iter()
        .filter_map(|statement| match &statement.effect {
            Effect::Trust(grant) => Some(grant),
            Effect::Forbid => None,
        })
        .flat_map(|grant| &grant.obligations)
        .map(|obligation| match obligation {
            Obligation::Bind(_) => "bind".to_owned(),
            Obligation::UseOnce => "use-once".to_owned(),
            Obligation::Prove(_) => "prove".to_owned(),
            Obligation::Other { kind, .. } => kind.clone(),
        })
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// The output and what already stands in it.
struct Writer {
    bytes: Vec<u8>,
    blobs: HashMap<Vec<u8>, u32>,
    conditions: HashMap<Condition, u32>,
    records: Vec<u8>,
}

impl Writer {
    fn new() -> Self {
        Self {
            bytes: vec![0; HEADER as usize],
            blobs: HashMap::new(),
            conditions: HashMap::new(),
            records: Vec::new(),
        }
    }

    /// Where `blob` stands, written now if it does not yet.
    fn blob(&mut self, blob: &[u8]) -> Written<Span> {
        let length = size(blob.len())?;
        if let Some(offset) = self.blobs.get(blob) {
            return Ok(Span {
                offset: *offset,
                length,
            });
        }
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let offset = size(self.bytes.len())?;
        self.bytes.extend_from_slice(blob);
        self.blobs.insert(blob.to_vec(), offset);
        Ok(Span { offset, length })
    }

    fn table(&mut self, bytes: &[u8], count: usize) -> Written<Table> {
        Ok(Table {
            offset: self.blob(bytes)?.offset,
            count: size(count)?,
        })
    }

    fn text(&mut self, text: &str) -> Written<Span> {
        self.blob(text.as_bytes())
    }

    fn texts(&mut self, texts: &[String]) -> Written<Table> {
        let mut spans = Vec::with_capacity(texts.len() * 8);
        for text in texts {
            push_span(&mut spans, self.text(text)?);
        }
        self.table(&spans, texts.len())
    }

    fn paths(&mut self, paths: &[Vec<String>]) -> Written<Table> {
        let mut tables = Vec::with_capacity(paths.len() * 8);
        for path in paths {
            push_table(&mut tables, self.texts(path)?);
        }
        self.table(&tables, paths.len())
    }

    fn numbers(&mut self, numbers: &[u32]) -> Written<Table> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        self.table(&bytes, numbers.len())
    }

    fn literals(&mut self, literals: &[Literal]) -> Written<Span> {
        let mut records = Vec::with_capacity(literals.len() * 12);
        for literal in literals {
            let (tag, text) = match literal {
                Literal::Null => (Tag::Null, ""),
                Literal::Boolean(false) => (Tag::False, ""),
                Literal::Boolean(true) => (Tag::True, ""),
                Literal::Number(text) => (Tag::Number, text.as_str()),
                Literal::Text(text) => (Tag::Text, text.as_str()),
            };
            let span = self.text(text)?;
            records.extend_from_slice(&(tag as u32).to_le_bytes());
            push_span(&mut records, span);
        }
        self.blob(&records)
    }

    fn test(&mut self, test: &Test) -> Written<(Operator, u16, Span)> {
        const NOTHING: Span = Span {
            offset: 0,
            length: 0,
        };
        let words = |words: &[u64]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        };
        Ok(match test {
            Test::Equals(literal) => (
                Operator::Equals,
                0,
                self.literals(core::slice::from_ref(literal))?,
            ),
            Test::AnyOf(literals) => (Operator::AnyOf, 0, self.literals(&sorted(literals))?),
            Test::NoneOf(literals) => (Operator::NoneOf, 0, self.literals(&sorted(literals))?),
            Test::Matches(automaton) => (Operator::Matches, 0, self.blob(&automaton.to_bytes())?),
            Test::AtLeast(number) => (Operator::AtLeast, 0, self.text(number)?),
            Test::AtMost(number) => (Operator::AtMost, 0, self.text(number)?),
            Test::Contains(one) => (
                Operator::Contains,
                0,
                self.literals(&[Literal::Text(one.clone())])?,
            ),
            Test::AllOf(texts) => {
                let texts: Vec<_> = texts.iter().cloned().map(Literal::Text).collect();
                (Operator::AllOf, 0, self.literals(&sorted(&texts))?)
            }
            Test::Present => (Operator::Present, 0, NOTHING),
            Test::Absent => (Operator::Absent, 0, NOTHING),
            Test::SameAs(source) => {
                let (kind, index) = of_source(*source);
                (Operator::SameAs, index, self.blob(&[kind])?)
            }
            Test::Attribute(index) => (Operator::Attribute, *index, NOTHING),
            Test::AudienceIs(audience) => (Operator::AudienceIs, 0, self.text(audience)?),
            Test::SoleAudience => (Operator::SoleAudience, 0, NOTHING),
            Test::Weekly(window) => (Operator::Weekly, 0, self.blob(&window.to_bytes())?),
            Test::Between(from, until) => {
                (Operator::Between, 0, self.blob(&words(&[*from, *until]))?)
            }
            Test::LifetimeAtMost(seconds) => {
                (Operator::LifetimeAtMost, 0, self.blob(&words(&[*seconds]))?)
            }
            Test::AgeAtMost(seconds) => (Operator::AgeAtMost, 0, self.blob(&words(&[*seconds]))?),
        })
    }

    /// The number of `condition`, written now if it is new.
    fn condition(&mut self, condition: &Condition) -> Written<u32> {
        if let Some(number) = self.conditions.get(condition) {
            return Ok(*number);
        }
        let (kind, index) = of_source(condition.source);
        let (operator, other, operand) = self.test(&condition.test)?;
        let claim = self.texts(&condition.claim)?;
        let expected = self.text(&condition.expected)?;
        let label = self.text(&condition.label)?;
        self.records.extend_from_slice(&[
            kind,
            operator as u8,
            condition.code as u8,
            u8::from(condition.fold),
        ]);
        self.records.extend_from_slice(&index.to_le_bytes());
        self.records.extend_from_slice(&other.to_le_bytes());
        push_span(&mut self.records, operand);
        push_table(&mut self.records, claim);
        push_span(&mut self.records, expected);
        push_span(&mut self.records, label);
        let number = size(self.conditions.len())?;
        self.conditions.insert(condition.clone(), number);
        Ok(number)
    }

    fn finish_conditions(&mut self) -> Written<Table> {
        let records = core::mem::take(&mut self.records);
        self.table(&records, self.conditions.len())
    }

    fn statements(&mut self, statements: &[Statement]) -> Written<Table> {
        let mut records = Vec::with_capacity(statements.len() * 20);
        for statement in statements {
            let name = self.text(&statement.name)?;
            let conditions = statement
                .conditions
                .iter()
                .map(|condition| self.condition(condition))
                .collect::<Written<Vec<_>>>()?;
            let conditions = self.numbers(&conditions)?;
            let grant = match &statement.effect {
                Effect::Forbid => 0,
                Effect::Trust(grant) => self.grant(grant)?,
            };
            push_span(&mut records, name);
            push_table(&mut records, conditions);
            records.extend_from_slice(&grant.to_le_bytes());
        }
        self.table(&records, statements.len())
    }

    fn grant(&mut self, grant: &Grant) -> Written<u32> {
        let roles = self.texts(&grant.roles)?;
        let scopes = self.texts(&grant.scopes)?;
        let claims = self.text(grant.claims.as_deref().unwrap_or_default())?;
        let mut records = Vec::new();
        for obligation in &grant.obligations {
            let (kind, first, second) = match obligation {
                Obligation::Bind(FirstUse::Refuse) => (0_u32, "", ""),
                Obligation::Bind(FirstUse::Enrol) => (1, "", ""),
                Obligation::UseOnce => (2, "", ""),
                Obligation::Prove(method) => (3, method.as_str(), ""),
                Obligation::Other { kind, json } => (4, kind.as_str(), json.as_str()),
            };
            let (first, second) = (self.text(first)?, self.text(second)?);
            records.extend_from_slice(&kind.to_le_bytes());
            push_span(&mut records, first);
            push_span(&mut records, second);
        }
        let obligations = self.table(&records, grant.obligations.len())?;
        let mut record = Vec::with_capacity(40);
        push_table(&mut record, roles);
        push_table(&mut record, scopes);
        push_span(&mut record, claims);
        record.extend_from_slice(&u32::from(grant.max_lifetime.is_some()).to_le_bytes());
        record.extend_from_slice(&grant.max_lifetime.unwrap_or(0).to_le_bytes());
        push_table(&mut record, obligations);
        Ok(self.blob(&record)?.offset)
    }

    fn issuers(&mut self, statements: &[Statement]) -> Written<Table> {
        let mut by_issuer: BTreeMap<&str, Vec<(u32, &Statement)>> = BTreeMap::new();
        for (number, statement) in statements.iter().enumerate() {
            by_issuer
                .entry(&statement.issuer)
                .or_default()
                .push((size(number)?, statement));
        }
        let mut records = Vec::with_capacity(by_issuer.len() * 44);
        for (issuer, statements) in &by_issuer {
            let (trusts, forbids): (Vec<_>, Vec<_>) = statements
                .iter()
                .copied()
                .partition(|(_, statement)| matches!(statement.effect, Effect::Trust(_)));
            let span = self.text(issuer)?;
            let forbids = self.numbers(&numbers_of(&forbids))?;
            let (indexed, scanned) = anchors(&trusts);
            let scanned = self.numbers(&scanned)?;
            let anchors = self.anchors(&indexed)?;
            let numbers = numbers_of(&trusts);
            let listed = self.numbers(numbers.get(..LISTED).unwrap_or(&numbers))?;
            push_span(&mut records, span);
            for table in [forbids, scanned, anchors, listed] {
                push_table(&mut records, table);
            }
            records.extend_from_slice(&size(trusts.len())?.to_le_bytes());
        }
        self.table(&records, by_issuer.len())
    }

    fn anchors(&mut self, indexed: &Anchors<'_>) -> Written<Table> {
        let mut records = Vec::with_capacity(indexed.len() * 12);
        for (source, entries) in indexed {
            let slots = self.slots(entries)?;
            let (kind, index) = of_source(*source);
            records.extend_from_slice(&u16::from(kind).to_le_bytes());
            records.extend_from_slice(&index.to_le_bytes());
            push_table(&mut records, slots);
        }
        self.table(&records, indexed.len())
    }

    /// A hash table with open addressing, at most half full: `(hash, entry)`,
    /// where entry 0 is an empty slot.
    fn slots(&mut self, entries: &BTreeMap<&str, Vec<u32>>) -> Written<Table> {
        let capacity = (entries.len() * 2).next_power_of_two();
        let mut slots = vec![(0, 0); capacity];
        for (key, statements) in entries {
            let mut entry = Vec::with_capacity(16);
            let (text, numbers) = (self.text(key)?, self.numbers(statements)?);
            push_span(&mut entry, text);
            push_table(&mut entry, numbers);
            let entry = self.blob(&entry)?.offset;
            let hash = hash(key.as_bytes());
            let mut place = hash as usize % capacity;
            while slots.get(place).is_some_and(|slot| slot.1 != 0) {
                place = (place + 1) % capacity;
            }
            if let Some(slot) = slots.get_mut(place) {
                *slot = (hash, entry);
            }
        }
        let bytes: Vec<u8> = slots
            .iter()
            .flat_map(|(hash, entry)| [hash.to_le_bytes(), entry.to_le_bytes()])
            .flatten()
            .collect();
        self.table(&bytes, capacity)
    }
}

fn numbers_of(statements: &[(u32, &Statement)]) -> Vec<u32> {
    statements.iter().map(|(number, _)| *number).collect()
}

/// Literals in an order that the evaluator can search: by tag, then by bytes.
fn sorted(literals: &[Literal]) -> Vec<Literal> {
    let mut literals = literals.to_vec();
    literals.sort_unstable();
    literals.dedup();
    literals
}

/// For each source, the statements that can only match one of its values.
type Anchors<'a> = BTreeMap<Source, BTreeMap<&'a str, Vec<u32>>>;

/// Sorts statements under the value of the source that tells most of them
/// apart; those without one, and those of a short list, are left to be scanned.
fn anchors<'a>(trusts: &[(u32, &'a Statement)]) -> (Anchors<'a>, Vec<u32>) {
    let mut anchors = Anchors::new();
    if trusts.len() < INDEXED_FROM {
        return (anchors, numbers_of(trusts));
    }
    let mut distinct: BTreeMap<Source, std::collections::HashSet<&str>> = BTreeMap::new();
    for (_, statement) in trusts {
        for (source, values) in statement.conditions.iter().filter_map(pinned) {
            distinct.entry(source).or_default().extend(values);
        }
    }
    let mut scanned = Vec::new();
    for (number, statement) in trusts {
        let best = statement
            .conditions
            .iter()
            .filter_map(pinned)
            .max_by_key(|(source, _)| {
                let count = distinct
                    .get(source)
                    .map_or(0, std::collections::HashSet::len);
                (count, core::cmp::Reverse(*source))
            });
        match best {
            None => scanned.push(*number),
            Some((source, values)) => {
                let entries = anchors.entry(source).or_default();
                for value in values {
                    entries.entry(value).or_default().push(*number);
                }
            }
        }
    }
    // Each source costs a look-up a token: those past the format's bound, and
    // those that serve few statements, are scanned instead.
    while anchors.len() > SCANNED {
        let smallest = anchors
            .iter()
            .min_by_key(|(_, entries)| entries.len())
            .map(|(source, _)| *source);
        let Some(entries) = smallest.and_then(|source| anchors.remove(&source)) else {
            break;
        };
        scanned.extend(entries.into_values().flatten());
    }
    scanned.sort_unstable();
    scanned.dedup();
    (anchors, scanned)
}

/// The texts that a condition pins its source to, where it pins it.
fn pinned(condition: &Condition) -> Option<(Source, Vec<&str>)> {
    let literals = match &condition.test {
        Test::Equals(literal) => core::slice::from_ref(literal),
        Test::AnyOf(literals) => literals,
        Test::NoneOf(_)
        | Test::Matches(_)
        | Test::AtLeast(_)
        | Test::AtMost(_)
        | Test::Contains(_)
        | Test::AllOf(_)
        | Test::Present
        | Test::Absent
        | Test::SameAs(_)
        | Test::Attribute(_)
        | Test::AudienceIs(_)
        | Test::SoleAudience
        | Test::Weekly(_)
        | Test::Between(..)
        | Test::LifetimeAtMost(_)
        | Test::AgeAtMost(_) => return None,
    };
    if condition.fold {
        return None;
    }
    literals
        .iter()
        .map(|literal| match literal {
            Literal::Text(text) => Some(text.as_str()),
            Literal::Null | Literal::Boolean(_) | Literal::Number(_) => None,
        })
        .collect::<Option<Vec<_>>>()
        .map(|texts| (condition.source, texts))
}
