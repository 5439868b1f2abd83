//! A model as its TOML file spells it, before any check.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::charset::Class;
use crate::claim::{Chooser, ClaimType, Role};
use crate::fetch::Fetch;
use crate::kind::Need;

/// A text with its place in the file, for errors.
pub(crate) type Text = Spanned<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) name: Text,
    pub(crate) title: String,
    pub(crate) documentation: String,
    pub(crate) tokens: Tokens,
    #[serde(default)]
    pub(crate) encode: BTreeMap<Text, String>,
    #[serde(default, rename = "issuer")]
    pub(crate) issuers: Vec<Issuer>,
    #[serde(default, rename = "part")]
    pub(crate) parts: Vec<Part>,
    #[serde(default, rename = "form")]
    pub(crate) forms: Vec<Form>,
    #[serde(default, rename = "kind")]
    pub(crate) kinds: Vec<Kind>,
    #[serde(default, rename = "claim")]
    pub(crate) claims: Vec<Claim>,
    #[serde(default, rename = "fetch")]
    pub(crate) fetches: Vec<Fetch>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tokens {
    pub(crate) algorithms: Vec<Text>,
    #[serde(default)]
    pub(crate) types: Vec<Text>,
    #[serde(default)]
    pub(crate) absent_type: bool,
    #[serde(default)]
    pub(crate) longest_lifetime: Option<u32>,
    #[serde(default)]
    pub(crate) usual_lifetime: Option<u32>,
    #[serde(default)]
    pub(crate) unique_id: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Issuer {
    pub(crate) url: Text,
    pub(crate) shared: bool,
    #[serde(default)]
    pub(crate) default: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    pub(crate) name: Text,
    pub(crate) documentation: String,
    #[serde(default)]
    pub(crate) class: Class,
    #[serde(default)]
    pub(crate) excludes: Option<Text>,
    #[serde(default)]
    pub(crate) empty: bool,
    #[serde(default)]
    pub(crate) claim: Vec<Text>,
    #[serde(default)]
    pub(crate) claim_required: bool,
    #[serde(default)]
    pub(crate) encode: Option<BTreeMap<Text, String>>,
    pub(crate) chooser: Chooser,
    #[serde(default = "yes")]
    pub(crate) predictable: bool,
    #[serde(default)]
    pub(crate) role: Option<Role>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    pub(crate) name: Text,
    pub(crate) documentation: String,
    #[serde(default)]
    pub(crate) subject: Option<Text>,
    #[serde(default)]
    pub(crate) fixed: BTreeMap<Text, String>,
    #[serde(default)]
    pub(crate) ambiguous: bool,
    #[serde(default)]
    pub(crate) separator: Option<Text>,
    #[serde(default)]
    pub(crate) segments: Vec<Segment>,
    #[serde(default)]
    pub(crate) claims: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Segment {
    pub(crate) subject: Text,
    #[serde(default)]
    pub(crate) fixed: BTreeMap<Text, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kind {
    pub(crate) name: Text,
    pub(crate) documentation: String,
    #[serde(default)]
    pub(crate) templates: Vec<Text>,
    #[serde(default)]
    pub(crate) claim: Vec<Text>,
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) parent: Option<Text>,
    #[serde(default)]
    pub(crate) tenant: bool,
    #[serde(default)]
    pub(crate) fold_case: bool,
    #[serde(default)]
    pub(crate) not_in: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Id {
    pub(crate) need: Spanned<Need>,
    #[serde(default)]
    pub(crate) claim: Vec<Text>,
    #[serde(default)]
    pub(crate) parts: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    pub(crate) path: Spanned<Vec<String>>,
    #[serde(rename = "type")]
    pub(crate) json: ClaimType,
    #[serde(default)]
    pub(crate) immutable: bool,
    pub(crate) chooser: Chooser,
    #[serde(default)]
    pub(crate) role: Option<Role>,
    #[serde(default)]
    pub(crate) risky: Vec<Text>,
    pub(crate) documentation: String,
}
