//! Runs a program in a process group of its own and kills it at a chosen moment, as a power switch would.
//!
//! It never decides when: the caller does.

use std::{
    io::{self, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// How often a running program is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victims {
    /// The process alone; processes that it has started live on.
    Process,
    /// The process and all that it has started.
    Group,
}

/// A program that was started. Dropping it kills the whole group.
#[derive(Debug)]
pub struct Running {
    child: Child,
    started: Instant,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    ended: bool,
}

/// A program that has ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// From its start until it was seen to have ended.
    pub lasted: Duration,
}

impl Ended {
    /// Whether it died of [`Running::kill`].
    #[must_use]
    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(Signal::KILL.as_raw())
    }
}

impl Running {
    /// Starts `command` in a process group of its own, without input; what it prints is collected.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let _command =
            command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().map(collect);
        let stderr = child.stderr.take().map(collect);
        Ok(Self { child, started: Instant::now(), stdout, stderr, ended: false })
    }

    /// The id of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn is_running(&mut self) -> io::Result<bool> {
        self.ended = self.ended || self.child.try_wait()?.is_some();
        Ok(!self.ended)
    }

    /// Sends SIGKILL; one that has ended already is left as it is.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self, victims: Victims) -> io::Result<()> {
        if !self.is_running()? {
            return Ok(());
        }
        match victims {
            Victims::Process => self.child.kill(),
            // The process has not been waited for, so its group still carries its id and nobody else's.
            Victims::Group => Ok(kill_process_group(Pid::from_child(&self.child), Signal::KILL)?),
        }
    }

    /// Lets `time` go by, or less when it ends before.
    ///
    /// # Errors
    /// When the system does not say whether it has ended.
    pub fn let_run(&mut self, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        while self.is_running()? {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::sleep(left.min(LOOK_AGAIN));
        }
        Ok(())
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// When it has not ended within `limit`: it is killed then.
    pub fn wait(mut self, limit: Duration) -> io::Result<Ended> {
        self.let_run(limit)?;
        let lasted = self.started.elapsed();
        if self.is_running()? {
            let message = format!("process {} has not ended within {} s", self.id(), limit.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
        let status = self.child.wait()?;
        let (stdout, stderr) = (text_of(self.stdout.take()), text_of(self.stderr.take()));
        Ok(Ended { status, stdout, stderr, lasted })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // There is nobody to tell; what cannot be killed has ended.
        drop(self.kill(Victims::Group));
        drop(self.child.wait());
    }
}

/// Reads all that comes, so that the program never waits for a reader.
fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is worth having.
        drop(pipe.read_to_end(&mut bytes));
        bytes
    })
}

fn text_of(thread: Option<JoinHandle<Vec<u8>>>) -> String {
    let bytes = thread.and_then(|thread| thread.join().ok()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Running {
        Running::start(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn what_a_program_says_and_how_it_ends_is_kept() {
        let ended = shell("echo out; echo err >&2; exit 3").wait(Duration::from_secs(60)).unwrap();
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(ended.status.code(), Some(3));
        assert!(!ended.was_killed());
    }

    #[test]
    fn a_killed_program_is_told_from_one_that_ended() {
        let mut running = shell("sleep 600 & echo $!; wait");
        running.let_run(Duration::from_millis(20)).unwrap();
        running.kill(Victims::Group).unwrap();
        assert!(running.wait(Duration::from_secs(60)).unwrap().was_killed());
    }

    #[test]
    fn a_program_that_hangs_is_not_waited_for() {
        let error = shell("sleep 600").wait(Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
