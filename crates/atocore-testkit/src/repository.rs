//! A repository of git, made with the program itself.

#![expect(
    clippy::expect_used,
    reason = "only tests use it, and they end where something is not as it must be"
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use atocore_storage::files;

use crate::installation::set_modified;

/// A repository with its files, or a folder that one is going to be in.
#[derive(Debug)]
pub struct Repository(PathBuf);

impl Repository {
    /// When every file was last changed, whatever git knows: a second of 1970's count.
    pub const CHANGED: u64 = 1_700_000_000;

    /// A new one, without a commit.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        files::create_dirs(&folder).expect("a new folder");
        let repository = Self::at(folder);
        repository.git(&["init", "-q", "-b", "main"]);
        repository
    }

    /// What is in a folder already, or will be.
    #[must_use]
    pub const fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The folder of its files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Runs `git` in it.
    pub fn git(&self, arguments: &[&str]) {
        self.git_on("2020-01-01", arguments);
    }

    /// Runs `git` in it on a day, without anything that the machine or the user has set.
    pub fn git_on(&self, day: &str, arguments: &[&str]) {
        let done = Command::new("git")
            .args(["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"])
            .args(["-c", "protocol.file.allow=always", "-c", "core.autocrlf=false"])
            .args(arguments)
            .current_dir(&self.0)
            .env("HOME", &self.0)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", format!("{day}T12:00:00Z"))
            .env("GIT_COMMITTER_DATE", "2024-02-29T12:00:00Z")
            .output()
            .expect("git runs");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        files::create_dirs(path.parent().expect("a folder")).expect("a new folder");
        files::write_synced(&path, text.as_bytes()).expect("a new file");
        set_modified(&path, Self::CHANGED);
    }

    /// Commits all that was changed, on a day.
    pub fn commit(&self, day: &str) {
        self.git_on(day, &["add", "-A"]);
        self.git_on(day, &["commit", "-q", "-m", "a change"]);
    }

    /// Gives every document the same time, as if all had been checked out then.
    pub fn age(&self) {
        age(&self.0);
    }
}

fn age(path: &Path) {
    if path.is_dir() && !path.ends_with(".git") {
        files::list(path).expect("a folder").iter().for_each(|entry| age(entry));
    } else if path.extension().is_some_and(|ending| ending == "md") {
        set_modified(path, Repository::CHANGED);
    }
}
