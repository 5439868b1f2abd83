//! Choices: the subjects of a form whose segments somebody has chosen.
//!
//! Whoever chooses takes any of the segments, in any order. What is looked for
//! asks for some of them, or for names that are made of some; all the others are
//! fillers. A token stays one if a filler is left out, for what repeats it may stay:
//! so few choices have to be looked at to know of all. Fillers matter where the
//! subject would otherwise be empty, and where its text as a whole is asked for:
//! there they are followed as far as they bring a text of it to another place.

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use claimbound_issuers::{Form, Part};

use super::{Found, Layout, Nothing, Search, Segment, Signer, free};
use crate::block::Block;
use crate::budget::Exceeded;
use crate::shape::{self, Piece};
use crate::texts::{Place, Texts};
use crate::variable::Variable;

/// The steps that it takes to keep in mind where to go on, so that a budget ends
/// before memory does.
const KEPT: u64 = 256;

/// A segment that may be chosen.
struct Link<'a> {
    segment: Segment<'a>,
    texts: Texts,
    /// Whether a token with it stays one of those looked for without it.
    is_filler: bool,
}

/// A search of the choices that a block leaves.
pub(super) struct Choices<'a, 's> {
    signer: &'s Signer<'a>,
    block: &'s Block,
    form: &'a Form,
    links: Vec<Link<'a>>,
    /// The parts without which no subject is in the block.
    needed: Vec<&'a str>,
    /// The parts of names that claims can't say instead, where something is asked
    /// of them.
    named: HashSet<String>,
    subject: Texts,
    separator: Texts,
    /// Where it is to go on, those of fewer segments first.
    begun: VecDeque<At>,
    steps: HashMap<(usize, Place), Rc<[Step]>>,
    tried: HashSet<Vec<usize>>,
    is_certain: bool,
    /// Whether some choice was left out because a shorter one, or one in another
    /// order, is as good.
    leaves_out: bool,
    /// Whether some choice is no good for nothing but that its subjects are of
    /// another form.
    is_taken: bool,
}

/// Where a search is: before a segment.
#[derive(Clone)]
struct At {
    chosen: Vec<usize>,
    place: Place,
    /// Whether the subject might have ended before the separator.
    might_end: bool,
    /// From which of those chosen on any order will do, for the subject is open.
    open_from: Option<usize>,
    /// The places passed since the last segment that is no filler.
    passed: Vec<Place>,
}

/// Where a subject may come to by one segment.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Step {
    /// Whether it may end behind the segment.
    may_end: bool,
    /// Behind the separator after it, if any text goes on there.
    before_next: Option<Place>,
}

impl<'a, 's> Choices<'a, 's> {
    pub(super) fn new(
        signer: &'s Signer<'a>,
        block: &'s Block,
        form: &'a Form,
    ) -> Result<Self, Exceeded> {
        let subject = block.set(&Variable::Subject);
        let subject = subject.map_or_else(Texts::all, |asked| asked.texts().clone());
        let separator = form.separator().map(String::from).unwrap_or_default();
        let parts = signer.model.parts().iter();
        let needed = parts.map(Part::name);
        let needed = needed.filter(|part| !block.may_lack(&Variable::Part((*part).to_owned())));
        let mut choices = Self {
            signer,
            block,
            form,
            links: Vec::new(),
            needed: needed.collect(),
            named: free::not_free(signer, block, form)?,
            subject,
            separator: Texts::one(&separator, signer.budget)?,
            begun: VecDeque::new(),
            steps: HashMap::new(),
            tried: HashSet::new(),
            // Without a filler it is another subject, which may not be related so.
            is_certain: !block.is_related(&Variable::Subject),
            leaves_out: false,
            is_taken: false,
        };
        for segment in Segment::all(signer.model, form) {
            choices.add(segment)?;
        }
        Ok(choices)
    }

