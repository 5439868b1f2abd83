//! Wildcards that leave the end of a name open.

use claimbound_issuers::{Form, Kind, Model};
use claimbound_language::{Example as Token, Pattern};

use crate::budget::{Budget, Exceeded};
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::lint::written::{Written, kind_of};
use crate::shape::{self, Piece};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

/// How far a segment goes on, in characters, that can be of any length: further than
/// whatever an author spells out.
const LONG: usize = 40;

pub(super) static RULE: Rule = Rule {
    name: "prefix-wildcard",
    severity: Severity::Error,
    summary: "A wildcard stands before the end of a name: whoever registers a longer name is in.",
    why: "\
`repo:acme*` reads like \"everything of acme\" and also means `acme-evil`, which anybody can \
register. What was meant is nearly always a boundary: `repo:acme/*`, with the delimiter before the \
wildcard.

It is decided by sets, for issuers that sign for everyone. The text before the pattern's first \
wildcard is read by the naming model: where it ends inside the first segment of a name, the fault \
is there if the statement accepts a token whose name begins so and goes on before the next \
delimiter, is not one that the policy writes out, and comes with ids that the policy does not \
know. The example is such a token. Where the id of the tenant is pinned no stranger is let in, and \
nothing is found; nor where only the end of a later segment is open, as in `acme/service-*`, for \
that is up to whoever holds `acme`.

`takeover` is about names in general: it tells whether there is no end of names that a stranger \
could register, whatever the pattern looks like. This rule is about how its author meant a \
boundary, and says where the delimiter is missing; both may speak of the same pattern.",
    fix: "\
Put the delimiter before the wildcard (`repo:acme/*`), write the name out, and pin its id: `owner \
= { name = \"acme\", id = \"123456\" }`.",
    controls: &[
        Control::Nhi6,
        Control::PrAa04,
        Control::Tenet4,
        Control::TrustAgreement,
        Control::CicdSec2,
    ],
    references: &["RFC 8725 section 3.8 (Validate Issuer and Subject)"],
    accepted: &[
        Sample::of(
            r#"
# the id of the owner is pinned, whatever it is called
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = { glob = "acme*" }, id = "123456" }
repository = { glob = "acme*/infra" }
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# the delimiter stands before the wildcard, and what is open is in acme
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the ids are not known yet"
subject = { glob = "repo:acme/service-*:ref:refs/heads/main" }
"#,
        ),
        Sample::of(
            r#"
# no beginning is fixed: that is wide, and for another rule
[issuer.google]
model = "google"

[trust.main]
issuer = "google"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
danger = "every account of the domain"
subject = { regex = "[0-9]+" }
claims = { hd = "acme.example" }
"#,
        ),
        Sample::of(
            r#"
# one character is open, which another rule tells of, and not the end
[issuer.terraform]
model = "hcp-terraform"

[trust.main]
issuer = "terraform"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
danger = "the ids are not known yet"

[trust.main.subject]
organization = { regex = "acme.net" }
run_phase = "apply"
any = ["project", "workspace"]
"#,
        ),
        Sample::of(
            r#"
# nobody else is on this instance
[issuer.forge]
model = "gitlab"
url = "https://gitlab.acme.example"

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = { glob = "project_path:platform*/infra:ref_type:branch:ref:main" }
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "all of our organisations begin with acme"
subject = { glob = "repo:acme*/infra:ref:refs/heads/main" }
"#,
        ),
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "all of our organisations begin with acme"
subject = { owner = { glob = "acme*" }, ref = "refs/heads/main", any = ["repository"] }
"#,
        ),
        Sample::of(
            r#"
[issuer.builds]
model = "buildkite"

[trust.main]
issuer = "builds"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "two organisations, and all that they are called"

[trust.main.subject]
organization = { regex = "(acme|globex).*" }
ref = "refs/heads/main"
any = ["pipeline", "commit", "step"]
"#,
        ),
        Sample::of(
            r#"
[issuer.gitlab]
model = "gitlab"

[trust.main]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
danger = "every group of ours"
subject = { glob = "project_path:acme**:ref_type:branch:ref:main" }
"#,
        ),
        Sample::of(
            r#"
# a claim that repeats the name
[issuer.gitlab]
model = "gitlab"

[trust.main]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
danger = "every group of ours"
subject = { ref_type = "branch", ref = "main", any = ["project"] }
claims = { namespace_path = { glob = "acme-*" } }
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let shared = review.trusts().filter(|(stated, _)| stated.issuer.shared);
    for (stated, _) in shared {
        for written in Written::all(stated) {
            found.extend(fault(review, stated, &written));
        }
    }
    found
}

