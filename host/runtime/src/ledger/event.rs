//! One line of the ledger's history.

use std::fmt;

use super::name::Name;

/// Something that changed the ledger: who did what, when, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in seconds since 1970.
    pub at: u64,
    /// Who: an operator's name, or a route and statement.
    pub by: String,
    /// What was done.
    pub action: Action,
    /// The name that it was done to; none for revocations and modules.
    pub name: Option<Name>,
    /// What was there before, as JSON; none for nothing.
    pub before: Option<String>,
    /// What was there after, as JSON; none for nothing.
    pub after: Option<String>,
    /// Why; empty where a route enrolled a name.
    pub reason: String,
}

/// What was done to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A route's statement bound a name at its first use.
    Enrol,
    /// An operator approved an identity.
    Approve,
    /// An operator handed a name over to another identity.
    Replace,
    /// An operator barred a name for now.
    Suspend,
    /// An operator lifted that.
    Resume,
    /// An operator barred a name for ever.
    Retire,
    /// An identity goes by another name.
    Migrate,
    /// An operator undid what a route had enrolled.
    Forget,
    /// An operator revoked tokens.
    Revoke,
    /// An operator lifted a revocation.
    Lift,
    /// An operator read a ledger in from a file.
    Import,
    /// A host took a version of a module up on a route.
    Serve,
    /// An operator had a route go back to a lower version of a module.
    RollBack,
    /// An operator said up to which major version a route may take a module up.
    ApproveMajor,
    /// An operator had a route never take a version of a module up.
    Reject,
    /// An operator had a route serve a version of a module.
    Promote,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 16] = [
        Self::Enrol,
        Self::Approve,
        Self::Replace,
        Self::Suspend,
        Self::Resume,
        Self::Retire,
        Self::Migrate,
        Self::Forget,
        Self::Revoke,
        Self::Lift,
        Self::Import,
        Self::Serve,
        Self::RollBack,
        Self::ApproveMajor,
        Self::Reject,
        Self::Promote,
    ];

    /// The action as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enrol => "enrol",
            Self::Approve => "approve",
            Self::Replace => "replace",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Retire => "retire",
            Self::Migrate => "migrate",
            Self::Forget => "forget",
            Self::Revoke => "revoke",
            Self::Lift => "lift",
            Self::Import => "import",
            Self::Serve => "serve",
            Self::RollBack => "roll-back",
            Self::ApproveMajor => "approve-major",
            Self::Reject => "reject",
            Self::Promote => "promote",
        }
    }

    /// The action that is written so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
