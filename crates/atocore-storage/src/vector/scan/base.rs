//! `vectors.base`: all vectors of one state of the store, in an immutable file that is read into memory.
//!
//! The file: a header with the dimensions and the fingerprint; the components of all vectors; the rest of all documents;
//! how many bytes the components are, and the version; the digest of all that.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use atocore_model::{digest::Digest, id::StoreVersion};
use memmap2::Mmap;

use super::{
    bytes::{self, Bytes},
    document::{Entries, KEY_BYTES, QuantizedDocument},
    log,
};
use crate::{
    files::{
        self, FileError, Kind,
        sealed::{self, ContentStamp, SEAL_BYTES, SealedFile},
        stream,
    },
    vector::{VectorError, VectorSpace},
};

/// Goes up with every change of any file of the index or of how vectors are quantised; an index of another version is
/// rebuilt. The first version had several files of vectors and a manifest.
const FORMAT_VERSION: u32 = 2;
/// What the file begins with.
const MAGIC: &[u8; 8] = b"atovecs\0";
const NAME: &str = "vectors.base";
/// A line of the cache, so that vectors of usual lengths begin with one.
const HEADER_BYTES: usize = 64;
/// The bytes of the components, and the version.
const FOOTER_BYTES: usize = 8 + 16;
/// Vectors that a thread takes at a time when a search is shared, about: small enough that all end together.
const PIECE_VECTORS: usize = 16_384;

/// Where the file lies.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// The file in memory. A memory map would end the process when the file is cut or its disk fails.
pub(super) struct VectorBase {
    bytes: Mmap,
    /// What the file was when it was read.
    pub(super) stamp: ContentStamp,
    /// The digest of what is in it.
    pub(super) digest: Digest,
    pub(super) space: VectorSpace,
    pub(super) version: StoreVersion,
    /// Those of a project together.
    pub(super) rows: Vec<Row>,
    /// Which row a document has.
    pub(super) row_of: HashMap<u64, usize>,
    pub(super) pieces: Vec<Piece>,
}

/// A document of the base.
pub(super) struct Row {
    pub(super) document_key: u64,
    pub(super) project: Arc<str>,
    pub(super) vectors: usize,
    /// Where their components are in the file, and where the rest is.
    codes_at: usize,
    rest_at: usize,
}

/// Rows of one project that a thread takes together.
pub(super) struct Piece {
    pub(super) rows: Range<usize>,
    pub(super) vectors: usize,
}

impl VectorBase {
    /// Reads the file of that content, after comparing it with its digest where this process has not done so before.
    pub(super) fn open(dir: &Path, stamp: ContentStamp) -> Result<Self, VectorError> {
        let path = path(dir);
        let failed = |error| VectorError::from_opening(dir, error);
        let start = stream::head(&path, HEADER_BYTES as u64).map_err(failed)?;
        if let Some(found) = start.strip_prefix(MAGIC).and_then(|rest| rest.first_chunk())
            && u32::from_le_bytes(*found) != FORMAT_VERSION
        {
            let found = u32::from_le_bytes(*found);
            let why = format!("it has format {found}, this version of AtoCore has {FORMAT_VERSION}");
            return Err(VectorError::Damaged { dir: dir.to_owned(), why });
        }
        let bytes = sealed::read_whole(&path, stamp).map_err(failed)?;
        bytes.and_then(|bytes| Self::of(bytes, stamp)).ok_or_else(|| damaged(dir))
    }