fn fault<'p>(review: &Review<'p>, stated: &Stated<'p>, written: &Written<'_>) -> Option<Finding> {
    let open = open_names(&stated.issuer.model, written);
    let (name, token) = open.into_iter().find_map(|name| {
        let has_no_end = review.computed(&RULE, stated, |budget| name.has_no_end(written, budget));
        has_no_end?.then_some(())?;
        let token = longer(review, stated, &name)?;
        Some((name, token))
    })?;
    let message = format!(
        "statement `{}` accepts every {} whose name begins with `{}`, whoever registers it",
        stated.name(),
        name.kind.name(),
        name.beginning
    );
    let finding = Finding::new(&RULE, &written.text.place, message)
        .of_statement(stated.name())
        .label(format!(
            "goes on after `{}` without a delimiter",
            name.beginning
        ))
        .shown_by(token);
    Some(finding)
}

/// A token of a longer name, with ids that the policy does not know.
fn longer<'p>(review: &Review<'p>, stated: &Stated<'p>, name: &OpenName<'_>) -> Option<Token> {
    let known = &stated.known;
    review.token(&RULE, stated, |budget| {
        let kind = name.kind.name();
        let written = Texts::of(known.names(kind), name.kind.folds_case(), budget)?;
        let others = name.longer(budget)?.minus(&written, budget)?;
        let ids = known.other_ids(&stated.issuer.model, budget.left())?;
        let mut bounds = ids.clone();
        bounds.push((Variable::Name(kind.to_owned()), Values::of_texts(others)));
        Ok(bounds)
    })
}

/// A name that a pattern fixes the beginning of, in its first segment.
struct OpenName<'m> {
    kind: &'m Kind,
    beginning: String,
    /// All of the text before the pattern's wildcard.
    before: String,
}

impl OpenName<'_> {
    /// Whether the pattern takes segments of whichever length.
    fn has_no_end(&self, written: &Written<'_>, budget: &Budget) -> Result<bool, Exceeded> {
        let long = format!("(?s)[0-9A-Za-z_-]{{{LONG}}}.*");
        let long = Pattern::regex(&long).map_err(|_| Exceeded)?;
        let long = Texts::accepted(&long.automaton, budget)?;
        let long = Texts::one(&self.before, budget)?.then(&long, budget)?;
        Ok(!written.texts(budget)?.and(&long, budget)?.is_empty())
    }

    /// The names that begin so and go on before the next delimiter.
    fn longer(&self, budget: &Budget) -> Result<Texts, Exceeded> {
        let rest = Pattern::regex("(?s)[^/:@].*").map_err(|_| Exceeded)?;
        let rest = Texts::accepted(&rest.automaton, budget)?;
        Texts::one(&self.beginning, budget)?.then(&rest, budget)
    }
}

/// The names whose first segment a pattern leaves open.
fn open_names<'m>(model: &'m Model, written: &Written<'_>) -> Vec<OpenName<'m>> {
    let beginnings = written.beginnings().into_iter();
    let named = beginnings.filter_map(|beginning| {
        if written.about == Variable::Subject {
            return open_in_subject(model, &beginning);
        }
        Some(OpenName {
            kind: kind_of(model, &written.about)?,
            before: beginning.clone(),
            beginning,
        })
    });
    named
        .filter(|name| !name.beginning.contains(['/', ':', '@']))
        .collect()
}

/// The name that ends where a subject is cut off, and what there is of it.
fn open_in_subject<'m>(model: &'m Model, beginning: &str) -> Option<OpenName<'m>> {
    let templates = model.forms().iter().flat_map(Form::segments);
    let mut cuts = templates.filter_map(|template| cut(&shape::pieces(template), beginning));
    cuts.find_map(|(part, text)| {
        let is_first = |template| {
            let pieces = shape::pieces(template);
            pieces.first().and_then(Piece::part) == Some(part.as_str())
        };
        let mut kinds = model.names().iter();
        let kind = kinds.find(|kind| kind.templates().any(is_first))?;
        Some(OpenName {
            kind,
            beginning: text,
            before: beginning.to_owned(),
        })
    })
}

/// The part inside which a text ends, read by a template, and what there is of it.
fn cut(pieces: &[Piece], text: &str) -> Option<(String, String)> {
    let mut rest = text;
    let mut pieces = pieces.iter().peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
            Piece::Part(part) => {
                let next = pieces.peek().and_then(|next| match next {
                    Piece::Literal(literal) => literal.chars().next(),
                    Piece::Part(_) => None,
                });
                let Some(end) = next.and_then(|delimiter| rest.find(delimiter)) else {
                    let is_begun = !rest.is_empty();
                    return is_begun.then(|| (part.clone(), rest.to_owned()));
                };
                rest = rest.get(end..)?;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_inside_the_part_that_no_delimiter_closes() {
        let pieces = shape::pieces("repo:{owner}/{repo}:ref:{ref}");
        let cut = |text| cut(&pieces, text);
        let ends_in = |part: &str, text: &str| Some((part.to_owned(), text.to_owned()));
        assert_eq!(cut("repo:acme"), ends_in("owner", "acme"));
        assert_eq!(cut("repo:acme/infra"), ends_in("repo", "infra"));
        for text in ["repo:", "repo:acme/", "rep", "repo:acme/infra:ref"] {
            assert_eq!(cut(text), None, "{text}");
        }
    }
}
