//! A program, read where it lies.

use crate::bytes::{Bytes, MOST, Span, Table};
use crate::code::Code;
use crate::decision::{Failure, FirstUse, Grant, Obligation};
use crate::hash::hash;
use crate::model::Source;
use crate::number::{Operator, to_source};

/// The first bytes of every program.
pub(crate) const MAGIC: &[u8; 8] = b"CBPOLICY";
/// The format that this crate writes and the only one that it reads.
pub(crate) const FORMAT: u32 = 1;
/// Magic, format, length, three texts and eight tables.
pub(crate) const HEADER: u32 = 8 + 4 + 4 + 3 * 8 + 8 * 8;
/// How many of an issuer's trust statements are listed for explanations.
pub(crate) const LISTED: usize = 64;
/// How many sources of an issuer's statements are hashed.
pub(crate) const SCANNED: usize = 3;

const ISSUER: u32 = 44;
const STATEMENT: u32 = 20;
const CONDITION: u32 = 40;
const ANCHOR: u32 = 12;
const SLOT: u32 = 8;
const OBLIGATION: u32 = 20;

/// A compiled policy, borrowed from its bytes.
///
/// Opening one checks the header only; everything else is checked when it is
/// read.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    pub(crate) bytes: Bytes<'a>,
}

/// What a program is and what it needs, in the order of its own lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The policy's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The digest of its document.
    pub document: Option<String>,
    /// The paths of the claims that it reads.
    pub claims: Vec<Vec<String>>,
    /// The parts of the subject that it reads.
    pub parts: Vec<String>,
    /// The kinds of names that it reads.
    pub names: Vec<String>,
    /// The attributes of the request that it reads.
    pub attributes: Vec<String>,
    /// The kinds of obligations that it may ask for.
    pub obligations: Vec<String>,
    /// The names of its statements, in order.
    pub statements: Vec<String>,
}

/// What a program knows of one issuer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Issuer {
    pub(crate) forbids: Table,
    pub(crate) scanned: Table,
    pub(crate) anchors: Table,
    pub(crate) listed: Table,
    pub(crate) trusts: u32,
}

/// One statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) name: Span,
    pub(crate) conditions: Table,
    pub(crate) grant: u32,
}

/// One condition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition {
    pub(crate) source: Source,
    pub(crate) operator: Operator,
    pub(crate) code: Code,
    pub(crate) fold: bool,
    /// The second place of an operator that compares two.
    pub(crate) other: u16,
    pub(crate) operand: Span,
    pub(crate) claim: Table,
    pub(crate) expected: Span,
    pub(crate) label: Span,
}

