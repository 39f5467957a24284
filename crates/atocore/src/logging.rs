//! Log events on standard error, for a person or as JSON. No document text and no secret is ever logged.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFormat, LogLevel};

/// Begins logging in this process; a second call changes nothing.
pub fn start(level: LogLevel, format: LogFormat, colour: bool) {
    // Libraries say what concerns them; only their warnings concern a user.
    let level = LevelFilter::from(level);
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        // What a client does wrong it is told; to this library it is a warning.
        .with_target("rmcp", level.min(LevelFilter::ERROR))
        .with_targets(OURS.iter().map(|target| (*target, level)));
    let registry = tracing_subscriber::registry().with(targets);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let begun = match format {
        LogFormat::Human => registry.with(layer.with_ansi(colour).with_target(false)).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true).with_ansi(false)).try_init(),
    };
    // The only failure is that logging has begun already.
    drop(begun);
}

/// Whose events are shown at the level that was set.
const OURS: &[&str] = &["atocore", "atocore_engine", "atocore_backup", "atocore_storage"];

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::OFF,
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}
