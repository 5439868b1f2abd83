//! A policy proposed for one workload: the strictest that a person would still
//! want to keep.

use std::fmt::Write as _;

use anyhow::{Context as _, anyhow, bail};
use claimbound::json::{Limits, Node};
use claimbound::models::{Field, Form, Kind, Model, Need, Part, Registry, Workload};
use claimbound::token::Claims;

use crate::time;

/// The lifetime that is proposed where no token says one, in seconds.
const USUAL_LIFETIME: u64 = 900;

/// What a policy for one workload says.
#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    model: String,
    /// The issuer's URL, where it is not the model's own.
    url: Option<String>,
    audience: String,
    lifetime: u64,
    fields: Vec<Pinned>,
    /// Claims that are pinned to a value.
    claims: Vec<(Vec<String>, String)>,
}

/// One field of the subject.
#[derive(Clone, Debug)]
struct Pinned {
    name: String,
    value: String,
    id: Option<String>,
    /// Whether the id stands in the token, not in the issuer's URL alone.
    in_token: bool,
}

impl Proposal {
    /// A policy for an invented workload of this model, its first form.
    pub(crate) fn of_model(model: &Model, audience: String) -> anyhow::Result<Self> {
        let (url, is_default) = match model.default_issuer() {
            Some(url) => (url.to_owned(), true),
            None => (invented_url(model)?, false),
        };
        let form = model.forms().iter().find(|form| !form.is_custom());
        let form = form.with_context(|| format!("`{}` has no form to begin with", model.name()))?;
        let known = ids_of_parts(model, form, &url);
        let mut ids = 1001..;
        let mut fields = Vec::new();
        // A first use enrols where every id is pinned, those outside the
        // subject too.
        for kind in beside_subject(model, form) {
            let value = match named_by_url(model, kind, &url) {
                Some(name) => name,
                None => invented_name(model, form, kind)
                    .unwrap_or_else(|_| format!("my-{}", kind.name())),
            };
            let id = if kind.claim() == kind.id_claim() {
                Some(value.clone())
            } else {
                invented_id(model, form, kind, &known, &mut ids)?
            };
            fields.push(Pinned {
                name: kind.name().to_owned(),
                value,
                id,
                in_token: true,
            });
        }
        for field in model.fields_of(form) {
            fields.push(match field {
                Field::Name(kind) => Pinned {
                    name: kind.name().to_owned(),
                    value: invented_name(model, form, kind)?,
                    id: invented_id(model, form, kind, &known, &mut ids)?,
                    in_token: is_in_token(model, form, kind),
                },
                Field::Part(part) => Pinned {
                    name: part.name().to_owned(),
                    value: fixed(model, form, part).map_or_else(|| invented(part), Ok)?,
                    id: None,
                    in_token: false,
                },
            });
        }
        Ok(Self {
            model: model.name().to_owned(),
            url: (!is_default).then_some(url),
            audience,
            lifetime: USUAL_LIFETIME,
            fields,
            claims: Vec::new(),
        })
    }

    /// A policy for the workload of a token, which nobody has verified: a
    /// proposal for a person to read.
    pub(crate) fn of_claims(claims: &Claims, model: Option<&str>) -> anyhow::Result<Self> {
        let text = |name: &str| claims.get(&[name]).and_then(Node::text);
        let issuer = text("iss").context("the token has no `iss`")?;
        let subject = text("sub").context("the token has no `sub`")?;
        let registry = Registry::standard();
        let (model, workload) = match model {
            Some(name) => {
                let model = crate::issuers::model(name)?;
                let workload = model.identify(issuer, subject, claims);
                (model, workload.map_err(|refusal| anyhow!("{}", refusal.message))?)
            }
            None => registry.recognise(issuer, subject, claims).with_context(|| {
                format!("no naming model knows issuer `{issuer}` with such a subject; name one by `--model`")
            })?,
        };
        let date = |name: &str| claims.get(&[name])?.json().parse::<u64>().ok();
        let lifetime = match (date("iat"), date("exp")) {
            (Some(start), Some(end)) if end > start => end - start,
            _ => USUAL_LIFETIME,
        };
        let form = model
            .form(&workload.form)
            .context("the subject has no form")?;
        Ok(Self {
            model: model.name().to_owned(),
            url: (model.default_issuer() != Some(issuer)).then(|| issuer.to_owned()),
            audience: audience(claims)?,
            lifetime,
            fields: pinned(model, form, &workload, claims),
            claims: beside(model, form, claims),
        })
    }

