//! From bytes to the tape: one pass, a bounded depth, no float.

use super::document::{Document, Entry, Kind};
use super::duplicate;
use super::error::{Fault, JsonError};
use super::{DEEPEST, Limits};

type Parsed<T = ()> = Result<T, JsonError>;

/// Parses one object that fills the whole of `bytes`.
pub(super) fn parse(bytes: Vec<u8>, limits: &Limits) -> Parsed<Document> {
    // Offsets on the tape are 32 bits wide.
    let limit = limits.bytes.min(u32::MAX as usize);
    if bytes.len() > limit {
        return Err(JsonError::new(limit, Fault::TooLong { limit }));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| JsonError::new(error.utf8_error().valid_up_to(), Fault::NotUtf8))?;
    // A claim and its name take about thirty bytes, hence fifteen an entry.
    let tape = Vec::with_capacity(text.len() / 15 + 4);
    let document = Document {
        text: String::new(),
        unescaped: Vec::new(),
        tape,
    };
    let mut parser = Parser {
        source: &text,
        at: 0,
        levels: limits.depth.min(DEEPEST),
        limit: limits.depth.min(DEEPEST),
        document,
        names: Vec::new(),
    };
    parser.whole_object()?;
    let mut document = parser.document;
    document.text = text;
    Ok(document)
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    /// How many levels may still be opened.
    levels: usize,
    /// How many there were, for the message.
    limit: usize,
    /// Built without its text, which `source` lends meanwhile.
    document: Document,
    /// The names of one object while duplicates are looked for, reused.
    names: Vec<u32>,
}

