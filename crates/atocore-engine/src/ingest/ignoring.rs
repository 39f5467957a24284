//! Ignore files: what a folder says shall be left out below it. They come with what others wrote, so they are read
//! here, within limits, and handed to the library line by line; what lies above a root says nothing about it.

mod syntax;

use std::{
    ffi::OsStr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use atocore_model::{
    pattern::{PathPattern, PatternTooLarge},
    refresh::FileReason,
};
use atocore_storage::files::beneath::{Beneath, EntryType, Listing};
use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};

/// The files that are looked for, each with where it lies below the folder; one that stands before another goes before
/// it. The last two belong to a repository: those of one do not count in another one below it.
const FILES: [&str; 4] = [".atocoreignore", ".ignore", ".gitignore", ".git/info/exclude"];
const OF_REPOSITORY: usize = 2;

/// The largest ignore file.
pub(super) const MAX_BYTES: u64 = 256 << 10;
/// The most patterns that are tried on one path.
pub(super) const MAX_PATTERNS: usize = 5000;
/// The most bytes of ignore files below one root.
const MAX_BYTES_OF_ROOT: u64 = 16 << 20;
/// How many lines of one file are named when they cannot be used.
const LINES_NAMED: usize = 20;

/// What the ignore files of a folder and of those above it say.
#[derive(Debug)]
pub(super) struct Rules {
    above: Option<Arc<Self>>,
    files: [Option<FileRules>; FILES.len()],
    is_repository: bool,
    /// Of this folder and those above it.
    patterns: usize,
}

/// What the lines of one ignore file say.
#[derive(Debug)]
struct FileRules {
    lines: Gitignore,
    /// The same without the lines that want files and name none that is hidden, where there are such lines.
    of_hidden: Option<Gitignore>,
}

/// What is said of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IgnoreVerdict {
    /// It is left out.
    Ignored,
    /// It is wanted; where its name begins with a dot, by a line that says so.
    Wanted,
    /// Nothing.
    Nothing,
}

/// Whether that is the name of an ignore file, which was read when it was one.
pub(super) fn is_ignore_file(name: &OsStr) -> bool {
    FILES.iter().any(|file| name == *file)
}

/// Whether the name is one of a hidden file or folder.
pub(super) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Reads the ignore files below one root.
#[derive(Debug)]
pub(super) struct RuleReader<'r> {
    folder: &'r Path,
    beneath: &'r Beneath,
    bytes: AtomicU64,
}

impl<'r> RuleReader<'r> {
    pub(super) fn new(folder: &'r Path, beneath: &'r Beneath) -> Self {
        Self { folder, beneath, bytes: AtomicU64::new(0) }
    }

    /// The rules of the folder `below` the root, which has these entries. What cannot be used is handed to `refuse`
    /// with its path below the root.
    pub(super) fn rules(
        &self,
        below: &Path,
        listing: &Listing,
        above: Option<Arc<Rules>>,
        refuse: &mut dyn FnMut(&Path, FileReason),
    ) -> Arc<Rules> {
        let there = |name: &str| {
            let entries = listing.entries();
            let at = entries.binary_search_by(|(entry, _)| entry.as_os_str().cmp(OsStr::new(name))).ok()?;
            Some(entries[at].1)
        };
        let is_repository = there(".git").is_some();
        let mut rules = Rules {
            patterns: above.as_ref().map_or(0, |above| above.patterns),
            above,
            files: Default::default(),
            is_repository,
        };
        for (place, name) in FILES.iter().enumerate() {
            let path = below.join(name);
            let read = match there(name.split('/').next().unwrap_or(name)) {
                Some(EntryType::File) if !name.contains('/') => self.read(&path, &mut rules, refuse),
                // What a repository keeps outside of its folder is not asked.
                Some(EntryType::Folder) if name.contains('/') => self.read(&path, &mut rules, refuse),
                Some(EntryType::Link | EntryType::Special) if !name.contains('/') => {
                    Err("it is not a regular file".to_owned())
                }
                _ => Ok(None),
            };
            rules.files[place] = read.unwrap_or_else(|why| {
                refuse(&path, FileReason::IgnoreFile(why));
                None
            });
        }
        match &rules.above {
            Some(above) if !is_repository && rules.files.iter().all(Option::is_none) => Arc::clone(above),
            _ => Arc::new(rules),
        }
    }

    fn read(
        &self,
        path: &Path,
        rules: &mut Rules,
        refuse: &mut dyn FnMut(&Path, FileReason),
    ) -> Result<Option<FileRules>, String> {
        let contents = match self.beneath.read(path, MAX_BYTES) {
            Err(error) if error.is_missing() => return Ok(None),
            read => read.map_err(|error| error.source.to_string())?,
        };
        let bytes = contents.bytes.ok_or_else(|| format!("it has more than {MAX_BYTES} bytes"))?;
        let size = bytes.len() as u64;
        if self.bytes.fetch_add(size, Ordering::Relaxed) + size > MAX_BYTES_OF_ROOT {
            return Err(format!("all ignore files of the root have more than {MAX_BYTES_OF_ROOT} bytes"));
        }
        // The rules of an exclude file hold from the folder of its repository on.
        let of = path.parent().filter(|_| !path.ends_with(FILES[3])).or_else(|| path.ancestors().nth(3));
        let root = self.folder.join(of.unwrap_or(Path::new("")));
        compile(&bytes, &root, &mut rules.patterns, &mut |reason| refuse(path, reason)).map(Some)
    }
}

