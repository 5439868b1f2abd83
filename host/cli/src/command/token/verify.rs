//! `token verify`: the strict decoder and the signature alone.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use claimbound::clock::{Clock as _, SystemClock};
use claimbound::floor::{LEEWAY, MOST_LEEWAY};
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::json::Limits;
use claimbound::key::Algorithm;
use claimbound::models::Registry;
use claimbound::policy::digest;
use claimbound::reason::{Code, Reason, Refusal};
use claimbound::token::Token;
use claimbound::verify::{Unverified, Verified, VerifiedBy};
use serde_json::{Value, json};

use crate::console::{Console, Status};
use crate::input::Source;
use crate::page::{Ink, Page};
use crate::{issuers, malformed, time};

/// The naming model of the issuer that signatures alone are checked for; which
/// one does not matter, for no subject is read.
const ANY_MODEL: &str = "oidc";

/// Check a token's form, its signature and its dates; no policy is asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound token verify --jwks keys.json token.jwt
  claimbound token verify --jwks keys.json --audience https://api.example --algorithm RS256 -
  claimbound token verify --raw --jwks key.pem message.jws

A valid signature says who made a token, not that its bearer may do anything: that
is what a policy is for.

Exit status: 0 valid, 1 refused, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The token: a file, `-` for standard input, or `env:NAME`.
    #[arg(value_name = "FILE")]
    token: Source,

    /// A file with the keys: a JWK set, a JWK or a PEM public key. URLs are not
    /// fetched.
    #[arg(long, value_name = "FILE")]
    jwks: PathBuf,

    /// Check the signature alone, over any payload.
    #[arg(long, conflicts_with_all = ["at", "leeway", "issuer", "audience"])]
    raw: bool,

    /// Check dates as of this time: RFC 3339, or seconds since 1970; by default now.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    at: Option<u64>,

    /// How far clocks may differ, in seconds: 60 by default, at most 300. It
    /// is added to `exp`, and allowed before `nbf` and `iat`.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=MOST_LEEWAY))]
    leeway: Option<u64>,

    /// The issuer that the token must name.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// An audience that the token must name.
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,

    /// An algorithm that the token may use; by default each that its key can make.
    #[arg(long, value_name = "NAME", value_parser = algorithm)]
    algorithm: Vec<Algorithm>,
}

/// An algorithm by its name.
pub(in crate::command) fn algorithm(name: &str) -> anyhow::Result<Algorithm> {
    Algorithm::parse(name).ok_or_else(|| {
        let names: Vec<_> = Algorithm::ALL.iter().map(|one| one.as_str()).collect();
        anyhow!(
            "`{name}` is no algorithm that tokens may use: {}",
            names.join(", ")
        )
    })
}

