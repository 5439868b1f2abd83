//! What a compiler of policies asks a model.

use claimbound_issuers::{Field, Need, PrintError, Role, TenantPin};

use crate::claims::model;

fn covered(name: &str, form: &str, field: &str) -> Vec<String> {
    let model = model(name);
    let form = model.form(form).unwrap();
    let field = model.field(field).unwrap();
    model
        .covered(form, field)
        .iter()
        .map(|part| part.name().to_owned())
        .collect()
}

fn forms(name: &str, fields: &[&str], any: &[&str]) -> Vec<String> {
    model(name)
        .forms_with(fields, any)
        .iter()
        .map(|form| form.name().to_owned())
        .collect()
}

#[test]
fn a_name_covers_the_parts_that_say_it_and_their_ids() {
    assert_eq!(
        covered("github-actions", "environment", "repository"),
        ["owner", "repo"]
    );
    assert_eq!(
        covered("github-actions", "immutable-environment", "repository"),
        ["owner", "owner_id", "repo", "repo_id"]
    );
    assert_eq!(
        covered("github-actions", "immutable-ref", "owner"),
        ["owner", "owner_id"]
    );
    assert_eq!(covered("github-actions", "ref", "environment"), [""; 0]);
    assert_eq!(covered("gitlab", "project-id", "project"), ["project_id"]);
    assert_eq!(
        covered("gitlab", "project-id", "namespace"),
        [""; 0],
        "it is in a claim alone"
    );
}

#[test]
fn fields_are_names_and_the_parts_left_over() {
    let model = model("github-actions");
    let form = model.form("immutable-pull-request").unwrap();
    let fields: Vec<_> = model.fields_of(form).map(|field| field.name()).collect();
    assert_eq!(fields, ["owner", "repository", "event"]);
    assert!(matches!(model.field("repository"), Some(Field::Name(_))));
    assert!(matches!(model.field("environment"), Some(Field::Part(_))));
    assert!(
        model.field("job_workflow_ref").is_some(),
        "a chosen subject may say it"
    );
    assert!(
        model.field("repo").is_none(),
        "a repository is named with its owner"
    );
    assert!(model.field("host").is_none(), "no subject says it");
}

#[test]
fn every_shape_of_the_same_fields_is_found() {
    assert_eq!(
        forms("github-actions", &["repository", "environment"], &[]),
        ["environment", "immutable-environment", "custom"]
    );
    assert_eq!(
        forms("github-actions", &["owner", "repository", "event"], &[]),
        ["pull-request", "immutable-pull-request", "custom"]
    );
    assert_eq!(forms("github-actions", &["repository"], &[]), ["custom"]);
    assert_eq!(
        forms(
            "github-actions",
            &["repository"],
            &["environment", "ref", "event"]
        ),
        [
            "environment",
            "ref",
            "pull-request",
            "immutable-environment",
            "immutable-ref",
            "immutable-pull-request",
            "custom",
        ]
    );
    assert_eq!(
        forms("github-actions", &["environment", "event"], &[]),
        ["custom"]
    );
    assert_eq!(
        forms("gitlab", &["namespace", "project", "ref"], &["ref_type"]),
        ["project-path", "project-id", "custom"]
    );
    assert_eq!(
        forms("kubernetes", &["service-account"], &[]),
        ["service-account"]
    );
    assert_eq!(
        forms("hcp-terraform", &["workspace"], &["project", "run_phase"]),
        ["workspace"]
    );
    assert_eq!(
        forms("hcp-terraform", &["workspace"], &["project"]),
        [""; 0]
    );
    assert_eq!(forms("bitbucket", &["repository"], &["step"]), ["step"]);
}

#[test]
fn a_tenant_is_named_by_an_id() {
    let github = model("github-actions");
    let kind = |pin| match pin {
        TenantPin::Direct(kind) | TenantPin::Through(kind) => Some(kind),
        TenantPin::None => None,
    };
    let direct = github.tenant_pin(&["repository", "owner"]);
    assert_eq!(kind(direct).unwrap().name(), "owner");
    assert!(matches!(direct, TenantPin::Direct(_)));
    assert!(matches!(
        github.tenant_pin(&["repository"]),
        TenantPin::Through(_)
    ));
    assert_eq!(
        github.tenant_pin(&["environment", "nonsense"]),
        TenantPin::None
    );
    let cluster = model("kubernetes");
    assert_eq!(
        cluster.tenant_pin(&["namespace"]),
        TenantPin::None,
        "a namespace has no id"
    );
    assert_eq!(
        github.kind_of_id(&["repository_owner_id"]).unwrap().name(),
        "owner"
    );
    assert_eq!(github.kind_of_id(&["actor_id"]), None);
    assert_eq!(github.kind("repository").unwrap().id_need(), Need::Promised);
}

