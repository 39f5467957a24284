//! Restoring over the present state: what it would change, the snapshot of what is there now, the swap, and the way
//! back. The engine goes on answering until the swap itself.

mod records;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Instant,
};

use atocore_backup::{
    in_place::{self, RecoveryOutcome, StagedSnapshot},
    ledger::Ledger,
    manifest::RecordedPath,
    snapshot_directory::SnapshotDirectory,
    verify::{self, VerifiedSnapshot},
};
use atocore_model::{
    digest::Digest,
    error::{ErrorCode, with_causes},
    fact::FactChange,
    id::{Generation, SnapshotId, StoreVersion},
    monitor::Monitor,
    project::Project,
};
use atocore_storage::{
    files,
    lexical::{IndexAccess, LexicalIndex},
    locks::ReadersOut,
    registry::{Registry, RegistryError},
    sqlite::{LoggedOperation, Store, inspect},
};
pub use records::{LostChanges, RestoreOutcome, RestorePlan, StoreCounts};

use crate::{
    backups::{self, IncludeVectors},
    caller::Caller,
    embedding::Embedding,
    engine::{Engine, known_stores},
    error::Error,
    worker::Paused,
};

/// How many of the facts that would be lost a plan names.
const FACTS_NAMED: usize = 100;

/// A restore that is ready to be carried out.
#[derive(Debug)]
pub struct PreparedRestore {
    plan: RestorePlan,
    staged: StagedSnapshot,
    safety: Option<Safety>,
    /// Whether the derived indexes of the snapshot lie ready too.
    indexed: bool,
    /// The generation that the caller has seen the plan of.
    planned: Option<Generation>,
    /// Until it is over no vectors are made, which would move the store on from what was saved,
    _paused: Paused,
    /// and no other process reads the store.
    _readers: ReadersOut,
}

