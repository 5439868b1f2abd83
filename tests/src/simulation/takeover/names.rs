//! Names that somebody outside tries: made from a few words, whatever a policy says.

pub(super) const REPOSITORIES: [&str; 3] = ["infra", "web", "x"];

/// What is put beside a name. They are more than anybody writes down in one pattern,
/// also those that are small letters alone.
const WORDS: [&str; 14] = [
    "a", "7", "b", "c", "d", "e", "f", "ops", "x", "y", "z", "k", "9", "Q",
];

/// How many words are tried at first.
const FIRST: usize = 2;

/// The ways in which a name is made of a word.
const FAMILIES: usize = 5;

fn name(family: usize, word: &str) -> String {
    match family {
        0 => format!("acme{word}"),
        1 => format!("acme-{word}"),
        2 => format!("{word}acme"),
        3 => format!("{word}-acme"),
        _ => format!("{word}{word}"),
    }
}

/// Names that are made in one way.
pub(super) struct Family {
    /// Those that are tried at first.
    pub(super) first: Vec<String>,
    /// Those that are tried where one of them serves.
    pub(super) rest: Vec<String>,
}

pub(super) fn families() -> Vec<Family> {
    let families = (0..FAMILIES).map(|family| {
        let mut first: Vec<String> = WORDS.iter().map(|word| name(family, word)).collect();
        let rest = first.split_off(FIRST);
        Family { first, rest }
    });
    families.collect()
}

/// Names of organisations, as they are written and otherwise.
pub(super) const ORGANISATIONS: [&str; 5] = ["acme", "ACME", "Acme", "globex", "Globex"];

/// Every name.
pub(super) fn accounts() -> Vec<String> {
    let made = families().into_iter();
    let made = made.flat_map(|family| family.first.into_iter().chain(family.rest));
    let organisations = ORGANISATIONS.map(str::to_owned);
    organisations.into_iter().chain(made).collect()
}

/// Whether forges take a name: of letters, digits, `-`, `_` and `.`, in groups.
pub(super) fn is_legal(name: &str) -> bool {
    let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.split('/').all(|piece| {
        let is_dots = piece.bytes().all(|byte| byte == b'.');
        !is_dots && piece.bytes().all(is_taken)
    })
}
