//! One decision in one transaction: what is revoked, the proof's use, the names,
//! the token's use.

use super::entry::{Entry, Scope};
use super::event::{Action, Event};
use super::name::Identity;
use super::revocation::Revocations;
use super::rule::{Known, Verdict};
use super::store::{Finish, Spent, StoreError, Transaction};
use super::{Run, words};
use crate::floor::Admissible;
use crate::obligation::{Bound, Committed, FirstUse};
use crate::outcome::Denied;
use crate::reason::{Code, Reason};

/// Most reasons of one denial, as everywhere.
const MOST_REASONS: usize = 16;

/// What a decision asks of the ledger.
pub(super) struct Question<'a> {
    pub(super) token: &'a Admissible,
    /// The route and the statement that accepted the token.
    pub(super) scope: Scope,
    /// The workload's names; none where binding was not asked for.
    pub(super) identities: Vec<Identity>,
    /// What a first use does; none where binding was not asked for.
    pub(super) bind: Option<FirstUse>,
    /// What marks the token as used; none where it may be used again.
    pub(super) spends: Vec<Spent>,
    /// What marks the proof as used that came with it; none where no key was to be
    /// proved.
    pub(super) proof: Option<Spent>,
    /// Whether what the answer writes takes effect.
    pub(super) run: Run,
}

/// What the ledger answers.
#[derive(Debug)]
pub(super) enum Answer {
    /// Everything is met, and written down where it had to be.
    Met(Committed),
    /// Something is not met.
    Refused(Denied),
    /// Everything would be met, but something has to be written first.
    ToBeWritten,
}

