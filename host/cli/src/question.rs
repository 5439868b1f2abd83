//! What `check` and `explain` ask: one policy, one token or its claims, the
//! circumstances.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use claimbound::clock::{Clock, FixedClock, SystemClock};
use claimbound::danger;
use claimbound::floor::Floor;
use claimbound::gate::{Explanation, Gate};
use claimbound::grant::Ceiling;
use claimbound::issuer::{Issuer, Issuers};
use claimbound::json::{Limits, Node};
use claimbound::ledger::{Keeper, Run};
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, Request};
use claimbound::reason::Refusal;
use claimbound::record::Record;
use claimbound::token::{Claims, Token};
use claimbound::verify::Verified;
use claimbound_language::Compiled;

use crate::component::Origin;
use crate::fresh::FreshHost;
use crate::input::Source;
use crate::issuers::{self, Named};
use crate::ledger::Location;
use crate::malformed;
use crate::policy_file::PolicyFile;
use crate::time;
use crate::{artifact, code_cache};

/// The arguments of `check` and `explain`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// The policy: a document (TOML or JSON), a component (WebAssembly), or a
    /// folder with a `policy.toml`.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,

    /// The token: a file, `-` for standard input, or `env:NAME`.
    #[arg(long, value_name = "FILE", required_unless_present = "claims")]
    token: Option<Source>,

    /// Bare claims in place of a token, as JSON: what if a token said this?
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "jwks"])]
    claims: Option<Source>,

    /// Keys that verify the token, from a file: a JWK set, a JWK or a PEM public
    /// key. They are for every issuer, or for the one before `=`: its URL, or
    /// what the document calls it, as in `github=keys.json`. URLs are not fetched.
    #[arg(long, value_name = "[ISSUER=]FILE")]
    jwks: Vec<String>,

    /// The audience that the token must name; by default the document's own,
    /// if it names one.
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,

    /// Decide as of this time: RFC 3339, or seconds since 1970; by default now.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    at: Option<u64>,

    /// An attribute of the request, for conditions that ask for one.
    #[arg(long, value_name = "NAME=VALUE", value_parser = attribute)]
    attr: Vec<(String, String)>,

    /// The issuer of a component that has no document.
    #[arg(long, value_name = "URL", requires = "model")]
    issuer: Option<String>,

    /// The naming model of that issuer.
    #[arg(long, value_name = "NAME", requires = "issuer")]
    model: Option<String>,

    /// Decide with this ledger: `sqlite:PATH` or a path alone, `postgres://…`, or
    /// `env:NAME` for a variable that holds one of these. `check` of a token enrols
    /// and spends there for real.
    #[arg(long, value_name = "URL")]
    ledger: Option<Location>,

    /// The route where the token was presented: whose enrolments count in a
    /// ledger, and what a record calls it.
    #[arg(long, value_name = "NAME", default_value = "check")]
    route: String,

    #[command(flatten)]
    code_cache: code_cache::Arguments,
}

fn attribute(text: &str) -> anyhow::Result<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err(anyhow!("`{text}` is no `name=value`")),
    }
}

fn twice(attributes: &[(String, String)]) -> Option<&str> {
    let mut seen = HashSet::new();
    let mut names = attributes.iter().map(|(name, _)| name.as_str());
    names.find(|name| !seen.insert(*name))
}

/// What a gate is asked about.
enum Presented {
    /// A token, to be verified.
    Token(Vec<u8>),
    /// Claims, taken as if they had been.
    Claims(Claims),
}

/// A question that is ready to be asked.
pub(crate) struct Question {
    gate: Gate,
    presented: Presented,
    request: Request,
    clock: Box<dyn Clock>,
    /// The time that it is asked as of, in seconds since 1970.
    pub(crate) now: u64,
    /// What to say beside the answer.
    pub(crate) notes: Vec<String>,
    /// Whether nothing bounds what the component grants.
    has_no_ceiling: bool,
    /// The statements that forbid, where the document is known.
    pub(crate) forbids: Vec<String>,
}

impl Arguments {
    /// The route where the token was presented.
    pub(crate) fn route(&self) -> &str {
        &self.route
    }

