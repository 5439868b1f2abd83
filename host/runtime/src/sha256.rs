//! SHA-256 digests as bytes.

use aws_lc_rs::digest::{SHA256, digest};

/// The digest of these bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut made = [0; 32];
    // INVARIANT: a SHA-256 digest has 32 bytes.
    made.copy_from_slice(digest(&SHA256, bytes).as_ref());
    made
}
