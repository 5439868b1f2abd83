//! `demo`: an allow, and the ways in which claim-bound trust says no.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use aws_lc_rs::hmac;
use claimbound::clock::FixedClock;
use claimbound::gate::Gate;
use claimbound::issuer::Settings;
use claimbound::key::Algorithm;
use claimbound::models::Model;
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, Request};
use claimbound::token::Token;
use claimbound_language::{Compiled, Example};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::component;
use crate::console::{Console, Status};
use crate::fresh::FreshHost;
use crate::page::{Cell, Ink, Page};
use crate::signer::{Signer, encode, signing_input};
use crate::throwaway;

/// The policy that the demonstration shows.
const POLICY: &str = include_str!("../demo/policy.toml");
/// What is tried on it.
const ROWS: &str = include_str!("../demo/rows.json");
/// The statement that accepts the first row.
const STATEMENT: &str = "production";
/// How many decisions are timed.
const TIMED: usize = 200;

/// Watch claim-bound trust at work; needs no network and no file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound demo
  claimbound demo --format json

It makes a throwaway issuer with a key of its own, signs tokens with it, forges
others, and decides them all in the sandbox.

Exit status: 0 every row came out as expected, 1 one did not.")]
pub(crate) struct Arguments {}

/// One token to try.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// What it is.
    title: String,
    /// Why it comes out so.
    why: String,
    /// Claims that are not those of the accepted token.
    #[serde(default)]
    with: Map<String, Value>,
    /// Moves its dates, in seconds.
    #[serde(default)]
    shift: i64,
    /// Another lifetime, in seconds.
    lifetime: Option<u64>,
    /// Who signs it.
    #[serde(default)]
    signer: Who,
    /// How it is forged.
    forge: Option<Forgery>,
    /// `allow`, or the code of the expected denial.
    outcome: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Who {
    #[default]
    Issuer,
    Stranger,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Forgery {
    /// No signature at all (RFC 7518 §3.6).
    None,
    /// The public key, taken for the secret of an HMAC.
    SharedSecret,
    /// A claim changed after the signature was made.
    Tampered,
}

/// A row and what became of it.
struct Tried {
    row: Row,
    outcome: Outcome,
}

impl Tried {
    fn code(&self) -> &str {
        match &self.outcome {
            Outcome::Allow(_) => "allow",
            Outcome::Deny(denied) => denied.reasons.first().map_or("", |one| one.code.as_str()),
            Outcome::Error(error) => error.code.as_str(),
        }
    }

    fn is_as_expected(&self) -> bool {
        self.code() == self.row.outcome
    }
}

pub(crate) fn run(console: Console) -> anyhow::Result<Status> {
    let stage = Stage::new()?;
    let rows: Vec<Row> = serde_json::from_str(ROWS).context("the demonstration's rows")?;
    let mut tried = Vec::new();
    for row in rows {
        let token = stage.token(&row)?;
        tried.push(Tried {
            outcome: stage.decide(&token),
            row,
        });
    }
    let median = stage.median()?;
    console.answer(|| page(&tried, median), || to_json(&tried, median))?;
    let all = tried.iter().all(Tried::is_as_expected);
    Ok(if all { Status::Yes } else { Status::No })
}

/// The naming model that the demonstration's issuer follows.
pub(super) fn model() -> anyhow::Result<Arc<Model>> {
    let compiled = claimbound_language::compile("the demonstration's policy", POLICY)?;
    let issuer = compiled.issuers.first();
    let issuer = issuer.context("the demonstration's policy has no issuer")?;
    Ok(Arc::clone(&issuer.model))
}

/// The throwaway issuer, a stranger, and the gate that they come to.
struct Stage {
    example: Example,
    issuer: Signer,
    stranger: Signer,
    gate: Gate,
}

impl Stage {
    fn new() -> anyhow::Result<Self> {
        let compiled = claimbound_language::compile("the demonstration's policy", POLICY)?;
        let example = compiled
            .example(STATEMENT)
            .map_err(|error| anyhow!(error))?;
        let issuer = Signer::fresh(Algorithm::Rs256)?;
        Ok(Self {
            gate: gate(&compiled, &issuer)?,
            stranger: Signer::fresh(Algorithm::Rs256)?,
            issuer,
            example,
        })
    }

    fn decide(&self, token: &str) -> Outcome {
        let clock = FixedClock(self.example.request.now);
        self.gate
            .decide(Token::new(token), &Request::default(), &clock)
    }

    fn token(&self, row: &Row) -> anyhow::Result<String> {
        let claims = Value::Object(self.claims(row));
        match row.forge {
            None => match row.signer {
                Who::Issuer => self.issuer.sign(&claims),
                Who::Stranger => self.by_stranger(&claims),
            },
            Some(Forgery::None) => {
                let header = json!({ "alg": "none", "typ": "JWT" });
                Ok(format!("{}.", signing_input(&header, &claims)))
            }
            Some(Forgery::SharedSecret) => self.by_shared_secret(&claims),
            Some(Forgery::Tampered) => {
                let signed = self.issuer.sign(&claims)?;
                let (_, signature) = signed.rsplit_once('.').context("a token has three parts")?;
                let mut changed = claims;
                if let Some(claims) = changed.as_object_mut() {
                    claims.insert("actor".into(), "mallory".into());
                }
                Ok(format!(
                    "{}.{signature}",
                    signing_input(&self.issuer.header(), &changed)
                ))
            }
        }
    }

    fn claims(&self, row: &Row) -> Map<String, Value> {
        let mut claims = self.example.claims.clone();
        for name in ["iat", "nbf", "exp"] {
            let moment = claims.get(name).and_then(Value::as_u64);
            if let Some(moment) = moment.and_then(|moment| moment.checked_add_signed(row.shift)) {
                claims.insert(name.into(), moment.into());
            }
        }
        let issued = claims.get("iat").and_then(Value::as_u64);
        if let (Some(issued), Some(lifetime)) = (issued, row.lifetime) {
            claims.insert("exp".into(), issued.saturating_add(lifetime).into());
        }
        claims.extend(row.with.clone());
        claims
    }

    /// A stranger who borrows the issuer's `kid`.
    fn by_stranger(&self, claims: &Value) -> anyhow::Result<String> {
        let input = signing_input(&self.issuer.header(), claims);
        Ok(format!(
            "{input}.{}",
            encode(&self.stranger.signature(input.as_bytes())?)
        ))
    }

    fn by_shared_secret(&self, claims: &Value) -> anyhow::Result<String> {
        let public = self
            .issuer
            .public_der()
            .context("the public key can't be written")?;
        let mut header = self.issuer.header();
        if let Some(members) = header.as_object_mut() {
            members.insert("alg".into(), "HS256".into());
        }
        let input = signing_input(&header, claims);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &public);
        let tag = hmac::sign(&key, input.as_bytes());
        Ok(format!("{input}.{}", encode(tag.as_ref())))
    }

    /// The median time of a whole decision, from bytes to outcome.
    fn median(&self) -> anyhow::Result<Duration> {
        let token = self
            .issuer
            .sign(&Value::Object(self.example.claims.clone()))?;
        let mut times: Vec<_> = (0..TIMED)
            .map(|_| {
                let started = Instant::now();
                std::hint::black_box(self.decide(&token));
                started.elapsed()
            })
            .collect();
        times.sort_unstable();
        times.get(TIMED / 2).copied().context("nothing was timed")
    }
}

