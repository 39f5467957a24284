//! What the child process does: reads documents from its standard input and writes what was extracted to its standard output.
//!
//! A request is a line of JSON, [`ExtractRequest`], and as many bytes as that says. A reply is a line of JSON, an [`ExtractAnswer`] or an
//! error, and the bytes of the text.
//!
//! With [`HISTORY`] it reads the history of one repository instead: its standard input is a [`HistoryRequest`].

use std::{
    ffi::OsString,
    io::{self, BufRead, BufWriter, PipeWriter, Read, Write},
    mem,
    os::unix::process::CommandExt,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    process::Command,
    thread,
};

#[cfg(target_os = "linux")]
use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, Scope,
    path_beneath_rules,
};
use rustix::{
    fs::{Mode, OFlags},
    process::{Resource, Rlimit, getrlimit, setrlimit},
    stdio::dup2_stdout,
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};

use crate::{
    error::ExtractError,
    extract::extract,
    extracted::Extracted,
    format::Format,
    history::{self, HistoryDates, HistoryRequest},
    limits::ExtractLimits,
    words::panic_message,
};

/// What comes before the bytes of a document.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ExtractRequest {
    pub(crate) format: Format,
    pub(crate) file_name: String,
    pub(crate) bytes: u64,
}

/// What was extracted, or why nothing was.
pub(crate) type Reply = Result<Extracted, ExtractError>;

/// What comes before the bytes of a text: all else that was extracted. As JSON a text takes longer than most readers do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ExtractAnswer {
    /// Without its text.
    pub(crate) document: Extracted,
    pub(crate) text_bytes: u64,
}

/// What the history of a repository says of files, or why nothing.
pub(crate) type HistoryReply = Result<HistoryDates, ExtractError>;

/// The command by which a child process reads the history of a repository.
pub(crate) const HISTORY: &str = "--history";

/// The stack of the thread that reads documents: they nest as deeply as somebody likes.
const STACK_BYTES: usize = 256 << 20;

/// Serves requests until the standard input ends, under `limits`; with a `command`, a program and its arguments, becomes that
/// command instead.
///
/// The command is what an [`Extractor`](crate::Extractor) adds to the arguments that it was made with.
///
/// # Errors
/// When the limits cannot be set, the other side is gone, or the command cannot be run.
pub fn serve(command: &[OsString], limits: ExtractLimits) -> io::Result<()> {
    match command {
        [] => {}
        [only] if only == HISTORY => return serve_history(&limits),
        command => return become_command(command, &limits),
    }
    // Nothing is written but what goes into the pipe.
    limit_process(Resource::As, &limits, 0)?;
    let output = silence()?;
    #[cfg(target_os = "linux")]
    confine(&[])?;
    let serve = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || serve_all(&limits, output))?;
    serve.join().unwrap_or_else(|_| Err(io::Error::other("the thread that reads documents panicked")))
}

/// Answers one question about a repository.
fn serve_history(limits: &ExtractLimits) -> io::Result<()> {
    // The files of a repository are mapped into memory, however large they are, and take none of it for long.
    limit_process(Resource::Data, limits, 0)?;
    limit_processor_time(limits.processor_seconds)?;
    let request: HistoryRequest = serde_json::from_reader(io::stdin().lock())?;
    let output = silence()?;
    #[cfg(target_os = "linux")]
    confine(&[history::folders_read(&request), vec![request.work_tree.clone()]].concat())?;
    let reply = caught(|| history::file_dates(&request));
    Ok(serde_json::to_writer(output, &reply)?)
}

/// Where replies are written from now on: what a library prints is none, and what a panic says is in one.
fn silence() -> io::Result<PipeWriter> {
    let output = PipeWriter::from(rustix::io::dup(io::stdout())?);
    dup2_stdout(rustix::fs::open("/dev/null", OFlags::WRONLY, Mode::empty())?)?;
    panic::set_hook(Box::new(|_| {}));
    Ok(output)
}

