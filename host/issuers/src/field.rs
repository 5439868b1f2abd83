//! Fields: what a policy's `subject` table may name, and what that pins.

use crate::form::{Form, Segment, Shape};
use crate::kind::{Kind, Need};
use crate::model::Model;
use crate::part::Part;
use crate::subject::Subject;

/// One thing that a policy's `subject` table may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'m> {
    /// A kind of name: it has a name and, by its [`Need`], an id.
    Name(&'m Kind),
    /// A part that belongs to no name: it has a value.
    Part(&'m Part),
}

impl<'m> Field<'m> {
    /// What a policy calls it.
    pub fn name(&self) -> &'m str {
        match self {
            Self::Name(kind) => kind.name(),
            Self::Part(part) => part.name(),
        }
    }

    /// One sentence on what it says.
    pub fn documentation(&self) -> &'m str {
        match self {
            Self::Name(kind) => kind.documentation(),
            Self::Part(part) => part.documentation(),
        }
    }
}

/// How the ids that a policy pins name the tenant of a shared issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantPin<'m> {
    /// The tenant's own id is pinned.
    Direct(&'m Kind),
    /// The id of something that belongs to the tenant is; it may move to
    /// another tenant and keep its id.
    Through(&'m Kind),
    /// No id is pinned that leads to the tenant.
    None,
}

impl Model {
    /// What a policy's `subject` table may name: every kind, then every part of
    /// a subject that belongs to no kind.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        let names = self.kinds.iter().map(Field::Name);
        let parts = self.parts.iter().enumerate().filter_map(|(index, part)| {
            let in_a_form = self.forms.iter().any(|form| form.parts.contains(&index));
            let in_a_kind = self
                .kinds
                .iter()
                .any(|kind| self.covers(kind).any(|p| p == index));
            (in_a_form && !in_a_kind).then_some(Field::Part(part))
        });
        names.chain(parts)
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<Field<'_>> {
        self.fields().find(|field| field.name() == name)
    }

    /// Every raw part that a name of `kind` covers: those that its templates
    /// name, those that hold its id, and those that hold the id of another kind
    /// whose name it contains. Pinning `acme/infra` says all that the raw parts
    /// `acme`, `@1`, `infra` and `@2` say, but for the ids themselves.
    pub(crate) fn covers(&self, kind: &Kind) -> impl Iterator<Item = usize> {
        let own: Vec<usize> = template_parts(kind).collect();
        let contained = |other: &&Kind| {
            other.templates.iter().any(|template| {
                template.parts().next().is_some() && template.parts().all(|p| own.contains(&p))
            })
        };
        let mut covered: Vec<usize> = self
            .kinds
            .iter()
            .filter(contained)
            .flat_map(|other| other.id.parts.iter().copied())
            .chain(kind.id.parts.iter().copied())
            .collect();
        covered.extend(&own);
        covered.sort_unstable();
        covered.dedup();
        covered.into_iter()
    }

    /// The raw parts of `form` that `field` covers, in the form's order; none
    /// if its subjects don't say it.
    pub fn covered<'m>(&'m self, form: &'m Form, field: Field<'m>) -> Vec<&'m Part> {
        let covered = self.covered_indices(field);
        form.parts
            .iter()
            .filter(|part| covered.contains(part))
            .filter_map(|part| self.parts.get(*part))
            .collect()
    }

    fn covered_indices(&self, field: Field<'_>) -> Vec<usize> {
        match field {
            Field::Name(kind) => self.covers(kind).collect(),
            Field::Part(part) => self
                .parts
                .iter()
                .position(|other| other.name == part.name)
                .into_iter()
                .collect(),
        }
    }

    /// The raw parts that a subject of `form` can have.
    pub fn parts_of(&self, form: &Form) -> impl Iterator<Item = &Part> {
        form.parts.iter().filter_map(|part| self.parts.get(*part))
    }

    /// The fields that a subject of `form` can answer.
    pub fn fields_of<'m>(&'m self, form: &'m Form) -> impl Iterator<Item = Field<'m>> {
        self.fields()
            .filter(|field| !self.covered(form, *field).is_empty())
    }

    /// The forms whose parts are exactly those that `fields` and `any` cover.
    ///
    /// Each of `fields` must be in the form, unless no subject at all says it
    /// (its name is in a claim alone); `any` names fields or raw parts that may
    /// be in it. A custom form fits if some choice of its segments does; a
    /// single subject of it fits if its parts are among those covered. Unknown
    /// names cover nothing.
    pub fn forms_with<'m>(&'m self, fields: &[&str], any: &[&str]) -> Vec<&'m Form> {
        let required: Vec<Vec<usize>> = fields
            .iter()
            .map(|name| {
                self.field(name)
                    .map_or_else(Vec::new, |field| self.covered_indices(field))
            })
            .filter(|covered| self.forms.iter().any(|form| has_some(&form.parts, covered)))
            .collect();
        let mut covered: Vec<usize> = required.concat();
        for name in any {
            match self.field(name) {
                Some(field) => covered.extend(self.covered_indices(field)),
                None => covered.extend(self.parts.iter().position(|part| part.name() == *name)),
            }
        }
        self.forms
            .iter()
            .filter(|form| match &form.shape {
                Shape::Fixed(_) => {
                    form.parts.iter().all(|part| covered.contains(part))
                        && required.iter().all(|field| has_some(&form.parts, field))
                }
                Shape::Custom { segments, .. } => {
                    let usable = |segment: &&Segment| segment.parts().all(|p| covered.contains(&p));
                    let parts: Vec<usize> = segments
                        .iter()
                        .filter(usable)
                        .flat_map(Segment::parts)
                        .collect();
                    !parts.is_empty() && required.iter().all(|field| has_some(&parts, field))
                }
            })
            .collect()
    }

    /// How pinning the ids of these kinds names the tenant.
    pub fn tenant_pin(&self, pinned_ids: &[&str]) -> TenantPin<'_> {
        let pinned = || {
            pinned_ids
                .iter()
                .filter_map(|name| self.kind(name))
                .filter(|kind| kind.id.need != Need::None)
        };
        if let Some(kind) = pinned().find(|kind| kind.tenant) {
            return TenantPin::Direct(kind);
        }
        match pinned().find(|kind| self.ancestors(kind).any(|kind| kind.tenant)) {
            Some(kind) => TenantPin::Through(kind),
            None => TenantPin::None,
        }
    }

    /// The kind whose id the claim at `path` holds.
    pub fn kind_of_id<S: AsRef<str>>(&self, path: &[S]) -> Option<&Kind> {
        self.kinds.iter().find(|kind| {
            kind.id_claim().is_some_and(|claim| {
                claim
                    .iter()
                    .map(|name| &**name)
                    .eq(path.iter().map(AsRef::as_ref))
            })
        })
    }

    /// The parts that make `name`, a name of `kind`, in a subject of `form`, with
    /// their raw values; `None` if the form doesn't say it or no such name can be.
    ///
    /// With [`Model::id_part`] and [`Model::print_subject`] this writes the
    /// subject that a policy's names and ids stand for.
    pub fn split_name<'a>(
        &'a self,
        kind: &Kind,
        form: &Form,
        name: &'a str,
    ) -> Option<Vec<(&'a str, &'a str)>> {
        let template = kind.templates.iter().find(|template| {
            let mut parts = template.parts().peekable();
            parts.peek().is_some() && parts.all(|part| form.parts.contains(&part))
        })?;
        let mut values = Vec::new();
        if template.strip(&self.parts, name, &mut values) != Some("") {
            return None;
        }
        values
            .into_iter()
            .map(|(part, value)| Some((self.parts.get(part)?.name(), value)))
            .collect()
    }

    /// The part of `form` that holds the id of `kind`, if one does.
    pub fn id_part(&self, kind: &Kind, form: &Form) -> Option<&Part> {
        let index = kind
            .id
            .parts
            .iter()
            .find(|part| form.parts.contains(part))?;
        self.parts.get(*index)
    }

    /// The parts that hold the id of `kind`, of whatever subject or URL has one.
    pub fn id_parts<'m>(&'m self, kind: &'m Kind) -> impl Iterator<Item = &'m Part> {
        let parts = kind.id.parts.iter();
        parts.filter_map(|part| self.parts.get(*part))
    }

    /// Whether `character` stands between parts in some form of the subject, so
    /// that a pattern's `*` should not cross it.
    pub fn delimits(&self, character: char) -> bool {
        self.forms
            .iter()
            .flat_map(Form::segment_list)
            .any(|segment| {
                segment.template.literals().any(|literal| {
                    // Letters are words of the template, not delimiters.
                    !character.is_alphanumeric() && character != '_' && literal.contains(character)
                })
            })
    }

    /// The kind's parent, its parent's parent, and so on.
    fn ancestors<'m>(&'m self, kind: &'m Kind) -> impl Iterator<Item = &'m Kind> {
        std::iter::successors(self.parent(kind), |kind| self.parent(kind))
    }
}

