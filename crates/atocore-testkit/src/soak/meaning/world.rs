//! Short documents in two projects: most of them change all the time, and some stay and answer questions.

use std::{collections::BTreeMap, io, path::PathBuf};

use atocore_model::digest::Digest;

use super::questions::LANDMARKS;
use crate::soak::{
    facts::Entry,
    random::Random,
    tree::{Documents, create_folder_of, sentence},
};

/// A line each: most of what changes in a round is of these, and more than one batch of texts.
const NOTES: Size = Size { files: 90, sentences: 1 };

/// One passage each where passages are long, and several where they are short.
const REPORTS: Size = Size { files: 24, sentences: 6 };

/// The names of folders, none of which says anything about what is in them.
const FOLDERS: [&str; 3] = ["", "one", "two/three"];

#[derive(Debug, Clone, Copy)]
struct Size {
    files: usize,
    sentences: usize,
}

/// All documents as they lie on the disk.
#[derive(Debug)]
pub(super) struct World {
    shelves: Vec<Shelf>,
    /// Numbers the texts, so that no two are the same unless they are copies.
    next_text: usize,
}

/// The documents of one project.
#[derive(Debug)]
struct Shelf {
    id: &'static str,
    root: PathBuf,
    size: Size,
    files: BTreeMap<PathBuf, File>,
}

#[derive(Debug, Clone)]
struct File {
    digest: Digest,
    /// Whether it answers a question: then it is moved and never changed.
    stays: bool,
}

impl World {
    /// Writes the first documents below `folder`, `scale` times as many as there are at least.
    pub(super) fn plant(folder: &std::path::Path, scale: usize, random: &mut Random) -> io::Result<Self> {
        let shelf = |id, size: Size| Shelf {
            id,
            root: folder.join(id),
            size: Size { files: size.files * scale, ..size },
            files: BTreeMap::new(),
        };
        let mut world =
            Self { shelves: vec![shelf("notes", NOTES), shelf("reports", REPORTS)], next_text: 0 };
        for shelf in &mut world.shelves {
            for _ in 0..shelf.size.files {
                shelf.add(&mut world.next_text, random)?;
            }
        }
        for (number, landmark) in LANDMARKS.iter().enumerate() {
            let shelf = &mut world.shelves[number % 2];
            let path = shelf.free_path(random);
            shelf.put(path, &landmark.document(), true)?;
        }
        Ok(world)
    }

    /// Every project as it is to be registered.
    pub(super) fn entries(&self) -> Vec<(String, Entry)> {
        let entry = |shelf: &Shelf| Entry {
            aliases: Vec::new(),
            description: String::new(),
            roots: vec![shelf.root.to_string_lossy().into_owned()],
        };
        self.shelves.iter().map(|shelf| (shelf.id.to_owned(), entry(shelf))).collect()
    }

    /// What a refresh of all is to arrive at.
    pub(super) fn documents(&self) -> BTreeMap<String, Documents> {
        self.shelves.iter().map(|shelf| (shelf.id.to_owned(), shelf.documents())).collect()
    }

    /// Rewrites about that part of the documents; moves, deletes, adds and copies some.
    pub(super) fn change(&mut self, part: f64, random: &mut Random) -> io::Result<()> {
        for shelf in &mut self.shelves {
            shelf.change(part, &mut self.next_text, random)?;
        }
        Ok(())
    }
}

impl Shelf {
    fn documents(&self) -> Documents {
        let entry = |(path, file): (&PathBuf, &File)| (path.to_string_lossy().into_owned(), file.digest);
        self.files.iter().map(entry).collect()
    }

