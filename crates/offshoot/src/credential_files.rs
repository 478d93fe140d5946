//! Files with credentials, in one directory that nobody else may look into.

use async_trait::async_trait;
use offshoot_core::Refusal;
use offshoot_core::port::{CredentialFiles, PortError, PortResult};
use secrecy::{ExposeSecret, SecretString};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub(crate) struct CredentialDirectory(PathBuf);

impl CredentialDirectory {
    /// Made when the first file is.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self(directory)
    }
}

#[async_trait]
impl CredentialFiles for CredentialDirectory {
    async fn write(&self, name: &str, content: &SecretString) -> PortResult<()> {
        // `control` has checked it; a path of another would be worse than a refusal.
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
            let refusal = Refusal::unprocessable(format!("{name:?} is not a name of a file"));
            return Err(PortError::fatal(refusal));
        }
        let (directory, name, content) = (self.0.clone(), name.to_owned(), content.clone());
        let written = tokio::task::spawn_blocking(move || write(&directory, &name, &content)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(PortError::retry(
                Refusal::unavailable("the file with the credential cannot be written").cause(error),
            )),
            Err(error) => Err(PortError::retry(Refusal::internal(error))),
        }
    }
}

fn write(directory: &Path, name: &str, content: &SecretString) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(directory)?;
    // No name that a rule can give begins with a dot.
    let part = directory.join(format!(".{name}.part"));
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)?;
    file.write_all(content.expose_secret().as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&part, directory.join(name))?;
    std::fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn a_file_is_whole_private_and_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let directory = temp.path().join("credentials");
        let files = CredentialDirectory::new(directory.clone());
        for text in ["one", "two"] {
            files
                .write("a.env", &SecretString::from(text))
                .await
                .unwrap();
            let path = directory.join("a.env");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
        assert_eq!(
            directory.metadata().unwrap().permissions().mode() & 0o777,
            0o700
        );
        for bad in ["../x", "/x", ".x", ""] {
            let error = files
                .write(bad, &SecretString::from("x"))
                .await
                .unwrap_err();
            assert!(!error.retry, "{bad}");
        }
    }
}
