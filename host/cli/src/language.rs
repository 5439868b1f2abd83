//! Languages that a policy can be begun in, beside that of documents.

use claimbound::policy::CONTRACT;

use crate::scaffold::{File, WORKFLOW};

/// What the example is called whose sources they are, and the policy is not.
const EXAMPLE: &str = "release-train";
/// The cases of the example.
const CASES: &str = include_str!("scaffold/cases.toml");
/// What builds it and runs its cases.
const BUILD_AND_TEST: &str = include_str!("scaffold/language.yml");

/// A programming language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// Rust, with the crate `claimbound-sdk`
    Rust,
    /// JavaScript, with an engine inside the component
    #[value(name = "javascript", alias = "js")]
    JavaScript,
    /// Python, with an engine inside the component
    Python,
    /// C, with one header and no library
    C,
}

impl Language {
    const fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
            Self::C => "C",
        }
    }

    /// The file that a policy's author writes.
    const fn source(self) -> &'static str {
        match self {
            Self::Rust => "policy.rs",
            Self::JavaScript => "policy.js",
            Self::Python => "policy.py",
            Self::C => "policy.c",
        }
    }

    /// The files of a policy of that name: its cases pass once it is built.
    pub(crate) fn files(self, name: &str) -> Vec<File> {
        let mut files = self.sources(name);
        files.push(File::new("cases.toml", CASES, "cases that pass"));
        files.push(File::new("README.md", self.readme(name), "how to go on"));
        let ignored = "/policy.wasm\n/target/\n__pycache__/\n";
        files.push(File::new(".gitignore", ignored, "what is built"));
        files.push(File::new(
            WORKFLOW,
            self.workflow(),
            "a build and the cases on every change",
        ));
        files
    }

    /// What `policy.wasm` is built from, and how.
    fn sources(self, name: &str) -> Vec<File> {
        let named = |source: &str| source.replace(EXAMPLE, name);
        let source = |text: &str| File::new(self.source(), named(text), "what it decides");
        let build = |text: &str| File::new("build", text, "writes policy.wasm").executable();
        let contract = || File::new("wit/policy.wit", CONTRACT, "the contract");
        let tools = "the tools, at their versions";
        match self {
            Self::Rust => vec![
                source(include_str!("scaffold/rust/policy.rs")),
                File::new(
                    "Cargo.toml",
                    include_str!("scaffold/rust/manifest.toml"),
                    "the crate",
                ),
                build(include_str!("scaffold/rust/build")),
            ],
            Self::JavaScript => vec![
                source(include_str!("scaffold/javascript/policy.js")),
                File::new(
                    "package.json",
                    include_str!("scaffold/javascript/package.json"),
                    tools,
                ),
                File::new(
                    "package-lock.json",
                    include_str!("scaffold/javascript/package-lock.json"),
                    "and all that they use",
                ),
                build(include_str!("scaffold/javascript/build")),
                contract(),
            ],
            Self::Python => vec![
                source(include_str!("scaffold/python/policy.py")),
                File::new(
                    "requirements.txt",
                    include_str!("scaffold/python/requirements.txt"),
                    tools,
                ),
                build(include_str!("scaffold/python/build")),
                contract(),
            ],
            Self::C => vec![
                source(include_str!("scaffold/c/policy.c")),
                File::new(
                    "claimbound.h",
                    include_str!("scaffold/c/claimbound.h"),
                    "the contract",
                ),
                File::new(
                    "claimbound.c",
                    include_str!("scaffold/c/claimbound.c"),
                    "its memory",
                ),
                File::new(
                    "requirements.txt",
                    include_str!("scaffold/c/requirements.txt"),
                    tools,
                ),
                build(include_str!("scaffold/c/build")),
            ],
        }
    }

    fn workflow(self) -> String {
        match self {
            Self::Rust => BUILD_AND_TEST.replace(
                "      - run: ./build\n",
                "      - run: rustup target add wasm32-unknown-unknown\n      - run: ./build\n",
            ),
            Self::JavaScript | Self::Python | Self::C => BUILD_AND_TEST.to_owned(),
        }
    }

    fn readme(self, name: &str) -> String {
        let (language, source) = (self.name(), self.source());
        format!(
            "# {name}\n\n\
             A claimbound policy in {language}: `{source}` decides, `cases.toml` says what.\n\n\
             ```sh\n\
             ./build\n\
             claimbound test policy.wasm\n\
             ```\n\n\
             It begins as a release train of one repository: put the ids of yours and of its owner \
             into `{source}` and `cases.toml` (`claimbound token decode` shows those of a token). \
             Declare in the manifest what it reads, deny what is not as you expect it, and write a \
             case for whatever must not get in.\n"
        )
    }
}
