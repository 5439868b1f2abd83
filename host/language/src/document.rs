//! The policy document as its author wrote it: typed, with places, and not yet
//! checked against any naming model.

use claimbound_engine::FirstUse;

use crate::bounds;
use crate::diagnostic::{Sink, did_you_mean};
use crate::duration;
use crate::fields::{Fields, Placed, check_name, list, listed, mistyped, table, text, texts};
use crate::grant::{self, Grant};
use crate::operator::{self, Operator};
use crate::rule::Rule;
use crate::suppression::{self, Suppression};
use crate::time;
use crate::tree::{self, Entry, Node, Place, Table, Value};
use crate::window::{self, Window};

/// The most statements of a document.
const MOST_STATEMENTS: usize = 200_000;
/// The most conditions of a statement.
const MOST_CONDITIONS: usize = 512;

/// The keys of a document.
pub(crate) const DOCUMENT_KEYS: [&str; 6] = [
    "claimbound",
    "policy",
    "issuer",
    "trust",
    "forbid",
    "suppress",
];
/// The keys of `policy`.
pub(crate) const POLICY_KEYS: [&str; 2] = ["name", "version"];
/// The keys of an issuer.
pub(crate) const ISSUER_KEYS: [&str; 2] = ["model", "url"];
/// The keys of a trust statement.
pub(crate) const TRUST_KEYS: [&str; 16] = [
    "issuer",
    "audience",
    "shared_audience",
    "token_lifetime",
    "max_age",
    "single_use",
    "expires",
    "danger",
    "subject",
    "claims",
    "nested",
    "key",
    "window",
    "identity",
    "proof",
    "grant",
];
/// The keys of a forbid statement.
pub(crate) const FORBID_KEYS: [&str; 5] = ["issuer", "subject", "claims", "nested", "key"];
/// The keys of `key`.
pub(crate) const KEY_KEYS: [&str; 3] = ["thumbprints", "algorithms", "at_least_bits"];

/// A whole document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The policy's name.
    pub name: Placed<String>,
    /// The policy's version.
    pub version: Placed<String>,
    /// Its issuers, in the order of the document.
    pub issuers: Vec<Issuer>,
    /// Its statements, in the order of the document.
    pub statements: Vec<Statement>,
    /// What a review of it is not to speak of.
    pub suppressions: Vec<Suppression>,
}

impl Document {
    /// The statement whose tables a byte of the text stands in, or before whose name
    /// no other comes; none before the first.
    pub fn statement_at(&self, byte: usize) -> Option<&Statement> {
        let after = self
            .statements
            .partition_point(|one| one.place.start <= byte);
        self.statements.get(after.checked_sub(1)?)
    }
}

/// One issuer.
#[derive(Clone, Debug, PartialEq)]
pub struct Issuer {
    /// What statements call it.
    pub alias: Placed<String>,
    /// Its naming model.
    pub model: Placed<String>,
    /// Its URL; none means the model's own.
    pub url: Option<Placed<String>>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Its name, unique in the document.
    pub name: Placed<String>,
    /// The place of its table.
    pub place: Place,
    /// What it does.
    pub effect: Effect,
    /// The alias of its issuer.
    pub issuer: Option<Placed<String>>,
    /// The subjects that it speaks of.
    pub subject: Option<Placed<Subject>>,
    /// Its conditions on claims.
    pub claims: Vec<ClaimCondition>,
    /// What it asks of the key.
    pub key: Option<KeyCondition>,
    /// The keys that its table has, read or not.
    pub(crate) written: Vec<String>,
}

impl Statement {
    /// Whether the table has this key, even with a value that does not fit.
    pub(crate) fn says(&self, key: &str) -> bool {
        self.written.iter().any(|one| one == key)
    }
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// It trusts, and this is what only a trust says.
    Trust(Box<Trust>),
    /// It forbids.
    Forbid,
}

