//! Examples: a claim set that a statement accepts, derived from the statement.

use std::collections::BTreeMap;

use claimbound_engine::Decision;
use claimbound_engine::model::{Literal, Source, Test};
use claimbound_issuers::{Field, Form, Kind, Model, Need};
use serde_json::{Map, Value as Json};

use crate::compile::{Compiled, IssuerSummary};
use crate::document::{Effect, KeyCondition, Statement, Subject, SubjectTable, Trust};
use crate::native::{NativeKey, NativeRequest, claim_at};
use crate::operator::Operator;
use crate::reprint::{PlainParts, id_kind, print, repeat, sample, set, split};
use crate::sample::{example_text, refuting, value};
use crate::window;

/// When examples are decided where the statement leaves it open:
/// 2026-11-23T10:00:00Z, a Monday, in seconds since 1970.
pub(crate) const USUAL_TIME: u64 = 1_795_428_000;
/// How long examples are valid where the statement allows it, in seconds.
pub(crate) const USUAL_LIFETIME: u64 = 300;

/// A token that a statement accepts, and the circumstances in which it does.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The form of its subject.
    pub form: String,
    /// Its claims.
    pub claims: Map<String, Json>,
    /// A key that could have signed it.
    pub key: NativeKey,
    /// When, and where, it is accepted.
    pub request: NativeRequest,
    /// The longest that such a token may live, in seconds, where the statement
    /// says so. These claims may live shorter.
    pub longest_lifetime: Option<u64>,
}