    /// The document.
    pub(crate) fn document(&self, name: &str) -> String {
        let mut text = format!(
            "# What {name} trusts, and what it grants. Run its cases: claimbound test\n\
             claimbound = 1\npolicy = {{ name = {}, version = \"0.1.0\" }}\n\n\
             [issuer.main]\nmodel = {}\n",
            quoted(name),
            quoted(&self.model)
        );
        if let Some(url) = &self.url {
            line(&mut text, "url", &quoted(url));
        }
        text.push_str("\n[trust.main]\nissuer = \"main\"\n");
        line(&mut text, "audience", &quoted(&self.audience));
        line(
            &mut text,
            "token_lifetime",
            &quoted(&duration(self.lifetime)),
        );
        text.push_str("\n[trust.main.subject]\n");
        for field in &self.fields {
            let value = quoted(&field.value);
            let value = match &field.id {
                Some(id) => format!("{{ name = {value}, id = {} }}", quoted(id)),
                None => value,
            };
            line(&mut text, &quoted_key(&field.name), &value);
        }
        let single = |(path, _): &&(Vec<String>, String)| path.len() == 1;
        if self.claims.iter().any(|claim| single(&claim)) {
            text.push_str("\n[trust.main.claims]\n");
        }
        for (path, value) in self.claims.iter().filter(single) {
            line(&mut text, &quoted_key(&path.concat()), &quoted(value));
        }
        for (path, value) in self.claims.iter().filter(|claim| !single(claim)) {
            let names: Vec<_> = path.iter().map(|name| quoted(name)).collect();
            text.push_str("\n[[trust.main.nested]]\n");
            line(&mut text, "path", &format!("[{}]", names.join(", ")));
            line(&mut text, "equals", &quoted(value));
        }
        text.push_str("\n[trust.main.grant]\nroles = [\"deploy\"]\nmax_ttl = \"10m\"\n");
        text
    }

    /// What it pins, in one line for a person.
    pub(crate) fn summary(&self) -> String {
        let fields: Vec<_> = self
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        format!(
            "pins {} for {}, tokens of at most {}",
            fields.join(", "),
            self.audience,
            time::words(self.lifetime)
        )
    }

