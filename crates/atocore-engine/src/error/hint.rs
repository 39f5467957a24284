//! What helps against an error: for this one in particular, for want of rights, or for any with its code.

use std::path::Path;

use atocore_backup::error::BackupError;
use atocore_model::{error::ErrorCode, excerpt::DocumentRef, fact::MemoryStatus, id::MemoryId};
use atocore_storage::{
    files::{self, FileError},
    lexical::LexicalError,
    locks::LockError,
    registry::RegistryError,
    sqlite::{StorageError, acknowledged_file},
    vector::VectorError,
};

use super::{Error, in_words};

impl Error {
    /// What to do about it, as a command where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.disk_hint()
            .or_else(|| self.rights_hint())
            .or_else(|| self.own_hint())
            .or_else(|| hint_of(self.code()).map(str::to_owned))
    }

    /// What helps where nobody can write to the disk.
    fn disk_hint(&self) -> Option<String> {
        let file = self.file().filter(|file| file.is_on_read_only_disk())?;
        Some(format!(
            "the disk of `{}` is mounted read-only, as a system does with one that fails: see why (`dmesg`), then mount it for writing again; commands that only look work meanwhile, and `atocore backup export` and `atocore backup restore STAMP --to DIR` write to another disk",
            file.path.display()
        ))
    }

    /// Who can do it, when the rights of this process are what is missing.
    fn rights_hint(&self) -> Option<String> {
        let closed = files::closed(&self.refused()?.path)?;
        Some(format!(
            "`{}` belongs to user `{}` and has mode {:03o}: run the command as that user, or have this one given the right to read and write there",
            closed.path.display(),
            closed.owner,
            closed.mode
        ))
    }

    /// The file or folder that the system has not given the rights to, where that is what failed.
    fn refused(&self) -> Option<&FileError> {
        self.file().filter(|file| file.is_refused())
    }

    /// The file operation that failed, where it was one.
    fn file(&self) -> Option<&FileError> {
        Some(match self {
            Self::Lexical(LexicalError::Refused { source, .. })
            | Self::Vector(VectorError::Failed { source, .. }) => source,
            Self::Lock(LockError::File(error))
            | Self::Registry(RegistryError::File(error))
            | Self::Storage(StorageError::File(error))
            | Self::Backup(BackupError::File(error) | BackupError::Storage(StorageError::File(error)))
            | Self::File(error) => error,
            _ => return None,
        })
    }

    /// What to do about this error in particular, rather than about any with its code.
    fn own_hint(&self) -> Option<String> {
        let hint = match self {
            Self::Backup(error) => error.hint()?,
            Self::IndexBehind(fault) | Self::GenerationNotReached { why: Some(fault), .. } => {
                return Some(fault.hint());
            }
            Self::ProjectUnknown { near, .. } if !near.is_empty() => {
                let meant = near.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
                let all = hint_of(self.code())?;
                return Some(format!("did you mean {meant}? {all}"));
            }
            Self::NoModel(failure) => return Some(format!("`{}`", failure.hint)),
            Self::NoTokenizer(failure) => {
                return Some(format!("`{}`, or give the budget in characters", failure.hint));
            }
            Self::Vector(VectorError::Unavailable(outage)) => return Some(outage.hint.clone()),
            Self::Vector(VectorError::Missing { .. }) => {
                "`atocore index rebuild` makes the vector index anew from the store"
            }
            Self::IndexNotReady => {
                "ask again in a moment: it is being made; `atocore status` shows what is running and how far the index is"
            }
            Self::WorkerFailed(_) => {
                "what was committed is in the store, and the worker is restarted automatically; `atocore status` shows whether it works"
            }
            Self::WorkerNotStarted { .. } => {
                "let this user have more threads, or end other programs, and run it again"
            }
            Self::Registry(RegistryError::Invalid { path, faults }) if !faults.is_empty() => {
                return Some(correct_by_hand(path, &faults[0].place));
            }
            Self::DocumentUnknown { wanted: DocumentRef::Place { .. }, near: Some(near) } => {
                return Some(format!("did you mean `{near}`?"));
            }
            Self::DocumentUnknown { wanted: DocumentRef::Place { project, .. }, near: None } => {
                return Some(format!("`atocore refresh {project}` reads what is new"));
            }
            Self::MemoryDecided { id, status: from } | Self::MemoryTransition { id, from, .. } => {
                return Some(what_it_may_become(id, *from));
            }
            Self::ChangeOvertaken { last, fact, .. } => {
                return Some(format!(
                    "`atocore fact undo {last}` takes the later change back first; `atocore fact log --fact {fact}` shows all of them"
                ));
            }
            Self::Vector(VectorError::Damaged { .. }) => {
                "`atocore index rebuild` makes it anew from the store"
            }
            Self::Vector(VectorError::Failed { .. }) => {
                "see to the file or folder that is named, or to its disk; `atocore index rebuild` then makes the vector index anew from the store"
            }
            Self::Lock(LockError::Held(owner)) if owner.activity == "serve" => {
                "use that one, or stop it first"
            }
            Self::DocumentAmbiguous { .. } => "name it by its id",
            Self::LinesBeyondEnd { .. } => "ask for lines that are there, or leave them out",
            Self::NoQuestionKept => {
                "set ATOCORE_QUERY_LOG=on for `atocore serve`: the questions that it answers from then on are kept"
            }
            Self::Expectation(_) => "name documents by their paths below their roots, as a query shows them",
            Self::PassageText(_) => "name a word that tells passages from one another, or leave it out",
            Self::PathPattern { .. } => "name a folder or files: `docs/**`, `*.md`; `[[]` stands for a `[`",
            Self::StoreLost { traces, .. } => {
                return Some(format!(
                    "put the file back, or mount its disk; or `atocore backup restore latest` restores the newest snapshot, if `atocore backup list` shows one; to begin with an empty store, remove {}",
                    in_words(traces)
                ));
            }
            Self::Storage(StorageError::ChangesLost { database, .. }) => {
                return Some(format!(
                    "put the right database and its log back, if they are somewhere; or `atocore backup restore latest` restores the newest snapshot, and keeps the files that are there; or, to go on with what the database holds, remove `{}`",
                    acknowledged_file(database).display()
                ));
            }
            Self::StoreUnopened { hint, .. } => return hint.clone(),
            Self::OriginalMissing(_) => {
                "name the data folder of the original, the one with `db/atocore.db` in it"
            }
            // The store that is to be restored cannot be what it comes from.
            Self::NoSnapshot => {
                "`atocore backup import ARCHIVE` brings one in from elsewhere; `atocore backup create` takes one of a store that can be read"
            }
            Self::NotNew => {
                "take it over into a new installation, in a folder DIR that is empty or does not exist: `atocore --data-dir DIR import-original DATA_DIR`"
            }
            Self::OriginalIsOurs(_) => "`atocore backup export` and `atocore backup import` carry it",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// What can be done about a memory that cannot become what it was to, from what it is.
fn what_it_may_become(id: &MemoryId, from: MemoryStatus) -> String {
    let log = format!("`atocore fact log --fact {id}` shows who decided");
    match from {
        MemoryStatus::Candidate => format!("`atocore memory promote {id}` makes it count first"),
        MemoryStatus::Active => format!("`atocore memory invalidate {id}` takes it out; {log}"),
        MemoryStatus::Superseded => {
            format!("`atocore memory update {id} --status active` makes it count again; {log}")
        }
        // It is not revived: what made it so is taken back.
        MemoryStatus::Invalid => format!("{log}; `atocore fact undo N` takes the change N back"),
    }
}

/// What helps against a registry file that is not what it must be, from its first fault on.
fn correct_by_hand(path: &Path, place: &str) -> String {
    format!(
        "correct `{}` by hand at {place}; or `atocore backup list` shows the snapshots, and `atocore backup restore STAMP` restores one, store and registry together",
        path.display()
    )
}

/// What helps against any error with that code.
fn hint_of(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::ProjectUnknown => "`atocore project list` shows every id and alias",
        ErrorCode::ProjectExists => "`atocore project update` changes it, `atocore project show` prints it",
        ErrorCode::NameTaken | ErrorCode::RootTaken => "`atocore project list` shows what is taken",
        ErrorCode::RootUnusable => {
            "give an existing folder, `vault:SUB` below ATOCORE_VAULT_DIR, or `drive:SUB` below ATOCORE_DRIVE_DIR"
        }
        ErrorCode::RootForbidden => {
            "register it on the machine itself: `atocore project add ID --root FOLDER`"
        }
        ErrorCode::RegistryInvalid => {
            "correct the file by hand, or go back to a snapshot: `atocore backup list`, then `atocore backup restore STAMP`"
        }
        ErrorCode::StoreBusy | ErrorCode::IngestionBusy => {
            "try again when it has finished; `atocore status` shows what is running"
        }
        ErrorCode::GenerationNotReached => "ask again; `atocore status` shows how far the lexical index is",
        ErrorCode::StoreGone => {
            "nothing is written any more; put the folder back or mount its disk again, then restart this server; if that is impossible, stop it, and `atocore backup restore latest` restores the newest snapshot"
        }
        ErrorCode::StoreMissing => "`atocore project add ID --root FOLDER` and `atocore refresh ID` make one",
        ErrorCode::StoreNewer => "use the version of atocore that wrote it, or a newer one",
        ErrorCode::StoreDamaged => {
            "`atocore backup restore latest` shows what restoring the newest snapshot would change, and needs nothing of the damaged store, whose files are kept; `atocore backup list` shows the others"
        }
        ErrorCode::IndexUnavailable => "`atocore refresh --all` rebuilds the lexical index from the store",
        ErrorCode::DiskFull => "free some room and run the command again; nothing that was committed is lost",
        ErrorCode::Io => {
            "see to the file or folder that is named, or to its disk, and run the command again; nothing that was committed is lost"
        }
        ErrorCode::SnapshotUnknown | ErrorCode::InvalidStamp => "`atocore backup list` shows every stamp",
        ErrorCode::TargetNotEmpty => "name a folder that is empty or does not exist",
        ErrorCode::RestorePending => "`atocore status` as a user who may write finishes it and says so",
        ErrorCode::NothingToUndo => {
            "`atocore backup list` shows every snapshot; `atocore backup restore STAMP` restores one"
        }
        ErrorCode::FactUnknown => {
            "`atocore state list PROJECT --all`, `atocore memory list` and `atocore interaction list` show what there is"
        }
        ErrorCode::ChangeUnknown => "`atocore fact log` shows every change",
        ErrorCode::QuestionUnknown => "`atocore questions list` shows every question that is kept",
        ErrorCode::VectorServerRunning => {
            "stop the Chroma server, run the command again, and start the server afterwards; nothing was changed"
        }
        ErrorCode::DocumentUnknown => {
            "a query returns the ids of what it finds; removing or rechunking a document changes the ids of its passages"
        }
        ErrorCode::PlanOutdated => "look at the plan again; nothing was changed",
        ErrorCode::Cancelled => "run the command again to go on where it stopped",
        _ => return None,
    })
}