impl Parser<'_> {
    fn whole_object(&mut self) -> Parsed {
        self.skip_space();
        if self.peek() != Some(b'{') {
            return Err(self.expected("JSON object"));
        }
        self.value()?;
        self.skip_space();
        if self.at < self.source.len() {
            return Err(self.fault(Fault::TrailingText));
        }
        Ok(())
    }

    fn value(&mut self) -> Parsed {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(),
            Some(b'[') => self.list(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true", Kind::True),
            Some(b'f') => self.literal("false", Kind::False),
            Some(b'n') => self.literal("null", Kind::Null),
            Some(_) | None => Err(self.expected("value")),
        }
    }

    fn object(&mut self) -> Parsed {
        let index = self.open(Kind::Object)?;
        self.skip_space();
        if !self.take(b'}') {
            loop {
                self.member()?;
                if self.take(b'}') {
                    break;
                }
                self.require(b',', "`,` or `}`")?;
                self.skip_space();
            }
        }
        self.close(index);
        self.refuse_duplicates(index)
    }

    fn member(&mut self) -> Parsed {
        if self.peek() != Some(b'"') {
            return Err(self.expected("member name"));
        }
        self.string()?;
        self.skip_space();
        self.require(b':', "`:`")?;
        self.skip_space();
        self.value()?;
        self.skip_space();
        Ok(())
    }

    fn list(&mut self) -> Parsed {
        let index = self.open(Kind::List)?;
        self.skip_space();
        if !self.take(b']') {
            loop {
                self.value()?;
                self.skip_space();
                if self.take(b']') {
                    break;
                }
                self.require(b',', "`,` or `]`")?;
                self.skip_space();
            }
        }
        self.close(index);
        Ok(())
    }

    /// Steps into a list or an object; recursion ends where the levels do.
    fn open(&mut self, kind: Kind) -> Parsed<usize> {
        let Some(levels) = self.levels.checked_sub(1) else {
            return Err(self.fault(Fault::TooDeep { limit: self.limit }));
        };
        self.levels = levels;
        let index = self.document.tape.len();
        self.push(kind, self.at, 0);
        self.at += 1;
        Ok(index)
    }

    fn close(&mut self, index: usize) {
        self.levels += 1;
        let (end, link) = (offset(self.at), offset(self.document.tape.len()));
        if let Some(entry) = self.document.tape.get_mut(index) {
            entry.end = end;
            entry.link = link;
        }
    }

    fn literal(&mut self, word: &'static str, kind: Kind) -> Parsed {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.expected("value"));
        }
        let start = self.at;
        self.at += word.len();
        self.push(kind, start, 0);
        Ok(())
    }

    // RFC 8259 §6
    fn number(&mut self) -> Parsed {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        let mut whole = true;
        if self.take(b'.') {
            whole = false;
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            whole = false;
            let _signed = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let text = self.source.get(start..self.at).unwrap_or_default();
        let integer = whole && text.parse::<i64>().is_ok();
        self.push(if integer { Kind::Integer } else { Kind::Number }, start, 0);
        Ok(())
    }

    fn digits(&mut self) -> Parsed {
        let count = self
            .rest()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            return Err(self.expected("digit"));
        }
        self.at += count;
        Ok(())
    }

    fn string(&mut self) -> Parsed {
        let start = self.at;
        self.at += 1;
        self.at += plain_length(self.rest());
        if self.take(b'"') {
            self.push(Kind::Text, start, 0);
            return Ok(());
        }
        let characters = self.escaped_string(start)?;
        let link = offset(self.document.unescaped.len());
        self.document.unescaped.push(characters.into_boxed_str());
        self.push(Kind::Escaped, start, link);
        Ok(())
    }

    /// The rest of a string whose plain beginning has been passed.
    fn escaped_string(&mut self, start: usize) -> Parsed<String> {
        let mut characters = self
            .source
            .get(start + 1..self.at)
            .unwrap_or_default()
            .to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(characters);
                }
                Some(b'\\') => characters.push(self.escape()?),
                Some(_) => return Err(self.fault(Fault::ControlCharacter)),
                None => return Err(self.expected("end of the string")),
            }
            let plain = self.at;
            self.at += plain_length(self.rest());
            characters.push_str(self.source.get(plain..self.at).unwrap_or_default());
        }
    }

    // RFC 8259 §7
    fn escape(&mut self) -> Parsed<char> {
        let start = self.at;
        self.at += 1;
        let character = match self.peek() {
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape(start);
            }
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(_) | None => return Err(JsonError::new(start, Fault::UnknownEscape)),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode_escape(&mut self, start: usize) -> Parsed<char> {
        let lone = || JsonError::new(start, Fault::LoneSurrogate);
        let first = self.four_hex(start)?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or_else(lone);
        }
        if !(self.take(b'\\') && self.take(b'u')) {
            return Err(lone());
        }
        let second = self.four_hex(start)?;
        let low = second
            .checked_sub(0xdc00)
            .filter(|low| *low < 0x400)
            .ok_or_else(lone)?;
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low).ok_or_else(lone)
    }

    fn four_hex(&mut self, start: usize) -> Parsed<u32> {
        let digits = self
            .source
            .get(self.at..self.at + 4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        unit.ok_or_else(|| JsonError::new(start, Fault::UnknownEscape))
    }

    // RFC 7493 §2.3: names are compared after unescaping.
    fn refuse_duplicates(&mut self, index: usize) -> Parsed {
        self.collect_names(index);
        let entry = |position: usize| self.names.get(position).and_then(|name| self.entry(*name));
        let name = |position| entry(position).map_or("", |entry| self.characters(entry));
        match duplicate::find(self.names.len(), name).and_then(entry) {
            Some(entry) => Err(JsonError::duplicate(
                entry.start as usize,
                self.characters(entry),
            )),
            None => Ok(()),
        }
    }

    fn collect_names(&mut self, index: usize) {
        self.names.clear();
        // Each member takes two entries or more.
        self.names
            .reserve(self.document.tape.len().saturating_sub(index) / 2);
        let mut next = index + 1;
        while let Some(entry) = self.document.tape.get(next) {
            debug_assert!(
                matches!(entry.kind, Kind::Text | Kind::Escaped),
                "a member starts with its name"
            );
            self.names.push(offset(next));
            next = self
                .document
                .tape
                .get(next + 1)
                .map_or(usize::MAX, |value| value.next(next + 1));
        }
    }

    fn entry(&self, index: u32) -> Option<Entry> {
        self.document.tape.get(index as usize).copied()
    }

    fn characters(&self, entry: Entry) -> &str {
        match entry.kind {
            Kind::Escaped => self
                .document
                .unescaped
                .get(entry.link as usize)
                .map_or("", |text| text),
            Kind::Null
            | Kind::True
            | Kind::False
            | Kind::Integer
            | Kind::Number
            | Kind::Text
            | Kind::List
            | Kind::Object => self
                .source
                .get(entry.start as usize + 1..entry.end as usize - 1)
                .unwrap_or_default(),
        }
    }

    fn push(&mut self, kind: Kind, start: usize, link: u32) {
        self.document.tape.push(Entry {
            kind,
            start: offset(start),
            end: offset(self.at),
            link,
        });
    }

    fn rest(&self) -> &[u8] {
        self.source.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    fn require(&mut self, byte: u8, expected: &'static str) -> Parsed {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.expected(expected))
        }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn fault(&self, fault: Fault) -> JsonError {
        JsonError::new(self.at, fault)
    }

    fn expected(&self, expected: &'static str) -> JsonError {
        self.fault(Fault::Expected { expected })
    }
}

// INVARIANT: `parse` refuses texts whose offsets don't fit.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// How many bytes stand before the first quote, backslash or control character.
///
/// Eight at a time: subtracting from each byte borrows into its top bit where
/// the byte was smaller, and the lowest such bit is always a true one.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const TOPS: u64 = ONES << 7;
    let zero_in = |word: u64| word.wrapping_sub(ONES) & !word & TOPS;

    let (words, tail) = bytes.as_chunks::<8>();
    for (count, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word & TOPS;
        let special = control | zero_in(word ^ (ONES * 0x22)) | zero_in(word ^ (ONES * 0x5c));
        if special != 0 {
            return count * 8 + (special.trailing_zeros() / 8) as usize;
        }
    }
    let plain = tail
        .iter()
        .take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20))
        .count();
    words.len() * 8 + plain
}
