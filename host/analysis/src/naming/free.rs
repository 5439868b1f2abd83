//! Names that claims can say as well as a subject, so that it is all the same
//! whether the subject says them.

use std::collections::HashSet;

use claimbound_issuers::{Form, Kind, Part};

use super::{Signer, claim};
use crate::block::Block;
use crate::budget::Exceeded;
use crate::shape::{self, Piece};
use crate::texts::Texts;
use crate::variable::Variable;

/// The parts of which a name or an id is made that not just any claim may say
/// instead.
pub(super) fn not_free(
    signer: &Signer<'_>,
    block: &Block,
    form: &Form,
) -> Result<HashSet<String>, Exceeded> {
    let mut parts = HashSet::new();
    for kind in signer.model.names() {
        if kind.is_named_in(form) && !is_free(signer, block, kind)? {
            let pieces = kind.templates().flat_map(shape::pieces);
            parts.extend(pieces.filter_map(|piece| piece.part().map(str::to_owned)));
            let ids = signer.model.id_parts(kind);
            parts.extend(ids.map(|part| part.name().to_owned()));
        }
    }
    Ok(parts)
}

/// Whether nothing is asked of a kind's names and ids, nor of the claims that say
/// them, and every one of them can be said so.
fn is_free(signer: &Signer<'_>, block: &Block, kind: &Kind) -> Result<bool, Exceeded> {
    let all = [Variable::Name, Variable::Id, Variable::Parent];
    let mut all = all.iter().map(|of| of(kind.name().to_owned()));
    if all.any(|variable| block.mentions(&variable)) {
        return Ok(false);
    }
    let is_alone = |part: &Part| {
        let mut templates = kind.templates().map(shape::pieces);
        templates.any(|pieces| pieces == [Piece::Part(part.name().to_owned())])
    };
    let is_id = |part: &Part| {
        let mut ids = signer.model.id_parts(kind);
        ids.any(|one| one.name() == part.name())
    };
    let has_templates = kind.templates().next().is_some();
    let has_id_parts = signer.model.id_parts(kind).next().is_some();
    let is_said = (!has_templates || may_say(signer, block, kind.claim(), &is_alone))
        && (!has_id_parts || may_say(signer, block, kind.id_claim(), &is_id));
    Ok(is_said && can_be_said(signer, kind)?)
}

/// Whether a claim may say a name, or an id: nothing is asked of it, and it says
/// nothing else besides.
fn may_say(
    signer: &Signer<'_>,
    block: &Block,
    path: Option<&[Box<str>]>,
    is_same: &dyn Fn(&Part) -> bool,
) -> bool {
    let Some(path) = path else {
        return false;
    };
    let kinds = signer.model.names().iter();
    let claims = kinds.flat_map(|kind| [kind.claim(), kind.id_claim()]);
    let said = claims.filter(|one| *one == Some(path)).count();
    let mut parts = signer.model.parts().iter();
    // Nor of what it stands in.
    let mut around = (1..=path.len()).filter_map(|length| path.get(..length));
    said == 1
        && !around.any(|path| block.mentions(&claim(path)))
        && parts.all(|part| part.claim() != Some(path) || is_same(part))
}

/// Whether a claim can say every name that templates make.
fn can_be_said(signer: &Signer<'_>, kind: &Kind) -> Result<bool, Exceeded> {
    let budget = signer.budget;
    let encoding = signer.shapes.encoding_of(kind, budget)?;
    if encoding.is_plain() {
        return Ok(true);
    }
    let said = encoding.spelt(&Texts::all(), budget)?;
    for template in kind.templates() {
        let mut names = Texts::one("", budget)?;
        for piece in shape::pieces(template) {
            let next = match piece {
                Piece::Literal(text) => Texts::one(&text, budget)?,
                Piece::Part(name) => match signer.model.part(&name) {
                    Some(part) => signer.shapes.texts(part, budget)?,
                    None => Texts::none(),
                },
            };
            names = names.then(&next, budget)?;
        }
        if !names.is_within(&said, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}