/// What only a trust statement says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trust {
    /// The audience that a token has to name.
    pub audience: Option<Placed<String>>,
    /// Whether a token may name others beside it.
    pub shared_audience: bool,
    /// The longest `exp` − `iat`, in seconds.
    pub token_lifetime: Option<Placed<u64>>,
    /// The longest now − `iat`, in seconds.
    pub max_age: Option<Placed<u64>>,
    /// Whether a token is spent by its first use.
    pub single_use: bool,
    /// When the statement ends, in seconds since 1970, exclusive.
    pub expires: Option<Placed<u64>>,
    /// Why it may trust a shared issuer without a tenant.
    pub danger: Option<Placed<String>>,
    /// When it is open.
    pub window: Option<Window>,
    /// What a host does with a name that is new to it.
    pub first_use: Option<Placed<FirstUse>>,
    /// How the caller has to prove possession: `any`, `dpop` or `mtls`.
    pub proof: Option<Placed<String>>,
    /// What it grants.
    pub grant: Grant,
}

/// The subjects that a statement speaks of.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// One subject, byte for byte.
    Literal(String),
    /// Subjects by an operator on the whole of it.
    Whole(Operator),
    /// Subjects by what the model reads from them.
    Table(SubjectTable),
}

/// A `subject` table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubjectTable {
    /// Its fields, in the order of the document.
    pub fields: Vec<SubjectField>,
    /// Fields and parts that may have any value.
    pub any: Vec<Placed<String>>,
}

/// One field of a `subject` table.
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectField {
    /// A kind of name, or a part of the subject.
    pub name: Placed<String>,
    /// What is asked of the name or of the part.
    pub value: Option<Placed<Operator>>,
    /// What is asked of the id behind the name.
    pub id: Option<Placed<Operator>>,
    /// The place of its value.
    pub place: Place,
}

/// One condition on a claim.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimCondition {
    /// The claim's path, outermost name first.
    pub path: Placed<Vec<String>>,
    /// What is asked of it.
    pub operator: Placed<Operator>,
}

impl ClaimCondition {
    /// How its author would name it.
    pub fn label(&self) -> String {
        format!("claims.{}", self.path.value.join("."))
    }
}

/// What a statement asks of the key that verified.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyCondition {
    /// RFC 7638 thumbprints, base64url; none means any.
    pub thumbprints: Vec<Placed<String>>,
    /// Algorithms; none means any of the model's.
    pub algorithms: Vec<Placed<String>>,
    /// The least size in bits, inclusive.
    pub at_least_bits: Option<Placed<String>>,
}

/// Reads a document. What is returned may be partial where there are findings.
pub(crate) fn read(table: &Table, length: usize, sink: &mut Sink) -> Document {
    let place = 0..length.min(1);
    let fields = Fields::new(table, &place, "a policy document", &DOCUMENT_KEYS, sink);
    check_format(&fields, sink);
    let policy = fields
        .required("policy", sink)
        .and_then(|entry| policy(&entry.node, sink));
    let issuers = tables(&fields, "issuer", sink)
        .into_iter()
        .filter_map(|entry| issuer(entry, sink))
        .collect();
    let mut statements = Vec::new();
    for key in ["trust", "forbid"] {
        for entry in tables(&fields, key, sink) {
            statements.extend(statement(key, entry, sink));
        }
    }
    statements.sort_by_key(|statement| statement.name.place.start);
    check_statements(&statements, &place, sink);
    let suppressions = fields
        .node("suppress")
        .map_or_else(Vec::new, |node| suppression::read(node, sink));
    suppression::check(&suppressions, &statements, sink);
    // Without a name there is a finding already; the rest is checked as well.
    let unnamed = || Placed::new(String::new(), &place);
    let (name, version) = policy.unwrap_or_else(|| (unnamed(), unnamed()));
    Document {
        name,
        version,
        issuers,
        statements,
        suppressions,
    }
}

fn check_format(fields: &Fields<'_>, sink: &mut Sink) {
    if let Some(entry) = fields.required("claimbound", sink)
        && entry.node.value != Value::Number("1".to_owned())
    {
        sink.error(Rule::Value, &entry.node.place, "this format is not known")
            .expected("`1`, the format of this release");
    }
}

fn check_statements(statements: &[Statement], place: &Place, sink: &mut Sink) {
    if statements.is_empty() {
        sink.error(Rule::MissingKey, place, "the document has no statement")
            .hint("begin one with `[trust.NAME]`");
    }
    if statements.len() > MOST_STATEMENTS {
        let message = format!("the document has {} statements", statements.len());
        sink.error(Rule::Size, place, message)
            .expected(format!("at most {MOST_STATEMENTS}"));
    }
    let mut seen = std::collections::HashSet::new();
    for statement in statements {
        if !seen.insert(&statement.name.value) {
            let message = format!("two statements are called `{}`", statement.name.value);
            sink.error(Rule::Duplicate, &statement.name.place, message)
                .hint("a decision names the statement that made it, so each needs its own name");
        }
    }
}

