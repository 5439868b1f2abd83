//! A run of a job as whoever starts it chooses, and what its token says.
//!
//! The shapes are those of [`super::job`]; there chance chooses, and here whoever
//! holds the repository, or whoever causes the run of somebody else's.

use serde_json::{Map, Value, json};

use super::forge::{Flavour, Forge};
use super::job::{AUDIENCE, issuer};

/// What a run is of, as far as its claims tell.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "settings, each by itself")]
pub(super) struct Run {
    /// What started it: `push`, `pull_request`, `merge_request_event`.
    pub(super) event: String,
    /// Whether a run of `pull_request_target` has the subject of a pull request. What
    /// is published does not say; so either may be.
    pub(super) says_pull_request: bool,
    /// Whether it is of a tag, else of a branch.
    pub(super) is_tag: bool,
    /// The short name of the branch or tag.
    pub(super) branch: String,
    pub(super) environment: Option<String>,
    /// A reusable workflow that defines the job, of whoever published it; else it
    /// is the repository's own.
    pub(super) workflow: Option<String>,
    pub(super) visibility: String,
    pub(super) is_self_hosted: bool,
    pub(super) is_protected: bool,
    /// The login of whoever caused it.
    pub(super) actor: String,
}

impl Run {
    /// What most runs are: of a push to the main branch.
    pub(super) fn usual() -> Self {
        Self {
            event: "push".to_owned(),
            says_pull_request: false,
            is_tag: false,
            branch: "main".to_owned(),
            environment: None,
            workflow: None,
            visibility: "private".to_owned(),
            is_self_hosted: false,
            is_protected: true,
            actor: "mallory".to_owned(),
        }
    }

    /// The payload of its token.
    pub(super) fn claims(&self, forge: &Forge, repository: usize, now: u64) -> Map<String, Value> {
        let mut claims = match forge.flavour {
            Flavour::GitHub => self.github(forge, repository),
            Flavour::GitLab => self.gitlab(forge, repository),
        };
        let registered = json!({
            "iss": issuer(forge.flavour), "aud": AUDIENCE, "jti": "job-1",
            "iat": now, "nbf": now, "exp": now + 300,
        });
        claims.extend(registered.as_object().unwrap().clone());
        claims
    }

    fn github(&self, forge: &Forge, repository: usize) -> Map<String, Value> {
        let held = &forge.repositories[repository];
        let owner = &forge.accounts[held.account];
        let path = forge.path(repository);
        let name = &path[owner.name.len() + 1..];
        let names = if held.immutable {
            format!("{}@{}/{name}@{}", owner.name, owner.id, held.id)
        } else {
            path.clone()
        };
        let is_pull_request = self.event == "pull_request";
        let is_target = self.event == "pull_request_target";
        let says_pull_request = is_target && self.says_pull_request;
        let reference = if is_pull_request {
            "refs/pull/7/merge".to_owned()
        } else {
            self.reference()
        };
        let context = match &self.environment {
            Some(environment) => format!("environment:{}", environment.replace(':', "%3A")),
            None if is_pull_request || says_pull_request => "pull_request".to_owned(),
            None => format!("ref:{reference}"),
        };
        let own = format!("{path}/.github/workflows/ci.yml@{reference}");
        let mut claims = json!({
            "sub": format!("repo:{names}:{context}"),
            "repository": path, "repository_id": held.id.to_string(),
            "repository_owner": owner.name, "repository_owner_id": owner.id.to_string(),
            "repository_visibility": self.visibility,
            "ref": reference, "ref_type": if self.is_tag { "tag" } else { "branch" },
            "ref_protected": self.is_protected.to_string(),
            "event_name": self.event, "actor": self.actor, "actor_id": "3",
            "workflow": "ci", "workflow_ref": own,
            "job_workflow_ref": self.workflow.as_ref().unwrap_or(&own),
            "sha": "0123abcd", "run_id": "17", "run_attempt": "1",
            "head_ref": "", "base_ref": "",
            "runner_environment": if self.is_self_hosted { "self-hosted" } else { "github-hosted" },
        });
        if is_pull_request || is_target {
            claims["head_ref"] = "patch".into();
            claims["base_ref"] = self.branch.clone().into();
        }
        if let Some(environment) = &self.environment {
            claims["environment"] = environment.clone().into();
        }
        claims.as_object().unwrap().clone()
    }

    fn gitlab(&self, forge: &Forge, repository: usize) -> Map<String, Value> {
        let held = &forge.repositories[repository];
        let namespace = &forge.accounts[held.account];
        let path = forge.path(repository);
        let ref_type = if self.is_tag { "tag" } else { "branch" };
        let project = if held.immutable {
            format!("project_id:{}", held.id)
        } else {
            format!("project_path:{path}")
        };
        let mut claims = json!({
            "sub": format!("{project}:ref_type:{ref_type}:ref:{}", self.branch),
            "project_path": path, "project_id": held.id.to_string(),
            "namespace_path": namespace.name, "namespace_id": namespace.id.to_string(),
            "project_visibility": self.visibility,
            "user_login": self.actor, "user_id": "3",
            "ref": self.branch, "ref_type": ref_type, "ref_path": self.reference(),
            "ref_protected": self.is_protected.to_string(),
            "pipeline_source": self.event, "pipeline_id": "17", "job_id": "18",
            "job_project_id": held.id.to_string(), "job_project_path": path,
            "runner_environment": if self.is_self_hosted { "self-hosted" } else { "gitlab-hosted" },
        });
        if let Some(environment) = &self.environment {
            claims["environment"] = environment.clone().into();
            claims["environment_protected"] = self.is_protected.to_string().into();
        }
        claims.as_object().unwrap().clone()
    }

    fn reference(&self) -> String {
        let kind = if self.is_tag { "tags" } else { "heads" };
        format!("refs/{kind}/{}", self.branch)
    }
}
