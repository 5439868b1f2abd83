//! Subjects whose claims an organisation chose, and subjects that read in two ways.

use claimbound_issuers::SubjectError;
use serde_json::json;

use crate::claims::{identify, model, names, parts};

const CLAIMS: &str = r#"{
    "repository": "octo-org/octo-repo", "repository_id": "74",
    "repository_owner": "octo-org", "repository_owner_id": "65",
    "environment": "prod:eu", "ref": "refs/heads/main",
    "job_workflow_ref": "octo-org/ci/.github/workflows/x.yml@refs/heads/main"
}"#;

#[test]
fn chosen_claims_are_parts_wherever_they_stand() {
    let claims: serde_json::Value = serde_json::from_str(CLAIMS).unwrap();
    let workflow = "job_workflow_ref:octo-org/ci/.github/workflows/x.yml@refs/heads/main";
    for subject in [
        format!("repo:octo-org/octo-repo:environment:prod%3Aeu:{workflow}"),
        format!("repo:octo-org@65/octo-repo@74:ref:refs/heads/main:{workflow}"),
        format!("ref:refs/heads/main:repository_owner:octo-org:{workflow}"),
        format!("{workflow}:repository_id:74"),
        workflow.to_owned(),
        "repo:octo-org/octo-repo".to_owned(),
        "repository_owner_id:65:repository_visibility:private".to_owned(),
        "repo:octo-org/octo-repo:pull_request:repository_id:74".to_owned(),
    ] {
        let workload = identify("github-actions", &subject, claims.clone()).expect(&subject);
        assert_eq!(&*workload.form, "custom", "{subject}");
        let both = [
            ("owner", "octo-org", Some("65"), None),
            ("repository", "octo-org/octo-repo", Some("74"), Some("65")),
        ];
        assert_eq!(
            names(&workload),
            both,
            "{subject}: names come from the claims as well"
        );
    }
}

#[test]
fn a_chosen_claim_that_disagrees_is_drift() {
    let claims: serde_json::Value = serde_json::from_str(CLAIMS).unwrap();
    for subject in [
        "repository_owner:evil",
        "repository_id:75",
        "repository_owner_id:66",
        "repo:octo-org/octo-repo:repository:octo-org/other",
        "job_workflow_ref:octo-org/ci/.github/workflows/x.yml@refs/heads/evil",
        "ref:refs/heads/evil:repository_id:74",
        "environment:prod:repository_id:74",
    ] {
        let refusal = identify("github-actions", subject, claims.clone()).unwrap_err();
        assert_eq!(refusal.code, "subject.drift", "{subject}");
    }
}

#[test]
fn a_subject_that_names_two_repositories_is_drift_by_itself() {
    let ids = json!({ "repository_id": "74", "repository_owner_id": "65" });
    for subject in [
        "repo:octo-org/octo-repo:repository:octo-org/other",
        "repo:octo-org/octo-repo:repository_owner:other",
        "repo:octo-org@65/octo-repo@74:repository_id:75",
    ] {
        let refusal = identify("github-actions", subject, ids.clone()).unwrap_err();
        assert_eq!(refusal.code, "subject.drift", "{subject}");
    }
}

#[test]
fn a_chosen_claim_is_known_and_stands_once() {
    let model = model("github-actions");
    for subject in [
        "repo:a/b:unknown:x",
        "repo:a/b:ref:x:ref:x",
        "repo:a/b:",
        ":repo:a/b",
        "repo:a/b::ref:x",
        "repo:a/b:pull_request:pull_request",
        "actor",
        "actor:",
        "repo:a/b:environment:",
    ] {
        let read = model.parse_subject(subject);
        assert!(
            matches!(read, Err(SubjectError::Unrecognised { .. })),
            "{subject}: {read:?}"
        );
    }
}

#[test]
fn a_colon_in_a_value_stays_encoded() {
    let model = model("github-actions");
    let subject = "repo:octo-org/octo-repo:environment:Production%3AV1";
    let read = model.parse_subject(subject).unwrap();
    assert_eq!(
        read.part("environment"),
        Some("Production%3AV1"),
        "never decoded"
    );
    assert_eq!(
        model.encode("environment", "Production:V1"),
        "Production%3AV1"
    );
    assert_eq!(model.encode("environment", "plain"), "plain");
    assert_eq!(model.encode("no_such_part", "a:b"), "a:b");
}

