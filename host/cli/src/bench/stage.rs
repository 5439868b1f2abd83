//! One token, and everything that is timed on it.

use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use claimbound::clock::FixedClock;
use claimbound::floor::{Admissible, Floor};
use claimbound::gate::Gate;
use claimbound::issuer::Settings;
use claimbound::key::{Algorithm, Key};
use claimbound::outcome::{Allowed, Outcome};
use claimbound::policy::{Answer, Policy, Request};
use claimbound::token::Token;
use claimbound_language::engine::{Decision, Program, evaluate};
use claimbound_language::{Compiled, Example};
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Map, Value};

use super::facts::{Read, Told};
use super::reader::Reader;
use crate::signer::Signer;
use crate::throwaway;

/// A token of one algorithm with whoever decides it.
pub(crate) struct Stage<'a> {
    compiled: &'a Compiled,
    program: Program<'a>,
    reader: Reader<'a>,
    gate: Gate,
    clock: FixedClock,
    request: Request,
    token: String,
    payload: Vec<u8>,
    admissible: Admissible,
    signed: Signed,
    peer: Peer,
}

/// What checking a signature takes.
struct Signed {
    key: Key,
    algorithm: Algorithm,
    /// How much of the token is signed, in bytes.
    input: usize,
    signature: Vec<u8>,
}

/// `jsonwebtoken`, made ready as its documentation says: key and validation
/// once, and each token into the claims that somebody reads.
struct Peer {
    key: DecodingKey,
    validation: Validation,
}

impl<'a> Stage<'a> {
    /// Signs the example by a fresh key of `algorithm`, and puts the policy
    /// before it.
    pub(crate) fn new(
        compiled: &'a Compiled,
        policy: &Arc<Policy>,
        example: &Example,
        algorithm: Algorithm,
    ) -> anyhow::Result<Self> {
        let signer = Signer::fresh(algorithm)?;
        let claims = Value::Object(example.claims.clone());
        let token = signer.sign(&claims)?;
        let clock = FixedClock(example.request.now);
        let url = example.claims.get("iss").and_then(Value::as_str);
        let url = url.context("the example names no issuer")?;
        // Whatever the issuer's model signs by: what is timed is the algorithm.
        let settings = Settings {
            algorithms: Some(vec![algorithm]),
            ..Settings::default()
        };
        let place = (url, example.request.audience.as_str());
        let gate = throwaway::gate(compiled, Arc::clone(policy), &signer, place, settings)?;
        let input = token.rfind('.').context("a token has three parts")?;
        let signature = signer.signature(token.get(..input).unwrap_or_default().as_bytes())?;
        let verified = gate
            .verify(Token::new(&token), clock.0)
            .map_err(unexpected)?;
        let floor = Floor::new(example.request.audience.as_str())?;
        let admissible = verified
            .identify()
            .and_then(|identified| floor.admit(identified, clock.0))
            .map_err(|refusal| unexpected(refusal.into()))?;
        let stage = Self {
            signed: Signed {
                key: Key::from_jwk(signer.jwk()?.to_string())?,
                algorithm,
                input,
                signature,
            },
            program: Program::open(&compiled.bytes).map_err(|error| anyhow!("{error}"))?,
            reader: Reader::of(&compiled.program.claims),
            compiled,
            gate,
            clock,
            request: Request::with_attributes(example.request.attributes.clone()),
            payload: claims.to_string().into_bytes(),
            peer: Peer::new(&signer, place, algorithm)?,
            admissible,
            token,
        };
        stage.agree()?;
        Ok(stage)
    }

    /// The length of the token in bytes.
    pub(crate) fn token_bytes(&self) -> usize {
        self.token.len()
    }

