//! Claims and subjects as the issuers document them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use claimbound_issuers::Registry;
use serde_json::Value;

use crate::claims::{Json, model, names, parts};

/// `$CLAIMBOUND_VECTORS`, else `../shared/vectors` beside the workspace.
fn cases(file: &str) -> Option<Vec<Value>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = env::var_os("CLAIMBOUND_VECTORS")
        .map_or_else(|| root.join("../shared/vectors"), PathBuf::from);
    let path = folder.join("claims").join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        eprintln!(
            "skipped: {} is absent; set CLAIMBOUND_VECTORS",
            path.display()
        );
        return None;
    };
    let document: Value = serde_json::from_str(&text).unwrap();
    Some(document["cases"].as_array().unwrap().clone())
}

type Expected = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [(
        &'static str,
        &'static str,
        Option<&'static str>,
        Option<&'static str>,
    )],
);

/// For each sample: its form, its parts, its names.
const SAMPLES: [Expected; 6] = [
    (
        "github/environment",
        "environment",
        &[
            ("owner", "octo-org"),
            ("repo", "octo-repo"),
            ("environment", "prod"),
        ],
        &[
            ("owner", "octo-org", Some("65"), None),
            ("repository", "octo-org/octo-repo", Some("74"), Some("65")),
        ],
    ),
    (
        "github/immutable-branch",
        "immutable-ref",
        &[
            ("owner", "octo-org"),
            ("owner_id", "123456"),
            ("repo", "octo-repo"),
            ("repo_id", "456789"),
            ("ref", "refs/heads/main"),
        ],
        &[
            ("owner", "octo-org", Some("123456"), None),
            (
                "repository",
                "octo-org/octo-repo",
                Some("456789"),
                Some("123456"),
            ),
        ],
    ),
    (
        "gitlab/branch",
        "project-path",
        &[
            ("project_path", "my-group/my-project"),
            ("ref_type", "branch"),
            ("ref", "feature-branch-1"),
        ],
        &[
            ("namespace", "my-group", Some("72"), None),
            ("project", "my-group/my-project", Some("20"), Some("72")),
        ],
    ),
    (
        "buildkite/default",
        "default",
        &[
            ("organization", "acme-inc"),
            ("pipeline", "super-duper-app"),
            ("ref", "refs/heads/main"),
            ("commit", "9f3182061f1e2cca4702c368cbc039b7dc9d4485"),
            ("step", "build"),
        ],
        &[
            ("organization", "acme-inc", None, None),
            (
                "pipeline",
                "acme-inc/super-duper-app",
                None,
                Some("acme-inc"),
            ),
        ],
    ),
    (
        "hcp-terraform/workspace",
        "workspace",
        &[
            ("organization", "my-org"),
            ("project", "Default Project"),
            ("workspace", "my-workspace"),
            ("run_phase", "apply"),
        ],
        &[
            ("organization", "my-org", Some("org-GRNbCjYNpBB6NEH9"), None),
            (
                "project",
                "my-org/Default Project",
                Some("prj-vegSA59s1XPwMr2t"),
                Some("org-GRNbCjYNpBB6NEH9"),
            ),
            (
                "workspace",
                "my-org/my-workspace",
                Some("ws-mbsd5E3Ktt5Rg2Xm"),
                Some("prj-vegSA59s1XPwMr2t"),
            ),
        ],
    ),
    (
        "kubernetes/bound-pod",
        "service-account",
        &[("namespace", "kube-system"), ("name", "coredns")],
        &[
            ("namespace", "kube-system", None, None),
            (
                "service-account",
                "kube-system/coredns",
                Some("a087d5a0-e1dd-43ec-93ac-f13d89cd13af"),
                Some("kube-system"),
            ),
        ],
    ),
];

#[test]
fn each_sample_is_recognised_with_its_parts_and_names() {
    let Some(cases) = cases("samples.json") else {
        return;
    };
    assert_eq!(
        cases.len(),
        SAMPLES.len(),
        "every sample has its expectation"
    );
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        let (_, form, expected_parts, expected_names) =
            SAMPLES.iter().find(|(other, ..)| *other == id).expect(id);
        let claims = Json(case["claims"].clone());
        let issuer = claims.0["iss"].as_str().unwrap();
        let subject = claims.0["sub"].as_str().unwrap();
        let (model, workload) = Registry::standard()
            .recognise(issuer, subject, &claims)
            .expect(id);
        assert_eq!(Some(model.name()), case["provider"].as_str(), "{id}");
        assert_eq!(&*workload.form, *form, "{id}");
        assert_eq!(parts(&workload), *expected_parts, "{id}");
        assert_eq!(names(&workload), *expected_names, "{id}");
        for (name, value) in claims.0.as_object().unwrap() {
            let rule = model
                .claim(&[name])
                .unwrap_or_else(|| panic!("{id}: `{name}` is unknown"));
            assert!(
                fits(rule.json_type(), value),
                "{id}: `{name}` is no {:?}",
                rule.json_type()
            );
        }
    }
}

fn fits(json: claimbound_issuers::ClaimType, value: &Value) -> bool {
    use claimbound_issuers::ClaimType;
    match json {
        ClaimType::Text => value.is_string(),
        ClaimType::Boolean => value.is_boolean(),
        ClaimType::Integer => value.is_i64(),
        ClaimType::Number => value.is_number(),
        ClaimType::Texts => value.is_array(),
        ClaimType::Json => true,
    }
}

#[test]
fn each_documented_subject_parses_and_prints_back() {
    let Some(cases) = cases("sub_formats.json") else {
        return;
    };
    for case in &cases {
        let provider = case["provider"].as_str().unwrap();
        let model = model(provider.split(' ').next().unwrap());
        let text = match case["example"].as_str() {
            Some(example) => example.to_owned(),
            None => fill(case["syntax"].as_str().unwrap()),
        };
        let subject = model
            .parse_subject(&text)
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(!subject.form().is_custom(), "{text}");
        let parts: Vec<_> = subject.parts().collect();
        let printed = model.print_subject(subject.form().name(), &parts);
        assert_eq!(printed.as_deref(), Ok(text.as_str()));
    }
}

/// A syntax of `<placeholders>` with UUIDs in them.
fn fill(syntax: &str) -> String {
    let mut text = String::new();
    for piece in syntax.split('<') {
        match piece.split_once('>') {
            Some((_, literal)) => {
                text.push_str("0a1b2c3d-0000-4000-8000-00112233aabb");
                text.push_str(literal);
            }
            None => text.push_str(piece),
        }
    }
    text
}