#[test]
fn hyphens_never_give_ids() {
    let model = model("github-actions");
    let subject = "repo:octo-org-123456/octo-repo-456789:ref:refs/heads/main";
    let read = model.parse_subject(subject).unwrap();
    assert_eq!(
        read.part("owner"),
        Some("octo-org-123456"),
        "it is all name"
    );
    assert_eq!(read.part("owner_id"), None);
    assert_eq!(read.part("repo_id"), None);
    assert!(!read.is_immutable());
    let claims = json!({
        "repository": "octo-org/octo-repo", "repository_id": "456789",
        "repository_owner": "octo-org", "repository_owner_id": "123456",
    });
    let refusal = identify("github-actions", subject, claims).unwrap_err();
    assert_eq!(refusal.code, "subject.drift");
}

#[test]
fn half_an_immutable_subject_is_none() {
    let model = model("github-actions");
    for subject in [
        "repo:octo-org@1/octo-repo:ref:x",
        "repo:octo-org/octo-repo@2:ref:x",
        "repo:octo-org@/octo-repo@2:ref:x",
        "repo:octo-org@1x/octo-repo@2:ref:x",
        "repo:octo-org@1/octo-repo@2@3:ref:x",
        "repo:octo-org@1/2/octo-repo@2:ref:x",
    ] {
        assert!(model.parse_subject(subject).is_err(), "{subject}");
    }
}

const RUN: &str = "org/0a1b2c3d-0000-4000-8000-00112233aabb/project/\
                   1a1b2c3d-0000-4000-8000-00112233aabb/user/2a1b2c3d-0000-4000-8000-00112233aabb";

#[test]
fn a_delimiter_inside_a_value_is_ambiguous() {
    let model = model("circleci");
    let plain = format!("{RUN}/vcs-origin/example.com/acme/infra/vcs-ref/refs/heads/main");
    let read = model.parse_subject(&plain).unwrap();
    assert_eq!(read.part("vcs_origin"), Some("example.com/acme/infra"));
    assert_eq!(read.part("vcs_ref"), Some("refs/heads/main"));
    for tail in [
        "x/vcs-ref/refs/heads/main",
        "/vcs-ref//vcs-ref/",
        "a/vcs-ref/vcs-ref/b",
    ] {
        let subject = format!("{RUN}/vcs-origin/example.com/acme/infra/vcs-ref/{tail}");
        let read = model.parse_subject(&subject);
        assert!(
            matches!(read, Err(SubjectError::Ambiguous { .. })),
            "{tail}: {read:?}"
        );
    }
    let subject = format!("{RUN}/vcs-origin/o/vcs-ref/x/vcs-ref/refs/heads/main");
    let refusal = identify("circleci", &subject, json!({})).unwrap_err();
    assert_eq!(refusal.code, "subject.ambiguous");
    let printed = model.print_subject(
        "origin",
        &[
            ("organization", "0a1b2c3d-0000-4000-8000-00112233aabb"),
            ("project", "1a1b2c3d-0000-4000-8000-00112233aabb"),
            ("user", "2a1b2c3d-0000-4000-8000-00112233aabb"),
            ("vcs_origin", "o"),
            ("vcs_ref", "x/vcs-ref/y"),
        ],
    );
    assert!(printed.is_err(), "what would be ambiguous is not written");
}

#[test]
fn the_project_id_form_names_the_project_by_id() {
    let subject = "project_id:20:ref_type:branch:ref:main";
    let claims = json!({
        "namespace_path": "g", "namespace_id": "72", "project_path": "g/p", "project_id": "20",
        "ref": "main", "ref_type": "branch",
    });
    let workload = identify("gitlab", subject, claims.clone()).unwrap();
    assert_eq!(parts(&workload)[0], ("project_id", "20"));
    assert_eq!(
        names(&workload)[1],
        ("project", "g/p", Some("20"), Some("72"))
    );
    let other = "project_id:21:ref_type:branch:ref:main";
    assert_eq!(
        identify("gitlab", other, claims).unwrap_err().code,
        "subject.drift"
    );
}
