//! Patterns of a statement as its author wrote them, and what each is about.

use std::ops::Range;

use claimbound_issuers::{Field, Form, Kind, Model, Part};
use claimbound_language::{At, Operator, Pattern, Placed, Subject, SubjectField};

use crate::budget::{Budget, Exceeded};
use crate::lint::regex;
use crate::lint::review::Stated;
use crate::texts::Texts;
use crate::variable::Variable;

/// A pattern as it was written.
pub(crate) struct Written<'p> {
    pub(crate) text: &'p Placed<String>,
    pub(crate) syntax: Syntax,
    /// What has to match it.
    pub(crate) about: Variable,
    /// What its `*` does not cross.
    at: At,
}

/// How a pattern is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    Glob,
    Regex,
}

/// What a statement asks of the subject, or of a claim.
pub(crate) struct Asked<'p> {
    /// What it is asked of.
    pub(crate) about: Variable,
    pub(crate) operator: &'p Operator,
    pub(crate) place: &'p Range<usize>,
}

impl<'p> Asked<'p> {
    /// All that a statement asks, in the order of the document.
    pub(crate) fn all(stated: &Stated<'p>) -> Vec<Self> {
        let mut all = Vec::new();
        if let Some(subject) = &stated.written.subject {
            match &subject.value {
                Subject::Whole(operator) => all.push(Self {
                    about: Variable::Subject,
                    operator,
                    place: &subject.place,
                }),
                Subject::Table(table) => {
                    let model = &stated.issuer.model;
                    let fields = table.fields.iter();
                    all.extend(fields.flat_map(|field| Self::of_field(model, field)));
                }
                Subject::Literal(_) => {}
            }
        }
        let claims = stated.written.claims.iter();
        all.extend(claims.map(|one| {
            let about = Variable::Claim(one.path.value.clone());
            Self::of(about, &one.operator)
        }));
        all
    }

    fn of(about: Variable, operator: &'p Placed<Operator>) -> Self {
        Self {
            about,
            operator: &operator.value,
            place: &operator.place,
        }
    }

    fn of_field(model: &Model, field: &'p SubjectField) -> Vec<Self> {
        let name = field.name.value.clone();
        let about = match model.field(&name) {
            Some(Field::Name(_)) => Variable::Name(name.clone()),
            Some(Field::Part(part)) => of_part(part),
            None => return Vec::new(),
        };
        let value = field.value.as_ref().map(|one| Self::of(about, one));
        let id = field.id.as_ref();
        let id = id.map(|one| Self::of(Variable::Id(name), one));
        value.into_iter().chain(id).collect()
    }

    /// The pattern that it asks for, if it does.
    pub(crate) fn pattern(&self, stated: &Stated<'_>) -> Option<Written<'p>> {
        let (text, syntax) = match self.operator {
            Operator::Glob(text) => (text, Syntax::Glob),
            Operator::Regex(text) => (text, Syntax::Regex),
            Operator::Equals(_)
            | Operator::AnyOf(_)
            | Operator::NoneOf(_)
            | Operator::AtLeast(_)
            | Operator::AtMost(_)
            | Operator::Contains(_)
            | Operator::AllOf(_)
            | Operator::Present
            | Operator::Absent
            | Operator::SameAs(_)
            | Operator::Attribute(_) => return None,
        };
        let is_whole = self.about == Variable::Subject;
        let separates = is_whole && separates(&stated.issuer.model);
        Some(Written {
            text,
            syntax,
            about: self.about.clone(),
            at: if separates { At::Separates } else { At::Plain },
        })
    }
}

impl<'p> Written<'p> {
    /// The patterns of a statement, in the order of the document.
    pub(crate) fn all(stated: &Stated<'p>) -> Vec<Self> {
        let asked = Asked::all(stated);
        asked.iter().filter_map(|one| one.pattern(stated)).collect()
    }

    /// What it matches.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn texts(&self, budget: &Budget) -> Result<Texts, Exceeded> {
        self.reading(&self.text.value, budget)
    }

