//! What a program does to files, as `strace` tells it; and calls that fail because `strace` lets them.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    io,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use super::Step;

/// Every call that changes files, or tells which file and place another call is about.
const CALLS: &str = "open,openat,openat2,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,\
    fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat,mknodat,\
    copy_file_range,sendfile,splice,ioctl,lseek,mmap";

/// A call of the program that changes a file below the folder, or opens one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name: `fsync`.
    pub name: String,
    /// How many calls of that name its thread had made with it.
    pub turn: u64,
    /// On what, relative to the folder.
    pub path: PathBuf,
    /// Whether it was made to fail.
    pub injected: bool,
}

/// A call that is made to fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its name.
    pub name: String,
    /// The how manieth of that name, in each thread.
    pub turn: u64,
    /// How it fails: `ENOSPC`, `EIO`.
    pub error: &'static str,
}

/// What a program did.
#[derive(Debug)]
pub struct Recording {
    /// How it ended.
    pub output: Output,
    /// What it did to the files below the folder.
    pub steps: Vec<Step>,
    /// The calls behind these, and those that failed.
    pub calls: Vec<Call>,
}

/// Runs `command` and records what it and its children do to the files below `folder`, an absolute path without links.
/// `log` is a file for what `strace` writes.
///
/// # Errors
/// When `strace` cannot be run, or the program does something to these files that the simulation does not know.
pub fn record(command: &Command, folder: &Path, log: &Path) -> io::Result<Recording> {
    record_with(command, folder, log, None)
}

/// The same while a call fails.
///
/// # Errors
/// As [`record`].
pub fn record_with(
    command: &Command,
    folder: &Path,
    log: &Path,
    fault: Option<&Fault>,
) -> io::Result<Recording> {
    let mut traced = Command::new("strace");
    let _traced = traced
        .env_clear()
        .args(["-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", "1000000000", "-e", "signal=none", "-e"])
        .arg(format!("trace={CALLS}"))
        .arg("-o")
        .arg(log);
    if let Some(Fault { name, turn, error }) = fault {
        let _traced = traced.arg("-e").arg(format!("inject={name}:error={error}:when={turn}"));
    }
    let _traced = traced.arg("--").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        let _traced = traced.env(name, value.unwrap_or_default());
    }
    if let Some(dir) = command.get_current_dir() {
        let _traced = traced.current_dir(dir);
    }
    let output = traced
        .stdin(Stdio::null())
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("`strace`: {error}")))?;
    let text = std::fs::read_to_string(log)
        .map_err(|error| io::Error::new(error.kind(), format!("`strace` has recorded nothing: {error}")))?;
    let mut reader = Reader {
        folder,
        positions: HashMap::new(),
        turns: HashMap::new(),
        steps: Vec::new(),
        calls: Vec::new(),
    };
    reader.read(&text)?;
    if reader.calls.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("`strace` has recorded nothing: {said}")));
    }
    Ok(Recording { output, steps: reader.steps, calls: reader.calls })
}

/// Turns lines into steps.
struct Reader<'a> {
    folder: &'a Path,
    /// How far an open file was written, by number and path; `None` for one that is written at its end.
    positions: HashMap<(u32, PathBuf), Option<u64>>,
    turns: HashMap<(u32, String), u64>,
    steps: Vec<Step>,
    calls: Vec<Call>,
}

/// A call with its arguments as they were printed.
struct Line<'a> {
    name: &'a str,
    arguments: Vec<&'a str>,
    result: &'a str,
    all: &'a str,
}