/// The snapshot of the present state, and what tells whether it still is one.
#[derive(Debug)]
struct Safety {
    stamp: SnapshotId,
    state: StateVersion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StateVersion {
    version: StoreVersion,
    registry: Option<Digest>,
}

impl RestorePlan {
    fn new(engine: &Engine, snapshot: &VerifiedSnapshot) -> Result<Self, Error> {
        let manifest = snapshot.manifest();
        let at = |place: RecordedPath| match place {
            RecordedPath::At(path) => Some(snapshot.path().join(path.as_str())),
            RecordedPath::NotRecorded | RecordedPath::Unusable => None,
        };
        let database = at(manifest.database()).unwrap_or_default();
        // A database of the original can be read by its own program only: here it would be a store that does not open.
        let restored = inspect::record(&database)?;
        // Somebody may have broken the file before the snapshot was taken, and a restore is what mends it.
        let (registry, registry_problem) = match at(manifest.registry()).map(|path| Registry::load(&path)) {
            Some(Ok(registry)) => (registry, None),
            Some(Err(error @ RegistryError::Invalid { .. })) => {
                (Registry::default(), Some(with_causes(&error)))
            }
            Some(Err(error)) => return Err(error.into()),
            None => (Registry::default(), None),
        };
        let registered = engine.registered();
        let (ids, restored_ids) = (ids(&registered), ids(registry.projects()));
        let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| -> Vec<String> {
            one.difference(other).cloned().collect()
        };
        let changed = registry
            .projects()
            .iter()
            .filter(|project| registered.iter().any(|known| known.id == project.id && known != *project));
        let Present { counts: present, mut lost, problem } = Present::look(engine, &database)?;
        let is_of_another = |own: String| own != restored.store_id && problem.is_some() && present.is_none();
        if known_stores::id_of(engine.layout()).is_some_and(is_of_another) {
            lost = LostChanges::none("everything");
        }
        Ok(Self {
            stamp: snapshot.stamp(),
            taken_at: manifest.created_at.clone(),
            proven_depth: snapshot.depth(),
            generation: present.as_ref().map(|present| present.generation).unwrap_or_default(),
            present,
            store_problem: problem,
            projects_gained: only(&restored_ids, &ids),
            projects_lost: only(&ids, &restored_ids),
            projects_changed: changed.map(|project| project.id.to_string()).collect(),
            restored: (&restored).into(),
            registry_problem,
            lost,
            replaces_vector_store: manifest.restores_vector_store(),
        })
    }
}

const fn including(vectors: bool) -> IncludeVectors {
    if vectors { IncludeVectors::Yes } else { IncludeVectors::No }
}

fn ids(projects: &[Project]) -> BTreeSet<String> {
    projects.iter().map(|project| project.id.to_string()).collect()
}

/// The present state, as far as it can be read: a restore needs nothing of it.
struct Present {
    counts: Option<StoreCounts>,
    lost: LostChanges,
    problem: Option<String>,
}

impl Present {
    fn look(engine: &Engine, snapshot: &Path) -> Result<Self, Error> {
        let unreadable =
            |problem| Self { counts: None, lost: LostChanges::none("nothing"), problem: Some(problem) };
        let store = match engine.store_if_any() {
            Ok(Some(store)) => store,
            Ok(None) => return Ok(Self { counts: None, lost: LostChanges::none("nothing"), problem: None }),
            Err(error) if error.blames_the_store() => return Ok(unreadable(with_causes(&error))),
            Err(error) => return Err(error),
        };
        // What it has open could still be read, and is not there for anybody else.
        if let Err(gone) = store.in_place() {
            return Ok(unreadable(with_causes(&gone)));
        }
        // Also where the damage is out of sight: a snapshot of it could not be restored.
        let problem = store.look_for_any_damage()?.map(str::to_owned);
        let record = store.read(|read| Ok::<_, Error>(read.record()?));
        let looked = record.and_then(|record| {
            let counts = StoreCounts::from(&record);
            Ok((counts, lost(store, snapshot, &counts)?))
        });
        match looked {
            Ok((counts, lost)) => Ok(Self { counts: Some(counts), lost, problem }),
            Err(error) => match problem {
                Some(problem) => Ok(unreadable(problem)),
                None if error.blames_the_store() => Ok(unreadable(with_causes(&error))),
                None => Err(error),
            },
        }
    }
}

fn lost(store: &Store, snapshot: &Path, present: &StoreCounts) -> Result<LostChanges, Error> {
    store.read(|read| {
        let Some(shared) = inspect::last_shared_generation(snapshot, read)? else {
            return Ok(LostChanges { changes: present.operations, ..LostChanges::none("everything") });
        };
        let (facts, fact_changes) = read.changes_since(shared, FACTS_NAMED)?;
        let by_verb: BTreeMap<String, u64> = read.operations_since(shared)?.into_iter().collect();
        Ok(LostChanges {
            changes: by_verb.values().sum(),
            by_verb,
            fact_changes,
            facts: facts.into_iter().map(FactChange::from).collect(),
            ..LostChanges::none("since")
        })
    })
}

impl Engine {
    /// What restoring a snapshot over the present state would change. The snapshot is verified first.
    ///
    /// # Errors
    /// When it fails verification, or its database is not one of this program.
    pub fn plan_restore(&self, id: SnapshotId, monitor: &dyn Monitor) -> Result<RestorePlan, Error> {
        self.owns_it()?;
        RestorePlan::new(self, &self.prove(id, monitor)?)
    }

    /// Proves a snapshot whole, lays it ready beside the present state and takes a snapshot of the present state, unless
    /// that is damaged. Questions are answered and writers go on meanwhile. With `planned`, the generation of the plan
    /// that the caller has seen, it is refused once somebody has changed the store since.
    ///
    /// # Errors
    /// As [`Engine::plan_restore`]; [`Error::PlanOutdated`]; when another process could own the store, because the lock
    /// of this one is gone; and when there is not enough space, the present state cannot be
    /// saved, another process goes on reading the store, or a Chroma server runs on the folder that would be replaced.
    /// Nothing has changed then.
    pub fn prepare_restore(
        &self,
        id: SnapshotId,
        planned: Option<Generation>,
        monitor: &dyn Monitor,
    ) -> Result<PreparedRestore, Error> {
        self.owns_it()?;
        self.refuse_outdated(planned)?;
        let snapshot = self.prove(id, monitor)?;
        let mut plan = RestorePlan::new(self, &snapshot)?;
        if plan.replaces_vector_store && backups::runs_here(self) {
            return Err(Error::VectorServerRunning(self.layout().vector_store()));
        }
        let staged = in_place::stage(&snapshot, self.layout(), monitor)?;
        let indexed = match self.index_ahead(&staged, monitor) {
            Err(error) if error.code() == ErrorCode::Cancelled => return Err(error),
            made => made.is_ok(),
        };
        // While questions are answered still, and before anything is left behind.
        let readers = ReadersOut::wait(&self.layout().locks(), self.busy_timeout())?;
        let paused = self.embedding().pause();
        let safety = match plan.store_problem {
            Some(_) => None,
            None => match self.take_safety(id, plan.replaces_vector_store, monitor) {
                Err(error) if error.blames_the_store() => {
                    plan.store_problem = Some(with_causes(&error));
                    None
                }
                taken => taken?,
            },
        };
        Ok(PreparedRestore { plan, staged, safety, indexed, planned, _paused: paused, _readers: readers })
    }

