//! `token mint`: a token of a throwaway issuer, for tests.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use claimbound::clock::{Clock as _, SystemClock};
use claimbound::json::{Document, Limits};
use claimbound::key::Algorithm;
use claimbound_language::Example;
use serde_json::{Map, Value, json};

use crate::artifact;
use crate::console::{self, Console, Format, Status};
use crate::input::{self, Source};
use crate::nearest::did_you_mean;
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

`--set` keeps a claim that is a text already a text: `--set repository_id=9` gives
\"9\". Else, and for a list or an object, the value is taken as JSON where it is
some, and as text where it is none. The token goes to standard output, and nothing
else does.

With `--claims`, dates that the claims have stay as they are, unless `--at` or
`--lifetime` sets them.

Exit status: 0 made, 2 it could not be made.")]
pub(crate) struct Arguments {
    /// Begin with a token that a statement accepts; a folder's `policy.toml` is
    /// taken.
    #[arg(long, value_name = "FILE:trust.NAME", conflicts_with = "claims")]
    like: Option<String>,

    /// Begin with these claims, a JSON object.
    #[arg(long, value_name = "FILE")]
    claims: Option<Source>,

    /// Set `iss`.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// Set a claim; may be given again for others.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,

    /// How long it lives, such as `15m`: `exp` is `iat` and this. By default ten
    /// minutes, or as long as the statement of `--like` takes where that is
    /// shorter, or as long as `--claims` says.
    #[arg(long, value_name = "DURATION", value_parser = time::parse_duration)]
    lifetime: Option<u64>,

    /// When it is issued, its `iat` (and `nbf`, if it has one): RFC 3339, or
    /// seconds since 1970; by default what `--claims` says, else now.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    at: Option<u64>,

    /// What it is signed by.
    #[arg(long, value_name = "NAME", default_value = "RS256", value_parser = super::verify::algorithm)]
    algorithm: Algorithm,

    /// A private key to sign with: a JWK or PEM; by default a fresh one.
    #[arg(long, value_name = "FILE")]
    key: Option<Source>,

    /// Where to write the public keys that verify it; replaces a key set, and
    /// nothing else.
    #[arg(long, value_name = "FILE")]
    jwks_out: Option<PathBuf>,

    /// Let `--jwks-out` replace any file.
    #[arg(long, requires = "jwks_out")]
    force: bool,
}

fn setting(text: &str) -> anyhow::Result<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err(anyhow!("`{text}` is no `name=value`")),
    }
}

/// The value that a setting gives to a claim which has this one now.
fn set(now: Option<&Value>, text: &str) -> Value {
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    match (now, parsed) {
        (_, Some(value @ (Value::String(_) | Value::Array(_) | Value::Object(_)))) => value,
        (Some(Value::String(_)), _) | (_, None) => text.into(),
        (_, Some(value)) => value,
    }
}

/// Refuses to replace what is no key set; an empty file holds nothing to lose.
fn replaceable(path: &Path) -> anyhow::Result<()> {
    if !path.is_file() {
        return Ok(());
    }
    let is_set = match input::file_text(path) {
        Ok(text) if text.trim().is_empty() => true,
        Ok(text) => serde_json::from_str::<Value>(&text).is_ok_and(|json| is_public_set(&json)),
        Err(_) => false,
    };
    if !is_set {
        bail!(
            "`--jwks-out {}` is there already, and is no set of public keys; replace it by `--force`",
            path.display()
        );
    }
    Ok(())
}

fn is_public_set(json: &Value) -> bool {
    let keys = json.get("keys").and_then(Value::as_array);
    let is_private = |key: &Value| key.get("d").or_else(|| key.get("k")).is_some();
    keys.is_some_and(|keys| !keys.iter().any(is_private))
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    if let Some(path) = arguments.jwks_out.as_deref().filter(|_| !arguments.force) {
        replaceable(path)?;
    }
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
            console::write_made(&format!("{:#}", json!({ "token": token, "jwks": keys })))?;
        }
    }
    Ok(Status::Yes)
}

