//! What a rollout has come to, as operators read it.

use claimbound::clock::date;
use serde_json::{Value, json};

use super::Rollout;
use super::state::{Candidate, State};
use super::step::Refused;

impl Rollout {
    /// What it has come to, as JSON.
    pub(crate) fn status(&self) -> Value {
        let active = self.active();
        let state = self.state();
        let edition = state.newest();
        json!({
            "store": self.wanted.depot.alias,
            "range": self.wanted.range.to_string(),
            "keys": active.keys,
            "unsigned": active.keys.is_empty(),
            "concern": state.concern,
            "looked": state.looked.map(date),
            "index": edition.map(|edition| json!({
                "serial": edition.serial,
                "expires": date(edition.expires),
            })),
            "unknown": state.unknown.as_ref().map(|refusal| json!({
                "step": refusal.step,
                "why": refusal.why,
            })),
            "candidate": self.candidate(&state),
            "refused": state.refused().map(refused).collect::<Vec<_>>(),
        })
    }

    /// What somebody should look at, in words.
    pub(crate) fn concerns(&self) -> Vec<String> {
        let state = self.state();
        let unknown = state.unknown.as_ref().map(|refusal| refusal.why.clone());
        state.concern.iter().cloned().chain(unknown).collect()
    }

    /// When the newest index expires that was seen, in seconds since 1970; none
    /// where there was none.
    pub(crate) fn index_expires(&self) -> Option<u64> {
        self.state().newest().map(|edition| edition.expires)
    }

    fn candidate(&self, state: &State) -> Option<Value> {
        let candidate = state.candidate.as_ref()?;
        let Candidate {
            selected, began, ..
        } = candidate;
        let shadow = self.shadow.load();
        let shadow = shadow.as_ref();
        Some(json!({
            "version": selected.version().to_string(),
            "digest": selected.digest.to_string(),
            "keys": selected.keys,
            "since": date(*began),
            "waits_for_promotion": self.waits_for_a_word(candidate),
            "decided": shadow.map(|shadow| shadow.counts()),
            "disagreements": shadow.map(|shadow| shadow.disagreements()),
        }))
    }
}

fn refused(refused: &Refused) -> Value {
    json!({
        "version": refused.version.to_string(),
        "step": refused.refusal.step,
        "why": refused.refusal.why,
        "at": date(refused.at),
        "times": refused.times,
    })
}
