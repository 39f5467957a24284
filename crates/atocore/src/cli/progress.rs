//! Shows on a terminal where long work stands, and turns Ctrl-C into a request to stop.

use std::{
    borrow::Cow,
    io::{self, IsTerminal},
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use atocore_model::monitor::{Monitor, Progress};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::{Form, note};

/// A progress bar on standard error, and whether the user wants to stop.
pub(crate) struct Terminal {
    bar: ProgressBar,
    phases: Mutex<Phases>,
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
    "copying the model",
    "copying the vector store",
    "downloading the model",
    "restoring",
    "unpacking the model",
];

/// How long work counts for the pace: what is older than this counts half.
const PACE_OF: Duration = Duration::from_secs(30);
/// A remaining time is only told after the phase has gone on for so long.
const TELLS_AFTER: Duration = Duration::from_secs(1);

/// What was seen of each phase. Phases take turns: one that comes back goes on where it was, and what the other took in
/// between is part of its time.
#[derive(Debug, Default)]
struct Phases {
    shown: Cow<'static, str>,
    seen: Vec<TimedPhase>,
}

#[derive(Debug)]
struct TimedPhase {
    name: Cow<'static, str>,
    done: u64,
    at: Instant,
    /// What was done of late, and the seconds that it took; old work counts less and less.
    made: f64,
    seconds: f64,
}

impl Phases {
    /// Takes note of where a phase stands, and tells how long it will take, once its pace is known.
    fn left(&mut self, progress: &Progress, now: Instant) -> Option<Duration> {
        self.shown = progress.phase.clone();
        let place = self.seen.iter().position(|phase| phase.name == progress.phase);
        let place = place.unwrap_or_else(|| {
            let (name, done) = (progress.phase.clone(), progress.done);
            self.seen.push(TimedPhase { name, done, at: now, made: 0.0, seconds: 0.0 });
            self.seen.len() - 1
        });
        let phase = self.seen.get_mut(place)?;
        if progress.done < phase.done {
            // It begins anew, with other work.
            (phase.made, phase.seconds) = (0.0, 0.0);
        } else {
            let took = now.saturating_duration_since(phase.at).as_secs_f64();
            let kept = 0.5_f64.powf(took / PACE_OF.as_secs_f64());
            phase.made = phase.made * kept + (progress.done - phase.done) as f64;
            phase.seconds = phase.seconds * kept + took;
        }
        (phase.done, phase.at) = (progress.done, now);
        let left = progress.total?.saturating_sub(progress.done) as f64;
        let is_known = phase.made > 0.0 && phase.seconds >= TELLS_AFTER.as_secs_f64();
        is_known.then(|| Duration::try_from_secs_f64(left * phase.seconds / phase.made).ok()).flatten()
    }
}

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
        Self { bar, phases: Mutex::default(), stop }
    }
}

impl Terminal {
    /// Takes the bar off the terminal, so that a line can be printed; the next progress brings it back.
    pub(crate) fn clear(&self) {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner).shown = "".into();
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
    }
}

impl Monitor for Terminal {
    fn progress(&self, progress: Progress) {
        if self.bar.is_hidden() {
            return;
        }
        let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = phases.shown != progress.phase;
        let left = phases.left(&progress, Instant::now());
        if self.bar.is_finished() {
            self.bar.reset();
        }
        if let Some(total) = progress.total {
            self.bar.set_length(total);
        }
        self.bar.set_position(progress.done);
        self.bar.set_prefix(left.map(|left| format!("{:#}", HumanDuration(left))).unwrap_or_default());
        if is_new {
            let in_bytes = IN_BYTES.contains(&&*progress.phase);
            self.bar.set_message(progress.phase);
            self.bar.set_style(match (progress.total, in_bytes) {
                (Some(_), true) => measured(),
                (Some(_), false) => counted(),
                (None, _) => spinner(),
            });
            self.bar.enable_steady_tick(Duration::from_millis(100));
        }
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
    ProgressStyle::with_template("{spinner} {msg} {wide_bar} {pos}/{len} {prefix}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn measured() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg} {wide_bar} {bytes}/{total_bytes} {prefix}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows what is done at a time after the start, in milliseconds.
    struct Watched {
        phases: Phases,
        start: Instant,
    }

    impl Watched {
        fn new() -> Self {
            Self { phases: Phases::default(), start: Instant::now() }
        }

        fn left(&mut self, at_ms: u64, phase: &'static str, done: u64, total: u64) -> Option<u64> {
            let progress = Progress { phase: phase.into(), done, total: Some(total) };
            let left = self.phases.left(&progress, self.start + Duration::from_millis(at_ms));
            left.map(|left| left.as_secs_f64().round() as u64)
        }
    }

    #[test]
    fn the_time_that_is_left_is_right_when_another_phase_comes_in_between_again_and_again() {
        let mut watched = Watched::new();
        // Twenty texts a second, and every two seconds half a second for an index of thousands.
        let (total, mut done, mut at) = (7000, 0, 0);
        assert_eq!(watched.left(at, "embedding passages", done, total), None);
        while done < 4000 {
            for _ in 0..8 {
                (at, done) = (at + 250, done + 5);
                let told = watched.left(at, "embedding passages", done, total);
                let right = (total - done) / 16;
                if at > 10_000 {
                    let told = told.unwrap();
                    assert!(told.abs_diff(right) <= right / 10 + 1, "{done}: {told} s for {right} s");
                }
            }
            at += 500;
            let _index = watched.left(at, "indexing vectors", done, total);
        }
    }

    #[test]
    fn what_was_done_before_the_first_look_is_no_pace_and_a_new_beginning_has_none() {
        let mut watched = Watched::new();
        assert_eq!(watched.left(0, "restoring", 5000, 6000), None, "it went on from there");
        assert_eq!(watched.left(500, "restoring", 5050, 6000), None, "too early");
        assert_eq!(watched.left(1200, "restoring", 5120, 6000), Some(9));
        assert_eq!(watched.left(1300, "restoring", 0, 100), None, "other work");
        assert_eq!(watched.left(2300, "restoring", 0, 100), None, "nothing was done yet");
        assert_eq!(watched.left(3300, "restoring", 50, 100), Some(2));
    }

    #[test]
    fn a_pace_that_changes_is_followed() {
        let mut watched = Watched::new();
        for second in 0..=60 {
            let _fast = watched.left(second * 1000, "reading documents", second * 100, 10_000);
        }
        let mut told = 0;
        for second in 61..=240 {
            told =
                watched.left(second * 1000, "reading documents", 6000 + (second - 60) * 10, 10_000).unwrap();
        }
        assert!((190..=230).contains(&told), "{told} s for 220 s");
    }
}