fn tables<'t>(fields: &Fields<'t>, key: &str, sink: &mut Sink) -> Vec<&'t Entry> {
    match fields.table_of(key, sink) {
        Some((table, _)) => table.entries.iter().collect(),
        None => Vec::new(),
    }
}

fn policy(node: &Node, sink: &mut Sink) -> Option<(Placed<String>, Placed<String>)> {
    let table = table(node, sink)?;
    let fields = Fields::new(table, &node.place, "`policy`", &POLICY_KEYS, sink);
    let mut named = |key, check: fn(&Placed<String>, &mut Sink) -> bool| {
        let found = text(&fields.required(key, sink)?.node, sink)?;
        check(&found, sink).then_some(found)
    };
    let name = named("name", bounds::check_name);
    let version = named("version", bounds::check_version);
    Some((name?, version?))
}

fn issuer(entry: &Entry, sink: &mut Sink) -> Option<Issuer> {
    check_name(&entry.key, &entry.key_place, "the issuer's name", sink).then_some(())?;
    let place = &entry.key_place;
    let table = table(&entry.node, sink)?;
    let fields = Fields::new(table, place, "an issuer", &ISSUER_KEYS, sink);
    let model = text(&fields.required("model", sink)?.node, sink)?;
    Some(Issuer {
        alias: Placed::new(entry.key.clone(), place),
        model,
        url: fields.text("url", sink),
    })
}

fn statement(key: &str, entry: &Entry, sink: &mut Sink) -> Option<Statement> {
    check_name(&entry.key, &entry.key_place, "the statement's name", sink).then_some(())?;
    let table = table(&entry.node, sink)?;
    let place = &entry.key_place;
    let (what, known): (_, &[&str]) = match key {
        "trust" => ("a trust statement", &TRUST_KEYS),
        _ => ("a forbid statement", &FORBID_KEYS),
    };
    let fields = Fields::new(table, place, what, known, sink);
    let effect = match key {
        "trust" => Effect::Trust(Box::new(trust(&fields, sink))),
        _ => Effect::Forbid,
    };
    let mut claims = claims(&fields, sink);
    claims.extend(nested(&fields, sink));
    if claims.len() > MOST_CONDITIONS {
        let message = format!("the statement has {} conditions on claims", claims.len());
        sink.error(Rule::Size, place, message)
            .expected(format!("at most {MOST_CONDITIONS}"));
        // Nobody compiles what is refused.
        claims.clear();
    }
    Some(Statement {
        name: Placed::new(entry.key.clone(), place),
        place: place.clone(),
        effect,
        issuer: fields.text("issuer", sink),
        subject: fields.node("subject").and_then(|node| subject(node, sink)),
        claims,
        key: key_condition(&fields, sink),
        written: table
            .entries
            .iter()
            .map(|entry| entry.key.clone())
            .collect(),
    })
}

fn trust(fields: &Fields<'_>, sink: &mut Sink) -> Trust {
    let duration =
        |key: &str, sink: &mut Sink| fields.node(key).and_then(|node| duration::read(node, sink));
    let audience = fields.text("audience", sink);
    if let Some(audience) = &audience {
        check_name(&audience.value, &audience.place, "the audience", sink);
    }
    let danger = fields.text("danger", sink);
    if let Some(reason) = danger.as_ref().filter(|one| one.value.trim().is_empty()) {
        sink.error(Rule::Value, &reason.place, "`danger` needs a reason")
            .expected("a sentence that a reviewer will read");
    }
    Trust {
        audience,
        shared_audience: flag(fields, "shared_audience", sink),
        token_lifetime: duration("token_lifetime", sink),
        max_age: duration("max_age", sink),
        single_use: flag(fields, "single_use", sink),
        expires: fields
            .node("expires")
            .and_then(|node| time::read(node, sink)),
        danger,
        window: fields
            .table_of("window", sink)
            .and_then(|(table, place)| window::read(table, place, sink)),
        first_use: first_use(fields, sink),
        proof: proof(fields, sink),
        grant: fields
            .table_of("grant", sink)
            .map(|(table, place)| grant::read(table, place, sink))
            .unwrap_or_default(),
    }
}

