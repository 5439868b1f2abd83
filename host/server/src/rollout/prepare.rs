//! From a store to a policy that may decide: everything is looked at before
//! anything is taken up.

use std::sync::Arc;
use std::time::Duration;

use claimbound::checks::Checks;
use claimbound::danger;
use claimbound::modules::{
    Comparison, Digest, ModuleId, Published, Release, Role, TrustedKey, Version, Vouched,
};
use claimbound::policy::Policy;
use claimbound::sandbox::Sandbox;
use tokio::runtime::Handle;
use tracing::warn;

use super::copied::Copied;
use super::listing::Offer;
use super::selected::Selected;
use super::step::{Refusal, Step};
use super::wanted::Wanted;
use crate::config::ComparisonConfig;
use crate::frame::Frame;
use crate::ground::Ground;
use crate::monotonic;
use crate::store::{Place, Store};

/// How long all cases of a module may take.
const CASES_TAKE: Duration = Duration::from_mins(1);

/// Most comparisons that do not count in one message.
const MOST_TOLD: usize = 3;

/// What a version is prepared for.
#[derive(Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) wanted: &'a Wanted,
    /// Where it is taken from: the store, or what was copied of it.
    pub(crate) store: &'a Store,
    pub(crate) frame: &'a Arc<Frame>,
    pub(crate) ground: &'a Ground,
    pub(crate) runtime: &'a Handle,
}

/// The version that another one is to follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before<'a> {
    pub(crate) version: &'a Version,
    pub(crate) digest: &'a Digest,
}

/// What went through every step but those of being taken up.
pub(crate) struct Prepared {
    pub(crate) selected: Selected,
    /// What is odd about it on this route, and no reason against it.
    pub(crate) odd: Vec<String>,
}

impl<'a> Bench<'a> {
    /// Takes a version through every step but those of being taken up. What is in
    /// use is not touched by any of them. After each that may be slow `go_on` is
    /// asked.
    ///
    /// # Errors
    /// At which step it is refused, and why.
    pub(crate) fn prepare(
        &self,
        offer: &Offer,
        serial: Option<u64>,
        before: Option<Before<'_>>,
        go_on: &dyn Fn() -> Result<(), Refusal>,
    ) -> Result<Prepared, Refusal> {
        let id = self.id(offer)?;
        let published = self.fetch(&id, offer)?;
        go_on()?;
        let release = self.release(&id, offer, published)?;
        if let Some(before) = before {
            self.compare(&release, before)?;
        }
        let component: Arc<[u8]> = release.component().into();
        let odd = self.try_out(&release, &component)?;
        go_on()?;
        let loaded = self.ground.load(&component);
        let selected = Selected {
            id: release.id().clone(),
            digest: *release.digest(),
            keys: keys(&release),
            serial,
            after: self.after(before),
            loaded: loaded.map_err(Refusal::at(Step::Compile))?,
            component,
        };
        if let Some(copy) = self.copy() {
            self.keep(&copy.store, &id, release.counted(), before);
        }
        Ok(Prepared { selected, odd })
    }

    /// The version that it has to follow and no other.
    fn after(&self, before: Option<Before<'_>>) -> Option<Version> {
        match self.wanted.comparison {
            ComparisonConfig::NotAsked => None,
            ComparisonConfig::Required => before.map(|before| before.version.clone()),
        }
    }

