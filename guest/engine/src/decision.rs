//! The answer to one token, in the shapes of the contract.

/// What a host does with a name that its ledger does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FirstUse {
    /// Deny it until an operator approves it.
    Refuse,
    /// Bind it to the identity that the token carries.
    Enrol,
}

/// What the host must do before an allow counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obligation {
    /// The ledger accepts the workload's names.
    Bind(FirstUse),
    /// The token is spent by this decision.
    UseOnce,
    /// Possession of the key in `cnf`, by `dpop`, `mtls` or `any`.
    Prove(String),
    /// Any other kind, with its parameters as JSON text.
    Other {
        /// Its kind.
        kind: String,
        /// Its parameters.
        json: String,
    },
}

/// What an allowed caller may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Names of roles.
    pub roles: Vec<String>,
    /// OAuth scopes.
    pub scopes: Vec<String>,
    /// Extra claims, a JSON object as text.
    pub claims: Option<String>,
    /// The longest that what is granted may last, in seconds.
    pub max_lifetime: Option<u32>,
    /// What the host must do first.
    pub obligations: Vec<Obligation>,
}

/// Why a statement did not accept the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// A code of the registry.
    pub code: &'static str,
    /// The statement that it speaks of.
    pub statement: Option<String>,
    /// The path of the claim that it speaks of.
    pub claim: Vec<String>,
    /// What would have been accepted.
    pub expected: String,
    /// What the token has.
    pub found: Option<String>,
    /// One sentence for an operator.
    pub message: String,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The token is accepted by a statement, which grants this.
    Allow {
        /// The statement's name.
        statement: String,
        /// What it grants.
        grant: Grant,
    },
    /// The token is not accepted.
    Deny {
        /// At most [`MOST_REASONS`](crate::MOST_REASONS), of the closest
        /// statements.
        reasons: Vec<Reason>,
        /// More were left out.
        truncated: bool,
    },
}

/// One condition of one statement, as it was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The statement.
    pub statement: String,
    /// The condition as its author wrote it, for example `claims.ref`.
    pub condition: String,
    /// Whether it held; none where that is unknown.
    pub held: Option<bool>,
    /// What it asks for.
    pub expected: String,
    /// What the token has.
    pub found: Option<String>,
}

/// The program can't answer. It never allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `policy.program`.
    pub code: &'static str,
    /// What is wrong with the program.
    pub message: &'static str,
}

impl Failure {
    pub(crate) const fn program(message: &'static str) -> Self {
        Self {
            code: "policy.program",
            message,
        }
    }
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Failure {}
