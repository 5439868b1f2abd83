//! How every protocol asks: a request as it was described, its route, and the
//! answer.

use std::sync::Arc;

use claimbound::policy::Request;

use super::answer::{Answer, Refusal};
use super::attributes::Described;
use super::credential::Credential;
use crate::host::{Host, PresentedToken, Route};
use crate::metrics::TurnedAway;
use crate::question::Question;

/// A route, and what is presented there.
type Asked = (Arc<Route>, PresentedToken, Request);

impl Host {
    /// Decides the one credential of a request on a route: the token of its
    /// header `Authorization`, with the attributes and the proof of possession
    /// that the route takes from the request. This is what a server asks for a
    /// proxy, and it counts in the same metrics.
    pub async fn ask(&self, route: &str, described: &Described<'_>) -> Answer {
        match self.asked(route, described) {
            Ok((route, token, request)) => self.decide(&route, token, request).await.into(),
            Err(refusal) => refusal.into(),
        }
    }

    /// As [`ask`](Self::ask), for callers that can't await and whose thread has
    /// other things to do: `then` is called once with the answer, on another
    /// thread, or on this one where there is nothing to decide or too much waits
    /// already. Where a decision ends in a panic it is dropped without being
    /// called.
    pub fn ask_then(
        &self,
        route: &str,
        described: &Described<'_>,
        then: impl FnOnce(Answer) + Send + 'static,
    ) {
        match self.asked(route, described) {
            Ok((route, token, request)) => {
                let question = Question::new(self, &route, token, request);
                question.decide_then(|decided| then(decided.into()));
            }
            Err(refusal) => then(refusal.into()),
        }
    }

    fn asked(&self, route: &str, described: &Described<'_>) -> Result<Asked, Refusal> {
        let turned_away = |why: TurnedAway, refusal: Refusal| {
            self.metrics().turned_away(why);
            refusal
        };
        let Some(route) = self.route(route) else {
            return Err(turned_away(TurnedAway::NoRoute, Refusal::NotFound));
        };
        let credential = Credential::of(described.headers)
            .map_err(|fault| turned_away(fault.into(), fault.into()))?;
        let (token, request) = described
            .asks(&route, credential)
            .map_err(|fault| turned_away(TurnedAway::BadRequest, fault.into()))?;
        Ok((route, token, request))
    }
}