    /// All ways come to the same: otherwise they are not worth comparing.
    fn agree(&self) -> anyhow::Result<()> {
        let statement = match self.sandboxed()? {
            Answer::Allow { statement, .. } => statement,
            Answer::Deny(denied) => {
                let denied = unexpected(Outcome::Deny(denied));
                bail!("the policy denies the token that a fresh key signed for it: {denied}");
            }
        };
        for native in [self.native()?, self.native_from_json()?] {
            match native {
                Decision::Allow {
                    statement: other, ..
                } if other == statement => {}
                Decision::Allow { .. } | Decision::Deny { .. } => {
                    bail!("a native evaluation does not come to what the component does");
                }
            }
        }
        self.whole()?;
        if !self.signature()? {
            bail!("the signature is not the key's");
        }
        self.jsonwebtoken().map(drop)
    }

    /// The component's answer, in a fresh instance, from what the host has
    /// decoded.
    pub(crate) fn sandboxed(&self) -> anyhow::Result<Answer> {
        Ok(self
            .gate
            .policy()
            .evaluate(&self.admissible, &self.request)?)
    }

    /// The same program's answer without a sandbox, from the same.
    pub(crate) fn native(&self) -> anyhow::Result<Decision> {
        self.evaluate(Read::of(&self.compiled.program, &self.admissible))
    }

    /// The same, with the claims read from the payload's text.
    pub(crate) fn native_from_json(&self) -> anyhow::Result<Decision> {
        self.evaluate(self.reader.read(&self.payload)?)
    }

    fn evaluate(&self, read: Read<'_>) -> anyhow::Result<Decision> {
        let told = Told::new(
            &self.compiled.program,
            read,
            &self.admissible,
            &self.request,
        );
        evaluate(self.program, &told).map_err(|error| anyhow!("{error}"))
    }

    /// Whether the signature is the key's.
    pub(crate) fn signature(&self) -> anyhow::Result<bool> {
        let input = self.token.as_bytes().get(..self.signed.input);
        let input = input.context("the token is shorter than what was signed")?;
        let Signed { key, algorithm, .. } = &self.signed;
        Ok(key.verifies(*algorithm, input, &self.signed.signature))
    }

    /// What `jsonwebtoken` makes of the token.
    pub(crate) fn jsonwebtoken(&self) -> anyhow::Result<Map<String, Value>> {
        let Peer { key, validation } = &self.peer;
        let decoded = jsonwebtoken::decode(&self.token, key, validation);
        Ok(decoded.context("jsonwebtoken refuses the token")?.claims)
    }

    /// What the token's bytes are allowed, without ledger and record. Anything
    /// else is an error: how long no answer took says nothing.
    pub(crate) fn whole(&self) -> anyhow::Result<Box<Allowed>> {
        let verified = self.gate.verify(Token::new(&self.token), self.clock.0);
        let outcome = verified.map_or_else(
            |refused| refused,
            |verified| self.gate.preview(verified, &self.request, &self.clock),
        );
        match outcome {
            Outcome::Allow(allowed) => Ok(allowed),
            refused @ (Outcome::Deny(_) | Outcome::Error(_)) => Err(unexpected(refused)),
        }
    }
}

impl Peer {
    fn new(
        signer: &Signer,
        (url, audience): (&str, &str),
        algorithm: Algorithm,
    ) -> anyhow::Result<Self> {
        let known = algorithm.as_str().parse();
        let known = known.map_err(|_| anyhow!("jsonwebtoken, the measure, does not know it"))?;
        let key = serde_json::from_value(signer.jwk()?)
            .context("jsonwebtoken reads the key otherwise")?;
        let mut validation = Validation::new(known);
        // It reads its own clock, which is not the example's: one comparison is
        // left out of its time.
        validation.validate_exp = false;
        validation.set_audience(&[audience]);
        validation.set_issuer(&[url]);
        Ok(Self {
            key: DecodingKey::from_jwk(&key)?,
            validation,
        })
    }
}

fn unexpected(outcome: Outcome) -> anyhow::Error {
    match outcome {
        Outcome::Deny(denied) => {
            let message = denied.reasons.into_iter().next().map(|one| one.message);
            anyhow!(message.unwrap_or_default())
        }
        Outcome::Error(error) => error.into(),
        Outcome::Allow(_) => anyhow!("an allow is no refusal"),
    }
}