    /// Adds a segment, unless a part of it can have no text.
    fn add(&mut self, segment: Segment<'a>) -> Result<(), Exceeded> {
        let budget = self.signer.budget;
        let mut texts = Texts::one("", budget)?;
        for part in &segment.parts {
            if self.texts_of(&segment, part.name())?.is_empty() {
                return Ok(());
            }
        }
        for piece in shape::pieces(segment.template) {
            let next = match piece {
                Piece::Literal(text) => Texts::one(&text, budget)?,
                Piece::Part(name) => self.texts_of(&segment, &name)?,
            };
            texts = texts.then(&next, budget)?;
        }
        let is_needed = |part: &str| self.needed.contains(&part);
        let mut parts = segment.parts.iter();
        let is_filler =
            !parts.any(|part| is_needed(part.name()) || self.named.contains(part.name()));
        self.links.push(Link {
            segment,
            texts,
            is_filler,
        });
        Ok(())
    }

    /// The texts that a part of a segment may have.
    fn texts_of(&self, segment: &Segment<'a>, name: &str) -> Result<Texts, Exceeded> {
        let budget = self.signer.budget;
        let texts = match (segment.fixed(name), self.signer.model.part(name)) {
            (Some(value), _) => Texts::one(value, budget)?,
            (None, Some(part)) => self.signer.shapes.texts(part, budget)?,
            (None, None) => Texts::none(),
        };
        match self.block.set(&Variable::Part(name.to_owned())) {
            Some(asked) => texts.and(asked.texts(), budget),
            None => Ok(texts),
        }
    }

    /// A token with a subject of some choice. Where another form's subjects are the
    /// same, they are that form's, and `all` says whether they are looked for there.
    pub(super) fn found(mut self, all: &Block) -> Search<Found> {
        let is_there = |part: &&str| self.links.iter().any(|link| link.segment.has(part));
        if !self.needed.iter().all(is_there) {
            return Ok(Err(Nothing::CERTAIN));
        }
        let place = Texts::beginning();
        self.begun.push_back(At {
            chosen: Vec::new(),
            place,
            might_end: false,
            open_from: None,
            passed: vec![place],
        });
        let mut found = None;
        while let (None, Some(at)) = (&found, self.begun.pop_front()) {
            found = self.go_on(at, all)?;
        }
        // A longer choice than one that another form has may be this form's.
        let is_certain = self.is_certain && !(self.is_taken && self.leaves_out);
        Ok(found.ok_or(Nothing { is_certain }))
    }