    /// Reads all that is needed; nothing is decided yet. A decision takes effect
    /// in a ledger only if `run` says so, and only if it is one about a token,
    /// now: what if never writes.
    pub(crate) fn open(&self, run: Run) -> anyhow::Result<Question> {
        if let Some(name) = twice(&self.attr) {
            bail!("attribute `{name}` is given twice");
        }
        let file = PolicyFile::open(&self.policy)?;
        let named = self.issuers(&file)?;
        let (issuers, with_keys) = issuers::keyed(&named, &self.jwks)?;
        let presented = self.presented(&with_keys, &named)?;
        let audience = self.audience(file.compiled())?;
        let floor = Floor::new(audience).context("`--audience`")?;
        let sandbox = self.code_cache.sandbox(&file.component)?;
        let policy = Policy::load(&sandbox, &file.component)
            .with_context(|| format!("`{}`", file.path.display()))?;
        let mut notes = notes(&file);
        notes.extend(code_cache::notes(&file.path, &policy));
        let ceiling = file.compiled().map_or_else(danger::no_ceiling, ceiling);
        let gate = Gate::new(issuers, floor, Arc::new(policy), ceiling);
        let gate = match &self.ledger {
            Some(ledger) => gate.with_commit(self.keeper(ledger, run)?),
            None => gate.with_commit(
                file.compiled()
                    .map_or_else(FreshHost::default, FreshHost::of),
            ),
        };
        let clock: Box<dyn Clock> = match self.at {
            Some(at) => Box::new(FixedClock(at)),
            None => Box::new(SystemClock),
        };
        Ok(Question {
            now: clock.now(),
            gate,
            presented,
            request: Request::with_attributes(self.attr.clone()),
            clock,
            notes,
            has_no_ceiling: file.compiled().is_none(),
            forbids: file.compiled().map_or_else(Vec::new, forbids),
        })
    }

    /// The host that decides with a ledger. A command line has no request that a
    /// proof could be for.
    fn keeper(&self, ledger: &Location, run: Run) -> anyhow::Result<Keeper> {
        let is_real = run == Run::Real && self.claims.is_none() && self.at.is_none();
        let run = if is_real { Run::Real } else { Run::Dry };
        let ledger = Arc::new(ledger.open(run)?);
        let keeper = Keeper::new(ledger, self.route.as_str()).without_proofs();
        Ok(if is_real { keeper } else { keeper.dry() })
    }

    fn issuers(&self, file: &PolicyFile) -> anyhow::Result<Vec<Named>> {
        match (file.compiled(), &self.issuer, &self.model) {
            (Some(compiled), None, _) => Ok(issuers::of_document(compiled)),
            (Some(_), Some(_), _) => bail!(
                "`--issuer` is for components without a document; the document of `{}` names its issuers",
                file.path.display()
            ),
            (None, Some(url), Some(model)) => Ok(vec![issuers::of_arguments(url, model)?]),
            (None, _, _) => bail!(
                "`{}` has no verified document to name its issuers; give `--issuer URL --model NAME`",
                file.path.display()
            ),
        }
    }

    fn presented(&self, with_keys: &HashSet<String>, named: &[Named]) -> anyhow::Result<Presented> {
        if let Some(source) = &self.claims {
            let text = source.text()?;
            artifact::refuse(
                source,
                &text,
                "a JSON object of claims; give it by `--token`",
            )?;
            let claims = Claims::parse(text, &Limits::TOKEN)
                .map_err(|error| anyhow!("{source} is no JSON object of claims: {error}"))?;
            return Ok(Presented::Claims(claims));
        }
        let source = self
            .token
            .as_ref()
            .context("neither `--token` nor `--claims` is given")?;
        let token = source.token()?;
        // A token that can be read but is none is denied; one whose issuer has
        // no keys here can't be decided at all.
        let decoded = Token::new(&token).decode(&Limits::TOKEN);
        if let Ok(decoded) = decoded {
            let issuer = decoded.unverified_issuer();
            let is_known = named.iter().any(|one| one.url == issuer);
            if is_known && !with_keys.contains(issuer) {
                bail!("no keys for issuer `{issuer}`; give them by `--jwks FILE`");
            }
        }
        Ok(Presented::Token(token))
    }

    fn audience(&self, compiled: Option<&Compiled>) -> anyhow::Result<String> {
        if let Some(audience) = &self.audience {
            return Ok(audience.clone());
        }
        match compiled.map(|compiled| compiled.audiences.as_slice()) {
            Some([only]) => Ok(only.clone()),
            Some([]) => bail!("the policy names no audience; give `--audience`"),
            None => bail!("a component without a verified document needs `--audience`"),
            Some(several) => bail!(
                "the policy names several audiences; choose one by `--audience`: `{}`",
                several.join("`, `")
            ),
        }
    }
}

