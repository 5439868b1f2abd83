//! The issuers that the tokens of a case file come from: a document's, or those
//! that the tokens name themselves.

use claimbound_issuers::Registry;
use serde_json::Value as Json;

use super::{Case, Cases, DerivedToken, TokenRecipe};
use crate::compile::{self, Compiled, IssuerSummary};
use crate::diagnostic::Sink;
use crate::document::Issuer;
use crate::fields::{Fields, Placed};
use crate::rule::Rule;
use crate::tree::Place;

/// The issuer of a token that is written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIssuer {
    /// Its URL.
    pub url: Placed<String>,
    /// The name of its naming model, which there is.
    pub model: Placed<String>,
}

impl TokenIssuer {
    /// The issuer that a token names by `issuer`, `model` or both.
    pub(super) fn read(
        fields: &Fields<'_>,
        name: &Placed<String>,
        sink: &mut Sink,
    ) -> Option<Self> {
        let url = fields.text("issuer", sink);
        let model = match (fields.text("model", sink), &url) {
            (Some(model), _) => model,
            (None, Some(url)) => own_model(url, sink)?,
            (None, None) => return None,
        };
        let alias = name.clone();
        let place = url.as_ref().map_or(&model.place, |url| &url.place).clone();
        let issuer = Issuer { alias, model, url };
        let summary = compile::issuer(Registry::standard(), &issuer, sink)?;
        Some(Self {
            url: Placed::new(summary.url, &place),
            model: issuer.model,
        })
    }

    fn summary(&self) -> Option<IssuerSummary> {
        summary(&self.url.value, &self.model.value)
    }
}

/// The one model that knows this URL as its own.
fn own_model(url: &Placed<String>, sink: &mut Sink) -> Option<Placed<String>> {
    let model = model_of(&url.value);
    if model.is_none() {
        let message = format!("`{}` is no naming model's own issuer", url.value);
        sink.error(Rule::MissingKey, &url.place, message)
            .hint("say how its subjects are read by `model`");
    }
    Some(Placed::new(model?, &url.place))
}

fn model_of(url: &str) -> Option<String> {
    match Registry::standard().of_issuer(url).as_slice() {
        [(model, found)] if found.is_exact() => Some(model.name().to_owned()),
        _ => None,
    }
}

fn summary(url: &str, model: &str) -> Option<IssuerSummary> {
    let model = Registry::standard().get(model)?;
    Some(IssuerSummary {
        alias: url.to_owned(),
        url: url.to_owned(),
        shared: model.issuer(url).ok()?.is_shared(),
        model: std::sync::Arc::clone(model),
    })
}

/// What is known of issuers while a file's tokens are made.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// The document that the file stands beside, where there is one.
    pub(super) compiled: Option<&'a Compiled>,
    /// The file.
    pub(super) cases: &'a Cases,
}

impl Known<'_> {
    /// The issuer of that URL.
    pub(super) fn find(&self, url: &str) -> Option<IssuerSummary> {
        let own = self.compiled.and_then(|compiled| compiled.issuer(url));
        own.cloned().or_else(|| {
            let mut named = self.cases.tokens.iter();
            named.find_map(|(_, recipe)| self.of(recipe).filter(|one| one.url == url))
        })
    }

    /// The issuer that a token is from by its own words.
    pub(super) fn of(&self, recipe: &TokenRecipe) -> Option<IssuerSummary> {
        if let Some(issuer) = &recipe.issuer {
            return issuer.summary();
        }
        if self.compiled.is_some() || recipe.like.is_some() {
            return None;
        }
        let url = recipe.change.with.get("iss").and_then(Json::as_str)?;
        summary(url, &model_of(url)?)
    }

    /// Why the issuer of that URL is not known.
    pub(super) fn unknown(&self, url: &str) -> String {
        match self.compiled {
            Some(_) => format!("issuer `{url}` is not one of the document's"),
            None => format!("no token of the file names issuer `{url}`"),
        }
    }
}

impl Cases {
    /// The issuer that a host would take a case's token to come from: the one that
    /// it names, where the document, or without a document a token of the file,
    /// knows it, else one that has not signed it.
    pub fn issuer(
        &self,
        compiled: Option<&Compiled>,
        case: &Case,
        token: &DerivedToken,
    ) -> Option<IssuerSummary> {
        let url = token.claims.get("iss").and_then(Json::as_str);
        let url = url.unwrap_or_default();
        if let Some(compiled) = compiled {
            let found = compiled.issuer(url).or_else(|| compiled.issuers.first());
            return found.cloned();
        }
        let known = Known {
            compiled,
            cases: self,
        };
        known.find(url).or_else(|| known.of(self.recipe(case)?))
    }
}

/// Refuses a token that reads an issuer in another way than the document does.
pub(super) fn check_model(compiled: &Compiled, issuer: &TokenIssuer, sink: &mut Sink) {
    let own = compiled.issuer(&issuer.url.value);
    let other = own.filter(|own| own.model.name() != issuer.model.value);
    if let Some(own) = other {
        let message = format!(
            "the document reads issuer `{}` by `{}`, and the token by `{}`",
            own.url,
            own.model.name(),
            issuer.model.value
        );
        sink.error(Rule::Case, &issuer.model.place, message);
    }
}

/// Refuses what only a document could say.
pub(super) fn check_alone(
    known: Known<'_>,
    name: &Placed<String>,
    recipe: &TokenRecipe,
    sink: &mut Sink,
) {
    const WHOLE: &str = "say the token whole: `issuer`, `model`, `audience` and `claims`";
    let refuse = |place: &Place, message: String, sink: &mut Sink| {
        sink.error(Rule::Case, place, message).hint(WHOLE);
    };
    if let Some(like) = &recipe.like {
        let message = "`like` needs a verified policy document, and there is none";
        refuse(&like.place, message.to_owned(), sink);
    } else if known.of(recipe).is_none() {
        let message = format!(
            "nothing says how the issuer of token `{}` is read",
            name.value
        );
        refuse(&name.place, message, sink);
    }
}