    /// Takes each of the segments that may be next.
    fn go_on(&mut self, mut at: At, all: &Block) -> Result<Option<Found>, Exceeded> {
        if at.open_from.is_none() && self.subject.is_open(at.place, self.signer.budget)? {
            at.open_from = Some(at.chosen.len());
        }
        for next in 0..self.links.len() {
            self.signer.budget.take(1)?;
            if !self.may_follow(next, &at) {
                continue;
            }
            let found = self.take(next, &at, all)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Whether a segment has no part that is there already and, where any order
    /// will do, comes in the model's.
    fn may_follow(&self, next: usize, at: &At) -> bool {
        let Some(link) = self.links.get(next) else {
            return false;
        };
        let before = at.chosen.iter().filter_map(|place| self.links.get(*place));
        let mut parts = before.flat_map(|link| &link.segment.parts);
        let free = at.open_from.and_then(|from| at.chosen.get(from..));
        let is_ordered = free.is_none_or(|free| free.iter().all(|before| *before < next));
        (link.is_filler || is_ordered) && !parts.any(|part| link.segment.has(part.name()))
    }

    /// Follows a segment to the end of the subject, and to before others.
    fn take(&mut self, next: usize, at: &At, all: &Block) -> Result<Option<Found>, Exceeded> {
        let is_filler = self.links.get(next).is_some_and(|link| link.is_filler);
        let chosen = [at.chosen.as_slice(), &[next]].concat();
        for step in self.steps(next, at.place)?.iter() {
            self.signer.budget.take(1)?;
            let is_needless = step.may_end && is_filler && at.might_end;
            self.leaves_out |= is_needless;
            if step.may_end && !is_needless {
                let found = self.tried(&chosen, at.open_from, all)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            let Some(place) = step.before_next else {
                continue;
            };
            if is_filler && at.passed.contains(&place) {
                self.leaves_out = true;
                continue;
            }
            self.signer.budget.take(KEPT)?;
            let passed = if is_filler { at.passed.as_slice() } else { &[] };
            self.begun.push_back(At {
                chosen: chosen.clone(),
                place,
                might_end: step.may_end,
                open_from: at.open_from,
                passed: [passed, &[place]].concat(),
            });
        }
        Ok(None)
    }

    /// Where the subject may come to by a segment that begins at a place.
    fn steps(&mut self, link: usize, place: Place) -> Result<Rc<[Step]>, Exceeded> {
        if let Some(known) = self.steps.get(&(link, place)) {
            return Ok(Rc::clone(known));
        }
        let budget = self.signer.budget;
        let texts = self.links.get(link).map(|link| link.texts.clone());
        let texts = texts.unwrap_or_else(Texts::none);
        let mut steps: Vec<Step> = Vec::new();
        for end in self.subject.places_after(place, &texts, budget)? {
            let next = self.subject.places_after(end, &self.separator, budget)?;
            let step = Step {
                may_end: self.subject.may_end(end),
                before_next: next.first().copied(),
            };
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
        let steps: Rc<[Step]> = steps.into();
        self.steps.insert((link, place), Rc::clone(&steps));
        Ok(steps)
    }

    /// Looks for a token with the segments that were chosen.
    fn tried(
        &mut self,
        chosen: &[usize],
        open_from: Option<usize>,
        all: &Block,
    ) -> Result<Option<Found>, Exceeded> {
        let is_there = |part: &&str| {
            let mut links = chosen.iter().filter_map(|place| self.links.get(*place));
            links.any(|link| link.segment.has(part))
        };
        if !self.needed.iter().all(is_there) || !self.tried.insert(chosen.to_vec()) {
            return Ok(None);
        }
        let Some(layout) = self.own_layout(chosen, open_from, all) else {
            return Ok(None);
        };
        match self.signer.found_so(self.block, &layout)? {
            Ok(found) => Ok(Some(found)),
            Err(nothing) if self.first_with(&layout).is_some() => {
                self.is_taken |= !nothing.is_certain;
                Ok(None)
            }
            Err(nothing) => {
                self.is_certain &= nothing.is_certain;
                Ok(None)
            }
        }
    }

    /// The segments in an order in which no other form has them, if it is free; none
    /// where the tokens are looked for under the other form.
    fn own_layout(
        &mut self,
        chosen: &[usize],
        open_from: Option<usize>,
        all: &Block,
    ) -> Option<Layout<'a>> {
        let laid_out = |chosen: &[usize]| {
            let links = chosen.iter().filter_map(|place| self.links.get(*place));
            let segments: Vec<&Segment<'a>> = links.map(|link| &link.segment).collect();
            Layout::new(self.form, &segments)
        };
        let layout = laid_out(chosen);
        let Some(other) = self.first_with(&layout) else {
            return Some(layout);
        };
        let mut turned = chosen.to_vec();
        let from = open_from.unwrap_or(chosen.len());
        if let Some(free) = turned.get_mut(from..) {
            free.rotate_left(usize::from(free.len() > 1));
            self.leaves_out |= free.len() > 1;
        }
        let turned = laid_out(&turned);
        if self.first_with(&turned).is_none() {
            return Some(turned);
        }
        let asked = all.set(&Variable::Form);
        let is_looked_for = asked.is_none_or(|asked| asked.texts().contains(other.name()));
        (!is_looked_for).then_some(layout)
    }

    /// The form before this one whose subjects are the same.
    fn first_with(&self, layout: &Layout<'a>) -> Option<&'a Form> {
        let forms = self.signer.model.forms().iter();
        let mut before = forms.take_while(|form| form.name() != self.form.name());
        before.find(|form| form.template() == Some(layout.template.as_str()))
    }
}
