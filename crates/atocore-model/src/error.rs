//! Every error that an interface can report: one code each, and the kind that decides its status and exit code.

/// What sort of trouble it is. HTTP status and exit code follow from this alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is wrong and can be corrected by whoever sent it.
    Usage,
    /// What was named does not exist.
    NotFound,
    /// It collides with what is already there.
    Conflict,
    /// Not allowed through this interface.
    Forbidden,
    /// Somebody else is at work; trying again later helps.
    Busy,
    /// The request is larger than its limit.
    TooLarge,
    /// The body is of a type that is not read here.
    UnsupportedMedia,
    /// The disk has no room.
    Full,
    /// The caller cancelled.
    Cancelled,
    /// Something on this machine is not as it must be.
    Broken,
}

/// Declares the table of codes. Append only: clients match on the words.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $kind:ident;)*) => {
        /// The stable code of an error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum ErrorCode { $($(#[$doc])* #[serde(rename = $code)] $variant,)* }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word that clients match on.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What sort of trouble it is.
            #[must_use]
            pub const fn kind(self) -> ErrorKind {
                match self { $(Self::$variant => ErrorKind::$kind,)* }
            }
        }
    };
}

codes! {
    /// A part of the request has a value it cannot have.
    InvalidRequest = "invalid_request", Usage;
    /// A setting has a value it cannot have, or is unknown.
    InvalidSetting = "invalid_setting", Usage;
    /// A snapshot was named by something that is not a stamp.
    InvalidStamp = "invalid_stamp", Usage;
    /// No project has that id or alias.
    ProjectUnknown = "project_unknown", NotFound;
    /// A project with that id exists already.
    ProjectExists = "project_exists", Conflict;
    /// The id or alias already names another project.
    NameTaken = "name_taken", Conflict;
    /// The folder already belongs to another project.
    RootTaken = "root_taken", Conflict;
    /// The folder cannot be used as a root.
    RootUnusable = "root_unusable", Usage;
    /// A request over the network named a folder outside the configured ones.
    RootForbidden = "root_forbidden", Forbidden;
    /// The registry file is not what it must be.
    RegistryInvalid = "registry_invalid", Broken;
    /// No snapshot has that stamp.
    SnapshotUnknown = "snapshot_unknown", NotFound;
    /// A snapshot is not whole.
    SnapshotDamaged = "snapshot_damaged", Broken;
    /// The place to restore to is not empty.
    TargetNotEmpty = "target_not_empty", Conflict;
    /// Another process owns the store.
    StoreBusy = "store_busy", Busy;
    /// Ingestion or a snapshot is running, and the wait for it ended.
    IngestionBusy = "ingestion_busy", Busy;
    /// There is no store yet.
    StoreMissing = "store_missing", NotFound;
    /// The store was written by a newer version of AtoCore.
    StoreNewer = "store_newer", Broken;
    /// The store cannot be read.
    StoreDamaged = "store_damaged", Broken;
    /// The SQLite library is one that can damage a store.
    SqliteTooOld = "sqlite_too_old", Broken;
    /// The lexical index cannot be used.
    IndexUnavailable = "index_unavailable", Broken;
    /// The wait for a generation ended before it could be seen.
    GenerationNotReached = "generation_not_reached", Conflict;
    /// The disk has no room.
    DiskFull = "disk_full", Full;
    /// A file or folder could not be read or written.
    Io = "io", Broken;
    /// The caller cancelled.
    Cancelled = "cancelled", Cancelled;
    /// The address to listen on cannot be used.
    AddressUnusable = "address_unusable", Broken;
    /// The running server could not be reached.
    ServerUnreachable = "server_unreachable", Busy;
    /// No such path in the API.
    RouteUnknown = "route_unknown", NotFound;
    /// The path exists, the method does not.
    MethodUnknown = "method_not_allowed", Usage;
    /// The request is larger than its limit.
    RequestTooLarge = "request_too_large", TooLarge;
    /// The body is not JSON by its content type.
    MediaType = "unsupported_media_type", UnsupportedMedia;
    /// The Host or Origin of the request is not one of this server.
    OriginForbidden = "origin_forbidden", Forbidden;
    /// The API token is missing or wrong.
    TokenRequired = "token_required", Forbidden;
    /// A fault in AtoCore itself.
    Internal = "internal", Broken;
    /// The store has moved on since the plan was made.
    PlanOutdated = "plan_outdated", Conflict;
    /// What was asked for needs a model, and there is none.
    ModelMissing = "model_missing", NotFound;
    /// The files of the model are not what they must be.
    ModelDamaged = "model_damaged", Broken;
    /// A model could not be fetched.
    ModelNotFetched = "model_not_fetched", Broken;
    /// A restore was cut short, and only a process that may write can finish it.
    RestorePending = "restore_pending", Busy;
    /// There is no restore that could be undone.
    NothingToUndo = "nothing_to_undo", NotFound;
    /// A file is no archive of a whole snapshot.
    ArchiveInvalid = "archive_invalid", Usage;
    /// Another snapshot has the stamp of the one to import.
    SnapshotExists = "snapshot_exists", Conflict;
    /// An archive is encrypted, and none of the given keys opens it.
    ArchiveEncrypted = "archive_encrypted", Usage;
    /// No job has that id.
    JobUnknown = "job_unknown", NotFound;
    /// What was asked for needs the server of the vectors, which is of no use at present.
    VectorsUnavailable = "vectors_unavailable", Busy;
    /// No fact has that id, or nothing is recorded under that category and key.
    FactUnknown = "fact_unknown", NotFound;
    /// A memory cannot become that from what it is now.
    MemoryConflict = "memory_conflict", Conflict;
    /// No change has that number.
    ChangeUnknown = "change_unknown", NotFound;
    /// No question with that number is kept, or none at all.
    QuestionUnknown = "question_unknown", NotFound;
    /// The fact was changed again after the change that is to be taken back.
    ChangeOvertaken = "change_overtaken", Conflict;
    /// A Chroma server runs on the folder that a restore would replace.
    VectorServerRunning = "vector_server_running", Busy;
    /// No document or passage has that id, or lies at that path.
    DocumentUnknown = "document_unknown", NotFound;
    /// This server remembers no such context pack.
    PackUnknown = "pack_unknown", NotFound;
    /// A file of the store was removed, replaced or hidden while this process had it open; nothing is written any more.
    StoreGone = "store_gone", Broken;
    /// The backup directory is not what it was, or would be made where a disk is not mounted.
    BackupDirectoryGone = "backup_directory_gone", Broken;
    /// The client takes no form in which there is an answer.
    NotAcceptable = "not_acceptable", Usage;
}

/// An error and what caused it, in one line. A cause that the words before it end with already is not said again.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some libraries repeat their cause in their own words.
        if !words.ends_with(&said) {
            words.push_str(": ");
            words.push_str(&said);
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_words() {
        let mut words: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert!(words.iter().all(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ErrorCode::ALL.len());
    }

    #[test]
    fn causes_are_named_once() {
        #[derive(Debug)]
        struct WithSource(&'static str, std::io::Error);
        impl std::fmt::Display for WithSource {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.0)
            }
        }
        impl std::error::Error for WithSource {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.1)
            }
        }
        for words in ["`a.md` cannot be read", "`a.md` cannot be read: it is gone"] {
            let error = WithSource(words, std::io::Error::other("it is gone"));
            assert_eq!(with_causes(&error), "`a.md` cannot be read: it is gone");
        }
    }
}
