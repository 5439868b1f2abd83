//! Parents of names: the id of the name that a name belongs to, or that name.

use claimbound_issuers::{Form, Kind, Model, Need};

use crate::block::Block;
use crate::budget::{Budget, Exceeded};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

/// The tokens of a block, as blocks in which what is asked of parents is asked of
/// their ids and names.
pub(super) fn followed(
    block: Block,
    model: &Model,
    form: &Form,
    budget: &Budget,
) -> Result<Vec<Block>, Exceeded> {
    let mut blocks = vec![block];
    for kind in model.names() {
        let mut next = Vec::new();
        for block in blocks {
            if block.mentions(&Variable::Parent(kind.name().to_owned())) {
                next.extend(of_kind(&block, kind, (model, form), budget)?);
            } else {
                next.push(block);
            }
        }
        blocks = next;
    }
    Ok(blocks)
}

/// What a parent can be: the id of a name, the name of one without an id, or
/// nothing, where either name is not there.
fn of_kind(
    block: &Block,
    kind: &Kind,
    (model, form): (&Model, &Form),
    budget: &Budget,
) -> Result<Vec<Block>, Exceeded> {
    let variable = Variable::Parent(kind.name().to_owned());
    let parent = model.parent(kind);
    let parent = parent.filter(|parent| kind.is_named_in(form) && parent.is_named_in(form));
    let with = |others: &[(&Variable, bool)], is: Option<&Variable>| {
        bounded(block, others, (&variable, is), budget)
    };
    let Some(parent) = parent else {
        return Ok(with(&[], None)?.into_iter().collect());
    };
    let own = Variable::Name(kind.name().to_owned());
    let name = Variable::Name(parent.name().to_owned());
    let id = Variable::Id(parent.name().to_owned());
    let mut blocks = Vec::new();
    blocks.extend(with(
        &[(&own, true), (&name, true), (&id, true)],
        Some(&id),
    )?);
    if parent.id_need() != Need::Promised {
        let named = with(&[(&own, true), (&name, true), (&id, false)], Some(&name))?;
        blocks.extend(named);
        blocks.extend(with(&[(&own, true), (&name, false)], None)?);
    }
    if kind.id_need() != Need::Promised {
        blocks.extend(with(&[(&own, false)], None)?);
    }
    Ok(blocks)
}

/// The tokens of a block in which these are there or not, and the parent is the
/// same as a variable, or absent.
fn bounded(
    block: &Block,
    others: &[(&Variable, bool)],
    (parent, is): (&Variable, Option<&Variable>),
    budget: &Budget,
) -> Result<Option<Block>, Exceeded> {
    let mut block = block.clone();
    for (variable, is_there) in others {
        let values = if *is_there {
            Values::of_texts(Texts::all())
        } else {
            Values::none().or_absent()
        };
        if !block.bound(variable, &values, budget)? {
            return Ok(None);
        }
    }
    match is {
        Some(is) => block.renamed(parent, is, budget),
        None => Ok(super::lack(&mut block, parent, budget)?.then_some(block)),
    }
}
