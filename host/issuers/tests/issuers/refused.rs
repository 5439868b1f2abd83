//! Models that can't be taken, and what their errors say.

use claimbound_issuers::Model;

const GOOD: &str = r#"name = "depot"
title = "Depot"
documentation = "Invented."
[tokens]
algorithms = ["RS256"]
types = ["JWT"]
[[issuer]]
url = "https://depot.example"
shared = true
[[part]]
name = "team"
documentation = "The team."
excludes = ":"
chooser = "issuer"
[[part]]
name = "lane"
documentation = "The lane."
chooser = "insider"
[[form]]
name = "lane"
documentation = "Always."
subject = "{team}:{lane}"
[[kind]]
name = "team"
documentation = "The team."
templates = ["{team}"]
claim = ["team"]
id = { need = "promised", claim = ["team_id"] }
[[claim]]
path = ["team"]
type = "text"
chooser = "issuer"
documentation = "The team."
[[claim]]
path = ["team_id"]
type = "text"
immutable = true
chooser = "issuer"
documentation = "Its id."
"#;

/// Each change of one text in the good model, and a piece of the error.
const BAD: &[(&str, &str, &str)] = &[
    ("title = ", "titel = ", "titel"),
    (
        "chooser = \"issuer\"\n[[part]]",
        "chooser = \"boss\"\n[[part]]",
        "boss",
    ),
    ("shared = true", "", "shared"),
    (
        "name = \"depot\"",
        "name = \"De pot\"",
        "`De pot` is no name",
    ),
    ("RS256", "HS256", "`HS256`"),
    ("RS256", "none", "`none`"),
    ("[\"RS256\"]", "[]", "allows no algorithm"),
    ("[\"JWT\"]", "[]", "no type"),
    ("[\"JWT\"]", "[\"DPoP+JWT\"]", "no type of token"),
    ("https://depot.example", "http://depot.example", "https"),
    ("https://depot.example", "https://", "host"),
    (
        "https://depot.example",
        "https://DEPOT.example",
        "lower case",
    ),
    ("https://depot.example", "https://u@depot.example", "user"),
    ("https://depot.example", "https://depot.example?x", "query"),
    (
        "https://depot.example",
        "https://depot.example/{team}\"\ndefault = true #",
        "no parts",
    ),
    (
        "https://depot.example",
        "https://depot.example/{lane}/x",
        "certain|ends it",
    ),
    (
        "subject = \"{team}:{lane}\"",
        "subject = \"{team}:{road}\"",
        "no part `road`",
    ),
    (
        "subject = \"{team}:{lane}\"",
        "subject = \"{team}{lane}\"",
        "two parts touch",
    ),
    (
        "subject = \"{team}:{lane}\"",
        "subject = \"{team}:{team}\"",
        "occurs twice",
    ),
    (
        "subject = \"{team}:{lane}\"",
        "subject = \"{lane}:{team}\"",
        "ambiguous = true",
    ),
    (
        "subject = \"{team}:{lane}\"",
        "subject = \"{team}:{lane\"",
        "not closed",
    ),
    (
        "subject = \"{team}:{lane}\"",
        "subject = \"{team}:}{lane}\"",
        "brace",
    ),
    ("subject = \"{team}:{lane}\"", "subject = \"\"", "empty"),
    (
        "subject = \"{team}:{lane}\"",
        "subject = \"{team}:x\"",
        "no issuer has part `lane`",
    ),
    ("subject = \"{team}:{lane}\"", "", "either a subject"),
    (
        "{team}:{lane}\"",
        "{team}:{lane}\"\nambiguous = true",
        "can't be ambiguous",
    ),
    (
        "{team}:{lane}\"",
        "{team}:{lane}\"\nfixed = { lane = \"x\" }",
        "occurs twice",
    ),
    (
        "{team}:{lane}\"",
        "{team}:{lane}\"\nfixed = { road = \"x\" }",
        "no part `road`",
    ),
    (
        "subject = \"{team}:{lane}\"",
        "separator = \":\"\nclaims = [\"road\"]",
        "no [[claim]] `road`",
    ),
    (
        "subject = \"{team}:{lane}\"",
        "separator = \"::\"\nclaims = [\"team\"]",
        "one character",
    ),
    (
        "subject = \"{team}:{lane}\"",
        "separator = \":\"",
        "at least one",
    ),
    (
        "subject = \"{team}:{lane}\"",
        "separator = \":\"\nsegments = [{ subject = \"x:{lane}\" }]\nclaims = [\"team\"]",
        "exclude that character",
    ),
    ("excludes = \":\"", "excludes = \"é:\"", "ASCII"),
    (
        "excludes = \":\"",
        "excludes = \":\"\nclaim_required = true",
        "names none",
    ),
    (
        "excludes = \":\"",
        "excludes = \":\"\nclaim = [\"road\"]",
        "no [[claim]] `road`",
    ),
    (
        "name = \"lane\"\ndocumentation = \"The lane.\"",
        "name = \"team\"\ndocumentation = \"x\"",
        "twice",
    ),
    (
        "templates = [\"{team}\"]",
        "templates = [\"{lane}\"]",
        "doesn't name the part",
    ),
    (
        "templates = [\"{team}\"]",
        "templates = [\"{lane}/{team}\"]",
        "certain end",
    ),
    (
        "templates = [\"{team}\"]",
        "templates = [\"team\"]",
        "certain end",
    ),
    (
        "claim = [\"team_id\"]",
        "claim = [\"team\"]",
        "not immutable",
    ),
    (
        "need = \"promised\", claim = [\"team_id\"]",
        "need = \"promised\"",
        "unless its need",
    ),
    ("need = \"promised\"", "need = \"none\"", "unless its need"),
    ("need = \"promised\"", "need = \"sometimes\"", "sometimes"),
    (
        "need = \"promised\"",
        "parts = [\"road\"], need = \"promised\"",
        "no part `road`",
    ),
    (
        "templates = [\"{team}\"]",
        "parent = \"firm\"",
        "no kind `firm`",
    ),
    (
        "templates = [\"{team}\"]",
        "not_in = [\"road\"]\ntemplates = [\"{team}\"]",
        "no form `road`",
    ),
    ("path = [\"team\"]", "path = []", "path"),
    (
        "path = [\"team_id\"]",
        "path = [\"team\"]",
        "described twice",
    ),
    (
        "path = [\"team\"]\ntype = \"text\"",
        "path = [\"team\"]\ntype = \"integer\"",
        "is no text",
    ),
];

