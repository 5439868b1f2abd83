//! The filter: what a request meets on its way through Envoy.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Deserialize;

use crate::abi::{Level, Request, Waker, log};
use crate::decider;

/// Where Envoy keeps what this filter says of a request: access logs read
/// `%DYNAMIC_METADATA(claimbound:reason)%`.
const NAMESPACE: &str = "claimbound";

/// What only this filter may say of a caller begins so, with `-` or `_` and in
/// any case.
const IDENTITY: &str = "x-claimbound-";

/// Decides requests, on threads of its own: all that the filter knows of the
/// decision. Whoever drops `then` uncalled has the request answered with 503.
pub(crate) trait Decide: Send + Sync {
    /// Decides what `request` presented to `route`, and calls `then` with the
    /// answer, from any thread, at once or later. This never waits.
    fn decide(&self, route: &str, request: Presented, then: Box<dyn FnOnce(Answer) + Send>);

    /// Whether there is such a route.
    fn has_route(&self, route: &str) -> bool;
}

/// What a request presents, as Envoy has it.
pub(crate) struct Presented {
    /// The value of its only `Authorization`.
    pub(crate) authorization: String,
    /// All its headers in order, names in lower case, `:method` and `:path` too;
    /// without those that only this filter may set.
    #[expect(dead_code, reason = "attributes and proofs are taken from them")]
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// The SHA-256 of the certificate (DER) of its connection.
    pub(crate) certificate: Option<[u8; 32]>,
}

/// What becomes of a request.
pub(crate) enum Answer {
    /// It goes on, with these headers in place of the caller's.
    Allow {
        /// Names in lower case, that begin as [`IDENTITY`].
        identity: Vec<(&'static str, String)>,
        /// The statement that accepted it.
        statement: String,
    },
    /// It is answered here, and goes no further.
    Refuse {
        /// 401, 403 or 503.
        status: u16,
        /// The challenge of a 401.
        challenge: Option<&'static str>,
        /// What the caller reads: one for each status.
        body: &'static str,
        /// What the operator reads.
        reason: String,
    },
}

impl Answer {
    /// No answer could be given.
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Refuse {
            status: 503,
            challenge: None,
            body: "no decision could be made\n",
            reason: reason.into(),
        }
    }

    /// There is no credential, or more than one.
    pub(crate) fn unauthenticated(reason: impl Into<String>) -> Self {
        Self::Refuse {
            status: 401,
            challenge: Some("Bearer"),
            body: "a token is needed\n",
            reason: reason.into(),
        }
    }
}

/// The settings of a filter: Envoy's `filter_config`.
pub(crate) struct Settings {
    route: String,
    decider: Arc<dyn Decide>,
}

/// As Envoy's configuration has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The configuration, as `claimbound serve` takes it.
    config: PathBuf,
    /// The route of it that requests come to.
    route: String,
}

impl Settings {
    /// Reads `filter_config`; says what is wrong with it.
    pub(crate) fn read(text: &[u8]) -> Result<Self, String> {
        let Written { config, route } = serde_json::from_slice(text).map_err(|error| {
            format!("`filter_config` is no `{{\"config\": PATH, \"route\": NAME}}`: {error}")
        })?;
        let decider = decider::of(&config)?;
        if !decider.has_route(&route) {
            return Err(format!("`{}` has no route `{route}`", config.display()));
        }
        Ok(Self { route, decider })
    }
}

/// What Envoy does with a request after its headers.
pub(crate) enum Flow {
    /// It waits for the answer.
    Wait,
    /// It has been answered.
    Answered,
}

/// One request's filter. It is shared with whoever decides, who may answer after
/// the request is gone.
pub(crate) struct Filter {
    settings: Arc<Settings>,
    state: Mutex<State>,
    waker: OnceLock<Waker>,
}

enum State {
    /// Nothing has been answered.
    Waiting,
    /// The answer is there, and the worker does not know yet.
    Decided(Answer),
    /// The request went on.
    Allowed,
    /// The request was answered, or is gone.
    Over,
}

impl Filter {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            state: Mutex::new(State::Waiting),
            waker: OnceLock::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request's headers are there.
    pub(crate) fn arrive(self: &Arc<Self>, mut request: Request<'_>) -> Flow {
        let presented = match present(&mut request) {
            Ok(presented) => presented,
            Err(answer) => {
                self.apply(request, answer);
                return Flow::Answered;
            }
        };
        let Some(waker) = request.waker() else {
            self.apply(request, Answer::unavailable("envoy gave no scheduler"));
            return Flow::Answered;
        };
        // A filter meets its headers once.
        if self.waker.set(waker).is_err() {
            self.apply(request, Answer::unavailable("headers arrived twice"));
            return Flow::Answered;
        }
        let ticket = Ticket(Some(Arc::clone(self)));
        let then = Box::new(move |answer| ticket.redeem(answer));
        let Settings { route, decider } = &*self.settings;
        decider.decide(route, presented, then);
        Flow::Wait
    }

    /// The worker was woken.
    pub(crate) fn wake(&self, request: Request<'_>) {
        let answer = {
            let mut state = self.state();
            match std::mem::replace(&mut *state, State::Over) {
                State::Decided(answer) => answer,
                other @ (State::Waiting | State::Allowed | State::Over) => {
                    *state = other;
                    return;
                }
            }
        };
        self.apply(request, answer);
    }

