//! Which calls are at work, so that a client can call one off with a request of its own.
//!
//! Over HTTP every request stands alone. A client of a version of the protocol that has sessions gets a session id, and
//! what it cancels is found by that id and the number of the request.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::http::HeaderMap;
use rmcp::model::RequestId;
use tokio_util::sync::CancellationToken;

/// The header with the id of a session.
pub(super) const SESSION_HEADER: &str = "mcp-session-id";

/// The calls at work; clones are the same ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls(Arc<Mutex<HashMap<Key, CancellationToken>>>);

type Key = (String, RequestId);

/// A call at work, until it is dropped.
#[derive(Debug)]
pub(super) struct RunningCall {
    calls: Calls,
    key: Option<Key>,
    cancelled: CancellationToken,
}

impl Calls {
    /// Begins a call. Where its request has no session, only `transport` cancels it.
    pub(super) fn begin(
        &self,
        headers: Option<&HeaderMap>,
        id: &RequestId,
        transport: &CancellationToken,
    ) -> RunningCall {
        let cancelled = transport.child_token();
        let key = headers.and_then(session).map(|session| (session, id.clone()));
        if let Some(key) = &key {
            drop(self.lock().insert(key.clone(), cancelled.clone()));
        }
        RunningCall { calls: self.clone(), key, cancelled }
    }

    /// Calls off a request of a session; one that is not at work is left alone.
    pub(super) fn call_off(&self, headers: &HeaderMap, id: &RequestId) {
        let key = session(headers).map(|session| (session, id.clone()));
        if let Some(call) = key.and_then(|key| self.lock().remove(&key)) {
            call.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningCall {
    /// Tells that the client cancelled the call.
    pub(super) fn cancelled(&self) -> CancellationToken {
        self.cancelled.clone()
    }
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            drop(self.calls.lock().remove(key));
        }
    }
}

fn session(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(SESSION_HEADER)?.to_str().ok()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_session_calls_a_request_off() {
        let calls = Calls::default();
        let headers = |session: &'static str| {
            HeaderMap::from_iter([(SESSION_HEADER.parse().unwrap(), session.parse().unwrap())])
        };
        let id = RequestId::Number(7);
        let transport = CancellationToken::new();
        let call = calls.begin(Some(&headers("one")), &id, &transport);
        calls.call_off(&headers("two"), &id);
        calls.call_off(&headers("one"), &RequestId::Number(8));
        calls.call_off(&HeaderMap::new(), &id);
        assert!(!call.cancelled().is_cancelled());
        calls.call_off(&headers("one"), &id);
        assert!(call.cancelled().is_cancelled());
        drop(call);
        let other = calls.begin(None, &id, &transport);
        assert!(calls.lock().is_empty());
        transport.cancel();
        assert!(other.cancelled().is_cancelled());
    }
}