impl Compiled {
    /// A token that the statement of this name accepts, in the first form of its
    /// subject that there is one for.
    ///
    /// # Errors
    /// Why there is none, in one sentence.
    pub fn example(&self, statement: &str) -> Result<Example, String> {
        let forms = self.example_forms(statement)?;
        let mut last = format!("no form of the subject fits statement `{statement}`");
        for form in forms {
            match self.example_in(statement, &form) {
                Ok(example) => return Ok(example),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The forms of subjects that the statement of this name accepts.
    ///
    /// # Errors
    /// The statement is not there, or it trusts nothing.
    pub fn example_forms(&self, statement: &str) -> Result<Vec<String>, String> {
        let (found, _, issuer) = self.trust(statement)?;
        let all = || {
            issuer
                .model
                .forms()
                .iter()
                .map(|form| form.name().to_owned())
                .collect()
        };
        let index = self
            .statements
            .iter()
            .position(|one| one.name == found.name.value);
        let compiled = index.and_then(|index| self.program.statements.get(index));
        let listed = compiled
            .into_iter()
            .flat_map(|one| &one.conditions)
            .find_map(|condition| match (&condition.source, &condition.test) {
                (Source::Form, Test::AnyOf(forms)) => Some(
                    forms
                        .iter()
                        .filter_map(|form| match form {
                            Literal::Text(form) => Some(form.clone()),
                            Literal::Null | Literal::Boolean(_) | Literal::Number(_) => None,
                        })
                        .collect(),
                ),
                _ => None,
            });
        Ok(listed.unwrap_or_else(all))
    }

    /// A token that the statement of this name accepts, with a subject of `form`.
    ///
    /// # Errors
    /// Why there is none, in one sentence.
    pub fn example_in(&self, statement: &str, form: &str) -> Result<Example, String> {
        let (found, trust, issuer) = self.trust(statement)?;
        let Some(form) = issuer.model.form(form) else {
            return Err(format!("`{}` has no form `{form}`", issuer.model.name()));
        };
        let mut draft = Draft::new(found, trust, issuer, form)?;
        draft.evade(&self.document.statements);
        let example = draft.example()?;
        let verdict = self
            .decide(&example.claims, &example.key, &example.request)
            .map_err(|failure| failure.to_string())?;
        match verdict.decision {
            Decision::Allow { statement: by, .. } if by == statement => Ok(example),
            Decision::Allow { statement: by, .. } => Err(format!(
                "statement `{by}` accepts all that was found for `{statement}`"
            )),
            Decision::Deny { reasons, .. } => Err(reasons.first().map_or_else(
                || format!("no token was found for statement `{statement}`"),
                |reason| format!("no token was found for `{statement}`: {}", reason.message),
            )),
        }
    }

    fn trust(&self, name: &str) -> Result<(&Statement, &Trust, &IssuerSummary), String> {
        let Some(statement) = self.statement(name) else {
            return Err(format!("there is no statement `{name}`"));
        };
        let Effect::Trust(trust) = &statement.effect else {
            return Err(format!("statement `{name}` forbids, so it accepts nothing"));
        };
        let issuer = statement
            .issuer
            .as_ref()
            .and_then(|alias| self.issuers.iter().find(|one| one.alias == alias.value));
        let issuer = issuer.ok_or_else(|| format!("statement `{name}` has no issuer"))?;
        Ok((statement, trust, issuer))
    }
}

/// An example while it is made.
struct Draft<'a> {
    statement: &'a Statement,
    trust: &'a Trust,
    issuer: &'a IssuerSummary,
    form: &'a Form,
    claims: Map<String, Json>,
    attributes: BTreeMap<String, String>,
}

impl<'a> Draft<'a> {
    fn new(
        statement: &'a Statement,
        trust: &'a Trust,
        issuer: &'a IssuerSummary,
        form: &'a Form,
    ) -> Result<Self, String> {
        let mut draft = Self {
            statement,
            trust,
            issuer,
            form,
            claims: Map::new(),
            attributes: BTreeMap::new(),
        };
        draft.ask_claims()?;
        Ok(draft)
    }

    fn model(&self) -> &'a Model {
        &self.issuer.model
    }

    fn example(mut self) -> Result<Example, String> {
        let subject = self.subject()?;
        self.ask_names();
        let ids = self.ids();
        repeat(&mut self.claims, self.issuer, &subject, &ids)?;
        self.same_claims();
        let now = self.time()?;
        let longest_lifetime = self.trust.token_lifetime.as_ref().map(|one| one.value);
        let lifetime =
            longest_lifetime.map_or(USUAL_LIFETIME, |longest| longest.min(USUAL_LIFETIME));
        let audience = self
            .trust
            .audience
            .as_ref()
            .map(|one| one.value.clone())
            .unwrap_or_default();
        let registered = [
            ("iss", Json::from(self.issuer.url.clone())),
            ("sub", Json::from(subject)),
            ("aud", Json::from(audience.clone())),
            ("iat", Json::from(now)),
            ("nbf", Json::from(now)),
            ("exp", Json::from(now + lifetime)),
            ("jti", Json::from("example")),
        ];
        let mut claims: Map<String, Json> = Map::new();
        for (name, value) in registered {
            // A statement may ask for a token id of its own.
            let own = self.claims.remove(name);
            claims.insert(name.to_owned(), own.unwrap_or(value));
        }
        claims.extend(self.claims);
        Ok(Example {
            form: self.form.name().to_owned(),
            claims,
            key: key(self.statement.key.as_ref(), &self.issuer.model),
            request: NativeRequest {
                now,
                audience,
                attributes: self.attributes,
            },
            longest_lifetime,
        })
    }

    /// A moment at which the statement is open and not expired.
    fn time(&self) -> Result<u64, String> {
        let begins = self
            .trust
            .window
            .as_ref()
            .and_then(|one| one.between)
            .map_or(0, |(from, _)| from);
        let ends = self
            .trust
            .expires
            .as_ref()
            .map_or(u64::MAX, |one| one.value);
        let until = self
            .trust
            .window
            .as_ref()
            .and_then(|one| one.between)
            .map_or(u64::MAX, |(_, until)| until);
        // A week before the end holds every hour of the week.
        let last = ends.min(until);
        let start = if USUAL_TIME < last {
            USUAL_TIME
        } else {
            last.saturating_sub(7 * 86_400 + 1)
        };
        let open = match &self.trust.window {
            Some(window) => window::open_at(window, start.max(begins)),
            None => Some(start),
        };
        open.filter(|now| *now < ends).ok_or_else(|| {
            format!(
                "statement `{}` is never open before it expires",
                self.statement.name.value
            )
        })
    }

    /// The JSON type of the claim at `path`, where the model knows it.
    fn json_type(&self, path: &[String]) -> Option<claimbound_issuers::ClaimType> {
        let rule = self.model().claim(path)?;
        Some(rule.json_type())
    }

    /// Gives each claim that the statement asks for a value that it accepts.
    fn ask_claims(&mut self) -> Result<(), String> {
        for condition in &self.statement.claims {
            let path = &condition.path.value;
            let others: Vec<&Operator> = self
                .statement
                .claims
                .iter()
                .filter(|one| one.path.value == *path)
                .map(|one| &one.operator.value)
                .collect();
            let json = self.json_type(path);
            if let Operator::Attribute(name) = &condition.operator.value {
                let value = claim_at(&self.claims, path)
                    .and_then(Json::as_str)
                    .unwrap_or("example");
                let value = value.to_owned();
                self.attributes.insert(name.value.clone(), value.clone());
                set(&mut self.claims, path, Json::from(value));
            } else if let Some(value) = value(&condition.operator.value, &others, json) {
                set(&mut self.claims, path, value);
            } else if !matches!(
                &condition.operator.value,
                Operator::Absent | Operator::SameAs(_)
            ) {
                return Err(format!("no value was found for `{}`", condition.label()));
            }
        }
        Ok(())
    }

    /// Gives each claim that a forbid of the issuer asks for, and the statement
    /// does not, a value that is known not to meet it: what a token lacks would
    /// trigger the forbid.
    fn evade(&mut self, statements: &[Statement]) {
        let conditions: Vec<_> = statements
            .iter()
            .filter(|one| one.effect == Effect::Forbid)
            .filter(|one| {
                let alias = one.issuer.as_ref().map(|alias| &alias.value);
                alias == Some(&self.issuer.alias)
            })
            .flat_map(|one| &one.claims)
            .collect();
        for condition in &conditions {
            let path = &condition.path.value;
            if claim_at(&self.claims, path).is_some() {
                continue;
            }
            let all: Vec<&Operator> = conditions
                .iter()
                .filter(|one| one.path.value == *path)
                .map(|one| &one.operator.value)
                .collect();
            let json = self.json_type(path);
            if let Some(value) = refuting(&all, json) {
                set(&mut self.claims, path, value);
            }
        }
    }

    /// Makes the claims that have to be the same so.
    fn same_claims(&mut self) {
        for condition in &self.statement.claims {
            if let Operator::SameAs(other) = &condition.operator.value {
                let path = &condition.path.value;
                let value = claim_at(&self.claims, &other.value)
                    .or_else(|| claim_at(&self.claims, path))
                    .cloned()
                    .unwrap_or_else(|| Json::from("example"));
                set(&mut self.claims, path, value.clone());
                set(&mut self.claims, &other.value, value);
            }
        }
    }

    fn subject(&self) -> Result<String, String> {
        let model = self.model();
        let fits = |text: &str| {
            model
                .parse_subject(text)
                .is_ok_and(|subject| subject.form().name() == self.form.name())
        };
        let nothing = || format!("no subject of form `{}` was found", self.form.name());
        match self
            .statement
            .subject
            .as_ref()
            .map(|subject| &subject.value)
        {
            None => Err("the statement names no subject".to_owned()),
            Some(Subject::Literal(text)) => fits(text).then(|| text.clone()).ok_or_else(nothing),
            Some(Subject::Whole(operator)) => example_text(operator, &fits).ok_or_else(nothing),
            Some(Subject::Table(table)) => {
                print(model, self.form, &self.parts(table)).ok_or_else(nothing)
            }
        }
    }

    /// Gives the names that the subject does not say, but a claim does, a value
    /// that the statement accepts.
    fn ask_names(&mut self) {
        let Some(Subject::Table(table)) = self.statement.subject.as_ref().map(|one| &one.value)
        else {
            return;
        };
        for field in &table.fields {
            let kind = self.model().kind(&field.name.value);
            let path = kind.and_then(Kind::claim);
            let name = field.value.as_ref();
            let name = name.and_then(|one| example_text(&one.value, &|_| true));
            if let Some((path, name)) = path.zip(name) {
                set(&mut self.claims, path, Json::from(name));
            }
        }
    }

    /// Whether the statement names `part`, or leaves it open. Of a subject whose
    /// parts an organisation chooses, the others are left out.
    fn speaks_of(&self, table: &SubjectTable, part: &str) -> bool {
        let fields = table.fields.iter().map(|field| &field.name.value);
        let mut names = fields.chain(table.any.iter().map(|name| &name.value));
        names.any(|name| {
            let field = self.model().field(name);
            name == part
                || field.is_some_and(|field| {
                    let covered = self.model().covered(self.form, field);
                    covered.iter().any(|one| one.name() == part)
                })
        })
    }

    /// The plain value of each part of the form.
    fn parts(&self, table: &SubjectTable) -> PlainParts {
        let model = self.model();
        let mut parts = PlainParts::new();
        for field in &table.fields {
            match model.field(&field.name.value) {
                Some(Field::Name(kind)) => {
                    if let Some(name) = &field.value {
                        let splits = |text: &str| self.split(kind, text).is_some();
                        if let Some(split) = example_text(&name.value, &splits)
                            .and_then(|text| self.split(kind, &text))
                        {
                            // Of an owner and a repository the longer name says more.
                            for (part, value) in split {
                                parts.insert(part, value);
                            }
                        }
                    }
                }
                Some(Field::Part(part)) => {
                    let fits = |text: &str| part.accepts(&part.encode(text));
                    let value = field
                        .value
                        .as_ref()
                        .and_then(|one| example_text(&one.value, &fits));
                    parts.extend(value.map(|value| (part.name().to_owned(), value)));
                }
                None => {}
            }
        }
        let ids = self.ids();
        for part in model.parts_of(self.form) {
            let open = self.form.is_custom() && !self.speaks_of(table, part.name());
            if open || parts.contains_key(part.name()) {
                continue;
            }
            let id = id_kind(model, self.form, part).and_then(|kind| ids.get(kind.name()));
            let asked = part
                .claim()
                .and_then(|path| claim_at(&self.claims, path))
                .and_then(Json::as_str);
            let value = id.map(String::as_str).or(asked);
            let value = value.map_or_else(|| sample(part), |value| Some(value.to_owned()));
            parts.extend(value.map(|value| (part.name().to_owned(), value)));
        }
        parts
    }

    fn split(&self, kind: &Kind, name: &str) -> Option<Vec<(String, String)>> {
        let model = self.model();
        kind.templates().find_map(|template| {
            let split = split(template, name)?;
            split
                .iter()
                .all(|(part, value)| {
                    model
                        .part(part)
                        .is_some_and(|part| part.accepts(&part.encode(value)))
                        && model.parts_of(self.form).any(|own| own.name() == part)
                })
                .then_some(split)
        })
    }

    /// The id of each kind: what the statement pins, or an example of one.
    fn ids(&self) -> BTreeMap<String, String> {
        let model = self.model();
        let mut ids = BTreeMap::new();
        let kinds = model
            .names()
            .iter()
            .filter(|kind| kind.id_need() != Need::None);
        for (index, kind) in kinds.enumerate() {
            let pinned = match self.statement.subject.as_ref().map(|one| &one.value) {
                Some(Subject::Table(table)) => table
                    .fields
                    .iter()
                    .find(|field| field.name.value == kind.name())
                    .and_then(|field| field.id.as_ref())
                    .and_then(|id| example_text(&id.value, &|_| true)),
                Some(Subject::Literal(_) | Subject::Whole(_)) | None => None,
            };
            let asked = kind
                .id_claim()
                .and_then(|path| claim_at(&self.claims, path))
                .and_then(Json::as_str)
                .map(str::to_owned);
            let part = model.parts_of(self.form).find(|part| {
                id_kind(model, self.form, part).is_some_and(|one| one.name() == kind.name())
            });
            let invented = || part.map_or_else(|| Some(format!("100{index}")), sample);
            if let Some(id) = pinned.or(asked).or_else(invented) {
                ids.insert(kind.name().to_owned(), id);
            }
        }
        ids
    }
}

fn key(condition: Option<&KeyCondition>, model: &Model) -> NativeKey {
    let usual = model.algorithms().first().map_or("RS256", String::as_str);
    let Some(condition) = condition else {
        return NativeKey::of(usual);
    };
    let algorithm = condition.algorithms.first().map_or(usual, |one| &one.value);
    let mut key = NativeKey::of(algorithm);
    if let Some(thumbprint) = condition.thumbprints.first() {
        key.thumbprint.clone_from(&thumbprint.value);
    }
    if let Some(bits) = condition
        .at_least_bits
        .as_ref()
        .and_then(|one| one.value.parse().ok())
    {
        key.bits = key.bits.max(bits);
    }
    key
}
