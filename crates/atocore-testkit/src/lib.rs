//! What the tests share: scratch installations, small corpora, damage, killed processes.

pub mod installation;