impl<'a> Program<'a> {
    /// Opens a program.
    ///
    /// # Errors
    /// [`Failure`] where the bytes are no program of this format, or are not as
    /// long as their header says.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Failure> {
        let bytes = Bytes(bytes);
        if bytes.0.first_chunk::<8>() != Some(MAGIC) {
            return Err(Failure::program("the bytes are no program"));
        }
        if bytes.u32(8)? != FORMAT {
            return Err(Failure::program("the program is of another format"));
        }
        if usize::try_from(bytes.u32(12)?) != Ok(bytes.0.len()) {
            return Err(Failure::program("the program is cut short or too long"));
        }
        Ok(Self { bytes })
    }

    /// What the program is and what it needs.
    ///
    /// # Errors
    /// [`Failure`] where the program is damaged.
    pub fn manifest(self) -> Result<Manifest, Failure> {
        let document = self.text(self.bytes.span(32)?)?;
        Ok(Manifest {
            name: self.text(self.bytes.span(16)?)?.to_owned(),
            version: self.text(self.bytes.span(24)?)?.to_owned(),
            document: (!document.is_empty()).then(|| document.to_owned()),
            claims: self.list(self.bytes.table(40)?, 8, |at| {
                self.texts(self.bytes.table(at)?)
            })?,
            parts: self.texts(self.bytes.table(48)?)?,
            names: self.texts(self.bytes.table(56)?)?,
            attributes: self.texts(self.bytes.table(64)?)?,
            obligations: self.texts(self.bytes.table(72)?)?,
            statements: self.list(self.bytes.table(88)?, STATEMENT, |at| {
                Ok(self.text(self.bytes.span(at)?)?.to_owned())
            })?,
        })
    }

    pub(crate) fn text(self, span: Span) -> Result<&'a str, Failure> {
        self.bytes.text(span)
    }

    pub(crate) fn texts(self, table: Table) -> Result<Vec<String>, Failure> {
        self.list(table, 8, |at| {
            Ok(self.text(self.bytes.span(at)?)?.to_owned())
        })
    }

    fn list<T>(
        self,
        table: Table,
        size: u32,
        read: impl Fn(u32) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        // A count that the program's length can't hold is refused before
        // anything is reserved for it.
        if table.count as usize > self.bytes.0.len() {
            return Err(Failure::program("a list of the program is too long"));
        }
        (0..table.count)
            .map(|index| read(table.record(index, size)?))
            .collect()
    }

    /// The name of the attribute at `index`.
    pub(crate) fn attribute(self, index: u16) -> Result<&'a str, Failure> {
        let at = self.bytes.table(64)?.record(u32::from(index), 8)?;
        self.text(self.bytes.span(at)?)
    }

    /// What the program knows of `issuer`, if anything.
    pub(crate) fn issuer(self, issuer: &str) -> Result<Option<Issuer>, Failure> {
        let table = self.bytes.table(80)?;
        // Written in the order of their bytes.
        let (mut low, mut high) = (0, table.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let at = table.record(middle, ISSUER)?;
            match self
                .bytes
                .slice(self.bytes.span(at)?)?
                .cmp(issuer.as_bytes())
            {
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
                core::cmp::Ordering::Equal => return self.issuer_at(at).map(Some),
            }
        }
        Ok(None)
    }

    fn issuer_at(self, at: u32) -> Result<Issuer, Failure> {
        Ok(Issuer {
            forbids: self.bytes.table(at + 8)?,
            scanned: self.bytes.table(at + 16)?,
            anchors: self.bytes.table(at + 24)?,
            listed: self.bytes.table(at + 32)?,
            trusts: self.bytes.u32(at + 40)?,
        })
    }

    pub(crate) fn statement(self, number: u32) -> Result<Statement, Failure> {
        let at = self.bytes.table(88)?.record(number, STATEMENT)?;
        Ok(Statement {
            name: self.bytes.span(at)?,
            conditions: self.bytes.table(at + 8)?,
            grant: self.bytes.u32(at + 16)?,
        })
    }

    /// The condition at `index` of a statement's list.
    pub(crate) fn condition(self, list: Table, index: u32) -> Result<Condition, Failure> {
        let number = self.bytes.u32(list.record(index, 4)?)?;
        let at = self.bytes.table(96)?.record(number, CONDITION)?;
        Ok(Condition {
            source: source(self.bytes.u8(at)?, self.bytes.u16(at + 4)?)?,
            operator: Operator::from_number(self.bytes.u8(at + 1)?)
                .ok_or(Failure::program("an operator of the program is unknown"))?,
            code: Code::from_number(self.bytes.u8(at + 2)?)
                .ok_or(Failure::program("a reason of the program is unknown"))?,
            fold: self.bytes.u8(at + 3)? != 0,
            other: self.bytes.u16(at + 6)?,
            operand: self.bytes.span(at + 8)?,
            claim: self.bytes.table(at + 16)?,
            expected: self.bytes.span(at + 24)?,
            label: self.bytes.span(at + 32)?,
        })
    }

    /// The number at `index` of a list of statements.
    pub(crate) fn number(self, list: Table, index: u32) -> Result<u32, Failure> {
        self.bytes.u32(list.record(index, 4)?)
    }

    /// The source of the anchor at `index`.
    pub(crate) fn anchor_source(self, anchors: Table, index: u32) -> Result<Source, Failure> {
        let at = anchors.record(index, ANCHOR)?;
        source(self.bytes.u8(at)?, self.bytes.u16(at + 2)?)
    }

    /// The statements that the anchor at `index` holds for `value`.
    pub(crate) fn anchored(
        self,
        anchors: Table,
        index: u32,
        value: &str,
    ) -> Result<Option<Table>, Failure> {
        const DAMAGED: Failure = Failure::program("an index of the program is damaged");
        let slots = self.bytes.table(anchors.record(index, ANCHOR)? + 4)?;
        if !slots.count.is_power_of_two() {
            return Err(DAMAGED);
        }
        let wanted = hash(value.as_bytes());
        for step in 0..slots.count {
            let place = wanted.wrapping_add(step) & (slots.count - 1);
            let at = slots.record(place, SLOT)?;
            let entry = self.bytes.u32(at + 4)?;
            if entry == 0 {
                return Ok(None);
            }
            if entry > MOST {
                return Err(DAMAGED);
            }
            if self.bytes.u32(at)? == wanted
                && self.bytes.slice(self.bytes.span(entry)?)? == value.as_bytes()
            {
                return self.bytes.table(entry + 8).map(Some);
            }
        }
        Ok(None)
    }

    pub(crate) fn grant(self, at: u32) -> Result<Grant, Failure> {
        const DAMAGED: Failure = Failure::program("a grant of the program is damaged");
        if at == 0 || at > MOST {
            return Err(DAMAGED);
        }
        let claims = self.text(self.bytes.span(at + 16)?)?;
        let max_lifetime = match self.bytes.u32(at + 24)? {
            0 => None,
            _ => Some(self.bytes.u32(at + 28)?),
        };
        Ok(Grant {
            roles: self.texts(self.bytes.table(at)?)?,
            scopes: self.texts(self.bytes.table(at + 8)?)?,
            claims: (!claims.is_empty()).then(|| claims.to_owned()),
            max_lifetime,
            obligations: self.list(self.bytes.table(at + 32)?, OBLIGATION, |at| {
                let first = self.text(self.bytes.span(at + 4)?)?.to_owned();
                Ok(match self.bytes.u32(at)? {
                    0 => Obligation::Bind(FirstUse::Refuse),
                    1 => Obligation::Bind(FirstUse::Enrol),
                    2 => Obligation::UseOnce,
                    3 => Obligation::Prove(first),
                    4 => Obligation::Other {
                        kind: first,
                        json: self.text(self.bytes.span(at + 12)?)?.to_owned(),
                    },
                    _ => return Err(DAMAGED),
                })
            })?,
        })
    }
}

/// The source of this kind and place.
pub(crate) fn source(kind: u8, index: u16) -> Result<Source, Failure> {
    to_source(kind, index).ok_or(Failure::program("a source of the program is unknown"))
}
