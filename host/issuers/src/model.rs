//! A naming model: everything that is known of one kind of issuer.

use std::borrow::Cow;
use std::sync::Arc;

use crate::claim::{ClaimRule, Role, registered};
use crate::compile::compile;
use crate::error::{IssuerError, ModelError};
use crate::fetch::Fetch;
use crate::form::Form;
use crate::issuer::{IssuerForm, IssuerMatch};
use crate::kind::Kind;
use crate::part::{Encoding, Part};
use crate::template::Value;

/// A naming model: what an issuer's URLs, subjects and claims say.
///
/// Models are data; see the [crate's page](crate) for their format. A model is
/// checked as a whole when it is parsed and never changes afterwards.
///
/// ```
/// let model = claimbound_issuers::Model::parse(r#"
/// name = "depot"
/// title = "Depot"
/// documentation = "An invented forge."
/// [tokens]
/// algorithms = ["ES256"]
/// types = ["JWT"]
/// [[issuer]]
/// url = "https://id.depot.example"
/// shared = true
/// default = true
/// [[part]]
/// name = "team"
/// documentation = "The team."
/// class = "slug"
/// chooser = "issuer"
/// [[form]]
/// name = "team"
/// documentation = "Always."
/// subject = "team:{team}"
/// [[kind]]
/// name = "team"
/// documentation = "The team."
/// templates = ["{team}"]
/// id = { need = "none" }
/// "#)?;
/// let subject = model.parse_subject("team:red").unwrap();
/// assert_eq!(subject.part("team"), Some("red"));
/// # Ok::<(), claimbound_issuers::ModelError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub(crate) name: Arc<str>,
    pub(crate) title: Box<str>,
    pub(crate) documentation: Box<str>,
    pub(crate) source: Box<str>,
    pub(crate) tokens: Tokens,
    pub(crate) encoding: Encoding,
    pub(crate) issuers: Vec<IssuerForm>,
    pub(crate) parts: Vec<Part>,
    pub(crate) forms: Vec<Form>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) claims: Vec<ClaimRule>,
    pub(crate) fetches: Vec<Fetch>,
}

/// What a model says of its issuers' tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) algorithms: Vec<String>,
    pub(crate) types: Vec<String>,
    pub(crate) absent_type: bool,
    pub(crate) longest_lifetime: Option<u32>,
    pub(crate) usual_lifetime: Option<u32>,
    pub(crate) unique_id: bool,
}

impl Model {
    /// Parses and checks a model.
    ///
    /// # Errors
    /// TOML that doesn't parse, unknown keys, references to nothing, subjects
    /// that would be ambiguous by their own structure, and sizes past the limits.
    pub fn parse(toml: &str) -> Result<Self, ModelError> {
        compile(toml)
    }

    /// The model's name, such as a policy document gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name, shared.
    pub fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The issuer's name as people write it.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What an author of policies should know about this issuer.
    pub fn documentation(&self) -> &str {
        &self.documentation
    }

    /// The TOML that the model was parsed from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The algorithms (RFC 7518 §3.1, RFC 8037) its issuers sign with; never empty.
    pub fn algorithms(&self) -> &[String] {
        &self.tokens.algorithms
    }

    /// The values of `typ` (RFC 7515 §4.1.9) that its tokens carry.
    pub fn token_types(&self) -> &[String] {
        &self.tokens.types
    }

    /// Whether a token may go without `typ`.
    pub fn absent_type(&self) -> bool {
        self.tokens.absent_type
    }

    /// The longest usual lifetime in seconds, where one is published.
    pub fn longest_lifetime(&self) -> Option<u32> {
        self.tokens.longest_lifetime
    }

    /// How long its tokens are seen to live at most, in seconds, where that is known;
    /// the issuer may change it, so that no token is refused for living longer.
    pub fn usual_lifetime(&self) -> Option<u32> {
        self.tokens.usual_lifetime.or(self.tokens.longest_lifetime)
    }

    /// Whether the issuer guarantees that no two tokens share a `jti`.
    pub fn has_unique_token_id(&self) -> bool {
        self.tokens.unique_id
    }

    /// The forms of its issuers' URLs, in the file's order.
    pub fn issuers(&self) -> &[IssuerForm] {
        &self.issuers
    }

    /// The issuer meant by a document that gives no URL.
    pub fn default_issuer(&self) -> Option<&str> {
        self.issuers
            .iter()
            .find(|form| form.default)
            .map(IssuerForm::url)
    }