impl Reader<'_> {
    fn read(&mut self, text: &str) -> io::Result<()> {
        let mut unfinished: HashMap<u32, String> = HashMap::new();
        for line in text.lines() {
            let unreadable = || io::Error::other(format!("`strace` wrote what cannot be read: {line}"));
            let (thread, rest) = line.split_once(char::is_whitespace).ok_or_else(unreadable)?;
            let thread: u32 = thread.parse().map_err(|_| unreadable())?;
            let rest = rest.trim_start();
            if rest.starts_with("+++") || rest.starts_with("---") {
                continue;
            }
            // "detached" is a call in which its thread ended, because another one ended the process: it never returned.
            let begun =
                rest.strip_suffix(" <unfinished ...>").or_else(|| rest.strip_suffix(" <detached ...>"));
            if let Some(begun) = begun {
                self.count(thread, begun);
                let _other = unfinished.insert(thread, begun.to_owned());
                continue;
            }
            let whole = if rest.starts_with("<... ") {
                let end = rest.split_once(" resumed>").ok_or_else(unreadable)?.1;
                let Some(mut begun) = unfinished.remove(&thread) else { return Err(unreadable()) };
                begun.push_str(end);
                begun
            } else {
                self.count(thread, rest);
                rest.to_owned()
            };
            let Some(parsed) = Line::parse(&whole) else { return Err(unreadable()) };
            self.call(thread, &parsed)?;
        }
        Ok(())
    }

    /// Counts a call for its thread where it begins: there it is decided whether it fails.
    fn count(&mut self, thread: u32, begun: &str) {
        let name = begun.split('(').next().unwrap_or_default().to_owned();
        *self.turns.entry((thread, name)).or_default() += 1;
    }

    fn call(&mut self, thread: u32, line: &Line<'_>) -> io::Result<()> {
        // `?` is the result of a call that its thread did not come back from.
        let failed = line.result.starts_with(['-', '?']);
        if line.name == "write" && line.arguments.first().is_some_and(|fd| number_of(fd) == Some(1)) {
            if !failed {
                self.steps.push(Step::Said);
            }
            return Ok(());
        }
        let Some(path) = self.subject(line) else { return Ok(()) };
        let turn = self.turns.get(&(thread, line.name.to_owned())).copied().unwrap_or_default();
        if !matches!(line.name, "lseek" | "mmap" | "ioctl") {
            let injected = line.result.ends_with("(INJECTED)");
            self.calls.push(Call { name: line.name.to_owned(), turn, path: path.clone(), injected });
        }
        if failed { Ok(()) } else { self.step(line, path) }
    }

    /// The path that a call is about, when it lies below the folder.
    fn subject(&self, line: &Line<'_>) -> Option<PathBuf> {
        let argument = |index: usize| line.arguments.get(index).copied();
        match line.name {
            "open" | "creat" | "truncate" | "rename" | "unlink" | "rmdir" | "mkdir" | "link" => {
                self.below(&text_of(argument(0)?)?)
            }
            "openat" | "openat2" | "renameat" | "renameat2" | "unlinkat" | "mkdirat" | "linkat"
            | "mknodat" => self.at(argument(0)?, argument(1)?),
            "symlink" => self.below(&text_of(argument(1)?)?),
            "symlinkat" => self.at(argument(1)?, argument(2)?),
            "copy_file_range" | "splice" => self.open_file(argument(2)?),
            "mmap" => self.open_file(argument(4)?),
            _ => self.open_file(argument(0)?),
        }
    }

    fn step(&mut self, line: &Line<'_>, path: PathBuf) -> io::Result<()> {
        let unknown = || {
            io::Error::other(format!("the simulation of power cuts does not know this call: {}", line.all))
        };
        let text = |index: usize| line.arguments.get(index).copied().unwrap_or_default();
        let number = |index: usize| text(index).parse::<u64>().map_err(|_| unknown());
        let done = line.result.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        let done: u64 = done.parse().unwrap_or_default();
        let step = match line.name {
            "open" | "openat" => {
                let flags = text(if line.name == "open" { 1 } else { 2 });
                if flags.contains("O_TMPFILE") {
                    return Err(unknown());
                }
                let fd = number_of(line.result).ok_or_else(unknown)?;
                let start = if flags.contains("O_APPEND") { None } else { Some(0) };
                let _before = self.positions.insert((fd, path.clone()), start);
                let emptied = flags.contains("O_TRUNC");
                if !emptied && !flags.contains("O_CREAT") {
                    return Ok(());
                }
                Step::Open { path, emptied }
            }
            "lseek" => {
                let fd = number_of(text(0)).ok_or_else(unknown)?;
                if let Some(Some(position)) = self.positions.get_mut(&(fd, path)) {
                    *position = done;
                }
                return Ok(());
            }
            "write" | "writev" => {
                let offset = self.advance(text(0), &path, done).ok_or_else(unknown)?;
                Step::Write { path, offset, bytes: bytes_in(text(1), done).ok_or_else(unknown)? }
            }
            "pwrite64" => {
                let bytes = bytes_in(text(1), done).ok_or_else(unknown)?;
                Step::Write { path, offset: Some(number(3)?), bytes }
            }
            "ftruncate" | "truncate" => Step::Resize { path, size: number(1)? },
            "fsync" | "fdatasync" => Step::Sync(path),
            "rename" => Step::Rename(path, self.named(text(1)).ok_or_else(unknown)?),
            "renameat" | "renameat2" if !text(4).contains("EXCHANGE") => {
                Step::Rename(path, self.at(text(2), text(3)).ok_or_else(unknown)?)
            }
            "mkdir" | "mkdirat" => Step::MakeFolder(path),
            "unlink" | "unlinkat" | "rmdir" => Step::Remove(path),
            "copy_file_range" | "sendfile" => {
                let (from, place) =
                    if line.name == "sendfile" { (text(1), text(2)) } else { (text(0), text(1)) };
                let target = if line.name == "sendfile" { text(0) } else { text(2) };
                if place != "NULL" || (line.name != "sendfile" && text(3) != "NULL") {
                    return Err(unknown());
                }
                let source = self.open_file(from).ok_or_else(unknown)?;
                let from_offset = self.advance(from, &source, done).flatten().ok_or_else(unknown)?;
                let offset = self.advance(target, &path, done).flatten().ok_or_else(unknown)?;
                Step::Copy { from: source, from_offset, to: path, offset, length: Some(done) }
            }
            "ioctl" if line.all.contains("CLONE") => {
                let from = self.open_file(text(2)).ok_or_else(unknown)?;
                Step::Copy { from, from_offset: 0, to: path, offset: 0, length: None }
            }
            "ioctl" => return Ok(()),
            // SQLite shares the index of its log in memory; nobody looks at the file after a power cut.
            "mmap"
                if !text(2).contains("PROT_WRITE")
                    || !text(3).contains("MAP_SHARED")
                    || is_log_index(&path) =>
            {
                return Ok(());
            }
            _ => return Err(unknown()),
        };
        self.steps.push(step);
        Ok(())
    }

    /// Where an open file stood before `by` bytes went through it.
    fn advance(&mut self, file: &str, path: &Path, by: u64) -> Option<Option<u64>> {
        let position = self.positions.get_mut(&(number_of(file)?, path.to_owned()))?;
        let before = *position;
        *position = before.map(|offset| offset + by);
        Some(before)
    }

    /// The file behind a number, printed as `7</path>`; nothing where it has no name any more.
    fn open_file(&self, argument: &str) -> Option<PathBuf> {
        let path = argument.split_once('<')?.1.strip_suffix('>')?;
        self.below(Path::new(OsStr::from_bytes(&unescaped(path)?)))
    }

    fn named(&self, argument: &str) -> Option<PathBuf> {
        self.below(&text_of(argument)?)
    }

    fn at(&self, folder: &str, argument: &str) -> Option<PathBuf> {
        let path = text_of(argument)?;
        if path.is_absolute() {
            return self.below(&path);
        }
        let folder = folder.split_once('<')?.1.strip_suffix('>')?;
        self.below(&Path::new(OsStr::from_bytes(&unescaped(folder)?)).join(path))
    }

    fn below(&self, path: &Path) -> Option<PathBuf> {
        let below = path.strip_prefix(self.folder).ok()?;
        if below.as_os_str().as_bytes().ends_with(b" (deleted)") { None } else { Some(below.to_owned()) }
    }
}

