//! What a statement leaves open of the run that a token is for.

use claimbound_issuers::{Chooser, ClaimType, Kind, Model, Need, Role};
use claimbound_language::engine::model::{Literal, Test};
use claimbound_language::{Example as Token, claim_at};

use crate::budget::{Budget, Exceeded};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::Rule;
use crate::lists::Lists;
use crate::region::Region;
use crate::shape;
use crate::takeover::{MEANT, accepted, workload};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

/// Something of a run by which a statement can narrow what it accepts.
#[derive(Clone, Debug)]
pub(crate) struct Narrowing {
    place: Place,
    measure: Measure,
    /// What the issuer writes there.
    usual: Values,
}

/// Where a token says it.
#[derive(Clone, Debug)]
enum Place {
    /// The claim at this path.
    Claim(Vec<String>),
    /// A part of the subject.
    Part(String),
    /// The name of this kind.
    Name(String),
    /// The id behind the name of this kind.
    Id(String),
}

/// What counts as one more value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    /// Another value.
    Value,
    /// A file of another ref or of somebody else: whoever guards the ref guards its
    /// files.
    Ref,
    /// Code of somebody else.
    Owner,
    /// Anything but `true`.
    Unprotected,
}

impl Measure {
    const fn of(role: Role) -> Self {
        match role {
            Role::Workflow => Self::Ref,
            Role::Origin => Self::Owner,
            Role::BranchProtection | Role::EnvironmentProtection => Self::Unprotected,
            Role::Branch
            | Role::RefType
            | Role::Environment
            | Role::Trigger
            | Role::Runner
            | Role::Person => Self::Value,
        }
    }
}

impl Narrowing {
    /// The claims and the parts that say one of these things of a run.
    pub(crate) fn by_roles(model: &Model, roles: &[Role]) -> Vec<Self> {
        let measured = |role: Option<Role>| role.filter(|one| roles.contains(one));
        let claims = model.claims().iter().filter_map(|claim| {
            let path = claim.path().iter().map(ToString::to_string).collect();
            Some(Self {
                place: Place::Claim(path),
                measure: Measure::of(measured(claim.role())?),
                usual: usual(claim.json_type()),
            })
        });
        let parts = model.parts().iter().filter_map(|part| {
            let role = measured(model.role_of_part(part))?;
            let place = Place::Part(part.name().to_owned());
            Some(Self::by_text(place, Measure::of(role)))
        });
        claims.chain(parts).collect()
    }

    /// The names, and the ids behind them, that somebody chooses who can push a
    /// branch or has the nearest such right.
    pub(crate) fn by_chosen_names(model: &Model) -> Vec<Self> {
        let kinds = model.names().iter();
        let chosen = kinds.filter(|kind| is_chosen(model, kind));
        let both = chosen.flat_map(|kind| {
            let name = Place::Name(kind.name().to_owned());
            let id = Place::Id(kind.name().to_owned());
            let has_id = kind.id_need() != Need::None;
            [Some(name), has_id.then_some(id)]
        });
        both.flatten()
            .map(|place| Self::by_text(place, Measure::Value))
            .collect()
    }

    fn by_text(place: Place, measure: Measure) -> Self {
        Self {
            place,
            measure,
            usual: Values::text_or_absent(),
        }
    }

    pub(crate) fn variable(&self) -> Variable {
        match &self.place {
            Place::Claim(path) => Variable::Claim(path.clone()),
            Place::Part(part) => Variable::Part(part.clone()),
            Place::Name(kind) => Variable::Name(kind.clone()),
            Place::Id(kind) => Variable::Id(kind.clone()),
        }
    }

    /// Whether a claim says it.
    pub(crate) fn is_claim(&self) -> bool {
        matches!(self.place, Place::Claim(_))
    }

    /// Whether a test leaves a few values only, which its author wrote.
    fn is_closed_by(&self, test: &Test) -> bool {
        let closes = |literals: &[Literal]| match self.measure {
            Measure::Value | Measure::Ref | Measure::Owner => true,
            Measure::Unprotected => literals
                .iter()
                .all(|one| *one == Literal::Text("true".to_owned())),
        };
        match test {
            Test::Equals(literal) => closes(std::slice::from_ref(literal)),
            Test::AnyOf(literals) => closes(literals),
            // The request's attribute is the host's own.
            Test::Contains(_) | Test::AllOf(_) | Test::Attribute(_) => true,
            Test::NoneOf(_)
            | Test::Matches(_)
            | Test::AtLeast(_)
            | Test::AtMost(_)
            | Test::Present
            | Test::Absent
            | Test::SameAs(_)
            | Test::AudienceIs(_)
            | Test::SoleAudience
            | Test::Weekly(_)
            | Test::Between(..)
            | Test::LifetimeAtMost(_)
            | Test::AgeAtMost(_) => false,
        }
    }

