//! `token mint`: a token of a throwaway issuer, for tests.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use claimbound::clock::{Clock as _, SystemClock};
use claimbound::json::{Document, Limits};
use claimbound::key::Algorithm;
use serde_json::{Map, Value, json};

use crate::console::{self, Console, Format, Status};
use crate::input::{self, Source};
use crate::page::{Ink, Page};
use crate::signer::Signer;
use crate::{output, policy_file, time};

/// How long a token lives unless something says otherwise, in seconds.
const USUAL_LIFETIME: u64 = 600;

/// Make a token for tests, signed by a fresh key or by one of yours.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound token mint --like policy.toml:trust.production --jwks-out keys.json > token.jwt
  claimbound token mint --issuer https://id.example --set sub=robot --jwks-out keys.json
  claimbound token mint --claims claims.json --key private.jwk --algorithm ES256 --lifetime 5m

`--set` takes JSON where the value is some, else text. The token goes to standard
output, and nothing else does.

Exit status: 0 made, 2 it could not be made.")]
pub(crate) struct Arguments {
    /// Begin with a token that a statement accepts.
    #[arg(long, value_name = "FILE:trust.NAME", conflicts_with = "claims")]
    like: Option<String>,

    /// Begin with these claims, a JSON object.
    #[arg(long, value_name = "FILE")]
    claims: Option<Source>,

    /// Set `iss`.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// Set a claim.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, Value)>,

    /// How long it lives, such as `10m`; by default as long as what it is like,
    /// else ten minutes.
    #[arg(long, value_name = "DURATION", value_parser = time::parse_duration)]
    lifetime: Option<u64>,

    /// When it is issued: RFC 3339, or seconds since 1970; by default now.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    at: Option<u64>,

    /// What it is signed by.
    #[arg(long, value_name = "NAME", default_value = "RS256", value_parser = super::verify::algorithm)]
    algorithm: Algorithm,

    /// A private key to sign with: a JWK or PEM; by default a fresh one.
    #[arg(long, value_name = "FILE")]
    key: Option<Source>,

    /// Where to write the public keys that verify it.
    #[arg(long, value_name = "FILE")]
    jwks_out: Option<PathBuf>,
}

fn setting(text: &str) -> anyhow::Result<(String, Value)> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let parsed = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            Ok((name.to_owned(), parsed))
        }
        Some(_) | None => Err(anyhow!("`{text}` is no `name=value`")),
    }
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let claims = arguments.claim_set()?;
    let signer = match &arguments.key {
        None => Signer::fresh(arguments.algorithm)?,
        Some(source) => Signer::read(arguments.algorithm, &source.text()?)
            .with_context(|| format!("`--key` {source}"))?,
    };
    let token = signer.sign(&Value::Object(claims))?;
    let keys = signer.key_set()?;
    if let Some(path) = &arguments.jwks_out {
        output::replace(path, format!("{keys:#}\n").as_bytes())?;
    }
    let mut page = Page::default();
    page.put(Ink::Warn, "note").text(": ");
    page.text("this token is for tests; nobody but you vouches for what it says")
        .end();
    console::aside(&page);
    match console.format() {
        Format::Human => console::write_raw(format!("{token}\n").as_bytes())?,
        Format::Json => {
            console::write_json(&format!("{:#}", json!({ "token": token, "jwks": keys })))?;
        }
    }
    Ok(Status::Yes)
}

impl Arguments {
    fn claim_set(&self) -> anyhow::Result<Map<String, Value>> {
        let mut claims = self.beginning()?;
        let at = self.at.unwrap_or_else(|| SystemClock.now());
        let date = |name: &str| claims.get(name).and_then(Value::as_u64);
        let usual = match (date("iat"), date("exp")) {
            (Some(start), Some(end)) if self.like.is_some() => end.saturating_sub(start),
            _ => USUAL_LIFETIME,
        };
        let end = at.saturating_add(self.lifetime.unwrap_or(usual));
        if self.like.is_some() || !claims.contains_key("iat") {
            claims.insert("iat".into(), at.into());
        }
        if self.like.is_some() || !claims.contains_key("exp") || self.lifetime.is_some() {
            claims.insert("exp".into(), end.into());
        }
        if self.like.is_some() && claims.contains_key("nbf") {
            claims.insert("nbf".into(), at.into());
        }
        if let Some(issuer) = &self.issuer {
            claims.insert("iss".into(), issuer.clone().into());
        }
        claims.extend(self.set.iter().cloned());
        for name in ["iss", "sub"] {
            if !claims.contains_key(name) {
                bail!("the token has no `{name}`; give it by `--set {name}=…`");
            }
        }
        Ok(claims)
    }

    fn beginning(&self) -> anyhow::Result<Map<String, Value>> {
        if let Some(like) = &self.like {
            let (file, name) = like
                .rsplit_once(":trust.")
                .with_context(|| format!("`--like {like}` is no `FILE:trust.NAME`"))?;
            let path = PathBuf::from(file);
            let text = policy_file::document(input::file(&path, input::TEXT)?, &path)?;
            let compiled = claimbound_language::compile(file, &text)?;
            let example = compiled
                .example(name)
                .map_err(|error| anyhow!("`--like`: {error}"))?;
            return Ok(example.claims);
        }
        let Some(source) = &self.claims else {
            return Ok(Map::new());
        };
        let text = source.text()?;
        // Read strictly first: what is signed must say one thing.
        Document::parse(text.as_str(), &Limits::TOKEN)
            .map_err(|error| anyhow!("{source} is no JSON object of claims: {error}"))?;
        serde_json::from_str(&text).with_context(|| format!("{source} is no JSON object of claims"))
    }
}