fn gate(compiled: &Compiled, signer: &Signer) -> anyhow::Result<Gate> {
    let issuer = compiled.issuers.first();
    let issuer = issuer.context("the policy has no issuer")?;
    let audience = compiled.audiences.first();
    let audience = audience.context("the policy has no audience")?;
    let component = component::build(compiled, POLICY, None)?;
    let policy = Policy::load(&component::sandbox(&component)?, &component)?;
    let place = (issuer.url.as_str(), audience.as_str());
    let settings = Settings::default();
    let gate = throwaway::gate(compiled, Arc::new(policy), signer, place, settings)?;
    Ok(gate.with_commit(FreshHost::of(compiled)))
}

fn page(tried: &[Tried], median: Duration) -> Page {
    let mut page = Page::default();
    page.put(Ink::Strong, "claim-bound trust")
        .text(format!(", in {} tokens", tried.len()))
        .end()
        .end();
    page.text("The policy trusts one job: environment production of acme/infra, from main.")
        .end();
    page.put(
        Ink::Faint,
        "A throwaway issuer signs with a real key; every token below is decided in the sandbox.",
    );
    page.end().end();
    let width = tried
        .iter()
        .map(|one| shown_code(one).chars().count())
        .max()
        .unwrap_or(0);
    for one in tried {
        show(&mut page, one, width);
    }
    page.end().text("A decision takes ");
    page.put(Ink::Strong, format!("{} µs", median.as_micros()));
    page.text(": signature, claims and a fresh sandbox, from bytes to answer.")
        .end();
    page.end().put(Ink::Strong, "Next").end();
    let next = [
        (
            "claimbound new acme-deploy",
            "begin a policy, with cases that pass",
        ),
        (
            "claimbound new acme-deploy --from-token FILE",
            "or let a real token propose one",
        ),
        ("claimbound test acme-deploy", "run its cases"),
        ("claimbound check --help", "decide a token of yours"),
    ];
    let next = next.map(|(command, what)| vec![Cell::plain(command), Cell::new(Ink::Faint, what)]);
    page.table(2, &next);
    page
}

fn shown_code(tried: &Tried) -> String {
    if tried.is_as_expected() {
        tried.code().to_owned()
    } else {
        format!("{}, not {}", tried.code(), tried.row.outcome)
    }
}

fn show(page: &mut Page, tried: &Tried, width: usize) {
    let (ink, mark) = match (tried.is_as_expected(), tried.outcome.is_allow()) {
        (true, true) => (Ink::Good, "✓"),
        (true, false) => (Ink::Bad, "✗"),
        (false, _) => (Ink::Warn, "!"),
    };
    page.put(ink, format!("  {mark} {:<width$}  ", shown_code(tried)));
    page.put(Ink::Strong, &tried.row.title).end();
    page.text(" ".repeat(width + 6))
        .put(Ink::Faint, &tried.row.why)
        .end();
}

fn to_json(tried: &[Tried], median: Duration) -> Value {
    let rows: Vec<_> = tried
        .iter()
        .map(|one| {
            let message = match &one.outcome {
                Outcome::Allow(_) => None,
                Outcome::Deny(denied) => denied.reasons.first().map(|one| one.message.clone()),
                Outcome::Error(error) => Some(error.message.clone()),
            };
            json!({
                "title": one.row.title,
                "why": one.row.why,
                "expected": one.row.outcome,
                "outcome": one.code(),
                "message": message,
                "as_expected": one.is_as_expected(),
            })
        })
        .collect();
    let microseconds = u64::try_from(median.as_micros()).unwrap_or(u64::MAX);
    json!({ "rows": rows, "median_microseconds": microseconds })
}
