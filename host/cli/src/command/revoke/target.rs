//! What is revoked, as the arguments say it.

use anyhow::{Context as _, anyhow, bail};
use claimbound::json::Limits;
use claimbound::ledger::{Ledger, Target};

use crate::input::Source;
use crate::nearest::did_you_mean;
use crate::{issuers, malformed, naming};

/// Arguments that name something to revoke.
pub(crate) trait Targeted {
    /// What they name.
    fn target(&self, ledger: &Ledger) -> anyhow::Result<Target>;

    /// Refuses to revoke what can't be, and says what is worth knowing of what
    /// can.
    fn check(&self, _: &Ledger) -> anyhow::Result<Option<String>> {
        Ok(None)
    }
}

/// One token.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Token {
    /// The token's `jti`.
    #[arg(value_name = "JTI", required_unless_present_any = ["file", "digest"])]
    jti: Option<String>,

    /// The token itself: a file, `-` for standard input, or `env:NAME`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["jti", "digest", "issuer"])]
    file: Option<Source>,

    /// The SHA-256 of what was signed: 64 hexadecimal digits, with or without
    /// `sha256:`, as `audit show` and `revoke list` show it.
    #[arg(long, value_name = "DIGEST", value_parser = Target::by_digest, conflicts_with_all = ["jti", "issuer"])]
    digest: Option<Target>,

    /// The issuer of the `jti`; by default the only one that the ledger knows.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

impl Targeted for Token {
    fn target(&self, ledger: &Ledger) -> anyhow::Result<Target> {
        if let Some(source) = &self.file {
            return of_file(source);
        }
        if let Some(target) = &self.digest {
            return Ok(target.clone());
        }
        let id = self.jti.clone().context("no `jti` is given")?;
        Ok(Target::TokenId {
            issuer: issuer_of(self.issuer.as_ref(), ledger)?,
            id,
        })
    }
}

/// The token in a file, which nobody needs to have verified.
fn of_file(source: &Source) -> anyhow::Result<Target> {
    let bytes = source.token()?;
    let decoded = claimbound::token::Token::new(&bytes).decode(&Limits::TOKEN);
    let decoded = decoded.map_err(|refusal| {
        let reason = malformed::refused(refusal, &bytes).into_reason();
        anyhow!(
            "{source} is no token that any host would take: {}",
            reason.message
        )
    })?;
    Ok(Target::token(&decoded.digest()))
}

/// A subject.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Subject {
    /// The subject, as tokens have it in `sub`.
    #[arg(value_name = "SUBJECT")]
    subject: String,

    #[command(flatten)]
    naming: naming::Arguments,
}

impl Targeted for Subject {
    fn target(&self, ledger: &Ledger) -> anyhow::Result<Target> {
        let naming = self.naming.open(ledger)?;
        let target = Target::by_subject(&naming.issuer, naming.model, &self.subject);
        Ok(target?)
    }
}

/// A key.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Key {
    /// The key's RFC 7638 thumbprint, as decisions and `token verify` show it.
    // One in 64 begins with a hyphen.
    #[arg(
        value_name = "THUMBPRINT",
        required_unless_present = "jwk",
        allow_hyphen_values = true
    )]
    thumbprint: Option<String>,

    /// The key itself, from a file: a JWK or a PEM public key.
    #[arg(long, value_name = "FILE", conflicts_with = "thumbprint")]
    jwk: Option<std::path::PathBuf>,

    /// The issuer whose key it is; by default whoever's.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

impl Targeted for Key {
    fn target(&self, _: &Ledger) -> anyhow::Result<Target> {
        let thumbprint = match (&self.jwk, &self.thumbprint) {
            (Some(path), _) => only_key(path)?,
            (None, given) => given.clone().context("no thumbprint is given")?,
        };
        Ok(Target::by_thumbprint(self.issuer.as_deref(), &thumbprint)?)
    }
}

fn only_key(path: &std::path::Path) -> anyhow::Result<String> {
    let keys = issuers::read(path)?;
    let name = path.display();
    match keys.keys() {
        [only] => Ok(only.thumbprint().to_owned()),
        [] => bail!("`{name}` holds no key that verifies tokens"),
        several => {
            let all: Vec<_> = several.iter().map(|key| key.thumbprint()).collect();
            bail!(
                "`{name}` holds several keys; give one thumbprint: `{}`",
                all.join("`, `")
            )
        }
    }
}

/// An issuer.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Issuer {
    /// The issuer's URL, byte for byte as tokens have it in `iss`.
    #[arg(value_name = "URL")]
    issuer: String,
}

impl Targeted for Issuer {
    fn target(&self, _: &Ledger) -> anyhow::Result<Target> {
        Ok(Target::Issuer {
            issuer: self.issuer.clone(),
        })
    }

    fn check(&self, ledger: &Ledger) -> anyhow::Result<Option<String>> {
        let issuer = &self.issuer;
        let known = naming::known_issuers(ledger)?;
        if known.contains(issuer) {
            return Ok(None);
        }
        let names: Vec<_> = known.iter().map(String::as_str).collect();
        let near = did_you_mean(issuer, &names);
        if !claimbound::issuer::is_url(issuer) {
            bail!("`{issuer}` is no issuer{near}: one is a URL such as `https://id.example`");
        }
        Ok(Some(if known.is_empty() {
            format!("the ledger knows no name of `{issuer}`, nor of any other issuer")
        } else {
            format!(
                "the ledger knows no name of `{issuer}`{near}; the issuers that it knows: {}",
                naming::listed(&known)
            )
        }))
    }
}

fn issuer_of(given: Option<&String>, ledger: &Ledger) -> anyhow::Result<String> {
    let arguments = naming::Arguments {
        issuer: given.cloned(),
        model: None,
    };
    arguments.issuer(ledger)
}