impl Arguments {
    fn claim_set(&self) -> anyhow::Result<Map<String, Value>> {
        let (mut claims, longest) = self.beginning()?;
        self.date(&mut claims, longest);
        if let Some(issuer) = &self.issuer {
            claims.insert("iss".into(), issuer.clone().into());
        }
        for (name, value) in &self.set {
            let value = set(claims.get(name), value);
            claims.insert(name.clone(), value);
        }
        for name in ["iss", "sub"] {
            if !claims.contains_key(name) {
                bail!("the token has no `{name}`; give it by `--set {name}=…`");
            }
        }
        Ok(claims)
    }

    /// Sets the dates that are asked for or missing, for a token that may live so
    /// long at most.
    fn date(&self, claims: &mut Map<String, Value>, longest: Option<u64>) {
        let date = |claims: &Map<String, Value>, name: &str| claims.get(name)?.as_u64();
        let lifetime = match (date(claims, "iat"), date(claims, "exp")) {
            // An example's own dates are those of a case, which is over at once.
            (Some(start), Some(end)) if self.like.is_none() => end.saturating_sub(start),
            _ => longest.map_or(USUAL_LIFETIME, |longest| longest.min(USUAL_LIFETIME)),
        };
        let moves = self.like.is_some() || self.at.is_some();
        if moves || !claims.contains_key("iat") {
            let at = self.at.unwrap_or_else(|| SystemClock.now());
            claims.insert("iat".into(), at.into());
            if moves && claims.contains_key("nbf") {
                claims.insert("nbf".into(), at.into());
            }
        }
        if moves || self.lifetime.is_some() || !claims.contains_key("exp") {
            // An `iat` that is no number is somebody's test.
            let start = date(claims, "iat").unwrap_or_else(|| SystemClock.now());
            let end = start.saturating_add(self.lifetime.unwrap_or(lifetime));
            claims.insert("exp".into(), end.into());
        }
    }

    /// The claims that are begun with, and the longest that a token of them may
    /// live, where something says so.
    fn beginning(&self) -> anyhow::Result<(Map<String, Value>, Option<u64>)> {
        if let Some(like) = &self.like {
            let example = example(like)?;
            return Ok((example.claims, example.longest_lifetime));
        }
        let Some(source) = &self.claims else {
            return Ok((Map::new(), None));
        };
        let text = source.text()?;
        artifact::refuse(source, &text, "a JSON object of claims")?;
        // Read strictly first: what is signed must say one thing.
        Document::parse(text.as_str(), &Limits::TOKEN)
            .map_err(|error| anyhow!("{source} is no JSON object of claims: {error}"))?;
        let claims = serde_json::from_str(&text)
            .with_context(|| format!("{source} is no JSON object of claims"))?;
        Ok((claims, None))
    }
}

/// The token that `--like` means.
fn example(like: &str) -> anyhow::Result<Example> {
    let (file, name) = match like.rsplit_once(":trust.") {
        Some((file, name)) => (file, Some(name)),
        None => (like.rsplit_once(':').map_or(like, |(file, _)| file), None),
    };
    let path = policy_file::in_folder(Path::new(file))?;
    let text = policy_file::document(input::file(&path, input::TEXT)?, &path)?;
    let compiled = claimbound_language::compile(&path.display().to_string(), &text)?;
    let statements = compiled.statements.iter().filter(|one| one.trusts);
    let trusts: Vec<_> = statements.map(|one| one.name.as_str()).collect();
    let listed = || {
        let all: Vec<_> = trusts
            .iter()
            .map(|name| format!("`{file}:trust.{name}`"))
            .collect();
        all.join(", ")
    };
    let Some(name) = name else {
        bail!(
            "`--like {like}` is no `FILE:trust.NAME`; there is {}",
            listed()
        );
    };
    if !trusts.contains(&name) {
        bail!(
            "`--like`: the document has no statement `trust.{name}`{}; there is {}",
            did_you_mean(name, &trusts),
            listed()
        );
    }
    compiled
        .example(name)
        .map_err(|error| anyhow!("`--like`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_text_stays_one() {
        let text = json!("456789");
        assert_eq!(set(Some(&text), "9"), json!("9"));
        assert_eq!(set(Some(&text), "true"), json!("true"));
        assert_eq!(set(Some(&text), "\"9\""), json!("9"));
        assert_eq!(set(Some(&text), "[\"x\"]"), json!(["x"]));
        assert_eq!(set(Some(&json!(1)), "9"), json!(9));
        assert_eq!(set(None, "9"), json!(9));
        assert_eq!(set(None, "x"), json!("x"));
    }
}