    /// Carries out a restore: closes the store, swaps, opens it again, and writes a line about it into its operation log
    /// before anybody else can write. Everybody else must be out of this engine.
    ///
    /// # Errors
    /// [`Error::PlanOutdated`], or when the swap fails. The engine is open again on the state before then, and does
    /// what it did before; unless the swap had begun and could not be finished, or the store cannot be opened: then it
    /// stays closed, [`Engine::is_closed`], and [`Engine::reopen`] or the next start finishes it.
    ///
    /// # Durability
    /// The state is the one of the snapshot, on disk, and was read back, when this returns `Ok`.
    pub fn carry_out_restore(
        &mut self,
        prepared: PreparedRestore,
        caller: Caller,
        monitor: &dyn Monitor,
    ) -> Result<RestoreOutcome, Error> {
        let started = Instant::now();
        self.owns_it()?;
        let safety = self.safety_of(&prepared, monitor)?;
        let PreparedRestore { plan, staged, indexed, .. } = prepared;
        let gone = self.in_place().err();
        let former = self.store().and_then(|store| Ok(store.generation()?)).unwrap_or_default();
        self.close_store(monitor)?;
        let swapped = staged.swap(safety, self.clock().now());
        if swapped.is_ok() && indexed {
            // They are derived: what cannot be put in place is made anew on opening.
            drop(self.place_indexes());
        }
        // Also after a failure: on what was there before, or on what could be finished now.
        let opened = match (&swapped, gone) {
            // A store that was gone before would be made anew, with nothing in it.
            (Err(_), Some(gone)) => match in_place::recover(self.layout()) {
                Ok(RecoveryOutcome::Finished(_)) => self.open_store(monitor),
                _ => Err(gone),
            },
            _ => self.open_store(monitor),
        };
        let opened = opened.map_err(|error| self.keep_closed(error, monitor));
        let replaced = swapped?;
        opened?;
        let generation = self.store()?.generation()?;
        let logged = self.log_restore(plan.stamp, former, caller);
        let outage = started.elapsed();
        Ok(RestoreOutcome {
            plan,
            safety_stamp: safety,
            kept: replaced.kept.map(|folder| folder.to_string_lossy().into_owned()),
            generation,
            present_generation: *logged.as_ref().unwrap_or(&generation),
            unlogged: logged.err().map(|error| with_causes(&error)),
            outage_ms: outage.as_secs_f64() * 1e3,
        })
    }

    /// The snapshot of the state that is about to be replaced: the one that was prepared, or another one when something
    /// was written since, because that must not be lost either. `None` when there is nothing that could be saved.
    fn safety_of(
        &self,
        prepared: &PreparedRestore,
        monitor: &dyn Monitor,
    ) -> Result<Option<SnapshotId>, Error> {
        self.refuse_outdated(prepared.planned)?;
        if prepared.plan.store_problem.is_some() {
            return Ok(None);
        }
        let taken = || {
            let Some(state) = self.state()? else { return Ok(None) };
            match &prepared.safety {
                Some(safety) if safety.state == state => Ok(Some(safety.stamp)),
                _ => {
                    let vectors = including(prepared.plan.replaces_vector_store);
                    Ok(Some(backups::take_in_silence(self, self.store()?, vectors, monitor)?.id))
                }
            }
        };
        match taken() {
            Err(error) if Error::blames_the_store(&error) => Ok(None),
            taken => taken,
        }
    }

