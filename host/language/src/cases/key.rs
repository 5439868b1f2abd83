//! What is changed of the key that verified a token.

use crate::diagnostic::Sink;
use crate::fields::Fields;
use crate::native::NativeKey;
use crate::rule::Rule;

const KEY_KEYS: [&str; 4] = ["algorithm", "type", "bits", "thumbprint"];

/// What is changed of the key that verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// Its algorithm.
    pub algorithm: Option<String>,
    /// Its type.
    pub key_type: Option<String>,
    /// Its size in bits.
    pub bits: Option<u32>,
    /// Its thumbprint.
    pub thumbprint: Option<String>,
}

pub(super) fn read(fields: &Fields<'_>, sink: &mut Sink) -> KeyChange {
    let Some((table, place)) = fields.table_of("key", sink) else {
        return KeyChange::default();
    };
    let fields = Fields::new(table, place, "`key`", &KEY_KEYS, sink);
    let mut word = |key| fields.text(key, sink).map(|one| one.value);
    let (algorithm, key_type, thumbprint) = (word("algorithm"), word("type"), word("thumbprint"));
    let bits = fields.node("bits").and_then(|node| {
        let number = crate::fields::number(node, sink)?;
        let bits = number.value.parse().ok();
        if bits.is_none() {
            sink.error(
                Rule::Value,
                &number.place,
                "a size is a whole number of bits",
            );
        }
        bits
    });
    KeyChange {
        algorithm,
        key_type,
        bits,
        thumbprint,
    }
}

impl KeyChange {
    pub(super) fn apply(&self, key: &mut NativeKey) {
        if let Some(algorithm) = &self.algorithm {
            let thumbprint = core::mem::take(&mut key.thumbprint);
            *key = NativeKey::of(algorithm);
            key.thumbprint = thumbprint;
        }
        if let Some(key_type) = &self.key_type {
            key.key_type.clone_from(key_type);
        }
        if let Some(bits) = self.bits {
            key.bits = bits;
        }
        if let Some(thumbprint) = &self.thumbprint {
            key.thumbprint.clone_from(thumbprint);
        }
    }
}
