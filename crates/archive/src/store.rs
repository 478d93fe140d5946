//! The object store, with failures that name the object.

use crate::error::{ArchiveError, Result};
use crate::name::Object;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Clone)]
pub(crate) struct Store(pub(crate) Arc<dyn ObjectStore>);

impl Store {
    pub(crate) async fn put(&self, object: &Object, bytes: Vec<u8>) -> Result<()> {
        let put = self.0.put(&object.path, bytes.into()).await;
        put.map(drop).map_err(failed(object, "written"))
    }

    /// An object of at most `limit` bytes, or nothing when it is not there.
    pub(crate) async fn find(&self, object: &Object, limit: u64) -> Result<Option<Bytes>> {
        let found = match self.0.get(&object.path).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(cause) => return Err(failed(object, "read")(cause)),
        };
        if found.meta.size > limit {
            return Err(ArchiveError::Damaged {
                object: object.to_string(),
                why: "it is larger than what was put there can be",
            });
        }
        let bytes = found.bytes().await.map_err(failed(object, "read"))?;
        Ok(Some(bytes))
    }

    pub(crate) async fn get(&self, object: &Object, limit: u64) -> Result<Bytes> {
        self.find(object, limit)
            .await?
            .ok_or_else(|| ArchiveError::Missing {
                object: object.to_string(),
            })
    }

    pub(crate) async fn look(&self, object: &Object) -> Result<Option<ObjectMeta>> {
        match self.0.head(&object.path).await {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(failed(object, "read")(cause)),
        }
    }

    /// Removes an object; one that is not there is removed.
    pub(crate) async fn delete(&self, object: &Object) -> Result<()> {
        match self.0.delete(&object.path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(failed(object, "removed")(cause)),
        }
    }

    /// Removes many objects, with as few requests as the store has for it.
    pub(crate) async fn delete_all(&self, paths: Vec<Path>) -> Result<()> {
        let all = futures_util::stream::iter(paths.into_iter().map(Ok)).boxed();
        let mut deleted = self.0.delete_stream(all);
        while let Some(result) = deleted.next().await {
            match result {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(cause) => return Err(failed("objects", "removed")(cause)),
            }
        }
        Ok(())
    }

    /// Everything below a directory, in no order.
    pub(crate) fn list(&self, directory: Path) -> BoxStream<'_, Result<ObjectMeta>> {
        self.0
            .list(Some(&directory))
            .map_err(move |cause| failed(&directory, "listed")(cause))
            .boxed()
    }

    /// Names of the directories in one.
    pub(crate) async fn directories(&self, directory: &Path) -> Result<BTreeSet<String>> {
        let found = self
            .0
            .list_with_delimiter(Some(directory))
            .await
            .map_err(failed(directory, "listed"))?;
        let names = found.common_prefixes.iter().filter_map(|p| p.filename());
        Ok(names.map(str::to_owned).collect())
    }
}

fn failed(
    object: impl ToString,
    doing: &'static str,
) -> impl FnOnce(object_store::Error) -> ArchiveError {
    let object = object.to_string();
    move |cause| ArchiveError::Store {
        object,
        doing,
        cause,
    }
}
