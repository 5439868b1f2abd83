//! A component's answer as its memory holds it, laid out by the canonical ABI
//! of the component model: for answers that nothing honest would write.

use crate::input::Bytes;

/// Where an answer is put together: records at the front, texts behind them.
pub struct Image {
    bytes: Vec<u8>,
}

/// Where the guest puts the image in its memory.
const BASE: usize = 8;

/// Where in a record a value begins, counted from its start.
type At = usize;

impl Image {
    /// An image whose answer begins at 0, with room for the largest.
    fn new() -> Self {
        Self { bytes: vec![0; 60] }
    }

    fn word(&mut self, at: At, word: u32) {
        self.bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }

    fn list(&mut self, at: At, place: usize, length: usize) {
        self.word(at, u32::try_from(BASE + place).unwrap_or(u32::MAX));
        self.word(at + 4, u32::try_from(length).unwrap_or(u32::MAX));
    }

    /// Room for `count` records of `size` bytes; where it begins.
    fn room(&mut self, count: usize, size: usize) -> usize {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let place = self.bytes.len();
        self.bytes.resize(place + count * size, 0);
        place
    }

    fn text(&mut self, at: At, text: &[u8]) {
        let place = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.list(at, place, text.len());
    }

    fn option(&mut self, at: At, text: Option<&[u8]>) {
        if let Some(text) = text {
            self.bytes[at] = 1;
            self.text(at + 4, text);
        }
    }

    fn texts(&mut self, at: At, texts: &[&[u8]]) {
        let place = self.room(texts.len(), 8);
        self.list(at, place, texts.len());
        for (index, text) in texts.iter().enumerate() {
            self.text(place + index * 8, text);
        }
    }

    /// `result<decision, failure>`: an answer that the fuzzer describes.
    pub fn of(input: &mut Bytes<'_>) -> Vec<u8> {
        let mut image = Self::new();
        match input.byte() % 4 {
            0 | 1 => image.allow(input),
            2 => image.deny(input),
            _ => {
                image.bytes[0] = 1;
                image.text(4, input.some());
                image.text(12, input.some());
            }
        }
        image.bytes
    }

    fn allow(&mut self, input: &mut Bytes<'_>) {
        self.bytes[4] = 1;
        self.text(8, input.some());
        self.names(16, input, &[b"deploy", b"admin"]);
        self.names(24, input, &[b"read", b"write"]);
        let claims: [&[u8]; 3] = [br#"{"tier":"gold"}"#, br#"{"\u0073ub":"x"}"#, b"{"];
        let flags = input.byte();
        let claims = match flags % 5 {
            0 => None,
            known @ 1..4 => Some(claims[usize::from(known) - 1]),
            _ => Some(input.some()),
        };
        self.option(32, claims);
        self.bytes[44] = flags >> 3 & 1;
        self.word(48, u32::from(input.short()));
        let count = usize::from(input.byte() % 5);
        let place = self.room(count, 20);
        self.list(52, place, count);
        for index in 0..count {
            self.obligation(place + index * 20, input);
        }
    }

    fn names(&mut self, at: At, input: &mut Bytes<'_>, known: &[&[u8]; 2]) {
        let count = input.byte() % 4;
        let names: Vec<_> = (0..count)
            .map(|_| match input.byte() % 4 {
                0 | 1 => known[0],
                2 => known[1],
                _ => input.some(),
            })
            .collect();
        self.texts(at, &names);
    }

    fn obligation(&mut self, at: At, input: &mut Bytes<'_>) {
        let case = input.byte() % 5;
        self.bytes[at] = case;
        match case {
            0 => self.bytes[at + 4] = input.byte() % 3,
            2 => self.text(at + 4, input.some()),
            3 => {
                self.text(at + 4, input.some());
                self.text(at + 12, input.some());
            }
            _ => {}
        }
    }

    fn deny(&mut self, input: &mut Bytes<'_>) {
        let count = usize::from(input.byte() % 20);
        let place = self.room(count, 56);
        self.list(8, place, count);
        self.bytes[16] = input.byte() % 3;
        for index in 0..count {
            let at = place + index * 56;
            let code = match input.byte() % 4 {
                0 => input.some(),
                _ => b"claim.mismatch",
            };
            self.text(at, code);
            self.option(at + 8, Some(input.some()));
            self.texts(at + 20, &[b"ref"]);
            self.text(at + 28, b"x");
            self.option(at + 36, None);
            self.text(at + 48, input.some());
        }
    }
}
