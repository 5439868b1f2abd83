//! Case files, compiled to checks: what a host can run that knows no policy
//! language.

use anyhow::{Context as _, anyhow};
use claimbound::checks::{Check, Checks, Draft, Expected, ExpectedGrant};
use claimbound::danger::AssumedKey;
use claimbound::reason::Code;
use claimbound_language::{Case, Cases, Compiled};

/// The checks of a case file that was checked: against this document, or, without
/// one, alone.
pub(crate) fn of_cases(cases: &Cases, compiled: Option<&Compiled>) -> anyhow::Result<Checks> {
    let checks = cases.cases.iter().map(|case| {
        let check = of_case(cases, compiled, case);
        check.with_context(|| format!("case `{}`", case.name.value))
    });
    Ok(Checks::new(checks.collect::<anyhow::Result<Vec<_>>>()?)?)
}

/// The checks of a case file's text beside this document, as a section holds them.
pub(crate) fn of_text(compiled: &Compiled, name: &str, text: &str) -> anyhow::Result<Vec<u8>> {
    let cases = claimbound_language::parse_cases(name, text)?;
    cases.check(compiled)?;
    Ok(of_cases(&cases, Some(compiled))?.to_bytes()?)
}

fn of_case(cases: &Cases, compiled: Option<&Compiled>, case: &Case) -> anyhow::Result<Check> {
    let token = match compiled {
        Some(compiled) => cases.derive(compiled, case),
        None => cases.derive_alone(case),
    };
    let token = token.map_err(|message| anyhow!(message))?;
    let issuer = cases
        .issuer(compiled, case, &token)
        .context("the policy names no issuer")?;
    let audience = token.request.audience;
    Ok(Check::new(Draft {
        name: case.name.value.clone(),
        issuer: issuer.url,
        model: issuer.model.name().to_owned(),
        published: None,
        claims: serde_json::Value::Object(token.claims).to_string(),
        algorithm: token.key.algorithm,
        key: AssumedKey {
            key_type: token.key.key_type,
            bits: token.key.bits,
            thumbprint: token.key.thumbprint,
        },
        // A route without an audience can't be; no token is for this one.
        audience: if audience.is_empty() {
            "none".to_owned()
        } else {
            audience
        },
        now: token.request.now,
        attributes: token.request.attributes,
        expected: expected(&case.expected)?,
    })?)
}

/// What a case expects, as a check does.
pub(crate) fn expected(expected: &claimbound_language::Expected) -> anyhow::Result<Expected> {
    use claimbound_language::Expected as Cased;
    Ok(match expected {
        Cased::Allow { statement, grant } => Expected::Allow {
            statement: statement.value.clone(),
            grant: grant.as_ref().map(granted),
        },
        Cased::Deny {
            code,
            claim,
            statement,
        } => Expected::Deny {
            code: Code::parse(&code.value)
                .with_context(|| format!("`{}` is no reason code", code.value))?,
            claim: claim.clone(),
            statement: statement.clone(),
        },
    })
}

fn granted(grant: &claimbound_language::ExpectedGrant) -> ExpectedGrant {
    ExpectedGrant {
        roles: grant.roles.clone(),
        scopes: grant.scopes.clone(),
        claims: grant.claims.clone(),
        max_lifetime: grant.max_ttl,
    }
}