impl Question<'_> {
    /// Answers, and writes what has to be written if it `may`.
    pub(super) fn ask(
        &self,
        tables: &mut dyn Transaction,
        revocations: &Revocations,
        may: bool,
    ) -> Result<(Answer, Finish), StoreError> {
        if let Some(reason) = revocations.refuse(self.token) {
            return Ok(refused(vec![reason], false));
        }
        if !may && self.marks() {
            return Ok((Answer::ToBeWritten, Finish::Abort));
        }
        if let Some(proof) = &self.proof
            && !tables.spend(proof)?
        {
            return Ok(refused(vec![self.replayed()], false));
        }
        let first_uses = match self.judge(tables)? {
            Ok(first_uses) => first_uses,
            Err((reasons, truncated)) => return Ok(refused(reasons, truncated)),
        };
        let writes = !first_uses.is_empty() || self.marks();
        if writes && !may {
            return Ok((Answer::ToBeWritten, Finish::Abort));
        }
        for identity in &first_uses {
            self.enrol(tables, identity)?;
        }
        for spent in &self.spends {
            if !tables.spend(spent)? {
                return Ok(refused(vec![self.reused()], false));
            }
        }
        let finish = match self.run {
            Run::Real if writes => Finish::Commit,
            Run::Real | Run::Dry => Finish::Abort,
        };
        Ok((Answer::Met(self.committed(&first_uses)), finish))
    }

    /// Whether the token or its proof is to be marked as used.
    pub(super) fn marks(&self) -> bool {
        !self.spends.is_empty() || self.proof.is_some()
    }

    /// The names that are used for the first time, where all are accepted; else
    /// why not, and whether more was left out.
    fn judge(&self, tables: &mut dyn Transaction) -> Result<Judgement<'_>, StoreError> {
        let mut first_uses = Vec::new();
        let mut reasons = Vec::new();
        for identity in &self.identities {
            let name = identity.name();
            let by_name = tables.by_name(name)?;
            let by_id = match identity.id() {
                Some(id) => tables.by_id(&name.issuer, &name.kind, id)?,
                None => Vec::new(),
            };
            let known = Known {
                by_name: &by_name,
                by_id: &by_id,
            };
            match (known.judge(identity, &self.scope), self.bind) {
                (Verdict::Known, _) => {}
                (Verdict::Unknown, Some(FirstUse::Enrol)) => first_uses.push(identity),
                (Verdict::Unknown, Some(FirstUse::Refuse) | None) => {
                    reasons.push(words::unknown(identity, &by_name));
                }
                (Verdict::Refused(reason), _) => reasons.push(*reason),
            }
        }
        if reasons.is_empty() {
            return Ok(Ok(first_uses));
        }
        let truncated = reasons.len() > MOST_REASONS;
        reasons.truncate(MOST_REASONS);
        for reason in &mut reasons {
            reason.statement = Some(self.statement().to_owned());
        }
        Ok(Err((reasons, truncated)))
    }

    fn enrol(&self, tables: &mut dyn Transaction, identity: &Identity) -> Result<(), StoreError> {
        let entry = Entry::enrolled(identity, &self.scope, self.token.now());
        tables.put(&entry)?;
        tables.append(&Event {
            at: self.token.now(),
            by: entry.by.clone(),
            action: Action::Enrol,
            name: Some(entry.name.clone()),
            before: None,
            after: Some(super::change::entry_json(&entry)),
            reason: String::new(),
        })
    }

    /// What a decision comes to whose names are all known and which marks
    /// nothing as used.
    pub(super) fn known(&self) -> Committed {
        self.committed(&[])
    }

    fn committed(&self, first_uses: &[&Identity]) -> Committed {
        match self.run {
            Run::Real => self.done(first_uses),
            Run::Dry => self.foreseen(first_uses),
        }
    }

    /// What a real run would have written counts as assumed.
    fn foreseen(&self, first_uses: &[&Identity]) -> Committed {
        let enrolled = |identity: &&Identity| {
            let id = identity
                .id()
                .map_or_else(String::new, |id| format!(" as {id}"));
            let name = identity.name();
            format!("ledger: would enrol {} {}{id}", name.kind, name.name)
        };
        let mut assumed: Vec<_> = first_uses.iter().map(enrolled).collect();
        if !self.spends.is_empty() {
            assumed
                .push("single use: the token was not used before, and would be spent".to_owned());
        }
        if self.proof.is_some() {
            assumed
                .push("proof: its `jti` was not used before, and would be remembered".to_owned());
        }
        let known = self.bind.is_some() && first_uses.is_empty();
        Committed {
            assumed,
            bound: known.then_some(Bound::Known),
            spent: false,
        }
    }

    fn done(&self, first_uses: &[&Identity]) -> Committed {
        let enrolled = |identity: &&Identity| {
            let name = identity.name();
            format!("{} {}", name.kind, name.name)
        };
        let bound = self.bind.map(|_| match first_uses {
            [] => Bound::Known,
            some => Bound::Enrolled(some.iter().map(enrolled).collect()),
        });
        Committed {
            assumed: Vec::new(),
            bound,
            spent: !self.spends.is_empty(),
        }
    }

    fn reused(&self) -> Reason {
        let message = format!(
            "statement `{}` takes each token once, and this one was used before",
            self.statement()
        );
        let mut reason = Reason::new(Code::TokenReused, message);
        reason.statement = Some(self.statement().to_owned());
        if let Some(id) = self.token.token().token_id() {
            reason = reason.about(["jti"]).found(id);
        }
        reason
    }

    // RFC 9449 §11.1
    fn replayed(&self) -> Reason {
        let message = "the proof was used before: each counts once, by its key and `jti`";
        let mut reason = Reason::new(Code::ProofInvalid, message).about(["cnf", "jkt"]);
        reason.statement = Some(self.statement().to_owned());
        reason
    }

    fn statement(&self) -> &str {
        self.scope.columns().1
    }
}

/// First uses; or reasons, and whether more were left out.
type Judgement<'a> = Result<Vec<&'a Identity>, (Vec<Reason>, bool)>;

fn refused(reasons: Vec<Reason>, truncated: bool) -> (Answer, Finish) {
    let denied = Denied { reasons, truncated };
    (Answer::Refused(denied), Finish::Abort)
}