/// What a document's own grants name is the most that they may grant.
pub(crate) fn ceiling(compiled: &Compiled) -> Ceiling {
    let grants: Vec<_> = compiled
        .statements
        .iter()
        .filter_map(|one| one.grant.as_ref())
        .collect();
    let claims = grants.iter().filter_map(|grant| grant.claims.as_deref());
    let names = claims.filter_map(|claims| {
        serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(claims).ok()
    });
    let lifetimes: Option<Vec<u32>> = grants.iter().map(|grant| grant.max_lifetime).collect();
    Ceiling {
        roles: grants
            .iter()
            .flat_map(|grant| grant.roles.iter().cloned())
            .collect(),
        scopes: grants
            .iter()
            .flat_map(|grant| grant.scopes.iter().cloned())
            .collect(),
        claims: names
            .flat_map(|names| names.into_iter().map(|(name, _)| name))
            .collect(),
        longest_lifetime: lifetimes.and_then(|lifetimes| lifetimes.into_iter().max()),
        enrolment: true,
        ..Ceiling::default()
    }
}

fn forbids(compiled: &Compiled) -> Vec<String> {
    let forbids = compiled
        .statements
        .iter()
        .filter(|statement| !statement.trusts);
    forbids.map(|statement| statement.name.clone()).collect()
}

/// The issuer that bare claims are taken to come from. Claims of an unknown
/// `iss`, or of none, are refused later, whoever it is: types come first.
pub(crate) fn assumed_issuer<'a>(
    issuers: &'a Issuers,
    claims: &Claims,
) -> Result<&'a Arc<Issuer>, Refusal> {
    let url = claims
        .get(&["iss"])
        .and_then(Node::text)
        .unwrap_or_default();
    match (issuers.find(url), issuers.iter().next()) {
        (Err(_), Some(any)) => Ok(any),
        (found, _) => found,
    }
}

fn notes(file: &PolicyFile) -> Vec<String> {
    let name = file.path.display();
    match &file.origin {
        Origin::Verified(_) => Vec::new(),
        Origin::None => vec![format!(
            "`{name}` carries no document; its grants have no ceiling here"
        )],
        Origin::Unverified(why) => vec![format!(
            "the document in `{name}` is unverified ({why}); its grants have no ceiling here"
        )],
    }
}

impl Question {
    /// The gate that it is put to.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Whether claims were taken without a signature.
    pub(crate) fn is_assumed(&self) -> bool {
        matches!(self.presented, Presented::Claims(_))
    }

    /// The same question, whose decision is written to `record`.
    pub(crate) fn recorded(self, route: &str, record: Arc<dyn Record>) -> Self {
        Self {
            gate: self.gate.with_record(route, record),
            ..self
        }
    }

    /// Decides.
    pub(crate) fn decide(&self) -> Outcome {
        let outcome = match &self.presented {
            Presented::Token(token) => {
                let token = Token::new(token);
                self.told(self.gate.decide(token, &self.request, &*self.clock))
            }
            Presented::Claims(_) => match self.verified() {
                Ok(verified) => self
                    .gate
                    .decide_verified(verified, &self.request, &*self.clock),
                Err(outcome) => outcome,
            },
        };
        self.with_assumption(outcome)
    }

    /// Says how every condition was decided.
    pub(crate) fn explain(&self) -> Explanation {
        match self.verified() {
            Ok(verified) => self.gate.explain(verified, &self.request, &*self.clock),
            Err(outcome) => Explanation {
                outcome: self.told(outcome),
                steps: Vec::new(),
            },
        }
    }

    fn verified(&self) -> Result<Verified, Outcome> {
        match &self.presented {
            Presented::Token(token) => self.gate.verify(Token::new(token), self.clock.now()),
            Presented::Claims(claims) => {
                let issuer = assumed_issuer(self.gate.issuers(), claims)?;
                Ok(danger::assume_verified(claims.clone(), issuer)?)
            }
        }
    }

    /// The outcome of what is no token, with what it looks like.
    fn told(&self, outcome: Outcome) -> Outcome {
        match &self.presented {
            Presented::Token(token) => malformed::told(outcome, token),
            Presented::Claims(_) => outcome,
        }
    }

    fn with_assumption(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Allow(mut allowed) => {
                let signature = "signature: the claims were given without one";
                let ceiling = "ceiling: none; whatever the component grants";
                let assumed = [
                    (self.is_assumed(), signature),
                    (self.has_no_ceiling, ceiling),
                ];
                let assumed = assumed.into_iter().filter(|(holds, _)| *holds);
                let assumed = assumed.map(|(_, assumed)| assumed.to_owned());
                allowed.assumed.splice(0..0, assumed);
                Outcome::Allow(allowed)
            }
            other @ (Outcome::Deny(_) | Outcome::Error(_)) => other,
        }
    }
}
