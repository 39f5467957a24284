//! Who changes the store meanwhile, and who reads it.

use std::{
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use atocore_engine::Layout;
use atocore_model::{
    digest::Digest,
    document::{ChunkDraft, FileStamp, FrontMatter, HeadingPath, LineSpan, ParsedDocument},
    project::{Project, Root, RootLocation},
};
use atocore_storage::{
    registry::Registry,
    sqlite::{Committed, IngestedDocument, LoggedOperation, NewSpace, Store, WriteTransaction},
    vector::VectorSpace,
};

use super::{
    super::{Violation, random::Random},
    PointsRun,
};

/// The project whose document, description and vector say the step.
pub(super) const PROJECT: &str = "step";

const OPERATION: LoggedOperation<'static> =
    LoggedOperation { interface: "soak", action: "step", subject: "all of it" };

/// Numbers in a vector. Small, so that a step is quick.
const DIMENSIONS: usize = 4;

/// The step that a text names.
pub(super) fn step_in(text: &str) -> Option<u64> {
    text.strip_prefix("Step ")?.parse().ok()
}

/// Changes everything in step.
#[derive(Debug)]
pub(super) struct Steps<'a> {
    layout: &'a Layout,
    space: i64,
}

impl<'a> Steps<'a> {
    /// Takes the first step.
    pub(super) fn begin(store: &Store, layout: &'a Layout) -> Result<Self, Violation> {
        let space = VectorSpace { fingerprint: Digest::from_bytes([7; 32]), dimensions: DIMENSIONS };
        let new = NewSpace { space, model: "soak", precision: "f32", at: "2026-04-06T18:42:19Z" };
        let added: Committed<_> = store.write(&OPERATION, |write| write.add_space(&new))?;
        let steps = Self { layout, space: added.value.key };
        steps.take(store, 1)?;
        Ok(steps)
    }

    /// Takes step after step until it is stopped.
    pub(super) fn go_on(&self, store: &Store, running: &PointsRun) -> Result<(), Violation> {
        while running.goes_on() {
            let step = running.steps.load(Ordering::SeqCst) + 1;
            self.take(store, step)?;
            running.steps.store(step, Ordering::SeqCst);
            // Others have their turn with the lock, which is not a fair one.
            thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }

    /// Document, vector and registry in one write.
    fn take(&self, store: &Store, step: u64) -> Result<(), Violation> {
        let text = format!("Step {step}");
        let _done = store.write(&OPERATION, |write| {
            put(write, PROJECT, "step.md", step, &text)?;
            let mut vectors = Vec::new();
            for passage in write.chunks_without_vector(self.space)? {
                if passage.project == PROJECT
                    && let Some((digest, _)) = write.embedded_text(&passage)?
                {
                    vectors.push((digest, vec![step as f32; DIMENSIONS]));
                }
            }
            write.put_vectors(self.space, &vectors)?;
            let _removed = write.remove_unused_vectors(100)?;
            self.register(text.clone())
        })?;
        Ok(())
    }

    fn register(&self, description: String) -> Result<(), Violation> {
        let roots = vec![Root { location: RootLocation::from_parts("vault", "")?, label: String::new() }];
        let project = Project { id: PROJECT.parse()?, aliases: Vec::new(), description, roots };
        let registry = Registry::default()
            .with(&project)
            .map_err(|faults| Violation::new(format!("the registry is refused: {faults:?}")))?;
        Ok(registry.save(&self.layout.registry)?)
    }
}

/// Other documents, small and large: the log grows, is checkpointed and restarts all the time.
pub(super) fn make_noise(store: &Store, running: &PointsRun, mut random: Random) -> Result<(), Violation> {
    while running.goes_on() {
        let words = if random.one_in(10) { 30_000 } else { 1 + random.below(2000) };
        let text = format!("{} ", random.next()).repeat(words);
        let name = format!("{}.md", random.below(20));
        let _done: Committed<()> =
            store.write(&OPERATION, |write| put(write, "noise", &name, words as u64, &text))?;
        thread::sleep(Duration::from_millis(random.below(8) as u64));
    }
    Ok(())
}

/// Keeps a view of the store for a while, again and again.
pub(super) fn read_slowly(store: &Store, running: &PointsRun, mut random: Random) -> Result<(), Violation> {
    while running.goes_on() {
        let keep = Duration::from_millis(random.below(40) as u64);
        store.read(|read| {
            let generation = read.generation()?;
            thread::sleep(keep);
            match read.generation()? {
                same if same == generation => Ok(()),
                other => Err(Violation::new(format!("a view went from {generation:?} to {other:?}"))),
            }
        })?;
        thread::sleep(Duration::from_millis(random.below(20) as u64));
    }
    Ok(())
}

/// Waits until the writer has gone on.
pub(super) fn wait_for_the_next_step(running: &PointsRun) -> Result<(), Violation> {
    let (began, step) = (Instant::now(), running.steps.load(Ordering::SeqCst));
    // The next one may have been on its way before.
    while running.steps.load(Ordering::SeqCst) < step + 2 {
        if began.elapsed() > Duration::from_secs(60) {
            return Err(Violation::new("the writer does not go on".to_owned()));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn put(
    write: &WriteTransaction<'_>,
    project: &str,
    name: &str,
    size: u64,
    text: &str,
) -> Result<(), Violation> {
    let project = project.parse()?;
    let document = document(name, size, text)?;
    let rows = write.documents_of(&project)?;
    let existing = rows.iter().find(|row| row.file_path == document.file_path).map(|row| row.key);
    let _stored = write.put_document(existing, &project, &document)?;
    Ok(())
}

fn document(name: &str, size: u64, text: &str) -> Result<IngestedDocument, Violation> {
    Ok(IngestedDocument {
        file_path: format!("/soak/{name}"),
        source_path: name.parse()?,
        digest: Digest::from_bytes(*blake3::hash(text.as_bytes()).as_bytes()),
        stamp: FileStamp { size, modified_ns: 7, ..FileStamp::default() },
        root: String::new(),
        settled: true,
        chunked_by: "soak".to_owned(),
        encoding: "UTF-8".to_owned(),
        parsed: ParsedDocument {
            title: name.to_owned(),
            format: "markdown",
            tags: Vec::new(),
            date: None,
            front_matter: FrontMatter::default(),
            links: Vec::new(),
            chunks: vec![ChunkDraft {
                heading_path: HeadingPath::new(["Top"]),
                text: text.to_owned(),
                lines: LineSpan { first: 1, last: 1 },
                location: None,
            }],
        },
    })
}
