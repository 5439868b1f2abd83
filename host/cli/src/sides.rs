//! Two policies side by side: what they decide otherwise, as it is shown.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound::outcome::Outcome;
use claimbound_analysis::{Comparison, Difference, Relation, compare};
use claimbound_language::engine::{FirstUse, Grant, Obligation};
use claimbound_language::{Compiled, DerivedToken};
use serde_json::{Value, json};

use crate::component::{self, Origin};
use crate::example;
use crate::page::{Ink, Page};
use crate::policy_file::PolicyFile;
use crate::sandboxed::Sandboxed;

/// A policy with its document.
pub(crate) struct Side {
    path: PathBuf,
    compiled: Box<Compiled>,
    pub(crate) sandboxed: Sandboxed,
}

impl Side {
    /// Takes a policy whose component its document was built to.
    fn of(file: PolicyFile) -> anyhow::Result<Self> {
        let name = file.path.display();
        let compiled = match &file.origin {
            Origin::Verified(compiled) => compiled.clone(),
            Origin::Unverified(why) => {
                bail!("`{name}` can't be compared: its document is unverified ({why})")
            }
            Origin::None => bail!("`{name}` can't be compared: it carries no document"),
        };
        let sandbox = component::sandbox(&file.component)?;
        Ok(Self {
            sandboxed: Sandboxed::new(&sandbox, &file, &compiled)?,
            path: file.path,
            compiled,
        })
    }

    /// Asks the component about an example, of which the document was asked.
    fn confirm(&self, difference: &Difference, expected: Option<&str>) -> anyhow::Result<()> {
        let token = difference.token.clone();
        let outcome = self.sandboxed.decide(DerivedToken {
            claims: token.claims,
            key: token.key,
            request: token.request,
        });
        let path = self.path.display();
        let by = match outcome.with_context(|| format!("`{path}`"))? {
            Outcome::Allow(allowed) => Some(allowed.statement.clone()),
            Outcome::Deny(_) => None,
            Outcome::Error(error) => bail!("`{path}` could not be asked: {error}"),
        };
        if by.as_deref() != expected {
            bail!("the component of `{path}` decides an example otherwise than its document does");
        }
        Ok(())
    }

    fn grant(&self, statement: Option<&str>) -> Option<&Grant> {
        let mut statements = self.compiled.statements.iter();
        let found = statements.find(|one| Some(one.name.as_str()) == statement)?;
        found.grant.as_ref()
    }

    pub(crate) fn id(&self) -> String {
        let id = self.sandboxed.policy.id();
        format!("{} {}", id.name, id.version)
    }
}

/// The older policy and the newer one.
pub(crate) struct Sides {
    pub(crate) old: Side,
    pub(crate) new: Side,
}

pub(crate) const fn word(relation: Relation) -> &'static str {
    match relation {
        Relation::Equivalent => "equivalent",
        Relation::Narrower => "narrower",
        Relation::Wider => "wider",
        Relation::Different => "different",
        Relation::Unknown => "unknown",
    }
}

const fn ink(relation: Relation) -> Ink {
    match relation {
        Relation::Equivalent | Relation::Narrower => Ink::Good,
        Relation::Wider | Relation::Different => Ink::Bad,
        Relation::Unknown => Ink::Warn,
    }
}

impl Sides {
    /// Opens both policies at their paths.
    pub(crate) fn open(old: &Path, new: &Path) -> anyhow::Result<Self> {
        Self::of(PolicyFile::open(old)?, PolicyFile::open(new)?)
    }

    /// Loads both policies, each into a sandbox of its own.
    pub(crate) fn of(old: PolicyFile, new: PolicyFile) -> anyhow::Result<Self> {
        Ok(Self {
            old: Side::of(old)?,
            new: Side::of(new)?,
        })
    }

    /// Compares the documents, and asks both components about every example.
    pub(crate) fn compare(&self, steps: u64) -> anyhow::Result<Comparison> {
        let comparison = compare(&self.old.compiled, &self.new.compiled, steps);
        for difference in &comparison.differences {
            self.old.confirm(difference, difference.before.as_deref())?;
            self.new.confirm(difference, difference.after.as_deref())?;
        }
        Ok(comparison)
    }

