//! The two depths that need an engine: a snapshot is restored into scratch and opened (`restore`), and must answer as it
//! did when it was taken (`answers`).
//!
//! Whatever happens, nothing stays in scratch; what a killed run leaves there, the next owner of the store removes.

use std::{path::Path, sync::Arc, time::Instant};

use atocore_backup::{
    BackupError,
    golden_queries::{GoldenHit, GoldenQueries, GoldenQuery},
    ledger::Ledger,
    manifest::{CollectionForm, CollectionRecord, GOLDEN_QUERIES, Manifest, RecordedPath},
    restore::restore_into,
    snapshot_directory::SnapshotDirectory,
    take,
    verify::{self, SnapshotFinding, Validation, VerifiedSnapshot},
};
use atocore_chroma::{ExportError, compare_export};
use atocore_model::{
    error::{ErrorCode, with_causes},
    id::SnapshotId,
    monitor::{Monitor, Progress},
    query::{Notice, TopK},
    snapshot::Depth,
};
use atocore_storage::{
    files,
    layout::Layout,
    registry::Registry,
    sqlite::{Store, StoreOptions, StoreVectors},
    vector::VectorError,
};

#[cfg(feature = "chroma")]
use super::restore_test;
use super::{golden_queries, scratch_dir::ScratchDir};
use crate::{
    config::EngineConfig,
    embedding::VectorStore,
    engine::{Access, Engine},
    error::Error,
    retrieval::{self, RankWeights},
};

/// Scores that differ by less than this part of themselves are the same.
const TOLERANCE: f64 = 1e-6;

/// Validates a snapshot of an installation down to `depth` and writes the verdict into the ledger.
///
/// Needs no open engine. Deeper than `content` it is restored into a folder of its own in `scratch`.
///
/// # Errors
/// When the caller cancels it, this user may not read all of the snapshot, or `scratch` has no space or cannot be
/// written; the ledger is then as it was. Whatever is wrong with the snapshot is a result.
pub fn validate(
    config: &EngineConfig,
    scratch: &Path,
    id: SnapshotId,
    depth: Depth,
    monitor: &dyn Monitor,
) -> Result<Validation, Error> {
    let started = Instant::now();
    let vault = SnapshotDirectory::new(&config.layout.backups);
    let clock = &*config.clock;
    let mut validation = if depth <= Depth::Content {
        verify::verify(&vault, id, depth, clock, monitor)?
    } else {
        let (validation, verified) = verify::verify_whole(&vault, id, clock, monitor)?;
        // Without a passage there is nothing to ask about; everything else is proven.
        let is_empty = verified.as_ref().is_some_and(|verified| holds_no_passage(verified.manifest()));
        let deepest = if is_empty { depth.min(Depth::Restore) } else { depth };
        let findings = match verified {
            Some(verified) => run_restore_test(config, scratch, &verified, deepest, monitor)?,
            None => Vec::new(),
        };
        let validation = validation.deepened(deepest, findings, clock);
        if deepest < depth { validation.without_answers(NOTHING_TO_ASK.to_owned()) } else { validation }
    };
    let recorded = Ledger::of(&vault).record(id, &validation, started.elapsed());
    validation.unrecorded = recorded.err().map(|error| with_causes(&error));
    Ok(validation)
}

/// What is said of a snapshot that was to be proven by its answers and has no passage.
const NOTHING_TO_ASK: &str = "there is no passage to ask about";

/// Whether a snapshot records that its store has no passage, which was compared with what it holds.
fn holds_no_passage(manifest: &Manifest) -> bool {
    manifest.atocore.as_ref().is_some_and(|record| record.counts.chunks == 0)
}

