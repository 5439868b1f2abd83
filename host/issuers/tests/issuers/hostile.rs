//! Subjects and claims that somebody made to hurt.

use claimbound_issuers::{MAX_SUBJECT, Registry, SubjectError};
use proptest::prelude::*;
use serde_json::json;

use crate::claims::{Json, identify, model};

#[test]
fn a_long_subject_is_refused_by_its_length() {
    let long = format!("repo:a/{}:ref:x", "b".repeat(1 << 20));
    for model in Registry::standard().iter() {
        let read = model.parse_subject(&long);
        assert!(
            matches!(read, Err(SubjectError::TooLong { length, longest })
            if length == long.len() && longest == MAX_SUBJECT)
        );
    }
    let longest = format!("{}{}", "repo:a/b:ref:", "x".repeat(MAX_SUBJECT - 13));
    assert!(
        model("github-actions").parse_subject(&longest).is_ok(),
        "the bound is inclusive"
    );
    let refusal = identify("github-actions", &long, json!({})).unwrap_err();
    assert_eq!(refusal.code, "subject.mismatch");
    assert!(refusal.found.unwrap().len() <= 256 + '…'.len_utf8());
}

#[test]
fn control_characters_stand_in_no_part() {
    let model = model("github-actions");
    for control in ['\0', '\n', '\r', '\t', '\u{1b}', '\u{7f}'] {
        for subject in [
            format!("repo:a/b:ref:x{control}"),
            format!("repo:a/b:environment:{control}"),
            format!("repo:a{control}/b:ref:x"),
            format!("repo:a/b:ref:x:workflow:{control}"),
        ] {
            assert!(model.parse_subject(&subject).is_err(), "{subject:?}");
        }
    }
    assert!(
        model
            .parse_subject("repo:a/b:environment:größe %水")
            .is_ok()
    );
    assert!(
        model.parse_subject("repo:ä/b:ref:x").is_err(),
        "no login has such a letter"
    );
}

#[test]
fn whatever_delimits_is_no_part_of_a_name() {
    for (name, subject) in [
        ("github-actions", "repo:a/b/c:ref:x"),
        ("github-actions", "repo:/b:ref:x"),
        ("github-actions", "repo:a/:ref:x"),
        ("github-actions", "repo:a/b:ref:"),
        ("github-actions", "repo:a/b:ref:x:ref:y"),
        ("github-actions", "repo:a/b:ref:x:environment:y:z"),
        ("github-actions", " repo:a/b:ref:x"),
        ("github-actions", "REPO:a/b:ref:x"),
        ("github-actions", ""),
        ("gitlab", "project_path:g/p:x:ref_type:branch:ref:main"),
        ("kubernetes", "system:serviceaccount:ns:name:more"),
        ("kubernetes", "system:serviceaccount:ns"),
        ("kubernetes", "system:serviceaccount::name"),
        ("kubernetes", "system:node:x"),
        ("spiffe", "spiffe://a.example"),
        ("spiffe", "spiffe://a.example/"),
        ("spiffe", "spiffe://a.example/x/"),
        ("spiffe", "spiffe://a.example/x/../y"),
        ("spiffe", "spiffe://a.example:443/x"),
        ("spiffe", "spiffe://A.example/x"),
        ("spiffe", "SPIFFE://a.example/x"),
        ("azure-devops", "sc://org/project"),
        ("azure-devops", "sc://org/project/connection/more"),
        ("circleci", "org/x/project/y/user/z"),
        (
            "bitbucket",
            "0a1b2c3d-0000-4000-8000-00112233aabb:0a1b2c3d-0000-4000-8000-00112233aabb",
        ),
        (
            "hcp-terraform",
            "organization:o:project:p:workspace:w:x:run_phase:apply",
        ),
        ("hcp-terraform", "organization:o:module:m:operation:apply"),
    ] {
        assert!(
            model(name).parse_subject(subject).is_err(),
            "{name}: {subject}"
        );
    }
}

/// Splits are looked for only as far as it takes to find the second one, and
/// every step moves on: work that grew with the square of the length would show
/// as minutes here.
#[test]
fn many_delimiters_cost_little() {
    let uuid = "0a1b2c3d-0000-4000-8000-00112233aabb";
    let head = format!("org/{uuid}/project/{uuid}/user/{uuid}/vcs-origin/");
    let subjects = [
        format!("{head}{}", "/vcs-ref/".repeat(400)),
        format!("{head}{}\n", "/vcs-ref/".repeat(400)),
        "repo:a/b:".repeat(400),
        "repo:".repeat(800),
        ":".repeat(MAX_SUBJECT),
        "{".repeat(MAX_SUBJECT),
    ];
    for _ in 0..50 {
        for subject in &subjects {
            for model in Registry::standard().iter() {
                let _ = model.parse_subject(subject);
            }
        }
    }
}

proptest! {
    #[test]
    fn anything_at_all_is_answered(
        issuer in any::<String>(),
        subject in any::<String>(),
        claim in any::<String>(),
    ) {
        let claims = Json(json!({
            "repository": claim, "repository_id": claim, "tid": claim,
            "kubernetes.io": { "namespace": claim }, "project_path": claim,
        }));
        for model in Registry::standard().iter() {
            let _ = model.issuer(&issuer);
            let _ = model.encode("environment", &claim);
            let _ = model.identify(&issuer, &subject, &claims);
            let _ = model.identify(&issuer, "repo:a/b:ref:x", &claims);
            let _ = model.print_subject(&subject, &[(&issuer, &claim)]);
            let _ = model.forms_with(&[&subject], &[&claim]);
        }
    }

    #[test]
    fn any_text_as_a_model_is_answered(text in "(\\[\\[form\\]\\]|name|=|\"|\\{|\\}|\\n|\\PC){0,60}") {
        let _ = claimbound_issuers::Model::parse(&text);
    }
}