    /// Where it is copied to; none where it is a copy.
    pub(crate) fn copy(&self) -> Option<&'a Copied> {
        let copy = self.wanted.copy.as_ref()?;
        (copy.store.place() != self.store.place()).then_some(copy)
    }

    /// Keeps a copy, and none but that of the version that this one follows beside
    /// it: a host begins with one of these.
    fn keep(&self, copy: &Store, id: &ModuleId, published: &Published, before: Option<Before<'_>>) {
        let Place::Folder(folder) = copy.place() else {
            return;
        };
        let push = || self.runtime.block_on(copy.push(id, published));
        let kept = push().or_else(|_| {
            // What was copied before may be signed otherwise, and is nobody's but
            // this host's: it gives way.
            let before = folder
                .join(id.name().as_str())
                .join(id.version().to_string());
            let _ = std::fs::remove_dir_all(before);
            push()
        });
        if let Err(error) = kept {
            warn!(module = %id, %error, "a module is not copied");
            return;
        }
        let versions = self.runtime.block_on(copy.versions(id.name()));
        for version in versions.unwrap_or_default() {
            let is_needed =
                version == *id.version() || before.is_some_and(|before| *before.version == version);
            if !is_needed {
                let old = folder.join(id.name().as_str()).join(version.to_string());
                // One that stays does no harm but to the disk.
                let _ = std::fs::remove_dir_all(old);
            }
        }
    }

    /// What the store has, as far as somebody's word stands behind it.
    fn release(
        &self,
        id: &ModuleId,
        offer: &Offer,
        published: Published,
    ) -> Result<Release, Refusal> {
        let listed = offer.listed.as_ref();
        let release = if self.wanted.unsigned {
            let statement = published.statements.first().map(|one| &*one.document);
            let statement = statement.filter(|bytes| !bytes.is_empty());
            danger::unsigned_release(id, listed, statement, published.component)
        } else {
            self.wanted.depot.authority.release(id, listed, published)
        };
        release.map_err(Refusal::at(Step::Signature))
    }

    /// What a version is called.
    pub(crate) fn id(&self, offer: &Offer) -> Result<ModuleId, Refusal> {
        let id = ModuleId::new(self.wanted.name.clone(), offer.version.clone());
        id.map_err(Refusal::at(Step::Version))
    }

    fn fetch(&self, id: &ModuleId, offer: &Offer) -> Result<Published, Refusal> {
        let fetched = self.store.fetch(id, offer.digest());
        let fetched = self.runtime.block_on(fetched);
        fetched.map_err(Refusal::at(Step::Fetch))
    }

    /// Looks for a comparison with the version that is to be followed, where one
    /// is asked for.
    fn compare(&self, release: &Release, before: Before<'_>) -> Result<(), Refusal> {
        match self.wanted.comparison {
            ComparisonConfig::NotAsked => return Ok(()),
            ComparisonConfig::Required => {}
        }
        let (version, digest) = (before.version, before.digest);
        let comparisons: Vec<_> = release.compared_with(version, digest).collect();
        let counts = |one: &&Vouched<Comparison>| {
            one.document().outcome.is_no_wider() || one.counts_if_wider()
        };
        if comparisons.iter().any(counts) {
            return Ok(());
        }
        Err(Refusal::at(Step::Comparison)(match comparisons.first() {
            None => {
                let others = release.passed_over().iter().map(|why| format!("; {why}"));
                let others: String = others.take(MOST_TOLD).collect();
                format!(
                    "no key vouches for a comparison with version {version}, which is in use{others}"
                )
            }
            Some(one) => format!(
                "compared with version {version} it is {}, and {}",
                one.document().outcome,
                self.no_second_key()
            ),
        }))
    }

    /// Why nobody's word lets in more.
    fn no_second_key(&self) -> String {
        let Wanted { depot, name, .. } = self.wanted;
        let may = |key: &TrustedKey| key.roles.contains(&Role::Wider) && key.modules.contains(name);
        if depot.authority.keys().iter().any(may) {
            return "no second key has signed that it may be".to_owned();
        }
        format!(
            "no key of store `{}` may sign `wider` for `{name}` (`signs = [\"wider\"]`)",
            depot.alias
        )
    }

    /// Has a policy decide its cases, in a sandbox apart from all that serve.
    fn try_out(&self, release: &Release, component: &[u8]) -> Result<Vec<String>, Refusal> {
        let workshop = &self.ground.workshop;
        workshop.work(|| {
            let sandbox = self.apart(component)?;
            let policy = load(&sandbox, release, component)?;
            let at = format!("route.{}.module", self.frame.name);
            let odd = self.frame.check(&at, component, &policy, self.ground);
            let odd = odd.map_err(Refusal::at(Step::Fit))?;
            run_cases(component, &policy)?;
            Ok(odd)
        })
    }

    fn apart(&self, component: &[u8]) -> Result<Sandbox, Refusal> {
        let apart = self.ground.apart(component);
        apart.map_err(|error| Refusal::at(Step::Compile)(error.message))
    }
}

/// Loads it; what it says that it is must be what it is published as.
fn load(sandbox: &Sandbox, release: &Release, component: &[u8]) -> Result<Arc<Policy>, Refusal> {
    let policy = Policy::load(sandbox, component).map_err(Refusal::at(Step::Compile))?;
    let agrees = release.agrees_with(policy.id());
    agrees.map_err(Refusal::at(Step::Signature))?;
    Ok(Arc::new(policy))
}

/// The keys that vouch for what it is.
fn keys(release: &Release) -> Vec<String> {
    let signers = release.signers().iter();
    let signers = signers.filter(|signer| signer.roles.contains(&Role::Module));
    signers.map(|signer| signer.key.clone()).collect()
}

fn run_cases(component: &[u8], policy: &Arc<Policy>) -> Result<(), Refusal> {
    let checks = Checks::of(component).map_err(Refusal::at(Step::Cases))?;
    let Some(checks) = checks else {
        return Ok(());
    };
    let started = monotonic::now();
    for verdict in checks.run(policy) {
        let fault = match verdict.fault {
            None if monotonic::since(started) < CASES_TAKE => continue,
            None => format!("the cases take longer than {} s", CASES_TAKE.as_secs()),
            Some(fault) => format!("case `{}`: {fault}", claimbound::reason::clip(verdict.name)),
        };
        return Err(Refusal::at(Step::Cases)(fault));
    }
    Ok(())
}
