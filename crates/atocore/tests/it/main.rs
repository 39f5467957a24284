//! What the doors promise, on a real server and a real store.

mod errors;
mod hostile;
mod http;
mod openapi;
mod parity;
mod program;
mod server;
