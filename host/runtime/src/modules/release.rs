//! A module that was checked and may be served.

use semver::Version;

use super::authority::Authority;
use super::comparison::Comparison;
use super::contract::Contract;
use super::digest::Digest;
use super::document::DocumentError;
use super::id::ModuleId;
use super::index::Listed;
use super::provenance::Provenance;
use super::signature::Signed;
use super::statement::Statement;
use super::untrusted::Untrusted;
use super::vouched::{Signer, Vouched};
use crate::policy::PolicyId;

/// Most comparisons that are looked at for one module.
pub const MOST_COMPARISONS: usize = 64;

/// What a store gave for one version of a module; nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The component's bytes.
    pub component: Vec<u8>,
    /// What is said to be its statement.
    pub statement: Signed,
    /// What are said to be comparisons with older versions.
    pub comparisons: Vec<Signed>,
    /// What is said to be an attestation of where it came from.
    pub provenance: Option<Vec<u8>>,
}

/// A module that keys vouch for: the name and version that were asked for, and
/// the component that was stated for them. Only
/// [`Authority::release`] and [`danger`](crate::danger) make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    id: ModuleId,
    digest: Digest,
    component: Vec<u8>,
    statement: Option<Statement>,
    signers: Vec<Signer>,
    comparisons: Vec<Vouched<Comparison>>,
    provenance: Option<Vouched<Provenance>>,
    passed_over: Vec<PassedOver>,
}

/// What came with a module and does not count, which is no reason to refuse it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassedOver {
    /// A comparison that no key vouches for.
    #[error("a comparison does not count: {0}")]
    Comparison(Untrusted),
    /// A comparison with another module than this as the newer one.
    #[error("a comparison does not count: it is about version `{0}`")]
    OtherVersion(Version),
    /// A provenance that no key vouches for, or about something else.
    #[error("the provenance does not count: {0}")]
    Provenance(Untrusted),
}

