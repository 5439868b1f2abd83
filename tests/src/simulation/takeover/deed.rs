//! Carries out what a token is said to be got by: its names taken, its job run.

use serde_json::{Map, Value};

use super::search::events;
use super::world::{self, Deed, Seat};
use crate::simulation::forge::{Flavour, Forge};
use crate::simulation::run::Run;

/// The id of an organisation where a token gives none that is a number.
const OTHER: u64 = 7_000_000;

/// A token, as far as somebody who wants one like it needs to know it.
#[derive(Debug)]
pub(super) struct Wanted {
    flavour: Flavour,
    account: (u64, String),
    /// Without its account.
    repository: (u64, String),
    /// Whether the subject has ids.
    has_ids: bool,
    pub(super) run: Run,
}

fn text<'c>(claims: &'c Map<String, Value>, claim: &str) -> Option<&'c str> {
    claims.get(claim)?.as_str()
}

/// A name with or without an id behind an `@`.
fn name_and_id<'t>(text: &'t str, otherwise: Option<&str>) -> (u64, &'t str) {
    let (name, id) = text
        .split_once('@')
        .unwrap_or((text, otherwise.unwrap_or("")));
    (id.parse().unwrap_or(OTHER), name)
}

impl Wanted {
    /// None where no forge's job has such a token.
    pub(super) fn new(flavour: Flavour, deed: Deed, claims: &Map<String, Value>) -> Option<Self> {
        let wanted = match flavour {
            Flavour::GitHub => Self::github(deed, claims)?,
            Flavour::GitLab => Self::gitlab(deed, claims)?,
        };
        // Nobody outside has a run of a tag of somebody else's.
        (deed != Deed::Caused || !wanted.run.is_tag).then_some(wanted)
    }

    fn github(deed: Deed, claims: &Map<String, Value>) -> Option<Self> {
        let subject = text(claims, "sub")?.strip_prefix("repo:")?;
        let (names, context) = subject.split_once(':')?;
        let (owner, repository) = names.split_once('/')?;
        let has_ids = names.contains('@');
        let account = name_and_id(owner, text(claims, "repository_owner_id"));
        let repository = name_and_id(repository, text(claims, "repository_id"));
        let mut run = run(claims, "event_name", (Flavour::GitHub, deed));
        let environment = context.strip_prefix("environment:");
        run.environment = environment.map(|name| name.replace("%3A", ":"));
        if context == "pull_request" {
            run.says_pull_request = true;
            if run.event != "pull_request_target" {
                "pull_request".clone_into(&mut run.event);
            }
        }
        let reference = context.strip_prefix("ref:").or(text(claims, "ref"));
        if let Some(reference) = reference {
            run.is_tag = reference.starts_with("refs/tags/");
            let branch = reference.strip_prefix("refs/heads/");
            let branch = branch.or(reference.strip_prefix("refs/tags/"));
            branch.unwrap_or("main").clone_into(&mut run.branch);
        }
        let workflow = text(claims, "job_workflow_ref");
        let workflow = workflow.filter(|one| one.contains("/.github/workflows/"));
        run.workflow = workflow.map(str::to_owned);
        if let Some(visibility @ ("public" | "internal")) = text(claims, "repository_visibility") {
            visibility.clone_into(&mut run.visibility);
        }
        Some(Self {
            flavour: Flavour::GitHub,
            account: (account.0, account.1.to_owned()),
            repository: (repository.0, repository.1.to_owned()),
            has_ids,
            run,
        })
    }

    fn gitlab(deed: Deed, claims: &Map<String, Value>) -> Option<Self> {
        let subject = text(claims, "sub")?;
        let has_ids = subject.starts_with("project_id:");
        let (project, context) = subject.split_once(":ref_type:")?;
        let (ref_type, branch) = context.split_once(":ref:")?;
        let path = project.strip_prefix("project_path:");
        let path = path.or(text(claims, "project_path")).unwrap_or("a/a");
        let (namespace, name) = path.rsplit_once('/')?;
        if text(claims, "namespace_path").is_some_and(|said| said != namespace) {
            return None;
        }
        let mut run = run(claims, "pipeline_source", (Flavour::GitLab, deed));
        run.is_tag = ref_type == "tag";
        branch.clone_into(&mut run.branch);
        run.environment = text(claims, "environment").map(str::to_owned);
        if let Some(visibility @ ("public" | "internal")) = text(claims, "project_visibility") {
            visibility.clone_into(&mut run.visibility);
        }
        let id = |claim| text(claims, claim).map_or(OTHER, |id| id.parse().unwrap_or(OTHER));
        let project_id = project.strip_prefix("project_id:");
        let project_id =
            project_id.map_or_else(|| id("project_id"), |id| id.parse().unwrap_or(OTHER));
        Some(Self {
            flavour: Flavour::GitLab,
            account: (id("namespace_id"), namespace.to_owned()),
            repository: (project_id, name.to_owned()),
            has_ids,
            run,
        })
    }

    /// The repository whose job has such a token, had by the deed; none where that
    /// can't be done.
    pub(super) fn seat(&self, deed: Deed) -> Option<Seat> {
        let (account, name) = (&self.account.1, &self.repository.1);
        let (forge, repository) = match deed {
            Deed::Registered => self.taken(Forge::new(self.flavour))?,
            Deed::Inherited => {
                let mut forge = Forge::new(self.flavour);
                let root = account.split('/').next()?;
                if forge.free(root) {
                    forge.register(root, false);
                }
                forge.delete_account(forge.holder(root)?);
                self.taken(forge)?
            }
            Deed::Caused => {
                let account = (self.account.0, &**account);
                let repository = (self.repository.0, &**name);
                let mut forge = Forge::of_one(self.flavour, account, repository);
                forge.repositories[0].immutable = self.has_ids;
                (forge, 0)
            }
        };
        Some(Seat {
            forge,
            repository,
            deed,
        })
    }

    /// Registers the account and creates the repository; or renames an account
    /// whose repository is of the time before subjects had ids.
    fn taken(&self, mut forge: Forge) -> Option<(Forge, usize)> {
        let account = world::register(&mut forge, &self.account.1)?;
        let repository = world::create(&mut forge, account, &self.repository.1)?;
        forge.repositories[repository].immutable = self.has_ids;
        Some((forge, repository))
    }
}

fn run(claims: &Map<String, Value>, event: &str, (flavour, deed): (Flavour, Deed)) -> Run {
    let mut run = Run::usual();
    let events = events(flavour, deed);
    let said = events.iter().find(|one| text(claims, event) == Some(**one));
    (*said.unwrap_or(&events[0])).clone_into(&mut run.event);
    let is_said = |claim: &str, value: &str| text(claims, claim) == Some(value);
    run.is_self_hosted = is_said("runner_environment", "self-hosted");
    run.is_protected = !is_said("ref_protected", "false");
    run
}
