//! Issuer URLs: which ones a model signs under, and what the URL itself names.

use crate::part::Part;
use crate::template::{Template, Value};

/// One form of a model's issuer URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerForm {
    pub(crate) template: Template,
    pub(crate) shared: bool,
    pub(crate) default: bool,
}

impl IssuerForm {
    /// The URL, or its template.
    pub fn url(&self) -> &str {
        self.template.text()
    }

    /// Whether an issuer of this form signs for everyone.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Whether this is the one URL meant when none is given.
    pub fn is_default(&self) -> bool {
        self.default
    }

    /// Whether the form is one URL, without parts.
    pub fn is_exact(&self) -> bool {
        self.template.parts().next().is_none()
    }

    pub(crate) fn read<'a>(
        &self,
        parts: &[Part],
        url: &'a str,
        found: &mut Vec<Value<'a>>,
    ) -> bool {
        let mark = found.len();
        let matched = self.template.strip(parts, url, found) == Some("");
        if !matched {
            found.truncate(mark);
        }
        matched
    }
}

/// What an issuer's URL says, read by a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerMatch<'a> {
    pub(crate) shared: bool,
    pub(crate) exact: bool,
    pub(crate) parts: Vec<(&'a str, &'a str)>,
}

impl<'a> IssuerMatch<'a> {
    /// Whether the issuer signs for everyone, so that a trust must name the tenant.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Whether the URL is one that the model lists in full.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// The parts that the URL holds, with their values.
    pub fn parts(&self) -> &[(&'a str, &'a str)] {
        &self.parts
    }
}
