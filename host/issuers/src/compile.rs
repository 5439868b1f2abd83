//! From a model's TOML to a checked model.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::charset::Class;
use crate::check::{
    Fault, add_segment, check_fields, check_issuer, check_name, check_risky, check_sizes, encoding,
    fault, is_claim_name, tokens,
};
use crate::claim::{Chooser, ClaimRule, ClaimType, dotted};
use crate::document::{self, Document, Text};
use crate::error::ModelError;
use crate::form::{Form, Segment, Shape};
use crate::issuer::IssuerForm;
use crate::kind::{Id, Kind, Need};
use crate::model::Model;
use crate::part::{Encoding, Part};
use crate::template::Template;

/// Longest text of a model, in bytes.
const MAX_TEXT: usize = 128 * 1024;
pub(crate) fn compile(text: &str) -> Result<Model, ModelError> {
    if text.len() > MAX_TEXT {
        let message = format!("the model is longer than {MAX_TEXT} bytes");
        return Err(ModelError::new(text, 0..0, message));
    }
    let document = Document::deserialize(toml::Deserializer::parse(text).map_err(|error| {
        ModelError::new(
            text,
            error.span().unwrap_or(0..0),
            one_line(error.message()),
        )
    })?)
    .map_err(|error| {
        ModelError::new(
            text,
            error.span().unwrap_or(0..0),
            one_line(error.message()),
        )
    })?;
    Compiler::default()
        .model(document, text)
        .map_err(|(span, message)| ModelError::new(text, span, message))
}

fn one_line(message: &str) -> String {
    message.trim_end().replace('\n', "; ")
}

/// What has been compiled so far; later tables refer to earlier ones.
#[derive(Default)]
struct Compiler {
    encoding: Encoding,
    claims: Vec<ClaimRule>,
    parts: Vec<Part>,
    forms: Vec<Form>,
    kinds: Vec<Kind>,
}

impl Compiler {
    fn model(mut self, document: Document, text: &str) -> Result<Model, Fault> {
        check_name(&document.name)?;
        check_sizes(&document)?;
        let tokens = tokens(&document.tokens)?;
        self.encoding = encoding(&document.encode)?;
        self.claims(&document.claims)?;
        self.parts(&document.parts)?;
        self.claim_parts(&document.forms)?;
        let issuers = self.issuers(&document.issuers)?;
        for form in &document.forms {
            let form = self.form(form)?;
            self.forms.push(form);
        }
        for kind in &document.kinds {
            let kind = self.kind(kind)?;
            self.kinds.push(kind);
        }
        self.check_use(&document.parts, &issuers)?;
        let mut model = Model {
            name: document.name.get_ref().as_str().into(),
            title: document.title.into(),
            documentation: document.documentation.trim().into(),
            source: text.into(),
            tokens,
            encoding: self.encoding,
            issuers,
            parts: self.parts,
            forms: self.forms,
            kinds: self.kinds,
            claims: self.claims,
            fetches: document.fetches,
        };
        model.add_registered_claims();
        check_fields(&model, &document.kinds)?;
        Ok(model)
    }

    fn claims(&mut self, claims: &[document::Claim]) -> Result<(), Fault> {
        for claim in claims {
            let path = claim.path.get_ref();
            if path.is_empty() || path.len() > 8 || path.iter().any(|name| !is_claim_name(name)) {
                let message = "a claim's path is one to eight names without control characters";
                return Err((claim.path.span(), message.into()));
            }
            let path: Box<[Box<str>]> = path.iter().map(|name| name.as_str().into()).collect();
            if self.claims.iter().any(|rule| rule.path == path) {
                let message = format!("claim `{}` is described twice", dotted(&path));
                return Err((claim.path.span(), message));
            }
            check_risky(claim)?;
            self.claims.push(ClaimRule {
                path,
                json: claim.json,
                immutable: claim.immutable,
                chooser: claim.chooser,
                role: claim.role,
                risky: claim
                    .risky
                    .iter()
                    .map(|value| value.get_ref().as_str().into())
                    .collect(),
                documentation: claim.documentation.trim().into(),
            });
        }
        Ok(())
    }

