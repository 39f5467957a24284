//! The documents of one project: written, changed, renamed and deleted at random, and known to the last byte.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use atocore_model::digest::Digest;

use super::random::Random;

/// Paths and the digests of what lies there.
pub(super) type Documents = BTreeMap<String, Digest>;

/// A folder of documents.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    root: PathBuf,
    files: BTreeMap<PathBuf, File>,
    /// Words of texts that are no longer there.
    forgotten: Vec<String>,
    /// Numbers the texts, each with a number that no text of another tree has.
    next_text: usize,
    size: Size,
}

/// How many files there are at first, and how many paragraphs they have at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) files: usize,
    pub(super) paragraphs: usize,
}

/// A file and a word that stands in no other.
#[derive(Debug, Clone)]
struct File {
    digest: Digest,
    word: String,
}

const FOLDERS: [&str; 5] = ["", "decisions", "archive/2024", "status", "notes/daily"];

const WORDS: [&str; 48] = [
    "amber", "anchor", "barrier", "basin", "beacon", "binding", "bridge", "budget", "cable", "canvas",
    "carrier", "channel", "charter", "circuit", "cluster", "compass", "contract", "copper", "current",
    "damper", "decision", "delta", "detector", "engine", "filter", "flange", "funnel", "garden", "gasket",
    "harbour", "index", "kernel", "lantern", "lattice", "ledger", "marker", "mirror", "orbit", "packet",
    "pillar", "query", "ribbon", "schema", "signal", "spindle", "status", "timber", "vessel",
];

impl Tree {
    /// Writes the first documents of the tree with that number below `root`.
    pub(super) fn plant(root: &Path, number: usize, size: Size, random: &mut Random) -> io::Result<Self> {
        std::fs::create_dir_all(root)?;
        let mut tree = Self {
            root: root.to_owned(),
            files: BTreeMap::new(),
            forgotten: Vec::new(),
            next_text: number << 20,
            size,
        };
        for _ in 0..size.files {
            tree.add(random)?;
        }
        Ok(tree)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Every file with its digest, by its absolute path.
    pub(super) fn documents(&self) -> Documents {
        let entry = |(path, file): (&PathBuf, &File)| (path.to_string_lossy().into_owned(), file.digest);
        self.files.iter().map(entry).collect()
    }

    /// A file and the word that finds it.
    pub(super) fn landmark(&self, random: &mut Random) -> Option<(&Path, &str)> {
        let place = random.below(self.files.len());
        self.files.iter().nth(place).map(|(path, file)| (path.as_path(), file.word.as_str()))
    }

    /// A word that stood in a text that is gone.
    pub(super) fn forgotten(&self, random: &mut Random) -> Option<&str> {
        random.pick(&self.forgotten).map(String::as_str)
    }

    /// Adds, rewrites, renames and deletes about one file in `one_in`, at least one of each.
    pub(super) fn change(&mut self, one_in: usize, random: &mut Random) -> io::Result<()> {
        let count = (self.files.len() / one_in).max(1);
        for _ in 0..count {
            self.rewrite(random)?;
        }
        for _ in 0..count.div_ceil(4) {
            self.rename(random)?;
            // As many come as go, so that the tree keeps its size over any number of rounds.
            self.delete(random)?;
            if self.files.len() < self.size.files {
                self.add(random)?;
            }
        }
        Ok(())
    }

    fn any(&self, random: &mut Random) -> Option<PathBuf> {
        let place = random.below(self.files.len());
        self.files.keys().nth(place).cloned()
    }

    fn add(&mut self, random: &mut Random) -> io::Result<()> {
        let path = self.free_path(random);
        self.put(path, random)
    }

    fn rewrite(&mut self, random: &mut Random) -> io::Result<()> {
        self.any(random).map_or(Ok(()), |path| self.put(path, random))
    }

    fn rename(&mut self, random: &mut Random) -> io::Result<()> {
        let Some(from) = self.any(random) else { return Ok(()) };
        let to = self.free_path(random);
        create_folder_of(&to)?;
        #[expect(clippy::disallowed_methods, reason = "a person's documents, which need no sync here")]
        std::fs::rename(&from, &to)?;
        let file = self.files.remove(&from);
        self.files.extend(file.map(|file| (to, file)));
        Ok(())
    }

    fn delete(&mut self, random: &mut Random) -> io::Result<()> {
        let Some(path) = self.any(random) else { return Ok(()) };
        std::fs::remove_file(&path)?;
        self.forgotten.extend(self.files.remove(&path).map(|file| file.word));
        Ok(())
    }

    fn free_path(&self, random: &mut Random) -> PathBuf {
        loop {
            let folder = self.root.join(random.pick(&FOLDERS).copied().unwrap_or_default());
            let name = random.pick(&WORDS).copied().unwrap_or_default();
            let ending = if random.one_in(5) { "txt" } else { "md" };
            let path = folder.join(format!("{name}-{}.{ending}", random.below(10_000)));
            if !self.files.contains_key(&path) {
                return path;
            }
        }
    }

    fn put(&mut self, path: PathBuf, random: &mut Random) -> io::Result<()> {
        self.next_text += 1;
        let word = nth_word(self.next_text);
        let text = text(&word, 1 + random.below(self.size.paragraphs), random);
        create_folder_of(&path)?;
        #[expect(clippy::disallowed_methods, reason = "a person's documents, which need no sync here")]
        std::fs::write(&path, &text)?;
        let digest = Digest::from_bytes(*blake3::hash(text.as_bytes()).as_bytes());
        let before = self.files.insert(path, File { digest, word });
        self.forgotten.extend(before.map(|file| file.word));
        Ok(())
    }
}

pub(super) fn create_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)
}

