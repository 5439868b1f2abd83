//! Claims: what a model knows about each, and how a token lends them.

use std::fmt;

use serde::Deserialize;

/// Who can choose a value inside a token that still carries the tenant's ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chooser {
    /// The issuer, or an administrator of the tenant.
    Issuer,
    /// Whoever can push a branch to the project, or has the nearest such role.
    Insider,
    /// Anybody with an ordinary account at the issuer.
    Outsider,
}

impl fmt::Display for Chooser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Issuer => "issuer",
            Self::Insider => "insider",
            Self::Outsider => "outsider",
        })
    }
}

/// What a claim says of the run that a token is for, where a reviewer has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The branch or tag that it is of.
    Branch,
    /// Which of the two it is of, `branch` or `tag`.
    RefType,
    /// Whether that branch or tag is protected, `true` as a text.
    BranchProtection,
    /// The environment that it deploys to.
    Environment,
    /// Whether that environment is protected, `true` as a text.
    EnvironmentProtection,
    /// What started it.
    Trigger,
    /// Whose machine it is on.
    Runner,
    /// The file that says what it does.
    Workflow,
    /// Where the code that it runs comes from, a fork for example.
    Origin,
    /// Who caused it, as people are called: that can change, and be given to others.
    Person,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Branch => "branch",
            Self::RefType => "ref-type",
            Self::BranchProtection => "branch-protection",
            Self::Environment => "environment",
            Self::EnvironmentProtection => "environment-protection",
            Self::Trigger => "trigger",
            Self::Runner => "runner",
            Self::Workflow => "workflow",
            Self::Origin => "origin",
            Self::Person => "person",
        })
    }
}

/// The JSON type in which an issuer writes a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimType {
    /// A string.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A number without fraction or exponent.
    Integer,
    /// Any number.
    Number,
    /// An array of strings.
    Texts,
    /// Anything else, or one of several types.
    Json,
}

/// What a model knows about one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRule {
    pub(crate) path: Box<[Box<str>]>,
    pub(crate) json: ClaimType,
    pub(crate) immutable: bool,
    pub(crate) chooser: Chooser,
    pub(crate) role: Option<Role>,
    pub(crate) risky: Box<[Box<str>]>,
    pub(crate) documentation: Box<str>,
}

impl ClaimRule {
    /// The member names that lead to the claim, outermost first; never empty.
    pub fn path(&self) -> &[Box<str>] {
        &self.path
    }

    /// The JSON type in which the issuer writes it.
    pub fn json_type(&self) -> ClaimType {
        self.json
    }

    /// Whether the value is never given to anything else once it named something.
    pub fn is_immutable(&self) -> bool {
        self.immutable
    }

    /// Who can choose the value.
    pub fn chooser(&self) -> Chooser {
        self.chooser
    }

    /// What it says of the run, where a reviewer has to know.
    pub fn role(&self) -> Option<Role> {
        self.role
    }

    /// The values that let in more than most authors mean, by its role: triggers
    /// that somebody outside the organisation can cause, runners of one's own.
    pub fn risky(&self) -> impl Iterator<Item = &str> {
        self.risky.iter().map(|value| &**value)
    }

    /// One sentence on what the claim says.
    pub fn documentation(&self) -> &str {
        &self.documentation
    }
}

/// The registered claims (RFC 7519 §4.1), which every model knows.
pub(crate) fn registered() -> Vec<ClaimRule> {
    let rule = |name: &str, json, chooser, documentation: &str| ClaimRule {
        path: Box::new([name.into()]),
        json,
        immutable: false,
        chooser,
        role: None,
        risky: Box::default(),
        documentation: documentation.into(),
    };
    vec![
        rule(
            "iss",
            ClaimType::Text,
            Chooser::Issuer,
            "Who issued the token (RFC 7519 §4.1.1).",
        ),
        rule(
            "sub",
            ClaimType::Text,
            Chooser::Insider,
            "Whom it is about (RFC 7519 §4.1.2).",
        ),
        rule(
            "aud",
            ClaimType::Json,
            Chooser::Insider,
            "Whom it is for (RFC 7519 §4.1.3).",
        ),
        rule(
            "exp",
            ClaimType::Number,
            Chooser::Issuer,
            "When it ends (RFC 7519 §4.1.4).",
        ),
        rule(
            "nbf",
            ClaimType::Number,
            Chooser::Issuer,
            "When it begins (RFC 7519 §4.1.5).",
        ),
        rule(
            "iat",
            ClaimType::Number,
            Chooser::Issuer,
            "When it was issued (RFC 7519 §4.1.6).",
        ),
        rule(
            "jti",
            ClaimType::Text,
            Chooser::Issuer,
            "The token's own id (RFC 7519 §4.1.7).",
        ),
    ]
}

/// What a token says at one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// Nothing stands there.
    Absent,
    /// A string, unescaped.
    Text(&'a str),
    /// Something else; the name of its JSON type, such as `number`.
    Other(&'static str),
}

/// The claims of a verified token, as [`Model::identify`](crate::Model::identify) asks for them.
pub trait Claims {
    /// What stands at `path`, a list of member names, outermost first.
    fn claim(&self, path: &[Box<str>]) -> Found<'_>;
}

/// A path as people write it: its names joined by dots.
pub(crate) fn dotted(path: &[Box<str>]) -> String {
    path.join(".")
}
