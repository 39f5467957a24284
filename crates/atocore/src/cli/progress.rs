//! Shows on a terminal where long work stands, and turns Ctrl-C into a request to stop.

use std::{
    io::{self, IsTerminal},
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use atocore_model::monitor::{Monitor, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::{Form, note};

/// A progress bar on standard error, and whether the user wants to stop.
pub(crate) struct Terminal {
    bar: ProgressBar,
    phase: Mutex<&'static str>,
    stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("stop", &self.stop).finish_non_exhaustive()
    }
}

/// The phases whose progress is a number of bytes.
const IN_BYTES: &[&str] = &[
    "comparing model files",
    "comparing with the record",
    "copying the vector store",
    "downloading the model",
    "restoring",
];

/// Exit code of a process that Ctrl-C ended: 128 and the number of the signal.
const INTERRUPTED: i32 = 130;

impl Terminal {
    /// Watches one piece of work. There is no bar when nobody would see it.
    ///
    /// The first Ctrl-C asks the work to stop, the second ends the process. Call it at most once per process.
    pub(crate) fn watch(form: Form) -> Self {
        let visible = form == Form::Human && io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(spinner());
        let stop = Arc::new(AtomicBool::new(false));
        let (asked, shown) = (Arc::clone(&stop), bar.clone());
        let handler = ctrlc::set_handler(move || {
            if asked.swap(true, Ordering::SeqCst) {
                process::exit(INTERRUPTED);
            }
            shown.suspend(|| note("stopping at the next safe place; Ctrl-C again ends at once"));
        });
        if let Err(error) = handler {
            tracing::debug!(%error, "Ctrl-C ends the process at once");
        }
        Self { bar, phase: Mutex::new(""), stop }
    }
}

impl Terminal {
    /// Takes the bar off the terminal, so that a line can be printed; the next progress brings it back.
    pub(crate) fn clear(&self) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = "";
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
    }
}

impl Monitor for Terminal {
    fn progress(&self, progress: Progress) {
        if self.bar.is_hidden() {
            return;
        }
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *phase != progress.phase {
            *phase = progress.phase;
            self.bar.reset();
            self.bar.set_message(progress.phase);
            let in_bytes = IN_BYTES.contains(&progress.phase);
            self.bar.set_style(match (progress.total, in_bytes) {
                (Some(_), true) => measured(),
                (Some(_), false) => counted(),
                (None, _) => spinner(),
            });
            self.bar.enable_steady_tick(Duration::from_millis(100));
        }
        if let Some(total) = progress.total {
            self.bar.set_length(total);
        }
        self.bar.set_position(progress.done);
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.clear();
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg} {pos}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn counted() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg} {wide_bar} {pos}/{len} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn measured() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg} {wide_bar} {bytes}/{total_bytes} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