#[test]
fn a_literal_subject_is_immutable_only_with_all_its_ids() {
    let uuid = "0a1b2c3d-0000-4000-8000-00112233aabb";
    let circle = format!("org/{uuid}/project/{uuid}/user/{uuid}");
    let step = format!("{{{uuid}}}:{{{uuid}}}");
    for (name, subject, immutable) in [
        ("github-actions", "repo:a@1/b@2:ref:x", true),
        ("github-actions", "repo:a/b:ref:x", false),
        ("github-actions", "repository_id:2", true),
        ("github-actions", "repository_owner:a:repository_id:2", true),
        (
            "github-actions",
            "repository_owner_id:1:repository:a/b",
            false,
        ),
        ("github-actions", "repository_owner_id:1", true),
        (
            "github-actions",
            "job_workflow_ref:a/b/c.yml@refs/heads/main",
            false,
        ),
        ("github-actions", "actor_id:1", false),
        ("gitlab", "project_id:2:ref_type:branch:ref:main", true),
        ("gitlab", "project_path:g/p:ref_type:branch:ref:main", false),
        ("circleci", &circle, true),
        ("bitbucket", &step, true),
        (
            "hcp-terraform",
            "organization:o:project:p:workspace:w:run_phase:apply",
            false,
        ),
        ("kubernetes", "system:serviceaccount:a:b", false),
        ("spiffe", "spiffe://a.example/b", false),
        ("azure-devops", "sc://a/b/c", false),
        ("google", "123", true),
        ("oidc", "123", true),
        ("entra", "123", true),
    ] {
        let model = model(name);
        let read = model.parse_subject(subject).expect(subject);
        assert_eq!(read.is_immutable(), immutable, "{name}: {subject}");
    }
}

#[test]
fn printing_says_what_is_wrong_with_the_parts() {
    let github = model("github-actions");
    let print = |form: &str, parts: &[(&str, &str)]| github.print_subject(form, parts);
    let parts = [("owner", "a"), ("repo", "b"), ("ref", "c")];
    assert_eq!(print("ref", &parts).as_deref(), Ok("repo:a/b:ref:c"));
    assert!(matches!(
        print("nothing", &parts),
        Err(PrintError::UnknownForm { .. })
    ));
    assert!(matches!(
        print("environment", &parts),
        Err(PrintError::UnknownPart { .. })
    ));
    assert!(matches!(
        print("ref", &parts[..2]),
        Err(PrintError::Parts { .. })
    ));
    let twice = [parts[0], parts[1], parts[2], parts[2]];
    assert!(matches!(
        print("ref", &twice),
        Err(PrintError::Parts { .. })
    ));
    let colon = [parts[0], parts[1], ("ref", "c:d")];
    assert!(matches!(
        print("ref", &colon),
        Err(PrintError::Value { .. })
    ));
    let empty = [parts[0], ("repo", ""), parts[2]];
    assert!(matches!(
        print("ref", &empty),
        Err(PrintError::Value { .. })
    ));
    assert!(matches!(
        print("custom", &[]),
        Err(PrintError::Parts { .. })
    ));
    assert!(matches!(
        print("pull-request", &parts[..2]),
        Err(PrintError::Parts { .. })
    ));
    let fixed = [parts[0], parts[1], ("event", "pull_request")];
    assert_eq!(
        print("pull-request", &fixed).as_deref(),
        Ok("repo:a/b:pull_request")
    );
    let other = [parts[0], parts[1], ("event", "push")];
    assert!(matches!(
        print("pull-request", &other),
        Err(PrintError::Parts { .. })
    ));
}

#[test]
fn a_policys_names_and_ids_make_a_subject() {
    let github = model("github-actions");
    let (owner, repository) = (
        github.kind("owner").unwrap(),
        github.kind("repository").unwrap(),
    );
    let form = github.form("immutable-ref").unwrap();
    let mut parts = github.split_name(repository, form, "acme/infra").unwrap();
    assert_eq!(parts, [("owner", "acme"), ("repo", "infra")]);
    parts.push((github.id_part(owner, form).unwrap().name(), "1"));
    parts.push((github.id_part(repository, form).unwrap().name(), "2"));
    parts.push(("ref", "refs/heads/main"));
    let subject = github.print_subject(form.name(), &parts);
    assert_eq!(
        subject.as_deref(),
        Ok("repo:acme@1/infra@2:ref:refs/heads/main")
    );
    assert_eq!(github.split_name(repository, form, "acme"), None);
    assert_eq!(github.split_name(repository, form, "acme/infra/x"), None);
    let plain = github.form("ref").unwrap();
    assert_eq!(github.id_part(owner, plain), None);
    let namespace = model("gitlab");
    let kind = namespace.kind("namespace").unwrap();
    assert_eq!(
        namespace.split_name(kind, &namespace.forms()[0], "acme"),
        None
    );
}

#[test]
fn what_stands_between_parts_is_known() {
    let delimiters =
        |name| ['@', ':', '/', '.', 'p'].map(|character| model(name).delimits(character));
    assert_eq!(
        delimiters("github-actions"),
        [true, true, true, false, false]
    );
    assert_eq!(delimiters("gitlab"), [false, true, false, false, false]);
    assert_eq!(delimiters("oidc"), [false; 5]);
}

#[test]
fn a_part_says_of_a_run_what_its_claim_does_or_what_it_says_itself() {
    let role = |name, part| {
        let model = model(name);
        model.part(part).and_then(|part| model.role_of_part(part))
    };
    assert_eq!(role("github-actions", "ref"), Some(Role::Branch));
    assert_eq!(
        role("github-actions", "job_workflow_ref"),
        Some(Role::Workflow),
        "a chosen claim"
    );
    assert_eq!(role("github-actions", "owner"), None);
    assert_eq!(
        role("buildkite", "ref"),
        Some(Role::Branch),
        "no claim repeats it"
    );
    assert_eq!(role("kubernetes", "name"), None);
}
