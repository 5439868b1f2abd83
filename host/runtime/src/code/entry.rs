//! One entry: what it is for, how it is written, and when it may be used.
//!
//! ```text
//! magic      24 bytes, also the purpose for which the key signs here
//! format      4, little-endian
//! release    32, this crate's version, padded with zeroes
//! engine     32, digest: see `engine`
//! component  32, SHA-256 of the component's bytes
//! length      8, of the code, little-endian
//! code
//! tag        32, HMAC-SHA-256 over everything above
//! ```

use aws_lc_rs::digest::{Context, Digest, SHA256};

use super::{CodeKey, Unused};
use crate::hexadecimal;

const MAGIC: &[u8; 24] = b"claimbound machine code\n";
/// Counts up when the layout changes.
const FORMAT: u32 = 1;
const VERSION: &str = env!("CARGO_PKG_VERSION");
const _: () = assert!(VERSION.len() <= 32, "the release fits its field");
/// What stands before the code.
const HEADER: usize = 24 + 4 + 32 + 32 + 32 + 8;
const TAG: usize = 32;

/// How the files of entries end. No other program's files are taken for ours,
/// not even those that are named by a digest alone.
pub(super) const ENDING: &str = ".claimbound-code";

/// Longest entry in bytes, whatever the component.
const LONGEST: u64 = 256 << 20;
/// What code may be long beside what grows with the component: tables,
/// trampolines, the pages that sections are padded to.
const FIXED: u64 = 4 << 20;
/// How much longer code may be than its component. Ten times is usual.
const RATIO: u64 = 64;

/// Which code an entry holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    /// Of the engine that it runs in, by SHA-256.
    pub(super) engine: Digest,
    /// Of the component that it was compiled from, by SHA-256.
    pub(super) component: Digest,
}

impl Identity {
    /// The name of its file.
    pub(super) fn name(&self) -> String {
        let mut both = Context::new(&SHA256);
        both.update(self.engine.as_ref());
        both.update(self.component.as_ref());
        hexadecimal::encode("", both.finish().as_ref()) + ENDING
    }
}

/// The longest entry that a component of this length may have, in bytes.
pub(super) fn longest(component: usize) -> u64 {
    let grown = (component as u64).saturating_mul(RATIO);
    grown.saturating_add(FIXED).min(LONGEST)
}

fn release() -> [u8; 32] {
    let mut release = [0; 32];
    for (slot, byte) in release.iter_mut().zip(VERSION.bytes()) {
        *slot = byte;
    }
    release
}

/// An entry of this code.
pub(super) fn seal(key: &CodeKey, identity: &Identity, code: &[u8]) -> Vec<u8> {
    let mut entry = Vec::with_capacity(HEADER + code.len() + TAG);
    entry.extend_from_slice(MAGIC);
    entry.extend_from_slice(&FORMAT.to_le_bytes());
    entry.extend_from_slice(&release());
    entry.extend_from_slice(identity.engine.as_ref());
    entry.extend_from_slice(identity.component.as_ref());
    entry.extend_from_slice(&(code.len() as u64).to_le_bytes());
    entry.extend_from_slice(code);
    let tag = key.tag(&entry);
    entry.extend_from_slice(tag.as_ref());
    entry
}

/// Code that was sealed with the host's own key, by this release, for this
/// engine and this component. Nothing but [`open`] makes one.
pub(super) struct Authentic<'a>(&'a [u8]);

impl<'a> Authentic<'a> {
    /// The code, byte for byte as it was sealed.
    pub(super) const fn code(&self) -> &'a [u8] {
        self.0
    }
}

/// The fields of an entry that says of itself what it likes.
struct Fields<'a> {
    magic: &'a [u8; 24],
    format: u32,
    release: &'a [u8; 32],
    engine: &'a [u8; 32],
    component: &'a [u8; 32],
    length: u64,
    code: &'a [u8],
}

impl<'a> Fields<'a> {
    fn of(signed: &'a [u8]) -> Option<Self> {
        let (magic, rest) = signed.split_first_chunk()?;
        let (format, rest) = rest.split_first_chunk()?;
        let (release, rest) = rest.split_first_chunk()?;
        let (engine, rest) = rest.split_first_chunk()?;
        let (component, rest) = rest.split_first_chunk()?;
        let (length, code) = rest.split_first_chunk()?;
        Some(Self {
            magic,
            format: u32::from_le_bytes(*format),
            release,
            engine,
            component,
            length: u64::from_le_bytes(*length),
            code,
        })
    }
}

