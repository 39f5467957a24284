//! Opening the folder of an index, and replacing what is there when it cannot be trusted.
//!
//! Every file of the index is read and checked against its checksum before it is used, because damage in it would
//! otherwise be a wrong answer.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use tantivy::{
    Directory, Index, IndexReader, ReloadPolicy, SegmentReader, TantivyError,
    directory::{FileSlice, INDEX_WRITER_LOCK, META_LOCK},
    index::{SegmentComponent, SegmentMeta},
};

use super::{
    directory::IndexDirectory,
    error::{LexicalError, io_cause, is_refusal},
    schema::{self, Payload},
    tokenizer, writer,
};
/// The file in which the library records what belongs to the index.
const RECORD: &str = "meta.json";

/// How often an index is opened that seems damaged while somebody commits to it: what was read before and after a commit
/// does not fit together.
const TRIES: usize = 50;

/// An index that was found good, or was made new.
pub(super) struct OpenedLexicalIndex {
    pub(super) index: Index,
    pub(super) reader: IndexReader,
    /// Why what was there before was thrown away.
    pub(super) replaced: Option<String>,
}

/// Why an index was not opened.
enum LexicalIndexFault {
    /// Nothing is there.
    Missing,
    /// It is no index of this version, or not whole.
    Damaged(String),
    /// The operating system refuses; says nothing about the index.
    Refused(TantivyError),
}

impl From<TantivyError> for LexicalIndexFault {
    fn from(error: TantivyError) -> Self {
        let refused = io_cause(&error).is_some_and(|cause| is_refusal(&cause));
        if refused { Self::Refused(error) } else { Self::Damaged(error.to_string()) }
    }
}

/// Opens an index to read it beside the process that writes it.
pub(super) fn open_existing(dir: &Path) -> Result<OpenedLexicalIndex, LexicalError> {
    match try_open(dir) {
        Ok((index, reader)) => Ok(OpenedLexicalIndex { index, reader, replaced: None }),
        Err(LexicalIndexFault::Missing) => Err(LexicalError::Missing { dir: dir.to_owned() }),
        Err(LexicalIndexFault::Damaged(why)) => Err(LexicalError::Damaged { dir: dir.to_owned(), why }),
        Err(LexicalIndexFault::Refused(source)) => Err(LexicalError::from_engine(dir, "opened", source)),
    }
}

/// Opens an index to write it; makes an empty one when there is none, or none that can be used.
pub(super) fn open_or_replace(dir: &Path) -> Result<OpenedLexicalIndex, LexicalError> {
    fs::create_dir_all(dir).map_err(|source| LexicalError::from_io(dir, "opened", source))?;
    let replaced = match try_open(dir) {
        Ok((index, reader)) => return Ok(OpenedLexicalIndex { index, reader, replaced: None }),
        Err(LexicalIndexFault::Missing) => None,
        Err(LexicalIndexFault::Damaged(why)) => Some(why),
        Err(LexicalIndexFault::Refused(source)) => {
            return Err(LexicalError::from_engine(dir, "opened", source));
        }
    };
    let (index, reader) = replace(dir).map_err(|source| LexicalError::from_engine(dir, "opened", source))?;
    Ok(OpenedLexicalIndex { index, reader, replaced })
}

/// Removes the files of the folder and makes an empty index in it.
fn replace(dir: &Path) -> tantivy::Result<(Index, IndexReader)> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if is_in_the_way(&entry)? {
            let cleared = if entry.file_type()?.is_dir() { fs::remove_dir } else { fs::remove_file };
            cleared(entry.path()).map_err(|error| {
                let what = format!("`{}` is no file, and cannot be removed: {error}", entry.path().display());
                io::Error::new(error.kind(), what)
            })?;
        }
    }
    let directory = IndexDirectory::open(dir)?;
    let _only_writer = writer::retry_while_locked(|| Ok(directory.acquire_lock(&INDEX_WRITER_LOCK)?))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // A lock is on the file: whoever opens a new file of that name would not see it.
        let is_lock = entry.file_name().to_string_lossy().ends_with(".lock");
        if !is_lock && !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
        }
    }
    let (schema, _) = schema::schema();
    let index = Index::builder().schema(schema).settings(schema::settings()).open_or_create(directory)?;
    let reader = reader(&index)?;
    Ok((index, reader))
}

/// Opens what is in the folder when it is an index of this version and whole, whoever writes it meanwhile.
fn try_open(dir: &Path) -> Result<(Index, IndexReader), LexicalIndexFault> {
    if !holds_files(dir)? {
        return Err(LexicalIndexFault::Missing);
    }
    let opening = || {
        let index = Index::open(IndexDirectory::open(dir).map_err(TantivyError::from)?)?;
        let _read = check(&index)?;
        let reader = reader(&index)?;
        Ok((index, reader))
    };
    let record = || fs::read(dir.join(RECORD)).ok();
    let mut opened = caught(opening);
    for _ in 1..TRIES {
        if !matches!(opened, Err(LexicalIndexFault::Damaged(_))) {
            break;
        }
        let before = record();
        opened = caught(opening);
        if record() == before {
            break;
        }
    }
    opened
}

