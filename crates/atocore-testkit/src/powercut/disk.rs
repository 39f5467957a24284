//! What is on a disk, what is safe there, and the states in which it can be found after a power cut.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Component, Path, PathBuf},
};

use atocore_model::digest::Digest;
use atocore_storage::files;

use super::{Step, trace::is_log_index};

/// What is written in one piece or not at all.
const PAGE_BYTES: u64 = 4096;

/// The folder that everything lies in.
const ROOT: usize = 0;

/// A folder on a disk, and what has happened to it.
#[derive(Debug, Clone)]
pub struct Disk {
    /// As it was at first, all of it safe.
    first: Vec<Node>,
    /// As every program sees it now.
    now: Vec<Node>,
    changes: Vec<Change>,
    /// How many steps have been done.
    steps: usize,
    /// How many groups of changes there are that happen together or not at all.
    groups: usize,
}

/// A file or a folder, whatever its name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    File(Vec<u8>),
    Folder(BTreeMap<String, usize>),
}

/// Something that a step has changed.
#[derive(Debug, Clone)]
struct Change {
    what: What,
    /// The step that made it.
    born: usize,
    /// The step that made it safe.
    safe: Option<usize>,
    group: usize,
    /// The change without which it cannot be.
    needs: Option<usize>,
}

#[derive(Debug, Clone)]
enum What {
    Bytes { file: usize, offset: u64, bytes: Vec<u8> },
    Size { file: usize, size: u64 },
    Name { folder: usize, name: String, node: Option<usize> },
}

/// What becomes of that which is not safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All of it is lost.
    Everything,
    /// None of it is: the program was killed, and the current stayed.
    Nothing,
    /// Names and sizes are there, bytes are zero.
    Bytes,
    /// Names and sizes are there as they were at some moment, bytes are not.
    Content,
    /// Bytes are there, names are not.
    Names,
    /// Each change for itself is there or not; which ones, the number determines.
    Some(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    There,
    Lost,
    Zero,
}

/// What can be found on a disk: files with their bytes, and folders, by their path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    entries: BTreeMap<PathBuf, Option<Vec<u8>>>,
}