/// Digests that stand in both: texts that must never be away, whatever their path.
pub(super) fn in_both(before: &Documents, after: &Documents) -> BTreeSet<Digest> {
    let after: BTreeSet<_> = after.values().copied().collect();
    before.values().copied().filter(|digest| after.contains(digest)).collect()
}

/// The word that makes a text known: no stemming and no language makes two of them the same.
fn nth_word(number: usize) -> String {
    let letters = (0..11).map(|place| char::from(b"bfgjkmpv"[(number >> (3 * place)) & 7]));
    std::iter::once('z').chain(letters).collect()
}

fn text(word: &str, paragraphs: usize, random: &mut Random) -> String {
    let mut text = String::new();
    if random.one_in(3) {
        let tag = random.pick(&WORDS).copied().unwrap_or_default();
        text.push_str(&format!("---\ntitle: The {tag} of {word}\ntags: [{tag}, soak]\n---\n"));
    }
    text.push_str(&format!("# About {word}\n"));
    for paragraph in 0..paragraphs {
        if paragraph % 3 == 1 {
            text.push_str(&format!("\n## {}\n", sentence(2, random)));
        }
        text.push_str(&format!("\n{}.\n", sentence(30 + random.below(60), random)));
    }
    text
}

/// So many common words.
pub(super) fn sentence(words: usize, random: &mut Random) -> String {
    let words: Vec<_> = (0..words).map(|_| random.pick(&WORDS).copied().unwrap_or_default()).collect();
    words.join(" ")
}

/// Two words that many texts have.
pub(super) fn common_words(random: &mut Random) -> String {
    sentence(2, random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_tree_is_what_lies_on_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let mut random = Random::new(5);
        let mut tree = Tree::plant(dir.path(), 1, Size { files: 12, paragraphs: 3 }, &mut random).unwrap();
        for _ in 0..10 {
            let before = tree.documents();
            tree.change(4, &mut random).unwrap();
            assert_ne!(tree.documents(), before);
            assert_eq!(tree.files.len(), 12);
        }
        for (path, digest) in tree.documents() {
            assert_eq!(blake3::hash(&std::fs::read(path).unwrap()).as_bytes(), digest.as_bytes());
        }
        let (path, word) = tree.landmark(&mut random).unwrap();
        assert!(std::fs::read_to_string(path).unwrap().contains(word));
    }
}