/// Restores, opens, looks, and asks; what is found on the way ends it.
fn run_restore_test(
    config: &EngineConfig,
    scratch: &Path,
    verified: &VerifiedSnapshot,
    depth: Depth,
    monitor: &dyn Monitor,
) -> Result<Vec<SnapshotFinding>, Error> {
    // Declared first: it is removed when the engine is closed.
    let scratch_dir = ScratchDir::new(scratch, "drill");
    check_space(scratch_dir.dir(), verified)?;
    match restore_into(verified, scratch_dir.dir(), monitor) {
        Ok(_report) => {}
        Err(error @ (BackupError::Damaged { .. } | BackupError::CopyDiffers(_))) => {
            return Ok(vec![found(format!("restore_failed: {}", with_causes(&error)))]);
        }
        Err(error) => return Err(error.into()),
    }
    let layout = Layout::in_home(scratch_dir.dir());
    // What is on a server is that of the live store.
    let own = EngineConfig { layout, vectors: VectorStore::Embedded, ..config.clone() };
    let access = Access::Own { activity: format!("drill of {}", verified.stamp()), socket: None };
    // Upgraded first, without the copy of it that the engine would keep: the snapshot is one.
    let options = StoreOptions { busy_timeout: own.busy_timeout, clock: Arc::clone(&own.clock) };
    drop(Store::open(&own.layout.database(), options));
    let engine = match Engine::open(own, access, monitor) {
        Ok(engine) => engine,
        Err(error) if is_of_the_place(&error) => return Err(error),
        Err(error) => return Ok(vec![found(format!("open_failed: {}", with_causes(&error)))]),
    };
    // Indexes that cannot be written here say nothing about the snapshot either.
    if let Some(fault) = engine.index_faults().into_iter().next() {
        return Err(Error::IndexBehind(Box::new(fault)));
    }
    let mut findings: Vec<SnapshotFinding> = look(&engine, verified)?.into_iter().map(found).collect();
    if findings.is_empty() {
        findings.extend(vector_store_problems(config, &engine, verified, monitor)?.into_iter().map(found));
    }
    if findings.is_empty() && depth >= Depth::Answers {
        let problems = replay(&engine, verified, monitor)?;
        findings.extend(problems.into_iter().map(|problem| SnapshotFinding {
            depth: Depth::Answers,
            file: GOLDEN_QUERIES.to_owned(),
            problem,
        }));
    }
    Ok(findings)
}

fn found(problem: String) -> SnapshotFinding {
    SnapshotFinding { depth: Depth::Restore, file: String::new(), problem }
}

/// Whether an error says something about this machine and nothing about the snapshot.
fn is_of_the_place(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::DiskFull | ErrorCode::Io | ErrorCode::Cancelled)
}

/// The copy and the indexes that are made of it take at most as much again.
fn check_space(dir: &Path, verified: &VerifiedSnapshot) -> Result<(), Error> {
    let files = verified.manifest().atocore.iter().flat_map(|record| &record.files);
    let copied = files.map(|file| file.size_bytes).fold(0, u64::saturating_add);
    let needed_bytes = copied.saturating_mul(2);
    let available_bytes = files::free_bytes(dir)?;
    if available_bytes < needed_bytes {
        return Err(
            BackupError::NotEnoughSpace { place: dir.to_owned(), needed_bytes, available_bytes }.into()
        );
    }
    Ok(())
}

/// Whether the opened copy is what was recorded.
fn look(engine: &Engine, verified: &VerifiedSnapshot) -> Result<Vec<String>, Error> {
    let (Some(store), Some(record)) = (engine.store_if_any()?, &verified.manifest().atocore) else {
        return Ok(vec!["open_failed: there is no store".to_owned()]);
    };
    let mut problems = Vec::new();
    let mut compare = |word: &str, what: &str, found: &str, recorded: &str| {
        if found != recorded {
            problems.push(format!("{word}: {what} {found} in the opened copy, {recorded} recorded"));
        }
    };
    let opened = store.read(|read| read.record())?;
    compare("store_mismatch", "store", &opened.store_id, &record.store_id);
    compare("generation_mismatch", "token", &take::token(&opened), &record.token);
    for (word, what, found, recorded) in [
        ("generation_mismatch", "generation", opened.generation.0, record.generation),
        ("count_mismatch", "documents", opened.documents, record.counts.documents),
        ("count_mismatch", "chunks", opened.chunks, record.counts.chunks),
        ("count_mismatch", "operations", opened.operations, record.counts.operations),
        ("count_mismatch", "vectors", opened.vectors, record.counts.vectors),
    ] {
        compare(word, what, &found.to_string(), &recorded.to_string());
    }
    if !engine.is_current()? {
        problems.push("index_incomplete: the rebuilt indexes do not show all of the store".to_owned());
    }
    problems.extend(project_problem(engine, verified));
    Ok(problems)
}

/// What is wrong with the collection of a Chroma server in the snapshot, when there is one.
fn vector_store_problems(
    config: &EngineConfig,
    engine: &Engine,
    verified: &VerifiedSnapshot,
    monitor: &dyn Monitor,
) -> Result<Vec<String>, Error> {
    let (Some(recorded), Some(store)) = (verified.manifest().collection(), engine.store_if_any()?) else {
        return Ok(Vec::new());
    };
    match recorded.form {
        #[cfg(feature = "chroma")]
        CollectionForm::Directory => {
            let folder = engine.layout().vector_store();
            restore_test::problems(config, &folder, recorded, store, monitor)
        }
        #[cfg(not(feature = "chroma"))]
        CollectionForm::Directory => {
            let _program = &config.chroma_program;
            Ok(vec!["chroma_not_proven: this program is built without Chroma".to_owned()])
        }
        CollectionForm::Export => exported_problems(store, verified, recorded, monitor),
    }
}

