//! The socket to an engine.
//!
//! A unix socket reports that it can be written to each time its other end has read. Whoever waits
//! for both directions at once, as tokio's own stream does, is woken for every command that the
//! engine takes, and has nothing to do. So only what comes from the engine is watched, and the way
//! to it only while it is full.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

#[derive(Debug)]
pub(crate) struct EngineStream {
    socket: AsyncFd<UnixStream>,
    /// The same socket, watched for room; while there was none at the last write.
    full: Option<AsyncFd<UnixStream>>,
}

impl EngineStream {
    pub(crate) async fn connect(path: &Path) -> io::Result<Self> {
        let socket = tokio::net::UnixStream::connect(path).await?.into_std()?;
        Self::new(socket)
    }

    fn new(socket: UnixStream) -> io::Result<Self> {
        Ok(Self {
            socket: watch(socket, Interest::READABLE)?,
            full: None,
        })
    }
}

#[expect(unsafe_code, reason = "watching one direction only")]
fn watch(socket: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    // SAFETY: the `AsyncFd` owns the socket from here on, and nobody replaces or closes it within.
    let watched = unsafe { AsyncFd::register_with_interest(socket, interest) };
    Ok(watched?)
}

impl AsyncRead for EngineStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.socket.poll_read_ready(cx))?;
            let room = out.initialize_unfilled();
            match self.socket.get_ref().read(room) {
                Ok(n) => {
                    // Less than there was room for: what comes next is reported anew.
                    if n > 0 && n < room.len() {
                        ready.clear_ready();
                    }
                    out.advance(n);
                    return Poll::Ready(Ok(()));
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => ready.clear_ready(),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }
}

impl AsyncWrite for EngineStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Some(full) = &self.full {
                ready!(full.poll_write_ready(cx))?.retain_ready();
                self.full = None;
            }
            match self.socket.get_ref().write(bytes) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    let same = self.socket.get_ref().try_clone()?;
                    self.full = Some(watch(same, Interest::WRITABLE)?);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.get_ref().shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn pair() -> (EngineStream, tokio::net::UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let theirs = tokio::net::UnixStream::from_std(theirs).unwrap();
        (EngineStream::new(ours).unwrap(), theirs)
    }

    /// Whether anybody waits for room in the socket, as the kernel has it.
    fn watched_for_room(socket: &impl AsRawFd) -> bool {
        const EPOLLOUT: u32 = 4;
        let fd = socket.as_raw_fd().to_string();
        let infos = std::fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
        let texts = infos.filter_map(|info| std::fs::read_to_string(info.path()).ok());
        let watches: Vec<u32> = texts
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                let of = words.next() == Some("tfd:") && words.next() == Some(&fd);
                let events = words.nth(1).filter(|_| of)?;
                u32::from_str_radix(events, 16).ok()
            })
            .collect();
        assert!(!watches.is_empty(), "nobody watches {fd}");
        watches.iter().any(|events| events & EPOLLOUT != 0)
    }

    #[tokio::test]
    async fn a_command_that_is_read_wakes_nobody() {
        let (mut ours, mut theirs) = pair();
        ours.write_all(b"command").await.unwrap();
        assert!(!watched_for_room(&ours.socket));
        assert!(watched_for_room(&theirs));
        let mut read = [0; 7];
        theirs.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"command");
    }

    #[tokio::test]
    async fn what_finds_no_room_is_written_when_there_is_some() {
        let (mut ours, mut theirs) = pair();
        let sent: Vec<u8> = (0..8 << 20).map(|n: u32| (n % 251) as u8).collect();
        let copy = sent.clone();
        let writing = tokio::spawn(async move {
            ours.write_all(&copy).await.unwrap();
            ours
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut read = vec![0; sent.len()];
        theirs.read_exact(&mut read).await.unwrap();
        assert!(read == sent);
        // And the other way, in pieces, to the end.
        let mut ours = writing.await.unwrap();
        let saying = tokio::spawn(async move {
            for piece in sent.chunks(100_000) {
                theirs.write_all(piece).await.unwrap();
            }
        });
        let mut back = Vec::new();
        ours.read_to_end(&mut back).await.unwrap();
        saying.await.unwrap();
        assert!(back == read);
        assert!(ours.write_all(b"more").await.is_err());
    }
}
