//! Writing subjects: from parts to a subject, and from a subject to every claim
//! that repeats something of it.

use std::collections::BTreeMap;

use claimbound_issuers::{Field, Form, IssuerMatch, Kind, Model, Part};
use serde_json::{Map, Value as Json};

use crate::cases::SubjectChange;
use crate::compile::IssuerSummary;
use crate::native::{DecodedClaims, claim_at};

/// Parts of a subject by name, plain: as the policy and claims spell them.
pub(crate) type PlainParts = BTreeMap<String, String>;

/// The kind whose id stands in `part` of a subject of `form`: the part belongs
/// to the kind's names, no template writes it, and it belongs to no parent.
pub(crate) fn id_kind<'m>(model: &'m Model, form: &Form, part: &Part) -> Option<&'m Kind> {
    let template = format!("{{{}}}", part.name());
    let named = model
        .names()
        .iter()
        .any(|kind| kind.templates().any(|one| one.contains(&template)));
    if named {
        return None;
    }
    model.names().iter().find(|kind| {
        model
            .covered(form, Field::Name(kind))
            .iter()
            .any(|one| one.name() == part.name())
    })
}

/// Splits `name` by a template such as `{owner}/{repo}`, at the first place
/// where each literal fits.
pub(crate) fn split(template: &str, name: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let (mut template, mut name) = (template, name);
    while let Some((literal, rest)) = template.split_once('{') {
        name = name.strip_prefix(literal)?;
        let (part, rest) = rest.split_once('}')?;
        let next = rest.split_once('{').map_or(rest, |(literal, _)| literal);
        let value = if next.is_empty() {
            name
        } else {
            name.split_once(next).map(|(value, _)| value)?
        };
        found.push((part.to_owned(), value.to_owned()));
        name = name.get(value.len()..)?;
        template = rest;
    }
    (name == template).then_some(found)
}

/// Writes a subject of `form` with these parts; none where they make none.
pub(crate) fn print(model: &Model, form: &Form, parts: &PlainParts) -> Option<String> {
    let text = if let Some(template) = form.template() {
        fill(model, template, parts)?
    } else {
        // The parts that are there decide which segments a chosen subject has.
        let filled = form.segments().filter(|one| one.contains('{'));
        let filled: Vec<String> = filled.filter_map(|one| fill(model, one, parts)).collect();
        filled.join(":")
    };
    let subject = model.parse_subject(&text).ok()?;
    (subject.form().name() == form.name()).then_some(text)
}

