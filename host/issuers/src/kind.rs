//! A kind of name: what a workload is called, and the id behind the name.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use crate::form::Form;
use crate::part::Encoding;
use crate::template::Template;

/// Whether tokens carry an id for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Every token does; one without it is refused.
    Promised,
    /// Some do, by the issuer's version or settings.
    Optional,
    /// None does.
    None,
}

/// One kind of name, such as a repository or a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    pub(crate) name: Arc<str>,
    pub(crate) documentation: Box<str>,
    /// How the name reads, for forms of different parts: the first that the form covers.
    pub(crate) templates: Box<[Template]>,
    pub(crate) claim: Option<Box<[Box<str>]>>,
    pub(crate) id: Id,
    pub(crate) parent: Option<usize>,
    pub(crate) tenant: bool,
    pub(crate) fold_case: bool,
    /// Indices of the forms whose tokens carry no name of this kind.
    pub(crate) not_in: Box<[usize]>,
    /// How the issuer writes a claim's value inside the subject.
    pub(crate) encoding: Encoding,
}

/// Where the id of a name stands in a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) need: Need,
    pub(crate) claim: Option<Box<[Box<str>]>>,
    pub(crate) parts: Box<[usize]>,
}

impl Kind {
    /// The kind's own name, unique in its model, such as `repository`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One sentence on what it is.
    pub fn documentation(&self) -> &str {
        &self.documentation
    }

    /// How a name of this kind is made of parts, such as `{owner}/{repo}`: one
    /// template or several, for subjects of different forms.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.templates.iter().map(Template::text)
    }

    /// The claim that holds the whole name, if one does.
    pub fn claim(&self) -> Option<&[Box<str>]> {
        self.claim.as_deref()
    }

    /// Whether tokens carry the id.
    pub fn id_need(&self) -> Need {
        self.id.need
    }

    /// The claim that holds the id, if one does.
    pub fn id_claim(&self) -> Option<&[Box<str>]> {
        self.id.claim.as_deref()
    }

    /// The characters of a name that the issuer writes otherwise inside a subject.
    pub fn encoded_characters(&self) -> impl Iterator<Item = char> {
        self.encoding.0.iter().map(|(character, _)| *character)
    }

    /// The name that a claim gives, as the issuer writes it inside a subject.
    pub fn encode<'n>(&self, name: &'n str) -> Cow<'n, str> {
        self.encoding.encode(name)
    }

    /// Whether tokens with a subject of `form` carry names of this kind at all.
    pub fn is_named_in(&self, form: &Form) -> bool {
        !self.not_in.contains(&form.index)
    }

    /// Whether names of this kind name the tenant of a shared issuer.
    pub fn is_tenant(&self) -> bool {
        self.tenant
    }

    /// Whether the issuer compares these names without ASCII case.
    pub fn folds_case(&self) -> bool {
        self.fold_case
    }

    /// The name as a ledger keeps it: lower case (ASCII) where the issuer
    /// compares without case, else as it is.
    pub fn fold<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if self.fold_case && name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        }
    }
}
