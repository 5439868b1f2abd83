//! A module's files beside each other: `NAME.wasm`, `NAME.statement.json`, and
//! the signatures on each document.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound::modules::{
    Comparison, MOST_SIGNATURES, Published, Signature, Signed, parse_version,
};

use crate::{input, output, signatures};

/// A document with the signatures beside it.
fn signed(document: &Path) -> anyhow::Result<Signed> {
    let signatures = signatures::beside(document).into_iter().map(|path| {
        let read = Signature::parse(&signatures::read(&path)?);
        read.with_context(|| format!("`{}`", path.display()))
    });
    Ok(Signed {
        document: input::file(document, input::TEXT)?,
        signatures: signatures.collect::<Result<_, _>>()?,
    })
}

/// What is published of a component: its file, and those beside it.
pub(crate) fn read(
    component: &Path,
    comparisons: &[PathBuf],
    provenance: Option<&Path>,
) -> anyhow::Result<Published> {
    if component.extension().is_none_or(|end| end != "wasm") {
        bail!(
            "`{}` is not the file of a component, which ends with `.wasm`; `claimbound build` makes \
             one of a policy, and `claimbound sign` its statement",
            component.display()
        );
    }
    let statement = component.with_extension("statement.json");
    if statement.try_exists().is_ok_and(|there| !there) {
        bail!(
            "`{}` is not there: make it by `claimbound sign`",
            statement.display()
        );
    }
    let comparisons = comparisons.iter().map(|path| signed(path));
    let provenance = provenance.map(|path| input::file(path, input::TEXT));
    Ok(Published {
        component: input::file(component, input::COMPONENT)?,
        statements: vec![signed(&statement)?],
        comparisons: comparisons.collect::<Result<_, _>>()?,
        provenance: provenance.transpose()?,
    })
}

/// The files that were written, and those of another version that were removed.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) removed: Vec<PathBuf>,
}

/// Writes what was published to a folder, which is made where there is none.
///
/// What stands there of another component goes first: it would be taken for what
/// belongs to this one.
pub(crate) fn write(folder: &Path, name: &str, published: &Published) -> anyhow::Result<Written> {
    let made = std::fs::create_dir_all(folder);
    made.with_context(|| format!("`{}` can't be made", folder.display()))?;
    let mut files = Files {
        folder,
        name,
        written: Written::default(),
    };
    files.clear(&published.component)?;
    files.write("wasm", &published.component)?;
    if let Some(statement) = published.statements.first() {
        files.write_signed("statement.json", statement)?;
    }
    let mut compared = BTreeSet::new();
    for comparison in &published.comparisons {
        // One that can't be read is worth nothing to anybody.
        if let Ok(read) = Comparison::parse(&comparison.document) {
            let end = format!("comparison-from-{}.json", read.old.version);
            if compared.insert(read.old.version) {
                files.write_signed(&end, comparison)?;
            }
        }
    }
    if let Some(provenance) = &published.provenance {
        files.write("provenance.json", provenance)?;
    }
    Ok(files.written)
}

struct Files<'a> {
    folder: &'a Path,
    name: &'a str,
    written: Written,
}

impl Files<'_> {
    /// Removes comparisons with their signatures and the provenance, unless the
    /// component that stands beside them is the one that is written.
    fn clear(&mut self, component: &[u8]) -> anyhow::Result<()> {
        let there = input::file(
            &self.folder.join(format!("{}.wasm", self.name)),
            input::COMPONENT,
        );
        if there.is_ok_and(|there| there == component) {
            return Ok(());
        }
        let unreadable = || format!("`{}` can't be read", self.folder.display());
        for entry in std::fs::read_dir(self.folder).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let name = entry.file_name();
            if !is_folder
                && name
                    .to_str()
                    .is_some_and(|file| is_of_version(self.name, file))
            {
                self.written.removed.push(self.folder.join(name));
            }
        }
        self.written.removed.sort();
        for path in &self.written.removed {
            signatures::remove(path)?;
            remove(path)?;
        }
        Ok(())
    }

    fn write(&mut self, end: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.folder.join(format!("{}.{end}", self.name));
        self.write_at(path, bytes)
    }

    fn write_at(&mut self, path: PathBuf, bytes: &[u8]) -> anyhow::Result<()> {
        output::replace(&path, bytes)?;
        self.written.files.push(path);
        Ok(())
    }

    /// What another document was signed by goes first: it would be published as
    /// a signature on this one.
    fn write_signed(&mut self, end: &str, signed: &Signed) -> anyhow::Result<()> {
        let document = self.folder.join(format!("{}.{end}", self.name));
        signatures::remove(&document)?;
        self.write_at(document.clone(), &signed.document)?;
        let signatures = signed.signatures.iter().take(MOST_SIGNATURES);
        for (place, one) in signatures.enumerate() {
            let before = signed.signatures.iter().take(place);
            let number = before.filter(|other| other.form() == one.form()).count();
            let place = signatures::places(&document, one.form()).nth(number);
            let place = place.context("it has more signatures than anybody looks at")?;
            self.write_at(place, one.as_bytes())?;
        }
        Ok(())
    }
}

/// Whether a file holds what belongs to one version of a module alone, as it is
/// written here: a comparison, or the provenance.
fn is_of_version(module: &str, file: &str) -> bool {
    let rest = file
        .strip_prefix(module)
        .and_then(|rest| rest.strip_prefix('.'));
    let Some(rest) = rest else { return false };
    let compared = rest.strip_prefix("comparison-from-");
    let compared = compared.and_then(|rest| rest.strip_suffix(".json"));
    rest == "provenance.json" || compared.is_some_and(|version| parse_version(version).is_ok())
}

/// Removes a file, which may be gone already.
fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("`{}` can't be removed", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