fn fill(model: &Model, template: &str, parts: &PlainParts) -> Option<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once('{') {
        let (part, after) = after.split_once('}')?;
        text.push_str(literal);
        text.push_str(&model.encode(part, parts.get(part)?));
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

/// The value whose encoding in a subject is `raw`.
pub(crate) fn decode(part: &Part, raw: &str) -> String {
    let mut plain = raw.to_owned();
    for character in ('!'..='~').filter(|one| !one.is_ascii_alphanumeric()) {
        let text = character.to_string();
        let encoded = part.encode(&text);
        if encoded != text {
            plain = plain.replace(&*encoded, &text);
        }
    }
    if part.encode(&plain) == raw {
        plain
    } else {
        raw.to_owned()
    }
}

/// Fills in every claim that repeats something of the subject or of the
/// issuer's URL, and the ids behind its names.
pub(crate) fn repeat(
    claims: &mut Map<String, Json>,
    issuer: &IssuerSummary,
    subject: &str,
    ids: &BTreeMap<String, String>,
) -> Result<(), String> {
    let model = &issuer.model;
    let parsed = model
        .parse_subject(subject)
        .map_err(|error| error.to_string())?;
    let url = model
        .issuer(&issuer.url)
        .map_err(|error| error.to_string())?;
    let mut raw: BTreeMap<&str, &str> = url.parts().iter().copied().collect();
    raw.extend(parsed.parts());
    for (name, value) in &raw {
        if let Some((part, path)) = model
            .part(name)
            .and_then(|part| Some((part, part.claim()?)))
        {
            set(claims, path, Json::from(decode(part, value)));
        }
    }
    for kind in model.names() {
        if let Some(path) = kind.claim() {
            let name = kind
                .templates()
                .find_map(|template| named(model, template, &raw));
            match name {
                Some(name) => set(claims, path, Json::from(name)),
                None if claim_at(claims, path).is_none() => {
                    set(claims, path, Json::from("example"));
                }
                None => {}
            }
        }
        let in_subject = parsed.parts().find(|(part, _)| {
            let part = model.part(part);
            part.and_then(|part| id_kind(model, parsed.form(), part))
                .is_some_and(|one| one.name() == kind.name())
        });
        let id = in_subject
            .map(|(_, id)| id)
            .or_else(|| ids.get(kind.name()).map(String::as_str));
        if let Some((path, id)) = kind.id_claim().zip(id) {
            set(claims, path, Json::from(id));
        }
    }
    agree(claims, issuer, subject);
    Ok(())
}

/// Lets the model itself say what still disagrees with the subject, such as a
/// name that is its own id, and sets that right.
fn agree(claims: &mut Map<String, Json>, issuer: &IssuerSummary, subject: &str) {
    // Each turn settles one claim, and no model has more of them.
    for _ in 0..64 {
        let identified = issuer
            .model
            .identify(&issuer.url, subject, &DecodedClaims(claims));
        let Err(refusal) = identified else { return };
        if matches!(refusal.claim.as_slice(), [name] if name == "sub" || name == "iss") {
            return;
        }
        let value = match refusal.code {
            "subject.drift" => refusal.expected,
            "identity.absent" => "1001".to_owned(),
            _ => return,
        };
        set(claims, &refusal.claim, Json::from(value));
    }
}

/// A name by its template, plain.
fn named(model: &Model, template: &str, raw: &BTreeMap<&str, &str>) -> Option<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once('{') {
        let (part, after) = after.split_once('}')?;
        text.push_str(literal);
        text.push_str(&decode(model.part(part)?, raw.get(part)?));
        rest = after;
    }
    text.push_str(rest);
    (!text.is_empty()).then_some(text)
}

/// A value that `part` accepts.
pub(crate) fn sample(part: &Part) -> Option<String> {
    const UUID: &str = "0d9b6c4e-5f1a-4c3b-9e2d-7a8f60b1c2d3";
    let braced = format!("{{{UUID}}}");
    let own = part.name().replace('_', "-");
    let candidates = [
        "refs/heads/main",
        &own,
        "1001",
        UUID,
        &braced,
        "a1b2c3d4",
        "a.example",
        "a",
    ];
    let first = usize::from(!part.name().contains("ref"));
    candidates
        .into_iter()
        .skip(first)
        .find(|value| part.accepts(value))
        .map(str::to_owned)
}

/// Sets the value at `path`, making objects on the way.
pub(crate) fn set<S: AsRef<str>>(claims: &mut Map<String, Json>, path: &[S], value: Json) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        claims.insert(first.as_ref().to_owned(), value);
        return;
    }
    let inner = claims
        .entry(first.as_ref())
        .or_insert_with(|| Json::Object(Map::new()));
    if !inner.is_object() {
        *inner = Json::Object(Map::new());
    }
    if let Some(inner) = inner.as_object_mut() {
        set(inner, rest, value);
    }
}

/// The ids that a claim set gives.
pub(crate) fn ids_of(model: &Model, claims: &Map<String, Json>) -> BTreeMap<String, String> {
    model
        .names()
        .iter()
        .filter_map(|kind| {
            let id = claim_at(claims, kind.id_claim()?)?.as_str()?;
            Some((kind.name().to_owned(), id.to_owned()))
        })
        .collect()
}

/// A subject while it is written anew.
pub(crate) struct Rewrite<'m> {
    pub(crate) issuer: &'m IssuerSummary,
    /// The form that it is to have.
    pub(crate) form: &'m Form,
    pub(crate) parts: PlainParts,
    /// The id of each kind.
    pub(crate) ids: BTreeMap<String, String>,
}

