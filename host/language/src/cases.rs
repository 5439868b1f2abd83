//! Case files: tokens that a policy is tried on, and what it has to say.

mod known;

use std::collections::BTreeMap;

use claimbound_engine::{Decision, Grant};
use serde_json::{Map, Value as Json};

use crate::compile::{Compiled, IssuerSummary};
use crate::diagnostic::{Diagnostics, Sink, did_you_mean};
use crate::example::{Example, USUAL_LIFETIME, USUAL_TIME};
use crate::fields::{Fields, Placed, check_name, list, listed, table, text, texts};
use crate::grant;
use crate::native::{NativeKey, NativeRequest, claim_at};
use crate::operator;
use crate::reasons::reason_codes;
use crate::reprint::{self, Rewrite};
use crate::rule::Rule;
use crate::time;
use crate::tree::{self, Entry, Node, Place, Table, Value};

use known::Known;
pub use known::TokenIssuer;

const FILE_KEYS: [&str; 2] = ["token", "case"];
const TOKEN_KEYS: [&str; 8] = [
    "like", "issuer", "model", "audience", "form", "subject", "claims", "without",
];
/// What a token says that is like none of a document's.
const WHOLE_KEYS: [&str; 3] = ["issuer", "model", "audience"];
const CASE_KEYS: [&str; 15] = [
    "name",
    "token",
    "form",
    "subject",
    "with",
    "without",
    "at",
    "audience",
    "attributes",
    "key",
    "allow",
    "grant",
    "deny",
    "claim",
    "statement",
];
const KEY_KEYS: [&str; 4] = ["algorithm", "type", "bits", "thumbprint"];
const GRANT_KEYS: [&str; 4] = ["roles", "scopes", "claims", "max_ttl"];
/// The most tokens and the most cases of one file.
const MOST: usize = 10_000;

/// A case file.
#[derive(Clone, Debug, PartialEq)]
pub struct Cases {
    /// What its text is called, such as the path of the file.
    pub source_name: String,
    text: String,
    /// Its tokens by name.
    pub tokens: Vec<(Placed<String>, TokenRecipe)>,
    /// Its cases, in the order of the file.
    pub cases: Vec<Case>,
}

/// How a token is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenRecipe {
    /// The trust statement that accepts the token that it begins with.
    pub like: Option<Placed<String>>,
    /// The issuer of a token that is written out; one that has neither is its
    /// claims alone.
    pub issuer: Option<TokenIssuer>,
    /// The audience of a token that is written out.
    pub audience: Option<String>,
    /// What is changed of it.
    pub change: Change,
}

/// What is changed of a token, in this order: form and subject, with every claim
/// that repeats them; single claims; claims that are taken out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// The form of its subject.
    pub form: Option<Placed<String>>,
    /// Names and parts of its subject.
    pub subject: Vec<SubjectChange>,
    /// Claims that are set; a table changes the members that it names.
    pub with: Map<String, Json>,
    /// Paths of claims that are taken out.
    pub without: Vec<Vec<String>>,
}

/// One name or part of a subject that is changed.
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectChange {
    /// A kind of name, or a part.
    pub field: Placed<String>,
    /// Its new name or value.
    pub value: Option<String>,
    /// The new id behind the name.
    pub id: Option<String>,
}

/// One case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name, unique in the file.
    pub name: Placed<String>,
    /// The name of its token.
    pub token: Placed<String>,
    /// What is changed of the token.
    pub change: Change,
    /// When it is decided, in seconds since 1970.
    pub at: Option<u64>,
    /// The audience of the route; none means the token's own.
    pub audience: Option<String>,
    /// The request's attributes.
    pub attributes: BTreeMap<String, String>,
    /// What is changed of the key.
    pub key: KeyChange,
    /// What the policy has to say.
    pub expected: Expected,
}

/// What is changed of the key that verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// Its algorithm.
    pub algorithm: Option<String>,
    /// Its type.
    pub key_type: Option<String>,
    /// Its size in bits.
    pub bits: Option<u32>,
    /// Its thumbprint.
    pub thumbprint: Option<String>,
}

