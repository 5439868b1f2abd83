//! The gate of a throwaway issuer, which knows its one key.

use std::sync::Arc;

use anyhow::Context as _;
use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{KeySet, SetLimits};
use claimbound::policy::Policy;
use claimbound_language::Compiled;

use crate::question;
use crate::signer::Signer;

/// A gate for `audience` before which `signer` is the issuer at `url`, with the
/// ceiling that the document's own grants name.
pub(crate) fn gate(
    compiled: &Compiled,
    policy: Arc<Policy>,
    signer: &Signer,
    (url, audience): (&str, &str),
    settings: Settings,
) -> anyhow::Result<Gate> {
    let issuer = compiled.issuer(url);
    let issuer = issuer.with_context(|| format!("the document has no issuer `{url}`"))?;
    let keys = KeySet::parse(signer.key_set()?.to_string(), &SetLimits::default())?;
    let issuer = Issuer::new(url, Arc::clone(&issuer.model), keys, settings)?;
    Ok(Gate::new(
        Issuers::new([Arc::new(issuer)])?,
        Floor::new(audience)?,
        policy,
        question::ceiling(compiled),
    ))
}