/// The library may panic on a file that is not what it expects.
fn caught<T>(opening: impl Fn() -> Result<T, LexicalIndexFault>) -> Result<T, LexicalIndexFault> {
    catch_unwind(AssertUnwindSafe(opening))
        .unwrap_or_else(|_| Err(LexicalIndexFault::Damaged("a file has an impossible content".to_owned())))
}

/// Whether something that is no file has the name of one of the index, where opening it may wait for ever.
fn is_in_the_way(entry: &fs::DirEntry) -> io::Result<bool> {
    let kind = entry.file_type()?;
    let is_other_folder = kind.is_dir() && !entry.file_name().to_string_lossy().contains('.');
    Ok(!kind.is_file() && !is_other_folder)
}

/// Whether the folder holds anything but locks.
fn holds_files(dir: &Path) -> Result<bool, LexicalIndexFault> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(TantivyError::from(error).into()),
    };
    let mut holds_files = false;
    for entry in entries {
        let entry = entry.map_err(TantivyError::from)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_in_the_way(&entry).map_err(TantivyError::from)? {
            return Err(LexicalIndexFault::Damaged(format!("its file `{name}` is no file")));
        }
        holds_files |= !name.ends_with(".lock");
    }
    Ok(holds_files)
}

/// Checks the version of an index, and that every file it names is there and whole. Returns the files, which are read
/// once while somebody has them.
fn check(index: &Index) -> Result<Vec<FileSlice>, LexicalIndexFault> {
    let damaged = |why: &str| Err(LexicalIndexFault::Damaged(why.to_owned()));
    // No file is removed by a writer while this is held.
    let _meta_lock = index.directory().acquire_lock(&META_LOCK).map_err(TantivyError::from)?;
    let (schema, _) = schema::schema();
    if index.schema() != schema {
        return damaged("its fields are those of another version");
    }
    let metas = index.load_metas()?;
    // The record has no checksum, and the library passes over what it does not know in it: a damaged word would be
    // deletions that are forgotten.
    let written = index.directory().atomic_read(Path::new(RECORD)).map_err(TantivyError::from)?;
    let written = serde_json::from_slice::<serde_json::Value>(&written).ok();
    if written.is_none() || written != serde_json::to_value(&metas).ok() {
        return damaged("its record is damaged");
    }
    match &metas.payload {
        Some(payload) => drop(Payload::version(payload).map_err(LexicalIndexFault::Damaged)?),
        None if metas.segments.is_empty() => {}
        None => return damaged("it has content but does not say of which state"),
    }
    let managed = index.directory().list_managed_files();
    let mut read = Vec::new();
    for segment in &metas.segments {
        for component in components(segment) {
            let path = segment.relative_path(component);
            if !managed.contains(&path) {
                return Err(LexicalIndexFault::Damaged(format!(
                    "it does not know its file `{}`",
                    path.display()
                )));
            }
            match index.directory().open_read(&path).map_err(TantivyError::from).map_err(From::from) {
                Ok(file) => read.push(file),
                Err(LexicalIndexFault::Damaged(_)) => {
                    let why = format!("its file `{}` is damaged or missing", path.display());
                    return Err(LexicalIndexFault::Damaged(why));
                }
                Err(fault) => return Err(fault),
            }
        }
    }
    let (_, fields) = schema::schema();
    for segment in index.searchable_segments()? {
        let reader = SegmentReader::open(&segment)?;
        let recorded = segment.meta();
        let agree = reader.num_docs() == recorded.num_docs()
            && reader.get_fieldnorms_reader(fields.words)?.num_docs() == recorded.max_doc()
            && recorded.has_deletes() == recorded.delete_opstamp().is_some();
        if !agree {
            return damaged("its files and its record disagree on the number of passages");
        }
    }
    Ok(read)
}

/// The files that a segment consists of.
fn components(segment: &SegmentMeta) -> impl Iterator<Item = SegmentComponent> {
    use SegmentComponent::{Delete, FastFields, FieldNorms, Positions, Postings, Store, Terms};
    let deletes = segment.has_deletes().then_some(Delete);
    [Postings, Positions, Terms, Store, FastFields, FieldNorms].into_iter().chain(deletes)
}

/// A reader that changes only when it is told to.
fn reader(index: &Index) -> tantivy::Result<IndexReader> {
    index.tokenizers().register(tokenizer::NAME, tokenizer::analyzer());
    index.reader_builder().reload_policy(ReloadPolicy::Manual).doc_store_cache_num_blocks(1).try_into()
}