/// What is wrong with the records of an export. One of an earlier state of the store is not compared with it.
fn exported_problems(
    store: &Store,
    verified: &VerifiedSnapshot,
    recorded: &CollectionRecord,
    monitor: &dyn Monitor,
) -> Result<Vec<String>, Error> {
    let current = store.read(|read| {
        let changed = read.last_document_change()?.max(read.last_vector_change()?);
        Ok::<_, Error>(read.serving_space()?.filter(|_| changed.0 <= recorded.generation))
    })?;
    let Some(row) = current else { return Ok(Vec::new()) };
    let folder = verified.path().join("chroma");
    match compare_export(&folder, &StoreVectors::new(store, &row), monitor) {
        Ok(compared) if compared.is_same() => Ok(Vec::new()),
        Ok(compared) => Ok(vec![format!(
            "chroma_records_differ: of {} vectors the export lacks {}, has {} otherwise, and {} more",
            compared.expected, compared.missing, compared.wrong, compared.extra
        )]),
        Err(ExportError::Source(VectorError::Cancelled)) => Err(Error::Cancelled),
        Err(ExportError::Source(error)) => Err(error.into()),
        Err(error) => Ok(vec![format!("chroma_unreadable: {}", with_causes(&error))]),
    }
}

/// What is wrong with the projects of the opened copy: they must be those of the registry in the snapshot.
fn project_problem(engine: &Engine, verified: &VerifiedSnapshot) -> Option<String> {
    let recorded = match verified.manifest().registry() {
        RecordedPath::At(path) => match Registry::load(&verified.path().join(path.as_str())) {
            Ok(registry) => registry.projects().to_vec(),
            Err(error) => return Some(format!("registry_unusable: {}", with_causes(&error))),
        },
        RecordedPath::NotRecorded | RecordedPath::Unusable => Vec::new(),
    };
    match engine.projects() {
        Ok(projects) if projects == recorded => None,
        Ok(projects) => Some(format!(
            "project_mismatch: {} projects in the opened copy, {} in the snapshot",
            projects.len(),
            recorded.len()
        )),
        Err(error) => Some(format!("registry_unusable: {}", with_causes(&error))),
    }
}

