//! Lists `models/` and generates the table of texts that the registry parses.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let models = root.join("models");
    println!("cargo::rerun-if-changed={}", models.display());
    let table = table(&models)?;
    fs::write(PathBuf::from(variable("OUT_DIR")?).join("models.rs"), table)
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}

/// One `(file name, text)` for each model, in the order of their names, so that
/// the same folder gives the same build.
fn table(folder: &Path) -> io::Result<String> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    paths.sort();
    let mut text = String::from("&[\n");
    for path in paths {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        writeln!(
            text,
            "    ({stem:?}, include_str!({:?})),",
            path.display().to_string()
        )
        .map_err(io::Error::other)?;
    }
    text.push(']');
    Ok(text)
}