/// The code of an entry that may be used.
///
/// # Errors
/// Why it may not.
pub(super) fn open<'a>(
    key: &CodeKey,
    identity: &Identity,
    entry: &'a [u8],
) -> Result<Authentic<'a>, Unused> {
    let (signed, tag) = entry.split_last_chunk::<TAG>().ok_or(Unused::Truncated)?;
    let fields = Fields::of(signed).ok_or(Unused::Truncated)?;
    // Not believed yet: it says no more than why the tag can't be right.
    if fields.length > fields.code.len() as u64 {
        return Err(Unused::Truncated);
    }
    if !key.verifies(signed, tag) || fields.magic != MAGIC {
        return Err(Unused::NotAuthentic);
    }
    if fields.format != FORMAT || *fields.release != release() {
        return Err(Unused::OtherRelease);
    }
    if fields.engine != identity.engine.as_ref() {
        return Err(Unused::OtherEngine);
    }
    if fields.component != identity.component.as_ref() {
        return Err(Unused::OtherComponent);
    }
    if fields.length != fields.code.len() as u64 {
        return Err(Unused::NotAuthentic);
    }
    Ok(Authentic(fields.code))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::digest;

    use super::*;

    fn key(byte: u8) -> CodeKey {
        CodeKey::new(&[byte; CodeKey::LENGTH])
    }

    fn identity(engine: &str, component: &str) -> Identity {
        Identity {
            engine: digest(&SHA256, engine.as_bytes()),
            component: digest(&SHA256, component.as_bytes()),
        }
    }

    fn opened(entry: &[u8]) -> Result<Vec<u8>, Unused> {
        let code = open(&key(1), &identity("engine", "component"), entry)?;
        Ok(code.code().to_vec())
    }

    fn sealed(code: &[u8]) -> Vec<u8> {
        seal(&key(1), &identity("engine", "component"), code)
    }

    #[test]
    fn what_was_sealed_is_what_is_opened() {
        for code in [&b""[..], b"c", &[0; 1000]] {
            assert_eq!(opened(&sealed(code)).unwrap(), code);
        }
    }

    #[test]
    fn every_bit_counts() {
        let entry = sealed(b"machine code");
        for at in 0..entry.len() * 8 {
            let mut flipped = entry.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            let why = opened(&flipped).unwrap_err();
            let in_length = (HEADER - 8..HEADER).contains(&(at / 8));
            assert!(
                why == Unused::NotAuthentic || in_length && why == Unused::Truncated,
                "bit {at}: {why}"
            );
        }
    }

    #[test]
    fn every_byte_is_needed_and_none_may_follow() {
        let entry = sealed(b"machine code");
        for length in 0..entry.len() {
            assert_eq!(opened(&entry[..length]), Err(Unused::Truncated), "{length}");
        }
        for more in [1, TAG, 1000] {
            let longer = [entry.as_slice(), &vec![0; more]].concat();
            assert_eq!(opened(&longer), Err(Unused::NotAuthentic), "{more}");
        }
    }

    #[test]
    fn an_entry_is_for_one_key_one_engine_and_one_component() {
        let ours = identity("engine", "component");
        let entry = seal(&key(2), &ours, b"code");
        assert_eq!(opened(&entry), Err(Unused::NotAuthentic));
        let entry = seal(&key(1), &identity("other", "component"), b"code");
        assert_eq!(opened(&entry), Err(Unused::OtherEngine));
        let entry = seal(&key(1), &identity("engine", "other"), b"code");
        assert_eq!(opened(&entry), Err(Unused::OtherComponent));
        let names = [
            ours.name(),
            identity("other", "component").name(),
            identity("engine", "other").name(),
            identity("component", "engine").name(),
        ];
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn what_may_be_read_grows_with_the_component_and_ends() {
        assert_eq!(longest(0), FIXED);
        assert_eq!(longest(1 << 20), FIXED + (64 << 20));
        assert_eq!(longest(usize::MAX), LONGEST);
    }
}
