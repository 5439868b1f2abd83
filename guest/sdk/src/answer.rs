//! What a policy answers.

use crate::contract::claimbound::policy::types as wire;

/// What a policy answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Answer {
    /// The token is accepted by a statement, which grants this.
    Allow {
        /// The statement's name.
        statement: String,
        /// What it grants.
        grant: Grant,
    },
    /// The token is not accepted, for these reasons: one at least, and at most
    /// 16; a host refuses any other number.
    Deny(Vec<Reason>),
}

/// What an allowed caller may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Grant {
    roles: Vec<String>,
    scopes: Vec<String>,
    claims: Option<String>,
    max_lifetime: Option<u32>,
    obligations: Vec<Obligation>,
}

/// What a host does with a name that its ledger does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstUse {
    /// Deny it until an operator approves it.
    Refuse,
    /// Bind it to the identity that the token carries.
    Enrol,
}

/// What the host must do before an allow counts. The manifest declares its
/// kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obligation {
    /// The ledger accepts the workload's names: kind `bind`.
    Bind(FirstUse),
    /// The token is spent by this decision: kind `use-once`.
    UseOnce,
    /// Possession is proved, by `dpop`, `mtls` or `any`: kind `prove`.
    Prove(String),
    /// Another kind, with its parameters as JSON text.
    Other {
        /// Its kind.
        kind: String,
        /// Its parameters.
        json: String,
    },
}

/// Why the token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Reason {
    code: String,
    statement: Option<String>,
    claim: Vec<String>,
    expected: String,
    found: Option<String>,
    message: String,
}

impl Answer {
    /// Accepts the token.
    pub fn allow(statement: impl Into<String>, grant: Grant) -> Self {
        Self::Allow {
            statement: statement.into(),
            grant,
        }
    }

    /// Does not accept the token, for one reason.
    pub fn deny(reason: Reason) -> Self {
        Self::Deny(vec![reason])
    }

    pub(crate) fn into_contract(self) -> wire::Decision {
        match self {
            Self::Allow { statement, grant } => wire::Decision::Allow(wire::Allowed {
                statement,
                grant: wire::Grant {
                    roles: grant.roles,
                    scopes: grant.scopes,
                    claims: grant.claims,
                    max_lifetime: grant.max_lifetime,
                    obligations: grant.obligations.into_iter().map(obligation).collect(),
                },
            }),
            Self::Deny(reasons) => wire::Decision::Deny(wire::Denied {
                reasons: reasons.into_iter().map(Reason::into_contract).collect(),
                truncated: false,
            }),
        }
    }
}

fn obligation(obligation: Obligation) -> wire::Obligation {
    match obligation {
        Obligation::Bind(first_use) => wire::Obligation::Bind(wire::Bind {
            first_use: match first_use {
                FirstUse::Refuse => wire::FirstUse::Refuse,
                FirstUse::Enrol => wire::FirstUse::Enrol,
            },
        }),
        Obligation::UseOnce => wire::Obligation::UseOnce,
        Obligation::Prove(method) => wire::Obligation::Prove(method),
        Obligation::Other { kind, json } => wire::Obligation::Other(wire::Extension { kind, json }),
    }
}

impl Grant {
    /// A grant of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same grant with one more role.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// The same grant with one more OAuth scope.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// The same grant with these extra claims, a JSON object as text.
    pub fn claims(mut self, json: impl Into<String>) -> Self {
        self.claims = Some(json.into());
        self
    }

    /// The same grant for at most this many seconds.
    pub fn max_lifetime(mut self, seconds: u32) -> Self {
        self.max_lifetime = Some(seconds);
        self
    }

    /// The same grant with one more obligation.
    pub fn obligation(mut self, obligation: Obligation) -> Self {
        self.obligations.push(obligation);
        self
    }
}

impl Reason {
    /// A reason with this code, one of the contract's registry.
    pub fn new(code: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            statement: None,
            claim: Vec::new(),
            expected: String::new(),
            found: None,
            message: String::new(),
        }
    }

    /// The same reason, about this statement.
    pub fn statement(mut self, statement: impl Into<String>) -> Self {
        self.statement = Some(statement.into());
        self
    }

    /// The same reason, about the claim at this path.
    pub fn claim<S: Into<String>>(mut self, path: impl IntoIterator<Item = S>) -> Self {
        self.claim = path.into_iter().map(Into::into).collect();
        self
    }

    /// The same reason, with what would have been accepted.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// The same reason, with what the token has.
    pub fn found(mut self, found: Option<&str>) -> Self {
        self.found = found.map(str::to_owned);
        self
    }

    /// The same reason, with one sentence for an operator.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    fn into_contract(self) -> wire::Reason {
        let message = if self.message.is_empty() {
            format!("{} expects {}", self.claim.join("."), self.expected)
        } else {
            self.message
        };
        wire::Reason {
            code: self.code,
            statement: self.statement,
            claim: self.claim,
            expected: self.expected,
            found: self.found,
            message,
        }
    }
}
