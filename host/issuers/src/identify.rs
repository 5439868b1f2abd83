//! Identification: the names and ids of the workload that a token speaks of.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::claim::{Claims, Found, dotted};
use crate::error::SubjectError;
use crate::form::Form;
use crate::kind::{Kind, Need};
use crate::model::Model;
use crate::part::Part;
use crate::template::{Template, Value};

/// Longest excerpt of a token in a refusal, in bytes.
const MAX_EXCERPT: usize = 256;

/// The workload that a token speaks of, as the token's issuer names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The name of the model that read the subject.
    pub model: Arc<str>,
    /// The form of the subject.
    pub form: Arc<str>,
    /// The parts of the subject with their raw values, in its order.
    pub parts: Vec<(Arc<str>, String)>,
    /// The names it goes by, parents before children.
    pub names: Vec<BoundName>,
}

/// A name of a workload, and the id that it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundName {
    /// The kind of name, such as `repository`.
    pub kind: Arc<str>,
    /// The whole name, unique among those of its kind at its issuer, in the
    /// case and the encoding of the subject.
    pub name: String,
    /// The immutable id, where the token carries one.
    pub id: Option<String>,
    /// The id of the name's parent, else the parent's name.
    pub parent: Option<String>,
}

impl Workload {
    /// The raw value of the part of that name.
    pub fn part(&self, name: &str) -> Option<&str> {
        self.parts
            .iter()
            .find(|(part, _)| &**part == name)
            .map(|(_, value)| value.as_str())
    }

    /// The name of that kind.
    pub fn name(&self, kind: &str) -> Option<&BoundName> {
        self.names.iter().find(|name| &*name.kind == kind)
    }
}

/// Why a token identifies nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `subject.mismatch`, `subject.ambiguous`, `subject.drift` or `identity.absent`.
    pub code: &'static str,
    /// The path of the claim at fault.
    pub claim: Vec<String>,
    /// What would have been accepted.
    pub expected: String,
    /// What was there instead, at most 256 bytes and a mark where it was cut.
    pub found: Option<String>,
    /// The whole of it in one sentence.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Refusal {}

/// One token's subject, issuer and claims, while they are compared.
struct Token<'a> {
    model: &'a Model,
    form: &'a Form,
    /// Parts of the subject, then those of the issuer's URL.
    values: Vec<Value<'a>>,
    claims: &'a dyn Claims,
}

impl Model {
    /// Derives the workload from a verified token's issuer, subject and claims.
    ///
    /// The subject is split raw and by every form; whatever repeats a part (a
    /// claim, the issuer's URL, an id) must say the same.
    ///
    /// # Errors
    /// A subject that reads in no way or in several, something that repeats a
    /// part and disagrees, or a promised id that is missing.
    pub fn identify(
        &self,
        issuer: &str,
        subject: &str,
        claims: &dyn Claims,
    ) -> Result<Workload, Refusal> {
        let (form, values) = self
            .read_subject(subject)
            .map_err(|error| unreadable(self, subject, &error))?;
        let parts = self.own_parts(&values);
        let mut token = Token {
            model: self,
            form,
            values,
            claims,
        };
        token.add_issuer(issuer)?;
        token.check_parts()?;
        let names = token.names()?;
        Ok(Workload {
            model: self.shared_name(),
            form: Arc::clone(&form.name),
            parts,
            names,
        })
    }

    fn own_parts(&self, values: &[Value<'_>]) -> Vec<(Arc<str>, String)> {
        values
            .iter()
            .filter_map(|(part, value)| {
                Some((
                    Arc::clone(&self.parts.get(*part)?.name),
                    (*value).to_owned(),
                ))
            })
            .collect()
    }
}

impl<'a> Token<'a> {
    fn value(&self, part: usize) -> Option<&'a str> {
        self.values
            .iter()
            .find(|(other, _)| *other == part)
            .map(|(_, value)| *value)
    }

    /// Adds what the issuer's URL says. A URL outside the model says nothing.
    fn add_issuer(&mut self, issuer: &'a str) -> Result<(), Refusal> {
        let Some((_, values)) = self.model.read_issuer(issuer) else {
            return Ok(());
        };
        for (part, value) in values {
            match self.value(part) {
                None => self.values.push((part, value)),
                Some(own) if own == value => {}
                Some(own) => {
                    let what = self.model.parts.get(part).map_or("", Part::name);
                    let source = format!("part `{what}` of the subject");
                    return Err(drift(vec!["iss".into()], &source, own, Some(value)));
                }
            }
        }
        Ok(())
    }