/// Why what a store gave is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody's word stands behind its statement.
    #[error("the statement is not trusted: {0}")]
    Untrusted(#[from] Untrusted),
    /// An unsigned statement can't be read.
    #[error("the statement can't be read: {0}")]
    Statement(#[from] DocumentError),
    /// It is another module than was asked for.
    #[error("`{asked}` was asked for, and {by} says `{found}`")]
    OtherModule {
        /// What was asked for.
        asked: String,
        /// Who says otherwise: the statement, the index or the component.
        by: &'static str,
        /// What it says.
        found: String,
    },
    /// The component is another than it should be.
    #[error("the component's digest is `{found}`, and {by} says `{expected}`")]
    OtherComponent {
        /// The component's digest.
        found: Digest,
        /// Who says otherwise: the statement or the index.
        by: &'static str,
        /// What it says.
        expected: Digest,
    },
    /// It was made for another contract.
    #[error("it was made for the contract `{0}`, which is not served here")]
    Contract(Contract),
    /// It is yanked.
    #[error("it is yanked: {0}")]
    Yanked(String),
    /// There are more comparisons than are looked at.
    #[error("it has {0} comparisons, where at most {MOST_COMPARISONS} are looked at")]
    TooManyComparisons(usize),
}

impl Authority {
    /// Takes what a store gave for `id`: a statement by a key for modules of
    /// that name, about this version, whose digest is the component's and the
    /// one that the index lists, if there is one.
    ///
    /// Comparisons and provenance that nobody vouches for, or that are about
    /// something else, are passed over: the release has them not.
    ///
    /// # Errors
    /// [`Refused`], at the first that does not hold.
    pub fn release(
        &self,
        id: &ModuleId,
        listed: Option<&Listed>,
        published: Published,
    ) -> Result<Release, Refused> {
        let vouched = self.statement(&published.statement, id.name())?;
        let signers = vouched.signers().to_vec();
        let statement = vouched.into_document();
        let mut release = Release::check(id, listed, Some(statement), published.component)?;
        release.signers = signers;
        let comparisons = published.comparisons;
        if comparisons.len() > MOST_COMPARISONS {
            return Err(Refused::TooManyComparisons(comparisons.len()));
        }
        for signed in &comparisons {
            release.add_comparison(self.comparison(signed, id.name()));
        }
        if let Some(bytes) = &published.provenance {
            release.add_provenance(self.provenance(bytes, id.name(), &release.digest));
        }
        Ok(release)
    }
}

impl Release {
    /// Checks everything but signatures.
    fn check(
        id: &ModuleId,
        listed: Option<&Listed>,
        statement: Option<Statement>,
        component: Vec<u8>,
    ) -> Result<Self, Refused> {
        let digest = Digest::of(&component);
        if let Some(statement) = &statement {
            check_statement(id, &digest, statement)?;
        }
        if let Some(listed) = listed {
            check_listed(id, &digest, listed)?;
        }
        Ok(Self {
            id: id.clone(),
            digest,
            component,
            statement,
            signers: Vec::new(),
            comparisons: Vec::new(),
            provenance: None,
            passed_over: Vec::new(),
        })
    }

    /// A release that nobody vouches for; see
    /// [`danger::unsigned_release`](crate::danger::unsigned_release).
    pub(crate) fn unsigned(
        id: &ModuleId,
        listed: Option<&Listed>,
        statement: Option<&[u8]>,
        component: Vec<u8>,
    ) -> Result<Self, Refused> {
        let statement = statement.map(Statement::parse).transpose()?;
        Self::check(id, listed, statement, component)
    }

    fn add_comparison(&mut self, comparison: Result<Vouched<Comparison>, Untrusted>) {
        match comparison {
            Ok(vouched) if self.is_newer_of(vouched.document()) => self.comparisons.push(vouched),
            Ok(vouched) => {
                let version = vouched.into_document().new.version;
                self.passed_over.push(PassedOver::OtherVersion(version));
            }
            Err(why) => self.passed_over.push(PassedOver::Comparison(why)),
        }
    }

    fn add_provenance(&mut self, provenance: Result<Vouched<Provenance>, Untrusted>) {
        match provenance {
            Ok(vouched) => self.provenance = Some(vouched),
            Err(why) => self.passed_over.push(PassedOver::Provenance(why)),
        }
    }

    fn is_newer_of(&self, comparison: &Comparison) -> bool {
        comparison.new.version == *self.id.version() && comparison.new.digest == self.digest
    }

    /// Its name and version.
    pub const fn id(&self) -> &ModuleId {
        &self.id
    }

    /// The digest of its component.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its component.
    pub fn component(&self) -> &[u8] {
        &self.component
    }

    /// What was stated of it; an unsigned one may have no statement.
    pub const fn statement(&self) -> Option<&Statement> {
        self.statement.as_ref()
    }

    /// Who vouches for it; nobody for an unsigned one.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// How it differs from older versions, as keys vouch for it; where one says
    /// that it lets in more, ask [`Vouched::counts_if_wider`].
    pub fn comparisons(&self) -> &[Vouched<Comparison>] {
        &self.comparisons
    }

    /// The comparisons with that older version, by the digest too.
    pub fn compared_with<'a>(
        &'a self,
        version: &'a Version,
        digest: &'a Digest,
    ) -> impl Iterator<Item = &'a Vouched<Comparison>> {
        self.comparisons.iter().filter(move |vouched| {
            let old = &vouched.document().old;
            old.version == *version && old.digest == *digest
        })
    }

    /// Where it came from, as a key vouches for it.
    pub const fn provenance(&self) -> Option<&Vouched<Provenance>> {
        self.provenance.as_ref()
    }

    /// What came with it and does not count, for a log.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// Whether the component, once loaded, says of itself what was stated.
    ///
    /// # Errors
    /// [`Refused::OtherModule`] where it does not.
    pub fn agrees_with(&self, policy: &PolicyId) -> Result<(), Refused> {
        const BY: &str = "the component";
        let found = policy.to_string();
        if found != self.id.to_string() {
            return Err(other_module(&self.id, BY, found));
        }
        if policy.digest != self.digest.to_string() {
            return Err(other_module(&self.id, BY, policy.digest.clone()));
        }
        Ok(())
    }
}

fn check_statement(id: &ModuleId, digest: &Digest, statement: &Statement) -> Result<(), Refused> {
    const BY: &str = "the statement";
    if statement.id != *id {
        return Err(other_module(id, BY, statement.id.to_string()));
    }
    if statement.digest != *digest {
        return Err(other_component(digest, BY, &statement.digest));
    }
    if !statement.contract.is_served() {
        return Err(Refused::Contract(statement.contract.clone()));
    }
    Ok(())
}

fn check_listed(id: &ModuleId, digest: &Digest, listed: &Listed) -> Result<(), Refused> {
    const BY: &str = "the index";
    if listed.version != *id.version() {
        let found = format!("{}@{}", id.name(), listed.version);
        return Err(other_module(id, BY, found));
    }
    if listed.digest != *digest {
        return Err(other_component(digest, BY, &listed.digest));
    }
    match &listed.yanked {
        Some(why) => Err(Refused::Yanked(why.clone())),
        None => Ok(()),
    }
}

fn other_module(asked: &ModuleId, by: &'static str, found: String) -> Refused {
    let asked = asked.to_string();
    Refused::OtherModule { asked, by, found }
}

fn other_component(found: &Digest, by: &'static str, expected: &Digest) -> Refused {
    Refused::OtherComponent {
        found: *found,
        by,
        expected: *expected,
    }
}
