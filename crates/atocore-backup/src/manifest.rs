//! `backup-metadata.json`: exact keys, types and order; the digest over itself; the limits of what is read.
//!
//! The outer keys are those of the contract and may be missing in what other programs wrote; everything of ours lies
//! in the one object `atocore`, which is read strictly.

use std::collections::HashSet;

use atocore_model::{digest::Digest, path::SourcePath};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::BackupError;

/// The format that is written.
pub const FORMAT_VERSION: u32 = 1;

/// The oldest format that is read. Metadata without an `atocore` object, as the original wrote it, is read too.
pub const OLDEST_READABLE: u32 = 1;

/// The name of the file, at the top of a snapshot.
pub const FILE_NAME: &str = "backup-metadata.json";

/// The file of a snapshot with the questions and answers that a restored copy must repeat. No part of an installation.
pub const GOLDEN_QUERIES: &str = "canaries.json";

/// Larger metadata is not read: what it takes in memory is a multiple of its size.
pub const LIMIT_BYTES: u64 = 16 << 20;

/// What stands in place of the digest while the digest is computed.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The metadata of a snapshot, as it stands in its `backup-metadata.json`.
///
/// Absolute paths are those of the moment it was taken, for people; where a file lies now follows from where the snapshot
/// lies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SnapshotMetadata)]
pub struct Manifest {
    /// When the recovery point was taken: ISO 8601 with offset, microseconds.
    #[schema(required = true)]
    pub created_at: String,
    /// Absolute path of the snapshot directory.
    #[schema(required = true)]
    pub backup_root: String,
    /// Absolute path of the database copy.
    #[schema(required = true)]
    pub db_snapshot_path: String,
    /// Size of the database copy in bytes.
    #[schema(required = true)]
    pub db_size_bytes: u64,
    /// Absolute path of the registry copy; empty when there was no registry file.
    #[schema(required = true)]
    pub registry_snapshot_path: String,
    /// Absolute path of the copy of the vector store; empty when none was made.
    #[schema(required = true)]
    pub chroma_snapshot_path: String,
    /// Size of the copy of the vector store in bytes.
    #[schema(required = true)]
    pub chroma_snapshot_bytes: u64,
    /// Number of files in the copy of the vector store.
    #[schema(required = true)]
    pub chroma_snapshot_files: u64,
    /// Whether a copy of the vector store is in the snapshot.
    #[schema(required = true)]
    pub chroma_snapshot_included: bool,
    /// One sentence about the vector store for a person.
    #[schema(required = true)]
    pub vector_store_note: String,
    /// What AtoCore records beyond that: format, program, store generation, row counts, the digest of every file. In the
    /// answer to taking it, `notices` says why it cannot be proven by its answers, when that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub atocore: Option<SnapshotRecord>,
}

/// What makes a snapshot provable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotRecord {
    /// The format of the snapshot.
    pub format_version: u32,
    /// The program that wrote it.
    pub program_version: String,
    /// The schema of the database.
    pub schema_version: u32,
    /// The name of the store.
    pub store_id: String,
    /// The generation of the store: the last change that the snapshot holds.
    pub generation: u64,
    /// The token of that generation, 16 hexadecimal digits: two stores with the same generation and token had the
    /// same content at it.
    pub token: String,
    /// The model and settings of the vectors in the database; null when there are none.
    pub vector_fingerprint: Option<String>,
    /// How many rows the database holds.
    pub counts: Counts,
    /// What the copy of the vector store holds, when it is that of a Chroma server in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<CollectionRecord>,
    /// Every file of the snapshot except the metadata, sorted by path.
    pub files: Vec<FileRecord>,
    /// BLAKE3 of the metadata file with 64 zeros in this place.
    pub metadata_blake3: String,
    /// What there is to say of a snapshot that was just taken; never in the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// Rows in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Documents.
    pub documents: u64,
    /// Passages.
    pub chunks: u64,
    /// Lines of the operation log.
    pub operations: u64,
    /// Vectors, of all models; 0 in a snapshot from before there were any.
    #[serde(default)]
    pub vectors: u64,
    /// Entries of project state; 0, as all that follow, in a snapshot from before there were facts.
    #[serde(default)]
    pub project_state: u64,
    /// Memories.
    #[serde(default)]
    pub memories: u64,
    /// Interactions.
    #[serde(default)]
    pub interactions: u64,
    /// Lines of the journal of facts.
    #[serde(default)]
    pub fact_changes: u64,
}

