//! The worked example of the format's page, taken at its word.

use std::fs;
use std::path::Path;

use claimbound_issuers::Model;
use serde_json::Value;

use crate::claims::{Json, names};

/// The blocks of one language in the page.
fn blocks(page: &str, language: &str) -> Vec<String> {
    page.split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_worked_example_works() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/naming-models.md");
    let Ok(page) = fs::read_to_string(&page) else {
        eprintln!("skipped: the crate stands alone, without docs/naming-models.md");
        return;
    };
    // The custom form is an aside, about parts that the example lacks.
    let toml: Vec<_> = blocks(&page, "toml");
    let toml: Vec<_> = toml
        .iter()
        .filter(|block| !block.contains("separator"))
        .cloned()
        .collect();
    let model = Model::parse(&toml.concat()).unwrap();
    let claims: Value = serde_json::from_str(&blocks(&page, "json").concat()).unwrap();
    let issuer = claims["iss"].as_str().unwrap().to_owned();
    let subject = claims["sub"].as_str().unwrap().to_owned();
    let identify =
        |subject: &str, claims: &Value| model.identify(&issuer, subject, &Json(claims.clone()));
    let expected = [
        ("team", "red", Some("9f31"), None),
        ("app", "red/shop", Some("77c0"), Some("9f31")),
    ];
    assert_eq!(names(&identify(&subject, &claims).unwrap()), expected);
    let numbered = "team:red#9f31/app:shop#77c0/lane:release";
    assert_eq!(names(&identify(numbered, &claims).unwrap()), expected);
    assert!(model.parse_subject(numbered).unwrap().is_immutable());

    let mut other = claims.clone();
    other["lane"] = "main".into();
    assert_eq!(
        identify(&subject, &other).unwrap_err().code,
        "subject.drift"
    );
    let mut without = claims;
    without.as_object_mut().unwrap().remove("team_uid");
    assert_eq!(
        identify(&subject, &without).unwrap_err().code,
        "identity.absent"
    );
}
