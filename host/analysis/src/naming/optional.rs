//! Names that a token may go without: then it has no id either, whatever a claim
//! says.

use claimbound_issuers::{Form, Model, Need};

use crate::block::Block;
use crate::budget::{Budget, Exceeded};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

/// The tokens of a block, as blocks in which a name that may be lacking is there or
/// is not, where something is asked of its id, or it is related to something.
pub(super) fn told(
    blocks: Vec<Block>,
    (model, form): (&Model, &Form),
    budget: &Budget,
) -> Result<Vec<Block>, Exceeded> {
    let mut blocks = blocks;
    let kinds = model.names().iter();
    for kind in kinds.filter(|kind| kind.is_named_in(form) && kind.id_need() != Need::Promised) {
        let name = Variable::Name(kind.name().to_owned());
        let id = Variable::Id(kind.name().to_owned());
        let mut told = Vec::new();
        for block in blocks {
            if !block.mentions(&id) && !block.is_related(&name) {
                told.push(block);
                continue;
            }
            let mut without = block.clone();
            let absent = Values::none().or_absent();
            if without.bound(&name, &absent, budget)? && without.bound(&id, &absent, budget)? {
                told.push(without);
            }
            let mut with = block;
            if with.bound(&name, &Values::of_texts(Texts::all()), budget)? {
                told.push(with);
            }
        }
        blocks = told;
    }
    Ok(blocks)
}