#[test]
fn the_good_model_is_good() {
    Model::parse(GOOD).unwrap();
}

#[test]
fn each_mistake_is_told_with_its_place() {
    for (from, to, message) in BAD {
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replacen(from, to, 1);
        let Err(error) = Model::parse(&text) else {
            panic!("taken: {to}")
        };
        let fits = message
            .split('|')
            .any(|message| error.message.contains(message));
        assert!(fits, "{to}: {error}");
        assert!(
            text.get(error.span.clone()).is_some(),
            "{to}: {:?}",
            error.span
        );
        assert!(
            error.line >= 1 && error.line <= text.lines().count(),
            "{to}: {error}"
        );
    }
}

#[test]
fn the_place_is_that_of_the_mistake() {
    let text = GOOD.replacen("{team}:{lane}", "{team}:{road}", 1);
    let error = Model::parse(&text).unwrap_err();
    assert_eq!((error.line, error.column), (22, 11));
    assert_eq!(text.get(error.span), Some("\"{team}:{road}\""));
}

#[test]
fn a_model_has_bounds() {
    let long = format!("# {}\n{GOOD}", "x".repeat(1 << 18));
    assert!(Model::parse(&long).unwrap_err().message.contains("longer"));
    let deep = format!("x = {}", "[".repeat(50_000));
    assert!(Model::parse(&deep).is_err());
    let pieces = format!("{{team}}:{}", "{lane}:".repeat(100));
    assert!(Model::parse(&GOOD.replace("{team}:{lane}", &pieces)).is_err());
    let issuer = |index| {
        format!(
            "[[issuer]]
url = \"https://d{index}.example\"
shared = true
"
        )
    };
    let issuers = (0..300).map(issuer).collect::<Vec<_>>().concat();
    let error = Model::parse(&format!("{GOOD}{issuers}")).unwrap_err();
    assert!(error.message.contains("issuers"), "{error}");
}