/// What is known of a valid token.
struct Valid {
    by: VerifiedBy,
    about: Vec<(&'static str, String)>,
    expires: Option<Expiry>,
}

/// When a token ends, and as of when that was asked; in seconds since 1970.
struct Expiry {
    at: u64,
    now: u64,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let keys = issuers::read(&arguments.jwks)?;
    let bytes = arguments.token.token()?;
    let token = Token::new(&bytes);
    let algorithms = match arguments.algorithm.as_slice() {
        [] => Algorithm::ALL,
        some => some,
    };
    let answer = if arguments.raw {
        raw(token, &keys, algorithms)
    } else {
        arguments.whole(token, keys, algorithms)?
    };
    let answer = answer.map_err(|refusal| malformed::refused(refusal, &bytes));
    console.answer(|| page(&answer), || to_json(&answer))?;
    Ok(if answer.is_ok() {
        Status::Yes
    } else {
        Status::No
    })
}

fn raw(
    token: Token<'_>,
    keys: &claimbound::key::KeySet,
    algorithms: &[Algorithm],
) -> Result<Valid, Refusal> {
    let verified = token.decode_raw(&Limits::FILE)?.verify(keys, algorithms)?;
    let payload = &verified.payload;
    Ok(Valid {
        about: vec![
            ("payload", format!("{} bytes", payload.len())),
            ("digest", digest(payload)),
        ],
        by: verified.verified_by,
        expires: None,
    })
}

impl Arguments {
    fn whole(
        &self,
        token: Token<'_>,
        keys: claimbound::key::KeySet,
        algorithms: &[Algorithm],
    ) -> anyhow::Result<Result<Valid, Refusal>> {
        let decoded = match token.decode(&Limits::TOKEN) {
            Ok(decoded) => decoded,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let model = Registry::standard().get(ANY_MODEL);
        let model = model.ok_or_else(|| anyhow!("naming model `{ANY_MODEL}` is missing"))?;
        let url = self
            .issuer
            .as_deref()
            .unwrap_or(decoded.unverified_issuer());
        let settings = Settings {
            algorithms: Some(algorithms.to_vec()),
            ..Settings::default()
        };
        // A token may name what is no URL; whoever asks for an issuer may not.
        let issuer = match Issuer::new(url, Arc::clone(model), keys, settings) {
            Ok(issuer) => issuer,
            Err(error) if self.issuer.is_some() => return Err(anyhow!("`--issuer`: {error}")),
            Err(error) => {
                let reason = Reason::new(Code::TokenMalformed, error.to_string()).about(["iss"]);
                return Ok(Err(reason.into()));
            }
        };
        let issuers = Issuers::new([Arc::new(issuer)])?;
        let now = self.at.unwrap_or_else(|| SystemClock.now());
        match decoded.verify(&issuers, now) {
            Ok(verified) => Ok(self.admit(&verified, now)),
            Err(Unverified::Refused { refusal, .. }) => Ok(Err(refusal)),
            Err(Unverified::Failed(error)) => Err(error.into()),
        }
    }

    fn admit(&self, token: &Verified, now: u64) -> Result<Valid, Refusal> {
        let leeway = self.leeway.unwrap_or(LEEWAY);
        if let Some(end) = token.expires_at() {
            // RFC 7519 §4.1.4: `exp` is exclusive.
            if now >= end.saturating_add(leeway) {
                let message = format!("the token expired {} ago", time::words(now - end));
                return Err(dated(Code::TokenExpired, message, "exp", end));
            }
        }
        for (claim, start) in [("nbf", token.not_before()), ("iat", token.issued_at())] {
            if let Some(start) = start.filter(|start| *start > now.saturating_add(leeway)) {
                let ahead = time::words(start - now);
                let message = format!("the token's `{claim}` is {ahead} in the future");
                return Err(dated(Code::TokenNotYetValid, message, claim, start));
            }
        }
        if let Some(expected) = &self.audience
            && !token.audience().any(|audience| audience == expected)
        {
            let found: Vec<_> = token.audience().take(8).collect();
            let message = format!("the token is not for audience `{expected}`");
            let reason = Reason::new(Code::AudienceMismatch, message).about(["aud"]);
            return Err(reason.expected(expected).found(&found.join(", ")).into());
        }
        Ok(Valid {
            by: token.verified_by().clone(),
            about: vec![
                ("issuer", token.issuer().url().to_owned()),
                ("subject", token.subject().to_owned()),
            ],
            expires: token.expires_at().map(|at| Expiry { at, now }),
        })
    }
}

fn dated(code: Code, message: String, claim: &str, found: u64) -> Refusal {
    Reason::new(code, message)
        .about([claim])
        .found(&time::date(found))
        .into()
}

fn page(answer: &Result<Valid, Refusal>) -> Page {
    let mut page = Page::default();
    match answer {
        Err(refusal) => super::refused(&mut page, refusal),
        Ok(valid) => {
            page.put(Ink::Good, "✓ valid").end();
            for (label, value) in &valid.about {
                page.field(label, value);
            }
            if let Some(Expiry { at, now }) = valid.expires {
                let until = format!("{} ({})", time::date(at), time::relative(at, now));
                page.field("expires", until);
            }
            let by = &valid.by;
            let id = by.id().map_or_else(String::new, |id| format!("`{id}`, "));
            page.field(
                "key",
                format!("{id}{} of {} bits", by.key_type(), by.bits()),
            );
            page.field("thumbprint", by.thumbprint());
            page.field("algorithm", by.algorithm().as_str());
        }
    }
    page
}

fn to_json(answer: &Result<Valid, Refusal>) -> Value {
    match answer {
        Err(refusal) => json!({ "valid": false, "reason": **refusal, "key": null }),
        Ok(Valid { by, about, expires }) => {
            let mut json = json!({
                "valid": true,
                "reason": null,
                "key": {
                    "id": by.id(),
                    "type": by.key_type(),
                    "algorithm": by.algorithm().as_str(),
                    "bits": by.bits(),
                    "thumbprint": by.thumbprint(),
                },
            });
            if let Some(members) = json.as_object_mut() {
                let about = about
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone().into()));
                members.extend(about);
                let expires = expires.as_ref().map(|expiry| expiry.at);
                members.insert("expires".into(), expires.into());
            }
            json
        }
    }
}
