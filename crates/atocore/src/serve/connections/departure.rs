//! Whether the client of a request at work has gone.
//!
//! A client may close its sending side and wait for the answer. Over TCP that looks like a closed connection until
//! something is sent: so an interim response is, which every client skips, and which a closed connection refuses.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::AsFd,
    sync::{Mutex, PoisonError},
};

use socket2::SockRef;
use tokio::time::{Duration, sleep};

use super::limiter::ConnectionSlot;

/// How often it is looked. A request that is answered sooner gets no interim response.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The interim response.
const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Waits until the client has gone. Must run in the task that writes to the stream, so that an interim response never
/// stands inside an answer.
pub(super) async fn departed<S: AsFd>(stream: &Mutex<S>, slot: &ConnectionSlot) {
    let mut before = None;
    loop {
        sleep(LOOK_EVERY).await;
        let unanswered = slot.unanswered();
        let is_lasting = unanswered.is_some() && unanswered == before;
        before = unanswered;
        let stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = SockRef::from(&*stream);
        // Sends nothing, and fails where nothing can be sent any more.
        if has_failed(socket.send(&[])) {
            return;
        }
        let sends_no_more = || matches!(socket.peek(&mut [MaybeUninit::uninit()]), Ok(0));
        if is_lasting && sends_no_more() {
            if has_failed(socket.send(INTERIM)) {
                return;
            }
            slot.told_to_wait();
        }
    }
}

fn has_failed(sent: io::Result<usize>) -> bool {
    sent.is_err_and(|error| !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted))
}