fn flag(fields: &Fields<'_>, key: &str, sink: &mut Sink) -> bool {
    fields.boolean(key, sink).is_some_and(|flag| flag.value)
}

/// Reads a key with one of a few words for its value, in a table of one key.
fn choice<T: Clone>(
    fields: &Fields<'_>,
    (key, inner): (&str, &'static str),
    what: &'static str,
    choices: &[(&str, T)],
    sink: &mut Sink,
) -> Option<Placed<T>> {
    let (table, place) = fields.table_of(key, sink)?;
    let fields = Fields::new(table, place, what, &[inner], sink);
    let word = text(&fields.required(inner, sink)?.node, sink)?;
    let found = choices.iter().find(|(name, _)| *name == word.value);
    if found.is_none() {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let message = format!("`{}` is no value of `{inner}`", word.value);
        let finding = sink.error(Rule::Value, &word.place, message);
        finding.expected(format!("one of {}", listed(&names)));
        finding.hint = did_you_mean(&word.value, names);
    }
    found.map(|(_, value)| Placed::new(value.clone(), &word.place))
}

fn first_use(fields: &Fields<'_>, sink: &mut Sink) -> Option<Placed<FirstUse>> {
    let choices = [("refuse", FirstUse::Refuse), ("enrol", FirstUse::Enrol)];
    choice(
        fields,
        ("identity", "first_use"),
        "`identity`",
        &choices,
        sink,
    )
}

fn proof(fields: &Fields<'_>, sink: &mut Sink) -> Option<Placed<String>> {
    let choices = ["any", "dpop", "mtls"].map(|word| (word, word.to_owned()));
    choice(fields, ("proof", "method"), "`proof`", &choices, sink)
}

fn subject(node: &Node, sink: &mut Sink) -> Option<Placed<Subject>> {
    let subject = match &node.value {
        Value::Text(text) => {
            check_name(text, &node.place, "the subject", sink).then_some(())?;
            Subject::Literal(text.clone())
        }
        Value::List(_) => Subject::Whole(operator::read(node, sink)?),
        Value::Table(table) => match table.entries.as_slice() {
            [entry] if matches!(entry.key.as_str(), "glob" | "regex" | "any_of" | "equals") => {
                Subject::Whole(operator::named(entry, sink)?)
            }
            _ => Subject::Table(subject_table(table, &node.place, sink)?),
        },
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::Datetime(_) => {
            return mistyped(node, "a table, a string, or a pattern", sink);
        }
    };
    Some(Placed::new(subject, &node.place))
}

fn subject_table(table: &Table, place: &Place, sink: &mut Sink) -> Option<SubjectTable> {
    if table.entries.len() > bounds::MOST {
        let message = format!("the subject has {} fields", table.entries.len());
        sink.error(Rule::Size, place, message)
            .expected(format!("at most {}", bounds::MOST));
        return None;
    }
    let mut subject = SubjectTable::default();
    let mut well = true;
    for entry in &table.entries {
        if entry.key == "any" {
            match texts(&entry.node, sink) {
                Some(any) if any.len() > bounds::MOST => {
                    let message = format!("the list has {} names", any.len());
                    sink.error(Rule::Size, &entry.node.place, message)
                        .expected(format!("at most {}", bounds::MOST));
                    well = false;
                }
                Some(any) => subject.any = any,
                None => well = false,
            }
            continue;
        }
        match subject_field(entry, sink) {
            Some(field) => subject.fields.push(field),
            None => well = false,
        }
    }
    well.then_some(subject)
}

fn subject_field(entry: &Entry, sink: &mut Sink) -> Option<SubjectField> {
    let node = &entry.node;
    let named = match &node.value {
        Value::Table(table) => Some(table).filter(|one| one.has("name") || one.has("id")),
        Value::Null
        | Value::Boolean(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Datetime(_)
        | Value::List(_) => None,
    };
    let (value, id) = if let Some(table) = named {
        let fields = Fields::new(table, &node.place, "a name", &["name", "id"], sink);
        let mut read = |key| match fields.node(key) {
            None => Some(None),
            Some(node) => {
                operator::read(node, sink).map(|operator| Some(Placed::new(operator, &node.place)))
            }
        };
        let (name, id) = (read("name"), read("id"));
        (name?, id?)
    } else {
        (
            Some(Placed::new(operator::read(node, sink)?, &node.place)),
            None,
        )
    };
    Some(SubjectField {
        name: Placed::new(entry.key.clone(), &entry.key_place),
        value,
        id,
        place: node.place.clone(),
    })
}

fn claims(fields: &Fields<'_>, sink: &mut Sink) -> Vec<ClaimCondition> {
    let Some((table, _)) = fields.table_of("claims", sink) else {
        return Vec::new();
    };
    let mut conditions = Vec::new();
    for entry in &table.entries {
        check_name(&entry.key, &entry.key_place, "a claim's name", sink);
        let path = Placed::new(vec![entry.key.clone()], &entry.key_place);
        if let Some(operator) = operator::read(&entry.node, sink) {
            let operator = Placed::new(operator, &entry.node.place);
            conditions.push(ClaimCondition { path, operator });
        }
    }
    conditions
}

fn nested(fields: &Fields<'_>, sink: &mut Sink) -> Vec<ClaimCondition> {
    let Some(conditions) = fields.node("nested").and_then(|node| list(node, sink)) else {
        return Vec::new();
    };
    conditions
        .iter()
        .filter_map(|node| nested_one(node, sink))
        .collect()
}

fn nested_one(node: &Node, sink: &mut Sink) -> Option<ClaimCondition> {
    let table = table(node, sink)?;
    let mut operators = table.entries.iter().filter(|entry| entry.key != "path");
    let Some(path) = table.get("path") else {
        sink.error(
            Rule::MissingKey,
            &node.place,
            "a nested condition needs `path`",
        )
        .expected("the names that lead to the claim, such as `path = [\"act\", \"sub\"]`");
        return None;
    };
    let path = operator::path(&path.node, sink)?;
    let (Some(one), None) = (operators.next(), operators.next()) else {
        sink.error(
            Rule::Value,
            &node.place,
            "a nested condition has exactly one operator",
        )
        .expected(format!("`path` and one of {}", listed(&operator::NAMES)));
        return None;
    };
    let operator = operator::named(one, sink)?;
    let operator = Placed::new(operator, &one.node.place);
    Some(ClaimCondition { path, operator })
}

fn key_condition(fields: &Fields<'_>, sink: &mut Sink) -> Option<KeyCondition> {
    let (table, place) = fields.table_of("key", sink)?;
    let fields = Fields::new(table, place, "`key`", &KEY_KEYS, sink);
    let mut filled = |key| {
        let texts = fields.texts(key, sink);
        if texts.as_ref().is_some_and(Vec::is_empty) {
            sink.error(
                Rule::Value,
                place,
                format!("`{key}` is empty, so no key could fit"),
            );
        }
        texts.unwrap_or_default()
    };
    let (thumbprints, algorithms) = (filled("thumbprints"), filled("algorithms"));
    for thumbprint in &thumbprints {
        if !is_thumbprint(&thumbprint.value) {
            let message = format!("`{}` is no thumbprint", thumbprint.value);
            sink.error(Rule::Value, &thumbprint.place, message)
                .expected("43 characters of base64url without padding (RFC 7638, SHA-256)");
        }
    }
    let at_least_bits = fields
        .node("at_least_bits")
        .and_then(|node| crate::fields::number(node, sink));
    if let Some(bits) = &at_least_bits
        && bits.value.parse::<u32>().is_err()
    {
        sink.error(Rule::Value, &bits.place, "a size is a whole number of bits");
    }
    if thumbprints.is_empty() && algorithms.is_empty() && at_least_bits.is_none() {
        sink.error(Rule::MissingKey, place, "`key` asks for nothing")
            .expected(format!("one of {}", listed(&KEY_KEYS)));
    }
    Some(KeyCondition {
        thumbprints,
        algorithms,
        at_least_bits,
    })
}

/// SHA-256 has 32 bytes, which base64url without padding writes as 43 characters.
fn is_thumbprint(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Parses the text of a document.
pub(crate) fn parse(text: &str, sink: &mut Sink) -> Option<Document> {
    let table = tree::parse(text, sink)?;
    Some(read(&table, text.len(), sink))
}
