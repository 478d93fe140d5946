//! What is undone when making an image fails, last first.

use super::{boot, remove_file};
use crate::PoolError;
use crate::pool::record::Record;
use std::path::{Path, PathBuf};

pub(super) struct Undo(Vec<Step>);

enum Step {
    RemoveFile(PathBuf),
    ForgetBoot {
        file: PathBuf,
        dir: PathBuf,
    },
    RestoreRecord {
        file: PathBuf,
        before: Option<Record>,
    },
}

impl Undo {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn remove_file(&mut self, path: &Path) {
        self.0.push(Step::RemoveFile(path.to_owned()));
    }

    pub(super) fn forget_boot(&mut self, file: &Path, dir: &Path) {
        self.0.push(Step::ForgetBoot {
            file: file.to_owned(),
            dir: dir.to_owned(),
        });
    }

    pub(super) fn restore_record(&mut self, file: &Path, before: Option<Record>) {
        self.0.push(Step::RestoreRecord {
            file: file.to_owned(),
            before,
        });
    }

    /// All went well: nothing is undone.
    pub(super) fn done(mut self) {
        self.0.clear();
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        while let Some(step) = self.0.pop() {
            let undone = match step {
                Step::RemoveFile(path) => remove_file(&path),
                Step::ForgetBoot { file, dir } => boot::remove(&file, &dir),
                Step::RestoreRecord { file, before: None } => remove_file(&file),
                Step::RestoreRecord {
                    file,
                    before: Some(record),
                } => record
                    .write(&file)
                    .map_err(PoolError::io("cannot write", file)),
            };
            if let Err(error) = undone {
                tracing::error!(%error, "undoing a pool image failed");
            }
        }
    }
}
