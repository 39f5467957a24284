//! A small disk of its own that can be full: a tmpfs in a mount namespace that nobody else sees.
//!
//! Needs `unshare` from util-linux and user namespaces, which `cargo xtask check` looks for first. Where they are
//! missing this fails; it never lets a test pass without a full disk.

use std::{
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use atocore_model::text::shell;

/// A mounted disk and a shell that sees it.
#[derive(Debug)]
pub struct SmallDisk {
    shell: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    place: PathBuf,
    scratch: PathBuf,
}

/// How a command in the namespace of the disk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code, as a shell tells it: 128 and the signal when it was killed.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl SmallDisk {
    /// Mounts a disk of `bytes` at the folder `place`; `scratch` is a folder outside it for what commands print.
    ///
    /// # Errors
    /// When the system has no `unshare`, or does not let this user mount anything.
    pub fn mount(place: &Path, bytes: u64, scratch: &Path) -> io::Result<Self> {
        let mut shell = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("`unshare` (util-linux): {error}")))?;
        let (Some(commands), Some(answers)) = (shell.stdin.take(), shell.stdout.take()) else {
            return Err(io::Error::other("the shell has no standard input and output"));
        };
        let mut disk = Self {
            shell,
            commands,
            answers: BufReader::new(answers),
            place: place.to_owned(),
            scratch: scratch.to_owned(),
        };
        let place = place.to_string_lossy().into_owned();
        disk.must(&["mount", "-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs", &place])?;
        Ok(disk)
    }

    /// Where it is mounted; only commands that [`SmallDisk::run`] runs see it there.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Gives the disk another size.
    ///
    /// # Errors
    /// When it holds more than that already.
    pub fn resize(&mut self, bytes: u64) -> io::Result<()> {
        self.remount(&format!("size={bytes}"))
    }

    /// Gives the disk room for so many files and folders more than it has; a disk without room for another name is
    /// as full as one without room for bytes, although its free bytes do not say so.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn allow_more_files(&mut self, count: u64) -> io::Result<()> {
        let place = self.place.to_string_lossy().into_owned();
        let used = self.must(&["stat", "--file-system", "--format=%c %d", &place])?;
        let numbers: Vec<u64> = used.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [total, free] = numbers[..] else {
            return Err(io::Error::other(format!("unexpected answer of stat: {used}")));
        };
        self.remount(&format!("nr_inodes={}", total - free + count))
    }

    /// Lifts the limit on the number of files.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn allow_any_number_of_files(&mut self) -> io::Result<()> {
        self.remount("nr_inodes=1000000")
    }

    /// Lets nothing be written to the disk any more, or again.
    ///
    /// # Errors
    /// When something has a file open for writing.
    pub fn read_only(&mut self, read_only: bool) -> io::Result<()> {
        self.remount(if read_only { "ro" } else { "rw" })
    }

    fn remount(&mut self, options: &str) -> io::Result<()> {
        let place = self.place.to_string_lossy().into_owned();
        self.must(&["mount", "-o", &format!("remount,{options}"), &place]).map(drop)
    }

    /// Writes into the file `name` on the disk until nothing more goes in.
    ///
    /// # Errors
    /// When there was still room afterwards.
    pub fn fill(&mut self, name: &str) -> io::Result<()> {
        let file = self.place.join(name).to_string_lossy().into_owned();
        let ran = self.run(&["dd", "if=/dev/zero", &format!("of={file}"), "bs=4096"])?;
        if ran.code != 0 && ran.stderr.contains("No space left") { Ok(()) } else { Err(failed("dd", &ran)) }
    }

    /// Removes a file from the disk.
    ///
    /// # Errors
    /// When there is none.
    pub fn remove(&mut self, name: &str) -> io::Result<()> {
        let file = self.place.join(name).to_string_lossy().into_owned();
        self.must(&["rm", &file]).map(drop)
    }

    /// Runs a command that must succeed and returns what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn must(&mut self, words: &[&str]) -> io::Result<String> {
        let ran = self.run(words)?;
        if ran.code == 0 { Ok(ran.stdout) } else { Err(failed(words.first().unwrap_or(&""), &ran)) }
    }

    /// Runs a command that sees the disk, without input and with no variable but PATH.
    ///
    /// # Errors
    /// When the shell is gone.
    pub fn run(&mut self, words: &[&str]) -> io::Result<Ran> {
        let (out, err) = (self.scratch.join("disk.out"), self.scratch.join("disk.err"));
        let command = words.iter().map(|word| shell(word)).collect::<Vec<_>>().join(" ");
        let [to_out, to_err] = [&out, &err].map(|file| shell(&file.to_string_lossy()));
        writeln!(
            self.commands,
            "env -i PATH=\"$PATH\" {command} </dev/null >{to_out} 2>{to_err}; echo \"$?\""
        )?;
        let mut answer = String::new();
        let _bytes = self.answers.read_line(&mut answer)?;
        let code = answer.trim().parse().map_err(|_| {
            io::Error::other("the shell in a namespace of its own ended: are user namespaces allowed?")
        })?;
        let read =
            |file: &Path| std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Ran { code, stdout: read(&out)?, stderr: read(&err)? })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The namespace and the disk go with their last process.
        drop(self.shell.kill());
        drop(self.shell.wait());
    }
}

fn failed(what: &str, ran: &Ran) -> io::Error {
    let (code, stdout, stderr) = (ran.code, ran.stdout.trim(), ran.stderr.trim());
    io::Error::other(format!("`{what}` ended with {code}: {stdout} {stderr}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_is_full_soon_and_takes_more_when_it_grows() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("it's a disk");
        std::fs::create_dir(&place).unwrap();
        let mut disk = SmallDisk::mount(&place, 64 << 10, dir.path()).unwrap();
        disk.fill("filler").unwrap();
        let other = place.join("other").to_string_lossy().into_owned();
        let write = ["sh", "-c", "echo something >\"$1\"", "sh", &other];
        assert_ne!(disk.run(&write).unwrap().code, 0);
        disk.resize(128 << 10).unwrap();
        disk.must(&write).unwrap();

        disk.allow_more_files(0).unwrap();
        let third = place.join("third").to_string_lossy().into_owned();
        let ran = disk.run(&["touch", &third]).unwrap();
        assert!(ran.stderr.contains("No space left"), "{ran:?}");
        disk.allow_any_number_of_files().unwrap();
        disk.must(&["touch", &third]).unwrap();
        assert!(!place.join("third").exists(), "nobody else sees the disk");
    }
}
