//! Bytes as hexadecimal digits.

/// Two lower-case digits for each byte, behind `prefix`.
pub(crate) fn encode(prefix: &str, bytes: &[u8]) -> String {
    let mut text = String::with_capacity(prefix.len() + 2 * bytes.len());
    text.push_str(prefix);
    // By hand: a formatter takes a microsecond for a digest, and every decision
    // writes several.
    let digit = |value: u8| char::from(if value < 10 { b'0' } else { b'a' - 10 } + value);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// The 32 bytes of 64 lower-case digits; `None` for anything else.
pub(crate) fn decode(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = [0; 32];
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_written_and_read() {
        for first in 0..=u8::MAX {
            let mut next = first;
            let bytes = [(); 32].map(|()| {
                next = next.wrapping_add(1);
                next
            });
            let text = encode("x", &bytes);
            let digits = text.strip_prefix('x').unwrap();
            for (byte, at) in bytes.iter().zip((0..64).step_by(2)) {
                assert_eq!(u8::from_str_radix(&digits[at..at + 2], 16), Ok(*byte));
            }
            assert_eq!(digits, digits.to_lowercase());
            assert_eq!(decode(digits), Some(bytes));
        }
    }
}
