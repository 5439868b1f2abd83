//! The policy languages, each behind the same two questions.

pub(crate) mod cedar;
pub(crate) mod cel;
pub(crate) mod claimbound;
pub(crate) mod rego;

use crate::Fault;

/// What was said of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It may.
    Allow,
    /// It may not.
    Deny,
    /// No answer could be given, such as where a claim is absent that the policy
    /// asks for. It never allows.
    Error,
}

impl Answer {
    pub(crate) fn allows(self) -> bool {
        self == Self::Allow
    }
}

/// Whether the conditions hold.
impl From<bool> for Answer {
    fn from(held: bool) -> Self {
        if held { Self::Allow } else { Self::Deny }
    }
}

/// A policy, compiled and kept, in one language.
pub(crate) trait Language {
    /// The claims as its evaluator takes them.
    type Parsed;

    /// Parses the claims of a token.
    ///
    /// # Errors
    /// The answer, where there is one already.
    fn parse(&self, claims: &[u8]) -> Result<Self::Parsed, Answer>;

    /// Decides about parsed claims, and repeats what every decision repeats.
    fn decide(&mut self, parsed: &Self::Parsed) -> Answer;

    /// Decides from the bytes of the claims.
    fn decide_text(&mut self, claims: &[u8]) -> Answer {
        match self.parse(claims) {
            Ok(parsed) => self.decide(&parsed),
            Err(answer) => answer,
        }
    }
}

/// Which of the two timed tokens is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// The one that is allowed.
    Allow,
    /// The one that is denied.
    Deny,
}

/// A language with the timed tokens, parsed and not.
pub(crate) struct Kept<L: Language> {
    language: L,
    texts: [Vec<u8>; 2],
    parsed: [L::Parsed; 2],
}

impl<L: Language> Kept<L> {
    /// Parses the two timed tokens.
    ///
    /// # Errors
    /// One of them is no input.
    pub(crate) fn new(language: L, allowed: &[u8], denied: &[u8]) -> Result<Self, Fault> {
        let parse = |claims: &[u8]| {
            language.parse(claims).map_err(|answer| {
                format!("a timed token is answered while it is parsed: {answer:?}")
            })
        };
        let parsed = [parse(allowed)?, parse(denied)?];
        Ok(Self {
            language,
            texts: [allowed.to_vec(), denied.to_vec()],
            parsed,
        })
    }
}

/// A language whatever it parses to.
pub(crate) trait Peer {
    /// Decides about any claims.
    fn decide_text(&mut self, claims: &[u8]) -> Answer;

    /// Decides about a timed token, from its bytes.
    fn ask_text(&mut self, case: Case) -> Answer;

    /// Decides about a timed token, parsed before.
    fn ask_parsed(&mut self, case: Case) -> Answer;
}

impl<L: Language> Peer for Kept<L> {
    fn decide_text(&mut self, claims: &[u8]) -> Answer {
        self.language.decide_text(claims)
    }

    fn ask_text(&mut self, case: Case) -> Answer {
        let [allowed, denied] = &self.texts;
        let claims = match case {
            Case::Allow => allowed,
            Case::Deny => denied,
        };
        self.language.decide_text(claims)
    }

    fn ask_parsed(&mut self, case: Case) -> Answer {
        let [allowed, denied] = &self.parsed;
        let parsed = match case {
            Case::Allow => allowed,
            Case::Deny => denied,
        };
        self.language.decide(parsed)
    }
}