impl Rewrite<'_> {
    /// Changes one name or part. A name that a claim alone says is changed there.
    pub(crate) fn change(
        &mut self,
        change: &SubjectChange,
        claims: &mut Map<String, Json>,
    ) -> Result<(), String> {
        let model = &self.issuer.model;
        let name = &change.field.value;
        let Some(kind) = model.kind(name) else {
            return self.change_part(change);
        };
        if let Some(value) = &change.value {
            self.change_name(kind, value, claims)?;
        }
        if let Some(id) = &change.id {
            self.ids.insert(name.clone(), id.clone());
            let part = model
                .parts_of(self.form)
                .find(|part| id_kind(model, self.form, part).is_some_and(|one| one.name() == name));
            self.parts
                .extend(part.map(|part| (part.name().to_owned(), id.clone())));
        }
        Ok(())
    }

    fn change_name(
        &mut self,
        kind: &Kind,
        value: &str,
        claims: &mut Map<String, Json>,
    ) -> Result<(), String> {
        let in_claim_alone = kind.claim().filter(|_| !self.writes(kind));
        if let Some(path) = in_claim_alone {
            set(claims, path, Json::from(value));
            return Ok(());
        }
        let in_form = |split: &Vec<(String, String)>| {
            let mut parts = split.iter().map(|(part, _)| part);
            parts.all(|part| self.has(part))
        };
        let found = kind
            .templates()
            .filter_map(|template| split(template, value))
            .find(in_form)
            .ok_or_else(|| {
                let (kind, form) = (kind.name(), self.form.name());
                format!("`{value}` is no `{kind}` of form `{form}`")
            })?;
        self.parts.extend(found);
        Ok(())
    }

    fn change_part(&mut self, change: &SubjectChange) -> Result<(), String> {
        let name = &change.field.value;
        let model = &self.issuer.model;
        if model.part(name).is_none() {
            let model = model.name();
            return Err(format!("`{name}` is not a part of a `{model}` subject"));
        }
        if change.id.is_some() {
            return Err(format!("`{name}` has no id"));
        }
        let value = change.value.clone().map(|value| (name.clone(), value));
        self.parts.extend(value);
        Ok(())
    }

    /// Whether subjects of the form have `part`.
    fn has(&self, part: &str) -> bool {
        let mut parts = self.issuer.model.parts_of(self.form);
        parts.any(|own| own.name() == part)
    }

    /// Whether a name of `kind` is written in the subject or the issuer's URL,
    /// whose parts its claim only repeats.
    fn writes(&self, kind: &Kind) -> bool {
        let url = self.issuer.model.issuer(&self.issuer.url).ok();
        let in_url = |part: &str| {
            let mut parts = url.iter().flat_map(IssuerMatch::parts);
            parts.any(|(own, _)| *own == part)
        };
        kind.templates()
            .any(|template| template_parts(template).all(|part| self.has(part) || in_url(part)))
    }
}

/// The parts of a template such as `{owner}/{repo}`.
fn template_parts(template: &str) -> impl Iterator<Item = &str> {
    let pieces = template.split('{').skip(1);
    pieces.filter_map(|piece| piece.split_once('}').map(|(part, _)| part))
}

/// The claim that only a subject with `part` has, where `form` has no such part.
/// A name and its id are claims of every token.
pub(crate) fn claim_of_gone(model: &Model, form: &Form, part: &str) -> Option<Vec<String>> {
    let stays = model.parts_of(form).any(|one| one.name() == part);
    let path = model.part(part)?.claim().filter(|_| !stays)?;
    let identifies = |kind: &Kind| [kind.claim(), kind.id_claim()].contains(&Some(path));
    let gone = !model.names().iter().any(identifies);
    gone.then(|| path.iter().map(ToString::to_string).collect())
}

/// Adds what `parts` lacks for `form`: ids, then what claims say, then samples;
/// and takes out what the form has not.
pub(crate) fn complete(
    model: &Model,
    form: &Form,
    claims: &Map<String, Json>,
    ids: &BTreeMap<String, String>,
    parts: &mut PlainParts,
) {
    parts.retain(|name, _| model.parts_of(form).any(|part| part.name() == name));
    for part in model.parts_of(form) {
        if parts.contains_key(part.name()) || form.is_custom() {
            continue;
        }
        let id = id_kind(model, form, part).and_then(|kind| ids.get(kind.name()));
        let asked = part
            .claim()
            .and_then(|path| claim_at(claims, path))
            .and_then(Json::as_str);
        let value = id.map(String::as_str).or(asked);
        let value = value.map_or_else(|| sample(part), |value| Some(value.to_owned()));
        parts.extend(value.map(|value| (part.name().to_owned(), value)));
    }
}
