//! Reads the commits and the folders of a repository.

use std::{
    collections::HashMap,
    fs::OpenOptions,
    io::{self, Read},
    mem,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use gix_hash::{Kind, ObjectId};
use gix_object::{CommitRef, Find, FindExt, Kind as ObjectKind};
use gix_odb::HeaderExt;
use gix_pack::cache::lru::StaticLinkedList;
use rustix::{
    fs::OFlags,
    time::{ClockId, clock_gettime},
};

use super::{FileDate, HistoryRequest};

/// The processor time in seconds that commits are looked at for. What was changed before those has no date.
const MOST_SECONDS: i64 = 30;

/// How many commits are looked at before the clock is.
const AT_ONCE: usize = 64;

/// The largest object that is read, in bytes: a commit, or a folder as it was.
const MOST_OBJECT_BYTES: usize = 64 << 20;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Opens the objects of a repository, with those that it borrows from others.
struct Objects(gix_odb::Handle);

/// What is needed of a commit.
struct Commit {
    folder: ObjectId,
    parent: Option<ObjectId>,
    /// When it was written; `None` where it does not say so.
    seconds: Option<i64>,
}

pub(super) fn file_dates(request: &HistoryRequest) -> Result<Vec<FileDate>, Error> {
    let objects = Objects::open(&request.objects)?;
    let id = |text: &str| ObjectId::from_hex(text.as_bytes());
    let known_head = request.known_head.as_deref().map(id).transpose()?;
    let mut wanted = WantedFolder::default();
    for (place, file) in request.files.iter().enumerate() {
        wanted.insert(&file.path, place);
    }
    let mut at = id(&request.head)?;
    let Some(mut commit) = objects.commit(&at)? else { return Err("the commit is not there".into()) };
    let mut blobs = vec![None; request.files.len()];
    objects.list(&wanted, commit.folder, &mut blobs)?;
    let mut dates: Vec<_> = (0..request.files.len()).map(|file| FileDate { file, seconds: None }).collect();
    let is_as_committed = |file: usize| {
        let path = request.work_tree.join(&request.files[file].path);
        blobs[file].map_or(Ok(false), |blob| objects.is_as_committed(&path, blob))
    };
    // What nobody committed need not be looked for.
    let mut looked_for = Vec::new();
    for (place, file) in request.files.iter().enumerate() {
        looked_for.push(if file.is_known { blobs[place].is_some() } else { is_as_committed(place)? });
    }
    wanted.retain(&|file| looked_for[file]);
    let mut unseen: Vec<bool> = request
        .files
        .iter()
        .zip(&looked_for)
        .map(|(file, looked_for)| file.is_known && *looked_for)
        .collect();
    let seconds = || clock_gettime(ClockId::ThreadCPUTime).tv_sec;
    let began = seconds();
    for number in 1.. {
        if number % AT_ONCE == 0 && seconds() - began > MOST_SECONDS {
            break;
        }
        if Some(at) == known_head {
            wanted.retain(&|file| !request.files[file].is_known);
        }
        if wanted.is_empty() {
            break;
        }
        let before = match commit.parent {
            // Of a history that was cut off nobody knows what its first commit changed.
            Some(parent) => match objects.commit(&parent)? {
                Some(before) => Some((parent, before)),
                None => break,
            },
            None => None,
        };
        let folder_before = before.as_ref().map(|(_, before)| before.folder);
        let mut changed = Vec::new();
        objects.take_changed(&mut wanted, folder_before, Some(commit.folder), &mut changed)?;
        for file in changed {
            let holds = !mem::take(&mut unseen[file]) || is_as_committed(file)?;
            dates[file].seconds = commit.seconds.filter(|_| holds);
        }
        let Some((parent, next)) = before else { break };
        (at, commit) = (parent, next);
    }
    dates.retain(|date| !unseen[date.file]);
    Ok(dates)
}

/// The folders of objects that a repository borrows from others.
pub(super) fn borrowed(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    // Whoever opens a pipe waits for its other end.
    let is_file = folder.join("info/alternates").symlink_metadata().map(|seen| seen.is_file());
    if matches!(is_file, Ok(false)) {
        return Err("`info/alternates` is not a regular file".into());
    }
    Ok(gix_odb::alternate::resolve(folder.to_owned(), folder)?)
}

impl Objects {
    fn open(folder: &Path) -> Result<Self, Error> {
        let _others = borrowed(folder)?;
        let options = gix_odb::store::init::Options {
            alloc_limit_bytes: Some(MOST_OBJECT_BYTES),
            current_dir: Some(folder.to_owned()),
            ..Default::default()
        };
        let mut objects = gix_odb::at_opts(folder, Kind::Sha1, None, options)?;
        objects.set_pack_cache(|| Box::new(StaticLinkedList::<256>::new(MOST_OBJECT_BYTES)));
        Ok(Self(objects))
    }

    /// `None` when it is not there.
    fn commit(&self, id: &ObjectId) -> Result<Option<Commit>, Error> {
        let mut buffer = Vec::new();
        let Some(found) = self.0.try_find(id, &mut buffer)? else { return Ok(None) };
        let commit = CommitRef::from_bytes(found.data, Kind::Sha1)?;
        Ok(Some(Commit {
            folder: commit.tree(),
            parent: commit.parents().next(),
            seconds: commit.author().and_then(|author| author.time()).ok().map(|time| time.seconds),
        }))
    }

    /// What is in a folder under names that are wanted; nothing where there is no folder.
    fn entries(
        &self,
        wanted: &WantedFolder,
        folder: Option<ObjectId>,
    ) -> Result<HashMap<Vec<u8>, ObjectId>, Error> {
        let Some(folder) = folder else { return Ok(HashMap::new()) };
        let mut buffer = Vec::new();
        let tree = self.0.find_tree_iter(&folder, &mut buffer)?;
        let mut entries = HashMap::new();
        for entry in tree {
            let entry = entry?;
            let name: &[u8] = entry.filename;
            let is_wanted = match (entry.mode.is_tree(), entry.mode.is_blob()) {
                (true, _) => wanted.folders.contains_key(name),
                (_, true) => wanted.files.contains_key(name),
                // A link, or a repository of its own.
                (false, false) => false,
            };
            if is_wanted {
                entries.insert(name.to_vec(), entry.oid.to_owned());
            }
        }
        Ok(entries)
    }

    /// Puts in `blobs` which bytes each wanted file has in a folder.
    fn list(
        &self,
        wanted: &WantedFolder,
        folder: ObjectId,
        blobs: &mut [Option<ObjectId>],
    ) -> Result<(), Error> {
        for (name, id) in self.entries(wanted, Some(folder))? {
            if let Some(file) = wanted.files.get(&name) {
                blobs[*file] = Some(id);
            } else if let Some(below) = wanted.folders.get(&name) {
                self.list(below, id, blobs)?;
            }
        }
        Ok(())
    }

    /// Takes from `wanted` what is not the same in both folders.
    fn take_changed(
        &self,
        wanted: &mut WantedFolder,
        before: Option<ObjectId>,
        now: Option<ObjectId>,
        changed: &mut Vec<usize>,
    ) -> Result<(), Error> {
        if before == now {
            return Ok(());
        }
        let (before, now) = (self.entries(wanted, before)?, self.entries(wanted, now)?);
        let differs = |name: &Vec<u8>| before.get(name) != now.get(name);
        changed.extend(wanted.files.extract_if(|name, _| differs(name)).map(|(_, file)| file));
        for (name, below) in &mut wanted.folders {
            self.take_changed(below, before.get(name).copied(), now.get(name).copied(), changed)?;
        }
        wanted.folders.retain(|_, below| !below.is_empty());
        Ok(())
    }

    /// Whether a file has the bytes of a blob. One that a filter of git changes when it is checked out has not.
    fn is_as_committed(&self, path: &Path, blob: ObjectId) -> Result<bool, Error> {
        let size = self.0.header(blob)?.size();
        let Some(bytes) = bytes_of(path, size)? else { return Ok(false) };
        Ok(gix_object::compute_hash(Kind::Sha1, ObjectKind::Blob, &bytes)? == blob)
    }
}

/// The files that are looked for, by folder.
#[derive(Debug, Default)]
struct WantedFolder {
    folders: HashMap<Vec<u8>, WantedFolder>,
    /// With their places in the request.
    files: HashMap<Vec<u8>, usize>,
}

impl WantedFolder {
    fn insert(&mut self, path: &str, file: usize) {
        let mut parts = path.split('/').map(|part| part.as_bytes().to_vec()).peekable();
        let mut folder = self;
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                folder.files.insert(part, file);
                return;
            }
            folder = folder.folders.entry(part).or_default();
        }
    }

    fn is_empty(&self) -> bool {
        self.files.is_empty() && self.folders.is_empty()
    }

    /// Looks no more for the files that are not `wanted`.
    fn retain(&mut self, wanted: &impl Fn(usize) -> bool) {
        self.files.retain(|_, file| wanted(*file));
        self.folders.retain(|_, folder| {
            folder.retain(wanted);
            !folder.is_empty()
        });
    }
}

/// The bytes of a regular file that has so many; `None` for anything else.
fn bytes_of(path: &Path, size: u64) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let Ok(file) = opened else { return Ok(None) };
    let seen = file.metadata()?;
    if !seen.is_file() || seen.len() != size {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = file.take(size + 1).read_to_end(&mut bytes)?;
    Ok((read as u64 == size).then_some(bytes))
}
