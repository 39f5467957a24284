//! Taking an archive in. Nothing in it is trusted: its metadata, which is sealed, says what may follow.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use atocore_model::{
    digest::Digest,
    error::with_causes,
    id::SnapshotId,
    monitor::{Monitor, Progress},
    snapshot::Depth,
    time::Clock,
};
use atocore_storage::files::{self, NewFile};
use tar::{Archive, Entry, EntryType};

use super::{entry_name, invalid};
use crate::{
    BackupError,
    ledger::Ledger,
    manifest::{self, FILE_NAME, FileRecord, LIMIT_BYTES, ManifestError, SnapshotRecord, recordable},
    snapshot_directory::{MetadataFile, SnapshotDirectory, metadata_file},
    stage::Stage,
    take::{SLACK_BYTES, proceed},
    verify::{self, Validation},
};

/// How every file of age begins, and how it begins when it was written as text.
const ENCRYPTED: [&[u8]; 2] = [b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED FILE-----"];

/// So much of an archive is looked at to tell.
const HEAD_BYTES: u64 = 64;

/// More folders than these are not made.
const MOST_FOLDERS: usize = 10_000;

/// What zstd may keep of the past while it unpacks, as a power of two: 128 MiB.
const WINDOW_LOG: u32 = 27;

/// An archive fills up its last block; what comes after the end is looked at up to here.
const MOST_FILLING: u64 = 1 << 20;

/// A snapshot that was imported.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedSnapshot {
    /// The snapshot.
    pub stamp: SnapshotId,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether it was there already, the same.
    pub was_there: bool,
    /// What proves it, to the depth `digests`.
    pub validation: Validation,
}

/// Takes a snapshot in from an archive, under its own stamp, after comparing every byte with its record.
///
/// It is read once, from its beginning to its end, so that it may come through a pipe.
///
/// # Errors
/// [`BackupError::ArchiveEncrypted`] when it has to be decrypted first;
/// [`BackupError::ArchiveInvalid`] and its like when it is no archive of a whole snapshot;
/// [`BackupError::SnapshotExists`] when another snapshot has the stamp; when there is no room or it cannot be written.
/// Nothing lists then.
///
/// # Durability
/// The snapshot is on disk, whole and visible, when this returns `Ok`.
///
/// # Cancellation
/// Between pieces; nothing is left.
pub fn import(
    directory: &SnapshotDirectory,
    mut from: impl Read,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
) -> Result<ImportedSnapshot, BackupError> {
    let mut head = Vec::new();
    let _read = from.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| unreadable(&error))?;
    if ENCRYPTED.iter().any(|beginning| head.starts_with(beginning)) {
        return Err(BackupError::ArchiveEncrypted);
    }
    let mut decoder =
        zstd::Decoder::new(io::Cursor::new(head).chain(from)).map_err(|error| unreadable(&error))?;
    decoder.window_log_max(WINDOW_LOG).map_err(|error| unreadable(&error))?;
    let mut archive = Archive::new(decoder);
    // Raw: long names and other extensions, which are read into memory, are refused instead.
    let mut entries = archive.entries().map_err(|error| unreadable(&error))?.raw(true);
    let first = entries.next().ok_or_else(|| invalid("it is empty"))?.map_err(|error| unreadable(&error))?;
    let (stamp, bytes, record) = read_metadata(first)?;
    let path = directory.snapshot(stamp);
    let stage = if files::kind(&path)?.is_some() {
        refuse_another(&path, stamp, &bytes)?;
        None
    } else {
        refuse_what_does_not_fit(directory, &record)?;
        let stage = Stage::reserve_exactly(directory, stamp, monitor)?;
        files::write_synced(&stage.dir().join(FILE_NAME), &bytes)?;
        Some(stage)
    };
    let mut importer = Importer::new(stamp, stage.as_ref().map(Stage::dir), &record, monitor);
    for entry in entries {
        proceed(monitor)?;
        importer.take(entry.map_err(|error| unreadable(&error))?)?;
    }
    importer.finish()?;
    refuse_more(&mut archive.into_inner())?;
    let proof = match &stage {
        Some(stage) => verify::verify_at(stamp, stage.dir(), Depth::Digests, clock, monitor)?,
        None => verify::verify(directory, stamp, Depth::Digests, clock, monitor)?,
    };
    if !proof.valid() {
        return Err(BackupError::Damaged { stamp, problems: proof.errors() });
    }
    let Some(stage) = stage else {
        return Ok(ImportedSnapshot { stamp, path, was_there: true, validation: proof });
    };
    proceed(monitor)?;
    stage.publish()?;
    let validation = Validation { path: path.clone(), ..proof };
    // What is not written down is only not known to be proven.
    drop(Ledger::of(directory).record(stamp, &validation, std::time::Duration::ZERO));
    Ok(ImportedSnapshot { stamp, path, was_there: false, validation })
}