/// The rules that the lines of an ignore file say about what lies below `root`, without those that are refused.
fn compile(
    bytes: &[u8],
    root: &Path,
    patterns: &mut usize,
    refuse: &mut dyn FnMut(FileReason),
) -> Result<FileRules, String> {
    let mut builders = [GitignoreBuilder::new(root), GitignoreBuilder::new(root)];
    let mut differ = false;
    let mut unusable = 0;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.first() == Some(&b'#') || line.trim_ascii().is_empty() {
            continue;
        }
        *patterns += 1;
        if *patterns > MAX_PATTERNS {
            return Err(format!("with those above it, it has more than {MAX_PATTERNS} patterns"));
        }
        match add(&mut builders, line) {
            Ok(of_both) => differ |= !of_both,
            Err(why) => {
                unusable += 1;
                if unusable <= LINES_NAMED {
                    refuse(FileReason::IgnoreLine { line: index + 1, why });
                }
            }
        }
    }
    if let Some(more) = unusable.checked_sub(LINES_NAMED + 1) {
        refuse(FileReason::IgnoreFile(format!("{} more lines of it cannot be used", more + 1)));
    }
    let [lines, of_hidden] =
        builders.each_ref().map(|builder| builder.build().map_err(|error| error.to_string()));
    Ok(FileRules { lines: lines?, of_hidden: differ.then_some(of_hidden?) })
}

/// Adds a line to the rules, and to those of hidden files unless it wants others only; whether to both.
fn add([all, of_hidden]: &mut [GitignoreBuilder; 2], line: &[u8]) -> Result<bool, String> {
    let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    if syntax::is_void(line) {
        return Ok(true);
    }
    // Braces and commas are characters like others here.
    let counted: Result<PathPattern, PatternTooLarge> = line.replace(['{', '}', ','], ".").parse();
    let _small = counted.map_err(|why| why.to_string())?;
    let pattern = syntax::translate(line)?;
    let add_to = |builder: &mut GitignoreBuilder| {
        builder.add_line(None, &pattern).map(drop).map_err(|error| error.to_string())
    };
    add_to(all)?;
    let of_both = !syntax::wants_no_hidden(line);
    if of_both {
        add_to(of_hidden)?;
    }
    Ok(of_both)
}

impl Rules {
    /// What is said of an absolute path in the folder of these rules.
    pub(super) fn verdict(&self, path: &Path, is_folder: bool) -> IgnoreVerdict {
        let mut said = [IgnoreVerdict::Nothing; FILES.len()];
        let is_hidden = path.file_name().is_some_and(is_hidden);
        let (mut level, mut in_repository) = (Some(self), false);
        while let Some(rules) = level {
            for (place, file) in rules.files.iter().enumerate() {
                if said[place] == IgnoreVerdict::Nothing
                    && !(place >= OF_REPOSITORY && in_repository)
                    && let Some(file) = file
                {
                    let lines = file.of_hidden.as_ref().filter(|_| is_hidden).unwrap_or(&file.lines);
                    said[place] = match lines.matched(path, is_folder) {
                        Match::Ignore(_) => IgnoreVerdict::Ignored,
                        Match::Whitelist(_) => IgnoreVerdict::Wanted,
                        Match::None => IgnoreVerdict::Nothing,
                    };
                }
            }
            in_repository |= rules.is_repository;
            level = rules.above.as_deref();
        }
        said.into_iter().find(|said| *said != IgnoreVerdict::Nothing).unwrap_or(IgnoreVerdict::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use atocore_testkit::fuzz::fuzz;

    use super::*;

    #[test]
    fn fuzzed_ignore_files_cost_their_lines_at_most() {
        let corpus: [&[u8]; 3] = [
            b"# notes\r\n*.log\n!keep.log\n/build/\n**/deep/**/*.md\n{a,b,{c,d}}.txt\n[a-z0-9!]x\n",
            b"\xef\xbb\xbfdrafts/ \ntrailing\\ \n\\#name\n\\!name\n?[^ab]*[]-]\nfoo/**\n**\n/\n//\n",
            b"caf\xc3\xa9/*\n\xff\xfe\n{{{a}}}\n[[:alpha:]]\n[!a-]\nunclosed[\n{unclosed\na\\\n",
        ];
        let words =
            ["**", "*", "?", "[", "]", "{", "}", ",", "!", "/", "\\", "[a-z]", "\n", "#", " ", "\r\n"];
        let tried = fuzz(400, &corpus, &words, |input| {
            let (mut patterns, mut refused) = (0, 0);
            let root = Path::new("/top");
            let compiled = compile(input, root, &mut patterns, &mut |_| refused += 1);
            assert!(refused <= LINES_NAMED + 1);
            let Ok(FileRules { lines: rules, .. }) = compiled else { return };
            assert!(patterns <= MAX_PATTERNS);
            for path in ["/top/a", "/top/deep/x/y.md", "/top/caf\u{e9}/\u{1f389}", "/top/build"] {
                let (file, folder) = (rules.matched(path, false), rules.matched(path, true));
                assert!(file.is_none() || !folder.is_none() || rules.is_empty());
            }
        });
        println!("{} inputs", tried.unwrap());
    }

    #[test]
    fn as_many_patterns_as_are_allowed_and_no_more_are_tried() {
        let mut text = String::new();
        for number in 0..MAX_PATTERNS {
            text.push_str(&format!("**/a{number}*/[x-z]?/{{b,c}}*.md\n"));
        }
        let rules = compile(text.as_bytes(), Path::new("/top"), &mut 0, &mut |_| {}).unwrap().lines;
        assert_eq!(rules.len(), MAX_PATTERNS);
        assert!(rules.matched(format!("/top/{}", "a/".repeat(500)), true).is_none());
        text.push_str("one more\n");
        assert!(compile(text.as_bytes(), Path::new("/top"), &mut 0, &mut |_| {}).is_err());
    }
}