/// The collection of a Chroma server as it is in the copy of the vector store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectionRecord {
    /// In which form.
    pub form: CollectionForm,
    /// The tenant it belongs to.
    pub tenant: String,
    /// The database of the tenant.
    pub database: String,
    /// Its name.
    pub name: String,
    /// The generation of the store that it holds: that of the snapshot, or an earlier one.
    pub generation: u64,
    /// The token of that generation, as in [`SnapshotRecord::token`].
    pub token: String,
    /// How many records it has.
    pub records: u64,
}

/// How a collection is kept in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CollectionForm {
    /// As the files of the server.
    Directory,
    /// As what the server has told of it. Not restored: the collection is made anew of the database.
    Export,
}

/// One file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ManifestFileText", into = "ManifestFileText")]
pub struct FileRecord {
    /// Where it lies below the snapshot.
    pub path: SourcePath,
    /// Its size.
    pub size_bytes: u64,
    /// Its BLAKE3 digest.
    pub digest: Digest,
}

/// A [`FileRecord`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestFileText {
    path: String,
    size_bytes: u64,
    blake3: String,
}

impl From<FileRecord> for ManifestFileText {
    fn from(file: FileRecord) -> Self {
        Self { path: file.path.to_string(), size_bytes: file.size_bytes, blake3: file.digest.to_string() }
    }
}

impl TryFrom<ManifestFileText> for FileRecord {
    type Error = String;

    fn try_from(text: ManifestFileText) -> Result<Self, String> {
        let path = recordable(&text.path)
            .ok_or_else(|| format!("`{}` is not a path below a snapshot", text.path))?;
        let digest = text.blake3.parse().map_err(|error| format!("{error}"))?;
        Ok(Self { path, size_bytes: text.size_bytes, digest })
    }
}

/// The path of a file as it can stand in a record: below the snapshot on every platform, in its normal form.
pub(crate) fn recordable(text: &str) -> Option<SourcePath> {
    let path: SourcePath = text.parse().ok()?;
    (path.as_str() == text && !text.is_empty() && !text.contains('\\') && text != FILE_NAME).then_some(path)
}

/// Where a part of a snapshot lies by its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordedPath {
    /// The snapshot has no such part.
    NotRecorded,
    /// What is recorded does not name a file that could lie in the snapshot.
    Unusable,
    /// Below the snapshot.
    At(SourcePath),
}

impl RecordedPath {
    /// The file in `folder` that the last part of a recorded path names, whatever the platform that recorded it.
    fn of(recorded: &str, folder: &str) -> Self {
        if recorded.is_empty() {
            return Self::NotRecorded;
        }
        let name = recorded.rsplit(['/', '\\']).next().unwrap_or_default();
        match recordable(&format!("{folder}/{name}")) {
            Some(path) if path.file_name() == name && !name.is_empty() => Self::At(path),
            _ => Self::Unusable,
        }
    }
}

impl Manifest {
    /// Where the database copy lies.
    #[must_use]
    pub fn database(&self) -> RecordedPath {
        RecordedPath::of(&self.db_snapshot_path, "db")
    }

    /// Where the registry copy lies.
    #[must_use]
    pub fn registry(&self) -> RecordedPath {
        RecordedPath::of(&self.registry_snapshot_path, "config")
    }

    /// Whether a copy of the vector store is recorded; it always lies in `chroma/`.
    #[must_use]
    pub fn has_vector_store(&self) -> bool {
        !self.chroma_snapshot_path.is_empty()
    }

    /// The collection of a Chroma server in the copy of the vector store; `None` when none is recorded.
    #[must_use]
    pub fn collection(&self) -> Option<&CollectionRecord> {
        self.atocore.as_ref().and_then(|record| record.collection.as_ref())
    }

    /// Whether something recorded under that path is a part of a snapshot: what no restore knows a place for is none.
    pub(crate) fn has_part(&self, path: &str) -> bool {
        let is = |place: RecordedPath| matches!(place, RecordedPath::At(at) if at.as_str() == path);
        is(self.database()) || is(self.registry()) || path == GOLDEN_QUERIES || path.starts_with("chroma/")
    }

    /// Whether a restore puts the copy of the vector store in place.
    #[must_use]
    pub fn restores_vector_store(&self) -> bool {
        let is_export = |collection: &CollectionRecord| collection.form == CollectionForm::Export;
        self.has_vector_store() && !self.collection().is_some_and(is_export)
    }

