//! What `new` writes: the files of a policy to begin with.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::output;

/// Where the workflow stands that GitHub runs.
pub(crate) const WORKFLOW: &str = ".github/workflows/policy.yml";
/// The workflow of a document.
pub(crate) const DOCUMENT_WORKFLOW: &str = include_str!("scaffold/document.yml");

/// A file to write.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Where, in the folder of the policy.
    pub(crate) path: &'static str,
    pub(crate) text: String,
    /// What it is, in a few words.
    pub(crate) about: String,
    pub(crate) runs: bool,
}

impl File {
    pub(crate) fn new(
        path: &'static str,
        text: impl Into<String>,
        about: impl Into<String>,
    ) -> Self {
        Self {
            path,
            text: text.into(),
            about: about.into(),
            runs: false,
        }
    }

    /// The same file, which can be run.
    pub(crate) fn executable(mut self) -> Self {
        self.runs = true;
        self
    }
}

/// Writes files into a folder, all or none.
///
/// # Errors
/// One of them is there already, or can't be written.
pub(crate) fn write(folder: &Path, files: &[File]) -> anyhow::Result<()> {
    for file in files {
        let path = folder.join(file.path);
        if path.exists() {
            bail!("`{}` is there already", path.display());
        }
    }
    let mut written = Vec::new();
    for file in files {
        if let Err(error) = write_one(folder, file, &mut written) {
            // Half a policy is none; what was not there before goes again.
            for path in written {
                drop(std::fs::remove_file(path));
            }
            return Err(error);
        }
    }
    Ok(())
}

fn write_one(folder: &Path, file: &File, written: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let path = folder.join(file.path);
    let parent = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent)
        .with_context(|| format!("folder `{}` can't be made", parent.display()))?;
    output::create(&path, &file.text)?;
    written.push(path.clone());
    #[cfg(unix)]
    if file.runs {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, mode)
            .with_context(|| format!("`{}` can't be made executable", path.display()))?;
    }
    Ok(())
}