/// An error of the compression or of the archive's own shape.
fn unreadable(error: &io::Error) -> BackupError {
    invalid(with_causes(error))
}

/// The metadata must come first, in a folder that is named by its stamp.
fn read_metadata<R: Read>(
    mut entry: Entry<'_, R>,
) -> Result<(SnapshotId, Vec<u8>, SnapshotRecord), BackupError> {
    let name = name_of(&entry)?;
    let stamp = name.strip_suffix(FILE_NAME).and_then(|folder| folder.strip_suffix('/'));
    let stamp: SnapshotId = stamp
        .and_then(|stamp| stamp.parse().ok())
        .ok_or_else(|| invalid(format!("its first entry is not the metadata of a snapshot but `{name}`")))?;
    let size = entry.header().size().map_err(|error| unreadable(&error))?;
    if entry.header().entry_type() != EntryType::Regular || size > LIMIT_BYTES {
        return Err(invalid("its metadata is not a file of reasonable size"));
    }
    let mut bytes = Vec::new();
    let _read = entry.read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    let reading =
        manifest::read(&bytes).map_err(|why| invalid(format!("its metadata is not JSON: {why}")))?;
    let manifest = reading.manifest.map_err(|why| match why {
        ManifestError::Newer { found } => {
            BackupError::Newer { stamp, found, known: manifest::FORMAT_VERSION }
        }
        ManifestError::Shape(_) => invalid(format!("its metadata cannot be read: {why}")),
    })?;
    if let Some(record) = &manifest.atocore
        && let Some(file) = record.files.iter().find(|file| !manifest.has_part(file.path.as_str()))
    {
        return Err(invalid(format!(
            "its metadata records `{}`, which is not part of a snapshot",
            file.path
        )));
    }
    let record = manifest.atocore.ok_or(BackupError::NoDigests(stamp))?;
    if reading.intact != Some(true) {
        return Err(invalid("its metadata is not what was written"));
    }
    Ok((stamp, bytes, record))
}

/// Refuses an archive where another snapshot has its stamp.
fn refuse_another(path: &Path, stamp: SnapshotId, bytes: &[u8]) -> Result<(), BackupError> {
    match metadata_file(path) {
        MetadataFile::Bytes(there) if there == bytes => Ok(()),
        _ => Err(BackupError::SnapshotExists(stamp)),
    }
}

fn refuse_what_does_not_fit(
    directory: &SnapshotDirectory,
    record: &SnapshotRecord,
) -> Result<(), BackupError> {
    let sizes = record.files.iter().map(|file| file.size_bytes);
    let needed_bytes = sizes.fold(SLACK_BYTES, u64::saturating_add);
    let available_bytes = files::free_bytes(directory.dir())?;
    if available_bytes < needed_bytes {
        let place = directory.dir().to_owned();
        return Err(BackupError::NotEnoughSpace { place, needed_bytes, available_bytes });
    }
    Ok(())
}

fn name_of<R: Read>(entry: &Entry<'_, R>) -> Result<String, BackupError> {
    let name = entry.path_bytes();
    String::from_utf8(name.into_owned()).map_err(|_| invalid("a name in it is not UTF-8"))
}

/// What may still come, and where it goes.
struct Importer<'a> {
    stamp: SnapshotId,
    /// `None` when it is only compared with its record.
    dir: Option<&'a Path>,
    awaited: BTreeMap<&'a str, &'a FileRecord>,
    /// The folders that recorded files lie in.
    parents: BTreeSet<&'a str>,
    folders: BTreeSet<String>,
    done: u64,
    monitor: &'a dyn Monitor,
}