/// Asks the stored questions and compares the hits with those that were stored.
fn replay(engine: &Engine, verified: &VerifiedSnapshot, monitor: &dyn Monitor) -> Result<Vec<String>, Error> {
    let stored = match GoldenQueries::of(verified) {
        Ok(Some(stored)) => stored,
        Ok(None) => return Ok(vec!["golden_queries_not_recorded".to_owned()]),
        Err(problem) => return Ok(vec![problem]),
    };
    let why = stored.notes.join("; ");
    if stored.golden_queries.is_empty() {
        return Ok(vec![format!("golden_queries_not_recorded: {why}")]);
    }
    if !stored.answered {
        return Ok(vec![format!("golden_queries_not_answered: {why}")]);
    }
    let Some(weights) = golden_queries::weights(&stored.weights) else {
        return Ok(vec!["golden_queries_unreadable: the weights are none that hits could have".to_owned()]);
    };
    let mut problems = Vec::new();
    for (index, golden_query) in stored.golden_queries.iter().enumerate() {
        if monitor.cancelled() {
            return Err(Error::Cancelled);
        }
        let (done, total) = (index as u64, Some(stored.golden_queries.len() as u64));
        monitor.progress(Progress { phase: "asking the stored questions".into(), done, total });
        match compare(engine, golden_query, &weights, stored.ranking)? {
            AnswerOutcome::Same => {}
            // It would be the same with every other question that needs the model.
            AnswerOutcome::NoModel(why) => {
                let problem = format!("answers_model_missing: {why}");
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
            AnswerOutcome::Other(problem) => problems.push(problem),
        }
    }
    Ok(problems)
}

/// What became of one question.
enum AnswerOutcome {
    Same,
    NoModel(String),
    Other(String),
}

fn compare(
    engine: &Engine,
    golden_query: &GoldenQuery,
    weights: &RankWeights,
    ranking: u32,
) -> Result<AnswerOutcome, Error> {
    let shown: String = golden_query.text.chars().take(80).collect();
    let Some(mut query) = golden_queries::query(golden_query) else {
        return Ok(AnswerOutcome::Other(format!("golden_queries_unreadable: `{shown}` cannot be asked")));
    };
    let mut compared: fn(&[GoldenHit], &[GoldenHit]) -> Option<String> = difference;
    if ranking != retrieval::VERSION {
        (query.top_k, query.collapse) = (TopK::MOST, false);
        compared = missing;
    }
    let answer = match engine.query_with(&query, weights) {
        Ok(answer) => answer,
        Err(Error::NoModel(failure)) => return Ok(AnswerOutcome::NoModel(failure.why)),
        Err(error) if is_of_the_place(&error) => return Err(error),
        Err(error) => {
            return Ok(AnswerOutcome::Other(format!("answer_failed: `{shown}`: {}", with_causes(&error))));
        }
    };
    if query.mode != Some(answer.mode) {
        let no_model = answer.notices.iter().find_map(|notice| match notice {
            Notice::NoModel { why, .. } => Some(why.clone()),
            _ => None,
        });
        let mode = answer.mode;
        return Ok(no_model.map_or_else(
            || {
                let recorded = &golden_query.mode;
                AnswerOutcome::Other(format!("answers_differ: `{shown}`: mode {mode}, {recorded} recorded"))
            },
            AnswerOutcome::NoModel,
        ));
    }
    let hits = golden_queries::recorded_hits(&answer);
    Ok(match compared(&hits, &golden_query.hits) {
        None => AnswerOutcome::Same,
        Some(_) if hits.is_empty() => AnswerOutcome::Other(format!("answer_empty: `{shown}` finds nothing")),
        Some(difference) => AnswerOutcome::Other(format!("answers_differ: `{shown}`: {difference}")),
    })
}

/// The first of the recorded hits that is not found, or has another text.
fn missing(found: &[GoldenHit], recorded: &[GoldenHit]) -> Option<String> {
    if recorded.is_empty() {
        return Some("no hit is recorded".to_owned());
    }
    recorded.iter().find_map(|recorded| {
        match found.iter().find(|found| found.chunk_id == recorded.chunk_id) {
            None => Some(format!("{}, a recorded hit, is not found", recorded.chunk_id)),
            Some(found) if found.content_blake3 != recorded.content_blake3 => {
                Some(format!("{}, a recorded hit, has another text", recorded.chunk_id))
            }
            Some(_) => None,
        }
    })
}

/// The first difference between two lists of hits.
fn difference(found: &[GoldenHit], recorded: &[GoldenHit]) -> Option<String> {
    if recorded.is_empty() {
        return Some("no hit is recorded".to_owned());
    }
    for (index, (hit, recorded)) in found.iter().zip(recorded).enumerate() {
        let rank = index + 1;
        if hit.chunk_id != recorded.chunk_id {
            return Some(format!("hit {rank} is {}, {} is recorded", hit.chunk_id, recorded.chunk_id));
        }
        if hit.content_blake3 != recorded.content_blake3 {
            return Some(format!("hit {rank}, {}, has another text", hit.chunk_id));
        }
        let most = hit.score.abs().max(recorded.score.abs()) * TOLERANCE;
        // Written so that a score that is no number differs.
        let is_near = (hit.score - recorded.score).abs() <= most;
        if !is_near {
            return Some(format!("hit {rank} has score {}, {} is recorded", hit.score, recorded.score));
        }
    }
    (found.len() != recorded.len()).then(|| format!("{} hits, {} are recorded", found.len(), recorded.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(id: &str, score: f64, text: &str) -> GoldenHit {
        GoldenHit { chunk_id: id.to_owned(), score, content_blake3: text.to_owned() }
    }

    #[test]
    fn every_difference_between_hits_is_one() {
        let recorded = [hit("a", 1.0, "x"), hit("b", 0.5, "y")];
        assert_eq!(difference(&recorded, &recorded), None);
        assert_eq!(difference(&[hit("a", 1.000_000_5, "x"), hit("b", 0.5, "y")], &recorded), None);
        let others = [
            vec![],
            vec![hit("a", 1.0, "x")],
            vec![hit("b", 0.5, "y"), hit("a", 1.0, "x")],
            vec![hit("a", 1.000_002, "x"), hit("b", 0.5, "y")],
            vec![hit("a", f64::NAN, "x"), hit("b", 0.5, "y")],
            vec![hit("a", 1.0, "z"), hit("b", 0.5, "y")],
            vec![hit("a", 1.0, "x"), hit("b", 0.5, "y"), hit("c", 0.4, "z")],
        ];
        for other in others {
            assert!(difference(&other, &recorded).is_some(), "{other:?}");
        }
        assert!(difference(&[], &[]).is_some(), "an empty answer proves nothing");
    }

    #[test]
    fn of_another_ranking_only_what_was_found_is_compared() {
        let recorded = [hit("a", 1.0, "x"), hit("b", 0.5, "y")];
        assert_eq!(missing(&[hit("c", 3.0, "z"), hit("b", 2.0, "y"), hit("a", 0.1, "x")], &recorded), None);
        for other in [vec![], vec![hit("a", 1.0, "x")], vec![hit("a", 1.0, "x"), hit("b", 0.5, "z")]] {
            assert!(missing(&other, &recorded).is_some(), "{other:?}");
        }
        assert!(missing(&recorded, &[]).is_some(), "an empty answer proves nothing");
    }
}
