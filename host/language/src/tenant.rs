//! The tenant: whoever an issuer that signs for everyone signed for.

use claimbound_issuers::{Model, Need, TenantPin};

use crate::compile::IssuerSummary;
use crate::diagnostic::Sink;
use crate::document::{Statement, Trust};
use crate::rule::Rule;
use crate::subject::Lowered;

/// Refuses a trust in a shared issuer that names no tenant by an immutable id,
/// unless it says why it may.
pub(crate) fn check(
    statement: &Statement,
    trust: &Trust,
    issuer: &IssuerSummary,
    subject: &Lowered,
    sink: &mut Sink,
) {
    let pinned: Vec<&str> = subject.pinned.iter().map(String::as_str).collect();
    let named = subject.immutable || issuer.model.tenant_pin(&pinned) != TenantPin::None;
    match &trust.danger {
        Some(danger) if !issuer.shared || named => {
            sink.warning(Rule::Tenant, &danger.place, "`danger` excuses nothing here")
                .hint("take it out, so that it can't excuse a later change");
        }
        None if issuer.shared && !named => {
            let place = statement
                .subject
                .as_ref()
                .map_or(&statement.place, |one| &one.place);
            let message = format!(
                "`{}` signs for everyone, and trust statement `{}` names no tenant by an immutable id",
                issuer.url, statement.name.value
            );
            let hint = tenant_hint(&issuer.model);
            let finding = sink.error(Rule::Tenant, place, message);
            finding.expected("names can be taken by somebody else; ids can't");
            finding.hint(hint);
        }
        Some(_) | None => {}
    }
}

fn tenant_hint(model: &Model) -> String {
    let otherwise = "`danger = \"…why…\"` takes the risk on record";
    let tenant = model.names().iter().find(|kind| kind.is_tenant());
    match tenant.filter(|kind| kind.id_need() != Need::None) {
        Some(kind) => {
            let id = format!(
                "give it as `{} = {{ name = \"…\", id = \"…\" }}`",
                kind.name()
            );
            format!("{id} in the subject; {otherwise}")
        }
        None => otherwise.to_owned(),
    }
}
