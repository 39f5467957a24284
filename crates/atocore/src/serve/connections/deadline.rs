//! A stream whose client has to read what it asked for.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Duration, Instant, Sleep, sleep_until},
};

use super::limiter::ConnectionSlot;

/// A stream that fails when its client does not read.
#[derive(Debug)]
pub(super) struct DeadlineStream<S> {
    /// Shared with what looks whether the client is still there; both run in the task of the connection.
    stream: Arc<Mutex<S>>,
    slot: Arc<ConnectionSlot>,
    read_within: Duration,
    unread: Option<Pin<Box<Sleep>>>,
}

impl<S> DeadlineStream<S> {
    /// What is written in one piece has to be read within that time.
    pub(super) const fn new(stream: Arc<Mutex<S>>, slot: Arc<ConnectionSlot>, read_within: Duration) -> Self {
        Self { stream, slot, read_within, unread: None }
    }

    fn stream(&self) -> MutexGuard<'_, S> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what came of writing `size` bytes. What was taken in part only counts as unread: a client that reads a byte
    /// now and then would never end.
    fn wrote(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
        size: usize,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(taken)) if *taken >= size => {
                if self.unread.take().is_some() {
                    self.slot.read();
                }
            }
            Poll::Ready(Ok(_)) | Poll::Pending => {
                let (slot, read_within) = (&self.slot, self.read_within);
                let unread = self.unread.get_or_insert_with(|| {
                    let now = Instant::now();
                    slot.unread_since(now);
                    Box::pin(sleep_until(now + read_within))
                });
                if written.is_pending() {
                    ready!(unread.as_mut().poll(context));
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for DeadlineStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for DeadlineStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.stream()).poll_write(context, bytes);
        self.wrote(context, written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let size = pieces.iter().map(|piece| piece.len()).sum();
        let written = Pin::new(&mut *self.stream()).poll_write_vectored(context, pieces);
        self.wrote(context, written, size)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::{super::limiter::ConnectionLimiter, *};

    fn deadline(read_within: Duration) -> (DeadlineStream<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (stream, client) = duplex(64);
        let slot = Arc::new(ConnectionLimiter::default().enter(None));
        (DeadlineStream::new(Arc::new(Mutex::new(stream)), slot, read_within), client)
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_given_up_and_so_is_one_that_reads_a_byte_now_and_then() {
        let (mut stream, _client) = deadline(Duration::from_millis(50));
        let error = stream.write_all(&[0; 65]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let (mut stream, mut client) = deadline(Duration::from_millis(50));
        let dripping = tokio::spawn(async move {
            while client.read_u8().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        // To read all of it would take a hundred times as long.
        let error = stream.write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(stream);
        dripping.await.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_reads_is_served() {
        let (mut stream, mut client) = deadline(Duration::from_secs(600));
        let reading = tokio::spawn(async move {
            let mut read = 0;
            while client.read_u8().await.is_ok() {
                read += 1;
            }
            read
        });
        for _ in 0..10 {
            stream.write_all(&[0; 200]).await.unwrap();
        }
        drop(stream);
        assert_eq!(reading.await.unwrap(), 2000);
    }
}
