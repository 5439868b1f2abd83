//! The filter: what a request meets on its way through Envoy.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use claimbound::proof::certificate;
use claimbound_server::{Answer, Described, Peer, Refusal, identity};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::abi::{Level, Request, Waker, log};
use crate::instance::{self, Instance};

/// Where Envoy keeps what this filter says of a request: access logs read
/// `%DYNAMIC_METADATA(claimbound:reason)%`.
const NAMESPACE: &str = "claimbound";

/// What only this filter may say of a caller begins so, with `-` or `_` and in
/// any case.
const IDENTITY: &str = "x-claimbound-";

/// The settings of a filter: Envoy's `filter_config`.
pub(crate) struct Settings {
    route: String,
    /// None where Envoy only validates: no request comes then.
    instance: Option<Instance>,
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
    pub(crate) fn read(text: &[u8], is_validating: bool) -> Result<Self, String> {
        let Written { config, route } = serde_json::from_slice(text).map_err(|error| {
            format!("`filter_config` is no `{{\"config\": PATH, \"route\": NAME}}`: {error}")
        })?;
        let (instance, has_route) = if is_validating {
            let routes = instance::check(&config).map_err(|error| error.to_string())?;
            (None, routes.contains(&route))
        } else {
            let instance = Instance::of(&config).map_err(|error| error.to_string())?;
            let has_route = instance.host().route(&route).is_some();
            (Some(instance), has_route)
        };
        if !has_route {
            return Err(format!("`{}` has no route `{route}`", config.display()));
        }
        Ok(Self { route, instance })
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
        let Some(instance) = &self.settings.instance else {
            return self.fail(request, "envoy only validates");
        };
        if !take_off(&mut request) {
            return self.fail(request, "a header could not be taken off");
        }
        let Some(waker) = request.waker() else {
            return self.fail(request, "envoy gave no scheduler");
        };
        // A filter meets its headers once.
        if self.waker.set(waker).is_err() {
            return self.fail(request, "headers arrived twice");
        }
        let Some(presented) = Presented::by(&request) else {
            self.apply(request, Refusal::Malformed.into());
            return Flow::Answered;
        };
        let ticket = Ticket(Some(Arc::clone(self)));
        let then = move |answer| ticket.redeem(answer);
        let route = &self.settings.route;
        instance
            .host()
            .ask_then(route, &presented.described(), then);
        Flow::Wait
    }

    /// Answers a request that nothing could be decided of.
    fn fail(&self, request: Request<'_>, why: &str) -> Flow {
        log(Level::Warning, &format!("claimbound: {why}"));
        self.apply(request, Refusal::Unavailable.into());
        Flow::Answered
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
        let route = &self.settings.route;
        let answer = match &answer {
            Answer::Allow(allowed) => {
                let headers = identity::headers(route, allowed).into_iter();
                let mut headers = headers.map(|(name, value)| {
                    let value = value.to_str().unwrap_or_default();
                    request.set_header(name.as_str(), value)
                });
                // Without one of them it is not said who comes.
                if headers.all(|is_set| is_set) {
                    answer
                } else {
                    log(Level::Warning, "claimbound: a header could not be set");
                    Refusal::Unavailable.into()
                }
            }
            Answer::Refuse { .. } => answer,
        };
        request.set_metadata(NAMESPACE, &answer.metadata(route));
        match answer {
            Answer::Allow(_) => {
                *self.state() = State::Allowed;
                request.proceed();
            }
            Answer::Refuse { refusal, .. } => {
                *self.state() = State::Over;
                let response = refusal.response();
                let headers = response.headers().iter();
                let headers: Vec<_> = headers
                    .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
                    .collect();
                let status = response.status().as_u16();
                request.answer(status, &headers, response.body(), "claimbound");
            }
        }
    }
}

/// Takes off a request what only this filter may say; whether that went well.
fn take_off(request: &mut Request<'_>) -> bool {
    let headers = request.headers().into_iter();
    let spoofed = headers.filter(|(name, _)| is_identity(name));
    let spoofed: Vec<_> = spoofed.map(|(name, _)| name.to_owned()).collect();
    if spoofed.is_empty() {
        return true;
    }
    for name in &spoofed {
        // Of a name that was there twice, the first time takes both.
        let _ = request.remove_header(name);
    }
    // It may have been chosen by what was just taken off.
    request.forget_route();
    !request.headers().iter().any(|(name, _)| is_identity(name))
}

/// What a request presents, as Envoy has it.
struct Presented {
    headers: HeaderMap,
    method: String,
    path: String,
    certificate: Option<[u8; 32]>,
}

impl Presented {
    /// None where it can't be read.
    fn by(request: &Request<'_>) -> Option<Self> {
        let mut headers = HeaderMap::new();
        let (mut method, mut path) = (String::new(), String::new());
        for (name, value) in request.headers() {
            match name {
                b":method" => method = String::from_utf8(value.to_vec()).ok()?,
                b":path" => path = String::from_utf8(value.to_vec()).ok()?,
                // The others of HTTP/2's own.
                [b':', ..] => {}
                name => {
                    let name = HeaderName::from_bytes(name).ok()?;
                    let value = HeaderValue::from_bytes(value).ok()?;
                    headers.try_append(name, value).ok()?;
                }
            }
        }
        let certificate = request.peer_certificate();
        Some(Self {
            headers,
            method,
            path,
            certificate: match certificate {
                Some(digits) => {
                    let digits = std::str::from_utf8(digits).ok()?;
                    Some(certificate::from_hexadecimal(digits).ok()?)
                }
                None => None,
            },
        })
    }

    fn described(&self) -> Described<'_> {
        Described {
            headers: &self.headers,
            context: None,
            line: Some((&self.method, &self.path)),
            peer: Peer::Known(self.certificate),
        }
    }
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
            filter.decided(Refusal::Unavailable.into());
        }
    }
}