impl<'a> Importer<'a> {
    fn new(
        stamp: SnapshotId,
        dir: Option<&'a Path>,
        record: &'a SnapshotRecord,
        monitor: &'a dyn Monitor,
    ) -> Self {
        let awaited = record.files.iter().map(|file| (file.path.as_str(), file)).collect();
        let parents = record.files.iter().flat_map(|file| {
            let path = file.path.as_str();
            path.match_indices('/').map(move |(end, _)| &path[..end])
        });
        let (parents, folders) = (parents.collect(), BTreeSet::new());
        Self { stamp, dir, awaited, parents, folders, done: 0, monitor }
    }

    fn take<R: Read>(&mut self, entry: Entry<'_, R>) -> Result<(), BackupError> {
        let name = name_of(&entry)?;
        let shown = || name.escape_debug().to_string();
        let refuse = |what: &str| invalid(format!("`{}` in it {what}", shown()));
        let below = entry_name(self.stamp, "");
        let path = name.strip_prefix(&below).ok_or_else(|| refuse("is not in the folder of the snapshot"))?;
        match entry.header().entry_type() {
            EntryType::Directory => self
                .make_folder(path.strip_suffix('/').unwrap_or(path))
                .ok_or_else(|| refuse("is not a folder that a snapshot has"))?,
            EntryType::Regular => {
                let file =
                    self.awaited.remove(path).ok_or_else(|| refuse("is not recorded, or there twice"))?;
                let size = entry.header().size().map_err(|error| unreadable(&error))?;
                if size != file.size_bytes {
                    return Err(refuse(&format!("has {size} bytes, {} are recorded", file.size_bytes)));
                }
                self.write(entry, file)
            }
            _ => Err(refuse("is neither a file nor a folder")),
        }
    }

    /// `None` for a folder that no snapshot has; else the result of making it.
    fn make_folder(&mut self, path: &str) -> Option<Result<(), BackupError>> {
        let checked = recordable(path)?;
        let top = path.split('/').next().unwrap_or_default();
        if !self.parents.contains(path) {
            if top != "chroma" || self.folders.len() >= MOST_FOLDERS {
                return None;
            }
            let _new = self.folders.insert(path.to_owned());
        }
        let made = self.dir.map_or(Ok(()), |dir| files::create_dirs(&dir.join(checked.as_str())));
        Some(made.map_err(BackupError::from))
    }

    fn write<R: Read>(&mut self, mut entry: Entry<'_, R>, file: &FileRecord) -> Result<(), BackupError> {
        let target = self.dir.map(|dir| dir.join(file.path.as_str()));
        let mut out = target.as_deref().map(new_file).transpose()?;
        let mut hasher = blake3::Hasher::new();
        let mut piece = vec![0; 1 << 18];
        loop {
            proceed(self.monitor)?;
            let read = entry.read(&mut piece).map_err(|error| unreadable(&error))?;
            if read == 0 {
                break;
            }
            let _hasher = hasher.update(&piece[..read]);
            if let (Some(out), Some(target)) = (&mut out, &target) {
                out.write_all(&piece[..read]).map_err(|source| files::FileError {
                    action: "write",
                    path: target.clone(),
                    source,
                })?;
            }
            self.done += read as u64;
            self.monitor.progress(Progress {
                phase: "reading the archive".into(),
                done: self.done,
                total: None,
            });
        }
        if hasher.count() != file.size_bytes
            || Digest::from_bytes(*hasher.finalize().as_bytes()) != file.digest
        {
            return Err(invalid(format!("`{}` in it is not the file that was recorded", file.path)));
        }
        let _size = out.map(NewFile::finish).transpose()?;
        Ok(())
    }

    fn finish(self) -> Result<(), BackupError> {
        match self.awaited.keys().next() {
            Some(missing) => Err(invalid(format!("`{missing}` is missing in it"))),
            None => Ok(()),
        }
    }
}

/// A file with the folders that it lies in.
fn new_file(path: &Path) -> Result<NewFile, BackupError> {
    files::create_dirs(path.parent().unwrap_or(path))?;
    Ok(NewFile::create(path)?)
}

/// Reads to the end, so that the compression's own check is made; nothing but filling may come.
fn refuse_more(rest: &mut impl Read) -> Result<(), BackupError> {
    let mut filling = Vec::new();
    let _read = rest.take(MOST_FILLING + 1).read_to_end(&mut filling).map_err(|error| unreadable(&error))?;
    if filling.len() as u64 > MOST_FILLING || filling.iter().any(|byte| *byte != 0) {
        return Err(invalid("something follows after its end"));
    }
    Ok(())
}
