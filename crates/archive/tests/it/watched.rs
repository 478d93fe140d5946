//! A store that counts what is put, and can be made to fail or to wait.

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use offshoot_archive::object_store;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

#[derive(Debug)]
pub(crate) struct Watched {
    inner: LocalFileSystem,
    puts: Mutex<Vec<String>>,
    /// How many chunks may be put before everything fails.
    pub(crate) left: AtomicUsize,
    /// Chunks are put as this has permits.
    pub(crate) puts_gate: Arc<Semaphore>,
    /// Chunks are deleted as this has permits.
    pub(crate) deletes_gate: Arc<Semaphore>,
}

impl Watched {
    pub(crate) fn new(dir: &std::path::Path) -> Arc<Self> {
        Arc::new(Self {
            inner: LocalFileSystem::new_with_prefix(dir).unwrap(),
            puts: Mutex::default(),
            left: AtomicUsize::new(usize::MAX),
            puts_gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            deletes_gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        })
    }

    /// Closes a gate but for so many permits.
    pub(crate) fn close(gate: &Semaphore, permits: usize) {
        gate.forget_permits(gate.available_permits() - permits);
    }

    pub(crate) fn open(gate: &Semaphore) {
        gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// Names of what was put, in order, that have this part.
    pub(crate) fn puts(&self, part: &str) -> Vec<String> {
        let puts = self.puts.lock().unwrap();
        puts.iter().filter(|p| p.contains(part)).cloned().collect()
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

#[async_trait]
impl ObjectStore for Watched {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        if location.as_ref().contains("/chunks/") {
            self.puts_gate.acquire().await.unwrap().forget();
            let left = self
                .left
                .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
            if left.is_err() {
                return Err(object_store::Error::Generic {
                    store: "Watched",
                    source: "the connection broke".into(),
                });
            }
        }
        let done = self.inner.put_opts(location, payload, opts).await?;
        self.puts.lock().unwrap().push(location.to_string());
        Ok(done)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let gate = Arc::clone(&self.deletes_gate);
        let waiting = locations.then(move |path| {
            let gate = Arc::clone(&gate);
            async move {
                if path.as_ref().is_ok_and(|p| p.as_ref().contains("/chunks/")) {
                    gate.acquire().await.unwrap().forget();
                }
                path
            }
        });
        self.inner.delete_stream(waiting.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
