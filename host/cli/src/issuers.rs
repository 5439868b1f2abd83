//! The issuers of one decision, and the keys that they are given.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{Key, KeySet, SetLimits};
use claimbound::models::{Model, Registry};
use claimbound_language::Compiled;

use crate::artifact;
use crate::input::{self, Source};
use crate::nearest::did_you_mean;

/// An issuer before it has keys.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// What a document calls it.
    pub(crate) alias: Option<String>,
    /// Its URL.
    pub(crate) url: String,
    /// Its naming model.
    pub(crate) model: Arc<Model>,
}

/// The issuers of a document.
pub(crate) fn of_document(compiled: &Compiled) -> Vec<Named> {
    let issuers = compiled.issuers.iter().map(|issuer| Named {
        alias: Some(issuer.alias.clone()),
        url: issuer.url.clone(),
        model: Arc::clone(&issuer.model),
    });
    issuers.collect()
}

/// An issuer that the arguments name, by the standard naming models.
pub(crate) fn of_arguments(url: &str, model: &str) -> anyhow::Result<Named> {
    Ok(Named {
        alias: None,
        url: url.to_owned(),
        model: Arc::clone(self::model(model)?),
    })
}

/// A standard naming model, by the name that `--model` gives.
pub(crate) fn model(name: &str) -> anyhow::Result<&'static Arc<Model>> {
    Registry::standard().get(name).with_context(|| {
        let names: Vec<_> = Registry::standard()
            .iter()
            .map(|model| model.name())
            .collect();
        format!(
            "`--model {name}` is no naming model{}; there are {}",
            did_you_mean(name, &names),
            names.join(", ")
        )
    })
}

/// The issuers with their keys, and the URLs of those that were given some.
pub(crate) fn keyed(
    named: &[Named],
    arguments: &[String],
) -> anyhow::Result<(Issuers, HashSet<String>)> {
    let sets = arguments
        .iter()
        .map(|argument| Set::of(argument, named))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut with_keys = HashSet::new();
    let mut issuers = Vec::new();
    for one in named {
        let mut own = sets.iter().filter(|set| set.serves(one));
        let keys = match own.next() {
            None => KeySet::default(),
            Some(set) => {
                with_keys.insert(one.url.clone());
                read(&set.path)?
            }
        };
        if let Some(second) = own.next() {
            bail!(
                "`--jwks {}` is a second key set for issuer `{}`",
                second.path.display(),
                one.url
            );
        }
        let issuer = Issuer::new(
            one.url.as_str(),
            Arc::clone(&one.model),
            keys,
            Settings::default(),
        )?;
        issuers.push(Arc::new(issuer));
    }
    Ok((Issuers::new(issuers)?, with_keys))
}

/// One `--jwks`: a file, for one issuer or for all.
struct Set {
    issuer: Option<String>,
    path: PathBuf,
}

impl Set {
    fn of(argument: &str, named: &[Named]) -> anyhow::Result<Self> {
        // Both a URL and a path may hold `=`: the longest prefix that is an
        // issuer counts.
        let splits = argument
            .match_indices('=')
            .filter_map(|(at, _)| argument.split_at_checked(at));
        let mut splits: Vec<_> = splits.collect();
        splits.reverse();
        for (prefix, rest) in &splits {
            if let Some(issuer) = named.iter().find(|one| one.is_called(prefix)) {
                return Self::file(Some(issuer.url.clone()), rest.trim_start_matches('='));
            }
        }
        match splits.first() {
            // A file's name may hold `=` as well.
            Some((prefix, _)) if !Path::new(argument).exists() => bail!(
                "`--jwks {prefix}=…`: no issuer of the policy is called `{prefix}`{}; there is {}",
                did_you_mean(
                    prefix,
                    &named.iter().flat_map(Named::names).collect::<Vec<_>>()
                ),
                known(named)
            ),
            Some(_) | None => Self::file(None, argument),
        }
    }