impl Subject<'_> {
    /// Whether whoever has this exact subject is one identity for ever: it
    /// carries an id that is the tenant's or leads to it, and for every name in
    /// it the name's id, or the id of something that belongs to it.
    ///
    /// In a model without a tenant any id will do in place of the tenant's.
    pub fn is_immutable(&self) -> bool {
        let model = self.model;
        let has = |part: usize| self.values.iter().any(|(other, _)| *other == part);
        let with_id: Vec<&Kind> = model
            .kinds
            .iter()
            .filter(|kind| kind.id.parts.iter().any(|&part| has(part)))
            .collect();
        let is_bound = |kind: &Kind| {
            with_id.iter().any(|other| {
                other.name == kind.name || model.ancestors(other).any(|a| a.name == kind.name)
            })
        };
        let is_named = |kind: &&Kind| {
            kind.templates
                .iter()
                .any(|template| template.parts().next().is_some() && template.parts().all(has))
        };
        let tenant = model.kinds.iter().find(|kind| kind.tenant);
        let names_bound = model.kinds.iter().filter(is_named).all(is_bound);
        names_bound && tenant.map_or(!with_id.is_empty(), is_bound)
    }
}

fn template_parts(kind: &Kind) -> impl Iterator<Item = usize> {
    kind.templates
        .iter()
        .flat_map(|template| template.parts().collect::<Vec<_>>())
}

fn has_some(parts: &[usize], wanted: &[usize]) -> bool {
    wanted.iter().any(|part| parts.contains(part))
}
