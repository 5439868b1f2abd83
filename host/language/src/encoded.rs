//! Encoded values: those that stand in a subject otherwise than people write them.

use claimbound_issuers::Part;

use crate::operator::Operator;

/// Whether some value of `part` stands in a subject otherwise than plain.
pub(crate) fn is_encoded(part: &Part) -> bool {
    part.encoded_characters()
        .any(|character| hides(part, character))
}

/// Whether `character` is spelt otherwise, by characters that the part may have.
fn hides(part: &Part, character: char) -> bool {
    let mut plain = [0; 4];
    let plain = character.encode_utf8(&mut plain);
    let spelt = part.encode(plain);
    spelt != *plain && spelt.chars().all(|one| part.allows(one))
}

/// Whether `operator` looks into a value, or compares it with what is not known
/// before, so that no value of the policy can be encoded for it.
pub(crate) const fn needs_plain(operator: &Operator) -> bool {
    match operator {
        Operator::Glob(_) | Operator::Regex(_) | Operator::SameAs(_) | Operator::Attribute(_) => {
            true
        }
        Operator::Equals(_)
        | Operator::AnyOf(_)
        | Operator::NoneOf(_)
        | Operator::AtLeast(_)
        | Operator::AtMost(_)
        | Operator::Contains(_)
        | Operator::AllOf(_)
        | Operator::Present
        | Operator::Absent => false,
    }
}