    /// Cases that the document passes.
    pub(crate) fn cases(&self) -> String {
        let mut text = "# What the policy must say of some tokens; each denial names its reason.\n\
            [token.main]\nlike = \"trust.main\"\n\n\
            [[case]]\nname = \"the workload itself\"\ntoken = \"main\"\nallow = \"main\"\n\n\
            [[case]]\nname = \"a token for another audience\"\ntoken = \"main\"\n\
            with = { aud = \"https://other.example\" }\ndeny = \"audience.mismatch\"\n"
            .to_owned();
        for field in self.fields.iter().filter(|field| field.in_token) {
            let key = quoted_key(&field.name);
            // Where the id is the name, another id is another name.
            let Some(id) = field.id.as_ref().filter(|id| **id != field.value) else {
                continue;
            };
            let _ = write!(
                text,
                "\n[[case]]\nname = {}\ntoken = \"main\"\nsubject = {{ {key} = {{ id = {} }} }}\n\
                 deny = \"subject.mismatch\"\n",
                quoted(&format!("the same {} in other hands", field.name)),
                quoted(&another(id))
            );
        }
        text
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    // Writing to a string can't fail.
    let _ = writeln!(text, "{key} = {value}");
}

/// A string in TOML's double quotes; JSON's escapes are among TOML's, but for
/// DEL, which TOML wants escaped.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

/// A key, bare where it may be.
fn quoted_key(key: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !key.is_empty() && key.bytes().all(bare) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// A duration as documents write it, in the largest unit that is exact.
fn duration(seconds: u64) -> String {
    for (length, unit) in [(3_600, "h"), (60, "m")] {
        if seconds.is_multiple_of(length) {
            return format!("{}{unit}", seconds / length);
        }
    }
    format!("{seconds}s")
}

/// The token's one audience.
fn audience(claims: &Claims) -> anyhow::Result<String> {
    let node = claims.get(&["aud"]).context("the token has no `aud`")?;
    if let Some(text) = node.text() {
        return Ok(text.to_owned());
    }
    let mut all = node.items().filter_map(Node::text);
    match (all.next(), all.next()) {
        (Some(only), None) => Ok(only.to_owned()),
        (None, _) => bail!("the token names no audience"),
        (Some(_), Some(_)) => bail!("the token names several audiences; ask its issuer for one"),
    }
}

/// The names and parts of a real subject.
fn pinned(model: &Model, form: &Form, workload: &Workload, claims: &Claims) -> Vec<Pinned> {
    let said = |name: &str, form: &Form| model.fields_of(form).any(|field| field.name() == name);
    let mut fields = Vec::new();
    for name in &workload.names {
        // A name that other forms say, and this one does not, can't be asked for.
        let nowhere = !model.forms().iter().any(|other| said(&name.kind, other));
        if said(&name.kind, form) || nowhere {
            fields.push(Pinned {
                name: name.kind.to_string(),
                value: name.name.clone(),
                id: name.id.clone(),
                in_token: model
                    .kind(&name.kind)
                    .is_some_and(|kind| is_in_token(model, form, kind)),
            });
        }
    }
    for field in model.fields_of(form) {
        if let Field::Part(part) = field {
            let value =
                plain(part, claims).or_else(|| workload.part(part.name()).map(str::to_owned));
            fields.extend(value.map(|value| Pinned {
                name: part.name().to_owned(),
                value,
                id: None,
                in_token: false,
            }));
        }
    }
    fields
}

/// The value of a part as the claim that repeats it spells it.
fn plain(part: &Part, claims: &Claims) -> Option<String> {
    claims.get(part.claim()?)?.text().map(str::to_owned)
}

/// Claims that say what subjects of the issuer's other forms would: the branch
/// beside an environment, for one. What only an organisation's own choice puts
/// into a subject is left out; most of it changes with every run.
fn beside(model: &Model, form: &Form, claims: &Claims) -> Vec<(Vec<String>, String)> {
    let in_form: Vec<_> = model.parts_of(form).map(Part::name).collect();
    let of_names: Vec<_> = model
        .forms()
        .iter()
        .flat_map(|form| {
            model
                .names()
                .iter()
                .flat_map(|kind| model.covered(form, Field::Name(kind)))
        })
        .map(Part::name)
        .collect();
    let published: Vec<_> = model
        .forms()
        .iter()
        .filter(|form| !form.is_custom())
        .flat_map(|form| model.parts_of(form).map(Part::name))
        .collect();
    model
        .parts()
        .iter()
        .filter(|part| published.contains(&part.name()))
        .filter(|part| !in_form.contains(&part.name()) && !of_names.contains(&part.name()))
        .filter_map(|part| {
            let path = part.claim()?;
            let value = plain(part, claims).filter(|value| !value.is_empty())?;
            Some((path.iter().map(ToString::to_string).collect(), value))
        })
        .collect()
}

/// The kinds of names that claims say beside the subject, and that have ids.
fn beside_subject<'m>(model: &'m Model, form: &'m Form) -> impl Iterator<Item = &'m Kind> {
    let said = |kind: &Kind| {
        model
            .fields_of(form)
            .any(|field| field.name() == kind.name())
    };
    model.names().iter().filter(move |kind| {
        let in_claims = kind.claim().is_some() && kind.id_claim().is_some();
        in_claims && kind.id_need() != Need::None && !said(kind)
    })
}

/// The name of a kind that the issuer's URL says.
fn named_by_url(model: &Model, kind: &Kind, url: &str) -> Option<String> {
    let issuer = model.issuer(url).ok()?;
    let filled = |template: &str| {
        let parts = issuer.parts().iter();
        parts.fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    };
    kind.templates()
        .map(filled)
        .find(|name| !name.contains('{'))
}

/// A value that a part may have.
fn invented(part: &Part) -> anyhow::Result<String> {
    let named = format!("my-{}", part.name().replace('_', "-"));
    let candidates = [
        named.as_str(),
        "123456",
        "11111111-2222-4333-8444-555555555555",
        "{11111111-2222-4333-8444-555555555555}",
        "0123456789abcdef0123456789abcdef01234567",
        "my.example",
    ];
    let fitting = candidates.into_iter().find(|value| part.accepts(value));
    fitting
        .map(str::to_owned)
        .with_context(|| format!("no value is known for part `{}`", part.name()))
}

/// The value that a form gives to a part by being there.
fn fixed(model: &Model, form: &Form, part: &Part) -> Option<String> {
    let template = form.template()?;
    if template.contains(&format!("{{{}}}", part.name())) {
        return None;
    }
    let filled = fill(model, template).ok()?;
    let subject = model.parse_subject(&filled).ok()?;
    subject.part(part.name()).map(str::to_owned)
}

/// A template with an invented value for each of its parts.
fn fill(model: &Model, template: &str) -> anyhow::Result<String> {
    let mut text = template.to_owned();
    for part in model.parts() {
        let place = format!("{{{}}}", part.name());
        if text.contains(&place) {
            text = text.replace(&place, &invented(part)?);
        }
    }
    Ok(text)
}

fn invented_url(model: &Model) -> anyhow::Result<String> {
    // Whoever shares an issuer with strangers says so; a first policy does not.
    let mut forms = model.issuers().iter();
    let own = forms.find(|form| !form.is_shared());
    let form = own.or(model.issuers().first());
    let form = form.with_context(|| format!("`{}` has no issuer", model.name()))?;
    fill(model, form.url())
}

fn invented_name(model: &Model, form: &Form, kind: &Kind) -> anyhow::Result<String> {
    let in_form: Vec<_> = model.parts_of(form).map(Part::name).collect();
    let known = |template: &&str| {
        let unknown = model.parts().iter().any(|part| {
            template.contains(&format!("{{{}}}", part.name())) && !in_form.contains(&part.name())
        });
        !unknown
    };
    let template = kind
        .templates()
        .find(known)
        .or_else(|| kind.templates().next());
    fill(
        model,
        template.with_context(|| format!("`{}` has no name", kind.name()))?,
    )
}

/// The ids that the subject and the issuer's URL say themselves, by kind.
fn ids_of_parts(model: &Model, form: &Form, url: &str) -> Vec<(String, String)> {
    let subject = form
        .template()
        .and_then(|template| fill(model, template).ok());
    let nothing = Claims::parse("{}", &Limits::TOKEN).ok();
    let (Some(subject), Some(nothing)) = (subject, nothing) else {
        return Vec::new();
    };
    // A model that promises ids in claims refuses, and then says none here.
    let Ok(workload) = model.identify(url, &subject, &nothing) else {
        return Vec::new();
    };
    let ids = workload.names.into_iter();
    ids.filter_map(|name| Some((name.kind.to_string(), name.id?)))
        .collect()
}

/// Whether tokens of a form hold the id behind names of a kind.
fn is_in_token(model: &Model, form: &Form, kind: &Kind) -> bool {
    kind.id_claim().is_some() || model.id_part(kind, form).is_some()
}

fn invented_id(
    model: &Model,
    form: &Form,
    kind: &Kind,
    known: &[(String, String)],
    ids: &mut impl Iterator<Item = u32>,
) -> anyhow::Result<Option<String>> {
    if let Some((_, id)) = known.iter().find(|(name, _)| name == kind.name()) {
        return Ok(Some(id.clone()));
    }
    match (kind.id_need(), model.id_part(kind, form)) {
        (Need::None, _) => Ok(None),
        (Need::Promised | Need::Optional, Some(part)) => invented(part).map(Some),
        (Need::Promised | Need::Optional, None) => Ok(ids.next().map(|id| id.to_string())),
    }
}

/// Another id of the same shape.
fn another(id: &str) -> String {
    let swapped: String = id
        .chars()
        .map(|character| match character {
            '0'..='8' => char::from_u32(u32::from(character) + 1).unwrap_or('9'),
            '9' => '1',
            'a'..='e' => 'f',
            'f' => 'a',
            other => other,
        })
        .collect();
    if swapped == id {
        format!("{id}1")
    } else {
        swapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use claimbound_language::{CaseOutcome, compile, parse_cases};

    fn passes(proposal: &Proposal) {
        let text = proposal.document("some-name");
        let compiled =
            compile("policy.toml", &text).unwrap_or_else(|findings| panic!("{text}\n{findings}"));
        let cases = parse_cases("cases.toml", &proposal.cases()).unwrap();
        cases
            .check(&compiled)
            .unwrap_or_else(|findings| panic!("{text}\n{findings}"));
        for case in &cases.cases {
            let outcome = cases.run(&compiled, case).unwrap();
            assert_eq!(outcome, CaseOutcome::Passed, "{text}\n{}", case.name.value);
        }
    }

    #[test]
    fn every_model_has_a_policy_to_begin_with_whose_cases_pass() {
        for model in Registry::standard().iter() {
            passes(&Proposal::of_model(model, "https://some.example".to_owned()).unwrap());
        }
    }

    #[test]
    fn a_real_token_pins_ids_and_what_its_subject_leaves_out() {
        let claims = r#"{
            "iss": "https://token.actions.githubusercontent.com",
            "sub": "repo:acme/infra:environment:production",
            "aud": ["https://deploy.example"], "iat": 1795428000, "exp": 1795428300,
            "repository": "acme/infra", "repository_id": "456789",
            "repository_owner": "acme", "repository_owner_id": "123456",
            "environment": "production", "ref": "refs/heads/main",
            "run_id": "77", "sha": "f7c3bc1d", "actor": "octocat", "head_ref": ""
        }"#;
        let claims = Claims::parse(claims, &Limits::TOKEN).unwrap();
        let proposal = Proposal::of_claims(&claims, None).unwrap();
        passes(&proposal);
        let text = proposal.document("acme");
        for line in [
            r#"owner = { name = "acme", id = "123456" }"#,
            r#"repository = { name = "acme/infra", id = "456789" }"#,
            r#"environment = "production""#,
            r#"ref = "refs/heads/main""#,
            r#"token_lifetime = "5m""#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(
            !text.contains("run_id") && !text.contains("octocat"),
            "{text}"
        );
    }

    #[test]
    fn text_is_quoted_as_toml_reads_it() {
        assert_eq!(quoted("a\"b\\c\n\u{7f}"), r#""a\"b\\c\n\u007f""#);
        assert_eq!(quoted_key("a-b_1"), "a-b_1");
        assert_eq!(quoted_key("a.b"), r#""a.b""#);
        assert_eq!(duration(900), "15m");
        assert_eq!(duration(7200), "2h");
        assert_eq!(duration(61), "61s");
    }
}