    /// What it has of values beyond those that are taken.
    fn beyond(&self, taken: &[String], budget: &Budget) -> Result<Values, Exceeded> {
        if self.measure == Measure::Unprotected {
            return Ok(Values::of_texts(Texts::one("false", budget)?).or_absent());
        }
        let mut left = self.usual.clone();
        for text in taken {
            let gone = match self.measure {
                Measure::Ref | Measure::Owner => alike(text, self.measure, budget)?,
                Measure::Value | Measure::Unprotected => Texts::one(text, budget)?,
            };
            left = left.minus(&Values::of_texts(gone), budget)?;
            let listed = Lists::with_all([text]);
            left = left.minus(&Values::of_lists(listed), budget)?;
        }
        Ok(left)
    }

    /// The texts that a token has there and that count.
    fn texts_of(&self, token: &Token, review: &Review<'_>) -> Vec<String> {
        if self.measure == Measure::Unprotected {
            return Vec::new();
        }
        let workload = || workload(review.policy, token);
        let found = match &self.place {
            Place::Claim(path) => {
                let value = claim_at(&token.claims, path);
                let listed = value.and_then(|value| value.as_array());
                let texts = listed.into_iter().flatten().chain(value);
                let texts = texts.filter_map(|value| value.as_str());
                return texts.map(str::to_owned).collect();
            }
            Place::Part(part) => workload().and_then(|one| one.part(part).map(str::to_owned)),
            Place::Name(kind) => workload().and_then(|one| Some(one.name(kind)?.name.clone())),
            Place::Id(kind) => workload().and_then(|one| one.name(kind)?.id.clone()),
        };
        found.into_iter().collect()
    }

    /// Whether a subject of these parts says it.
    fn is_said_by(&self, model: &Model, parts: &[(&str, &str)]) -> bool {
        match &self.place {
            Place::Part(part) => parts.iter().any(|(name, _)| name == part),
            Place::Name(kind) => model.kind(kind).is_some_and(|kind| {
                let mut templates = kind.templates().map(shape::pieces);
                templates.any(|pieces| shape::print(&pieces, parts).is_some())
            }),
            Place::Claim(_) | Place::Id(_) => false,
        }
    }
}

/// What begins like a text, up to its second `/`, which names whose it is; of a file,
/// what ends in the same ref as well.
fn alike(text: &str, measure: Measure, budget: &Budget) -> Result<Texts, Exceeded> {
    let slashes = text.match_indices('/').map(|(at, _)| at);
    let begins = slashes
        .take(2)
        .last()
        .map_or(text, |at| text.get(..=at).unwrap_or(text));
    let all = Texts::one(begins, budget)?.then(&Texts::all(), budget)?;
    match text.rsplit_once('@').filter(|_| measure == Measure::Ref) {
        None => Ok(all),
        Some((_, guarded)) => {
            let end = Texts::one(&format!("@{guarded}"), budget)?;
            all.and(&Texts::all().then(&end, budget)?, budget)
        }
    }
}

/// What an issuer writes at a claim of this type.
fn usual(json: ClaimType) -> Values {
    match json {
        ClaimType::Text => Values::text_or_absent(),
        ClaimType::Texts => Values::of_lists(Lists::all()).or_absent(),
        ClaimType::Boolean | ClaimType::Integer | ClaimType::Number | ClaimType::Json => {
            Values::all()
        }
    }
}

/// Whether names of a kind are made of something that an insider chooses, and that
/// is no role of a run.
fn is_chosen(model: &Model, kind: &Kind) -> bool {
    let pieces = kind.templates().flat_map(shape::pieces);
    let mut parts = pieces.filter_map(|piece| model.part(piece.part()?));
    parts.any(|part| part.chooser() == Chooser::Insider && model.role_of_part(part).is_none())
}

/// A token of those within bounds that a statement goes on accepting while all of
/// this has values that nobody wrote; none where some of it comes to an end, where
/// there is nothing by which to narrow, or where it is not known.
pub(crate) fn left_open<'p>(
    review: &Review<'p>,
    rule: &'static Rule,
    stated: &Stated<'p>,
    all: &[Narrowing],
    bounds: &[(Variable, Values)],
) -> Option<Token> {
    if all.is_empty() || is_closed(review, stated, all) {
        return None;
    }
    let subjects = stated.subjects().map(|mut written| {
        written.retain(|subject| !is_said(&stated.issuer.model, subject, all));
        written
    });
    if subjects.as_ref().is_some_and(Vec::is_empty) {
        return None;
    }
    let found = review.ask(rule, stated, |region, steps| {
        let search = Search {
            review,
            stated,
            region,
            all,
            bounds,
            subjects: subjects.as_deref(),
        };
        search.open(steps)
    });
    found.flatten()
}

/// Whether a condition closes some of it.
fn is_closed(review: &Review<'_>, stated: &Stated<'_>, all: &[Narrowing]) -> bool {
    stated.compiled.conditions.iter().any(|condition| {
        let variable = Variable::of(condition.source, &review.policy.program);
        let mut own = all.iter().filter(|one| Some(one.variable()) == variable);
        own.any(|one| one.is_closed_by(&condition.test))
    })
}