impl Disk {
    /// The disk with `folder` as it is, all of it safe.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let mut nodes = vec![Node::Folder(BTreeMap::new())];
        load(folder, ROOT, &mut nodes)?;
        Ok(Self { first: nodes.clone(), now: nodes, changes: Vec::new(), steps: 0, groups: 0 })
    }

    /// Does a step.
    ///
    /// # Errors
    /// When it is about something that is not there: the steps are not those of this folder.
    pub fn apply(&mut self, step: &Step) -> io::Result<()> {
        match step {
            Step::Open { path, emptied } => match self.find(path) {
                None => self.add(path, Node::File(Vec::new()))?,
                Some(file) if *emptied => self.resize(file, 0),
                Some(_) => {}
            },
            Step::Write { path, offset, bytes } => {
                let file = self.get(path)?;
                let end = self.bytes_of(file).len() as u64;
                self.write(file, offset.unwrap_or(end), bytes);
            }
            Step::Copy { from, from_offset, to, offset, length } => {
                let source = self.bytes_of(self.get(from)?);
                let begin = place(*from_offset).min(source.len());
                let length =
                    length.map_or(source.len() - begin, |length| place(length).min(source.len() - begin));
                let bytes = source.get(begin..begin + length).unwrap_or_default().to_vec();
                let target = self.get(to)?;
                self.write(target, *offset, &bytes);
            }
            Step::Resize { path, size } => self.resize(self.get(path)?, *size),
            Step::Sync(path) => self.sync(self.get(path)?),
            Step::Rename(from, to) => self.rename(from, to)?,
            Step::MakeFolder(path) => self.add(path, Node::Folder(BTreeMap::new()))?,
            Step::Remove(path) => {
                let (folder, name) = self.parent(path)?;
                let group = self.group();
                self.change(What::Name { folder, name, node: None }, group, None);
            }
            Step::Said => {}
        }
        self.steps += 1;
        Ok(())
    }

    /// How many steps have been done.
    #[must_use]
    pub const fn steps(&self) -> usize {
        self.steps
    }

    /// What every program sees now.
    #[must_use]
    pub fn now(&self) -> Image {
        Image::of(&self.now)
    }

    /// What can be found when the current went after the first `cut` steps.
    #[must_use]
    pub fn after_cut(&self, cut: usize, loss: Loss) -> Image {
        let mut nodes = self.first.clone();
        for node in self.now.iter().skip(nodes.len()) {
            nodes.push(match node {
                Node::File(_) => Node::File(Vec::new()),
                Node::Folder(_) => Node::Folder(BTreeMap::new()),
            });
        }
        let mut kept = BTreeSet::new();
        for (index, change) in self.changes.iter().enumerate().filter(|(_, change)| change.born < cut) {
            let fate = match change.safe {
                Some(step) if step < cut => Fate::There,
                _ if change.needs.is_some_and(|needed| !kept.contains(&needed)) => Fate::Lost,
                _ => fate(change, loss),
            };
            if fate != Fate::Lost {
                let _new = kept.insert(index);
                carry_out(&change.what, fate, &mut nodes);
            }
        }
        Image::of(&nodes)
    }

    fn group(&mut self) -> usize {
        self.groups += 1;
        self.groups
    }

    /// Makes a change and returns its number.
    fn change(&mut self, what: What, group: usize, needs: Option<usize>) -> usize {
        carry_out(&what, Fate::There, &mut self.now);
        self.changes.push(Change { what, born: self.steps, safe: None, group, needs });
        self.changes.len() - 1
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<()> {
        let (folder, name) = self.parent(path)?;
        self.now.push(node);
        let (group, node) = (self.group(), Some(self.now.len() - 1));
        self.change(What::Name { folder, name, node }, group, None);
        Ok(())
    }

    fn write(&mut self, file: usize, offset: u64, bytes: &[u8]) {
        let (mut offset, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let room = place(PAGE_BYTES - offset % PAGE_BYTES).min(rest.len());
            let (piece, after) = rest.split_at(room);
            let group = self.group();
            self.change(What::Bytes { file, offset, bytes: piece.to_vec() }, group, None);
            offset += piece.len() as u64;
            rest = after;
        }
    }

    fn resize(&mut self, file: usize, size: u64) {
        let group = self.group();
        self.change(What::Size { file, size }, group, None);
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = self.get(from)?;
        let ((old, old_name), (new, new_name)) = (self.parent(from)?, self.parent(to)?);
        let group = self.group();
        let is_folder = matches!(self.now.get(node), Some(Node::Folder(_)));
        let added = self.change(What::Name { folder: new, name: new_name, node: Some(node) }, group, None);
        let group = if old == new || is_folder { group } else { self.group() };
        self.change(What::Name { folder: old, name: old_name, node: None }, group, Some(added));
        Ok(())
    }

    fn sync(&mut self, node: usize) {
        let at = self.steps;
        let touches = |what: &What| match what {
            What::Bytes { file, .. } | What::Size { file, .. } => *file == node,
            What::Name { folder, .. } => *folder == node,
        };
        let open = |change: &Change| change.safe.is_none();
        let mut safe: Vec<usize> = Vec::new();
        let mut groups = BTreeSet::new();
        for (index, change) in self.changes.iter().enumerate().filter(|(_, change)| open(change)) {
            if touches(&change.what) {
                safe.extend(change.needs);
                safe.push(index);
                let _new = groups.insert(change.group);
            }
        }
        for (index, change) in self.changes.iter().enumerate() {
            if groups.contains(&change.group) {
                safe.push(index);
            }
        }
        for index in safe {
            if let Some(change) = self.changes.get_mut(index).filter(|change| open(change)) {
                change.safe = Some(at);
            }
        }
    }

    fn bytes_of(&self, file: usize) -> &[u8] {
        match self.now.get(file) {
            Some(Node::File(bytes)) => bytes,
            _ => &[],
        }
    }

    fn find(&self, path: &Path) -> Option<usize> {
        let mut at = ROOT;
        for part in path.components() {
            let (Component::Normal(name), Some(Node::Folder(entries))) = (part, self.now.get(at)) else {
                return None;
            };
            at = *entries.get(name.to_str()?)?;
        }
        Some(at)
    }

    fn get(&self, path: &Path) -> io::Result<usize> {
        let missing = || {
            io::Error::other(format!(
                "step {}: `{}` is not on the simulated disk",
                self.steps,
                path.display()
            ))
        };
        self.find(path).ok_or_else(missing)
    }

    /// The folder that holds `path`, and its name there.
    fn parent(&self, path: &Path) -> io::Result<(usize, String)> {
        let folder = self.get(path.parent().unwrap_or(path))?;
        Ok((folder, path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
    }
}

impl Image {
    fn of(nodes: &[Node]) -> Self {
        let mut image = Self { entries: BTreeMap::new() };
        let mut open = vec![(PathBuf::new(), ROOT)];
        while let Some((path, node)) = open.pop() {
            match nodes.get(node) {
                Some(Node::Folder(entries)) => {
                    open.extend(entries.iter().map(|(name, node)| (path.join(name), *node)));
                    let _before = image.entries.insert(path, None);
                }
                Some(Node::File(bytes)) => {
                    let _before = image.entries.insert(path, Some(bytes.clone()));
                }
                None => {}
            }
        }
        image
    }

    /// What is in `folder`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        Ok(Disk::of(folder)?.now())
    }

    /// Makes `folder`, which must not exist, with all of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_to(&self, folder: &Path) -> io::Result<()> {
        for (path, bytes) in &self.entries {
            let place = folder.join(path);
            match bytes {
                None => std::fs::create_dir_all(&place)?,
                #[expect(clippy::disallowed_methods, reason = "what lies in scratch need not be safe")]
                Some(bytes) => std::fs::write(&place, bytes)?,
            }
        }
        Ok(())
    }

    /// Whether there is a file or folder of that path.
    #[must_use]
    pub fn has(&self, path: &Path) -> bool {
        self.entries.contains_key(path)
    }

    /// A digest of all of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        for (path, bytes) in &self.entries {
            let _hasher = hasher.update(path.as_os_str().as_encoded_bytes()).update(&[0]);
            if let Some(bytes) = bytes {
                let _hasher = hasher.update(&(bytes.len() as u64 + 1).to_le_bytes()).update(bytes);
            }
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// The first path at which two images are not the same, however many there are. The index of SQLite's log is written
    /// past everybody and does not count.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<PathBuf> {
        let all: BTreeSet<_> = self.entries.keys().chain(other.entries.keys()).collect();
        let differs =
            |path: &&&PathBuf| !is_log_index(path) && self.entries.get(**path) != other.entries.get(**path);
        all.iter().find(differs).map(|path| (*path).clone())
    }
}