/// Becomes a command, under `limits`; returns only when it cannot.
fn become_command(command: &[OsString], limits: &ExtractLimits) -> io::Result<()> {
    let [program, arguments @ ..] = command else { return Err(io::Error::other("there is no command")) };
    // It may need files, as large as what comes out at most.
    limit_process(Resource::As, limits, limits.text_bytes)?;
    limit_processor_time(limits.processor_seconds)?;
    Err(Command::new(program).args(arguments).exec())
}

fn serve_all(limits: &ExtractLimits, output: PipeWriter) -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), BufWriter::new(output));
    let (mut line, mut content) = (String::new(), Vec::new());
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let request: ExtractRequest = serde_json::from_str(&line)?;
        content.clear();
        content.reserve(usize::try_from(request.bytes).unwrap_or_default());
        let read = input.by_ref().take(request.bytes).read_to_end(&mut content)?;
        if read as u64 != request.bytes {
            return Ok(());
        }
        limit_processor_time(limits.processor_seconds)?;
        let mut reply = caught(|| extract(request.format, &request.file_name, &content));
        if let Ok(extracted) = &reply
            && extracted.text.len() as u64 > limits.text_bytes
        {
            reply = Err(limits.text_exceeded());
        }
        let mut text = String::new();
        let answer = reply.map(|mut document| {
            text = mem::take(&mut document.text);
            ExtractAnswer { document, text_bytes: text.len() as u64 }
        });
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
        output.write_all(text.as_bytes())?;
        output.flush()?;
    }
}

/// Runs a reader on what somebody else wrote: where it panics, that file fails and no other.
pub(crate) fn caught<T>(read: impl FnOnce() -> Result<T, ExtractError>) -> Result<T, ExtractError> {
    // Nothing that it works on is used afterwards.
    panic::catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|panic| Err(ExtractError::failed(panic_message(&*panic))))
}

/// Takes from this thread, and from all that it starts, what nobody needs who reads documents: files but those below the folders
/// that are `readable`, connections, and signals to others. Some of the readers are written in C, and what they read was written by somebody else. A kernel without
/// Landlock takes nothing, and an old one less.
#[cfg(target_os = "linux")]
fn confine(readable: &[PathBuf]) -> io::Result<()> {
    let newest = ABI::V6;
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(newest))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(newest)))
        .and_then(|rules| rules.scope(Scope::from_all(newest)))
        .and_then(Ruleset::create)
        .and_then(|rules| {
            rules.add_rules(path_beneath_rules(readable, AccessFs::ReadFile | AccessFs::ReadDir))
        });
    let _how_much = rules.and_then(RulesetCreated::restrict_self).map_err(io::Error::other)?;
    Ok(())
}

/// Limits the `memory` of this process, all of it or only what it may write to, and the size of files that it writes, in bytes.
fn limit_process(memory: Resource, limits: &ExtractLimits, file_bytes: u64) -> io::Result<()> {
    limit(memory, limits.memory_bytes)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, file_bytes)
}

/// Sets a limit, unless there is a lower one already.
fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.unwrap_or(u64::MAX).min(most);
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

/// Counts from now: the system ends the process when it has used so much more.
fn limit_processor_time(seconds: u64) -> io::Result<()> {
    let used = u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or_default();
    let maximum = getrlimit(Resource::Cpu).maximum;
    let current = maximum.unwrap_or(u64::MAX).min(used + seconds + 1);
    Ok(setrlimit(Resource::Cpu, Rlimit { current: Some(current), maximum })?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        fs,
        io::ErrorKind::PermissionDenied,
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[test]
    fn who_reads_documents_opens_no_file_and_no_connection() {
        let (file, listener) =
            (tempfile::NamedTempFile::new().unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let (path, address) = (file.path().to_owned(), listener.local_addr().unwrap());
        let confined = thread::spawn(move || {
            assert!(fs::read(&path).is_ok());
            confine(&[]).unwrap();
            let refused = fs::read(&path).map(|_| ()).and(TcpStream::connect(address).map(|_| ()));
            (refused.unwrap_err().kind(), TcpStream::connect(address).unwrap_err().kind())
        });
        assert_eq!(confined.join().unwrap(), (PermissionDenied, PermissionDenied));
    }
}
