//! Runs readers in child processes.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    child::{ExtractAnswer, ExtractRequest, HISTORY, HistoryReply, Reply, caught},
    converter,
    error::ExtractError,
    extract::extract,
    extracted::Extracted,
    format::Format,
    history::{self, HistoryRequest},
    limits::ExtractLimits,
    rules::ConvertCommand,
    words::beginning_of,
};

/// Extracts text, from several threads at once if need be.
///
/// Each thread has a child process while it needs one; a process that died or was ended is replaced for the next document.
/// All of them end when this is dropped.
#[derive(Debug)]
pub struct Extractor {
    /// The program that calls [`crate::serve`], with its arguments; `None` to do it in this process.
    program: Option<(PathBuf, Vec<String>)>,
    limits: ExtractLimits,
    idle: Mutex<Vec<ReaderProcess>>,
}

/// How often the caller is asked whether to go on.
const LOOK: Duration = Duration::from_millis(50);

/// What Linux gives every user for a pipe, at most.
#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 1 << 20;

/// A process whose output has ended has ended itself within this time.
const ENDS: Duration = Duration::from_secs(10);

impl Extractor {
    /// Starts nothing yet. Without a `program` documents are read in this process, and without limits: for what is trusted.
    #[must_use]
    pub const fn new(program: Option<(PathBuf, Vec<String>)>, limits: ExtractLimits) -> Self {
        Self { program, limits, idle: Mutex::new(Vec::new()) }
    }

