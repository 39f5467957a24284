//! The doors of AtoCore: command line and HTTP over one engine.
