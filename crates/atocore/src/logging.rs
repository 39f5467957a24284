//! Log events on standard error, for a person or as JSON. No document text and no secret is ever logged.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    panic, thread,
};

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

/// From now on a panic is an event that says where it was, and not what it said: the text of an index or slice error
/// holds what a document or a question holds. Before logging has begun, `note` shows it.
pub fn hide_texts_of_panics(note: fn(&str)) {
    panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        panicked(&place, panic.payload(), note);
    }));
}

fn panicked(place: &str, payload: &dyn Any, note: fn(&str)) {
    let current = thread::current();
    let thread = current.name().unwrap_or("unnamed");
    // Text that was put together at run time is a `String`; what stands in the program is shown.
    let text = payload.downcast_ref::<&'static str>().copied().unwrap_or("(not shown)");
    if !tracing::dispatcher::has_been_set() {
        note(&format!("panicked: thread {thread} at {place}: {text}"));
    }
    tracing::error!(thread, place, text, "panicked");
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        tracing::error!(%trace, "panicked");
    }
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

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_says_where_and_never_what_it_worked_on() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        let before = panic::take_hook();
        hide_texts_of_panics(|_| {});
        let work = move || {
            tracing::subscriber::with_default(subscriber, || {
                let document = "the secret é".to_owned();
                let cut = panic::catch_unwind(|| document[..12].len());
                let said = panic::catch_unwind(|| panic!("a table without rows"));
                (cut.is_err(), said.is_err())
            })
        };
        let ended = thread::Builder::new().name("worker".to_owned()).spawn(work).unwrap().join();
        panic::set_hook(before);
        assert_eq!(ended.unwrap(), (true, true));
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(!written.contains("secret"), "{written}");
        assert!(written.contains("worker") && written.contains("logging.rs:"), "{written}");
        assert!(written.contains("a table without rows"), "{written}");
    }
}
