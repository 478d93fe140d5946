//! The project file `.offshoot.yml`: which organization, database and branch a directory is about.
//!
//! It is committed with a project, so it may not say where to go or who one is: URLs and
//! credentials in it would send a developer's token to whoever wrote the file.

use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub(crate) const FILE: &str = ".offshoot.yml";
/// Three short lines; a longer file is none.
const MAX_SIZE: u64 = 64 * 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Project {
    pub(crate) org: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) branch: Option<String>,
    /// Keys that do not belong there.
    pub(crate) ignored: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Content {
    org: Option<String>,
    database: Option<String>,
    branch: Option<String>,
    #[serde(flatten)]
    other: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'a str>,
}

/// Reads the project file that counts in `directory`: its own, or that of the git work tree's top.
pub(crate) fn load(directory: &Path) -> Result<Project, Failure> {
    let path = place(directory);
    let text = match fs::metadata(&path) {
        Ok(found) if found.len() > MAX_SIZE => return Err(bad(path, "it is too long")),
        Ok(_) => fs::read_to_string(&path).map_err(|source| Failure::File {
            path: path.clone(),
            source,
        })?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Project::default()),
        Err(source) => return Err(Failure::File { path, source }),
    };
    if text.trim().is_empty() {
        return Ok(Project::default());
    }
    let content: Content =
        serde_saphyr::from_str(&text).map_err(|error| bad(path, error.to_string()))?;
    Ok(Project {
        org: content.org,
        database: content.database,
        branch: content.branch,
        ignored: content.other.into_keys().collect(),
    })
}

/// Writes the project file, in the place where [`load`] finds it; returns that.
pub(crate) fn save(directory: &Path, project: &Project) -> Result<PathBuf, Failure> {
    let path = place(directory);
    let written = Written {
        org: project.org.as_deref(),
        database: project.database.as_deref(),
        branch: project.branch.as_deref(),
    };
    let text = serde_saphyr::to_string(&written).map_err(|e| bad(path.clone(), e.to_string()))?;
    match fs::write(&path, text) {
        Ok(()) => Ok(path),
        Err(source) => Err(Failure::File { path, source }),
    }
}

/// The directory's own file where there is one, else (there or not) the one at the top of the git
/// work tree, else the directory's own.
fn place(directory: &Path) -> PathBuf {
    let own = directory.join(FILE);
    if own.is_file() {
        return own;
    }
    let top = directory.ancestors().find(|dir| dir.join(".git").exists());
    top.map_or(own, |top| top.join(FILE))
}

fn bad(path: PathBuf, message: impl Into<String>) -> Failure {
    Failure::Project {
        path,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_reads_back_from_anywhere_in_the_work_tree() {
        let temp = tempfile::tempdir().unwrap();
        let below = temp.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::create_dir(temp.path().join(".git")).unwrap();
        assert_eq!(load(&below).unwrap(), Project::default());
        let project = Project {
            org: None,
            database: Some("no".into()),
            branch: Some("007: x".into()),
            ignored: Vec::new(),
        };
        let path = save(&below, &project).unwrap();
        assert_eq!(path, temp.path().join(FILE));
        assert_eq!(load(&below).unwrap(), project);
        // The working directory's own counts before it.
        fs::write(below.join(FILE), "branch: other\n").unwrap();
        assert_eq!(load(&below).unwrap().branch.as_deref(), Some("other"));
    }

    #[test]
    fn what_does_not_belong_there_is_ignored_by_name_and_nonsense_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let write = |text: &str| fs::write(temp.path().join(FILE), text).unwrap();
        write("database: shop\napi-url: https://evil.example.com\nservice-token: x\n");
        let project = load(temp.path()).unwrap();
        assert_eq!(project.database.as_deref(), Some("shop"));
        assert_eq!(project.ignored, ["api-url", "service-token"]);
        for bad in ["- a\n", "database: [shop]\n", "database: shop: x\n", "\t"] {
            write(bad);
            let read = load(temp.path());
            assert!(bad.trim().is_empty() || read.is_err(), "{bad:?}: {read:?}");
        }
        write(&"#".repeat(70_000));
        assert!(load(temp.path()).is_err());
    }
}