    /// Whether what follows the headers has to wait.
    pub(crate) fn waits(&self) -> bool {
        !matches!(*self.state(), State::Allowed)
    }

    /// The request is over: whoever decides it still wakes nobody.
    pub(crate) fn leave(&self) {
        if let Some(waker) = self.waker.get() {
            waker.close();
        }
        *self.state() = State::Over;
    }

    /// Takes an answer, on whatever thread, and wakes the worker.
    fn decided(&self, answer: Answer) {
        {
            let mut state = self.state();
            if !matches!(*state, State::Waiting) {
                return;
            }
            *state = State::Decided(answer);
        }
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
    }

    /// Does to a request what was answered. No lock is held: Envoy may call
    /// hooks of this filter before it is through.
    fn apply(&self, mut request: Request<'_>, answer: Answer) {
        match answer {
            Answer::Allow {
                identity,
                statement,
            } => {
                let mut set = identity
                    .iter()
                    .map(|(name, value)| (name, request.set_header(name, value)));
                if let Some((name, _)) = set.find(|(_, is_set)| !is_set) {
                    let reason = format!("the value of `{name}` fits no header");
                    return self.apply(request, Answer::unavailable(reason));
                }
                request.set_metadata(NAMESPACE, "decision", "allow");
                request.set_metadata(NAMESPACE, "statement", &statement);
                *self.state() = State::Allowed;
                request.proceed();
            }
            Answer::Refuse {
                status,
                challenge,
                body,
                reason,
            } => {
                let route = &self.settings.route;
                // What a token says may stand in it: a line stays one line.
                let reason = reason.replace(char::is_control, "\u{fffd}");
                let line = format!("claimbound: route `{route}`: {status}: {reason}");
                log(level(status), &line);
                request.set_metadata(NAMESPACE, "decision", refusal(status));
                request.set_metadata(NAMESPACE, "reason", &reason);
                *self.state() = State::Over;
                let mut headers = vec![("content-type", "text/plain")];
                headers.extend(challenge.map(|challenge| ("www-authenticate", challenge)));
                request.answer(status, &headers, body, "claimbound");
            }
        }
    }
}

/// How much a refusal matters.
fn level(status: u16) -> Level {
    match status {
        401 => Level::Debug,
        ..500 => Level::Info,
        500.. => Level::Warning,
    }
}

/// A refusal in one word: an answer, or none.
fn refusal(status: u16) -> &'static str {
    if status < 500 { "deny" } else { "error" }
}

/// Takes from a request what it presents, and off it what only this filter may
/// say.
fn present(request: &mut Request<'_>) -> Result<Presented, Answer> {
    let mut headers = Vec::new();
    let mut spoofed = Vec::new();
    for (name, value) in request.headers() {
        if is_identity(name) {
            spoofed.push(name.to_owned());
        } else {
            let name = String::from_utf8_lossy(name).into_owned();
            headers.push((name, value.to_owned()));
        }
    }
    for name in &spoofed {
        // Of a name that was there twice, the first time takes both.
        let _ = request.remove_header(name);
    }
    if !spoofed.is_empty() {
        if request.headers().iter().any(|(name, _)| is_identity(name)) {
            return Err(Answer::unavailable("a header could not be taken off"));
        }
        // It may have been chosen by what was just taken off.
        request.forget_route();
    }
    let mut credentials = headers.iter().filter(|(name, _)| name == "authorization");
    let authorization = match (credentials.next(), credentials.next()) {
        (Some((_, one)), None) => String::from_utf8(one.clone())
            .map_err(|_| Answer::unauthenticated("`authorization` is not text"))?,
        (None, _) => return Err(Answer::unauthenticated("no `authorization`")),
        (Some(_), Some(_)) => return Err(Answer::unauthenticated("several `authorization`")),
    };
    // Envoy has joined what stood on several lines (RFC 9110 §5.2); no credential
    // of one has a comma (RFC 6750 §2.1).
    if authorization.contains(',') {
        return Err(Answer::unauthenticated("several `authorization`"));
    }
    let certificate = request.peer_certificate().and_then(digest);
    Ok(Presented {
        authorization,
        headers,
        certificate,
    })
}

/// A SHA-256 as Envoy writes it: 64 hexadecimal digits.
fn digest(hexadecimal: &[u8]) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = hexadecimal.try_into().ok()?;
    let mut digest = [0; 32];
    for (byte, digits) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(digest)
}

/// Whether a header of this name says who a caller is.
fn is_identity(name: &[u8]) -> bool {
    let same = |(one, other): (&u8, u8)| match one {
        b'_' => other == b'-',
        byte => byte.to_ascii_lowercase() == other,
    };
    name.len() >= IDENTITY.len() && name.iter().zip(IDENTITY.bytes()).all(same)
}

/// A right to answer one request. Whoever drops it unanswered has failed.
struct Ticket(Option<Arc<Filter>>);

impl Ticket {
    fn redeem(mut self, answer: Answer) {
        if let Some(filter) = self.0.take() {
            filter.decided(answer);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(filter) = self.0.take() {
            filter.decided(Answer::unavailable("the decision was given up"));
        }
    }
}
