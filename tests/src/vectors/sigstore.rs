//! Signatures and attestations that Sigstore's tools made with keys, verified by
//! the key and the bytes alone.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claimbound::modules::{
    Digest, Provenance, ProvenanceError, PublicKey, Signature, SignatureError, Signed, Untrusted,
};

use super::exceptions::score;
use super::{Case, Expected, folder, skipped};

/// What stands for one of the vectors in the list of exceptions.
const FILE: &str = "sigstore";

/// How a signature is to be read.
#[derive(Clone, Copy)]
enum Kind {
    /// On the file: detached, or in a bundle.
    File,
    /// The same, as raw bytes, which are put into base64 first.
    Raw,
    /// An attestation about the file.
    Attestation,
}

use Expected::{Invalid, Valid};
use Kind::{Attestation, File, Raw};

/// Signature, key, what was signed, and what the index of the vectors says.
type Row = (Kind, &'static str, &'static str, &'static str, Expected);

const CONFORMANCE_KEY: &str = "conformance/managed-key-happy-path/key.pub";
const TEXT: &str = "conformance/a.txt";
const COSIGN_KEY: &str = "cosign-verify-blob-attestation/cosign.pub";
const BLOB: &str = "cosign-verify-blob-attestation/blob";
const OTHER_BLOB: &str = "cosign-verify-blob-attestation/other-blob";
const SINTEF_KEY: &str = "sintef-trudeplo/cosign2.pub";
const MODEL_KEY: &str = "model-transparency/signing-key-pub.pem";
const MODEL: &str = "model-transparency/v1.1.0-signme-1";
const REKOR_ED25519: &str = "rekor-client-algos/ed25519_public.pem";
const REKOR_EC: &str = "rekor-client-algos/ec_public.pem";
const REKOR_FILE: &str = "rekor-client-algos/file1";
const NPM: &str = "sigstore-go/npm-publish-dsse-v0.1/bundle.json";

/// Every signature of the vectors.
const ROWS: [Row; 36] = [
    (
        File,
        "conformance/managed-key-happy-path/bundle.sigstore.json",
        CONFORMANCE_KEY,
        TEXT,
        Valid,
    ),
    (
        File,
        "conformance/managed-key-and-trusted-root/bundle.sigstore.json",
        "conformance/managed-key-and-trusted-root/key.pub",
        TEXT,
        Valid,
    ),
    (
        File,
        "sigstore-go/public-key-validity/bundle.sigstore.json",
        "sigstore-go/public-key-validity/key.pub",
        "sigstore-go/public-key-validity/artifact",
        Valid,
    ),
    (
        File,
        "sintef-trudeplo/blob.sig",
        SINTEF_KEY,
        "sintef-trudeplo/TestAgent2.txt",
        Valid,
    ),
    (
        File,
        "derived/sintef.TestAgent.sig",
        SINTEF_KEY,
        "sintef-trudeplo/TestAgent.txt",
        Valid,
    ),
    (
        File,
        "derived/sintef.TestAgent.sig",
        SINTEF_KEY,
        "sintef-trudeplo/TestAgent1.txt",
        Valid,
    ),
    (
        File,
        "derived/rekor-file1.ec.sig.b64",
        REKOR_EC,
        REKOR_FILE,
        Valid,
    ),
    (
        File,
        "derived/rekor-file1.ed25519.sig.b64",
        REKOR_ED25519,
        REKOR_FILE,
        Valid,
    ),
    (
        Raw,
        "rekor-client-algos/file1.ec.sig",
        REKOR_EC,
        REKOR_FILE,
        Valid,
    ),
    (
        Raw,
        "rekor-client-algos/file2.ec.sig",
        REKOR_EC,
        "rekor-client-algos/file2",
        Valid,
    ),
    (
        Raw,
        "rekor-client-algos/file1.ed25519.sig",
        REKOR_ED25519,
        REKOR_FILE,
        Valid,
    ),
    (
        Raw,
        "rekor-client-algos/file1.ed25519ph.sig",
        REKOR_ED25519,
        REKOR_FILE,
        Valid,
    ),
    (
        Attestation,
        "cosign-verify-blob-attestation/blobSLSAProvenanceSignature.dsse.json",
        COSIGN_KEY,
        BLOB,
        Valid,
    ),
    (
        Attestation,
        "cosign-verify-blob-attestation/dssePredicateMultipleSubjects.dsse.json",
        COSIGN_KEY,
        BLOB,
        Valid,
    ),
    (
        Attestation,
        "derived/cosign-attest-newbundle.json",
        COSIGN_KEY,
        BLOB,
        Valid,
    ),
    // Its subject is a package that is not among the vectors.
    (
        Attestation,
        NPM,
        "sigstore-go/npm-publish-dsse-v0.1/key.pub",
        MODEL,
        Valid,
    ),
    (
        Attestation,
        "model-transparency/v0.3.1-elliptic-key.sigstore.json",
        MODEL_KEY,
        MODEL,
        Valid,
    ),
    (
        Attestation,
        "model-transparency/v1.0.0-elliptic-key.sigstore.json",
        MODEL_KEY,
        MODEL,
        Valid,
    ),
    (
        Attestation,
        "model-transparency/v1.0.1-elliptic-key.sigstore.json",
        MODEL_KEY,
        MODEL,
        Valid,
    ),
    (
        Attestation,
        "model-transparency/v1.1.0-elliptic-key.sigstore.json",
        MODEL_KEY,
        MODEL,
        Valid,
    ),
    (
        File,
        "conformance/managed-key-wrong-key_fail/bundle.sigstore.json",
        "conformance/managed-key-wrong-key_fail/key.pub",
        TEXT,
        Invalid,
    ),
    (
        File,
        "conformance/managed-key-wrong-key_fail/bundle.sigstore.json",
        "derived/wrong-valid-key.pub",
        TEXT,
        Invalid,
    ),
    // Without a key the bundle alone proves nothing: there is none to give.
    (
        File,
        "conformance/managed-key-no-key_fail/bundle.sigstore.json",
        TEXT,
        TEXT,
        Invalid,
    ),
    (
        File,
        "conformance/message-digest-mismatch_fail/bundle.sigstore.json",
        CONFORMANCE_KEY,
        TEXT,
        Invalid,
    ),
    (
        File,
        "conformance/signature-mismatch_fail/bundle.sigstore.json",
        CONFORMANCE_KEY,
        TEXT,
        Invalid,
    ),
    (
        File,
        "conformance/bundle-invalid-base64-signature_fail/bundle.sigstore.json",
        CONFORMANCE_KEY,
        TEXT,
        Invalid,
    ),
    (
        File,
        "conformance/bundle-malformed-json_fail/bundle.sigstore.json",
        CONFORMANCE_KEY,
        TEXT,
        Invalid,
    ),
    (
        File,
        "conformance/bundle-unknown-version_fail/bundle.sigstore.json",
        CONFORMANCE_KEY,
        TEXT,
        Invalid,
    ),
    (
        Attestation,
        "cosign-verify-blob-attestation/dssePredicateEmptySubject.dsse.json",
        COSIGN_KEY,
        BLOB,
        Invalid,
    ),
    (
        Attestation,
        "cosign-verify-blob-attestation/dssePredicateMissingSha256.dsse.json",
        COSIGN_KEY,
        BLOB,
        Invalid,
    ),
    (
        Attestation,
        "cosign-verify-blob-attestation/dssePredicateMultipleSubjectsInvalid.dsse.json",
        COSIGN_KEY,
        BLOB,
        Invalid,
    ),
    (
        Attestation,
        "cosign-verify-blob-attestation/blobSLSAProvenanceSignature.dsse.json",
        COSIGN_KEY,
        OTHER_BLOB,
        Invalid,
    ),
    (
        Attestation,
        "derived/cosign-attest-newbundle-badsig_fail.json",
        COSIGN_KEY,
        BLOB,
        Invalid,
    ),
    (
        File,
        "derived/cosign-attest-newbundle.json",
        COSIGN_KEY,
        BLOB,
        Invalid,
    ),
    (
        File,
        "derived/sintef.TestAgent.sig",
        "sintef-trudeplo/cosign.pub",
        "sintef-trudeplo/TestAgent.txt",
        Invalid,
    ),
    (
        File,
        "sintef-trudeplo/blob.sig",
        SINTEF_KEY,
        "sintef-trudeplo/TestAgent.txt",
        Invalid,
    ),
];

/// Why each of the invalid is refused: by what is wrong with it, and not by
/// something else.
const WHY: [(&str, &str); 16] = [
    (
        "conformance/managed-key-wrong-key_fail/bundle.sigstore.json conformance/managed-key-wrong-key_fail/key.pub",
        "key",
    ),
    (
        "conformance/managed-key-wrong-key_fail/bundle.sigstore.json derived/wrong-valid-key.pub",
        "signature",
    ),
    (
        "conformance/managed-key-no-key_fail/bundle.sigstore.json conformance/a.txt",
        "key",
    ),
    (
        "conformance/message-digest-mismatch_fail/bundle.sigstore.json",
        "digest",
    ),
    // These two are of version 0.1, which is refused before anything else.
    (
        "conformance/signature-mismatch_fail/bundle.sigstore.json",
        "version",
    ),
    (
        "conformance/bundle-invalid-base64-signature_fail/bundle.sigstore.json",
        "version",
    ),
    (
        "conformance/bundle-malformed-json_fail/bundle.sigstore.json",
        "form",
    ),
    (
        "conformance/bundle-unknown-version_fail/bundle.sigstore.json",
        "version",
    ),
    (
        "cosign-verify-blob-attestation/dssePredicateEmptySubject.dsse.json",
        "subject",
    ),
    (
        "cosign-verify-blob-attestation/dssePredicateMissingSha256.dsse.json",
        "subject",
    ),
    (
        "cosign-verify-blob-attestation/dssePredicateMultipleSubjectsInvalid.dsse.json",
        "subject",
    ),
    (
        "cosign-verify-blob-attestation/blobSLSAProvenanceSignature.dsse.json",
        "subject",
    ),
    (
        "derived/cosign-attest-newbundle-badsig_fail.json",
        "signature",
    ),
    ("derived/cosign-attest-newbundle.json", "attestation"),
    ("derived/sintef.TestAgent.sig", "signature"),
    ("sintef-trudeplo/blob.sig", "signature"),
];

fn read(name: &str) -> Vec<u8> {
    let path: PathBuf = folder().join(FILE).join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn answer((kind, signature, key, file, _): &Row) -> Result<(), &'static str> {
    let key = String::from_utf8_lossy(&read(key)).into_owned();
    let key = PublicKey::from_pem(&key).map_err(|_| "key")?;
    let (signature, file) = (read(signature), read(file));
    match kind {
        File => on_file(&signature, &key, file),
        Raw => on_file(STANDARD.encode(signature).as_bytes(), &key, file),
        Attestation => about(&signature, &key, &file),
    }
}

fn on_file(signature: &[u8], key: &PublicKey, document: Vec<u8>) -> Result<(), &'static str> {
    let signature = Signature::parse(signature).map_err(|error| read_error(&error))?;
    let signatures = vec![signature];
    let signed = Signed {
        document,
        signatures,
    };
    match signed.verify(key) {
        Ok(()) => Ok(()),
        Err(Untrusted::Elsewhere) => Err("digest"),
        Err(why) => {
            assert_eq!(why, Untrusted::Stranger);
            Err("signature")
        }
    }
}

