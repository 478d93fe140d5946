//! From an address to a store.

use crate::error::{ArchiveError, Result};
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// A store that was opened.
pub(crate) struct Place {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) prefix: Path,
    /// Where it is, when it is a directory of this machine.
    pub(crate) directory: Option<PathBuf>,
}

/// Opens `file:///directory`, `s3://bucket/prefix`, `gs://bucket/prefix` or
/// `az://container/prefix`. Options are those of the environment (`AWS_ENDPOINT`,
/// `AZURE_STORAGE_ACCOUNT_NAME`, …), overridden by `options`.
pub(crate) fn open(url: &Url, options: &BTreeMap<String, String>) -> Result<Place> {
    let refused = |why: String| ArchiveError::Address {
        // Whatever was written before an @ may be a secret.
        url: format!(
            "{}://{}{}",
            url.scheme(),
            url.host_str().unwrap_or_default(),
            url.path()
        ),
        why,
    };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        let why = "an address has no credentials and no parameters; those go into the options or the environment";
        return Err(refused(why.to_owned()));
    }
    let remote = |store: object_store::Result<Arc<dyn ObjectStore>>| -> Result<Place> {
        Ok(Place {
            store: store.map_err(|e| refused(e.to_string()))?,
            prefix: Path::from_url_path(url.path()).map_err(|e| refused(e.to_string()))?,
            directory: None,
        })
    };
    macro_rules! cloud {
        ($builder:ty) => {{
            let mut builder = <$builder>::from_env().with_url(url.as_str());
            for (key, value) in options {
                let known = key
                    .to_ascii_lowercase()
                    .parse()
                    .map_err(|_| no_option(key))?;
                builder = builder.with_config(known, value);
            }
            remote(builder.build().map(|store| Arc::new(store) as _))
        }};
    }
    match (url.scheme(), url.host_str()) {
        ("file", None) => {
            if let Some(key) = options.keys().next() {
                return Err(no_option(key));
            }
            let directory = url
                .to_file_path()
                .map_err(|()| refused("it is no path of a directory".to_owned()))?;
            // Made only by hand: what is missing is rather a disk that is not mounted.
            let store = LocalFileSystem::new_with_prefix(&directory)
                .map_err(|e| refused(format!("{e}; the directory has to be there")))?
                .with_fsync(true);
            Ok(Place {
                store: Arc::new(store),
                prefix: Path::default(),
                directory: Some(directory),
            })
        }
        ("s3", Some(_)) => cloud!(AmazonS3Builder),
        ("gs", Some(_)) => cloud!(GoogleCloudStorageBuilder),
        ("az", Some(_)) => cloud!(MicrosoftAzureBuilder),
        _ => Err(refused(
            "an address is file:///directory, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix".to_owned(),
        )),
    }
}

fn no_option(key: &str) -> ArchiveError {
    ArchiveError::Option {
        key: key.to_owned(),
        why: "this kind of store has no such option".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str, options: &[(&str, &str)]) -> String {
        let options = options.iter().map(|(k, v)| (k.to_string(), v.to_string()));
        match open(&url.parse().unwrap(), &options.collect()) {
            Ok(_) => panic!("{url} was opened"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_kind_of_store_opens() {
        for (url, options, prefix) in [
            (
                "s3://bucket/a/b",
                vec![
                    ("aws_endpoint", "http://127.0.0.1:1"),
                    ("AWS_ALLOW_HTTP", "true"),
                ],
                "a/b",
            ),
            ("gs://bucket", vec![("google_skip_signature", "true")], ""),
            (
                "az://container/c",
                vec![("azure_storage_account_name", "account")],
                "c",
            ),
        ] {
            let options = options
                .iter()
                .map(|(k, v)| (k.to_string(), v.to_string()))
                .collect();
            let place = open(&url.parse().unwrap(), &options).unwrap();
            assert_eq!(place.prefix.as_ref(), prefix);
        }
        let dir = tempfile::tempdir().unwrap();
        let url = Url::from_directory_path(dir.path()).unwrap();
        let place = open(&url, &BTreeMap::new()).unwrap();
        assert_eq!(place.directory.unwrap(), dir.path());
    }

    #[test]
    fn what_does_not_open_says_why_without_secrets() {
        for (url, options, words) in [
            ("file:///no/such/directory", &[][..], "has to be there"),
            ("file:///tmp", &[("endpoint", "x")], "endpoint"),
            ("s3://bucket", &[("aws_endpiont", "x")], "aws_endpiont"),
            ("s3://key:hidden@bucket/a", &[], "no credentials"),
            ("s3://bucket/a?secret=hidden", &[], "no parameters"),
            ("ftp://host/a", &[], "s3://bucket"),
        ] {
            let said = refusal(url, options);
            assert!(said.contains(words), "{said}");
            assert!(!said.contains("hidden"), "{said}");
        }
    }
}
