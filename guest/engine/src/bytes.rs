//! Little-endian reads from a program, always inside its bounds.

use crate::decision::Failure;

const SHORT: Failure = Failure::program("the program points outside itself");

/// The highest place of a record, so that the place of a field in it can't
/// overflow: 2 GiB, and a program is never longer.
pub(crate) const MOST: u32 = i32::MAX.unsigned_abs();

/// The bytes of a program, or a table in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

/// A stretch of a program: `offset` and `length`, both in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) offset: u32,
    pub(crate) length: u32,
}

/// A table of records of one size: where it starts and how many there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) offset: u32,
    pub(crate) count: u32,
}

impl Table {
    /// The offset of record `index`, each `size` bytes long.
    pub(crate) fn record(self, index: u32, size: u32) -> Result<u32, Failure> {
        if index >= self.count {
            return Err(SHORT);
        }
        index
            .checked_mul(size)
            .and_then(|distance| self.offset.checked_add(distance))
            .filter(|place| *place <= MOST)
            .ok_or(SHORT)
    }
}

impl<'a> Bytes<'a> {
    pub(crate) fn slice(self, span: Span) -> Result<&'a [u8], Failure> {
        let start = span.offset as usize;
        let end = start.checked_add(span.length as usize).ok_or(SHORT)?;
        self.0.get(start..end).ok_or(SHORT)
    }

    pub(crate) fn text(self, span: Span) -> Result<&'a str, Failure> {
        core::str::from_utf8(self.slice(span)?)
            .map_err(|_| Failure::program("a text of the program is not UTF-8"))
    }

    fn array<const N: usize>(self, offset: u32) -> Result<[u8; N], Failure> {
        self.0
            .get(offset as usize..)
            .and_then(|rest| rest.first_chunk::<N>())
            .copied()
            .ok_or(SHORT)
    }

    pub(crate) fn u8(self, offset: u32) -> Result<u8, Failure> {
        self.array::<1>(offset).map(|[byte]| byte)
    }

    pub(crate) fn u16(self, offset: u32) -> Result<u16, Failure> {
        self.array(offset).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(self, offset: u32) -> Result<u32, Failure> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(crate) fn i32(self, offset: u32) -> Result<i32, Failure> {
        self.array(offset).map(i32::from_le_bytes)
    }

    pub(crate) fn u64(self, offset: u32) -> Result<u64, Failure> {
        self.array(offset).map(u64::from_le_bytes)
    }

    pub(crate) fn span(self, offset: u32) -> Result<Span, Failure> {
        let [offset, length] = self.pair(offset)?;
        Ok(Span { offset, length })
    }

    pub(crate) fn table(self, offset: u32) -> Result<Table, Failure> {
        let [offset, count] = self.pair(offset)?;
        Ok(Table { offset, count })
    }

    fn pair(self, offset: u32) -> Result<[u32; 2], Failure> {
        let both = self.u64(offset)?;
        // The low half is the word that comes first.
        #[expect(clippy::cast_possible_truncation, reason = "each half is wanted")]
        Ok([both as u32, (both >> 32) as u32])
    }
}
