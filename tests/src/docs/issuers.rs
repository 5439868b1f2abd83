//! The page of issuers, made from their naming models.

use std::fmt::Write as _;

use claimbound_issuers::{ClaimType, Field, Model, Need, Part, Registry};

const INTRODUCTION: &str = "\
# Issuers

<!-- generated from policies/issuers: run the tests with CLAIMBOUND_UPDATE=1 -->

What each naming model knows: the URLs of its issuers, what a policy's `subject` may name, the forms \
of a subject, and the claims. A policy names a model in `[issuer.NAME]`. How a model is written is in \
[naming models](naming-models.md).

*Who chooses* a value, in a token that still carries the tenant's ids: **issuer**, nobody but the \
issuer or an administrator; **insider**, whoever can push a branch; **outsider**, anybody with an \
account. A condition on what an outsider chooses holds nobody back.
";

/// The whole page.
pub(super) fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for model in Registry::standard().iter() {
        section(&mut page, model);
    }
    page
}

fn section(page: &mut String, model: &Model) {
    let (name, title) = (model.name(), model.title());
    write!(
        page,
        "\n## `{name}`: {title}\n\n{}\n",
        model.documentation().trim()
    )
    .unwrap();
    write!(page, "\nSigned with {}.", code(model.algorithms())).unwrap();
    for issuer in model.issuers() {
        let shared = if issuer.is_shared() {
            ", shared by everyone"
        } else {
            ""
        };
        let usual = if issuer.is_default() {
            ", used where a policy gives no `url`"
        } else {
            ""
        };
        write!(page, "\n- `{}`{shared}{usual}", issuer.url()).unwrap();
    }
    page.push_str("\n\n| in `subject` | id | claims | who chooses | |\n|---|---|---|---|---|\n");
    for field in model.fields() {
        page.push_str(&row(field));
    }
    page.push_str("\n| form | subject |\n|---|---|\n");
    for form in model.forms() {
        let parts: Vec<&str> = model.fields_of(form).map(|field| field.name()).collect();
        let subject = form.template().map_or_else(
            || "chosen by the organisation".to_owned(),
            |template| format!("`{template}`"),
        );
        writeln!(page, "| `{}` | {subject}: {} |", form.name(), code(&parts)).unwrap();
    }
    let claims = model
        .claims()
        .iter()
        .filter(|claim| !claim.documentation().is_empty());
    page.push_str("\n| claim | type | who chooses | |\n|---|---|---|---|\n");
    for claim in claims {
        let immutable = if claim.is_immutable() {
            "**Immutable.** "
        } else {
            ""
        };
        writeln!(
            page,
            "| {} | {} | {} | {immutable}{} |",
            path(claim.path()),
            json_type(claim.json_type()),
            claim.chooser(),
            sentence(claim.documentation()),
        )
        .unwrap();
    }
    for fetch in model.fetches() {
        let (name, documentation) = (fetch.name(), fetch.documentation());
        write!(
            page,
            "\n`claimbound token fetch` knows it as `{name}`. {documentation}\n"
        )
        .unwrap();
    }
}

fn row(field: Field<'_>) -> String {
    let (id, claims, chooser) = match field {
        Field::Name(kind) => {
            let id = match kind.id_need() {
                Need::Promised => "always",
                Need::Optional => "by settings",
                Need::None => "none",
            };
            let claims: Vec<String> = [kind.claim(), kind.id_claim()]
                .into_iter()
                .flatten()
                .map(path)
                .collect();
            (id, claims.join(", "), String::new())
        }
        Field::Part(part) => {
            let claim = Part::claim(part).map(path).unwrap_or_default();
            ("", claim, part.chooser().to_string())
        }
    };
    let words = sentence(field.documentation());
    format!(
        "| `{}` | {id} | {claims} | {chooser} | {words} |\n",
        field.name()
    )
}

/// A path as a policy writes it: a name, or a list of names.
fn path(path: &[Box<str>]) -> String {
    match path {
        [one] => format!("`{one}`"),
        names => format!("`{names:?}`"),
    }
}

fn code<S: AsRef<str>>(words: &[S]) -> String {
    let words: Vec<_> = words
        .iter()
        .map(|word| format!("`{}`", word.as_ref()))
        .collect();
    words.join(", ")
}

/// Text that stands in a table.
fn sentence(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

const fn json_type(json: ClaimType) -> &'static str {
    match json {
        ClaimType::Text => "string",
        ClaimType::Boolean => "boolean",
        ClaimType::Integer => "integer",
        ClaimType::Number => "number",
        ClaimType::Texts => "list of strings",
        ClaimType::Json => "JSON",
    }
}
