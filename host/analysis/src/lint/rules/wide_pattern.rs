//! Patterns that match more than they seem to.

use claimbound_issuers::Kind;
use claimbound_language::{Example as Token, Placed, claim_at};

use crate::budget::{Budget, Exceeded};
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::regex;
use crate::lint::review::{Review, Shown, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::lint::written::{Syntax, Written, kind_of};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

pub(super) static RULE: Rule = Rule {
    name: "wide-pattern",
    severity: Severity::Error,
    summary: "A regular expression matches more than it seems to: by a dot that is not escaped, or in other letter case.",
    why: "\
In a regular expression `.` stands for any character. `acme.example` also matches `acme-example`, \
and `deploy.yml` also `deploy/yml`: whoever can register or create the other name is in, and no \
reader of the policy sees it. `(?i)` lets in other spellings of every letter, and a branch or an \
environment called `MAIN` is not the `main` that somebody protects.

It is decided by sets. The expression is read a second time as its author seems to have meant it, \
with every dot that stands before a letter or a digit escaped, or without `(?i)`; the fault is \
there if a token is accepted of which the first reading says yes and the second one no. The \
finding shows such a text.

It is an error where somebody outside could get one: the issuer signs for everyone, the pattern is \
about a name or about the whole subject, and the token is accepted with ids that the policy does \
not know. Otherwise it is a warning. The case of names that the issuer itself compares without \
case is left alone, and in a pattern over the whole subject it is a warning.",
    fix: "\
Escape the dot (`acme\\.example`), which in TOML takes a literal string in single quotes; or write \
a glob, in which a dot is a dot; or a plain list of texts. Take `(?i)` out, and write the spelling \
that the issuer writes.",
    controls: &[
        Control::Nhi6,
        Control::PrAa04,
        Control::PrAa05,
        Control::CicdSec4,
    ],
    references: &["RFC 8725 section 3.8 (Validate Issuer and Subject)"],
    accepted: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { regex = 'acme/(www|docs)\.acme\.example' }
ref = "refs/heads/main"

[trust.main.claims]
job_workflow_ref = { regex = 'acme/infra/\.github/workflows/[a-z-]+\.yml@refs/heads/main' }
"#,
        ),
        Sample::of(
            r#"
# any characters are meant, and a glob's dot is a dot
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { regex = "acme/service-.{1,20}" }
ref = "refs/heads/main"

[trust.main.claims]
job_workflow_ref = { glob = "acme/infra/.github/workflows/*.yml@refs/heads/main" }
"#,
        ),
        Sample::of(
            r#"
# the forge knows one owner only, however it is spelt
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = { regex = "(?i)acme" }, id = "123456" }
repository = { glob = "*/infra" }
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# another condition leaves one text only
[issuer.cluster]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/eu-1"

[trust.deployer]
issuer = "cluster"
audience = "https://registry.acme.example"
token_lifetime = "1h"

[trust.deployer.subject]
namespace = "release"
service-account = { name = { regex = "release/deployer.eu" }, id = "3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718" }

[[trust.deployer.nested]]
path = ["kubernetes.io", "serviceaccount", "name"]
equals = "deployer.eu"
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
# whoever registers acme-io, too
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the ids are not known yet"
subject = { regex = "repo:acme.io/infra:ref:refs/heads/main" }
"#,
        ),
        Sample::of(
            r#"
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
# another file of the repository
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"

[trust.main.claims]
job_workflow_ref = { regex = 'acme/infra/\.github/workflows/deploy.yml@refs/heads/main' }
"#,
        ),
        Sample::of(
            r#"
# a branch called Main, which nobody protects
[issuer.forge]
model = "gitlab"
url = "https://gitlab.acme.example"

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"

[trust.main.subject]
namespace = { name = "platform", id = "12" }
project = { name = "platform/infra", id = "345" }
ref_type = "branch"
ref = { regex = "(?i)main" }
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (stated, _) in review.trusts() {
        for written in Written::all(stated) {
            if written.syntax == Syntax::Regex {
                found.extend(fault(review, stated, &written));
            }
        }
    }
    found
}

/// What makes an expression wider than it seems.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Width {
    Dot,
    Case,
}

impl Width {
    const fn label(self) -> &'static str {
        match self {
            Self::Dot => "a dot stands for any character",
            Self::Case => "letters match in either case",
        }
    }
}

fn fault<'p>(review: &Review<'p>, stated: &Stated<'p>, written: &Written<'_>) -> Option<Finding> {
    [Width::Dot, Width::Case]
        .into_iter()
        .find_map(|width| one_fault(review, stated, written, width))
}

fn one_fault<'p>(
    review: &Review<'p>,
    stated: &Stated<'p>,
    written: &Written<'_>,
    width: Width,
) -> Option<Finding> {
    let kind = kind_of(&stated.issuer.model, &written.about);
    if width == Width::Case && kind.is_some_and(Kind::folds_case) {
        // The issuer knows one name only, however it is spelt.
        return None;
    }
    let wider = Wider::of(written, width)?;
    let text = review.computed(&RULE, stated, |budget| wider.example(budget))??;
    if is_name(stated, written, width)
        && let Shown::By(token) = shows(review, stated, &wider, true)
    {
        let text = wider.matched(&token).unwrap_or(text);
        return Some(finding(stated, written.text, width, &text).shown_by(*token));
    }
    let finding =
        |text: &str| finding(stated, written.text, width, text).of_severity(Severity::Warning);
    match shows(review, stated, &wider, false) {
        Shown::Never => None,
        Shown::By(token) => {
            let text = wider.matched(&token).unwrap_or(text);
            Some(finding(&text).shown_by(*token))
        }
        Shown::Perhaps => Some(finding(&text)),
    }
}