    /// The path of a claim that is described and a string.
    fn text_claim(&self, path: &[Text]) -> Result<Option<Box<[Box<str>]>>, Fault> {
        let (Some(first), Some(last)) = (path.first(), path.last()) else {
            return Ok(None);
        };
        let span = first.span().start..last.span().end;
        let path: Box<[Box<str>]> = path
            .iter()
            .map(|name| name.get_ref().as_str().into())
            .collect();
        match self.claims.iter().find(|rule| rule.path == path) {
            None => Err((span, format!("there is no [[claim]] `{}`", dotted(&path)))),
            Some(rule) if rule.json != ClaimType::Text => {
                Err((span, format!("claim `{}` is no text", dotted(&path))))
            }
            Some(_) => Ok(Some(path)),
        }
    }

    fn parts(&mut self, parts: &[document::Part]) -> Result<(), Fault> {
        for part in parts {
            let name = self.new_part_name(&part.name)?;
            let excludes = part.excludes.as_ref().map_or("", |text| text.get_ref());
            if let (false, Some(at)) = (excludes.is_ascii(), &part.excludes) {
                return fault(at, "only ASCII characters can be excluded".into());
            }
            if part.claim_required && part.claim.is_empty() {
                return fault(
                    &part.name,
                    format!("part `{name}` requires a claim and names none"),
                );
            }
            let encoding = match &part.encode {
                Some(table) => encoding(table)?,
                None => self.encoding.clone(),
            };
            self.parts.push(Part {
                name: name.into(),
                documentation: part.documentation.trim().into(),
                class: part.class,
                set: part.class.set().without(excludes),
                empty: part.empty,
                claim: self.text_claim(&part.claim)?,
                claim_required: part.claim_required,
                encoding,
                chooser: part.chooser,
                predictable: part.predictable,
                role: part.role,
            });
        }
        Ok(())
    }