    /// Compares each part with the claim that repeats it.
    fn check_parts(&self) -> Result<(), Refusal> {
        for (index, value) in &self.values {
            let Some(part) = self.model.parts.get(*index) else {
                continue;
            };
            let Some(path) = part.claim() else { continue };
            let found = match self.claims.claim(path) {
                Found::Other(json) => return Err(mistyped(names_of(path), part.name(), json)),
                Found::Absent if !part.claim_required => continue,
                Found::Absent => None,
                Found::Text(text) if part.encoding.is_ambiguous(text) => {
                    return Err(twofold(names_of(path), part.name(), text));
                }
                Found::Text(text) if part.encoding.strip(text, value) == Some("") => continue,
                Found::Text(text) => Some(text),
            };
            let source = format!("part `{}` of the subject", part.name());
            return Err(drift(names_of(path), &source, value, found));
        }
        Ok(())
    }

    fn names(&self) -> Result<Vec<BoundName>, Refusal> {
        let kinds = &self.model.kinds;
        let mut names: Vec<BoundName> = Vec::with_capacity(kinds.len());
        for kind in kinds {
            if kind.not_in.contains(&self.form.index) {
                continue;
            }
            let name = self.name(kind)?;
            let id = self.id(kind)?;
            let promised = kind.id.need == Need::Promised;
            if promised && (name.is_none() || id.is_none()) {
                return Err(absent(kind, name.as_deref()));
            }
            let Some(name) = name else { continue };
            names.push(BoundName {
                kind: Arc::clone(&kind.name),
                name: name.into_owned(),
                id: id.map(str::to_owned),
                parent: self.parent(kind, &names),
            });
        }
        Ok(names)
    }

    /// The id of the name that a kind's names belong to, else that name.
    fn parent(&self, kind: &Kind, names: &[BoundName]) -> Option<String> {
        let parent = self.model.parent(kind)?;
        let parent = names.iter().find(|name| name.kind == parent.name)?;
        Some(parent.id.as_ref().unwrap_or(&parent.name).clone())
    }

    /// The name of a kind, from the subject and from the claim that repeats it.
    fn name(&self, kind: &'a Kind) -> Result<Option<Cow<'a, str>>, Refusal> {
        let covered = |template: &&Template| {
            template
                .parts()
                .all(|part| self.value(part).is_some_and(|value| !value.is_empty()))
        };
        let templates = kind.templates.iter().filter(covered);
        let claim = match kind.claim().map(|path| (path, self.claims.claim(path))) {
            None | Some((_, Found::Absent)) => return self.name_in_subject(templates),
            Some((path, Found::Text(text))) => (path, text),
            Some((path, Found::Other(json))) => {
                return Err(mistyped(names_of(path), kind.name(), json));
            }
        };
        let (path, claim) = claim;
        if kind.encoding.is_ambiguous(claim) {
            return Err(twofold(names_of(path), kind.name(), claim));
        }
        for template in templates {
            if !template.equals(claim, &kind.encoding, |part| self.value(part)) {
                let own = self.print(template).unwrap_or_default();
                return Err(drift(names_of(path), "the subject", &own, Some(claim)));
            }
        }
        Ok((!claim.is_empty()).then(|| kind.encoding.encode(claim)))
    }

    /// The name that the subject alone gives; where it gives it twice, both are equal.
    fn name_in_subject(
        &self,
        templates: impl Iterator<Item = &'a Template>,
    ) -> Result<Option<Cow<'a, str>>, Refusal> {
        let mut name: Option<String> = None;
        for printed in templates.filter_map(|template| self.print(template)) {
            match &name {
                Some(known) if *known != printed => {
                    let path = vec!["sub".to_owned()];
                    return Err(drift(
                        path,
                        "the rest of the subject",
                        known,
                        Some(&printed),
                    ));
                }
                _ => name = Some(printed),
            }
        }
        Ok(name.map(Cow::Owned))
    }

    fn print(&self, template: &Template) -> Option<String> {
        template.print(|part| self.value(part))
    }

