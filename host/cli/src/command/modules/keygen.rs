//! `modules keygen`: a key pair that signs modules.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound::modules::{KeyAlgorithm, SigningKey};
use serde_json::json;

use crate::console::{Console, Status};
use crate::output::{self, Readers};
use crate::page::{Ink, Page};

/// Make a key pair that signs modules.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules keygen release                      release.key and release.pub
  claimbound modules keygen keys/release --algorithm ed25519

The private key is not encrypted: only this user may read it. Hosts are given the
public one. Neither replaces a file.

Exit status: 0 made, 2 it could not be made.")]
pub(crate) struct Arguments {
    /// What the files are called, without `.key` and `.pub`.
    #[arg(value_name = "NAME")]
    name: PathBuf,

    /// What it signs by: `p256` (ECDSA), as cosign's own keys do, or `ed25519`.
    #[arg(long, value_name = "NAME", default_value = "p256")]
    algorithm: KeyAlgorithm,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let (private, public) = (arguments.file("key")?, arguments.file("pub")?);
    // Before a key is made that nobody then knows the other half of.
    absent(&private)?;
    absent(&public)?;
    let key = SigningKey::generate(arguments.algorithm)?;
    output::create_for(&private, Readers::Owner, &key.to_pem()?)?;
    output::create(&public, &key.public().to_pem())?;
    let (algorithm, fingerprint) = (key.public().algorithm(), key.public().fingerprint());
    let (private, public) = (private.display().to_string(), public.display().to_string());
    let page = || {
        let mut page = Page::default();
        page.put(Ink::Good, "✓ made")
            .text("  a key pair that signs modules")
            .end();
        page.field("private", format!("{private} (keep it to yourself)"));
        page.field("public", &public);
        page.field("algorithm", algorithm.as_str());
        page.field("fingerprint", fingerprint.to_string());
        page
    };
    let json = || {
        json!({
            "private": private,
            "public": public,
            "algorithm": algorithm.as_str(),
            "fingerprint": fingerprint.to_string(),
        })
    };
    console.answer(page, json)?;
    Ok(Status::Yes)
}

impl Arguments {
    /// The name with that ending; a dot in the name begins no ending of its own.
    fn file(&self, ending: &str) -> anyhow::Result<PathBuf> {
        let name = self.name.file_name().with_context(|| {
            let name = self.name.display();
            format!("`{name}` is no name of a file")
        })?;
        let mut name = name.to_owned();
        name.push(".");
        name.push(ending);
        Ok(self.name.with_file_name(name))
    }
}

fn absent(path: &Path) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        bail!(
            "`{}` is there already, and a key replaces nothing",
            path.display()
        );
    }
    Ok(())
}
