//! A secret that stands in JSON: read into what shows nothing of it.

use serde::{Deserialize, Deserializer};

use crate::config::Secret;

pub(super) struct Hidden(Secret);

impl Hidden {
    pub(super) fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}
