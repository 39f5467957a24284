//! What the tests share: scratch stores, small corpora, damage, killed processes.
