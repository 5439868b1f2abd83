//! `subject approve`: trusts an identity, on every route.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use claimbound::danger;
use claimbound::floor::Floor;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::json::{Limits, Node};
use claimbound::key::KeySet;
use claimbound::ledger::{Action, Change, Identity, IdentityError, Ledger};
use claimbound::models::Workload;
use claimbound::reason::Refusal;
use claimbound::token::{Claims, Token};
use claimbound::verify::Unverified;

use crate::console::{Console, Status};
use crate::input::Source;
use crate::naming::{self, Naming};
use crate::operator::{self, Operator};
use crate::{artifact, changed, issuers, ledger, malformed};

const ACTION: Action = Action::Approve;

/// Approve an identity: its name is bound to its id on every route.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound subject approve namespace acme --id 123456 --issuer https://id.example \\
    --model gitlab --reason 'our organisation'
  claimbound subject approve project acme/infra --id 456789 --parent acme \\
    --reason 'deploys production'
  claimbound subject approve --token token.jwt --jwks keys.json --reason 'first deploy'
  claimbound subject approve --claims claims.json --reason 'seen in a log' --dry-run

With `--token` every name of the token is approved, parents first, all or none, after
its signature, dates and subject are checked as `check` does. With `--claims` nobody
has signed what you approve. `--replacing` hands KIND NAME over to another identity.

Exit status: 0 approved, 1 refused by the ledger or for the token's faults, 2 no
answer could be given.")]
pub(crate) struct Arguments {
    /// The kind of name, such as `repository`.
    #[arg(value_name = "KIND", requires = "name", required_unless_present_any = ["token", "claims"])]
    kind: Option<String>,

    /// The name.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Its immutable id, where its kind has ids.
    #[arg(long, value_name = "ID", requires = "name")]
    id: Option<String>,

    #[command(flatten)]
    parent: naming::ParentArguments,

    /// The id that held the name until now, to hand it over on purpose; empty for
    /// a name without an id. It goes with KIND and NAME, not with `--token`.
    #[arg(long, value_name = "ID")]
    replacing: Option<String>,

    /// Approve the names in this token: a file, `-`, or `env:NAME`.
    #[arg(long, value_name = "FILE", requires = "jwks", conflicts_with_all = ["kind", "claims", "parent"])]
    token: Option<Source>,

    /// Keys that verify the token, from a file: a JWK set, a JWK or a PEM public
    /// key. URLs are not fetched.
    #[arg(long, value_name = "FILE", requires = "token")]
    jwks: Option<PathBuf>,

    /// Approve the names in these claims, a JSON object: on your word alone.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kind", "parent"])]
    claims: Option<Source>,

    #[command(flatten)]
    operator: Operator,

    #[command(flatten)]
    naming: naming::Arguments,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    if arguments.replacing.is_some() && arguments.name.is_none() {
        bail!(
            "`--replacing` goes with KIND and NAME, not with `--token` or `--claims`, which may \
             hold several names"
        );
    }
    let ledger = arguments.ledger.open(arguments.operator.run())?;
    let operator = &arguments.operator;
    let identities = match (&arguments.token, &arguments.claims) {
        (Some(token), _) => arguments.of_token(token)?,
        (None, Some(claims)) => arguments.of_claims(claims)?,
        (None, None) => Ok(vec![arguments.of_words(&ledger)?]),
    };
    let identities = match identities {
        Ok(identities) => identities,
        Err(refusal) => return changed::refuse(&refusal, operator, ACTION, console),
    };
    let approve = |identity| Change::Approve {
        identity,
        replacing: arguments.replacing.clone(),
    };
    let changes = identities.into_iter().map(approve);
    changed::make(&ledger, operator, ACTION, changes, console)
}

/// Identities; or why a token's are not taken.
type Identities = Result<Vec<Identity>, Refusal>;

