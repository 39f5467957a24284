//! What an installation promises after a piece of work was cut short.

use std::{collections::BTreeSet, fmt, path::Path};

use atocore_backup::{snapshot_directory::SnapshotDirectory, verify};
use atocore_engine::{Access, Copier, Engine, IncludeVectors, Layout, RecoveryOutcome, SystemClock};
use atocore_model::{
    digest::Digest, id::SnapshotId, monitor::Silent, name::QueryText, query::QueryRequest, snapshot::Depth,
};
use atocore_storage::{
    registry::Registry,
    sqlite::{StoreRecord, inspect},
};

use super::super::{
    Violation,
    facts::Content,
    subject::{engine_config, examine_store, projects_of},
};
use crate::powercut::Image;

/// What every document says something about.
const QUESTION: &str = "keys lanterns vault";

/// What somebody sees who opens an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Seen {
    /// Everything that a restore replaces: the old, or the new, and no mixture.
    pub(in super::super) state: State,
    pub(in super::super) stamps: BTreeSet<SnapshotId>,
}

/// What a restore replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct State {
    record: StoreRecord,
    content: Content,
    vectors: Option<Digest>,
    undo: Option<SnapshotId>,
    /// The texts that answer a question.
    answer: BTreeSet<String>,
}

/// What was found when an installation was opened.
#[derive(Debug, Clone)]
pub(in super::super) struct Look {
    pub(in super::super) seen: Seen,
    pub(in super::super) recovered: RecoveryOutcome,
}

/// Opens the installation as its next owner does, and looks through all of it: it opens, the store is whole, and every
/// listed snapshot is proven down to its content.
pub(in super::super) fn look(home: &Path) -> Result<Look, Violation> {
    let layout = Layout::in_home(home);
    let engine = open(&layout)?;
    let recovered = engine.recovered().clone();
    let answer = engine.query(&QueryRequest::new(QUESTION.parse::<QueryText>()?))?;
    let answer = answer.hits.iter().map(|hit| hit.content.clone()).collect();
    let undo = engine.undo_point().ok();
    drop(engine);
    let mut content = examine_store(&layout.database())?.content;
    content.projects = projects_of(&Registry::load(&layout.registry)?);
    let vectors = layout.vector_store();
    let vectors = vectors.is_dir().then(|| Image::read(&vectors)).transpose()?.map(|image| image.digest());
    let state = State { record: inspect::record(&layout.database())?, content, vectors, undo, answer };
    Ok(Look { seen: Seen { state, stamps: proven(&layout)? }, recovered })
}

/// Takes a snapshot of the installation, as whoever is worried does next.
pub(in super::super) fn go_on(home: &Path) -> Result<(), Violation> {
    let layout = Layout::in_home(home);
    let taken = open(&layout)?.create_snapshot(IncludeVectors::Yes, &Silent)?;
    if proven(&layout)?.contains(&taken.id) {
        Ok(())
    } else {
        Err(Violation::new(format!("the next snapshot {} is not listed", taken.id)))
    }
}

fn open(layout: &Layout) -> Result<Engine, Violation> {
    let access = Access::Own { activity: "look".to_owned(), socket: None };
    Ok(Engine::open(engine_config(layout.clone(), Copier::InProcess), access, &Silent)?)
}

/// The stamps of all that lists, which must be whole.
fn proven(layout: &Layout) -> Result<BTreeSet<SnapshotId>, Violation> {
    let vault = SnapshotDirectory::new(&layout.backups);
    let mut stamps = BTreeSet::new();
    for entry in vault.list()? {
        let stamp: SnapshotId = entry.stamp.parse()?;
        let validation = verify::verify(&vault, stamp, Depth::Content, &SystemClock, &Silent)?;
        if !validation.valid() {
            let errors = validation.errors().join("; ");
            return Err(Violation::new(format!("a partial snapshot is listed: {stamp}: {errors}")));
        }
        let _new = stamps.insert(stamp);
    }
    Ok(stamps)
}

/// What the installation was before the work, and is after it.
#[derive(Debug)]
pub(in super::super) struct Promise {
    pub(in super::super) before: Seen,
    pub(in super::super) after: Seen,
    /// Whether there was no store before: until the work is acknowledged, whoever opens it makes another one.
    pub(in super::super) is_first: bool,
    /// What the restored store says of itself before the restore is written into its log, as its first change.
    pub(in super::super) restored: Option<StoreRecord>,
}