fn about(attestation: &[u8], key: &PublicKey, file: &[u8]) -> Result<(), &'static str> {
    match Provenance::verify(attestation, key, &Digest::of(file)) {
        Ok(_) => Ok(()),
        Err(ProvenanceError::Stranger) => Err("signature"),
        Err(ProvenanceError::NoSubject | ProvenanceError::Subject(_)) => Err("subject"),
        Err(ProvenanceError::Bundle(error)) => Err(read_error(&error)),
        Err(
            other @ (ProvenanceError::Json(_)
            | ProvenanceError::Envelope(_)
            | ProvenanceError::Type(_)),
        ) => {
            panic!("{other}")
        }
    }
}

fn read_error(error: &SignatureError) -> &'static str {
    match error {
        SignatureError::Version(_) => "version",
        SignatureError::Attestation => "attestation",
        SignatureError::Length
        | SignatureError::Base64
        | SignatureError::Json(_)
        | SignatureError::Bundle(_)
        | SignatureError::Algorithm(_) => "form",
    }
}

/// Whether the vectors are there; where they are not, that is said.
fn are_there() -> bool {
    let path = folder().join(FILE);
    if let Err(error) = path.metadata() {
        skipped(&path, &error);
        return false;
    }
    true
}

#[test]
fn signatures_and_attestations() {
    if !are_there() {
        return;
    }
    let case = |row: &Row| Case {
        id: format!("{} of {}", row.1, row.3),
        expected: row.4,
        actual: super::actual(answer(row).map_err(ToOwned::to_owned)),
    };
    let cases: Vec<_> = ROWS.iter().map(case).collect();
    score(FILE, &cases);
}