fn fate(change: &Change, loss: Loss) -> Fate {
    let is_content = matches!(change.what, What::Bytes { .. });
    match loss {
        Loss::Everything => Fate::Lost,
        Loss::Nothing => Fate::There,
        Loss::Bytes if is_content => Fate::Zero,
        Loss::Content if !matches!(change.what, What::Name { .. }) => Fate::Lost,
        Loss::Bytes | Loss::Content => Fate::There,
        Loss::Names if matches!(change.what, What::Name { .. }) => Fate::Lost,
        Loss::Names => Fate::There,
        Loss::Some(seed) => {
            // One draw for each group, so that what belongs together goes together.
            let digest = blake3::hash(&[seed.to_le_bytes(), (change.group as u64).to_le_bytes()].concat());
            match digest.as_bytes()[0] % 8 {
                0..4 => Fate::There,
                4 if is_content => Fate::Zero,
                _ => Fate::Lost,
            }
        }
    }
}

fn carry_out(what: &What, fate: Fate, nodes: &mut [Node]) {
    match what {
        What::Bytes { file, offset, bytes } => {
            let Some(Node::File(held)) = nodes.get_mut(*file) else { return };
            let begin = place(*offset);
            let end = begin + bytes.len();
            if held.len() < end {
                held.resize(end, 0);
            }
            if let Some(place) = held.get_mut(begin..end) {
                if fate == Fate::Zero { place.fill(0) } else { place.copy_from_slice(bytes) }
            }
        }
        What::Size { file, size } => {
            if let Some(Node::File(held)) = nodes.get_mut(*file) {
                held.resize(place(*size), 0);
            }
        }
        What::Name { folder, name, node } => {
            let Some(Node::Folder(entries)) = nodes.get_mut(*folder) else { return };
            let _before = match node {
                Some(node) => entries.insert(name.clone(), *node),
                None => entries.remove(name),
            };
        }
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn load(folder: &Path, at: usize, nodes: &mut Vec<Node>) -> io::Result<()> {
    for path in files::list(folder).map_err(|error| io::Error::new(error.source.kind(), error))? {
        let kind = path.symlink_metadata()?.file_type();
        let node = if kind.is_dir() {
            Node::Folder(BTreeMap::new())
        } else if kind.is_file() {
            Node::File(std::fs::read(&path)?)
        } else {
            // Sockets are gone after a power cut, for all purposes.
            continue;
        };
        nodes.push(node);
        let number = nodes.len() - 1;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(Node::Folder(entries)) = nodes.get_mut(at) {
            let _before = entries.insert(name, number);
        }
        if kind.is_dir() {
            load(&path, number, nodes)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