    fn change(&mut self, part: f64, next_text: &mut usize, random: &mut Random) -> io::Result<()> {
        let passing: Vec<_> =
            self.files.iter().filter(|(_, file)| !file.stays).map(|(path, _)| path.clone()).collect();
        for path in &passing {
            if random.fraction() < part {
                self.write(path.clone(), next_text, random)?;
            }
        }
        for _ in 0..3 {
            self.move_one(random)?;
        }
        let gone: Vec<_> = self.files.iter().filter(|(_, file)| !file.stays).map(|(path, _)| path).collect();
        if let Some(path) = random.pick(&gone).map(|path| (*path).clone()) {
            std::fs::remove_file(&path)?;
            let _file = self.files.remove(&path);
        }
        // The same text in two places, which is one vector.
        if random.one_in(2)
            && let Some(path) = random.pick(&passing).filter(|path| self.files.contains_key(*path))
        {
            let text = std::fs::read_to_string(path)?;
            let copy = self.free_path(random);
            self.put(copy, &text, false)?;
        }
        let count = self.files.values().filter(|file| !file.stays).count();
        for _ in count..self.size.files {
            self.add(next_text, random)?;
        }
        Ok(())
    }

    fn add(&mut self, next_text: &mut usize, random: &mut Random) -> io::Result<()> {
        let path = self.free_path(random);
        self.write(path, next_text, random)
    }

    fn write(&mut self, path: PathBuf, next_text: &mut usize, random: &mut Random) -> io::Result<()> {
        *next_text += 1;
        let mut text = format!("# Number {next_text}\n\n");
        for _ in 0..self.size.sentences {
            text.push_str(&sentence(8 + random.below(4), random));
            text.push_str(". ");
        }
        text.push('\n');
        self.put(path, &text, false)
    }

    fn move_one(&mut self, random: &mut Random) -> io::Result<()> {
        let place = random.below(self.files.len());
        let Some(from) = self.files.keys().nth(place).cloned() else { return Ok(()) };
        let to = self.free_path(random);
        create_folder_of(&to)?;
        #[expect(clippy::disallowed_methods, reason = "a person's documents, which need no sync here")]
        std::fs::rename(&from, &to)?;
        let file = self.files.remove(&from);
        self.files.extend(file.map(|file| (to, file)));
        Ok(())
    }

    fn free_path(&self, random: &mut Random) -> PathBuf {
        loop {
            let folder = self.root.join(random.pick(&FOLDERS).copied().unwrap_or_default());
            let path = folder.join(format!("{}.md", random.below(100_000)));
            if !self.files.contains_key(&path) {
                return path;
            }
        }
    }

    fn put(&mut self, path: PathBuf, text: &str, stays: bool) -> io::Result<()> {
        create_folder_of(&path)?;
        #[expect(clippy::disallowed_methods, reason = "a person's documents, which need no sync here")]
        std::fs::write(&path, text)?;
        let digest = Digest::from_bytes(*blake3::hash(text.as_bytes()).as_bytes());
        let _before = self.files.insert(path, File { digest, stays });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_questions_stays_while_all_else_changes() {
        let dir = tempfile::tempdir().unwrap();
        let mut random = Random::new(3);
        let mut world = World::plant(dir.path(), 1, &mut random).unwrap();
        let stays = |world: &World| {
            let files = world.shelves.iter().flat_map(|shelf| shelf.files.values());
            let mut digests: Vec<_> = files.filter(|file| file.stays).map(|file| file.digest).collect();
            digests.sort();
            digests
        };
        let before = (world.documents(), stays(&world));
        for _ in 0..5 {
            world.change(0.9, &mut random).unwrap();
        }
        assert_eq!(stays(&world), before.1);
        assert_eq!(before.1.len(), LANDMARKS.len());
        let texts = |documents: &BTreeMap<String, Documents>| {
            documents.values().flat_map(Documents::values).copied().collect::<std::collections::BTreeSet<_>>()
        };
        let (before, after) = (texts(&before.0), texts(&world.documents()));
        assert!(before.intersection(&after).count() < 2 * LANDMARKS.len(), "hardly anything changed");
        for (path, digest) in world.documents().values().flatten() {
            assert_eq!(blake3::hash(&std::fs::read(path).unwrap()).as_bytes(), digest.as_bytes());
        }
    }
}
