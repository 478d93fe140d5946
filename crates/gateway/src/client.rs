//! The client's end: TCP, TLS over it, and the compressed protocol over either; or a pipe within
//! the process, at whose other end the HTTP data API is.

use crate::compress::Codec;
use crate::listen::Counted;
use crate::options::CHUNK;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Pipe(DuplexStream),
}

/// State of the compressed protocol, for the few clients that use it.
struct Packed {
    codec: Codec,
    /// Bytes read and not yet decoded.
    input: Vec<u8>,
    taken: usize,
    /// Bytes encoded and not yet written.
    output: Vec<u8>,
    written: usize,
}

pub(crate) struct ClientStream {
    /// Its place among the connections. Free before the client can see the end of its stream: one
    /// that connects again at once is not turned away for its own last connection.
    counted: Option<Counted>,
    transport: Option<Transport>,
    packed: Option<Box<Packed>>,
}

impl ClientStream {
    pub(crate) fn new(stream: TcpStream, counted: Counted) -> Self {
        Self::over(Transport::Plain(stream), counted)
    }

    /// A client within this process.
    pub(crate) fn within(pipe: DuplexStream, counted: Counted) -> Self {
        Self::over(Transport::Pipe(pipe), counted)
    }

    fn over(transport: Transport, counted: Counted) -> Self {
        Self {
            counted: Some(counted),
            transport: Some(transport),
            packed: None,
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.transport, Some(Transport::Tls(_)))
    }

    /// Changes to TLS. After a failure the stream is closed.
    pub(crate) async fn start_tls(&mut self, acceptor: &TlsAcceptor) -> io::Result<()> {
        let Some(Transport::Plain(stream)) = self.transport.take() else {
            return Err(io::Error::other("TLS within TLS"));
        };
        let stream = acceptor.accept(stream).await?;
        self.transport = Some(Transport::Tls(Box::new(stream)));
        Ok(())
    }

    /// Changes to the compressed protocol.
    pub(crate) fn start_compression(&mut self) {
        self.packed = Some(Box::new(Packed {
            codec: Codec::new(),
            input: Vec::new(),
            taken: 0,
            output: Vec::new(),
            written: 0,
        }));
    }

    /// Reads into `out`; 0 = the client is gone.
    pub(crate) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Some(transport) = &mut self.transport else {
            return Poll::Ready(Ok(0));
        };
        let Some(packed) = &mut self.packed else {
            return transport.poll_receive(cx, out);
        };
        loop {
            if packed.taken < packed.input.len() || packed.codec.draining() {
                let (taken, written) = packed.codec.decode(&packed.input[packed.taken..], out)?;
                packed.taken += taken;
                if packed.taken == packed.input.len() {
                    packed.input = Vec::new();
                    packed.taken = 0;
                }
                if written > 0 {
                    return Poll::Ready(Ok(written));
                }
                continue;
            }
            let mut chunk = [0; 8 * 1024];
            let n = ready!(transport.poll_receive(cx, &mut chunk))?;
            if n == 0 {
                return Poll::Ready(Ok(0));
            }
            packed.input.extend_from_slice(&chunk[..n]);
        }
    }

    /// Writes some of `bytes`. What was taken may still have to be flushed.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.packed.is_some() {
            ready!(self.poll_drain(cx))?;
        }
        let Some(transport) = &mut self.transport else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let Some(packed) = &mut self.packed else {
            return transport.poll_send(cx, bytes);
        };
        let n = bytes.len().min(CHUNK);
        packed.codec.encode(&bytes[..n], &mut packed.output)?;
        Poll::Ready(Ok(n))
    }

    pub(crate) fn poll_flush_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        match &mut self.transport {
            Some(Transport::Tls(stream)) => Pin::new(stream).poll_flush(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Whether what was sent needs a flush to arrive.
    pub(crate) fn buffers(&self) -> bool {
        self.packed.is_some() || self.is_tls()
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (Some(transport), Some(packed)) = (&mut self.transport, &mut self.packed) else {
            return Poll::Ready(Ok(()));
        };
        while packed.written < packed.output.len() {
            packed.written += ready!(transport.poll_send(cx, &packed.output[packed.written..]))?;
        }
        packed.output = Vec::new();
        packed.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl Transport {
    fn poll_receive(&mut self, cx: &mut Context<'_>, out: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(out);
        match self {
            Transport::Plain(s) => ready!(Pin::new(s).poll_read(cx, &mut buffer))?,
            Transport::Tls(s) => ready!(Pin::new(s).poll_read(cx, &mut buffer))?,
            Transport::Pipe(s) => ready!(Pin::new(s).poll_read(cx, &mut buffer))?,
        }
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Transport::Plain(s) => Pin::new(s).poll_write(cx, bytes),
            Transport::Tls(s) => Pin::new(s).poll_write(cx, bytes),
            Transport::Pipe(s) => Pin::new(s).poll_write(cx, bytes),
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = ready!(self.poll_receive(cx, buffer.initialize_unfilled()))?;
        buffer.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush_all(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush_all(cx))?;
        self.counted = None;
        match &mut self.transport {
            Some(Transport::Plain(s)) => Pin::new(s).poll_shutdown(cx),
            Some(Transport::Tls(s)) => Pin::new(s).poll_shutdown(cx),
            Some(Transport::Pipe(s)) => Pin::new(s).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}
