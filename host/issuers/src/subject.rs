//! Subjects: split raw, never decoded, in exactly one way; and written back.

use std::sync::Arc;

use crate::error::{PrintError, SubjectError};
use crate::form::{Form, Reading};
use crate::kind::Kind;
use crate::model::Model;
use crate::template::Value;

/// The longest subject that is read, in bytes, inclusive.
///
/// A token has at most 16 KiB; names and refs stay far below this.
pub const MAX_SUBJECT: usize = 4096;

/// A subject that reads in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject<'a> {
    pub(crate) model: &'a Model,
    pub(crate) form: &'a Form,
    pub(crate) values: Vec<Value<'a>>,
}

impl<'a> Subject<'a> {
    /// The form it has.
    pub fn form(&self) -> &'a Form {
        self.form
    }

    /// The parts and their raw values, in the subject's order; fixed ones behind
    /// those of the text that gives them.
    pub fn parts(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let parts = &self.model.parts;
        self.values
            .iter()
            .filter_map(move |(part, value)| Some((parts.get(*part)?.name(), *value)))
    }

    /// The raw value of the part of that name.
    pub fn part(&self, name: &str) -> Option<&'a str> {
        self.parts()
            .find(|(part, _)| *part == name)
            .map(|(_, value)| value)
    }
}

impl Model {
    /// Splits a subject into its parts, by every form of the model.
    ///
    /// # Errors
    /// No form fits, several fit with different parts, one fits in several
    /// ways, or the subject is longer than [`MAX_SUBJECT`].
    pub fn parse_subject<'a>(&'a self, subject: &'a str) -> Result<Subject<'a>, SubjectError> {
        let (form, values) = self.read_subject(subject)?;
        Ok(Subject {
            model: self,
            form,
            values,
        })
    }

    pub(crate) fn read_subject<'a>(
        &'a self,
        subject: &'a str,
    ) -> Result<(&'a Form, Vec<Value<'a>>), SubjectError> {
        if subject.len() > MAX_SUBJECT {
            return Err(SubjectError::TooLong {
                length: subject.len(),
                longest: MAX_SUBJECT,
            });
        }
        let mut first: Option<(&Form, Vec<Value<'a>>)> = None;
        let mut values = Vec::with_capacity(8);
        for form in &self.forms {
            match (form.read(&self.parts, subject, &mut values), &first) {
                (Reading::None, _) => {}
                (Reading::Several, _) => return Err(ambiguous(&[form])),
                (Reading::One, None) => first = Some((form, std::mem::take(&mut values))),
                (Reading::One, Some((_, found))) if same(found, &values) => {}
                (Reading::One, Some((other, _))) => return Err(ambiguous(&[other, form])),
            }
        }
        first.ok_or_else(|| SubjectError::Unrecognised {
            model: self.shared_name(),
        })
    }

    /// What a subject says, whatever its shape: equal for two subjects that
    /// differ in nothing but the order of their parts, an id beside a name, or
    /// the case of a name that the issuer compares without.
    ///
    /// Two identities that held one name at different times have one key, so it
    /// is for refusing, never for accepting.
    pub fn subject_key<'a>(&self, parts: impl Iterator<Item = (&'a str, &'a str)>) -> String {
        let given: Vec<_> = parts
            .filter_map(|(name, value)| {
                let part = self.parts.iter().position(|part| part.name() == name)?;
                Some((part, name, value))
            })
            .collect();
        let has = |part: usize| given.iter().any(|(given, ..)| *given == part);
        // An id says nothing more where its name is there as well.
        let beside_name = |part: usize| {
            self.kinds.iter().any(|kind| {
                kind.id.parts.contains(&part)
                    && kind.templates.iter().any(|template| {
                        let mut parts = template.parts().peekable();
                        parts.peek().is_some() && parts.all(|name| name != part && has(name))
                    })
            })
        };
        let folds = |part: usize| {
            let named = |kind: &&Kind| {
                kind.templates
                    .iter()
                    .any(|one| one.parts().any(|at| at == part))
            };
            self.kinds.iter().filter(named).any(Kind::folds_case)
        };
        let mut lines: Vec<String> = given
            .iter()
            .filter(|(part, ..)| !beside_name(*part))
            .map(|(part, name, value)| {
                if folds(*part) {
                    format!("{name}={}", value.to_ascii_lowercase())
                } else {
                    format!("{name}={value}")
                }
            })
            .collect();
        lines.sort_unstable();
        lines.join("\n")
    }

    /// Writes the subject of `form` that has these parts, raw values as the
    /// subject spells them; in the order given for a custom form.
    ///
    /// What is written reads back as the same parts. The form read back may be
    /// another one whose subjects are the same.
    ///
    /// # Errors
    /// An unknown form or part, a value its part can't have, parts that are not
    /// those of the form, or a subject that would be ambiguous.
    pub fn print_subject(&self, form: &str, parts: &[(&str, &str)]) -> Result<String, PrintError> {
        let Some(form) = self.form(form) else {
            let form = form.to_owned();
            return Err(PrintError::UnknownForm {
                model: self.shared_name(),
                form,
            });
        };
        let values: Vec<Value<'_>> = parts
            .iter()
            .map(|(name, value)| self.value(form, name, value))
            .collect::<Result<_, _>>()?;
        let text = form.print(&values).ok_or_else(|| PrintError::Parts {
            form: Arc::clone(&form.name),
        })?;
        match self.read_subject(&text) {
            Ok((_, found)) if same(&found, &values) => Ok(text.clone()),
            Ok(_) => Err(PrintError::ReadsOtherwise {
                form: Arc::clone(&form.name),
            }),
            Err(source) => Err(PrintError::Unreadable {
                form: Arc::clone(&form.name),
                source,
            }),
        }
    }

    fn value<'v>(&self, form: &Form, name: &str, value: &'v str) -> Result<Value<'v>, PrintError> {
        let index = form.parts.iter().copied().find(|&index| {
            self.parts
                .get(index)
                .is_some_and(|part| part.name() == name)
        });
        let Some((index, part)) = index.and_then(|index| Some((index, self.parts.get(index)?)))
        else {
            let form = Arc::clone(&form.name);
            return Err(PrintError::UnknownPart {
                form,
                part: name.to_owned(),
            });
        };
        if !part.accepts(value) {
            let part = Arc::clone(&part.name);
            return Err(PrintError::Value {
                part,
                value: value.to_owned(),
            });
        }
        Ok((index, value))
    }
}

/// Whether two readings say the same; their order doesn't count.
fn same(one: &[Value<'_>], other: &[Value<'_>]) -> bool {
    one.len() == other.len() && one.iter().all(|value| other.contains(value))
}

fn ambiguous(forms: &[&Form]) -> SubjectError {
    SubjectError::Ambiguous {
        forms: forms.iter().map(|form| Arc::clone(&form.name)).collect(),
    }
}
