//! How every protocol asks: a request as it was described, its route, and the
//! answer.

use std::sync::Arc;

use claimbound::policy::Request;

use super::answer::{Answer, Refusal};
use super::attributes::Described;
use super::credential::Credential;
use crate::host::{Host, PresentedToken, Route};
use crate::metrics::TurnedAway;

/// What there is to decide.
struct Asked {
    route: Arc<Route>,
    token: PresentedToken,
    request: Request,
}

impl Host {
    /// Decides the one credential of a request on a route: the token of its
    /// header `Authorization`, with the attributes and the proof of possession
    /// that the route takes from the request. This is what a server asks for a
    /// proxy, and it counts in the same metrics.
    pub async fn ask(&self, route: &str, described: &Described<'_>) -> Answer {
        match self.asked(route, described) {
            Ok(asked) => {
                let decided = self.decide(&asked.route, asked.token, asked.request);
                decided.await.into()
            }
            Err(refusal) => refusal.into(),
        }
    }

    /// As [`ask`](Self::ask), for callers that can't await; of `then` the same
    /// holds as for [`decide_then`](Self::decide_then), and it is called on this
    /// thread where there is no token to decide.
    pub fn ask_then(
        &self,
        route: &str,
        described: &Described<'_>,
        then: impl FnOnce(Answer) + Send + 'static,
    ) {
        match self.asked(route, described) {
            Ok(asked) => self.decide_then(&asked.route, asked.token, asked.request, |decided| {
                then(decided.into());
            }),
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
        Ok(Asked {
            route,
            token,
            request,
        })
    }
}
