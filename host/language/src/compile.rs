//! From a document's text to a program.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use claimbound_engine::model::Program;
use claimbound_engine::{FirstUse, Obligation};
use claimbound_engine::{Grant, encode, model};
use claimbound_issuers::{IssuerForm, Model, Registry};
use sha2::{Digest as _, Sha256};

use crate::bounds;
use crate::diagnostic::{Diagnostics, Sink, did_you_mean};
use crate::document::{self, Document, Issuer};
use crate::fields::{Placed, listed};
use crate::lower;
use crate::places::Places;
use crate::rule::Rule;

/// The release of this compiler. The same document gives the same bytes from the
/// same release; another may give others.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// A document that compiled.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The program as data.
    pub program: Program,
    /// The program as the standard component reads it.
    pub bytes: Vec<u8>,
    /// `sha256:` and the digest of the document's text, in hexadecimal.
    pub digest: String,
    /// The document's issuers, in its order.
    pub issuers: Vec<IssuerSummary>,
    /// The audiences that its statements name, each once, in their order.
    pub audiences: Vec<String>,
    /// Its statements, in its order: one for each of the program's.
    pub statements: Vec<StatementSummary>,
    /// What compiled and is worth a look.
    pub warnings: Diagnostics,
    /// The document as it was read.
    pub document: Document,
}

/// One issuer of a document.
#[derive(Clone, Debug)]
pub struct IssuerSummary {
    /// What the document calls it.
    pub alias: String,
    /// Its URL, byte for byte as `iss` has it.
    pub url: String,
    /// Whether it signs for everyone.
    pub shared: bool,
    /// Its naming model.
    pub model: Arc<Model>,
}

/// One statement of a document, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementSummary {
    /// Its name.
    pub name: String,
    /// Whether it trusts; else it forbids.
    pub trusts: bool,
    /// The alias of its issuer.
    pub issuer: String,
    /// Its audience; a forbid has none.
    pub audience: Option<String>,
    /// What it grants; a forbid grants nothing.
    pub grant: Option<Grant>,
    /// The subjects that it speaks of, in one line.
    pub subject: String,
    /// Why it may trust a shared issuer without a tenant.
    pub danger: Option<String>,
}

impl StatementSummary {
    /// Whether a first use enrols the names that it binds; none where it binds
    /// nothing.
    pub fn enrols(&self) -> Option<bool> {
        self.grant
            .iter()
            .flat_map(|grant| &grant.obligations)
            .find_map(|obligation| match obligation {
                Obligation::Bind(first_use) => Some(*first_use == FirstUse::Enrol),
                Obligation::UseOnce | Obligation::Prove(_) | Obligation::Other { .. } => None,
            })
    }
}

impl Compiled {
    /// The issuer of that URL.
    pub fn issuer(&self, url: &str) -> Option<&IssuerSummary> {
        self.issuers.iter().find(|issuer| issuer.url == url)
    }

    /// The statement of that name, as the document has it.
    pub fn statement(&self, name: &str) -> Option<&document::Statement> {
        self.document
            .statements
            .iter()
            .find(|statement| statement.name.value == name)
    }
}

/// Compiles a document by the standard naming models. `source_name` is what its
/// text is called in findings, such as the path of its file.
///
/// The same text always gives the same bytes from the same release.
///
/// ```
/// let compiled = claimbound_language::compile("policy.toml", r#"
/// claimbound = 1
/// policy = { name = "acme-deploy", version = "1.0.0" }
/// [issuer.mesh]
/// model = "spiffe"
/// url = "https://mesh.acme.example"
/// [trust.agent]
/// issuer = "mesh"
/// audience = "https://deploy.acme.example"
/// token_lifetime = "1h"
/// subject = "spiffe://acme.example/ci/agent"
/// "#)?;
/// assert_eq!(compiled.audiences, ["https://deploy.acme.example"]);
/// # Ok::<(), claimbound_language::Diagnostics>(())
/// ```
///
/// # Errors
/// Every finding about the document, where one of them is an error.
pub fn compile(source_name: &str, text: &str) -> Result<Compiled, Diagnostics> {
    compile_with(Registry::standard(), source_name, text)
}

/// Compiles a document by the naming models of `registry`.
///
/// # Errors
/// Every finding about the document, where one of them is an error.
pub fn compile_with(
    registry: &Registry,
    source_name: &str,
    text: &str,
) -> Result<Compiled, Diagnostics> {
    let mut sink = Sink::default();
    let parts = document::parse(text, &mut sink)
        .and_then(|document| Parts::of(registry, document, text, &mut sink));
    match parts {
        Some(parts) if !sink.has_errors() => Ok(parts.finish(sink.finish(source_name, text))),
        Some(_) | None => Err(sink.finish(source_name, text)),
    }
}

