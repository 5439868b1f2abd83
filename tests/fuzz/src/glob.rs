//! Globs by their definition, decided by keeping every place that a match may
//! have reached: nothing of the product is used.

/// One character of a glob, or a star.
enum Piece {
    Character(char),
    Segment,
    Anything,
}

fn pieces(glob: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = glob.chars().peekable();
    while let Some(character) = rest.next() {
        pieces.push(match character {
            '\\' => Piece::Character(rest.next()?),
            '*' => {
                let mut piece = Piece::Segment;
                while rest.next_if_eq(&'*').is_some() {
                    piece = Piece::Anything;
                }
                piece
            }
            other => Piece::Character(other),
        });
    }
    Some(pieces)
}

/// Whether `glob` matches the whole of `text`; a `*` crosses none of `outside`.
/// None where it is no glob.
pub fn matches(glob: &str, text: &str, outside: &[char]) -> Option<bool> {
    let pieces = pieces(glob)?;
    let characters: Vec<char> = text.chars().collect();
    let mut reached = vec![false; characters.len() + 1];
    reached[0] = true;
    for piece in &pieces {
        let mut next = vec![false; reached.len()];
        match piece {
            Piece::Character(wanted) => {
                for (place, found) in characters.iter().enumerate() {
                    next[place + 1] = reached[place] && found == wanted;
                }
            }
            Piece::Segment | Piece::Anything => {
                let crosses = |found| matches!(piece, Piece::Anything) || !outside.contains(found);
                next[0] = reached[0];
                for (place, found) in characters.iter().enumerate() {
                    next[place + 1] = reached[place + 1] || (next[place] && crosses(found));
                }
            }
        }
        reached = next;
    }
    Some(reached[characters.len()])
}
