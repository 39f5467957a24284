//! The doors of AtoCore: command line, HTTP and MCP over one engine.

pub mod app;
pub mod cli;
pub mod config;
mod demo;
pub mod http;
pub mod jobs;
pub mod logging;
mod mcp;
mod models;
mod packs;
pub mod serve;
pub mod session;
pub mod verb;
pub mod wire;
