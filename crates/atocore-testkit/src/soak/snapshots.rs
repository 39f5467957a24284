//! The snapshots of the installation: everything that lists is whole, and nothing that was acknowledged is away.

use std::collections::BTreeSet;

use atocore_engine::{Access, Engine};
use atocore_model::{monitor::Silent, snapshot::Depth};
use atocore_storage::{files, registry::Registry};

use super::{
    Violation,
    facts::{Attempt, Facts},
    random::Random,
    subject::{Subject, examine_store, projects_of, words},
};

/// So many snapshots are kept; older ones make room, as a person would.
const KEPT: usize = 6;

/// Looks at all snapshots and proves the new ones, and an old one by lot, to the deepest depth. Returns how many.
///
/// `before` is what was acknowledged when the round began, `attempts` all that was tried in it.
pub(super) fn examine(
    subject: &Subject,
    facts: &mut Facts,
    before: &Facts,
    attempts: &[Attempt],
    random: &mut Random,
) -> Result<u64, Violation> {
    let listed = listed(subject)?;
    if let Some(lost) = facts.snapshots.difference(&listed).next() {
        return Err(Violation::new(format!("snapshot {lost} was acknowledged and is gone")));
    }
    let tried = attempts.iter().filter(|attempt| matches!(attempt, Attempt::Snapshot)).count();
    let new: Vec<_> = listed.difference(&before.snapshots).cloned().collect();
    if new.len() > tried {
        return Err(Violation::new(format!("{tried} snapshots were tried and these appeared: {new:?}")));
    }
    let old: Vec<_> = before.snapshots.intersection(&facts.snapshots).cloned().collect();
    let engine = subject.engine(Access::Read)?;
    let attempts: Vec<_> = attempts.iter().collect();
    for stamp in &new {
        prove(&engine, stamp)?;
        compare(subject, stamp, before, &attempts)?;
    }
    let sample = random.pick(&old).map(|stamp| prove(&engine, stamp)).transpose()?;
    facts.snapshots.extend(new.iter().cloned());
    make_room(subject, facts)?;
    Ok(new.len() as u64 + u64::from(sample.is_some()))
}

/// Takes a snapshot, which must succeed and leave nothing of itself or of its dead predecessors behind. Returns its
/// stamp: by their names alone, snapshots of the same second are not in the order in which they were taken.
pub(super) fn take(subject: &Subject, facts: &mut Facts) -> Result<String, Violation> {
    let before = facts.clone();
    facts.acknowledge(&Attempt::Snapshot, &subject.run(&words(&["backup", "create"]))?)?;
    let partial = subject.layout().backups.join(".partial");
    if let Some(left) = files::list(&partial)?.first() {
        return Err(Violation::new(format!("{} is left over after a snapshot", left.display())));
    }
    let stamp = facts.snapshots.difference(&before.snapshots).next().cloned().unwrap_or_default();
    let _valid = subject.run(&words(&["backup", "validate", &stamp, "--depth", "content"]))?;
    compare(subject, &stamp, &before, &[])?;
    make_room(subject, facts)?;
    Ok(stamp)
}

/// The stamps that list, through the program. Whatever lies there must list, with its metadata.
fn listed(subject: &Subject) -> Result<BTreeSet<String>, Violation> {
    let answer = subject.run(&words(&["backup", "list"]))?;
    let mut stamps = BTreeSet::new();
    for entry in answer.as_array().into_iter().flatten() {
        let stamp = entry["stamp"].as_str().unwrap_or_default().to_owned();
        if entry["has_metadata"] != true || !entry["metadata"].is_object() {
            return Err(Violation::new(format!("a partial snapshot is listed: {entry}")));
        }
        let _new = stamps.insert(stamp);
    }
    let folder = subject.layout().backups.join("snapshots");
    let there = if folder.exists() { files::list(&folder)? } else { Vec::new() };
    let name =
        |path: &std::path::PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let there: BTreeSet<_> = there.iter().map(name).collect();
    if there != stamps {
        return Err(Violation::new(format!("{there:?} lie among the snapshots, {stamps:?} are listed")));
    }
    Ok(stamps)
}

fn prove(engine: &Engine, stamp: &str) -> Result<(), Violation> {
    let validation = engine.validate_snapshot(stamp.parse()?, Depth::Content, &Silent)?;
    if validation.valid() {
        return Ok(());
    }
    let found = validation.errors().join("; ");
    Err(Violation::new(format!("snapshot {stamp} is listed and does not validate: {found}")))
}

/// Whether a snapshot holds what was acknowledged before it was taken.
fn compare(subject: &Subject, stamp: &str, before: &Facts, attempts: &[&Attempt]) -> Result<(), Violation> {
    let snapshot = subject.layout().backups.join("snapshots").join(stamp);
    // Opening a database may leave files beside it, and a snapshot must stay as it is.
    let copy = subject.scratch().join("snapshot.db");
    files::remove_file(&copy)?;
    let _bytes = files::copy_synced(&snapshot.join("db").join("atocore.db"), &copy)?;
    let mut found = examine_store(&copy)?;
    found.content.projects =
        projects_of(&Registry::load(&snapshot.join("config").join("project-registry.json"))?);
    let _facts = before
        .clone()
        .compare(&found.content, attempts)
        .map_err(|violation| Violation::new(format!("in snapshot {stamp}: {violation}")))?;
    Ok(())
}

fn make_room(subject: &Subject, facts: &mut Facts) -> Result<(), Violation> {
    while facts.snapshots.len() > KEPT {
        let Some(oldest) = facts.snapshots.pop_first() else { break };
        files::remove_tree(&subject.layout().backups.join("snapshots").join(oldest))?;
    }
    Ok(())
}
