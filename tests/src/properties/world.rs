//! The issuers of generated documents and tokens: what their subjects and
//! claims may say. The pools are small, so that what a document asks for and
//! what a token says often meet.

/// One issuer with the model that reads it.
pub(crate) struct World {
    /// What documents call it.
    pub(crate) alias: &'static str,
    pub(crate) model: &'static str,
    pub(crate) url: &'static str,
    /// Whether it signs for everyone, so that a trust may need `danger`.
    pub(crate) shared: bool,
    pub(crate) algorithms: &'static [&'static str],
    /// What a subject's table names.
    pub(crate) fields: &'static [Field],
    /// Of these a subject has one group, all of it.
    pub(crate) groups: &'static [&'static [Field]],
    /// What only subjects have that an organisation composes.
    pub(crate) chosen: &'static [Field],
    pub(crate) claims: &'static [Claim],
    /// Whole subjects, in every form.
    pub(crate) subjects: &'static [&'static str],
    /// Claims of a usual token, beside the registered ones.
    pub(crate) usual: &'static str,
}

/// A field of a subject's table.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) values: &'static [&'static str],
    /// Ids behind the name; none for a plain part.
    pub(crate) ids: &'static [&'static str],
}

/// A claim that conditions ask about.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) path: &'static [&'static str],
    pub(crate) json: Type,
    pub(crate) values: &'static [&'static str],
}

/// What a model knows of a claim's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Texts,
    Boolean,
    Number,
    /// Nobody knows.
    Any,
}

const fn name(
    name: &'static str,
    values: &'static [&'static str],
    ids: &'static [&'static str],
) -> Field {
    Field { name, values, ids }
}

const fn part(name: &'static str, values: &'static [&'static str]) -> Field {
    Field {
        name,
        values,
        ids: &[],
    }
}

const fn claim(
    path: &'static [&'static str],
    json: Type,
    values: &'static [&'static str],
) -> Claim {
    Claim { path, json, values }
}

/// A claim of an issuer's own, of any type.
const TEAM: Claim = claim(&["team"], Type::Any, &["infra", "Infra", "a:b", "x/y", "1"]);
/// A claim inside another.
const ACTOR: Claim = claim(&["act", "sub"], Type::Any, &["agent-7", "agent", "x/y"]);

const OWNERS: &[&str] = &["acme", "ACME", "evil", "acme-2"];
const REPOSITORIES: &[&str] = &["acme/infra", "Acme/Infra", "acme/site", "evil/infra"];
const ENVIRONMENTS: &[&str] = &["production", "Production", "prod:eu", "prod/eu", "staging"];
const REFS: &[&str] = &["refs/heads/main", "refs/heads/a:b", "refs/tags/v1", "main"];
const UUIDS: &[&str] = &[
    "0d9b6c4e-5f1a-4c3b-9e2d-7a8f60b1c2d3",
    "11111111-2222-4333-8444-555555555555",
];

const GITHUB: World = World {
    alias: "github",
    model: "github-actions",
    url: "https://token.actions.githubusercontent.com",
    shared: true,
    algorithms: &["RS256"],
    fields: &[
        name("owner", OWNERS, &["1", "2"]),
        name("repository", REPOSITORIES, &["10", "20"]),
    ],
    groups: &[
        &[part("environment", ENVIRONMENTS)],
        &[part("ref", REFS)],
        &[part("event", &["pull_request"])],
    ],
    chosen: &[
        part("actor_id", &["7", "8"]),
        part(
            "job_workflow_ref",
            &["acme/infra/a.yml@refs/heads/main", "x:y"],
        ),
    ],
    claims: &[
        claim(&["ref"], Type::Text, REFS),
        claim(&["environment"], Type::Text, ENVIRONMENTS),
        claim(&["repository"], Type::Text, REPOSITORIES),
        claim(&["repository_owner"], Type::Text, OWNERS),
        claim(&["repository_owner_id"], Type::Text, &["1", "2"]),
        claim(&["event_name"], Type::Text, &["push", "pull_request"]),
        claim(&["run_attempt"], Type::Text, &["1", "2"]),
        claim(&["labels"], Type::Any, &["a", "b", "c"]),
        TEAM,
        ACTOR,
    ],
    subjects: &[
        "repo:acme/infra:environment:production",
        "repo:acme/infra:environment:prod%3Aeu",
        "repo:acme@1/infra@10:environment:production",
        "repo:acme/infra:ref:refs/heads/main",
        "repo:acme@1/infra@10:ref:refs/heads/a%3Ab",
        "repo:acme/infra:pull_request",
        "repo:acme@1/infra@10:pull_request",
        "repo:ACME/infra:environment:production",
        "repo:acme/infra",
        "repo:acme/infra:actor_id:7:environment:production",
        "repository_owner_id:1:repository:acme/infra",
        "job_workflow_ref:x%3Ay:repo:acme/infra",
        "repo:acme/infra:repo:acme/infra",
        "repo:acme/infra:environment:a:b",
        "anything",
    ],
    usual: r#"{"repository_owner":"acme","repository_owner_id":"1","repository":"acme/infra","repository_id":"10","ref":"refs/heads/main","event_name":"push"}"#,
};

