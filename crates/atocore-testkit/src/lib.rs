//! What the tests share: scratch installations, small corpora, damage, killed processes.

pub mod chroma;
pub mod clients;
pub mod documents;
pub mod full_disk;
pub mod fuzz;
pub mod hub;
mod install;
pub mod installation;
pub mod killed;
mod loopback;
pub mod model;
pub mod powercut;
pub mod repository;
mod request;
pub mod rights;
pub mod schemathesis;
pub mod soak;
