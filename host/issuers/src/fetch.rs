//! How a workload gets its own token where it runs.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One way in which a workload gets its own token.
// What is unknown is refused by the way, which takes what these don't.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Fetch {
    name: String,
    documentation: String,
    #[serde(default)]
    detect: Vec<String>,
    #[serde(default)]
    beneath: bool,
    #[serde(flatten)]
    way: Way,
}

/// Where the token is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "way", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Way {
    /// A service that the platform names in the environment.
    Request(Box<Service>),
    /// A variable of the environment; whoever runs the workload may have
    /// chosen another one.
    Variable {
        /// The variable.
        variable: String,
    },
    /// A file, by its path or by a variable that holds the path; whoever runs the
    /// workload may have chosen another one.
    File {
        /// The file, where it is always the same.
        path: Option<String>,
        /// A variable that names the file.
        variable: Option<String>,
    },
    /// A program that writes it to its standard output.
    Command {
        /// The program and its arguments; `{audience}` stands for the audience.
        command: Vec<String>,
    },
    /// The metadata service of the machine, by plain HTTP on its own network.
    Metadata(Box<Metadata>),
}

/// A service that gives a workload its token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The variable that holds its URL.
    pub url_variable: String,
    /// The variable that holds the bearer token which it wants.
    pub bearer_variable: String,
    /// Whether it is asked by POST, with no body; else by GET.
    #[serde(default)]
    pub post: bool,
    /// The query's parameter that takes the audience; none where it takes none.
    pub audience_parameter: Option<String>,
    /// More parameters of the query.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Parameters of the query whose values variables hold.
    #[serde(default)]
    pub query_variables: BTreeMap<String, String>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The member of its JSON answer that holds the token.
    pub member: String,
}

/// A metadata service, whose answer is the token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Its host.
    pub host: String,
    /// The variable that names another host.
    pub host_variable: Option<String>,
    /// The path.
    pub path: String,
    /// The query's parameter that takes the audience.
    pub audience_parameter: String,
    /// More parameters of the query.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl Fetch {
    /// Its name, unique among all models.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What has to be set up first.
    pub fn documentation(&self) -> &str {
        self.documentation.trim()
    }

    /// The variables that are all set where a workload of this kind runs; none
    /// where it can't be told by them.
    pub fn detect(&self) -> &[String] {
        &self.detect
    }

    /// Whether other platforms run on top of this one, so that it counts only
    /// where no other is found.
    pub fn is_beneath(&self) -> bool {
        self.beneath
    }

    /// Where the token is.
    pub fn way(&self) -> &Way {
        &self.way
    }

    /// Whether an audience has to be asked for.
    pub fn takes_audience(&self) -> bool {
        match &self.way {
            Way::Request(service) => service.audience_parameter.is_some(),
            Way::Command { command } => command.iter().any(|word| word == "{audience}"),
            Way::Metadata(_) => true,
            Way::Variable { .. } | Way::File { .. } => false,
        }
    }
}