const GITLAB: World = World {
    alias: "gitlab",
    model: "gitlab",
    url: "https://gitlab.acme.example",
    shared: false,
    algorithms: &["RS256"],
    fields: &[
        name("namespace", &["acme", "Acme", "evil"], &["1", "2"]),
        name(
            "project",
            &["acme/infra", "ACME/infra", "acme/a/b"],
            &["10", "20"],
        ),
        part("ref_type", &["branch", "tag"]),
        part("ref", &["main", "Main", "a/b"]),
    ],
    groups: &[],
    chosen: &[part("deployment_tier", &["production", "a/b"])],
    claims: &[
        claim(&["ref_protected"], Type::Text, &["true", "false"]),
        claim(&["namespace_path"], Type::Text, &["acme", "Acme", "evil"]),
        claim(&["project_path"], Type::Text, &["acme/infra", "ACME/infra"]),
        claim(&["ref"], Type::Text, &["main", "Main", "a/b"]),
        claim(&["groups_direct"], Type::Texts, &["acme", "evil"]),
        TEAM,
        ACTOR,
    ],
    subjects: &[
        "project_path:acme/infra:ref_type:branch:ref:main",
        "project_path:acme/a/b:ref_type:tag:ref:a/b",
        "project_path:ACME/infra:ref_type:branch:ref:main",
        "project_id:10:ref_type:branch:ref:main",
        "project_id:10:deployment_tier:production",
        "ref:main:project_path:acme/infra",
        "project_path:acme@1/infra:ref_type:branch:ref:main",
    ],
    usual: r#"{"namespace_path":"acme","namespace_id":"1","project_path":"acme/infra","project_id":"10","ref_type":"branch","ref":"main"}"#,
};

const KUBERNETES: World = World {
    alias: "cluster",
    model: "kubernetes",
    url: "https://cluster.acme.example",
    shared: false,
    algorithms: &["RS256", "ES256", "RS512"],
    fields: &[
        name("namespace", &["ci", "CI", "prod"], &[]),
        name(
            "service-account",
            &["ci/agent", "ci/Agent", "prod/agent"],
            UUIDS,
        ),
    ],
    groups: &[],
    chosen: &[],
    claims: &[
        claim(&["kubernetes.io", "namespace"], Type::Text, &["ci", "prod"]),
        claim(
            &["kubernetes.io", "node", "name"],
            Type::Text,
            &["ci-1", "ci-2"],
        ),
        claim(&["kubernetes.io", "warnafter"], Type::Number, &[]),
        claim(&["kubernetes.io"], Type::Any, &["ci"]),
        TEAM,
        ACTOR,
    ],
    subjects: &[
        "system:serviceaccount:ci:agent",
        "system:serviceaccount:prod:agent",
        "system:serviceaccount:ci:Agent",
        "system:serviceaccount:ci",
        "system:node:ci:agent",
    ],
    usual: r#"{"kubernetes.io":{"namespace":"ci","serviceaccount":{"name":"agent","uid":"0d9b6c4e-5f1a-4c3b-9e2d-7a8f60b1c2d3"},"node":{"name":"ci-1"},"warnafter":1795428007}}"#,
};

