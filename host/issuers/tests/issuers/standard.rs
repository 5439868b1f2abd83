//! The models that come with the crate, each as a whole.

use std::fs;
use std::path::Path;

use claimbound_issuers::{Chooser, ClaimRule, Form, IssuerForm, Kind, Model, Need, Part, Registry};

#[test]
fn every_model_parses_and_bears_its_files_name() {
    for (stem, text) in Registry::sources() {
        let model = Model::parse(text).unwrap_or_else(|error| panic!("{stem}.toml: {error}"));
        assert_eq!(model.name(), *stem);
    }
    assert_eq!(
        Registry::standard().iter().count(),
        Registry::sources().len()
    );
}

#[test]
fn the_models_asked_for_are_there() {
    for name in [
        "azure-devops",
        "bitbucket",
        "buildkite",
        "circleci",
        "entra",
        "github-actions",
        "gitlab",
        "google",
        "hcp-terraform",
        "kubernetes",
        "oidc",
        "spiffe",
    ] {
        assert!(Registry::standard().get(name).is_some(), "{name}");
    }
}

#[test]
fn every_model_says_what_it_is_and_begins_with_a_comment() {
    for model in Registry::standard().iter() {
        assert!(
            model.source().starts_with("# A naming model"),
            "{}",
            model.name()
        );
        assert!(!model.title().is_empty());
        assert!(model.documentation().len() > 80, "{}", model.name());
        let documented = model.parts().iter().map(Part::documentation);
        let documented = documented.chain(model.forms().iter().map(Form::documentation));
        let documented = documented.chain(model.names().iter().map(Kind::documentation));
        let documented = documented.chain(model.claims().iter().map(ClaimRule::documentation));
        for text in documented {
            assert!(text.ends_with(['.', ')']), "{}: `{text}`", model.name());
        }
    }
}

#[test]
fn the_copies_equal_the_source_of_truth() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (copies, source) = (root.join("models"), root.join("../../policies/issuers"));
    if !source.exists() {
        eprintln!("skipped: the crate stands alone, without policies/issuers");
        return;
    }
    let list = |folder: &Path| -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    fs::read(entry.path()).unwrap(),
                )
            })
            .collect();
        files.sort();
        files
    };
    assert!(
        list(&copies) == list(&source),
        "host/issuers/models is not a copy of policies/issuers"
    );
}

/// Adding an issuer takes a TOML file and no Rust.
#[test]
fn no_rust_of_the_crate_names_an_issuer() {
    let names = [
        "github",
        "gitlab",
        "circleci",
        "buildkite",
        "terraform",
        "hashicorp",
        "bitbucket",
        "atlassian",
        "azure",
        "kubernetes",
        "spiffe",
        "entra",
        "microsoft",
        "google",
        "vcs-",
    ];
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = 0;
    for entry in fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap().to_lowercase();
        files += 1;
        for name in names {
            assert!(!text.contains(name), "{} names `{name}`", path.display());
        }
    }
    assert!(files > 10, "the sources were found");
}

#[test]
fn what_names_the_tenant_is_chosen_by_no_outsider() {
    for model in Registry::standard().iter() {
        for kind in model.names().iter().filter(|kind| kind.is_tenant()) {
            let claims = [kind.claim(), kind.id_claim()];
            for path in claims.into_iter().flatten() {
                let rule = model.claim(path).unwrap();
                assert_eq!(
                    rule.chooser(),
                    Chooser::Issuer,
                    "{}: {path:?}",
                    model.name()
                );
            }
        }
    }
}

#[test]
fn a_shared_issuer_has_a_tenant_with_an_id() {
    for model in Registry::standard().iter() {
        if model.issuers().iter().any(IssuerForm::is_shared) {
            let tenant = model.names().iter().find(|kind| kind.is_tenant()).unwrap();
            assert_ne!(tenant.id_need(), Need::None, "{}", model.name());
        }
    }
}

#[test]
fn issuers_match_raw_and_whole() {
    let model = Registry::standard().get("github-actions").unwrap();
    let shared = |url| model.issuer(url).map(|issuer| issuer.is_shared()).ok();
    assert_eq!(
        shared("https://token.actions.githubusercontent.com"),
        Some(true)
    );
    assert_eq!(
        shared("https://token.actions.githubusercontent.com/acme"),
        Some(false)
    );
    assert_eq!(
        shared("https://git.acme.example/_services/token"),
        Some(false)
    );
    for url in [
        "https://token.actions.githubusercontent.com/",
        "http://token.actions.githubusercontent.com",
        "https://TOKEN.actions.githubusercontent.com",
        "https://token.actions.githubusercontent.com?x",
        "https://user@git.acme.example/_services/token",
        "https://git.acme.example/_services/token/",
        "https://git.acme.example/x/_services/token",
        " https://token.actions.githubusercontent.com",
        "",
    ] {
        assert_eq!(shared(url), None, "{url}");
    }
    let slug = "https://token.actions.githubusercontent.com/acme";
    assert_eq!(
        model.issuer(slug).unwrap().parts(),
        [("enterprise", "acme")]
    );
}

#[test]
fn an_issuer_listed_in_full_is_more_than_a_template() {
    let gitlab = Registry::standard().get("gitlab").unwrap();
    assert!(gitlab.issuer("https://gitlab.com").unwrap().is_shared());
    assert!(
        !gitlab
            .issuer("https://git.acme.example")
            .unwrap()
            .is_shared()
    );
    let fitting = Registry::standard().of_issuer("https://gitlab.com");
    let names: Vec<_> = fitting.iter().map(|(model, _)| model.name()).collect();
    assert_eq!(names, ["gitlab"]);
}