/// What is known of a token that is accepted and not meant; of one whose ids the
/// policy does not know, if it is to be a stranger's. One with a hyphen for each
/// dot is looked for first, for it reads best.
fn shows<'p>(
    review: &Review<'p>,
    stated: &Stated<'p>,
    wider: &Wider<'_>,
    is_strange: bool,
) -> Shown {
    let known = &stated.known;
    let within = |texts: &dyn Fn(&Budget) -> Result<Texts, Exceeded>| {
        review.shows(stated, |budget| {
            let about = wider.written.about.clone();
            let mut bounds = vec![(about, Values::of_texts(texts(budget)?))];
            if is_strange {
                let ids = known.other_ids(&stated.issuer.model, budget.left())?;
                bounds.extend(ids.iter().cloned());
            }
            Ok(bounds)
        })
    };
    match within(&|budget| wider.readable(budget)) {
        Shown::By(token) => Shown::By(token),
        Shown::Never | Shown::Perhaps => within(&|budget| wider.texts(budget)),
    }
}

/// An expression that matches more than is meant.
struct Wider<'w> {
    written: &'w Written<'w>,
    /// What seems to be meant.
    meant: String,
    /// The same with a hyphen where any character is matched.
    hyphens: String,
}

impl<'w> Wider<'w> {
    /// None where the expression is what is meant.
    fn of(written: &'w Written<'w>, width: Width) -> Option<Self> {
        let text = &written.text.value;
        let (places, literal, hyphen) = match width {
            Width::Dot => (regex::dots(text), r"\.", "-"),
            Width::Case => (regex::case_flags(text), "", ""),
        };
        (!places.is_empty()).then(|| Self {
            written,
            meant: regex::replaced(text, &places, literal),
            hyphens: regex::replaced(text, &places, hyphen),
        })
    }

    /// What is matched and was not meant.
    fn texts(&self, budget: &Budget) -> Result<Texts, Exceeded> {
        let meant = self.written.reading(&self.meant, budget)?;
        self.written.texts(budget)?.minus(&meant, budget)
    }

    /// Of those, the ones with hyphens.
    fn readable(&self, budget: &Budget) -> Result<Texts, Exceeded> {
        let hyphens = self.written.reading(&self.hyphens, budget)?;
        self.texts(budget)?.and(&hyphens, budget)
    }

    /// The one of those that reads best, if there is any.
    fn example(&self, budget: &Budget) -> Result<Option<String>, Exceeded> {
        match self.readable(budget)?.example() {
            Some(text) => Ok(Some(text)),
            None => Ok(self.texts(budget)?.example()),
        }
    }

    /// What a token has that is matched, where a claim says it.
    fn matched(&self, token: &Token) -> Option<String> {
        let about = &self.written.about;
        let found = if let Variable::Claim(path) = about {
            claim_at(&token.claims, path)
        } else {
            let subject = token.claims.get("sub");
            subject.filter(|_| *about == Variable::Subject)
        };
        found?.as_str().map(str::to_owned)
    }
}

/// Whether somebody outside may register what the pattern is about, if it is wider
/// in this way.
fn is_name(stated: &Stated<'_>, written: &Written<'_>, width: Width) -> bool {
    let model = &stated.issuer.model;
    let is_name = written.about == Variable::Subject || kind_of(model, &written.about).is_some();
    let folds = model.names().iter().any(Kind::folds_case);
    stated.issuer.shared && is_name && !(width == Width::Case && folds)
}

/// That a pattern also matches this text.
fn finding(stated: &Stated<'_>, pattern: &Placed<String>, width: Width, text: &str) -> Finding {
    let message = format!(
        "`{}` in statement `{}` also matches `{text}`",
        pattern.value,
        stated.name()
    );
    Finding::new(&RULE, &pattern.place, message)
        .of_statement(stated.name())
        .label(width.label())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::tests::findings;

    #[test]
    fn it_is_an_error_where_a_stranger_can_register_the_text() {
        let severities: Vec<_> = RULE
            .refused
            .iter()
            .flat_map(|sample| findings(&RULE, sample))
            .map(|finding| finding.severity())
            .collect();
        let (error, warning) = (Severity::Error, Severity::Warning);
        assert_eq!(severities, [error, error, warning, warning]);
    }

    #[test]
    fn a_text_that_is_shown_reads_like_one_that_can_be_registered() {
        let [sample, ..] = RULE.refused else {
            panic!("no sample")
        };
        let found = findings(&RULE, sample);
        assert!(found[0].message.contains("`repo:acme-io/infra:"));
        let token = found[0].example.as_ref().unwrap();
        assert_eq!(token.claims["repository_owner"], "acme-io");
    }
}
