//! Looking at the installation: its health, its sources, what is stored, running and wrong.

use atocore_engine::{Caller, Engine};
use atocore_model::monitor::Monitor;
use axum::http::Method;

use super::{Request, Verb, VerbError};
use crate::wire;

/// Declares a verb that only looks: its path, its reply, and the call that makes it.
macro_rules! look {
    ($(#[$doc:meta])* $verb:ident, $path:literal, $at_once:literal, $reply:ty, $engine:ident => $call:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $verb;

        impl Verb for $verb {
            type Reply = $reply;
            const WRITES: bool = false;
            const AT_ONCE: bool = $at_once;

            fn request(&self) -> Request {
                Request::new(Method::GET, $path)
            }

            fn run(self, $engine: &Engine, _: Caller, _: &dyn Monitor) -> Result<Self::Reply, VerbError> {
                Ok($call)
            }
        }
    };
}

look! {
    /// Says whether the store answers, and which program it is.
    Health, "/health", true, wire::Health, engine => engine.health()?.into()
}
look! {
    /// Lists every configured root of every project and whether it can be read.
    Sources, "/sources", false, wire::SourceList, engine => engine.sources()?.into()
}
look! {
    /// Says what is stored, what is running, and how old the newest snapshot is.
    Status, "/status", false, wire::Status, engine => engine.status()?.into()
}
look! {
    /// Checks everything that can be checked without changing anything.
    Doctor, "/doctor", false, wire::Doctor, engine => engine.doctor().into()
}