/// Whether it is the index of SQLite's log, which is made anew after a power cut.
pub(super) fn is_log_index(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b"-shm")
}

impl<'a> Line<'a> {
    fn parse(all: &'a str) -> Option<Self> {
        let (name, rest) = all.split_once('(')?;
        let (mut depth, mut quoted, mut begin) = (0_u32, false, 0);
        let mut arguments = Vec::new();
        for (at, letter) in rest.char_indices() {
            match letter {
                '"' => quoted = !quoted,
                _ if quoted => {}
                '{' | '[' | '(' => depth += 1,
                ')' if depth == 0 => {
                    arguments.push(rest.get(begin..at)?.trim());
                    let result = rest.get(at + 1..)?.trim_start().strip_prefix('=')?.trim();
                    return Some(Self { name, arguments, result, all });
                }
                '}' | ']' | ')' => depth -= 1,
                ',' if depth == 0 => {
                    arguments.push(rest.get(begin..at)?.trim());
                    begin = at + 1;
                }
                _ => {}
            }
        }
        None
    }
}

/// The number in front of `7</path>`.
fn number_of(argument: &str) -> Option<u32> {
    argument.split('<').next()?.parse().ok()
}

/// A path in quotes.
fn text_of(argument: &str) -> Option<PathBuf> {
    let inner = argument.strip_prefix('"')?.strip_suffix('"')?;
    Some(PathBuf::from(OsString::from_vec(unescaped(inner)?)))
}