const CIRCLECI: World = World {
    alias: "circle",
    model: "circleci",
    url: "https://oidc.circleci.com/org/0d9b6c4e-5f1a-4c3b-9e2d-7a8f60b1c2d3",
    shared: false,
    algorithms: &["RS256"],
    fields: &[
        name("organization", UUIDS, UUIDS),
        name("project", UUIDS, UUIDS),
        part("user", UUIDS),
    ],
    groups: &[&[
        part(
            "vcs_origin",
            &["github.com/acme/infra", "github.com/evil/infra"],
        ),
        part(
            "vcs_ref",
            &["refs/heads/main", "refs/heads/x", "x/vcs-ref/y"],
        ),
    ]],
    chosen: &[],
    claims: &[
        claim(&["oidc.circleci.com/context-ids"], Type::Texts, UUIDS),
        claim(&["oidc.circleci.com/ssh-rerun"], Type::Boolean, &[]),
        claim(
            &["oidc.circleci.com/vcs-ref"],
            Type::Text,
            &["refs/heads/main", "refs/heads/x"],
        ),
        TEAM,
        ACTOR,
    ],
    subjects: &[
        "org/0d9b6c4e-5f1a-4c3b-9e2d-7a8f60b1c2d3/project/11111111-2222-4333-8444-555555555555/user/11111111-2222-4333-8444-555555555555",
        "org/0d9b6c4e-5f1a-4c3b-9e2d-7a8f60b1c2d3/project/11111111-2222-4333-8444-555555555555/user/11111111-2222-4333-8444-555555555555/vcs-origin/github.com/acme/infra/vcs-ref/refs/heads/main",
        "org/0d9b6c4e-5f1a-4c3b-9e2d-7a8f60b1c2d3/project/11111111-2222-4333-8444-555555555555/user/11111111-2222-4333-8444-555555555555/vcs-origin/github.com/acme/infra/vcs-ref/x/vcs-ref/y",
        "org/11111111-2222-4333-8444-555555555555/project/11111111-2222-4333-8444-555555555555/user/11111111-2222-4333-8444-555555555555",
    ],
    usual: r#"{"oidc.circleci.com/org-id":"0d9b6c4e-5f1a-4c3b-9e2d-7a8f60b1c2d3","oidc.circleci.com/project-id":"11111111-2222-4333-8444-555555555555","oidc.circleci.com/ssh-rerun":false,"oidc.circleci.com/context-ids":["11111111-2222-4333-8444-555555555555"]}"#,
};

const BUILDKITE: World = World {
    alias: "buildkite",
    model: "buildkite",
    url: "https://agent.buildkite.com",
    shared: true,
    algorithms: &["RS256"],
    fields: &[
        name("organization", &["acme", "ACME", "evil"], UUIDS),
        name(
            "pipeline",
            &["acme/deploy", "acme/site", "evil/deploy"],
            UUIDS,
        ),
        part("ref", &["refs/heads/main", "refs/tags/v1"]),
        part("commit", &["abc123", "HEAD"]),
        part("step", &["deploy", "a:b", "test"]),
    ],
    groups: &[],
    chosen: &[],
    claims: &[
        claim(&["build_number"], Type::Number, &[]),
        claim(&["build_branch"], Type::Text, &["main", "x"]),
        claim(&["organization_slug"], Type::Text, &["acme", "evil"]),
        claim(&["organization_id"], Type::Text, UUIDS),
        TEAM,
        ACTOR,
    ],
    subjects: &[
        "organization:acme:pipeline:deploy:ref:refs/heads/main:commit:abc123:step:deploy",
        "organization:acme:pipeline:deploy:ref:refs/heads/main:commit:abc123:step:",
        "organization:acme:pipeline:deploy:ref:refs/tags/v1:commit:HEAD:step:a:b",
        "organization:evil:pipeline:deploy:ref:refs/heads/main:commit:abc123:step:deploy",
        "organization:acme:pipeline:deploy",
    ],
    usual: r#"{"organization_slug":"acme","pipeline_slug":"deploy","build_number":3,"build_branch":"main"}"#,
};

const OIDC: World = World {
    alias: "staff",
    model: "oidc",
    url: "https://id.acme.example",
    shared: false,
    algorithms: &["RS256", "ES256", "EdDSA", "PS512"],
    fields: &[name(
        "subject",
        &["robot", "Robot", "a/b:c", "248"],
        &["robot", "248"],
    )],
    groups: &[],
    chosen: &[],
    claims: &[
        claim(&["groups"], Type::Texts, &["deployers", "Deployers", "ops"]),
        claim(&["email_verified"], Type::Boolean, &[]),
        claim(&["auth_time"], Type::Number, &[]),
        claim(&["preferred_username"], Type::Text, &["robot", "Robot"]),
        claim(&["act"], Type::Any, &["agent-7"]),
        TEAM,
        ACTOR,
    ],
    subjects: &["robot", "Robot", "a/b:c", "248", "a\nb"],
    usual: r#"{"groups":["deployers","ops"],"email_verified":true,"auth_time":1795428000,"act":{"sub":"agent-7"}}"#,
};

/// Every issuer.
pub(crate) const WORLDS: [World; 6] = [GITHUB, GITLAB, KUBERNETES, CIRCLECI, BUILDKITE, OIDC];

/// Attributes that conditions ask the request for.
pub(crate) const ATTRIBUTES: [&str; 2] = ["run", "branch"];

/// Audiences of statements, routes and tokens.
pub(crate) const AUDIENCES: [&str; 2] = ["https://deploy.acme.example", "https://b.example"];

/// Thumbprints of keys.
pub(crate) const THUMBPRINTS: [&str; 2] = [
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
];

/// Numbers that claims are compared with, and are: JSON texts.
pub(crate) const NUMBERS: [&str; 10] = [
    "0",
    "1",
    "1.0",
    "2",
    "-1",
    "0.5",
    "1000.0",
    "9007199254740993",
    "18446744073709551615",
    "1795428000",
];
