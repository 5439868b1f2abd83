//! Whom a token is for: the audience of the route among others, or alone.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::block::Block;
use crate::budget::{Budget, Exceeded};
use crate::lists::Lists;
use crate::texts::Texts;
use crate::token::USUAL_AUDIENCE;
use crate::values::Values;
use crate::variable::Variable;

/// Who else a token is for where that is left open.
const ANOTHER: &str = "https://another.example";

/// Settles whom a token of the block is for: the audience of the route, which no
/// host leaves out, and alone where it may. Whether anything is left.
pub(super) fn settle(block: &mut Block, budget: &Budget) -> Result<bool, Exceeded> {
    let asked = |variable: &Variable| {
        let asked = block.set(variable).cloned();
        asked.unwrap_or_else(|| variable.domain())
    };
    let (lists, routes) = (
        asked(&Variable::Audience),
        asked(&Variable::AudienceOfRoute),
    );
    let sole = asked(&Variable::SoleAudience);
    for is_sole in [true, false] {
        if !sole.contains(Some(&Json::from(is_sole))) {
            continue;
        }
        for (has, lacks) in lists.lists().choices() {
            let choice = Choice { has, lacks };
            let Some((route, list)) = choice.met(routes.texts(), is_sole, budget)? else {
                continue;
            };
            let list = Values::of_lists(Lists::with_all(list));
            let is_sole = Values::of_booleans(!is_sole, is_sole);
            return Ok(block.bound(&Variable::Audience, &list, budget)?
                && block.bound(&Variable::SoleAudience, &is_sole, budget)?
                && super::pin(block, &Variable::AudienceOfRoute, &route, budget)?);
        }
    }
    Ok(false)
}

/// What is asked of `aud`: to have these, and not those.
struct Choice<'a> {
    has: &'a BTreeSet<String>,
    lacks: &'a BTreeSet<String>,
}

impl Choice<'_> {
    /// An audience of the route, and a list that has it; none where none is so.
    fn met(
        &self,
        routes: &Texts,
        is_sole: bool,
        budget: &Budget,
    ) -> Result<Option<(String, BTreeSet<String>)>, Exceeded> {
        // RFC 7519 §4.1.3 has nobody without a name, and neither have hosts.
        if self.has.contains("") || is_sole && self.has.len() > 1 {
            return Ok(None);
        }
        let mut left = routes.and(&self.open(&[""], budget)?, budget)?;
        if is_sole && !self.has.is_empty() {
            left = left.and(&Texts::of(self.has, false, budget)?, budget)?;
        }
        let mut usual: Vec<&str> = self.has.iter().map(String::as_str).collect();
        usual.push(USUAL_AUDIENCE);
        let Some(route) = preferred(&left, &usual) else {
            return Ok(None);
        };
        let mut list = self.has.clone();
        list.insert(route.clone());
        if !is_sole && list.len() < 2 {
            let others = self.open(&["", &route], budget)?;
            list.extend(preferred(&others, &[ANOTHER]));
        }
        Ok(Some((route, list)))
    }

    /// Whoever may be among the list, but for these.
    fn open(&self, but: &[&str], budget: &Budget) -> Result<Texts, Exceeded> {
        let lacks = self.lacks.iter().map(String::as_str);
        let closed = Texts::of(lacks.chain(but.iter().copied()), false, budget)?;
        Texts::all().minus(&closed, budget)
    }
}

/// The first of these that is in a set, or else one that is.
fn preferred(texts: &Texts, usual: &[&str]) -> Option<String> {
    let usual = usual.iter().find(|text| texts.contains(text));
    usual
        .map(|text| (*text).to_owned())
        .or_else(|| texts.example())
}
