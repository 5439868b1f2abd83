//! `verify`: whether a key vouches for a module, or for a document about one.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use claimbound::modules::{
    Authority, PublicKey, Published, Refused, Release, Role, Signature, SignatureError, Signed,
    Statement, TrustedKey, Untrusted,
};
use claimbound::policy::Policy;
use serde_json::{Value, json};

use crate::component::{self, Kind};
use crate::console::{Console, Status};
use crate::input::{self, Source};
use crate::module_document::{self, ModuleDocument};
use crate::page::{Ink, Page};
use crate::signatures;

/// Verify that a key signed a module, or a document about one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound verify deploy.wasm --key release.pub
  claimbound verify index.json --key cosign.pub --signature index.json.sig

Of a component, the statement beside it (`deploy.statement.json`) is verified: that the
key signed it, that its digest is the component's, and that the component says the same
name and version of itself. The signatures beside the document are looked at, in either
form that cosign writes.

Whatever a bundle says of keys, certificates and logs, `--key` decides.

Exit status: 0 verified, 1 not verified, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// A component, or a document about a module.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The public key: PEM, P-256 or Ed25519; a file, `-`, or `env:NAME`.
    #[arg(long, value_name = "PUB")]
    key: Source,

    /// The signature; by default all that stand beside the document.
    #[arg(long, value_name = "SIG")]
    signature: Option<PathBuf>,
}

/// What is verified.
struct Subject {
    /// The component, where it is one.
    component: Option<Vec<u8>>,
    /// Where the document stands.
    path: PathBuf,
    /// The document; a component may have none.
    document: Option<Vec<u8>>,
}

/// Why nothing is vouched for.
type Why = String;

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let key = signatures::public_key(&arguments.key)?;
    let subject = Subject::read(&arguments.file)?;
    let answer = subject.verify(arguments.signature.as_deref(), &key, &arguments.key)?;
    let fingerprint = key.fingerprint().to_string();
    console.answer(
        || page(&arguments.file, &answer, &fingerprint),
        || to_json(&subject, &answer, &fingerprint),
    )?;
    Ok(match answer {
        Ok(_) => Status::Yes,
        Err(_) => Status::No,
    })
}

impl Subject {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = input::file(path, input::COMPONENT)?;
        if Kind::of(&bytes) == Kind::Component {
            let statement = module_document::statement_of(path);
            let there = statement.symlink_metadata().is_ok();
            let document = there.then(|| input::file(&statement, input::TEXT));
            return Ok(Self {
                component: Some(bytes),
                document: document.transpose()?,
                path: statement,
            });
        }
        module_document::refuse(path, &bytes, "a module, or a document about one")?;
        Ok(Self {
            component: None,
            path: path.to_owned(),
            document: Some(bytes),
        })
    }

    /// What the key vouches for, or why it does not.
    fn verify(
        &self,
        signature: Option<&Path>,
        key: &PublicKey,
        source: &Source,
    ) -> anyhow::Result<Result<ModuleDocument, Why>> {
        let Some(document) = &self.document else {
            let path = self.path.display();
            return Ok(Err(format!("it has no statement: there is no `{path}`")));
        };
        let files = match signature {
            Some(path) => vec![path.to_owned()],
            None => signatures::beside(&self.path),
        };
        let (signed, broken) = signed(document, &files)?;
        match (signed.verify(key), broken) {
            (Ok(()), _) => {}
            (Err(Untrusted::Unsigned | Untrusted::Stranger), Some(why)) => return Ok(Err(why)),
            (Err(Untrusted::Stranger), None) => {
                return Ok(Err(format!("the key {source} did not sign it")));
            }
            (Err(why), _) => return Ok(Err(why.to_string())),
        }
        let parsed = match ModuleDocument::parse(document) {
            Ok(parsed) => parsed,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let Some(component) = &self.component else {
            return Ok(Ok(parsed));
        };
        let ModuleDocument::Statement(statement) = &parsed else {
            return Ok(Err("what was signed is no statement".to_owned()));
        };
        let agreed = agrees(statement, component.clone(), signed, key)?;
        Ok(agreed.map(|()| parsed))
    }
}

/// The document with what can be read of its signatures, and what is wrong with
/// the first that can't.
fn signed(document: &[u8], files: &[PathBuf]) -> anyhow::Result<(Signed, Option<Why>)> {
    let mut read = Vec::new();
    let mut broken = None;
    for file in files {
        match Signature::parse(&signatures::read(file)?) {
            Ok(signature) => read.push(signature),
            Err(error) => broken = broken.or_else(|| Some(unreadable(file, &error))),
        }
    }
    let document = document.to_vec();
    let signatures = read;
    Ok((
        Signed {
            document,
            signatures,
        },
        broken,
    ))
}

fn unreadable(file: &Path, error: &SignatureError) -> Why {
    format!("`{}`: {error}", file.display())
}

/// Whether the component is the one that was stated, and says so itself.
fn agrees(
    statement: &Statement,
    component: Vec<u8>,
    signed: Signed,
    key: &PublicKey,
) -> anyhow::Result<Result<(), Why>> {
    let authority = Authority::new([TrustedKey {
        name: "--key".to_owned(),
        key: key.clone(),
        modules: vec![statement.id.name().clone()],
        roles: vec![Role::Module],
    }])?;
    let published = Published {
        component,
        statements: vec![signed],
        comparisons: Vec::new(),
        provenance: None,
    };
    match authority.release(&statement.id, None, published) {
        Ok(release) => says_so(&release),
        Err(refused) => Ok(Err(told(&refused))),
    }
}

/// Why it is refused; of another component, what may have happened.
fn told(refused: &Refused) -> String {
    match refused {
        Refused::OtherComponent { .. } => format!(
            "{refused}; if you built it anew since, remove the statement and its signatures, and \
             sign anew"
        ),
        Refused::Unstated
        | Refused::Untrusted(_)
        | Refused::Statement(_)
        | Refused::OtherModule { .. }
        | Refused::Contract(_)
        | Refused::Yanked(_)
        | Refused::TooManyComparisons(_)
        | Refused::TooManySignatures(_) => refused.to_string(),
    }
}

fn says_so(release: &Release) -> anyhow::Result<Result<(), Why>> {
    let sandbox = component::sandbox(release.component())?;
    let policy = Policy::load(&sandbox, release.component()).context("the component")?;
    let agreed = release.agrees_with(policy.id());
    Ok(agreed.map_err(|refused| refused.to_string()))
}

fn page(file: &Path, answer: &Result<ModuleDocument, Why>, key: &str) -> Page {
    let mut page = Page::default();
    match answer {
        Ok(document) => {
            page.put(Ink::Good, "✓ verified").text("  ");
            page.put(Ink::Strong, document.title()).end();
            document.fields(&mut page);
        }
        Err(why) => {
            page.put(Ink::Bad, "✗ not verified").text("  ");
            page.put(Ink::Strong, file.display().to_string()).end();
            page.text("  ").text(why).end();
        }
    }
    page.field("key", key);
    page
}

fn to_json(subject: &Subject, answer: &Result<ModuleDocument, Why>, key: &str) -> Value {
    json!({
        "verified": answer.is_ok(),
        "signed": answer.as_ref().ok().map(ModuleDocument::to_json),
        "component": subject.component.is_some(),
        "why": answer.as_ref().err(),
        "key": key,
    })
}
