//! The only code that touches disks: SQLite, derived indexes, files, locks.
