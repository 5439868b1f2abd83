//! Who takes part, and whether they agree.

use crate::Fault;
use crate::language::cedar::Cedar;
use crate::language::claimbound::{Native, Sandboxed};
use crate::language::rego::{Interpreter, Machine};
use crate::language::{Answer, Kept, Language, Peer, cel};
use crate::token::{Timed, Token};

/// One row of the table.
pub(crate) struct Contestant {
    /// What is measured.
    pub(crate) name: &'static str,
    /// What a decision gives.
    pub(crate) gives: &'static str,
    pub(crate) peer: Box<dyn Peer>,
}

impl Contestant {
    fn new<L: Language + 'static>(
        name: &'static str,
        gives: &'static str,
        language: L,
        timed: &Timed,
    ) -> Result<Self, Fault> {
        let kept = Kept::new(language, &timed.allowed, &timed.denied)
            .map_err(|error| format!("{name}: {error}"))?;
        Ok(Self {
            name,
            gives,
            peer: Box::new(kept),
        })
    }
}

/// Everybody, each with its policy compiled.
///
/// # Errors
/// A policy does not compile.
pub(crate) fn all(timed: &Timed) -> Result<Vec<Contestant>, Fault> {
    Ok(vec![
        Contestant::new(
            "claimbound, sandboxed",
            "grant or reasons, fresh instance",
            Sandboxed::new()?,
            timed,
        )?,
        Contestant::new(
            "claimbound, native",
            "grant or reasons",
            Native::new()?,
            timed,
        )?,
        Contestant::new(
            "Rego, regorus' register machine",
            "boolean",
            Machine::new()?,
            timed,
        )?,
        Contestant::new(
            "Rego, the same, prefixes for globs",
            "boolean",
            Machine::with_prefixes()?,
            timed,
        )?,
        Contestant::new(
            "Rego, the same, asked for reasons",
            "set of reasons",
            Machine::of_reasons()?,
            timed,
        )?,
        Contestant::new(
            "Rego, regorus' interpreter",
            "boolean",
            Interpreter::new()?,
            timed,
        )?,
        Contestant::new(
            "Cedar",
            "boolean, policy, errors",
            Cedar::new(false)?,
            timed,
        )?,
        Contestant::new(
            "Cedar, requests validated",
            "boolean, policy, errors",
            Cedar::new(true)?,
            timed,
        )?,
        Contestant::new("CEL", "boolean", cel::Plain::new()?, timed)?,
        Contestant::new(
            "CEL, host's patterns and resolver",
            "boolean",
            cel::Tuned::new()?,
            timed,
        )?,
    ])
}

/// How one contestant answered the table of tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    /// Tokens that it allowed.
    pub(crate) allowed: usize,
    /// Tokens that it denied.
    pub(crate) denied: usize,
    /// Tokens about which it gave no answer but an error; they are not allowed.
    pub(crate) errors: usize,
}

impl Answers {
    fn count(&mut self, answer: Answer) {
        match answer {
            Answer::Allow => self.allowed += 1,
            Answer::Deny => self.denied += 1,
            Answer::Error => self.errors += 1,
        }
    }
}

/// Asks everybody about every token.
///
/// # Errors
/// Every token on which somebody answers otherwise than the table says.
pub(crate) fn agree(
    contestants: &mut [Contestant],
    tokens: &[Token],
) -> Result<Vec<Answers>, Fault> {
    let mut all = Vec::new();
    let mut faults = Vec::new();
    for Contestant { name, peer, .. } in contestants {
        let mut answers = Answers::default();
        for token in tokens {
            let answer = peer.decide_text(&token.payload);
            answers.count(answer);
            if answer.allows() != token.allowed {
                faults.push(format!("{name} answers {answer:?} to `{}`", token.name));
            }
        }
        all.push(answers);
    }
    if faults.is_empty() {
        Ok(all)
    } else {
        Err(format!("they do not agree:\n{}", faults.join("\n")).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token;

    #[test]
    fn everybody_agrees_about_every_token() {
        let mut contestants = all(&token::timed().unwrap()).unwrap();
        let tokens = token::table().unwrap();
        let answers = agree(&mut contestants, &tokens).unwrap();
        let ours = answers.first().unwrap();
        assert_eq!(ours.errors, 0, "a refused token is an answer");
        assert_eq!(ours.allowed + ours.denied, tokens.len());
    }

    #[test]
    fn who_answers_otherwise_is_named() {
        let mut contestants = all(&token::timed().unwrap()).unwrap();
        let mut tokens = token::table().unwrap();
        tokens.truncate(1);
        tokens[0].allowed = false;
        let error = agree(&mut contestants, &tokens).unwrap_err().to_string();
        assert!(
            error.contains("Cedar answers Allow to `as it is`"),
            "{error}"
        );
    }
}
