//! Reads the commits and the folders of a repository.

use std::{
    collections::HashMap,
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use gix_hash::{Kind, ObjectId};
use gix_object::{CommitRefIter, Find, Kind as ObjectKind, TreeRefIter};
use gix_odb::Header;
use gix_pack::cache::lru::StaticLinkedList;
use rustix::{
    fs::OFlags,
    time::{ClockId, clock_gettime},
};

use super::{HistoryDate, HistoryDates, HistoryFile, HistoryRequest};
use crate::error::ExtractError;

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

/// Something that a partial clone has left where it came from.
#[derive(Debug, thiserror::Error)]
#[error("an object is not there")]
struct MissingObject;

pub(super) fn file_dates(request: &HistoryRequest) -> Result<HistoryDates, Error> {
    let objects = Objects::open(&request.objects)?;
    let id = |text: &str| ObjectId::from_hex(text.as_bytes());
    let (head, known_head) = (id(&request.head)?, request.known_head.as_deref().map(id).transpose()?);
    let Some(commit) = objects.commit(&head)? else { return Err("the commit is not there".into()) };
    let mut search = CommitSearch::new(request, &objects);
    let ended = search.walk(head, commit, known_head);
    let damage = ended.err().filter(|error| !error.is::<MissingObject>()).map(ExtractError::damaged);
    Ok(HistoryDates { dates: search.dates, damage })
}

/// The search for the commits that gave files their bytes.
struct CommitSearch<'s> {
    request: &'s HistoryRequest,
    objects: &'s Objects,
    /// What is still looked for.
    wanted: WantedFolder,
    /// The bytes that each file has in the commit that is checked out.
    blobs: Vec<Option<ObjectId>>,
    dates: Vec<Option<HistoryDate>>,
}

impl<'s> CommitSearch<'s> {
    fn new(request: &'s HistoryRequest, objects: &'s Objects) -> Self {
        let mut wanted = WantedFolder::default();
        for (place, file) in request.files.iter().enumerate() {
            wanted.insert(&file.path, place);
        }
        let untold = |file: &HistoryFile| (!file.is_known).then_some(HistoryDate::Untold);
        let dates = request.files.iter().map(untold).collect();
        Self { request, objects, wanted, blobs: vec![None; request.files.len()], dates }
    }

    /// Goes back from a commit, along first parents, until nothing is looked for any more.
    fn walk(
        &mut self,
        mut at: ObjectId,
        mut commit: Commit,
        known_head: Option<ObjectId>,
    ) -> Result<(), Error> {
        self.objects.list(&self.wanted, commit.folder, &mut self.blobs)?;
        self.leave_out_uncommitted()?;
        let seconds = || clock_gettime(ClockId::ThreadCPUTime).tv_sec;
        let began = seconds();
        for number in 1.. {
            if number % AT_ONCE == 0 && seconds() - began > MOST_SECONDS {
                let untold = self.dates.iter_mut().filter(|date| **date == Some(HistoryDate::Untold));
                untold.for_each(|date| *date = Some(HistoryDate::Never));
                break;
            }
            if Some(at) == known_head {
                let files = &self.request.files;
                self.wanted.retain(&|file| !files[file].is_known);
            }
            if self.wanted.is_empty() {
                break;
            }
            let before = match commit.parent {
                // Of a history that was cut off nobody knows what its first commit changed.
                Some(parent) => Some((parent, self.objects.commit(&parent)?.ok_or(MissingObject)?)),
                None => None,
            };
            let folder_before = before.as_ref().map(|(_, before)| before.folder);
            let mut changed = Vec::new();
            let compared =
                self.objects.take_changed(&mut self.wanted, folder_before, Some(commit.folder), &mut changed);
            for file in changed {
                self.found(file, commit.seconds)?;
            }
            compared?;
            let Some((parent, next)) = before else { break };
            (at, commit) = (parent, next);
        }
        Ok(())
    }

    /// What nobody committed is not looked for.
    fn leave_out_uncommitted(&mut self) -> Result<(), Error> {
        for (place, file) in self.request.files.iter().enumerate() {
            let is_there =
                if file.is_known { self.blobs[place].is_some() } else { self.is_as_committed(place)? };
            if !is_there {
                self.dates[place] = Some(HistoryDate::Never);
            }
        }
        let dates = &self.dates;
        self.wanted.retain(&|file| dates[file] != Some(HistoryDate::Never));
        Ok(())
    }

    /// Notes the commit of a file.
    fn found(&mut self, file: usize, seconds: Option<i64>) -> Result<(), Error> {
        let holds = !self.request.files[file].is_known || self.is_as_committed(file)?;
        let date = seconds.filter(|_| holds).map_or(HistoryDate::Never, HistoryDate::At);
        self.dates[file] = Some(date);
        Ok(())
    }

    /// Whether a file has the bytes that it has in the commit that is checked out. One that a filter of git changes when it is
    /// checked out has not.
    fn is_as_committed(&self, file: usize) -> Result<bool, Error> {
        let Some(blob) = self.blobs[file] else { return Ok(false) };
        let size = self.objects.0.try_header(&blob)?.map(|header| header.size());
        let path = self.request.work_tree.join(&self.request.files[file].path);
        let Some(bytes) = bytes_of(&path, size)? else { return Ok(false) };
        Ok(gix_object::compute_hash(Kind::Sha1, ObjectKind::Blob, &bytes)? == blob)
    }
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
        let commit = CommitRefIter::from_bytes(found.data, Kind::Sha1);
        let seconds = commit.author().and_then(|author| author.time()).ok().map(|time| time.seconds);
        let (folder, parent) = (commit.clone().tree_id()?, commit.parent_ids().next());
        Ok(Some(Commit { folder, parent, seconds }))
    }

    /// What is in a folder under names that are wanted; nothing where there is no folder.
    fn entries(
        &self,
        wanted: &WantedFolder,
        folder: Option<ObjectId>,
    ) -> Result<HashMap<Vec<u8>, ObjectId>, Error> {
        let Some(folder) = folder else { return Ok(HashMap::new()) };
        let mut buffer = Vec::new();
        let tree = self.0.try_find(&folder, &mut buffer)?.ok_or(MissingObject)?;
        let mut entries = HashMap::new();
        for entry in TreeRefIter::from_bytes(tree.data, Kind::Sha1) {
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

/// The bytes of a regular file, that has so many if that is said; `None` for anything else.
fn bytes_of(path: &Path, size: Option<u64>) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let Ok(file) = opened else { return Ok(None) };
    let seen = file.metadata()?;
    let size = size.unwrap_or(seen.len());
    if !seen.is_file() || seen.len() != size || size > MOST_OBJECT_BYTES as u64 {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = file.take(size + 1).read_to_end(&mut bytes)?;
    Ok((read as u64 == size).then_some(bytes))
}
