//! A module that was checked and may be served.

use semver::Version;

use super::authority::{Authority, MOST_LOOKED_AT};
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
    /// What are said to be its statements: whoever may write to a store can attach
    /// another.
    pub statements: Vec<Signed>,
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
    counted: Published,
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
    /// It has none.
    #[error("it has no statement")]
    Unstated,
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
    /// There are more signatures than are looked at.
    #[error(
        "there are {0} signatures on its documents, where at most {MOST_LOOKED_AT} are looked at"
    )]
    TooManySignatures(usize),
}

impl Authority {
    /// Takes what a store gave for `id`: the first statement by a key for modules
    /// of that name, about this version, whose digest is the component's and the
    /// one that the index lists, if there is one.
    ///
    /// Other statements, and comparisons and provenance that nobody vouches for or
    /// that are about something else, are passed over: the release has them not.
    /// At most [`MOST_LOOKED_AT`] signatures are looked at, and
    /// [`MOST_COMPARISONS`] comparisons.
    ///
    /// # Errors
    /// [`Refused`], at the first that does not hold. Where no statement counts, of
    /// one that a key vouches for rather than of others.
    pub fn release(
        &self,
        id: &ModuleId,
        listed: Option<&Listed>,
        published: Published,
    ) -> Result<Release, Refused> {
        published.check_size()?;
        let digest = Digest::of(&published.component);
        let (signed, vouched) = self.stated(published.statements, id, &digest)?;
        let mut release = Release::new(id, digest, published.component);
        release.check_listed(listed)?;
        release.signers = vouched.signers().to_vec();
        release.statement = Some(vouched.into_document());
        release.counted.statements = vec![self.counted(signed, id.name())];
        for signed in published.comparisons {
            let comparison = self.comparison(&signed, id.name());
            release.add_comparison(comparison, || self.counted(signed, id.name()));
        }
        if let Some(bytes) = published.provenance {
            release.add_provenance(self.provenance(&bytes, id.name(), &digest), bytes);
        }
        Ok(release)
    }

    /// The first statement that a key vouches for and that says what it should.
    fn stated(
        &self,
        statements: Vec<Signed>,
        id: &ModuleId,
        digest: &Digest,
    ) -> Result<(Signed, Vouched<Statement>), Refused> {
        let mut why = Refused::Unstated;
        for signed in statements {
            let vouched = self.statement(&signed, id.name()).map_err(Refused::from);
            let checked = vouched.and_then(|vouched| {
                check_statement(id, digest, vouched.document())?;
                Ok(vouched)
            });
            match checked {
                Ok(vouched) => return Ok((signed, vouched)),
                Err(refused) if refused.tells_more_than(&why) => why = refused,
                Err(_) => {}
            }
        }
        Err(why)
    }
}

impl Refused {
    /// Whether a statement that is refused so is nearer to one that counts: what
    /// anybody can attach hides nothing.
    fn tells_more_than(&self, other: &Self) -> bool {
        self.nearness() > other.nearness()
    }

    const fn nearness(&self) -> u8 {
        match self {
            Self::Unstated => 0,
            Self::Untrusted(why) if why.is_nobody_s() => 1,
            Self::Untrusted(_) => 2,
            Self::Statement(_)
            | Self::OtherModule { .. }
            | Self::OtherComponent { .. }
            | Self::Contract(_)
            | Self::Yanked(_)
            | Self::TooManyComparisons(_)
            | Self::TooManySignatures(_) => 3,
        }
    }
}

impl Published {
    /// Refuses more than anybody looks at.
    fn check_size(&self) -> Result<(), Refused> {
        let found = self.comparisons.len();
        if found > MOST_COMPARISONS {
            return Err(Refused::TooManyComparisons(found));
        }
        let documents = self.statements.iter().chain(&self.comparisons);
        let found = documents.map(|signed| signed.signatures.len()).sum();
        if found > MOST_LOOKED_AT {
            return Err(Refused::TooManySignatures(found));
        }
        Ok(())
    }
}

impl Release {
    /// One of which nothing is known yet but what it is.
    fn new(id: &ModuleId, digest: Digest, component: Vec<u8>) -> Self {
        Self {
            id: id.clone(),
            digest,
            counted: Published {
                component,
                statements: Vec::new(),
                comparisons: Vec::new(),
                provenance: None,
            },
            statement: None,
            signers: Vec::new(),
            comparisons: Vec::new(),
            provenance: None,
            passed_over: Vec::new(),
        }
    }

    fn check_listed(&self, listed: Option<&Listed>) -> Result<(), Refused> {
        listed.map_or(Ok(()), |listed| {
            check_listed(&self.id, &self.digest, listed)
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
        let mut release = Self::new(id, Digest::of(&component), component);
        if let Some(bytes) = statement {
            let statement = Statement::parse(bytes)?;
            check_statement(id, &release.digest, &statement)?;
            release.counted.statements.push(Signed {
                document: bytes.to_vec(),
                signatures: Vec::new(),
            });
            release.statement = Some(statement);
        }
        release.check_listed(listed)?;
        Ok(release)
    }

    fn add_comparison(
        &mut self,
        comparison: Result<Vouched<Comparison>, Untrusted>,
        signed: impl FnOnce() -> Signed,
    ) {
        match comparison {
            Ok(vouched) if self.is_newer_of(vouched.document()) => {
                let old = &vouched.document().old.version;
                let mut others = self.comparisons.iter();
                if others.all(|other| other.document().old.version != *old) {
                    self.counted.comparisons.push(signed());
                }
                self.comparisons.push(vouched);
            }
            Ok(vouched) => {
                let version = vouched.into_document().new.version;
                self.passed_over.push(PassedOver::OtherVersion(version));
            }
            Err(why) => self.passed_over.push(PassedOver::Comparison(why)),
        }
    }

    fn add_provenance(
        &mut self,
        provenance: Result<Vouched<Provenance>, Untrusted>,
        bytes: Vec<u8>,
    ) {
        match provenance {
            Ok(vouched) => {
                self.provenance = Some(vouched);
                self.counted.provenance = Some(bytes);
            }
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
        &self.counted.component
    }

    /// What of it counted, as it can be published again: the statement, one
    /// comparison with each older version, the provenance; on each the signatures of
    /// keys for the name, one by each, and no others.
    pub const fn counted(&self) -> &Published {
        &self.counted
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