/// The first bytes of what stands in quotes, in one piece or in several.
fn bytes_in(argument: &str, length: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for piece in argument.split('"').skip(1).step_by(2) {
        bytes.extend(unescaped(piece)?);
    }
    let length = usize::try_from(length).ok()?;
    if bytes.len() < length {
        return None;
    }
    bytes.truncate(length);
    Some(bytes)
}

/// What `-xx` has printed.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        if let [b'\\', b'x', high, low, after @ ..] = rest {
            let digit =
                |letter: &u8| char::from(*letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            bytes.push(digit(high)? * 16 + digit(low)?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_in_pieces_and_from_several_threads() {
        let text = "\
7  openat(AT_FDCWD<\\x2f>, \"\\x2f\\x61\\x2f\\x62\", O_WRONLY|O_CREAT|O_CLOEXEC, 0666) = 3<\\x2f\\x61\\x2f\\x62>
8  fsync(5<\\x2f\\x61> <unfinished ...>
7  write(3<\\x2f\\x61\\x2f\\x62>, \"\\x31\\x32\", 2) = 2
8  <... fsync resumed>)              = 0
7  write(3<\\x2f\\x61\\x2f\\x62>, \"\\x33\", 1) = -1 ENOSPC (No space left on device) (INJECTED)
7  write(3<\\x2f\\x61\\x2f\\x62>, \"\\x33\", 1) = 1
7  write(1<\\x70\\x69\\x70\\x65>, \"\\x33\", 1) = 1
7  unlink(\"\\x2f\\x65\\x6c\\x73\\x65\") = 0
9  fsync(5<\\x2f\\x61>) = ?
8  mmap(NULL, 12288, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_STACK, -1, 0 <detached ...>
";
        let mut reader = Reader {
            folder: Path::new("/a"),
            positions: HashMap::new(),
            turns: HashMap::new(),
            steps: Vec::new(),
            calls: Vec::new(),
        };
        reader.read(text).unwrap();
        let path = PathBuf::from("b");
        let write = |offset, bytes: &[u8]| Step::Write {
            path: path.clone(),
            offset: Some(offset),
            bytes: bytes.to_vec(),
        };
        assert_eq!(
            reader.steps,
            [
                Step::Open { path: path.clone(), emptied: false },
                write(0, b"12"),
                Step::Sync(PathBuf::new()),
                write(2, b"3"),
                Step::Said,
            ]
        );
        let failed = reader.calls.iter().find(|call| call.injected).unwrap();
        assert_eq!((failed.name.as_str(), failed.turn), ("write", 2));
    }

    #[test]
    fn what_is_not_known_is_not_passed_over() {
        let mut reader = Reader {
            folder: Path::new("/a"),
            positions: HashMap::new(),
            turns: HashMap::new(),
            steps: Vec::new(),
            calls: Vec::new(),
        };
        let error = reader.read("7  fallocate(3</a/b>, 0, 0, 5) = 0\n").unwrap_err();
        assert!(error.to_string().contains("fallocate"), "{error}");
    }
}
