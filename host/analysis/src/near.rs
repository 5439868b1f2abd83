//! Texts next to a text: what a slip of the pen makes of it.

/// The most texts that are told of for one.
const MOST: usize = 32;

/// Texts that differ from this one in one character, or in the case of one, the
/// nearest first: another case, one character more, one fewer, another character.
pub(crate) fn misses(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut add = |near: String| {
        if near != text && !all.contains(&near) && all.len() < MOST {
            all.push(near);
        }
    };
    let characters: Vec<char> = text.chars().collect();
    let with = |place: usize, character: char| -> String {
        let each = characters.iter().enumerate();
        each.map(|(at, one)| if at == place { character } else { *one })
            .collect()
    };
    // From the end: what a text begins with says more often what it is at all.
    let places = characters.iter().enumerate().rev();
    for (place, character) in places.clone().take(MOST / 4) {
        add(with(place, other_case(*character)));
    }
    let last = characters.last().copied().unwrap_or('a');
    add(format!("{text}{}", beside(last)));
    add(characters
        .iter()
        .take(characters.len().saturating_sub(1))
        .collect());
    for (place, character) in places {
        add(with(place, beside(*character)));
    }
    all
}

fn other_case(character: char) -> char {
    if character.is_ascii_lowercase() {
        character.to_ascii_uppercase()
    } else {
        character.to_ascii_lowercase()
    }
}

/// Another character of the same kind.
fn beside(character: char) -> char {
    match character {
        'z' => 'y',
        'Z' => 'Y',
        '9' => '8',
        'a'..='y' | 'A'..='Y' | '0'..='8' => {
            char::from_u32(u32::from(character).saturating_add(1)).unwrap_or('x')
        }
        _ => 'x',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first() {
        assert_eq!(
            misses("ab"),
            ["aB", "Ab", "abc", "a", "ac", "bb"].map(str::to_owned)
        );
        assert_eq!(misses("19"), ["198", "1", "18", "29"].map(str::to_owned));
        assert_eq!(misses(""), ["b"].map(str::to_owned));
    }

    #[test]
    fn a_long_text_has_no_more_than_it_may_and_none_is_the_text() {
        let text = "é/z-Z".repeat(500);
        let near = misses(&text);
        assert_eq!(near.len(), MOST);
        assert!(!near.contains(&text));
    }
}