impl Promise {
    /// Whether a state is the one after the work, or lacks only the line about it in the log, which comes last.
    pub(in super::super) fn is_after(&self, state: &State) -> bool {
        let after = &self.after.state;
        let unlogged =
            |record: &StoreRecord| state.resembles(&State { record: record.clone(), ..after.clone() });
        state.resembles(after) || self.restored.as_ref().is_some_and(unlogged)
    }

    /// Whether nothing of the work can be seen.
    pub(in super::super) fn is_before(&self, seen: &Seen) -> bool {
        if self.is_first {
            seen.state.content == self.before.state.content && seen.stamps == self.before.stamps
        } else {
            *seen == self.before
        }
    }

    /// Whether what is seen after the work was cut short is what it was before or what it was to become; when the work
    /// was acknowledged, only the latter.
    pub(in super::super) fn holds(&self, seen: &Seen, acknowledged: bool) -> Result<(), Violation> {
        let Self { before, after, .. } = self;
        if acknowledged {
            return if seen == after {
                Ok(())
            } else {
                Err(differs("what was acknowledged is lost", after, seen))
            };
        }
        let content = &seen.state.content;
        let is_first = self.is_first && [&before.state.content, &after.state.content].contains(&content);
        if !is_first && seen.state != before.state && !self.is_after(&seen.state) {
            let before = differs("it is neither the state before", before, seen);
            return Err(differs(&format!("{before}; nor the one after"), after, seen));
        }
        if let Some(lost) =
            before.stamps.intersection(&after.stamps).find(|stamp| !seen.stamps.contains(stamp))
        {
            return Err(Violation::new(format!("the snapshot {lost} was acknowledged and is gone")));
        }
        if let Some(new) =
            seen.stamps.iter().find(|stamp| !before.stamps.contains(stamp) && !after.stamps.contains(stamp))
        {
            return Err(Violation::new(format!("nobody has taken the snapshot {new}")));
        }
        match seen.state.undo {
            Some(undo) if !seen.stamps.contains(&undo) => {
                Err(Violation::new(format!("the undo point {undo} is not listed")))
            }
            _ => Ok(()),
        }
    }
}

/// Whether an interrupted restore was finished or given up when the installation was opened, and not passed over.
pub(in super::super) fn is_told(image: &Image, recovered: &RecoveryOutcome) -> Result<(), Violation> {
    let has = |path: &str| image.has(Path::new(path));
    let ready = [
        "data/db/atocore.db.restore-incoming",
        "data/restore/registry.json",
        "data/chroma/.restore-incoming",
    ];
    let expected = match recovered {
        RecoveryOutcome::Finished(_) => has("data/restore/journal.json"),
        RecoveryOutcome::RolledBack => !has("data/restore/journal.json") && ready.into_iter().any(has),
        RecoveryOutcome::Nothing => !has("data/restore/journal.json") && !ready.into_iter().any(has),
    };
    if expected {
        Ok(())
    } else {
        Err(Violation::new(format!("of a restore that was cut short it is said: {recovered:?}")))
    }
}

/// What is not as expected.
fn differs(what: &str, expected: &Seen, seen: &Seen) -> Violation {
    let mut parts = seen.state.differences(&expected.state);
    if expected.stamps != seen.stamps {
        parts.push_str(&format!("the list of snapshots {:?}, seen was {:?}", expected.stamps, seen.stamps));
    }
    Violation::new(format!("{what}: expected was {parts}"))
}

impl State {
    /// Whether it is the same, but for what each run draws anew: the stamp that it can be undone to, and the token of its
    /// last change.
    pub(in super::super) fn resembles(&self, other: &Self) -> bool {
        let record = StoreRecord { token: self.record.token, ..other.record.clone() };
        *self == Self { undo: self.undo, record, ..other.clone() }
    }

    /// In what it is not the expected one.
    pub(in super::super) fn differences(&self, expected: &Self) -> String {
        let State { record, content, vectors, undo, answer } = expected;
        let mut parts = String::new();
        let mut compare = |name: &str, same: bool, expected: &dyn fmt::Debug, seen: &dyn fmt::Debug| {
            if !same {
                parts.push_str(&format!("{name} {expected:?}, seen was {seen:?}; "));
            }
        };
        compare("the record", *record == self.record, record, &self.record);
        compare("the content", *content == self.content, content, &self.content);
        compare("the vector store", *vectors == self.vectors, vectors, &self.vectors);
        compare("the undo point", *undo == self.undo, undo, &self.undo);
        compare("the answer", *answer == self.answer, answer, &self.answer);
        parts
    }
}
