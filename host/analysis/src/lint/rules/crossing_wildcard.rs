//! Wildcards that cross a delimiter.

use claimbound_language::Pattern;

use crate::budget::{Budget, Exceeded};
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::{Review, Shown, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::lint::written::{Syntax, Written, id_of};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

/// What stands between the parts of a subject, or the segments of a name.
const DELIMITERS: [char; 3] = ['/', ':', '@'];
/// How many more delimiters than its author wrote a pattern has to take before
/// it is sure to take any number of them.
const MORE: usize = 4;
/// How many delimiters of one kind are counted.
const MOST: usize = 60;

pub(super) static RULE: Rule = Rule {
    name: "crossing-wildcard",
    severity: Severity::Warning,
    summary: "A wildcard crosses the delimiters of what it is asked of, and takes more segments than it stands for.",
    why: "\
A subject is a list of parts, and what stands between them is all that keeps one part from being \
read as another. `**`, and `.*` in a regular expression, take delimiters as well. A pattern of \
CircleCI's documentation ends in `…/vcs-origin/github.com/my-org/*/vcs-ref/refs/heads/main`: where its \
star crosses everything, it also takes a branch that is called `x/vcs-ref/refs/heads/main`. \
Likewise `repo:acme/infra:**` takes every branch, every environment and every pull request.

It is decided by sets. A pattern is found if some of the texts that it matches have four \
delimiters (`:`, `/` or `@`, where the naming model has them in its subjects) more than its author \
wrote, which a wildcard inside its segment never has, and if the statement accepts a token of a \
text with more delimiters than were written. The example is such a token. In a pattern over a \
name, a part or a claim, a wildcard at the very end after a delimiter is the usual way to say \
\"and all below\" (`refs/heads/release/**`) and is left out of account; at the end of a pattern \
over the whole subject it opens every context, and is found.",
    fix: "\
Use `*`, which stays inside its segment, or `[^/:@]+` in a regular expression; or name the parts \
in a `subject` table, in which each is compared by itself: `subject = { owner = …, repository = …, \
ref = \"refs/heads/main\" }`.",
    controls: &[
        Control::Nhi6,
        Control::PrAa04,
        Control::PrAa05,
        Control::CicdSec5,
    ],
    references: &["RFC 8725 section 3.8 (Validate Issuer and Subject)"],
    accepted: &[
        Sample::of(
            r#"
# all below a prefix, in a part and in a claim
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = { glob = "refs/heads/release/**" }

[trust.main.claims]
job_workflow_ref = { regex = 'acme/infra/\.github/workflows/.*' }
"#,
        ),
        Sample::of(
            r#"
# a star stays inside its segment
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the ids are not known yet"
subject = { glob = "repo:acme/*:ref:refs/heads/*" }
"#,
        ),
        Sample::of(
            r#"
# every subgroup
[issuer.forge]
model = "gitlab"
url = "https://gitlab.acme.example"

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"

[trust.main.subject]
project = { glob = "platform/**" }
ref_type = "branch"
ref = "main"
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
# also a branch that is called x/vcs-ref/refs/heads/main
[issuer.circle]
model = "circleci"
url = "https://oidc.circleci.com/org/3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718"

[trust.main]
issuer = "circle"
audience = "3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718"
token_lifetime = "1h"

[trust.main.subject]
regex = 'org/3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718/project/51b6e0c4-93a7-4c1f-b0de-8d6a2f7e4410/user/.*/vcs-origin/github\.com/my-org/.*/vcs-ref/refs/heads/main'
"#,
        ),
        Sample::of(
            r#"
# every context
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the ids are not known yet"
subject = { glob = "repo:acme/infra:**" }
"#,
        ),
        Sample::of(
            r#"
# every namespace, and every account in it
[issuer.cluster]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/eu-1"

[trust.deployer]
issuer = "cluster"
audience = "https://registry.acme.example"
token_lifetime = "1h"
subject = { glob = "system:serviceaccount:**" }
"#,
        ),
        Sample::of(
            r#"
# every project below, every branch that ends alike
[issuer.gitlab]
model = "gitlab"

[trust.main]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
danger = "the ids are not known yet"
subject = { regex = "project_path:acme/.*:ref_type:branch:ref:.*main" }
"#,
        ),
        Sample::of(
            r#"
# a directory of anybody's choice between
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = { glob = "refs/heads/**/production" }
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (stated, _) in review.trusts() {
        for written in Written::all(stated) {
            found.extend(fault(review, stated, &written));
        }
    }
    found
}

fn fault<'p>(review: &Review<'p>, stated: &Stated<'p>, written: &Written<'_>) -> Option<Finding> {
    let model = &stated.issuer.model;
    // An id has no segments; what is wrong with it is another rule's.
    let judged = Judged::of(written).filter(|_| id_of(model, &written.about).is_none())?;
    let mut delimiters = DELIMITERS.into_iter().filter(|one| model.delimits(*one));
    let (delimiter, shown) = delimiters.find_map(|delimiter| {
        let repeats = review.computed(&RULE, stated, |budget| judged.repeats(delimiter, budget));
        repeats?.then_some(())?;
        let shown = review.shows(stated, |budget| {
            let texts = Values::of_texts(judged.crossing(delimiter, budget)?);
            Ok(vec![(written.about.clone(), texts)])
        });
        (!matches!(shown, Shown::Never)).then_some((delimiter, shown))
    })?;
    let message = format!(
        "a wildcard of `{}` in statement `{}` crosses `{delimiter}`",
        written.text.value,
        stated.name()
    );
    let finding = Finding::new(&RULE, &written.text.place, message)
        .of_statement(stated.name())
        .label(format!("takes more `{delimiter}` than are written"));
    Some(match shown {
        Shown::By(token) => finding.shown_by(*token),
        Shown::Never | Shown::Perhaps => finding,
    })
}

/// What of a pattern is judged.
struct Judged<'w> {
    written: &'w Written<'w>,
    /// Its text: without a wildcard that stands at its end, after a delimiter, unless
    /// it is about the whole subject.
    text: &'w str,
}

impl<'w> Judged<'w> {
    /// None where nothing can cross.
    fn of(written: &'w Written<'w>) -> Option<Self> {
        let whole = written.text.value.as_str();
        let ends: &[&str] = match written.syntax {
            Syntax::Glob => &["**"],
            Syntax::Regex => &[".*", ".+"],
        };
        let before = ends.iter().find_map(|end| whole.strip_suffix(end));
        let is_usual = |before: &&str| before.is_empty() || before.ends_with(DELIMITERS);
        let text = match before.filter(is_usual) {
            Some(before) if written.about != Variable::Subject => before,
            Some(_) | None => whole,
        };
        let can_cross = match written.syntax {
            Syntax::Glob => text.contains("**"),
            Syntax::Regex => text.contains(['*', '+', '{']),
        };
        can_cross.then_some(Self { written, text })
    }

    /// Whether some of what is matched has so many delimiters that any number fits.
    fn repeats(&self, delimiter: char, budget: &Budget) -> Result<bool, Exceeded> {
        let many = self.with(delimiter, MORE, budget)?;
        let matched = self.written.reading(self.text, budget)?;
        Ok(!matched.and(&many, budget)?.is_empty())
    }

    /// What the pattern matches that has more delimiters than its author wrote, and
    /// not two of them together unless they were written so.
    fn crossing(&self, delimiter: char, budget: &Budget) -> Result<Texts, Exceeded> {
        let more = self.with(delimiter, 1, budget)?;
        let mut crossing = self
            .written
            .reading(self.text, budget)?
            .and(&more, budget)?;
        let pair = format!("{delimiter}{delimiter}");
        if !self.text.contains(&pair) {
            let empty = texts(&format!("(?s).*{pair}.*"), budget)?;
            crossing = crossing.minus(&empty, budget)?;
        }
        if self.text == self.written.text.value {
            return Ok(crossing);
        }
        let whole = self.written.texts(budget)?;
        crossing.then(&Texts::all(), budget)?.and(&whole, budget)
    }

    /// The texts with so many more delimiters than were written.
    fn with(&self, delimiter: char, more: usize, budget: &Budget) -> Result<Texts, Exceeded> {
        let many = self.text.matches(delimiter).count() + more;
        if many > MOST {
            return Err(Exceeded);
        }
        texts(
            &format!("(?s)(?:[^{delimiter}]*{delimiter}){{{many}}}.*"),
            budget,
        )
    }
}

fn texts(regex: &str, budget: &Budget) -> Result<Texts, Exceeded> {
    let pattern = Pattern::regex(regex).map_err(|_| Exceeded)?;
    Texts::accepted(&pattern.automaton, budget)
}