/// What a policy has to say of a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// It allows.
    Allow {
        /// The statement that does.
        statement: Placed<String>,
        /// What has to be granted, as far as the case says it.
        grant: Option<ExpectedGrant>,
    },
    /// It denies.
    Deny {
        /// The code of one of the reasons.
        code: Placed<String>,
        /// The path of the claim that this reason speaks of.
        claim: Option<Vec<String>>,
        /// The statement that it speaks of.
        statement: Option<String>,
    },
}

/// What has to be granted; what is none may be anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedGrant {
    /// Exactly these roles.
    pub roles: Option<Vec<String>>,
    /// Exactly these scopes.
    pub scopes: Option<Vec<String>>,
    /// Exactly these claims.
    pub claims: Option<Map<String, Json>>,
    /// This longest lifetime, in seconds.
    pub max_ttl: Option<u64>,
}

/// A case's token and circumstances, ready to be decided.
#[derive(Clone, Debug, PartialEq)]
pub struct DerivedToken {
    /// Its claims.
    pub claims: Map<String, Json>,
    /// The key that verified it.
    pub key: NativeKey,
    /// When and where it is decided.
    pub request: NativeRequest,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseOutcome {
    /// The policy said what it has to say.
    Passed,
    /// It said something else: what was expected and what was found, in one
    /// sentence.
    Failed(String),
}

impl CaseOutcome {
    /// Compares a decision with what a case expects.
    pub fn of(expected: &Expected, decision: &Decision) -> Self {
        match mismatch(expected, decision) {
            None => Self::Passed,
            Some(message) => Self::Failed(message),
        }
    }
}

/// Reads a case file. `source_name` is what its text is called in findings.
///
/// # Errors
/// Every finding about the file.
pub fn parse_cases(source_name: &str, text: &str) -> Result<Cases, Diagnostics> {
    let mut sink = Sink::default();
    let cases =
        tree::parse(text, &mut sink).map(|table| read(source_name, text, &table, &mut sink));
    match cases {
        Some(cases) if !sink.has_errors() => Ok(cases),
        Some(_) | None => Err(sink.finish(source_name, text)),
    }
}

fn read(source_name: &str, source: &str, table: &Table, sink: &mut Sink) -> Cases {
    let place = 0..source.len().min(1);
    let fields = Fields::new(table, &place, "a case file", &FILE_KEYS, sink);
    let mut tokens = Vec::new();
    if let Some((table, _)) = fields.table_of("token", sink) {
        tokens.extend(table.entries.iter().filter_map(|entry| token(entry, sink)));
    }
    let nodes = fields
        .node("case")
        .and_then(|node| list(node, sink))
        .unwrap_or_default();
    if nodes.len() > MOST || tokens.len() > MOST {
        sink.error(
            Rule::Size,
            &place,
            format!("a file has at most {MOST} cases"),
        );
    }
    let cases: Vec<Case> = nodes.iter().filter_map(|node| case(node, sink)).collect();
    if nodes.is_empty() {
        sink.error(Rule::MissingKey, &place, "the file has no case")
            .hint("begin one with `[[case]]`");
    }
    check_references(&tokens, &cases, sink);
    Cases {
        source_name: source_name.to_owned(),
        text: source.to_owned(),
        tokens,
        cases,
    }
}

fn check_references(tokens: &[(Placed<String>, TokenRecipe)], cases: &[Case], sink: &mut Sink) {
    let names: Vec<&str> = tokens.iter().map(|(name, _)| name.value.as_str()).collect();
    let mut seen = std::collections::HashSet::new();
    for case in cases {
        if !seen.insert(&case.name.value) {
            let message = format!("two cases are called `{}`", case.name.value);
            sink.error(Rule::Duplicate, &case.name.place, message);
        }
        if !names.contains(&case.token.value.as_str()) {
            let message = format!("token `{}` is not defined", case.token.value);
            let finding = sink.error(Rule::Case, &case.token.place, message);
            finding.hint = did_you_mean(&case.token.value, names.iter().copied())
                .or_else(|| Some(format!("define it as `[token.{}]`", case.token.value)));
        }
    }
}

fn token(entry: &Entry, sink: &mut Sink) -> Option<(Placed<String>, TokenRecipe)> {
    check_name(&entry.key, &entry.key_place, "the token's name", sink).then_some(())?;
    let table = table(&entry.node, sink)?;
    let fields = Fields::new(table, &entry.key_place, "a token", &TOKEN_KEYS, sink);
    let like = fields.text("like", sink);
    let like = match like {
        None => None,
        Some(like) => Some(statement_of(&like, sink)?),
    };
    let claims = fields.node("claims").and_then(|node| object(node, sink));
    if like.is_none() && claims.is_none() {
        sink.error(
            Rule::MissingKey,
            &entry.key_place,
            "a token needs `like` or `claims`",
        );
        return None;
    }
    let name = Placed::new(entry.key.clone(), &entry.key_place);
    let is_whole = check_whole(&fields, like.is_some(), claims.as_ref(), &name, sink)?;
    let issuer = if is_whole {
        Some(TokenIssuer::read(&fields, &name, sink)?)
    } else {
        None
    };
    let recipe = TokenRecipe {
        like,
        issuer,
        audience: fields.text("audience", sink).map(|one| one.value),
        change: change(&fields, claims, sink),
    };
    Some((name, recipe))
}

/// Whether a token names its issuer, and so is made of what it says alone. None
/// where it says too much, or too little.
fn check_whole(
    fields: &Fields<'_>,
    is_like: bool,
    claims: Option<&Map<String, Json>>,
    name: &Placed<String>,
    sink: &mut Sink,
) -> Option<bool> {
    let is_whole = ["issuer", "model"]
        .iter()
        .any(|key| fields.entry(key).is_some());
    let (with, misplaced): (_, &[&str]) = match (is_like, is_whole) {
        (true, _) => ("like", &WHOLE_KEYS),
        (false, true) => ("issuer", &["form", "subject"]),
        (false, false) => ("claims", &["audience"]),
    };
    let errors = sink.errors();
    for entry in misplaced.iter().filter_map(|key| fields.entry(key)) {
        let message = format!("`{}` says nothing beside `{with}`", entry.key);
        sink.error(Rule::Case, &entry.key_place, message);
    }
    let has_audience =
        fields.entry("audience").is_some() || claims.is_some_and(|one| one.contains_key("aud"));
    if is_whole && !is_like && !has_audience {
        let message = format!("token `{}` needs `audience`", name.value);
        sink.error(Rule::MissingKey, &name.place, message);
    }
    (sink.errors() == errors).then_some(is_whole)
}

fn statement_of(like: &Placed<String>, sink: &mut Sink) -> Option<Placed<String>> {
    let name = like.value.strip_prefix("trust.");
    if name.is_none() {
        sink.error(
            Rule::Case,
            &like.place,
            format!("`{}` is no trust statement", like.value),
        )
        .expected("`trust.` and the name of a statement");
    }
    Some(Placed::new(name?.to_owned(), &like.place))
}

fn object(node: &Node, sink: &mut Sink) -> Option<Map<String, Json>> {
    table(node, sink)?;
    match grant::json(node, sink)? {
        Json::Object(object) => Some(object),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => None,
    }
}

fn change(fields: &Fields<'_>, with: Option<Map<String, Json>>, sink: &mut Sink) -> Change {
    let without = fields.node("without").and_then(|node| list(node, sink));
    Change {
        form: fields.text("form", sink),
        subject: fields
            .table_of("subject", sink)
            .map(|(table, _)| {
                table
                    .entries
                    .iter()
                    .filter_map(|one| subject(one, sink))
                    .collect()
            })
            .unwrap_or_default(),
        with: with.unwrap_or_default(),
        without: without
            .unwrap_or_default()
            .iter()
            .filter_map(|node| Some(operator::path(node, sink)?.value))
            .collect(),
    }
}

fn subject(entry: &Entry, sink: &mut Sink) -> Option<SubjectChange> {
    let (value, id) = match &entry.node.value {
        Value::Table(table) => {
            let place = &entry.node.place;
            let fields = Fields::new(table, place, "a name", &["name", "id"], sink);
            (fields.text("name", sink), fields.text("id", sink))
        }
        Value::Null
        | Value::Boolean(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Datetime(_)
        | Value::List(_) => (Some(text(&entry.node, sink)?), None),
    };
    Some(SubjectChange {
        field: Placed::new(entry.key.clone(), &entry.key_place),
        value: value.map(|one| one.value),
        id: id.map(|one| one.value),
    })
}

fn case(node: &Node, sink: &mut Sink) -> Option<Case> {
    let table = table(node, sink)?;
    let fields = Fields::new(table, &node.place, "a case", &CASE_KEYS, sink);
    let name = text(&fields.required("name", sink)?.node, sink)?;
    check_name(&name.value, &name.place, "the case's name", sink).then_some(())?;
    let token = text(&fields.required("token", sink)?.node, sink)?;
    let with = fields.node("with").and_then(|node| object(node, sink));
    Some(Case {
        change: change(&fields, with, sink),
        at: fields
            .node("at")
            .and_then(|node| time::read(node, sink))
            .map(|at| at.value),
        audience: fields.text("audience", sink).map(|one| one.value),
        attributes: attributes(&fields, sink),
        key: key_change(&fields, sink),
        expected: expected(&fields, &name, sink)?,
        name,
        token,
    })
}

fn attributes(fields: &Fields<'_>, sink: &mut Sink) -> BTreeMap<String, String> {
    let Some((table, _)) = fields.table_of("attributes", sink) else {
        return BTreeMap::new();
    };
    let entries = table.entries.iter();
    entries
        .filter_map(|entry| Some((entry.key.clone(), text(&entry.node, sink)?.value)))
        .collect()
}

fn key_change(fields: &Fields<'_>, sink: &mut Sink) -> KeyChange {
    let Some((table, place)) = fields.table_of("key", sink) else {
        return KeyChange::default();
    };
    let fields = Fields::new(table, place, "`key`", &KEY_KEYS, sink);
    let mut word = |key| fields.text(key, sink).map(|one| one.value);
    let (algorithm, key_type, thumbprint) = (word("algorithm"), word("type"), word("thumbprint"));
    let bits = fields.node("bits").and_then(|node| {
        let number = crate::fields::number(node, sink)?;
        let bits = number.value.parse().ok();
        if bits.is_none() {
            sink.error(
                Rule::Value,
                &number.place,
                "a size is a whole number of bits",
            );
        }
        bits
    });
    KeyChange {
        algorithm,
        key_type,
        bits,
        thumbprint,
    }
}

fn expected(fields: &Fields<'_>, name: &Placed<String>, sink: &mut Sink) -> Option<Expected> {
    let allow = fields.text("allow", sink);
    let deny = fields.text("deny", sink);
    let misplaced = |keys: &[&str], with: &str, sink: &mut Sink| {
        for entry in keys.iter().filter_map(|key| fields.entry(key)) {
            let message = format!("`{}` says nothing beside `{with}`", entry.key);
            sink.error(Rule::Case, &entry.key_place, message);
        }
    };
    match (allow, deny) {
        (Some(statement), None) => {
            misplaced(&["claim", "statement"], "allow", sink);
            let grant = fields
                .table_of("grant", sink)
                .map(|(table, place)| expected_grant(table, place, sink));
            Some(Expected::Allow { statement, grant })
        }
        (None, Some(code)) => {
            misplaced(&["grant"], "deny", sink);
            check_code(&code, sink);
            let claim = fields
                .node("claim")
                .and_then(|node| operator::path(node, sink));
            Some(Expected::Deny {
                code,
                claim: claim.map(|path| path.value),
                statement: fields.text("statement", sink).map(|one| one.value),
            })
        }
        (Some(_), Some(_)) | (None, None) => {
            sink.error(
                Rule::Case,
                &name.place,
                "a case expects exactly one of `allow` and `deny`",
            );
            None
        }
    }
}

fn check_code(code: &Placed<String>, sink: &mut Sink) {
    let codes = || reason_codes().iter().filter(|one| one.kind == "reason");
    if codes().any(|one| one.code == code.value) {
        return;
    }
    let finding = sink.error(
        Rule::Case,
        &code.place,
        format!("`{}` is no reason code", code.value),
    );
    finding.hint = if reason_codes().iter().any(|one| one.code == code.value) {
        Some("it is the code of a failure, which is no denial".to_owned())
    } else {
        did_you_mean(&code.value, codes().map(|one| one.code.as_str()))
    };
}

fn expected_grant(table: &Table, place: &Place, sink: &mut Sink) -> ExpectedGrant {
    let fields = Fields::new(table, place, "a grant", &GRANT_KEYS, sink);
    let mut names = |key| {
        let node = fields.node(key)?;
        let values: Vec<String> = texts(node, sink)?
            .into_iter()
            .map(|one| one.value)
            .collect();
        Some(values)
    };
    let (roles, scopes) = (names("roles"), names("scopes"));
    ExpectedGrant {
        roles,
        scopes,
        claims: fields.node("claims").and_then(|node| object(node, sink)),
        max_ttl: fields
            .node("max_ttl")
            .and_then(|node| crate::duration::read(node, sink))
            .map(|one| one.value),
    }
}

impl Cases {
    /// Checks the file against the policy that it stands beside: statements,
    /// forms and fields exist, and every token can be made.
    ///
    /// # Errors
    /// Every finding about the file.
    pub fn check(&self, compiled: &Compiled) -> Result<(), Diagnostics> {
        let mut sink = Sink::default();
        for (_, recipe) in &self.tokens {
            if let Some(like) = &recipe.like {
                check_like(compiled, like, &mut sink);
            }
            if let Some(issuer) = &recipe.issuer {
                known::check_model(compiled, issuer, &mut sink);
            }
        }
        let unlike = |case: &Case| {
            let recipe = self.recipe(case);
            let like = recipe.and_then(|recipe| recipe.like.as_ref());
            like.is_some_and(|like| !trusts(compiled, &like.value))
        };
        for case in &self.cases {
            let is_known = check_statement(compiled, &case.expected, &mut sink);
            // A token that is like nothing is told of where it is made.
            if is_known && !unlike(case) {
                self.check_token(self.known(Some(compiled)), case, &mut sink);
            }
        }
        self.checked(sink)
    }

    /// Checks a file that stands beside a component without a verified document:
    /// every token is written out, and can be made. Which statements there are is
    /// for the component to say.
    ///
    /// # Errors
    /// Every finding about the file.
    pub fn check_alone(&self) -> Result<(), Diagnostics> {
        let (mut sink, known) = (Sink::default(), self.known(None));
        for (name, recipe) in &self.tokens {
            known::check_alone(known, name, recipe, &mut sink);
        }
        // What can't be made is told of once, where it is written.
        if !sink.has_errors() {
            for case in &self.cases {
                self.check_token(known, case, &mut sink);
            }
        }
        self.checked(sink)
    }

    fn known<'a>(&'a self, compiled: Option<&'a Compiled>) -> Known<'a> {
        Known {
            compiled,
            cases: self,
        }
    }

    fn check_token(&self, known: Known<'_>, case: &Case, sink: &mut Sink) {
        if let Err(message) = self.derive_by(known, case) {
            sink.error(Rule::Case, &case.name.place, message);
        }
    }

    fn checked(&self, sink: Sink) -> Result<(), Diagnostics> {
        if sink.has_errors() {
            return Err(sink.finish(&self.source_name, &self.text));
        }
        Ok(())
    }

    fn recipe(&self, case: &Case) -> Option<&TokenRecipe> {
        let mut tokens = self.tokens.iter();
        let found = tokens.find(|(name, _)| name.value == case.token.value);
        found.map(|(_, recipe)| recipe)
    }

    /// Makes the token and the circumstances of a case.
    ///
    /// # Errors
    /// Why it can't be made, in one sentence.
    pub fn derive(&self, compiled: &Compiled, case: &Case) -> Result<DerivedToken, String> {
        self.derive_by(self.known(Some(compiled)), case)
    }

    /// Makes the token and the circumstances of a case without a document.
    ///
    /// # Errors
    /// Why it can't be made, in one sentence; so is every one that is `like` a
    /// statement's.
    pub fn derive_alone(&self, case: &Case) -> Result<DerivedToken, String> {
        self.derive_by(self.known(None), case)
    }

    fn derive_by(&self, known: Known<'_>, case: &Case) -> Result<DerivedToken, String> {
        let recipe = self
            .recipe(case)
            .ok_or_else(|| format!("token `{}` is not defined", case.token.value))?;
        let mut token = base(known, recipe)?;
        apply(known, &mut token.claims, &recipe.change)?;
        if let Some(at) = case.at {
            if recipe.like.is_some() || recipe.issuer.is_some() {
                issue_at(&mut token, at, &recipe.change.with);
            }
            token.request.now = at;
        }
        apply(known, &mut token.claims, &case.change)?;
        if let Some(audience) = &case.audience {
            token.request.audience.clone_from(audience);
        }
        token.request.attributes.extend(case.attributes.clone());
        case.key.apply(&mut token.key);
        Ok(token)
    }

    /// Decides a case natively, as far as the document alone decides it.
    ///
    /// # Errors
    /// The token can't be made or no answer can be given, in one sentence.
    pub fn run(&self, compiled: &Compiled, case: &Case) -> Result<CaseOutcome, String> {
        let token = self.derive(compiled, case)?;
        let verdict = compiled
            .decide(&token.claims, &token.key, &token.request)
            .map_err(|failure| failure.to_string())?;
        Ok(CaseOutcome::of(&case.expected, &verdict.decision))
    }
}

/// Whether there is a trust statement of that name.
fn trusts(compiled: &Compiled, name: &str) -> bool {
    let mut statements = compiled.statements.iter();
    statements.any(|one| one.trusts && one.name == name)
}

/// Whether the statement that a case expects is one of the policy's.
fn check_statement(compiled: &Compiled, expected: &Expected, sink: &mut Sink) -> bool {
    let Expected::Allow { statement, .. } = expected else {
        return true;
    };
    let statements = compiled.statements.iter();
    let names: Vec<&str> = statements.map(|one| one.name.as_str()).collect();
    if names.contains(&statement.value.as_str()) {
        return true;
    }
    let message = format!("there is no statement `{}`", statement.value);
    let finding = sink.error(Rule::Case, &statement.place, message);
    finding.expected(format!("one of {}", listed(&names)));
    finding.hint = did_you_mean(&statement.value, names.iter().copied());
    false
}

fn check_like(compiled: &Compiled, like: &Placed<String>, sink: &mut Sink) {
    if trusts(compiled, &like.value) {
        return;
    }
    let statements = compiled.statements.iter().filter(|one| one.trusts);
    let names: Vec<String> = statements
        .map(|one| format!("trust.{}", one.name))
        .collect();
    let written = format!("trust.{}", like.value);
    let mut others = compiled.statements.iter();
    let message = if others.any(|one| one.name == like.value) {
        format!("statement `{}` forbids, so it accepts nothing", like.value)
    } else {
        format!("there is no trust statement `{}`", like.value)
    };
    let finding = sink.error(Rule::Case, &like.place, message);
    if !names.is_empty() {
        finding.expected(format!("one of {}", listed(&names)));
    }
    finding.hint = did_you_mean(&written, names.iter());
}

impl KeyChange {
    fn apply(&self, key: &mut NativeKey) {
        if let Some(algorithm) = &self.algorithm {
            let thumbprint = core::mem::take(&mut key.thumbprint);
            *key = NativeKey::of(algorithm);
            key.thumbprint = thumbprint;
        }
        if let Some(key_type) = &self.key_type {
            key.key_type.clone_from(key_type);
        }
        if let Some(bits) = self.bits {
            key.bits = bits;
        }
        if let Some(thumbprint) = &self.thumbprint {
            key.thumbprint.clone_from(thumbprint);
        }
    }
}

/// The token that a recipe begins with.
fn base(known: Known<'_>, recipe: &TokenRecipe) -> Result<DerivedToken, String> {
    if let Some(issuer) = &recipe.issuer {
        return Ok(whole(known, issuer, recipe));
    }
    let Some(like) = &recipe.like else {
        return Ok(bare(known, &recipe.change.with));
    };
    let compiled = known
        .compiled
        .ok_or_else(|| format!("there is no document with statement `{}`", like.value))?;
    let form = recipe.change.form.as_ref().map(|form| form.value.as_str());
    let accepted = compiled.example_forms(&like.value)?;
    let example = match form.filter(|form| accepted.iter().any(|one| one == form)) {
        Some(form) => compiled.example_in(&like.value, form)?,
        None => compiled.example(&like.value)?,
    };
    let Example {
        claims,
        key,
        request,
        ..
    } = example;
    Ok(DerivedToken {
        claims,
        key,
        request,
    })
}

/// A token of what it says alone, issued at the usual time for the usual while;
/// its claims come first, and what they leave out of the registered ones follows.
fn whole(known: Known<'_>, issuer: &TokenIssuer, recipe: &TokenRecipe) -> DerivedToken {
    let mut claims = recipe.change.with.clone();
    let own = audience_of(&claims).map(str::to_owned);
    let audience = recipe.audience.clone().or(own).unwrap_or_default();
    let registered = [
        ("iss", Json::from(issuer.url.value.clone())),
        ("aud", Json::from(audience.clone())),
        ("iat", Json::from(USUAL_TIME)),
        ("nbf", Json::from(USUAL_TIME)),
        ("exp", Json::from(USUAL_TIME + USUAL_LIFETIME)),
        ("jti", Json::from("example")),
    ];
    for (name, value) in registered {
        claims.entry(name).or_insert(value);
    }
    DerivedToken {
        claims,
        key: key_of(known.of(recipe).as_ref()),
        request: NativeRequest {
            now: USUAL_TIME,
            audience,
            attributes: BTreeMap::new(),
        },
    }
}

/// A token of nothing but its claims, decided when it was issued.
fn bare(known: Known<'_>, claims: &Map<String, Json>) -> DerivedToken {
    let url = claims.get("iss").and_then(Json::as_str);
    let issuer = url.and_then(|url| known.find(url));
    DerivedToken {
        claims: claims.clone(),
        key: key_of(issuer.as_ref()),
        request: NativeRequest {
            now: claims.get("iat").and_then(Json::as_u64).unwrap_or(0),
            audience: audience_of(claims).unwrap_or_default().to_owned(),
            attributes: BTreeMap::new(),
        },
    }
}

/// The audience, or the first of several.
fn audience_of(claims: &Map<String, Json>) -> Option<&str> {
    let audience = claims.get("aud")?;
    let first = audience.as_array().and_then(|list| list.first());
    first.unwrap_or(audience).as_str()
}

/// The key that an issuer's tokens are usually signed with.
fn key_of(issuer: Option<&IssuerSummary>) -> NativeKey {
    let algorithm = issuer.and_then(|issuer| issuer.model.algorithms().first());
    NativeKey::of(algorithm.map_or("RS256", String::as_str))
}

/// Moves the token's times, as if it had been issued `at` that moment; those
/// that its recipe sets stay.
fn issue_at(token: &mut DerivedToken, at: u64, set: &Map<String, Json>) {
    let before = token.request.now;
    for name in ["iat", "nbf", "exp"] {
        if set.contains_key(name) {
            continue;
        }
        if let Some(moment) = token.claims.get(name).and_then(Json::as_u64) {
            let moved = at.saturating_add(moment.saturating_sub(before));
            token.claims.insert(name.to_owned(), Json::from(moved));
        }
    }
}

fn apply(known: Known<'_>, claims: &mut Map<String, Json>, change: &Change) -> Result<(), String> {
    if change.form.is_some() || !change.subject.is_empty() {
        let url = claims.get("iss").and_then(Json::as_str).unwrap_or_default();
        let issuer = known.find(url).ok_or_else(|| known.unknown(url))?;
        reprint(&issuer, claims, change)?;
    }
    merge(claims, &change.with);
    for path in &change.without {
        remove(claims, path);
    }
    Ok(())
}

/// Sets members; a table changes the members that it names.
fn merge(claims: &mut Map<String, Json>, with: &Map<String, Json>) {
    for (name, value) in with {
        match (claims.get_mut(name), value) {
            (Some(Json::Object(inner)), Json::Object(value)) => merge(inner, value),
            _ => {
                claims.insert(name.clone(), value.clone());
            }
        }
    }
}

fn remove(claims: &mut Map<String, Json>, path: &[String]) {
    match path {
        [] => {}
        [name] => {
            claims.remove(name);
        }
        [name, rest @ ..] => {
            if let Some(Json::Object(inner)) = claims.get_mut(name) {
                remove(inner, rest);
            }
        }
    }
}

/// Writes the subject anew, with every claim that repeats something of it.
fn reprint(
    issuer: &IssuerSummary,
    claims: &mut Map<String, Json>,
    change: &Change,
) -> Result<(), String> {
    let model = &issuer.model;
    let before = claims
        .get("sub")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned();
    let parsed = model
        .parse_subject(&before)
        .map_err(|error| error.to_string())?;
    let name = change
        .form
        .as_ref()
        .map_or(parsed.form().name(), |form| form.value.as_str());
    let form = model
        .form(name)
        .ok_or_else(|| format!("`{}` has no form `{name}`", model.name()))?;
    let parts = parsed.parts();
    let mut rewrite = Rewrite {
        issuer,
        form,
        parts: parts
            .filter_map(|(name, raw)| {
                Some((name.to_owned(), reprint::decode(model.part(name)?, raw)))
            })
            .collect(),
        ids: reprint::ids_of(model, claims),
    };
    for one in &change.subject {
        rewrite.change(one, claims)?;
    }
    let Rewrite { mut parts, ids, .. } = rewrite;
    reprint::complete(model, form, claims, &ids, &mut parts);
    let subject = reprint::print(model, form, &parts)
        .ok_or_else(|| format!("the changes make no subject of form `{name}`"))?;
    for (part, _) in parsed.parts() {
        if let Some(path) = reprint::claim_of_gone(model, form, part) {
            remove(claims, &path);
        }
    }
    reprint::repeat(claims, issuer, &subject, &ids)?;
    claims.insert("sub".to_owned(), Json::from(subject));
    Ok(())
}

/// What a decision says that a case does not expect.
fn mismatch(expected: &Expected, decision: &Decision) -> Option<String> {
    match (expected, decision) {
        (
            Expected::Allow { statement, grant },
            Decision::Allow {
                statement: by,
                grant: given,
            },
        ) => {
            if statement.value != *by {
                return Some(format!(
                    "expected `{}` to allow it, and `{by}` did",
                    statement.value
                ));
            }
            grant
                .as_ref()
                .and_then(|wanted| grant_mismatch(wanted, given))
        }
        (Expected::Allow { statement, .. }, Decision::Deny { reasons, .. }) => Some(format!(
            "expected `{}` to allow it, and it was denied: {}",
            statement.value,
            reasons
                .first()
                .map_or("no reason was given", |reason| &reason.message)
        )),
        (Expected::Deny { code, .. }, Decision::Allow { statement, .. }) => Some(format!(
            "expected `{}`, and statement `{statement}` allowed it",
            code.value
        )),
        (
            Expected::Deny {
                code,
                claim,
                statement,
            },
            Decision::Deny { reasons, .. },
        ) => {
            let fits = |reason: &&claimbound_engine::Reason| {
                reason.code == code.value
                    && claim.as_ref().is_none_or(|claim| *claim == reason.claim)
                    && statement
                        .as_ref()
                        .is_none_or(|one| Some(one) == reason.statement.as_ref())
            };
            if reasons.iter().any(|reason| fits(&reason)) {
                return None;
            }
            let found: Vec<String> = reasons
                .iter()
                .map(|reason| format!("`{}` of `{}`", reason.code, reason.claim.join(".")))
                .collect();
            let of = claim
                .as_ref()
                .map_or_else(String::new, |path| format!(" of `{}`", path.join(".")));
            Some(format!(
                "expected `{}`{of}, found {}",
                code.value,
                found.join(", ")
            ))
        }
    }
}

fn grant_mismatch(wanted: &ExpectedGrant, given: &Grant) -> Option<String> {
    let names = |what: &str, wanted: &Option<Vec<String>>, given: &[String]| {
        let wanted = wanted.as_ref()?;
        (wanted != given).then(|| {
            format!(
                "expected {what} `{}`, found `{}`",
                wanted.join(", "),
                given.join(", ")
            )
        })
    };
    let claims = || {
        let wanted = wanted.claims.as_ref()?;
        let given: Option<Map<String, Json>> = given
            .claims
            .as_ref()
            .and_then(|text| serde_json::from_str(text).ok());
        let given = given.unwrap_or_default();
        (*wanted != given).then(|| format!("expected other claims than `{}`", Json::Object(given)))
    };
    let ttl = || {
        let wanted = wanted.max_ttl?;
        (given.max_lifetime.map(u64::from) != Some(wanted)).then(|| {
            format!(
                "expected a longest lifetime of {wanted} s, found {:?}",
                given.max_lifetime
            )
        })
    };
    names("roles", &wanted.roles, &given.roles)
        .or_else(|| names("scopes", &wanted.scopes, &given.scopes))
        .or_else(claims)
        .or_else(ttl)
}

/// The value at a path of a derived token, for those who show it.
impl DerivedToken {
    /// The value at `path`.
    pub fn claim<S: AsRef<str>>(&self, path: &[S]) -> Option<&Json> {
        claim_at(&self.claims, path)
    }
}
