//! Runs a command under limits: what it is given on its standard input, and what it writes. An installation may name one for an
//! ending, which gets the file and writes Markdown.

use std::{
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::{
    error::ExtractError,
    extracted::{Extracted, TextStructure},
    limits::ExtractLimits,
    rules::ConvertCommand,
    words::beginning_of,
};

/// The folders in which a command finds the programs that it starts.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// How often the caller is asked whether to go on.
const LOOK: Duration = Duration::from_millis(10);

/// The text that a command makes of a file; `None` when `cancelled` says so. `limiter` is the program that calls [`crate::serve`].
///
/// # Errors
/// An [`io::Error`] is of the process: it could not be started.
pub(crate) fn convert(
    (limiter, arguments): (&Path, &[String]),
    command: &ConvertCommand,
    content: Vec<u8>,
    limits: &ExtractLimits,
    cancelled: &dyn Fn() -> bool,
) -> io::Result<Option<Result<Extracted, ExtractError>>> {
    let written = run((limiter, arguments), command, content, limits, cancelled)?;
    let text_of = |written: Vec<u8>| {
        let no_text = |_| ExtractError::Failed("its converter wrote no UTF-8".to_owned());
        let text = String::from_utf8(written).map_err(no_text)?;
        if text.trim().is_empty() {
            return Err(ExtractError::NoText);
        }
        Ok(Extracted { text, structure: TextStructure::Markdown, ..Extracted::default() })
    };
    Ok(written.map(|written| written.and_then(text_of)))
}

/// What a command writes when it is given `content`; `None` when `cancelled` says so.
///
/// # Errors
/// As [`convert`].
pub(crate) fn run(
    (limiter, arguments): (&Path, &[String]),
    command: &[String],
    content: Vec<u8>,
    limits: &ExtractLimits,
    cancelled: &dyn Fn() -> bool,
) -> io::Result<Option<Result<Vec<u8>, ExtractError>>> {
    let scratch = tempfile::tempdir()?;
    let process = Command::new(limiter)
        .args(arguments)
        .args(command)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .env("HOME", scratch.path())
        .env("TMPDIR", scratch.path())
        .current_dir(scratch.path())
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut group = ProcessGroup { leader: process, has_ended: false };
    let pipes = (group.leader.stdin.take(), group.leader.stdout.take(), group.leader.stderr.take());
    let (Some(mut input), Some(output), Some(error)) = pipes else {
        return Err(io::Error::other("a child process has no pipes"));
    };
    let named = |name: &str| thread::Builder::new().name(name.to_owned());
    // A command need not read all of it. None of the three outlives the pipes, which end with the group.
    let _writes = named("convert-input").spawn(move || input.write_all(&content))?;
    let said = named("convert-errors").spawn(move || beginning_of(error))?;
    let most = limits.text_bytes + 1;
    let text = named("convert-output").spawn(move || {
        let mut text = Vec::new();
        output.take(most).read_to_end(&mut text).map(|_| text)
    })?;
    let began = Instant::now();
    while !text.is_finished() {
        if cancelled() {
            return Ok(None);
        }
        if began.elapsed() > limits.deadline {
            return Ok(Some(Err(limits.deadline_exceeded())));
        }
        thread::sleep(LOOK);
    }
    let text = text.join().map_err(|_| io::Error::other("the thread that reads a converter panicked"))??;
    if text.len() as u64 > limits.text_bytes {
        return Ok(Some(Err(limits.text_exceeded())));
    }
    while !group.leader_has_ended()? {
        if began.elapsed() > limits.deadline {
            return Ok(Some(Err(limits.deadline_exceeded())));
        }
        thread::sleep(LOOK);
    }
    let status = group.end()?;
    if !status.success() {
        return Ok(Some(Err(limits.why_ended(status, &said_so_far(said)))));
    }
    Ok(Some(Ok(text)))
}

/// How long it takes at most to read what was said, in [`LOOK`]s.
const LOOKS: usize = 100;

/// What was said on a standard error; nothing when a process that left the group still holds it.
fn said_so_far(said: JoinHandle<String>) -> String {
    for _ in 0..LOOKS {
        if said.is_finished() {
            return said.join().unwrap_or_default();
        }
        thread::sleep(LOOK);
    }
    String::new()
}

/// A process with all that it started in its group; ended when it is dropped.
struct ProcessGroup {
    leader: Child,
    has_ended: bool,
}

impl ProcessGroup {
    /// Whether the process itself has ended. Its number stays its own, so that the group can be ended by it.
    fn leader_has_ended(&self) -> io::Result<bool> {
        let Some(leader) = self.number() else { return Ok(true) };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(leader), options)?.is_some())
    }

    /// Ends all of it; how the process itself ended.
    fn end(&mut self) -> io::Result<ExitStatus> {
        if !std::mem::replace(&mut self.has_ended, true)
            && let Some(leader) = self.number()
        {
            kill_process_group(leader, Signal::KILL)?;
        }
        self.leader.wait()
    }

    fn number(&self) -> Option<Pid> {
        i32::try_from(self.leader.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let _none = self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ExtractLimits =
        ExtractLimits { deadline: Duration::from_millis(500), text_bytes: 100, ..ExtractLimits::DEFAULT };

    /// Without the limits that the system sets.
    fn converted(script: &str) -> Result<Extracted, ExtractError> {
        let arguments = ["-c".to_owned(), format!("{script} #")];
        let limiter = (Path::new("/bin/sh"), &arguments[..]);
        let content = b"some text".to_vec();
        convert(limiter, &vec!["/bin/true".to_owned()], content, &LIMITS, &|| false).unwrap().unwrap()
    }

    #[test]
    fn a_command_gets_the_file_and_gives_text() {
        assert_eq!(converted("tr a-z A-Z").unwrap().text, "SOME TEXT");
        assert_eq!(converted("echo '# Title'; echo x >x; pwd >/dev/null").unwrap().text, "# Title\n");
        assert_eq!(converted("echo $PATH $SECRET").unwrap().text, format!("{PATH}\n"));
    }

    #[test]
    fn a_command_that_fails_or_does_not_end_costs_one_document() {
        for (script, error) in [
            ("echo no >&2; exit 3", "its reader failed: exit status: 3 no"),
            ("setsid sleep 4 >/dev/null & exit 3", "its reader failed: exit status: 3"),
            ("sleep 60", "it needs more than 0 s"),
            ("sleep 60 & exec sleep 60", "it needs more than 0 s"),
            ("cat /dev/zero", "it needs more than 0 MiB of text"),
            ("printf '\\377'", "its reader failed: its converter wrote no UTF-8"),
            ("true", "there is no text in it: a scanned document needs OCR first"),
        ] {
            assert_eq!(converted(script).unwrap_err().to_string(), error, "{script}");
        }
    }

    #[test]
    fn whoever_cancels_does_not_wait() {
        let arguments = ["-c".to_owned(), "sleep 60".to_owned()];
        let limiter = (Path::new("/bin/sh"), &arguments[..]);
        let converted = convert(limiter, &Vec::new(), Vec::new(), &LIMITS, &|| true);
        assert_eq!(converted.unwrap(), None);
    }
}