impl Arguments {
    fn of_words(&self, ledger: &Ledger) -> anyhow::Result<Identity> {
        let naming = self.naming.open(ledger)?;
        let kind = self.kind.as_deref().context("no kind of name is given")?;
        let name = self.name.as_deref().context("no name is given")?;
        let kind = naming.kind(kind)?;
        let parent = naming.parent(ledger, kind, &self.parent)?;
        let id = self.id.as_deref();
        let identity = Identity::new(&naming.issuer, naming.model, kind.name(), name, id, parent);
        identity.map_err(|error| match how(&error) {
            Some(how) => anyhow!("{error} {how}"),
            None => error.into(),
        })
    }

    fn of_token(&self, source: &Source) -> anyhow::Result<Identities> {
        let jwks = self.jwks.as_deref().context("`--jwks` is not given")?;
        let keys = issuers::read(jwks)?;
        let bytes = source.token()?;
        let decoded = match Token::new(&bytes).decode(&Limits::TOKEN) {
            Ok(decoded) => decoded,
            Err(refusal) => return Ok(Err(malformed::refused(refusal, &bytes))),
        };
        let naming = self.naming_of(decoded.unverified_issuer())?;
        let issuers = Issuers::new([issuer(&naming, keys)?])?;
        let verified = match decoded.verify(&issuers, operator::now()) {
            Ok(verified) => verified,
            Err(Unverified::Refused { refusal, .. }) => return Ok(Err(refusal)),
            Err(Unverified::Failed(error)) => return Err(error.into()),
        };
        // Whichever service it is for, its names are the same.
        let audience = verified.audience().next().unwrap_or_default();
        let floor = Floor::new(audience).context("the token's audience")?;
        let admitted = verified
            .identify()
            .and_then(|identified| floor.admit(identified, operator::now()));
        match admitted {
            Ok(token) => Ok(Ok(identities(&naming, token.workload())?)),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    fn of_claims(&self, source: &Source) -> anyhow::Result<Identities> {
        let text = source.text()?;
        artifact::refuse(
            source,
            &text,
            "a JSON object of claims; give it by `--token`",
        )?;
        let claims = Claims::parse(text, &Limits::TOKEN)
            .map_err(|error| anyhow!("{source} is no JSON object of claims: {error}"))?;
        let url = claims.get(&["iss"]).and_then(Node::text);
        let naming = self.naming_of(url.unwrap_or_default())?;
        let issuer = issuer(&naming, KeySet::default())?;
        let identified = danger::assume_verified(claims, &issuer)
            .and_then(claimbound::verify::Verified::identify);
        match identified {
            Ok(identified) => Ok(Ok(identities(&naming, identified.workload())?)),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// The naming of the issuer that a token says it comes from.
    fn naming_of(&self, issuer: &str) -> anyhow::Result<Naming> {
        if let Some(wanted) = self.naming.issuer.as_deref().filter(|one| *one != issuer) {
            bail!("the token comes from `{issuer}`, not from `--issuer {wanted}`");
        }
        Ok(Naming {
            issuer: issuer.to_owned(),
            model: self.naming.model_of(issuer)?,
        })
    }
}

/// How what is missing is given.
const fn how(error: &IdentityError) -> Option<&'static str> {
    match error {
        IdentityError::IdNeeded { .. } => Some("by `--id ID`"),
        IdentityError::ParentNeeded { .. } => Some("by `--parent NAME`"),
        IdentityError::Kind { .. }
        | IdentityError::NoIds { .. }
        | IdentityError::NoParents { .. }
        | IdentityError::Text { .. } => None,
    }
}

fn issuer(naming: &Naming, keys: KeySet) -> anyhow::Result<Arc<Issuer>> {
    let model = Arc::clone(naming.model);
    let issuer = Issuer::new(naming.issuer.as_str(), model, keys, Settings::default())?;
    Ok(Arc::new(issuer))
}

fn identities(naming: &Naming, workload: &Workload) -> anyhow::Result<Vec<Identity>> {
    let identities = Identity::of_workload(&naming.issuer, naming.model, workload);
    if identities.is_empty() {
        bail!("there are no names in it that its issuer binds to anything");
    }
    Ok(identities)
}
