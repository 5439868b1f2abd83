//! The contract's packed input as the facts that a program asks for.
//!
//! Read in one pass, in the order that `wit/policy.wit` gives; nothing but
//! lists is copied.

use claimbound_engine::{Key, Name, Value};

use crate::facts::{Claim, Given};

/// Marks that do not fit their texts.
pub(crate) struct Misfit;

type Read<T> = Result<T, Misfit>;

/// Reads an input.
///
/// # Errors
/// [`Misfit`] where the marks say more than the texts hold, or nothing that the
/// contract knows.
pub(crate) fn read<'a>(texts: &'a str, marks: &[u32]) -> Read<Given<'a>> {
    let mut reader = Reader { texts, marks };
    let now = reader.wide()?;
    let expires_at = reader.wide()?;
    let issued_at = reader.maybe_wide()?;
    let _not_before = reader.maybe_wide()?;
    let issuer = reader.text()?;
    let subject = reader.text()?;
    let _token_type = reader.maybe_text()?;
    let _algorithm = reader.text()?;
    let _token_id = reader.maybe_text()?;
    let _model = reader.text()?;
    let form = reader.text()?;
    let audience = reader.texts()?.into();
    let parts = reader.list(Reader::maybe_text)?;
    let names = reader.list(Reader::name)?;
    let claims = reader.list(Reader::claim)?;
    let _payload = reader.maybe_text()?;
    let key = reader.key()?;
    let route_audience = reader.text()?;
    // The published keys, which no program asks for, are left unread.
    let attributes = reader.list(|reader| Ok((reader.text()?, reader.text()?)))?;
    Ok(Given {
        now,
        expires_at,
        issued_at,
        issuer,
        subject,
        form,
        audience,
        parts,
        names,
        claims,
        key,
        route_audience,
        attributes,
    })
}

/// What is left to read.
struct Reader<'a, 'm> {
    texts: &'a str,
    marks: &'m [u32],
}

impl<'a> Reader<'a, '_> {
    fn mark(&mut self) -> Read<u32> {
        let (first, rest) = self.marks.split_first().ok_or(Misfit)?;
        self.marks = rest;
        Ok(*first)
    }

    fn wide(&mut self) -> Read<u64> {
        let (low, high) = (self.mark()?, self.mark()?);
        Ok(u64::from(low) | u64::from(high) << 32)
    }

    fn maybe_wide(&mut self) -> Read<Option<u64>> {
        match self.mark()? {
            0 => Ok(None),
            1 => self.wide().map(Some),
            _ => Err(Misfit),
        }
    }

    fn next(&mut self, length: u32) -> Read<&'a str> {
        let split = self.texts.split_at_checked(length as usize);
        let (first, rest) = split.ok_or(Misfit)?;
        self.texts = rest;
        Ok(first)
    }

    fn text(&mut self) -> Read<&'a str> {
        let length = self.mark()?;
        self.next(length)
    }

    fn maybe_text(&mut self) -> Read<Option<&'a str>> {
        match self.mark()?.checked_sub(1) {
            None => Ok(None),
            Some(length) => self.next(length).map(Some),
        }
    }

    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.mark()? as usize;
        // Every item takes a mark, so that a count can't reserve what is not
        // there to be read.
        let mut list = Vec::with_capacity(count.min(self.marks.len()));
        for _ in 0..count {
            list.push(item(self)?);
        }
        Ok(list)
    }

    fn texts(&mut self) -> Read<Vec<String>> {
        self.list(|reader| reader.text().map(str::to_owned))
    }

    fn name(&mut self) -> Read<Option<Name<'a>>> {
        let Some(name) = self.maybe_text()? else {
            return Ok(None);
        };
        Ok(Some(Name {
            name,
            id: self.maybe_text()?,
            parent: self.maybe_text()?,
        }))
    }

    fn claim(&mut self) -> Read<Claim<'a>> {
        Ok(Claim::Plain(match self.mark()? {
            0 => Value::Absent,
            1 => Value::Null,
            2 => Value::Boolean(false),
            3 => Value::Boolean(true),
            4 => Value::Integer(self.wide()?.cast_signed()),
            5 => Value::Number(self.text()?),
            6 => Value::Text(self.text()?),
            7 => return self.texts().map(Claim::Texts),
            8 => Value::Json(self.text()?),
            _ => return Err(Misfit),
        }))
    }

    fn key(&mut self) -> Read<Key<'a>> {
        let _id = self.maybe_text()?;
        Ok(Key {
            key_type: self.text()?,
            algorithm: self.text()?,
            bits: self.mark()?,
            thumbprint: self.text()?,
        })
    }
}