    /// What the bytes say; `None` when they are no index.
    fn of(bytes: Mmap, stamp: ContentStamp) -> Option<Self> {
        let (content, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL_BYTES)?)?;
        let digest = Digest::from_bytes(seal.try_into().ok()?);
        let (content, footer) = content.split_at_checked(content.len().checked_sub(FOOTER_BYTES)?)?;
        let mut footer = Bytes(footer);
        let (codes_bytes, version) = (footer.size()?, footer.version()?);
        let mut rest = Bytes(content);
        let start = rest.take(HEADER_BYTES)?;
        let dimensions = u32::from_le_bytes(start[12..16].try_into().ok()?) as usize;
        let fingerprint = Digest::from_bytes(start[16..48].try_into().ok()?);
        let space = VectorSpace { dimensions, fingerprint };
        if start != header(space) {
            return None;
        }
        let mut codes = Bytes(rest.take(codes_bytes)?);
        let (mut rows, mut row_of) = (Vec::<Row>::new(), HashMap::new());
        let mut projects = HashSet::<Arc<str>>::new();
        while !rest.0.is_empty() {
            let codes_at = HEADER_BYTES + codes_bytes - codes.0.len();
            let document = QuantizedDocument::read(&mut codes, &mut rest, dimensions)?;
            let project = projects.get(document.project).cloned().unwrap_or_else(|| document.project.into());
            let _new = projects.insert(Arc::clone(&project));
            let (document_key, vectors) = (document.document_key, document.entries.len());
            let rest_at = content.len() - rest.0.len() - vectors * KEY_BYTES;
            if let Some(former) = row_of.insert(document_key, rows.len()) {
                rows[former].vectors = 0;
            }
            rows.push(Row { document_key, project, vectors, codes_at, rest_at });
        }
        rows.retain(|row| row.vectors > 0);
        rows.sort_by(|one, other| one.project.cmp(&other.project));
        let row_of = rows.iter().enumerate().map(|(at, row)| (row.document_key, at)).collect();
        let pieces = pieces(&rows);
        Some(Self { bytes, stamp, digest, space, version, rows, row_of, pieces })
    }

    /// The document of a row: what it was when the file was read, or nothing.
    #[inline(always)]
    pub(super) fn document<'b>(&'b self, row: &'b Row) -> Option<QuantizedDocument<'b>> {
        let (dimensions, mut rest) = (self.space.dimensions, Bytes(self.bytes.get(row.rest_at..)?));
        let codes = Bytes(self.bytes.get(row.codes_at..)?).take(row.vectors * dimensions)?;
        let (steps, chunk_keys) = (rest.pieces(row.vectors)?, rest.pieces(row.vectors)?);
        let entries = Entries { codes, steps, chunk_keys, dimensions };
        Some(QuantizedDocument { document_key: row.document_key, project: &row.project, entries })
    }
}

/// What is said of a file that is not what was written.
pub(super) fn damaged(dir: &Path) -> VectorError {
    VectorError::Damaged { dir: dir.to_owned(), why: format!("its file `{NAME}` is damaged") }
}

fn header(space: VectorSpace) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    // Dimensions are limited far below what fits.
    let numbers = [FORMAT_VERSION.to_le_bytes(), (space.dimensions as u32).to_le_bytes()].concat();
    let fields = MAGIC.iter().chain(&numbers).chain(space.fingerprint.as_bytes());
    header.iter_mut().zip(fields).for_each(|(byte, field)| *byte = *field);
    header
}

fn pieces(rows: &[Row]) -> Vec<Piece> {
    let mut pieces = Vec::<Piece>::new();
    for (at, row) in rows.iter().enumerate() {
        match pieces.last_mut() {
            Some(last) if last.vectors < PIECE_VECTORS && rows[last.rows.start].project == row.project => {
                last.rows.end = at + 1;
                last.vectors += row.vectors;
            }
            _ => pieces.push(Piece { rows: at..at + 1, vectors: row.vectors }),
        }
    }
    pieces
}

/// The next base while its documents are handed over: their components go into the file at once. Nothing of it is
/// visible before it is published; dropped before, it leaves nothing behind.
pub(super) struct BaseWriter {
    file: SealedFile,
    codes_bytes: usize,
    rest: Vec<u8>,
    documents: HashSet<u64>,
}

impl BaseWriter {
    pub(super) fn create(dir: &Path, space: VectorSpace) -> Result<Self, FileError> {
        let mut file = SealedFile::create(&path(dir))?;
        file.write(&header(space))?;
        Ok(Self { file, codes_bytes: 0, rest: Vec::new(), documents: HashSet::new() })
    }

    /// Takes over documents, those of a project together; the last time counts when one comes again.
    pub(super) fn put(&mut self, mut documents: Vec<QuantizedDocument<'_>>) -> Result<(), FileError> {
        documents.sort_by_key(|document| (document.project, document.document_key));
        for document in documents {
            self.file.write(document.entries.codes)?;
            self.codes_bytes += document.entries.codes.len();
            document.write_rest(&mut self.rest);
            let _new = self.documents.insert(document.document_key);
        }
        Ok(())
    }

    /// Whether a document was handed over, be it without vectors.
    pub(super) fn has(&self, document_key: u64) -> bool {
        self.documents.contains(&document_key)
    }

    /// Puts it in the place of the present base, whose log is removed. Refused where a folder that holds something has
    /// the name of either.
    pub(super) fn publish(mut self, dir: &Path, version: StoreVersion) -> Result<(), FileError> {
        let (path, log) = (path(dir), log::path(dir));
        self.file.write(&self.rest)?;
        self.file.write(&(self.codes_bytes as u64).to_le_bytes())?;
        self.file.write(&bytes::of_version(version))?;
        for name in [&path, &log] {
            if files::kind(name)? == Some(Kind::Folder) {
                files::remove_empty_folder(name)?;
            }
        }
        self.file.publish()?;
        // It says nothing behind another base; what cannot be removed leads to another base the next time.
        drop(files::remove_file(&log));
        Ok(())
    }
}