    /// What the two are called: by their names, or by their paths where those are
    /// the same.
    pub(crate) fn names(&self) -> (String, String) {
        let (old, new) = (self.old.id(), self.new.id());
        if old == new {
            let path = |side: &Side| side.path.display().to_string();
            (path(&self.old), path(&self.new))
        } else {
            (old, new)
        }
    }

    pub(crate) fn page(&self, comparison: &Comparison) -> Page {
        let (old, new) = self.names();
        let mut page = Page::default();
        page.put(ink(comparison.relation), word(comparison.relation))
            .text(format!("  {new}, compared with {old}"))
            .end();
        if comparison.relation == Relation::Unknown {
            page.text("it takes more than `--steps`, or speaks of what is not followed")
                .end();
        }
        for difference in &comparison.differences {
            page.end()
                .put(ink(difference.relation), word(difference.relation))
                .text(format!("  {}", said(difference)))
                .end();
            for (label, was, is) in self.changed(difference) {
                page.field(label, format!("{was} → {is}"));
            }
            example::show(&mut page, &difference.token);
        }
        page
    }

    /// What is granted or asked for otherwise than before.
    pub(crate) fn changed(&self, difference: &Difference) -> Vec<(&'static str, String, String)> {
        let was = self.old.grant(difference.before.as_deref());
        let Some((was, is)) = was.zip(self.new.grant(difference.after.as_deref())) else {
            return Vec::new();
        };
        let pairs = terms(was).into_iter().zip(terms(is));
        let other = pairs.filter(|((_, was), (_, is))| was != is);
        other
            .map(|((label, was), (_, is))| (label, was, is))
            .collect()
    }

    pub(crate) fn to_json(&self, comparison: &Comparison) -> Value {
        let side = |side: &Side| {
            let id = side.sandboxed.policy.id();
            json!({ "name": id.name, "version": id.version, "digest": id.digest })
        };
        let difference = |difference: &Difference| {
            let changed = self.changed(difference).into_iter();
            let changed =
                changed.map(|(what, was, is)| json!({ "what": what, "before": was, "after": is }));
            json!({
                "relation": word(difference.relation),
                "issuer": difference.issuer,
                "before": difference.before,
                "after": difference.after,
                "changed": changed.collect::<Vec<_>>(),
                "example": example::to_json(&difference.token),
            })
        };
        json!({
            "relation": word(comparison.relation),
            "old": side(&self.old),
            "new": side(&self.new),
            "differences": comparison.differences.iter().map(difference).collect::<Vec<_>>(),
        })
    }
}

/// What becomes of the example, in words.
pub(crate) fn said(difference: &Difference) -> String {
    match (&difference.before, &difference.after) {
        (None, Some(after)) => format!("denied before, accepted by `{after}` now"),
        (Some(before), None) => format!("accepted by `{before}` before, denied now"),
        (Some(before), Some(after)) if before == after => {
            format!("accepted by `{after}` on other terms than before")
        }
        (Some(before), Some(after)) => {
            format!("accepted by `{before}` before, by `{after}` on other terms now")
        }
        (None, None) => String::new(),
    }
}

/// What a statement grants and asks for, each by a label and in words.
fn terms(grant: &Grant) -> [(&'static str, String); 5] {
    let listed = |list: &[String]| match list {
        [] => "none".to_owned(),
        some => some.join(", "),
    };
    let asked = grant.obligations.iter().map(|one| match one {
        Obligation::Bind(FirstUse::Enrol) => "bind (first use enrols)".to_owned(),
        Obligation::Bind(FirstUse::Refuse) => "bind (first use refused)".to_owned(),
        Obligation::UseOnce => "single use".to_owned(),
        Obligation::Prove(method) => format!("proof ({method})"),
        Obligation::Other { kind, json } => format!("{kind} {json}"),
    });
    let claims = grant.claims.clone();
    let lifetime = grant.max_lifetime.map(|seconds| format!("{seconds} s"));
    [
        ("roles", listed(&grant.roles)),
        ("scopes", listed(&grant.scopes)),
        ("claims", claims.unwrap_or_else(|| "none".to_owned())),
        (
            "lifetime",
            lifetime.unwrap_or_else(|| "the host's".to_owned()),
        ),
        ("asks for", listed(&asked.collect::<Vec<_>>())),
    ]
}