    /// What another text would match in its place.
    ///
    /// # Errors
    /// [`Exceeded`], also where that is no pattern.
    pub(crate) fn reading(&self, text: &str, budget: &Budget) -> Result<Texts, Exceeded> {
        let pattern = match self.syntax {
            Syntax::Glob => Pattern::glob(text, self.at),
            Syntax::Regex => Pattern::regex(text),
        };
        Texts::accepted(&pattern.map_err(|_| Exceeded)?.automaton, budget)
    }

    /// The texts that whatever it matches begins with one of, and goes on.
    pub(crate) fn beginnings(&self) -> Vec<String> {
        match self.syntax {
            Syntax::Glob => glob_beginning(&self.text.value).into_iter().collect(),
            Syntax::Regex => regex::beginnings(&self.text.value),
        }
    }
}

/// What a pattern about a part looks at: the claim that repeats it where the
/// subject spells some of its values otherwise.
fn of_part(part: &Part) -> Variable {
    let spelt = |character: char| part.encode(&character.to_string()).into_owned();
    let mut encoded = part.encoded_characters();
    let is_encoded = encoded.any(|one| spelt(one).chars().all(|other| part.allows(other)));
    match part.claim() {
        Some(path) if is_encoded => Variable::Claim(path.iter().map(ToString::to_string).collect()),
        Some(_) | None => Variable::Part(part.name().to_owned()),
    }
}

/// The kind whose name a variable is, if it is one.
pub(crate) fn kind_of<'m>(model: &'m Model, about: &Variable) -> Option<&'m Kind> {
    let of_part = |part: &Part| {
        let alone = format!("{{{}}}", part.name());
        let mut kinds = model.names().iter();
        kinds.find(|kind| kind.templates().any(|template| template == alone))
    };
    match about {
        Variable::Name(name) => model.kind(name),
        Variable::Part(name) => of_part(model.part(name)?),
        Variable::Claim(path) => {
            let is_here = |claim: Option<&[Box<str>]>| is_path(claim, path);
            let mut kinds = model.names().iter();
            let mut parts = model.parts().iter();
            kinds
                .find(|kind| is_here(kind.claim()))
                .or_else(|| of_part(parts.find(|part| is_here(part.claim()))?))
        }
        Variable::Issuer
        | Variable::Subject
        | Variable::Form
        | Variable::Id(_)
        | Variable::Parent(_)
        | Variable::Audience
        | Variable::SoleAudience
        | Variable::AudienceOfRoute
        | Variable::KeyType
        | Variable::KeyAlgorithm
        | Variable::KeyBits
        | Variable::KeyThumbprint
        | Variable::Attribute(_)
        | Variable::Lifetime
        | Variable::Age
        | Variable::Now => None,
    }
}

/// The kind whose id a variable is, if it is one.
pub(crate) fn id_of<'m>(model: &'m Model, about: &Variable) -> Option<&'m Kind> {
    if let Variable::Id(name) = about {
        return model.kind(name);
    }
    let Variable::Claim(path) = about else {
        return None;
    };
    model.kind_of_id(path)
}

/// Whether a claim of a model stands at this path.
pub(crate) fn is_path(claim: Option<&[Box<str>]>, path: &[String]) -> bool {
    claim.is_some_and(|claim| claim.iter().map(|name| &**name).eq(path.iter()))
}

/// Whether `@` stands between a name and its id in this model's subjects.
fn separates(model: &Model) -> bool {
    let mut templates = model.forms().iter().flat_map(Form::segments);
    templates.any(|template| template.contains("}@{"))
}

/// The literal text before a glob's first star, where there is some of both.
fn glob_beginning(glob: &str) -> Option<String> {
    let mut literal = String::new();
    let mut characters = glob.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' => return (!literal.is_empty()).then_some(literal),
            '\\' => literal.extend(characters.next()),
            other => literal.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_begins_with_what_stands_before_its_first_star() {
        assert_eq!(glob_beginning("acme*"), Some("acme".to_owned()));
        assert_eq!(glob_beginning(r"a\*c**"), Some("a*c".to_owned()));
        assert_eq!(glob_beginning("acme"), None);
        assert_eq!(glob_beginning("*"), None);
    }
}
