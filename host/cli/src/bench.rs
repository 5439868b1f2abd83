//! What `bench` times, and how: each piece of work in turn, in many short
//! rounds, so that whatever disturbs the machine disturbs them all.

mod cases;
mod facts;
mod reader;
mod sample;
mod stage;

pub(crate) use cases::{CaseStage, CaseTimes};
use sample::Samples;
pub(crate) use sample::Sorted;
pub(crate) use stage::Stage;

/// The policy that is timed where none is given.
pub(crate) const POLICY: &str = include_str!("bench/policy.toml");
/// Claims of a usual token beside those that the policy asks for, as JSON.
pub(crate) const CLAIMS: &str = include_str!("bench/claims.json");

/// How often each piece of work is done in a row.
const ROUND: usize = 50;

/// The times of one token: while they are taken `Samples`, then `Sorted`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times<T = Sorted> {
    /// The component's answer in a fresh instance, from decoded claims.
    pub(crate) decision: T,
    /// The same program's answer natively, from the same claims.
    pub(crate) native: T,
    /// The same, with the claims read from JSON text.
    pub(crate) native_json: T,
    /// Checking the signature.
    pub(crate) signature: T,
    /// `jsonwebtoken`'s decode of the token.
    pub(crate) jsonwebtoken: T,
    /// The whole way from the token's bytes to the outcome.
    pub(crate) whole: T,
}

impl Times {
    /// Times everything `iterations` times; `progress` hears how often it has
    /// been done.
    pub(crate) fn take(
        stage: &Stage<'_>,
        iterations: usize,
        mut progress: impl FnMut(usize),
    ) -> anyhow::Result<Self> {
        // One round for nothing, so that caches and pools are as in service.
        Times::default().round(stage, ROUND)?;
        let mut times = Times::default();
        let mut done = 0;
        while done < iterations {
            progress(done);
            let round = ROUND.min(iterations - done);
            times.round(stage, round)?;
            done += round;
        }
        Ok(times.sorted())
    }
}

impl Times<Samples> {
    fn sorted(self) -> Times {
        Times {
            decision: self.decision.sorted(),
            native: self.native.sorted(),
            native_json: self.native_json.sorted(),
            signature: self.signature.sorted(),
            jsonwebtoken: self.jsonwebtoken.sorted(),
            whole: self.whole.sorted(),
        }
    }

    fn round(&mut self, stage: &Stage<'_>, times: usize) -> anyhow::Result<()> {
        self.decision.take(times, || stage.sandboxed())?;
        self.native.take(times, || stage.native())?;
        self.native_json.take(times, || stage.native_from_json())?;
        self.signature.take(times, || stage.signature())?;
        self.jsonwebtoken.take(times, || stage.jsonwebtoken())?;
        self.whole.take(times, || stage.whole())
    }
}
