//! What the child process does: reads documents from its standard input and writes what was extracted to its standard output.
//!
//! A request is a line of JSON, [`ExtractRequest`], and as many bytes as that says. A reply is a line of JSON, an [`ExtractAnswer`] or an
//! error, and the bytes of the text.

use std::{
    ffi::OsString,
    io::{self, BufRead, BufWriter, PipeWriter, Read, Write},
    mem,
    os::unix::process::CommandExt,
    panic::{self, AssertUnwindSafe},
    process::Command,
    thread,
};

#[cfg(target_os = "linux")]
use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreated, Scope};
use rustix::{
    fs::{Mode, OFlags},
    process::{Resource, Rlimit, getrlimit, setrlimit},
    stdio::dup2_stdout,
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};

use crate::{
    error::ExtractError, extract::extract, extracted::Extracted, format::Format, limits::ExtractLimits,
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

/// The stack of the thread that reads documents: they nest as deeply as somebody likes.
const STACK_BYTES: usize = 256 << 20;

/// Serves requests until the standard input ends, under `limits`; with a `command`, a program and its arguments, becomes that
/// command instead.
///
/// # Errors
/// When the limits cannot be set, the other side is gone, or the command cannot be run.
pub fn serve(command: &[OsString], limits: ExtractLimits) -> io::Result<()> {
    if !command.is_empty() {
        return become_command(command, &limits);
    }
    // Nothing is written but what goes into the pipe.
    limit_process(&limits, 0)?;
    // What a library prints is no reply.
    let output = PipeWriter::from(rustix::io::dup(io::stdout())?);
    dup2_stdout(rustix::fs::open("/dev/null", OFlags::WRONLY, Mode::empty())?)?;
    // What a panic says is in the reply.
    panic::set_hook(Box::new(|_| {}));
    #[cfg(target_os = "linux")]
    confine()?;
    let serve = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || serve_all(&limits, output))?;
    serve.join().unwrap_or_else(|_| Err(io::Error::other("the thread that reads documents panicked")))
}

/// Becomes a command, under `limits`; returns only when it cannot.
fn become_command(command: &[OsString], limits: &ExtractLimits) -> io::Result<()> {
    let [program, arguments @ ..] = command else { return Err(io::Error::other("there is no command")) };
    // It may need files, as large as what comes out at most.
    limit_process(limits, limits.text_bytes)?;
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
pub(crate) fn caught(read: impl FnOnce() -> Reply) -> Reply {
    // Nothing that it works on is used afterwards.
    panic::catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|panic| Err(ExtractError::failed(panic_message(&*panic))))
}

/// Takes from this thread, and from all that it starts, what nobody needs who reads documents: files, connections, and signals
/// to others. Some of the readers are written in C, and what they read was written by somebody else. A kernel without
/// Landlock takes nothing, and an old one less.
#[cfg(target_os = "linux")]
fn confine() -> io::Result<()> {
    let newest = ABI::V6;
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(newest))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(newest)))
        .and_then(|rules| rules.scope(Scope::from_all(newest)))
        .and_then(Ruleset::create);
    let _how_much = rules.and_then(RulesetCreated::restrict_self).map_err(io::Error::other)?;
    Ok(())
}

/// Limits the memory of this process and the size of files that it writes, in bytes.
fn limit_process(limits: &ExtractLimits, file_bytes: u64) -> io::Result<()> {
    limit(Resource::As, limits.memory_bytes)?;
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
            confine().unwrap();
            let refused = fs::read(&path).map(|_| ()).and(TcpStream::connect(address).map(|_| ()));
            (refused.unwrap_err().kind(), TcpStream::connect(address).unwrap_err().kind())
        });
        assert_eq!(confined.join().unwrap(), (PermissionDenied, PermissionDenied));
    }
}
