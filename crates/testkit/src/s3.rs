//! A real S3-compatible server for tests: Versity's gateway over a temporary directory, built by
//! the machine's Go once and kept in the cache of the engines.

use crate::engines::{cache, lock, skip};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const VERSION: &str = "v1.8.0";
const MODULE: &str = "github.com/versity/versitygw/cmd/versitygw";
/// How long it may take to answer.
const START: Duration = Duration::from_secs(30);

/// A server with one empty bucket. Ends with its value.
#[derive(Debug)]
pub struct S3Server {
    process: Child,
    dir: TempDir,
    address: SocketAddr,
}

impl S3Server {
    pub const BUCKET: &str = "offshoot-test";
    pub const ACCESS_KEY: &str = "test-access-key";
    pub const SECRET_KEY: &str = "test-secret-key";

    /// `None` (after a line `SKIP: …`) where it cannot be had.
    ///
    /// # Panics
    /// When it is there and does not start.
    pub fn start() -> Option<Self> {
        static TRIED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        match TRIED.get_or_init(install) {
            Ok(program) => Some(Self::run(program)),
            Err(reason) => skip(reason),
        }
    }

    fn run(program: &Path) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir_all(dir.path().join("data").join(Self::BUCKET)).expect("a bucket");
        std::fs::create_dir(dir.path().join("meta")).expect("a directory for metadata");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        drop(listener);
        // Ends with the thread that starts it, also when that is killed.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(["--quiet", "--keep-alive", "--port", &address.to_string()])
            .arg("posix")
            .arg("--sidecar")
            .arg(dir.path().join("meta"))
            .arg(dir.path().join("data"))
            .env("ROOT_ACCESS_KEY", Self::ACCESS_KEY)
            .env("ROOT_SECRET_KEY", Self::SECRET_KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("setpriv (util-linux) starts the server");
        let server = Self {
            process,
            dir,
            address,
        };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < START, "the S3 server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// The bucket.
    pub fn url(&self) -> String {
        format!("s3://{}", Self::BUCKET)
    }

    /// What a client has to be told, under the names that the AWS tools have for it.
    pub fn options(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", Self::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", Self::SECRET_KEY.to_owned()),
        ]
    }

    /// Where the bucket's objects are as files.
    pub fn files(&self) -> PathBuf {
        self.dir.path().join("data").join(Self::BUCKET)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program, built when it is missing (once per machine: other test binaries wait).
fn install() -> Result<PathBuf, String> {
    let place = cache()
        .join("test-tools")
        .join(format!("versitygw-{VERSION}"));
    let program = place.join("versitygw");
    std::fs::create_dir_all(&place).map_err(|e| format!("{}: {e}", place.display()))?;
    let _lock = lock(&place);
    if program.is_file() {
        return Ok(program);
    }
    let making = tempfile::tempdir_in(&place).map_err(|e| e.to_string())?;
    let output = Command::new("go")
        .args(["install", &format!("{MODULE}@{VERSION}")])
        .env("GOBIN", making.path())
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("no S3 server for tests: go does not start ({e})"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("no S3 server for tests: go install failed: {said}"));
    }
    std::fs::rename(making.path().join("versitygw"), &program).map_err(|e| e.to_string())?;
    Ok(program)
}
