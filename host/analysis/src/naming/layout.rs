//! Layouts: what a subject is written of, one piece after another.

use claimbound_issuers::{Form, Model, Part};

use crate::shape::{self, Piece};

/// A template of a form, of which a chosen subject may have several.
pub(super) struct Segment<'a> {
    pub(super) template: &'a str,
    /// The parts that a subject has by having this segment, those with a value
    /// given among them.
    pub(super) parts: Vec<&'a Part>,
    /// The values that are given.
    pub(super) fixed: Vec<(&'a str, &'a str)>,
}

impl<'a> Segment<'a> {
    /// The segments of a form, in its order; of a fixed form, the one.
    pub(super) fn all(model: &'a Model, form: &'a Form) -> Vec<Self> {
        let of = |template: &'a str| {
            let fixed: Vec<(&str, &str)> = model.fixed_by(form, template).collect();
            let pieces = shape::pieces(template);
            let written = pieces.iter().filter_map(Piece::part);
            let names = written.chain(fixed.iter().map(|(name, _)| *name));
            Self {
                template,
                parts: names.filter_map(|name| model.part(name)).collect(),
                fixed,
            }
        };
        form.segments().map(of).collect()
    }

    pub(super) fn has(&self, part: &str) -> bool {
        self.parts.iter().any(|one| one.name() == part)
    }

    /// The value that it gives to a part without writing it.
    pub(super) fn fixed(&self, part: &str) -> Option<&'a str> {
        let mut fixed = self.fixed.iter();
        fixed.find(|(one, _)| *one == part).map(|(_, value)| *value)
    }
}

/// What the subjects are written of that are looked for.
pub(super) struct Layout<'a> {
    pub(super) form: &'a Form,
    /// The parts that they have, with the values that are given.
    pub(super) parts: Vec<(&'a Part, Option<&'a str>)>,
    /// What is written, as one template.
    pub(super) template: String,
    pub(super) pieces: Vec<Piece>,
}

impl<'a> Layout<'a> {
    /// These segments of a form, in this order.
    pub(super) fn new(form: &'a Form, segments: &[&Segment<'a>]) -> Self {
        let parts = segments.iter().flat_map(|segment| {
            let parts = segment.parts.iter();
            parts.map(|part| (*part, segment.fixed(part.name())))
        });
        let templates: Vec<&str> = segments.iter().map(|segment| segment.template).collect();
        let separator = form.separator().map(String::from).unwrap_or_default();
        let template = templates.join(&separator);
        Self {
            form,
            parts: parts.collect(),
            pieces: shape::pieces(&template),
            template,
        }
    }

    /// The subject with these parts; none where it does not read back as that.
    pub(super) fn print(&self, model: &Model, parts: &[(&str, &str)]) -> Option<String> {
        let value = |name: &str| {
            let mut parts = parts.iter();
            parts
                .find(|(part, _)| *part == name)
                .map(|(_, value)| *value)
        };
        let text: Option<String> = self
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => Some(text.as_str()),
                Piece::Part(name) => value(name),
            })
            .collect();
        let text = text?;
        let read = model.parse_subject(&text).ok()?;
        let is_same = read.form().name() == self.form.name()
            && read.parts().count() == parts.len()
            && read.parts().all(|(name, text)| value(name) == Some(text));
        is_same.then_some(text)
    }
}