    /// Records the digest over the metadata itself and returns the bytes of the file.
    ///
    /// # Errors
    /// When the file would be larger than [`LIMIT_BYTES`].
    pub fn seal(&mut self) -> Result<Vec<u8>, BackupError> {
        if let Some(record) = &mut self.atocore {
            NO_DIGEST.clone_into(&mut record.metadata_blake3);
        }
        let unsealed = self.to_text()?;
        if let Some(record) = &mut self.atocore {
            record.metadata_blake3 = blake3::hash(unsealed.as_bytes()).to_string();
        }
        let bytes = self.to_text()?.into_bytes();
        if bytes.len() as u64 > LIMIT_BYTES {
            let files = self.atocore.as_ref().map_or(0, |record| record.files.len());
            return Err(BackupError::MetadataTooLarge { files, bytes: bytes.len(), limit: LIMIT_BYTES });
        }
        Ok(bytes)
    }

    fn to_text(&self) -> Result<String, BackupError> {
        let text = serde_json::to_string_pretty(self).map_err(BackupError::MetadataUnwritable)?;
        Ok(ascii(&text) + "\n")
    }
}

/// Writes everything outside printable ASCII as `\uXXXX`, beyond the basic plane as a surrogate pair. Outside of its
/// strings JSON has no such characters, except line ends.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, ' '..='~' | '\n') {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

/// Metadata as it was found.
#[derive(Debug)]
pub struct ParsedManifest {
    /// The JSON value, whatever it is.
    pub value: Value,
    /// What it says.
    pub manifest: Result<Manifest, ManifestError>,
    /// Whether the digest over the metadata is right; `None` when there is none.
    pub intact: Option<bool>,
}

/// Why JSON is not metadata of a snapshot that this program understands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A key has the wrong type, is there twice, or our own part has keys that it should not.
    #[error("metadata_shape: {0}")]
    Shape(String),
    /// A newer program wrote it.
    #[error("format_newer: the snapshot has format {found}, this program reads up to {FORMAT_VERSION}")]
    Newer {
        /// Its format.
        found: u64,
    },
}

/// Reads the bytes of a metadata file.
///
/// # Errors
/// The words for a person when they are not JSON in UTF-8.
pub fn read(bytes: &[u8]) -> Result<ParsedManifest, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let manifest = interpret(&value, text);
    let intact = manifest.as_ref().ok().and_then(|manifest| manifest.atocore.as_ref());
    let intact = intact.map(|record| is_sealed(bytes, &record.metadata_blake3));
    Ok(ParsedManifest { value, manifest, intact })
}

fn interpret(value: &Value, text: &str) -> Result<Manifest, ManifestError> {
    if !value.is_object() {
        return Err(ManifestError::Shape("an object is expected".to_owned()));
    }
    // Looked at before anything else of ours: a newer format may have any shape.
    match value.pointer("/atocore/format_version").and_then(Value::as_u64) {
        Some(found) if found > u64::from(FORMAT_VERSION) => return Err(ManifestError::Newer { found }),
        Some(found) if found < u64::from(OLDEST_READABLE) => {
            return Err(ManifestError::Shape(format!("there is no format {found}")));
        }
        _ => {}
    }
    // From the text and not from the value: only there a key that stands twice can be seen.
    let manifest: Manifest =
        serde_json::from_str(text).map_err(|error| ManifestError::Shape(error.to_string()))?;
    let mut paths = HashSet::new();
    for file in manifest.atocore.iter().flat_map(|record| &record.files) {
        if !paths.insert(file.path.as_str()) {
            return Err(ManifestError::Shape(format!("`{}` is recorded twice", file.path)));
        }
    }
    Ok(manifest)
}

/// Whether `bytes` are what the digest in them was computed over.
fn is_sealed(bytes: &[u8], digest: &str) -> bool {
    let digest = digest.as_bytes();
    if digest.len() != NO_DIGEST.len() {
        return false;
    }
    let Some(start) = bytes.windows(digest.len()).rposition(|window| window == digest) else {
        return false;
    };
    let mut hasher = blake3::Hasher::new();
    let _hasher =
        hasher.update(&bytes[..start]).update(NO_DIGEST.as_bytes()).update(&bytes[start + digest.len()..]);
    hasher.finalize().to_hex().as_bytes() == digest
}

#[cfg(test)]
mod tests;