    fn new_part_name<'t>(&self, name: &'t Text) -> Result<&'t str, Fault> {
        check_name(name)?;
        let text = name.get_ref();
        if self.parts.iter().any(|part| part.name() == text) {
            return fault(name, format!("part `{text}` is described twice"));
        }
        Ok(text)
    }

    /// A claim that a custom subject may hold is a part of its own, named like the claim.
    fn claim_parts(&mut self, forms: &[document::Form]) -> Result<(), Fault> {
        for form in forms {
            let separator = form.separator.as_ref().map_or("", |text| text.get_ref());
            for key in &form.claims {
                if self.parts.iter().any(|part| part.name() == key.get_ref()) {
                    continue;
                }
                let name = self.new_part_name(key)?;
                let claim = self.text_claim(std::slice::from_ref(key))?;
                let rule = self
                    .claims
                    .iter()
                    .find(|rule| Some(&rule.path) == claim.as_ref());
                let chooser = rule.map_or(Chooser::Outsider, ClaimRule::chooser);
                let documentation = rule.map_or("", ClaimRule::documentation);
                let part = Part {
                    name: name.into(),
                    documentation: documentation.into(),
                    class: Class::Any,
                    set: Class::Any.set().without(separator),
                    empty: false,
                    claim,
                    claim_required: false,
                    encoding: self.encoding.clone(),
                    chooser,
                    predictable: true,
                    role: None,
                };
                self.parts.push(part);
            }
        }
        Ok(())
    }

    fn part_index(&self, name: &str) -> Option<usize> {
        self.parts.iter().position(|part| part.name() == name)
    }

    fn template(&self, text: &Text) -> Result<Template, Fault> {
        Template::compile(text.get_ref(), &self.parts, |name| self.part_index(name))
            .or_else(|message| fault(text, message))
    }

    fn issuers(&self, issuers: &[document::Issuer]) -> Result<Vec<IssuerForm>, Fault> {
        let mut forms: Vec<IssuerForm> = Vec::new();
        for issuer in issuers {
            let form = IssuerForm {
                template: self.template(&issuer.url)?,
                shared: issuer.shared,
                default: issuer.default,
            };
            check_issuer(&form, &issuer.url)?;
            if form.default && forms.iter().any(|form| form.default) {
                return fault(&issuer.url, "only one issuer can be the default".into());
            }
            if forms.iter().any(|other| other.url() == form.url()) {
                return fault(
                    &issuer.url,
                    format!("issuer `{}` is listed twice", form.url()),
                );
            }
            forms.push(form);
        }
        Ok(forms)
    }

    fn form(&self, form: &document::Form) -> Result<Form, Fault> {
        check_name(&form.name)?;
        let name = form.name.get_ref();
        if self.forms.iter().any(|other| other.name() == name) {
            return fault(&form.name, format!("form `{name}` is described twice"));
        }
        let shape = match (&form.subject, &form.separator) {
            (Some(subject), None) if form.segments.is_empty() && form.claims.is_empty() => {
                Shape::Fixed(self.whole(subject, &form.fixed, form.ambiguous)?)
            }
            (None, Some(separator)) if form.fixed.is_empty() && !form.ambiguous => {
                self.custom(separator, form)?
            }
            _ => {
                let message = format!(
                    "form `{name}` has either a subject (with fixed, ambiguous) or a separator \
                     (with segments, claims)"
                );
                return fault(&form.name, message);
            }
        };
        let mut parts: Vec<usize> = match &shape {
            Shape::Fixed(segment) => segment.parts().collect(),
            Shape::Custom { segments, .. } => segments.iter().flat_map(Segment::parts).collect(),
        };
        let mut seen = Vec::new();
        parts.retain(|part| {
            !seen.contains(part) && {
                seen.push(*part);
                true
            }
        });
        Ok(Form {
            index: self.forms.len(),
            name: name.as_str().into(),
            documentation: form.documentation.trim().into(),
            shape,
            parts: parts.into(),
        })
    }

    fn whole(
        &self,
        subject: &Text,
        fixed: &BTreeMap<Text, String>,
        ambiguous: bool,
    ) -> Result<Segment, Fault> {
        let segment = self.segment(subject, fixed)?;
        match (segment.template.is_certain(), ambiguous) {
            (true, true) => fault(
                subject,
                "this subject can't be ambiguous; drop the mark".into(),
            ),
            (false, false) => fault(
                subject,
                "a part may hold the character that ends it; exclude that character, or mark the \
                 form `ambiguous = true`"
                    .into(),
            ),
            (true, false) | (false, true) => Ok(segment),
        }
    }

    fn segment(&self, subject: &Text, fixed: &BTreeMap<Text, String>) -> Result<Segment, Fault> {
        let template = self.template(subject)?;
        let mut values = Vec::new();
        for (name, value) in fixed {
            let Some(index) = self.part_index(name.get_ref()) else {
                return fault(name, format!("there is no part `{}`", name.get_ref()));
            };
            if template.parts().any(|part| part == index) {
                return fault(name, format!("part `{}` occurs twice", name.get_ref()));
            }
            if !self
                .parts
                .get(index)
                .is_some_and(|part| part.accepts(value))
            {
                return fault(
                    name,
                    format!("`{value}` can't be a value of `{}`", name.get_ref()),
                );
            }
            values.push((index, value.as_str().into()));
        }
        Ok(Segment {
            template,
            fixed: values.into(),
        })
    }

    fn custom(&self, separator: &Text, form: &document::Form) -> Result<Shape, Fault> {
        let mut characters = separator.get_ref().chars();
        let (Some(character), None) = (characters.next(), characters.next()) else {
            return fault(separator, "a separator is one character".into());
        };
        if !character.is_ascii_punctuation() {
            return fault(separator, "a separator is ASCII punctuation".into());
        }
        let mut segments: Vec<Segment> = Vec::new();
        for segment in &form.segments {
            let compiled = self.segment(&segment.subject, &segment.fixed)?;
            add_segment(&mut segments, compiled, character, &segment.subject)?;
        }
        for key in &form.claims {
            let text = format!("{0}{character}{{{0}}}", key.get_ref());
            let template = Template::compile(&text, &self.parts, |name| self.part_index(name))
                .or_else(|message| fault(key, message))?;
            let segment = Segment {
                template,
                fixed: Box::default(),
            };
            add_segment(&mut segments, segment, character, key)?;
        }
        if segments.is_empty() {
            return fault(
                separator,
                "a custom form has at least one segment or claim".into(),
            );
        }
        Ok(Shape::Custom {
            separator: character,
            segments: segments.into(),
        })
    }

    fn kind(&self, kind: &document::Kind) -> Result<Kind, Fault> {
        check_name(&kind.name)?;
        let name = kind.name.get_ref();
        if self.kinds.iter().any(|other| other.name() == name) {
            return fault(&kind.name, format!("kind `{name}` is described twice"));
        }
        if kind.tenant && self.kinds.iter().any(|other| other.tenant) {
            return fault(&kind.name, "only one kind names the tenant".into());
        }
        let templates: Vec<Template> = kind
            .templates
            .iter()
            .map(|text| self.template(text))
            .collect::<Result<_, _>>()?;
        for (template, text) in templates.iter().zip(&kind.templates) {
            if !template.is_certain() || template.parts().next().is_none() {
                let message = "a name has parts, and each of them a certain end";
                return fault(text, message.into());
            }
        }
        if templates.is_empty() && kind.claim.is_empty() {
            return fault(
                &kind.name,
                format!("kind `{name}` has no templates and no claim"),
            );
        }
        let encoding = self
            .kind_encoding(&templates)
            .or_else(|message| fault(&kind.name, message))?;
        Ok(Kind {
            name: name.as_str().into(),
            documentation: kind.documentation.trim().into(),
            templates: templates.into(),
            claim: self.text_claim(&kind.claim)?,
            id: self.id(&kind.id)?,
            parent: self.parent(kind.parent.as_ref())?,
            tenant: kind.tenant,
            fold_case: kind.fold_case,
            not_in: self.not_in(&kind.not_in)?,
            encoding,
        })
    }

    /// The one encoding of all the parts that a kind's templates name.
    fn kind_encoding(&self, templates: &[Template]) -> Result<Encoding, String> {
        let mut encodings = templates
            .iter()
            .flat_map(Template::parts)
            .filter_map(|part| self.parts.get(part))
            .map(|part| &part.encoding);
        let Some(first) = encodings.next() else {
            return Ok(self.encoding.clone());
        };
        if encodings.any(|other| other != first) {
            return Err("the parts of a name are encoded in different ways".into());
        }
        let encoded = |literal: &str| first.0.iter().any(|(from, _)| literal.contains(*from));
        if templates.iter().flat_map(Template::literals).any(encoded) {
            return Err("the literals of a name hold a character that is encoded".into());
        }
        Ok(first.clone())
    }

    fn id(&self, id: &document::Id) -> Result<Id, Fault> {
        let need = *id.need.get_ref();
        let sources = !id.claim.is_empty() || !id.parts.is_empty();
        if sources == (need == Need::None) {
            let message = "an id has a claim or parts, unless its need is `none`";
            return Err((id.need.span(), message.into()));
        }
        let claim = self.text_claim(&id.claim)?;
        let rule = self
            .claims
            .iter()
            .find(|rule| Some(&rule.path) == claim.as_ref());
        if rule.is_some_and(|rule| !rule.immutable) {
            return Err((id.need.span(), "the claim of an id is not immutable".into()));
        }
        let mut parts = Vec::new();
        for name in &id.parts {
            match self.part_index(name.get_ref()) {
                Some(part) => parts.push(part),
                None => return fault(name, format!("there is no part `{}`", name.get_ref())),
            }
        }
        Ok(Id {
            need,
            claim,
            parts: parts.into(),
        })
    }

    fn parent(&self, parent: Option<&Text>) -> Result<Option<usize>, Fault> {
        let Some(parent) = parent else {
            return Ok(None);
        };
        let index = self
            .kinds
            .iter()
            .position(|kind| kind.name() == parent.get_ref());
        match index {
            Some(index) => Ok(Some(index)),
            None => fault(
                parent,
                format!("there is no kind `{}` before this one", parent.get_ref()),
            ),
        }
    }

    fn not_in(&self, forms: &[Text]) -> Result<Box<[usize]>, Fault> {
        forms
            .iter()
            .map(|name| {
                let index = self
                    .forms
                    .iter()
                    .position(|form| form.name() == name.get_ref());
                index.map_or_else(
                    || fault(name, format!("there is no form `{}`", name.get_ref())),
                    Ok,
                )
            })
            .collect()
    }

    /// A part that nothing mentions is a mistake in writing.
    fn check_use(&self, parts: &[document::Part], issuers: &[IssuerForm]) -> Result<(), Fault> {
        for (index, part) in parts.iter().enumerate() {
            let in_forms = self.forms.iter().any(|form| form.parts.contains(&index));
            let in_issuers = issuers
                .iter()
                .any(|form| form.template.parts().any(|p| p == index));
            if !in_forms && !in_issuers {
                let message = format!(
                    "no subject and no issuer has part `{}`",
                    part.name.get_ref()
                );
                return fault(&part.name, message);
            }
        }
        Ok(())
    }
}