    fn file(issuer: Option<String>, path: &str) -> anyhow::Result<Self> {
        if ["https://", "http://"]
            .iter()
            .any(|scheme| path.starts_with(scheme))
        {
            bail!("`--jwks {path}`: URLs are not fetched; save the key set to a file");
        }
        Ok(Self {
            issuer,
            path: path.into(),
        })
    }

    fn serves(&self, issuer: &Named) -> bool {
        self.issuer.as_ref().is_none_or(|url| *url == issuer.url)
    }
}

impl Named {
    /// What it may be called by: its alias, its URL.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.alias.as_deref().into_iter().chain([self.url.as_str()])
    }

    fn is_called(&self, name: &str) -> bool {
        self.names().any(|one| one == name)
    }
}

/// The issuers as a message lists them.
fn known(named: &[Named]) -> String {
    let one = |one: &Named| match &one.alias {
        Some(alias) => format!("`{alias}` (`{}`)", one.url),
        None => format!("`{}`", one.url),
    };
    named.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Keys from a file: a JWK set, a single JWK, or a PEM public key.
pub(crate) fn read(path: &Path) -> anyhow::Result<KeySet> {
    let name = path.display();
    let text = input::file_text(path)?;
    artifact::refuse_token(&Source::File(path.to_owned()), &text, "a key set")?;
    if text.trim_start().starts_with("-----BEGIN") {
        let key = Key::from_pem(&text).map_err(|error| anyhow!("`{name}`: {error}"))?;
        return Ok(KeySet::of(key));
    }
    // One key that verifies nothing here is a set of none, as among others.
    let text = if is_single_key(&text) {
        format!(r#"{{"keys":[{text}]}}"#)
    } else {
        text
    };
    KeySet::parse(text, &SetLimits::default()).map_err(|error| anyhow!("`{name}`: {error}"))
}

/// A JSON object with `kty` and without `keys` is one key (RFC 7517 §4.1).
fn is_single_key(text: &str) -> bool {
    let document = claimbound::json::Document::parse(text, &claimbound::json::Limits::FILE);
    document.is_ok_and(|object| object.get(&["kty"]).is_some() && object.get(&["keys"]).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named() -> Vec<Named> {
        let url = "https://token.actions.githubusercontent.com";
        let mut one = of_arguments(url, "github-actions").unwrap();
        one.alias = Some("github".into());
        vec![
            one,
            of_arguments("https://other.example/a=b", "oidc").unwrap(),
        ]
    }

    #[test]
    fn a_key_set_is_for_the_issuer_before_the_equals_sign() {
        let set = |argument: &str| Set::of(argument, &named()).unwrap();
        assert_eq!(
            set("github=a=b.json").issuer.as_deref(),
            Some("https://token.actions.githubusercontent.com")
        );
        assert_eq!(set("github=a=b.json").path, PathBuf::from("a=b.json"));
        assert_eq!(
            set("https://other.example/a=b=k.json").path,
            PathBuf::from("k.json")
        );
        assert_eq!(set("k.json").issuer, None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plain=name.json");
        std::fs::write(&path, "").unwrap();
        assert_eq!(set(path.to_str().unwrap()).path, path);
    }

    #[test]
    fn an_unknown_issuer_is_told_the_known_ones_and_nothing_is_fetched() {
        let told = |argument: &str| Set::of(argument, &named()).err().unwrap().to_string();
        assert!(told("https://nobody.example=k.json").contains("`github` (`https://token."));
        assert!(told("gitub=k.json").contains("did you mean `github`?"));
        for url in ["https://x.example/jwks", "github=https://x.example/jwks"] {
            assert!(told(url).ends_with("URLs are not fetched; save the key set to a file"));
        }
    }

    #[test]
    fn models_that_do_not_exist_are_refused_with_those_that_do() {
        let error = of_arguments("https://x.example", "gitlub")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`--model gitlub`") && error.contains("gitlab"),
            "{error}"
        );
    }
}
