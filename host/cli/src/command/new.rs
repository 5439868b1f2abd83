//! `new`: a policy to begin with, and cases that pass.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use claimbound::json::Limits;
use claimbound::policy::{ManifestError, is_name};
use claimbound::reason::clip;
use claimbound::token::Token;
use claimbound_language::Diagnostics;
use serde_json::json;

use crate::console::{Console, Status};
use crate::input::Source;
use crate::language::Language;
use crate::page::{Cell, Ink, Page};
use crate::policy_file::PolicyFile;
use crate::proposal::Proposal;
use crate::scaffold::{self, DOCUMENT_WORKFLOW, File, WORKFLOW};
use crate::trial::Trial;
use crate::{component, findings, malformed};

/// Begin a policy, with cases that pass.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound new acme-deploy
  claimbound new acme-deploy --model gitlab
  claimbound new acme-deploy --from-token token.jwt
  claimbound new acme-deploy --language python

From a token it proposes the strictest policy that still accepts it: names with
their ids, the exact ref or environment, the audience, the lifetime. The token is
not verified; read what is proposed before you trust it.

In another language it begins as a policy that no document can say: a branch
deploys on the day that it names. `./build` makes its component.

Exit status: 0 made, 2 it could not be made.")]
pub(crate) struct Arguments {
    /// The folder to make; its last part is the policy's name.
    #[arg(value_name = "NAME")]
    name: PathBuf,

    /// The naming model of its issuer, such as `gitlab`; by default
    /// `github-actions`, or the one that a token is recognised by.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// Propose a policy from a real token: a file, `-`, or `env:NAME`.
    #[arg(long, value_name = "FILE")]
    from_token: Option<Source>,

    /// The language to write it in; by default a document.
    #[arg(long, value_name = "LANGUAGE", conflicts_with_all = ["model", "from_token"])]
    language: Option<Language>,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let name = arguments.name.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("`{}` is no name", arguments.name.display()))?;
    let folder = arguments.name.display().to_string();
    let (files, next) = match arguments.language {
        None => (
            arguments.document(name)?,
            format!("claimbound test {folder}"),
        ),
        Some(language) if is_name(name) => {
            let next = format!("cd {folder} && ./build && claimbound test policy.wasm");
            (language.files(name), next)
        }
        Some(_) => bail!("{}", ManifestError::Name(clip(name))),
    };
    scaffold::write(&arguments.name, &files)?;
    console.answer(
        || {
            let mut page = Page::default();
            page.put(Ink::Good, "✓ made")
                .text("  ")
                .put(Ink::Strong, &folder)
                .end();
            let rows = files.iter().map(|file| (file.path, &file.about));
            let rows = rows.chain([("next", &next)]);
            let rows =
                rows.map(|(label, text)| vec![Cell::new(Ink::Faint, label), Cell::plain(text)]);
            page.table(2, &rows.collect::<Vec<_>>());
            page
        },
        || {
            let paths: Vec<_> = files.iter().map(|file| file.path).collect();
            json!({ "folder": folder, "files": paths })
        },
    )?;
    Ok(Status::Yes)
}

impl Arguments {
    /// The files of a policy that is a document.
    fn document(&self, name: &str) -> anyhow::Result<Vec<File>> {
        let proposal = self.proposal(name)?;
        let (document, cases) = (proposal.document(name), proposal.cases());
        try_out(&document, &cases)
            .map_err(|error| match error.downcast::<Diagnostics>() {
                // Nobody has the file that its places are in.
                Ok(findings) => anyhow!("{}", findings::sentence(&findings)),
                Err(other) => other,
            })
            .with_context(|| format!("no policy can be made that is called `{name}`"))?;
        Ok(vec![
            File::new("policy.toml", document, proposal.summary()),
            File::new("cases.toml", cases, "cases that pass"),
            File::new(
                WORKFLOW,
                DOCUMENT_WORKFLOW,
                "a review and the cases on every change",
            ),
        ])
    }

    fn proposal(&self, name: &str) -> anyhow::Result<Proposal> {
        let Some(source) = &self.from_token else {
            let model = match self.model.as_deref() {
                Some(model) => Arc::clone(crate::issuers::model(model)?),
                None => super::demo::model()?,
            };
            return Proposal::of_model(&model, format!("https://{name}.example"));
        };
        let token = source.token()?;
        let decoded = Token::new(&token)
            .decode(&Limits::TOKEN)
            .map_err(|refusal| malformed::refused(refusal, &token))
            .map_err(|refusal| anyhow!("{source} is no token: {}", refusal.message))?;
        Proposal::of_claims(decoded.unverified_claims(), self.model.as_deref())
            .with_context(|| format!("no policy can be proposed from {source}"))
    }
}

/// Runs the cases on what is about to be written: nothing is scaffolded that
/// does not pass.
fn try_out(document: &str, cases: &str) -> anyhow::Result<()> {
    let file = PolicyFile::of_document(Path::new("policy.toml"), document, Some(cases.to_owned()))?;
    let sandbox = component::sandbox(&file.component)?;
    let trial = Trial::new(&sandbox, file, "cases.toml", cases)?;
    for verdict in trial.run() {
        let verdict = verdict?;
        if let Some(fault) = verdict.faults.first() {
            bail!(
                "the policy that could be proposed fails its case `{}`: {fault}",
                verdict.name
            );
        }
    }
    Ok(())
}