/// `sha256:` and the digest of `text`, in hexadecimal.
pub fn digest(text: &str) -> String {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(text.as_bytes()) {
        for nibble in [byte >> 4, byte & 15] {
            digest.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    digest
}

/// A compiled document before its warnings are known.
struct Parts {
    document: Document,
    program: Program,
    bytes: Vec<u8>,
    issuers: Vec<IssuerSummary>,
}

impl Parts {
    fn of(registry: &Registry, document: Document, text: &str, sink: &mut Sink) -> Option<Self> {
        let issuers: Vec<Option<IssuerSummary>> = document
            .issuers
            .iter()
            .map(|issuer| self::issuer(registry, issuer, sink))
            .collect();
        check_urls(&document.issuers, &issuers, sink);
        let by_alias: HashMap<&str, Option<&IssuerSummary>> = document
            .issuers
            .iter()
            .zip(&issuers)
            .map(|(issuer, summary)| (issuer.alias.value.as_str(), summary.as_ref()))
            .collect();
        let mut places = Places::default();
        let mut statements = Vec::with_capacity(document.statements.len());
        for statement in &document.statements {
            let issuer = statement
                .issuer
                .as_ref()
                .and_then(|alias| find_issuer(alias, &by_alias, sink));
            let within = places.excess().is_none();
            statements.extend(lower::statement(statement, issuer, &mut places, sink));
            if let Some((what, count)) = places.excess().filter(|_| within) {
                let message = format!("with this statement the policy reads {count} {what}");
                sink.error(Rule::Program, &statement.place, message)
                    .expected(format!("hosts take at most {}", bounds::MOST))
                    .hint("split it into policies of their own routes");
            }
        }
        check_obligations(&document, sink);
        if sink.has_errors() {
            return None;
        }
        let program = program(&document, places, statements, text, sink)?;
        let Ok(bytes) = encode::encode(&program) else {
            too_large(sink);
            return None;
        };
        Some(Self {
            program,
            bytes,
            issuers: issuers.into_iter().flatten().collect(),
            document,
        })
    }

    fn finish(self, warnings: Diagnostics) -> Compiled {
        let statements: Vec<StatementSummary> = self
            .document
            .statements
            .iter()
            .zip(&self.program.statements)
            .map(|(statement, compiled)| summary(statement, compiled))
            .collect();
        let mut seen = HashSet::new();
        let audiences = statements
            .iter()
            .filter_map(|one| one.audience.clone())
            .filter(|audience| seen.insert(audience.clone()))
            .collect();
        Compiled {
            digest: self.program.document.clone().unwrap_or_default(),
            program: self.program,
            bytes: self.bytes,
            issuers: self.issuers,
            audiences,
            statements,
            warnings,
            document: self.document,
        }
    }
}

/// Obligations that every program may have: to bind, to use once, to prove.
const OWN_OBLIGATIONS: usize = 3;

fn check_obligations(document: &Document, sink: &mut Sink) {
    let mut kinds: HashSet<&str> = HashSet::new();
    for statement in &document.statements {
        let document::Effect::Trust(trust) = &statement.effect else {
            continue;
        };
        kinds.extend(
            trust
                .grant
                .obligations
                .iter()
                .map(|(kind, _)| kind.as_str()),
        );
        if kinds.len() + OWN_OBLIGATIONS > bounds::MOST {
            let message = format!(
                "the policy has more than {} kinds of obligations",
                bounds::MOST
            );
            sink.error(Rule::Program, &statement.place, message);
            return;
        }
    }
}

fn too_large(sink: &mut Sink) {
    sink.error(
        Rule::Program,
        &(0..0),
        "the policy is too large for the program format",
    )
    .hint("split it into policies of their own routes");
}

fn program(
    document: &Document,
    places: Places,
    statements: Vec<model::Statement>,
    text: &str,
    sink: &mut Sink,
) -> Option<Program> {
    if places.overflow() {
        too_large(sink);
        return None;
    }
    Some(Program {
        name: document.name.value.clone(),
        version: document.version.value.clone(),
        document: Some(digest(text)),
        claims: places.claims.items,
        parts: places.parts.items,
        names: places.names.items,
        attributes: places.attributes.items,
        statements,
    })
}

fn summary(statement: &document::Statement, compiled: &model::Statement) -> StatementSummary {
    let trust = match &statement.effect {
        document::Effect::Trust(trust) => Some(trust),
        document::Effect::Forbid => None,
    };
    let text = |one: &Placed<String>| one.value.clone();
    StatementSummary {
        name: statement.name.value.clone(),
        trusts: trust.is_some(),
        issuer: statement.issuer.as_ref().map(text).unwrap_or_default(),
        audience: trust.and_then(|trust| trust.audience.as_ref().map(text)),
        grant: match &compiled.effect {
            model::Effect::Trust(grant) => Some(grant.clone()),
            model::Effect::Forbid => None,
        },
        subject: lower::subject_line(statement),
        danger: trust.and_then(|trust| trust.danger.as_ref().map(text)),
    }
}

/// Finds an issuer's model and URL.
pub(crate) fn issuer(
    registry: &Registry,
    issuer: &Issuer,
    sink: &mut Sink,
) -> Option<IssuerSummary> {
    let Some(model) = registry.get(&issuer.model.value) else {
        let names: Vec<&str> = registry.iter().map(|model| model.name()).collect();
        let message = format!("`{}` is no naming model", issuer.model.value);
        let finding = sink.error(Rule::Issuer, &issuer.model.place, message);
        finding.expected(format!("one of {}", listed(&names)));
        finding.hint = did_you_mean(&issuer.model.value, names.iter().copied());
        return None;
    };
    let url = match (&issuer.url, model.default_issuer()) {
        (Some(url), _) => url.clone(),
        (None, Some(url)) => Placed::new(url.to_owned(), &issuer.model.place),
        (None, None) => {
            let forms: Vec<&str> = model.issuers().iter().map(IssuerForm::url).collect();
            let message = format!("issuer `{}` needs `url`", issuer.alias.value);
            sink.error(Rule::MissingKey, &issuer.alias.place, message)
                .expected(format!("a URL such as {}", listed(&forms)))
                .hint(format!(
                    "`{}` has no issuer that is everybody's",
                    model.name()
                ));
            return None;
        }
    };
    check_model(registry, model, &url, sink)?;
    match model.issuer(&url.value) {
        Ok(found) => Some(IssuerSummary {
            alias: issuer.alias.value.clone(),
            shared: found.is_shared(),
            url: url.value.clone(),
            model: Arc::clone(model),
        }),
        Err(error) => {
            let message = format!("`{}` is no issuer of `{}`", error.url, error.model);
            sink.error(Rule::Issuer, &url.place, message)
                .expected(format!("one of {}", listed(&error.forms)))
                .hint("the URL is compared with `iss` byte for byte");
            None
        }
    }
}

/// Refuses to read an issuer that signs for everyone by a model that does not
/// know it: what that model takes for an immutable subject is none there, and
/// no trust would have to name its tenant.
fn check_model(
    registry: &Registry,
    model: &Model,
    url: &Placed<String>,
    sink: &mut Sink,
) -> Option<()> {
    let fitting = registry.of_issuer(&url.value);
    let shared = fitting.iter().filter(|(_, found)| found.is_shared());
    let names: Vec<&str> = shared.map(|(model, _)| model.name()).collect();
    let Some(other) = names.first().filter(|_| !names.contains(&model.name())) else {
        return Some(());
    };
    let message = format!(
        "`{}` signs for everyone, and `{}` knows none of its tenants",
        url.value,
        model.name()
    );
    sink.error(Rule::Issuer, &url.place, message)
        .hint(format!("read it by `model = \"{other}\"`"));
    None
}

/// Two issuers of one URL would be one issuer with two models.
fn check_urls(issuers: &[Issuer], found: &[Option<IssuerSummary>], sink: &mut Sink) {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for (issuer, summary) in issuers.iter().zip(found) {
        let Some(summary) = summary else { continue };
        if let Some(other) = seen.insert(&summary.url, &summary.alias) {
            let message = format!(
                "`{other}` and `{}` are both `{}`",
                summary.alias, summary.url
            );
            sink.error(Rule::Duplicate, &issuer.alias.place, message);
        }
    }
}

fn find_issuer<'a>(
    alias: &Placed<String>,
    issuers: &HashMap<&str, Option<&'a IssuerSummary>>,
    sink: &mut Sink,
) -> Option<&'a IssuerSummary> {
    let found = issuers.get(alias.value.as_str());
    if found.is_none() {
        let mut names: Vec<&str> = issuers.keys().copied().collect();
        names.sort_unstable();
        let message = format!("issuer `{}` is not defined", alias.value);
        let hint = did_you_mean(&alias.value, names.iter().copied())
            .unwrap_or_else(|| format!("define it as `[issuer.{}]`", alias.value));
        let finding = sink.error(Rule::Issuer, &alias.place, message);
        if !names.is_empty() {
            finding.expected(format!("one of {}", listed(&names)));
        }
        finding.hint(hint);
    }
    found.copied().flatten()
}