/// Whether a subject that is written out says some of it.
fn is_said(model: &Model, subject: &str, all: &[Narrowing]) -> bool {
    // What does not parse is accepted by no issuer.
    model.parse_subject(subject).map_or(true, |subject| {
        let parts: Vec<(&str, &str)> = subject.parts().collect();
        all.iter().any(|one| one.is_said_by(model, &parts))
    })
}

/// The search for tokens that go on.
struct Search<'a, 'p> {
    review: &'a Review<'p>,
    stated: &'a Stated<'p>,
    region: &'a Region,
    all: &'a [Narrowing],
    bounds: &'a [(Variable, Values)],
    /// The only subjects to look at.
    subjects: Option<&'a [&'p str]>,
}

impl Search<'_, '_> {
    fn open(&self, steps: u64) -> Result<Option<Token>, Exceeded> {
        let mut gone: Vec<Vec<String>> = vec![Vec::new(); self.all.len()];
        let mut first = None;
        for _ in 0..=MEANT {
            let budget = Budget::new(steps);
            let Some(token) = self.beyond(&gone, &budget)? else {
                return Ok(None);
            };
            let mut is_new = false;
            for (one, gone) in self.all.iter().zip(&mut gone) {
                let texts = one.texts_of(&token, self.review);
                is_new |= !texts.is_empty();
                gone.extend(texts);
            }
            first.get_or_insert(token);
            if !is_new {
                // It says nothing of any of it, so there is no need to go on.
                break;
            }
        }
        Ok(first)
    }

    fn beyond(&self, taken: &[Vec<String>], budget: &Budget) -> Result<Option<Token>, Exceeded> {
        let mut bounds = self.bounds.to_vec();
        if let Some(subjects) = self.subjects {
            let only = Texts::of(subjects, false, budget)?;
            bounds.push((Variable::Subject, Values::of_texts(only)));
        }
        for (one, taken) in self.all.iter().zip(taken) {
            bounds.push((one.variable(), one.beyond(taken, budget)?));
        }
        let (policy, issuer) = (self.review.policy, self.stated.issuer);
        let name = self.stated.name();
        accepted(policy, issuer, name, self.region, &bounds, budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use claimbound_language::compile;

    const ROLES: [Role; 3] = [Role::Branch, Role::BranchProtection, Role::Workflow];

    /// Whether a statement that asks this leaves branch, protection and file open.
    fn is_open(branch: &str, claims: &str) -> bool {
        let subject = format!(
            "owner = {{ name = \"acme\", id = \"123456\" }}\n\
            repository = {{ name = \"acme/infra\", id = \"456789\" }}\n{branch}"
        );
        let text = format!(
            "claimbound = 1\npolicy = {{ name = \"sample\", version = \"1.0.0\" }}\n\
            [issuer.github]\nmodel = \"github-actions\"\n[trust.main]\nissuer = \"github\"\n\
            audience = \"https://cloud.acme.example\"\ntoken_lifetime = \"5m\"\n\
            [trust.main.subject]\n{subject}\n[trust.main.claims]\n{claims}\n"
        );
        let compiled = compile("openness", &text).unwrap_or_else(|error| panic!("{error}"));
        let review = Review::new(&compiled, None, Budget::USUAL);
        let stated = review.statements.first().unwrap();
        let all = Narrowing::by_roles(&stated.issuer.model, &ROLES);
        let rule = crate::lint::rule("open-branch").unwrap();
        let token = left_open(&review, rule, stated, &all, &[]);
        assert!(review.undecided().is_empty(), "{text}");
        token.is_some()
    }

    #[test]
    fn a_pattern_of_a_few_values_comes_to_an_end() {
        for (pattern, expected) in [
            ("release-[1-8]", false),
            ("release-[1-9]", true),
            ("release-[0-9]+", true),
        ] {
            let branch = format!("ref = {{ regex = \"refs/heads/{pattern}\" }}");
            assert_eq!(is_open(&branch, ""), expected, "{pattern}");
        }
    }

    #[test]
    fn protection_is_the_text_true_and_nothing_else() {
        for (claims, expected) in [
            ("ref_protected = \"true\"", false),
            ("ref_protected = \"false\"", true),
            ("ref_protected = { none_of = [\"false\"] }", false),
            ("ref_protected = { present = true }", true),
            ("ref_protected = [\"true\", \"false\"]", true),
        ] {
            assert_eq!(is_open("any = [\"ref\"]", claims), expected, "{claims}");
        }
    }

    #[test]
    fn of_a_file_the_ref_counts() {
        for (pattern, expected) in [
            ("acme/infra/.github/workflows/*.yml@refs/heads/main", false),
            ("acme/infra/.github/workflows/deploy.yml@refs/heads/*", true),
        ] {
            let claims = format!("job_workflow_ref = {{ glob = \"{pattern}\" }}");
            assert_eq!(is_open("any = [\"ref\"]", &claims), expected, "{pattern}");
        }
    }

    #[test]
    fn the_requests_attribute_closes_what_it_is_compared_with() {
        let claims = "ref = { attribute = \"branch\" }";
        assert!(!is_open("any = [\"ref\"]", claims));
        assert!(is_open(
            "any = [\"ref\"]",
            "ref = { same_as = \"base_ref\" }"
        ));
    }
}
