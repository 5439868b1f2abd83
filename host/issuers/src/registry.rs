//! The registry: the models that come with the crate, and whatever is added.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::claim::Claims;
use crate::error::ModelError;
use crate::identify::Workload;
use crate::issuer::IssuerMatch;
use crate::model::Model;

/// Each model's file name without `.toml`, and its text.
const STANDARD: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/models.rs"));

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    // A model that doesn't parse is left out, so that whoever asks for it is
    // refused; a test parses them all.
    Registry::new(
        STANDARD
            .iter()
            .filter_map(|(_, text)| Model::parse(text).ok()),
    )
});

/// Naming models by name.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    models: BTreeMap<Arc<str>, Arc<Model>>,
}

impl Registry {
    /// The models that come with the crate, parsed once.
    pub fn standard() -> &'static Self {
        &REGISTRY
    }

    /// The TOML of each model that comes with the crate: its file's name without
    /// the ending, and the text.
    pub fn sources() -> &'static [(&'static str, &'static str)] {
        STANDARD
    }

    /// A registry of these models alone; of two of one name the later stays.
    pub fn new(models: impl IntoIterator<Item = Model>) -> Self {
        Self::default().with(models)
    }

    /// This registry and these models; one of a known name takes its place.
    #[must_use]
    pub fn with(mut self, models: impl IntoIterator<Item = Model>) -> Self {
        for model in models {
            self.models.insert(model.shared_name(), Arc::new(model));
        }
        self
    }

    /// This registry and the model that `toml` describes.
    ///
    /// # Errors
    /// What [`Model::parse`] refuses.
    pub fn with_toml(self, toml: &str) -> Result<Self, ModelError> {
        Ok(self.with([Model::parse(toml)?]))
    }

    /// The model of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<Model>> {
        self.models.get(name)
    }

    /// Every model, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.models.values()
    }

    /// The models that know `url` as an issuer: those that list it in full, or
    /// where none does those whose templates fit.
    pub fn of_issuer<'a>(&'a self, url: &'a str) -> Vec<(&'a Arc<Model>, IssuerMatch<'a>)> {
        let mut fitting: Vec<_> = self
            .iter()
            .filter_map(|model| Some((model, model.issuer(url).ok()?)))
            .collect();
        if fitting.iter().any(|(_, issuer)| issuer.is_exact()) {
            fitting.retain(|(_, issuer)| issuer.is_exact());
        }
        fitting
    }

    /// The model that a token of unknown kind is most likely of, and the workload:
    /// among those that know its issuer and accept it, one that lists the issuer in
    /// full, then the one that tells the most parts apart.
    ///
    /// A guess, for proposals to people; never a reason to trust.
    pub fn recognise(
        &self,
        issuer: &str,
        subject: &str,
        claims: &dyn Claims,
    ) -> Option<(&Arc<Model>, Workload)> {
        self.iter()
            .filter_map(|model| {
                let exact = model.issuer(issuer).ok()?.is_exact();
                let workload = model.identify(issuer, subject, claims).ok()?;
                Some((exact, workload.parts.len(), model, workload))
            })
            .max_by_key(|(exact, parts, ..)| (*exact, *parts))
            .map(|(_, _, model, workload)| (model, workload))
    }
}