    /// Refuses a plan of a generation after which somebody has changed the store. What AtoCore does by itself counts
    /// for nothing: it would outdate every plan while vectors are made.
    fn refuse_outdated(&self, planned: Option<Generation>) -> Result<(), Error> {
        let Some(planned) = planned else { return Ok(()) };
        let asked = match self.store_if_any() {
            Ok(Some(store)) => {
                store.read(|read| Ok::<_, Error>((read.generation()?, read.last_asked_change()?)))
            }
            Ok(None) => return Ok(()),
            Err(error) => Err(error),
        };
        match asked {
            Ok((present, asked)) if asked > planned || planned > present => {
                Err(Error::PlanOutdated { planned, present })
            }
            // A damaged store does not move on.
            Err(error) if !error.blames_the_store() => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Writes a restore into the operation log of the store that came back, as its first change: what was restored is the
    /// state of the snapshot, and this line is the first of what came after it. Its generation is later than any that the store before had: a plan that
    /// was made for that one is outdated.
    fn log_restore(
        &self,
        stamp: SnapshotId,
        former: Generation,
        caller: Caller,
    ) -> Result<Generation, Error> {
        let subject = stamp.to_string();
        let operation =
            LoggedOperation { interface: caller.interface(), action: "restore", subject: &subject };
        let logged = self.store()?.write_beyond(former, &operation, |_| Ok::<_, Error>(()))?;
        self.tell(logged.version.generation);
        Ok(logged.version.generation)
    }

    /// The snapshot that `undo` restores: the state before the last restore.
    ///
    /// # Errors
    /// [`Error::NothingToUndo`], or [`Error::NothingSaved`]; or when the note of the last restore cannot be read.
    pub fn undo_point(&self) -> Result<SnapshotId, Error> {
        let last = in_place::last(self.layout())?.ok_or(Error::NothingToUndo)?;
        let kept = || last.kept.filter(|folder| matches!(files::exists(folder), Ok(true)));
        last.safety.ok_or_else(|| kept().map_or(Error::NothingToUndo, Error::NothingSaved))
    }

    /// Proves a snapshot whole, and writes that down where it can be.
    fn prove(&self, id: SnapshotId, monitor: &dyn Monitor) -> Result<VerifiedSnapshot, Error> {
        let (started, vault) = (Instant::now(), SnapshotDirectory::new(&self.layout().backups));
        let verified = verify::prove(&vault, id, self.clock(), monitor)?;
        if verified.validation().valid() {
            drop(Ledger::of(&vault).record(id, verified.validation(), started.elapsed()));
        }
        Ok(verified)
    }

    /// Makes the derived indexes of a snapshot while the present state goes on answering: made after the swap, they would
    /// be most of the time without answers. A snapshot of an older schema has its own made after the upgrade.
    fn index_ahead(&self, staged: &StagedSnapshot, monitor: &dyn Monitor) -> Result<(), Error> {
        let incoming = self.layout().incoming_indexes();
        files::remove_tree(&incoming)?;
        let store = Store::open_read_only(&staged.database(), self.store_options())?;
        let _mark =
            LexicalIndex::open(&incoming.join("lexical"), IndexAccess::Write)?.catch_up(&store, monitor)?;
        let model = self.embedding_model().clone();
        // Also where a server has the vectors: the files are then up to date should the settings change.
        Embedding::open(model, &incoming.join("vectors"), IndexAccess::Write)?.catch_up(&store, monitor)
    }

    fn place_indexes(&self) -> Result<(), Error> {
        let (layout, incoming) = (self.layout(), self.layout().incoming_indexes());
        for (name, place) in [("lexical", layout.lexical_index()), ("vectors", layout.vector_index())] {
            files::remove_tree(&place)?;
            files::rename_new(&incoming.join(name), &place)?;
        }
        Ok(())
    }

    /// Takes a snapshot of the present state; `None` when there is none to take one of.
    fn take_safety(
        &self,
        before: SnapshotId,
        vectors: bool,
        monitor: &dyn Monitor,
    ) -> Result<Option<Safety>, Error> {
        // What tells the state is looked at before: a write in between shows as a difference later.
        let Some(state) = self.state()? else { return Ok(None) };
        let taken = self.create_snapshot(including(vectors), monitor)?;
        // It is found without it.
        drop(self.note_snapshot(taken.id, &format!("the state before the restore of {before}")));
        Ok(Some(Safety { stamp: taken.id, state }))
    }

    fn state(&self) -> Result<Option<StateVersion>, Error> {
        let Some(store) = self.store_if_any()? else { return Ok(None) };
        let registry = files::read_if_present(&self.layout().registry)?;
        Ok(Some(StateVersion {
            version: store.read(|read| read.version())?,
            registry: registry.map(|bytes| Digest::from_bytes(*blake3::hash(&bytes).as_bytes())),
        }))
    }
}