    /// The id of a kind's name; all sources that a token has must agree.
    fn id(&self, kind: &'a Kind) -> Result<Option<&'a str>, Refusal> {
        let mut id: Option<&'a str> = None;
        for part in &kind.id.parts {
            let Some(value) = self.value(*part).filter(|value| !value.is_empty()) else {
                continue;
            };
            match id {
                Some(known) if known != value => {
                    let path = vec!["sub".to_owned()];
                    return Err(drift(path, "the rest of the subject", known, Some(value)));
                }
                _ => id = Some(value),
            }
        }
        let Some(path) = kind.id_claim() else {
            return Ok(id);
        };
        match (self.claims.claim(path), id) {
            (Found::Absent, id) => Ok(id),
            (Found::Text(""), None) => Ok(None),
            (Found::Text(text), None) => Ok(Some(text)),
            (Found::Text(text), Some(known)) if text == known => Ok(id),
            (Found::Text(text), Some(known)) => {
                Err(drift(names_of(path), "the subject", known, Some(text)))
            }
            (Found::Other(json), _) => Err(mistyped(names_of(path), kind.name(), json)),
        }
    }
}

fn names_of(path: &[Box<str>]) -> Vec<String> {
    path.iter().map(ToString::to_string).collect()
}

/// At most [`MAX_EXCERPT`] bytes of `text`, cut between characters.
fn excerpt(text: &str) -> String {
    if text.len() <= MAX_EXCERPT {
        return text.to_owned();
    }
    let end = (0..=MAX_EXCERPT)
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or(""))
}

fn unreadable(model: &Model, subject: &str, error: &SubjectError) -> Refusal {
    let code = match error {
        SubjectError::Ambiguous { .. } => "subject.ambiguous",
        SubjectError::Unrecognised { .. } | SubjectError::TooLong { .. } => "subject.mismatch",
    };
    let forms: Vec<&str> = model.forms.iter().filter_map(Form::template).collect();
    Refusal {
        code,
        claim: vec!["sub".into()],
        expected: format!("one of `{}`", forms.join("`, `")),
        found: Some(excerpt(subject)),
        message: error.to_string(),
    }
}

fn drift(claim: Vec<String>, source: &str, expected: &str, found: Option<&str>) -> Refusal {
    let expected = excerpt(expected);
    let found = found.map(excerpt);
    let path = claim.join(".");
    let message = match &found {
        Some(found) => format!("claim `{path}` says `{found}` where {source} says `{expected}`"),
        None => format!("claim `{path}`, which repeats {source}, is absent"),
    };
    Refusal {
        code: "subject.drift",
        claim,
        expected,
        found,
        message,
    }
}

/// A value that looks like another one's encoding reads in two ways in a subject.
fn twofold(claim: Vec<String>, what: &str, value: &str) -> Refusal {
    let (path, value) = (claim.join("."), excerpt(value));
    Refusal {
        code: "subject.ambiguous",
        claim,
        expected: "a value that no other one is written like".to_owned(),
        message: format!(
            "claim `{path}` is `{value}`, and the {what} of the subject may as well mean another value"
        ),
        found: Some(value),
    }
}

/// A claim of another JSON type can't agree with what it repeats.
fn mistyped(claim: Vec<String>, what: &str, json: &str) -> Refusal {
    let path = claim.join(".");
    Refusal {
        code: "subject.drift",
        claim,
        expected: "string".to_owned(),
        found: Some(json.to_owned()),
        message: format!("claim `{path}`, which names the {what}, is of type {json}, not string"),
    }
}

fn absent(kind: &Kind, name: Option<&str>) -> Refusal {
    let path = match (name, kind.id_claim(), kind.claim()) {
        (Some(_), Some(path), _) | (None, _, Some(path)) | (None, Some(path), None) => path,
        (Some(_) | None, None, _) => &[],
    };
    let what = if name.is_some() { "id" } else { "name" };
    let claim = if path.is_empty() {
        vec!["sub".into()]
    } else {
        names_of(path)
    };
    let place = if path.is_empty() {
        String::new()
    } else {
        format!(" in claim `{}`", dotted(path))
    };
    let whose = name.map_or_else(String::new, |name| format!(" of `{}`", excerpt(name)));
    Refusal {
        code: "identity.absent",
        claim,
        expected: format!("the {what} of the {}", kind.name()),
        found: None,
        message: format!(
            "the token lacks the {} {what}{whose} that its issuer promises{place}",
            kind.name()
        ),
    }
}
