//! Files that are written: whole or not at all, and never over an input.

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, bail};

/// Who may read a file that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Everybody: what is built is meant to be read, as any compiler's output.
    All,
    /// This user alone.
    Owner,
}

/// Writes a file by writing another and renaming it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = |out: &mut dyn Write| Ok(out.write_all(bytes)?);
    replace_by(path, Readers::All, write)
}

/// Writes a file piece by piece; whoever watches sees it whole, or not at all.
pub(crate) fn replace_by(
    path: &Path,
    readers: Readers,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let name = path.display();
    let failed = || format!("`{name}` can't be written");
    // A link stays one; what it leads to is replaced.
    let real = path.canonicalize();
    let path = real.as_deref().unwrap_or(path);
    match path.metadata() {
        Ok(found) if found.is_dir() => bail!("`{name}` is a folder, not a file"),
        // A device or a pipe is written to: it must not become a file.
        Ok(found) if !found.is_file() => {
            let mut file = std::fs::File::options()
                .write(true)
                .open(path)
                .with_context(failed)?;
            return write(&mut file).with_context(failed);
        }
        Ok(_) | Err(_) => {}
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(
        match readers {
            Readers::All => 0o644,
            Readers::Owner => 0o600,
        },
    ));
    let mut file = builder
        .prefix(".claimbound-")
        .tempfile_in(folder)
        .with_context(failed)?;
    let mut buffered = BufWriter::new(file.as_file_mut());
    write(&mut buffered).with_context(failed)?;
    buffered.flush().with_context(failed)?;
    drop(buffered);
    file.as_file().sync_all().with_context(failed)?;
    file.persist(path)
        .map_err(|error| error.error)
        .with_context(failed)?;
    Ok(())
}

/// Refuses to write over a file that is read.
pub(crate) fn not_an_input(output: &Path, input: &Path) -> anyhow::Result<()> {
    let same = match (output.canonicalize(), input.canonicalize()) {
        (Ok(output), Ok(input)) => output == input,
        _ => output == input,
    };
    if same {
        bail!(
            "`{}` is an input; name another file by `-o`",
            output.display()
        );
    }
    Ok(())
}

/// Writes a new file; one that is there stays as it is.
pub(crate) fn create(path: &Path, text: &str) -> anyhow::Result<()> {
    create_for(path, Readers::All, text)
}

/// The same, for these readers.
pub(crate) fn create_for(path: &Path, readers: Readers, text: &str) -> anyhow::Result<()> {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(
        &mut options,
        match readers {
            Readers::All => 0o666,
            Readers::Owner => 0o600,
        },
    );
    let file = options.open(path);
    let mut file = file.with_context(|| format!("`{}` can't be made", path.display()))?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("`{}` can't be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_an_input_never() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(not_an_input(&path, &folder.path().join(".").join("out")).is_err());
        assert!(not_an_input(&folder.path().join("other"), &path).is_ok());
        assert!(replace(folder.path(), b"x").is_err());
        assert!(create(&path, "x").is_err());
    }

    #[test]
    #[cfg(unix)]
    fn links_lead_on_and_what_is_no_file_never_becomes_one() {
        use std::os::unix::fs::{FileTypeExt as _, symlink};

        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        replace(&at("real"), b"one").unwrap();
        symlink(at("real"), at("link")).unwrap();
        replace(&at("link"), b"two").unwrap();
        assert_eq!(std::fs::read(at("real")).unwrap(), b"two");
        assert!(at("link").is_symlink());
        let _listening = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert!(replace(&at("socket"), b"x").is_err());
        assert!(at("socket").metadata().unwrap().file_type().is_socket());
    }
}
