//! Stores what was read, a batch at a time, and forgets what is gone.

use std::{
    collections::BTreeSet,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use atocore_model::{
    id::Generation,
    project::Project,
    refresh::{FileCounts, FileReason, FileState, NOTHING_READ, RefreshStatus, nothing_read},
};
use atocore_storage::sqlite::{
    BookkeepingTransaction, DocumentRow, LoggedOperation, RefreshRecord, StorageError, WriteTransaction,
};
use serde_json::json;

use super::{
    Ingestion, Reports,
    mounts::LostFolder,
    plan::{Plan, ToRead},
    reach::ReachableRoots,
    read::{self, ReadOutcome},
};
use crate::{error::Error, projects::roots, status::FileProblem};

/// A batch is committed when it has this many documents, or when this much time has gone by: a commit costs a sync
/// of the disk.
const BATCH_DOCUMENTS: usize = 512;
const BATCH_TIME: Duration = Duration::from_millis(400);

/// How many files with a problem are kept for `status`.
const PROBLEMS_KEPT: usize = 200;

/// Carries the plan out and returns the generation in which all of it can be seen.
pub(super) fn carry_out(
    ingestion: &Ingestion<'_>,
    project: &Project,
    reach: &ReachableRoots,
    mut plan: Plan,
    reports: &mut Reports,
) -> Result<Generation, Error> {
    let to_read = std::mem::take(&mut plan.to_read);
    let (sender, results) = mpsc::sync_channel(read::AHEAD);
    let mut emptied = thread::scope(|scope| {
        scope.spawn(|| {
            let sender = sender;
            read::read_all(ingestion, reach, &to_read, &sender);
        });
        store_all(ingestion, (project, reach), &to_read, results, reports, &mut plan)
    })?;
    if ingestion.monitor.cancelled() {
        return Err(Error::Cancelled);
    }
    // So many may have turned out to be no documents any more, or to have no text, that it cannot be meant either.
    let missed = emptied.iter().filter_map(|(place, _)| to_read[*place].known.as_ref());
    for (root, skip) in ingestion.losses(&plan.losses, plan.vanished.iter().chain(missed), reach) {
        let is_of_another = |row: &DocumentRow| reach.counted_for(row) != Some(root);
        plan.vanished.retain(is_of_another);
        emptied.retain(|(place, _)| to_read[*place].known.as_ref().is_some_and(is_of_another));
        reports.roots[root].skipped = Some(skip);
    }
    store_batch(ingestion, (project, reach), &to_read, emptied, reports, &mut plan)?;
    let generation = finish(ingestion, project, (reach, &plan.lost), &plan.vanished, reports)?;
    let seen = ingestion.store.read(|read| read.last_document_change())?;
    if let Some(indexer) = ingestion.lexical_indexer {
        indexer.wait_for(seen, None)?;
    }
    Ok(generation)
}

/// Stores what is read as it comes, and returns instead what would leave documents without any text. A document whose
/// file is no longer one joins those that have vanished. Takes `results`, so that the readers stop when this fails.
fn store_all(
    ingestion: &Ingestion<'_>,
    (project, reach): (&Project, &ReachableRoots),
    to_read: &[ToRead],
    results: Receiver<(usize, ReadOutcome)>,
    reports: &mut Reports,
    plan: &mut Plan,
) -> Result<Vec<(usize, ReadOutcome)>, Error> {
    let mut batch: Vec<(usize, ReadOutcome)> = Vec::new();
    let mut emptied = Vec::new();
    let mut began = Instant::now();
    let mut done = 0;
    loop {
        let left = BATCH_TIME.saturating_sub(began.elapsed());
        let ended = match results.recv_timeout(left) {
            Ok(result) => {
                let known = result.1.without_text(&to_read[result.0]);
                let had_text = |known: &DocumentRow| read::had_text(ingestion.store, known);
                let empties = known.map(had_text).transpose()?.unwrap_or(false);
                if empties { &mut emptied } else { &mut batch }.push(result);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        if ended || batch.len() >= BATCH_DOCUMENTS || began.elapsed() >= BATCH_TIME {
            done += batch.len();
            store_batch(ingestion, (project, reach), to_read, std::mem::take(&mut batch), reports, plan)?;
            ingestion.progress("reading documents", done, Some(to_read.len()));
            began = Instant::now();
        }
        if ended {
            return Ok(emptied);
        }
    }
}

fn store_batch(
    ingestion: &Ingestion<'_>,
    (project, reach): (&Project, &ReachableRoots),
    to_read: &[ToRead],
    mut batch: Vec<(usize, ReadOutcome)>,
    reports: &mut Reports,
    plan: &mut Plan,
) -> Result<(), Error> {
    batch.sort_by_key(|(place, _)| *place);
    let restamp = |books: &BookkeepingTransaction<'_>| {
        batch.iter().try_for_each(|(place, outcome)| restamp_one(books, reach, &to_read[*place], outcome))
    };
    if batch.iter().any(|(place, outcome)| changes_answers(&to_read[*place], outcome)) {
        let committed = ingestion.store.write(&operation(ingestion, project), |write| {
            restamp(write)?;
            batch.iter().try_for_each(|(place, outcome)| {
                store_one(ingestion, write, project, &to_read[*place], outcome)
            })
        })?;
        let () = committed.value;
        ingestion.notify(committed.version.generation);
    } else if batch.iter().any(|(_, outcome)| matches!(outcome, ReadOutcome::SameBytes { .. })) {
        ingestion.store.write_bookkeeping(restamp)?;
    }
    for (place, outcome) in batch {
        let ToRead { file, known, .. } = &to_read[place];
        let mut notices = Vec::new();
        let reason = match outcome {
            ReadOutcome::Document(document, reason) => {
                notices = document.notices();
                reason
            }
            ReadOutcome::SameBytes { .. } => FileReason::SameBytes,
            ReadOutcome::Refused(reason) => {
                // What cannot be read today keeps its last good state; what is no document any more leaves.
                match (&reason, known) {
                    (FileReason::Unreadable(_), Some(known)) => plan.losses.keep(known, reach),
                    (FileReason::ParserFailed(_), _) | (_, None) => {}
                    (_, Some(known)) => plan.vanished.push(known.clone()),
                }
                reason
            }
        };
        reports.file_with(file.root, file.source_path.as_str().to_owned(), reason, notices);
    }
    Ok(())
}

/// Whether an answer can show what came of a file: its text, or its time, which is the date of a document that has no
/// other.
fn changes_answers(wanted: &ToRead, outcome: &ReadOutcome) -> bool {
    match outcome {
        ReadOutcome::Document(..) => true,
        ReadOutcome::SameBytes { stamp, .. } => {
            wanted.known.as_ref().is_some_and(|known| known.stamp.modified_ns != stamp.modified_ns)
        }
        ReadOutcome::Refused(_) => false,
    }
}

fn restamp_one(
    books: &BookkeepingTransaction<'_>,
    reach: &ReachableRoots,
    wanted: &ToRead,
    outcome: &ReadOutcome,
) -> Result<(), StorageError> {
    match (outcome, &wanted.known) {
        (ReadOutcome::SameBytes { stamp, settled }, Some(known)) => {
            books.restamp(known.key, *stamp, *settled, reach.name(wanted.file.root))
        }
        _ => Ok(()),
    }
}

fn store_one(
    ingestion: &Ingestion<'_>,
    write: &WriteTransaction<'_>,
    project: &Project,
    wanted: &ToRead,
    outcome: &ReadOutcome,
) -> Result<(), StorageError> {
    let ReadOutcome::Document(document, reason) = outcome else { return Ok(()) };
    // Below another root it has another path, which is stored with the document itself. And another reader may have
    // found another title and other tags, which cannot wait.
    let can_wait = |known: &&DocumentRow| {
        *reason == FileReason::Rechunked
            && ingestion.rechunk_in_background
            && known.source_path == wanted.file.source_path.as_str()
            && is_read_alike(&known.chunked_by, &document.chunked_by)
    };
    match wanted.known.as_ref().filter(can_wait) {
        Some(known) => write.put_rechunked(known.key, document),
        None => {
            let key = wanted.known.as_ref().map(|row| row.key);
            write.put_document(key, &project.id, document).map(|_stored| ())
        }
    }
}

/// Whether the same was found in a document, but for where it is cut: `reader:limits:overlap`, then the format where it has a
/// version.
fn is_read_alike(one: &str, other: &str) -> bool {
    let mut parts = one.split(':').zip(other.split(':')).enumerate();
    one.matches(':').count() == other.matches(':').count()
        && parts.all(|(at, (one, other))| matches!(at, 1 | 2) || one == other)
}

/// Removes what is gone and keeps a record of the run, in one commit. The record by itself is no change of what is known.
fn finish(
    ingestion: &Ingestion<'_>,
    project: &Project,
    (reach, lost): (&ReachableRoots, &[LostFolder]),
    gone: &[DocumentRow],
    reports: &mut Reports,
) -> Result<Generation, Error> {
    for row in gone {
        reports.gone(row, reach.root_of(row).unwrap_or_default());
    }
    let before = ingestion.store.read(|read| read.left_out_of(&project.id))?;
    let left_out = reports.compare(&before);
    let mounted = reach.mounts.iter().filter_map(|folder| Some(folder.to_str()?.to_owned()));
    let mounts: BTreeSet<String> =
        mounted.chain(lost.iter().filter_map(|one| one.remembered(gone))).collect();
    let mounts = mounts.into_iter().collect();
    let record = RefreshRecord { left_out, mounts, ..record(ingestion, project, reports) };
    if gone.is_empty() {
        return Ok(ingestion.store.write_bookkeeping(|books| {
            books.record_refresh(&record)?;
            books.generation()
        })?);
    }
    let committed = ingestion.store.write(&operation(ingestion, project), |write| {
        gone.iter().try_for_each(|row| write.remove_document(row.key))?;
        write.record_refresh(&record)
    })?;
    let () = committed.value;
    ingestion.notify(committed.version.generation);
    Ok(committed.version.generation)
}

/// How a refresh stands in the log of operations.
pub(super) fn operation<'a>(ingestion: &Ingestion<'_>, project: &'a Project) -> LoggedOperation<'a> {
    LoggedOperation {
        interface: ingestion.caller.interface(),
        action: "refresh",
        subject: project.id.as_str(),
    }
}

/// What `status` shows of this run later.
fn record(ingestion: &Ingestion<'_>, project: &Project, reports: &Reports) -> RefreshRecord {
    let mut counts = FileCounts::default();
    reports.roots.iter().for_each(|root| counts.merge(&root.counts));
    let problem = |path: &str, reason: &str, detail| FileProblem {
        path: path.to_owned(),
        reason: reason.to_owned(),
        detail,
    };
    let skipped: Vec<_> = (reports.roots.iter())
        .filter_map(|root| Some((root, root.skipped.as_ref()?)))
        .map(|(root, skip)| problem(&root.root.location.to_string(), skip.code(), roots::in_words(skip)))
        .collect();
    let files = reports.roots.iter().flat_map(|root| &root.files);
    let failed = files
        .filter(|file| file.reason.state() == FileState::Failed)
        .map(|file| problem(&file.path, file.reason.code(), file.reason.detail()));
    let status = match (reports.roots.len() - skipped.len(), skipped.len()) {
        (0, _) => RefreshStatus::NothingToIngest,
        (_, 0) => RefreshStatus::Ingested,
        _ => RefreshStatus::Partial,
    };
    let nothing_read = nothing_read(&reports.roots).map(|found| problem(".", NOTHING_READ, found));
    let problems: Vec<_> =
        nothing_read.into_iter().chain(failed.take(PROBLEMS_KEPT)).chain(skipped).collect();
    RefreshRecord {
        project: project.id.as_str().to_owned(),
        at: ingestion.clock.now().to_string(),
        status: status.as_str().to_owned(),
        counts: json!(counts).to_string(),
        problems: json!(problems).to_string(),
        left_out: Vec::new(),
        mounts: Vec::new(),
    }
}