#[test]
fn what_is_invalid_is_refused_for_what_is_wrong_with_it() {
    if !are_there() {
        return;
    }
    let invalid: Vec<_> = ROWS.iter().filter(|row| row.4 == Invalid).collect();
    assert_eq!(invalid.len(), WHY.len());
    for (row, (said, why)) in invalid.into_iter().zip(WHY) {
        assert!(format!("{} {}", row.1, row.2).starts_with(said), "{said}");
        assert_eq!(answer(row), Err(why), "{said}");
    }
}

/// Every file with a signature stands in a row: none of the vectors is left out.
#[test]
fn every_signature_of_the_vectors_has_a_row() {
    if !are_there() {
        return;
    }
    let mut unused = Vec::new();
    let mut folders = vec![folder().join(FILE)];
    while let Some(inside) = folders.pop() {
        for entry in std::fs::read_dir(&inside).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder().join(FILE)).unwrap();
            let name = name.to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if is_signature(&name) && !ROWS.iter().any(|row| row.1 == name) {
                unused.push(name);
            }
        }
    }
    assert_eq!(unused, [""; 0]);
}

fn is_signature(name: &str) -> bool {
    let ends = [".sig", ".sig.b64", ".json"]
        .iter()
        .any(|end| name.ends_with(end));
    ends && !name.ends_with("trusted_root.json")
}
