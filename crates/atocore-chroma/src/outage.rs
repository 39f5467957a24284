//! Since when a server is of no use, and when it is tried again.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use atocore_model::time::Clock;
use atocore_storage::vector::{Outage, VectorError};

use crate::{client::CallError, server::ChromaServer};

/// The first pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// It doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Lets calls through while the server answers. After a failure calls fail at once until a pause is over; then one
/// call tries, and the pause doubles when it fails too.
#[derive(Debug)]
pub(super) struct CircuitBreaker {
    clock: Arc<dyn Clock>,
    url: String,
    pub(super) first_pause: Duration,
    state: Mutex<Option<OpenCircuit>>,
}

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallPriority {
    /// Somebody waits for the answer: nothing is asked in a pause.
    Question,
    /// Whoever writes the collection mends what is wrong with it, and is not kept from that by a pause. A pause of a server
    /// that is away is kept.
    Writer,
}

#[derive(Debug)]
struct OpenCircuit {
    outage: Outage,
    /// Whether the server answers, and the collection is what is wrong.
    is_of_collection: bool,
    pause: Duration,
    again: Instant,
}

impl CircuitBreaker {
    pub(super) fn new(server: &ChromaServer, clock: Arc<dyn Clock>) -> Self {
        Self { clock, url: server.url.clone(), first_pause: FIRST_PAUSE, state: Mutex::default() }
    }

    /// Makes a call, or tells why it is not worth while.
    pub(super) fn make<T>(
        &self,
        priority: CallPriority,
        call: impl FnOnce() -> Result<T, CallError>,
    ) -> Result<T, VectorError> {
        let is_of_collection = || self.lock().as_ref().is_some_and(|failing| failing.is_of_collection);
        if priority == CallPriority::Writer && is_of_collection() {
            self.insist(call)
        } else {
            self.call(call)
        }
    }

    /// As [`CircuitBreaker::make`], for a question.
    pub(super) fn call<T>(&self, call: impl FnOnce() -> Result<T, CallError>) -> Result<T, VectorError> {
        self.pass()?;
        self.insist(call)
    }

    /// Makes a call also during a pause.
    pub(super) fn insist<T>(&self, call: impl FnOnce() -> Result<T, CallError>) -> Result<T, VectorError> {
        match call() {
            Ok(answer) => {
                *self.lock() = None;
                Ok(answer)
            }
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// Whether a call may be made now. The first one after a pause may; others go on failing until it is back.
    fn pass(&self) -> Result<(), VectorError> {
        match &mut *self.lock() {
            Some(failing) if Instant::now() < failing.again => {
                Err(VectorError::Unavailable(failing.outage.clone()))
            }
            Some(failing) => {
                failing.again = Instant::now() + failing.pause;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Writes down that the server, or what is on it, is of no use.
    pub(super) fn fail(&self, error: &CallError) -> VectorError {
        let (why, hint) = self.explained(error);
        let mut state = self.lock();
        let before = state.take();
        let since = before.as_ref().map_or_else(|| self.clock.now(), |failing| failing.outage.since);
        let pause = before.map_or(self.first_pause, |failing| (failing.pause * 2).min(LONGEST_PAUSE));
        let outage = Outage { since, why, hint };
        let is_of_collection = matches!(error, CallError::Missing(_) | CallError::Lossy(_));
        let again = Instant::now() + pause;
        *state = Some(OpenCircuit { outage: outage.clone(), is_of_collection, pause, again });
        VectorError::Unavailable(outage)
    }

    fn explained(&self, error: &CallError) -> (String, String) {
        let url = &self.url;
        let wait =
            "check that the Chroma server runs and can be reached; the connection is retried automatically";
        let settings =
            "compare ATOCORE_CHROMA_URL, _TENANT, _DATABASE, _COLLECTION and _TOKEN with the server's";
        let (why, hint) = match error {
            CallError::Lost(why) | CallError::Passing(why) => {
                (format!("the Chroma server at {url} does not answer: {why}"), wait)
            }
            CallError::Untrusted(why) => (
                format!("the certificate of the Chroma server at {url} cannot be verified: {why}"),
                "set ATOCORE_CHROMA_CA_FILE to the certificate of its authority, and compare the host in ATOCORE_CHROMA_URL with its certificate",
            ),
            CallError::Foreign(name) => (
                format!(
                    "the collection {name} of the Chroma server at {url} belongs to another program and is left unchanged"
                ),
                "set ATOCORE_CHROMA_COLLECTION to a name that nothing else uses",
            ),
            CallError::Lossy(why) => (
                format!("the collection on the Chroma server at {url} has lost records: {why}"),
                "it is rebuilt automatically, without embedding anything again",
            ),
            CallError::Slow(limit) => (
                format!("the Chroma server at {url} does not answer within {} ms", limit.as_millis()),
                "check what keeps the server busy, or raise ATOCORE_CHROMA_TIMEOUT_MS; the connection is retried automatically",
            ),
            CallError::Missing(said) => {
                (format!("not found on the Chroma server at {url}: {said}"), settings)
            }
            CallError::Refused { status, said } => {
                (format!("the Chroma server at {url} refuses with {status}: {said}"), settings)
            }
            CallError::Nonsense(why) => (
                format!("{url} is not a supported Chroma server: {why}"),
                "compare ATOCORE_CHROMA_URL with the server's; its HTTP API must be v2",
            ),
        };
        (why, hint.to_owned())
    }

    fn lock(&self) -> MutexGuard<'_, Option<OpenCircuit>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