    /// The parts that a subject of `form` gives by having that form, with their
    /// values: no template writes them. None for a chosen form.
    pub fn fixed_parts<'m>(&'m self, form: &'m Form) -> impl Iterator<Item = (&'m str, &'m str)> {
        form.fixed()
            .filter_map(|(part, value)| Some((self.parts.get(part)?.name(), value)))
    }

    /// The parts that a subject of `form` gives by having the segment of this
    /// template, with their values: the template does not write them.
    pub fn fixed_by<'m>(
        &'m self,
        form: &'m Form,
        segment: &'m str,
    ) -> impl Iterator<Item = (&'m str, &'m str)> {
        let mut segments = form.segment_list().iter();
        let found = segments.find(|one| one.template.text() == segment);
        let fixed = found.into_iter().flat_map(|one| &one.fixed);
        fixed.filter_map(|(part, value)| Some((self.parts.get(*part)?.name(), &**value)))
    }

    /// Reads an issuer's URL, byte for byte.
    ///
    /// A URL that the model lists in full is that one alone; else it counts as
    /// shared if any template that fits is.
    ///
    /// # Errors
    /// A URL that fits no form.
    pub fn issuer<'a>(&'a self, url: &'a str) -> Result<IssuerMatch<'a>, IssuerError> {
        let Some((form, values)) = self.read_issuer(url) else {
            return Err(IssuerError {
                model: self.shared_name(),
                url: url.to_owned(),
                forms: self
                    .issuers
                    .iter()
                    .map(|form| form.url().to_owned())
                    .collect(),
            });
        };
        let shared = form.shared
            || !form.is_exact()
                && self
                    .issuers
                    .iter()
                    .any(|form| form.shared && form.read(&self.parts, url, &mut Vec::new()));
        let parts = values
            .into_iter()
            .filter_map(|(part, value)| Some((self.parts.get(part)?.name(), value)))
            .collect();
        Ok(IssuerMatch {
            shared,
            exact: form.is_exact(),
            parts,
        })
    }

    /// The form that a URL has, an exact one before any template, and its parts.
    pub(crate) fn read_issuer<'a>(&self, url: &'a str) -> Option<(&IssuerForm, Vec<Value<'a>>)> {
        if let Some(form) = self
            .issuers
            .iter()
            .find(|form| form.is_exact() && form.url() == url)
        {
            return Some((form, Vec::new()));
        }
        let mut found = Vec::new();
        let form = self
            .issuers
            .iter()
            .find(|form| form.read(&self.parts, url, &mut found))?;
        Some((form, found))
    }

    /// The forms of its subjects, in the file's order.
    pub fn forms(&self) -> &[Form] {
        &self.forms
    }

    /// The form of that name.
    pub fn form(&self, name: &str) -> Option<&Form> {
        self.forms.iter().find(|form| form.name() == name)
    }

    /// The parts of its subjects and issuer URLs.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The part of that name.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name() == name)
    }

    /// The kinds of names, parents before children.
    pub fn names(&self) -> &[Kind] {
        &self.kinds
    }

    /// The kind of that name.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.name() == name)
    }

    /// The kind that `kind` belongs to, as a repository belongs to an owner.
    pub fn parent(&self, kind: &Kind) -> Option<&Kind> {
        self.kinds.get(kind.parent?)
    }

    /// What is known of the claim at `path`; registered claims (RFC 7519 §4.1) included.
    pub fn claim<S: AsRef<str>>(&self, path: &[S]) -> Option<&ClaimRule> {
        self.claims.iter().find(|rule| {
            rule.path
                .iter()
                .map(|name| &**name)
                .eq(path.iter().map(AsRef::as_ref))
        })
    }

    /// What a part says of the run: what the claim does that repeats it, else what
    /// the model says of the part itself.
    pub fn role_of_part(&self, part: &Part) -> Option<Role> {
        let claim = part.claim().and_then(|path| self.claim(path));
        claim.and_then(ClaimRule::role).or(part.role)
    }

    /// Every claim that is known, registered ones last.
    pub fn claims(&self) -> &[ClaimRule] {
        &self.claims
    }

    /// How workloads of its issuers get their own tokens.
    pub fn fetches(&self) -> &[Fetch] {
        &self.fetches
    }

    /// The value as the issuer writes it in `part` of a subject; unchanged for
    /// a part that the model doesn't know.
    pub fn encode<'v>(&self, part: &str, value: &'v str) -> Cow<'v, str> {
        match self.part(part) {
            Some(part) => part.encode(value),
            None => Cow::Borrowed(value),
        }
    }

    /// Adds the registered claims that the file doesn't describe itself.
    pub(crate) fn add_registered_claims(&mut self) {
        for rule in registered() {
            if self.claim(&rule.path).is_none() {
                self.claims.push(rule);
            }
        }
    }
}