    /// Extracts the text of a document; `None` when `cancelled` says so.
    ///
    /// See [`extract()`] for what it is given.
    ///
    /// # Errors
    /// [`ExtractError`] costs this document; an [`io::Error`] is of the process: it could not be started.
    pub fn extract(
        &self,
        format: Format,
        file_name: &str,
        content: &[u8],
        cancelled: &dyn Fn() -> bool,
    ) -> io::Result<Option<Result<Extracted, ExtractError>>> {
        // The reader of these is ours, as that of Markdown is, and needs no library.
        let isolated = self.program.as_ref().filter(|_| format != Format::Markup);
        let Some((program, arguments)) = isolated else {
            return Ok(Some(caught(|| extract(format, file_name, content))));
        };
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut worker = match idle() {
            Some(worker) => worker,
            None => ReaderProcess::start(program, arguments, &self.limits)?,
        };
        if worker.send(format, file_name, content).is_err() {
            // Somebody ended it while it had nothing to do, or it dies of this document; the second one tells.
            worker = ReaderProcess::start(program, arguments, &self.limits)?;
            let _told_by_the_reply = worker.send(format, file_name, content);
        }
        let began = Instant::now();
        loop {
            if cancelled() {
                return Ok(None);
            }
            match worker.replies.recv_timeout(LOOK) {
                Ok(Line::TooLong) => return Ok(Some(Err(self.limits.text_exceeded()))),
                Ok(Line::Unreadable(why)) => return Err(io::Error::other(why)),
                Ok(Line::Reply(reply)) => {
                    self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
                    return Ok(Some(reply));
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(Some(Err(worker.why_ended(&self.limits)?))),
                Err(RecvTimeoutError::Timeout) if began.elapsed() > self.limits.deadline => {
                    return Ok(Some(Err(self.limits.deadline_exceeded())));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The text that a command of the installation makes of a file, under the same limits; see [`EndingRule::Converted`](crate::EndingRule::Converted).
    ///
    /// # Errors
    /// As [`Extractor::extract`].
    pub fn convert(
        &self,
        command: &ConvertCommand,
        content: Vec<u8>,
        cancelled: &dyn Fn() -> bool,
    ) -> io::Result<Option<Result<Extracted, ExtractError>>> {
        let Some((program, arguments)) = &self.program else {
            return Ok(Some(Err(ExtractError::failed("this process runs no converters"))));
        };
        converter::convert((program, arguments), command, content, &self.limits, cancelled)
    }

    /// What the history of a repository says of files; `None` when `cancelled` says so.
    ///
    /// A commit counts on the line of first parents: what came in with a merge has the date of the merge.
    ///
    /// # Errors
    /// [`ExtractError`] is of the repository: nothing can be read of it, or a limit was reached; an [`io::Error`] as in
    /// [`Extractor::extract`].
    pub fn file_dates(
        &self,
        request: &HistoryRequest,
        cancelled: &dyn Fn() -> bool,
    ) -> io::Result<Option<HistoryReply>> {
        let Some((program, arguments)) = &self.program else {
            return Ok(Some(caught(|| history::file_dates(request))));
        };
        let (command, question) = ([HISTORY.to_owned()], serde_json::to_vec(request)?);
        let written = converter::run((program, arguments), &command, question, &self.limits, cancelled)?;
        match written {
            None => Ok(None),
            Some(Err(error)) => Ok(Some(Err(error))),
            Some(Ok(reply)) => Ok(Some(serde_json::from_slice(&reply)?)),
        }
    }
}

/// A child process; ended when it is dropped.
#[derive(Debug)]
struct ReaderProcess {
    process: Child,
    input: ChildStdin,
    replies: Receiver<Line>,
    /// What it says on its standard error, from the beginning.
    said: Option<JoinHandle<String>>,
}

/// What comes from a child process.
#[derive(Debug)]
enum Line {
    Reply(Reply),
    TooLong,
    Unreadable(String),
}

impl ReaderProcess {
    fn start(program: &Path, arguments: &[String], limits: &ExtractLimits) -> io::Result<Self> {
        let mut process = Command::new(program)
            .args(arguments)
            // Neither secrets nor settings of this process, and no folder that it would keep busy.
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let pipes = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(input), Some(output), Some(error)) = pipes else {
            return Err(io::Error::other("a child process has no pipes"));
        };
        widen(&input);
        widen(&output);
        let (sender, replies) = mpsc::channel();
        let limits = *limits;
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        let _reads = named("extract-replies").spawn(move || read_replies(output, limits, &sender))?;
        let said = named("extract-errors").spawn(move || beginning_of(error))?;
        Ok(Self { process, input, replies, said: Some(said) })
    }

    fn send(&mut self, format: Format, file_name: &str, content: &[u8]) -> io::Result<()> {
        let request = ExtractRequest { format, file_name: file_name.to_owned(), bytes: content.len() as u64 };
        serde_json::to_writer(&mut self.input, &request)?;
        self.input.write_all(b"\n")?;
        self.input.write_all(content)?;
        self.input.flush()
    }

    /// Why it ended, once its output has.
    fn why_ended(mut self, limits: &ExtractLimits) -> io::Result<ExtractError> {
        let began = Instant::now();
        let status = loop {
            match self.process.try_wait()? {
                Some(status) => break status,
                None if began.elapsed() > ENDS => return Ok(ExtractError::failed("it closed its output")),
                None => thread::sleep(Duration::from_millis(1)),
            }
        };
        let said = self.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
        Ok(limits.why_ended(status, &said))
    }
}

/// Lets a pipe hold as much as any user may have, where the system allows it: both sides wake the less often.
fn widen(pipe: impl AsFd) {
    #[cfg(target_os = "linux")]
    let _size = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES);
    #[cfg(not(target_os = "linux"))]
    let _as_it_is = pipe;
}

fn read_replies(output: ChildStdout, limits: ExtractLimits, replies: &Sender<Line>) {
    let mut output = BufReader::new(output);
    while let Some(reply) = next_reply(&mut output, &limits) {
        let is_last = !matches!(reply, Line::Reply(_));
        if replies.send(reply).is_err() || is_last {
            return;
        }
    }
}

/// The next reply; `None` when the output has ended, within one too.
fn next_reply(output: &mut impl BufRead, limits: &ExtractLimits) -> Option<Line> {
    let mut line = String::new();
    output.by_ref().take(limits.reply_bytes()).read_line(&mut line).ok().filter(|read| *read > 0)?;
    if !line.ends_with('\n') {
        return (line.len() as u64 >= limits.reply_bytes()).then_some(Line::TooLong);
    }
    let answer = match serde_json::from_str::<Result<ExtractAnswer, ExtractError>>(&line) {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Some(Line::Reply(Err(error))),
        Err(error) => return Some(Line::Unreadable(error.to_string())),
    };
    let ExtractAnswer { mut document, text_bytes } = answer;
    if text_bytes > limits.text_bytes {
        return Some(Line::TooLong);
    }
    let mut text = Vec::with_capacity(usize::try_from(text_bytes).unwrap_or_default());
    let read = output.by_ref().take(text_bytes).read_to_end(&mut text).ok()?;
    if read as u64 != text_bytes {
        return None;
    }
    match String::from_utf8(text) {
        Ok(text) => document.text = text,
        Err(error) => return Some(Line::Unreadable(error.to_string())),
    }
    Some(Line::Reply(Ok(document)))
}

impl Drop for ReaderProcess {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _none = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ExtractLimits =
        ExtractLimits { deadline: Duration::from_millis(300), text_bytes: 1, ..ExtractLimits::DEFAULT };

    fn extract_by(script: &str) -> Result<Extracted, ExtractError> {
        let program = (PathBuf::from("/bin/sh"), vec!["-c".to_owned(), script.to_owned()]);
        let extractor = Extractor::new(Some(program), LIMITS);
        extractor.extract(Format::Pdf, "x.pdf", b"%PDF-1.7", &|| false).unwrap().unwrap()
    }

    #[test]
    fn a_process_that_ends_or_does_not_end_costs_one_document() {
        for (script, error) in [
            ("/bin/cat >/dev/null & sleep 9", "it needs more than 0 s"),
            ("kill -XCPU $$", "it needs more than 60 s of processor time"),
            (
                "echo memory allocation of 9 bytes failed >&2; kill -ABRT $$",
                "it needs more than 1536 MiB of memory",
            ),
            (
                "echo the thread has overflowed its stack >&2; exit 134",
                "its reader failed: it nests too deeply",
            ),
            ("exec /bin/cat /dev/zero", "it needs more than 0 MiB of text"),
            ("echo no >&2; exit 3", "its reader failed: exit status: 3 no"),
        ] {
            assert_eq!(extract_by(script).unwrap_err().to_string(), error, "{script}");
        }
    }

    #[test]
    fn what_cannot_be_started_is_no_fault_of_a_document() {
        let extractor = Extractor::new(Some((PathBuf::from("/nowhere/at/all"), Vec::new())), LIMITS);
        assert_eq!(
            extractor.extract(Format::Pdf, "x.pdf", b"", &|| false).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn whoever_cancels_does_not_wait() {
        let program = (PathBuf::from("/bin/sh"), vec!["-c".to_owned(), "sleep 9".to_owned()]);
        let extractor = Extractor::new(Some(program), ExtractLimits::DEFAULT);
        assert_eq!(extractor.extract(Format::Pdf, "x.pdf", b"", &|| true).unwrap(), None);
    }
}
