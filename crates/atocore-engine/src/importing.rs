//! Taking over an installation of the original: its documents, passages and facts into a new store, all of it in one
//! transaction. What cannot be taken is named, never dropped in silence.

use std::path::{Path, PathBuf};

use atocore_extract::Format;
use atocore_model::{
    digest::Digest,
    document::{ChunkDraft, FileStamp, FrontMatter, HeadingPath, LineSpan, ParsedDocument},
    fact::{
        Action, Category, Confidence, Content, FactId, FactText, MemoryStatus, NewInteraction, StateKey,
        StateStatus,
    },
    id::{MemoryId, ProjectId},
    monitor::{Monitor, Progress},
    name::{ProjectName, Tag},
    path::SourcePath,
    project::Project,
    time::Timestamp,
};
use atocore_storage::{
    files,
    original::{
        OriginalDocument, OriginalInteraction, OriginalMemory, OriginalState, OriginalStore, vectors_in,
    },
    registry::Registry,
    sqlite::{IngestedDocument, LoggedOperation, StorageError, StoreRecord, WriteTransaction},
};

use crate::{caller::Caller, engine::Engine, error::Error};

/// Where an installation of the original lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalInstallation {
    /// Its data folder, with `db/atocore.db` and `chroma`.
    pub data: PathBuf,
    /// Its registry; where it lies by default when this is `None`.
    pub registry: Option<PathBuf>,
}

/// What was taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Projects.
    pub projects: u64,
    /// Documents.
    pub documents: u64,
    /// Their passages.
    pub chunks: u64,
    /// Entries of project state.
    pub project_state: u64,
    /// Memories.
    pub memories: u64,
    /// Interactions.
    pub interactions: u64,
    /// Names of projects that facts belong to and that the registry does not have: register one to see its facts.
    pub unregistered: Vec<String>,
    /// Vectors in the folder of the original's vector store, which are made anew from the texts; `None` when there is no
    /// such folder.
    pub vectors_left: Option<u64>,
    /// What could not be taken.
    pub left_out: Vec<SkippedItem>,
}

/// Something that could not be taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedItem {
    /// What sort of thing: `document`, `project state`, `memory`, `interaction`.
    pub what: &'static str,
    /// Which one.
    pub name: String,
    /// Why.
    pub why: String,
}

impl Engine {
    /// Takes over an installation of the original into this one, which must be new: no project, no document, no fact. The
    /// original is only read, and should not be running.
    ///
    /// # Errors
    /// [`Error::NotNew`]; when the original's store or registry cannot be read, or this one not be written. Nothing was
    /// taken then.
    ///
    /// # Durability
    /// All that the report counts is on disk when this returns `Ok`.
    ///
    /// # Cancellation
    /// At every document; [`Error::Cancelled`], and nothing was taken.
    pub fn import_original(
        &self,
        original: &OriginalInstallation,
        caller: Caller,
        monitor: &dyn Monitor,
    ) -> Result<ImportReport, Error> {
        let _turn = self.ingest_lock().begin(
            "import of an original installation",
            self.clock().now(),
            self.busy_timeout(),
        )?;
        let scratch = self.layout().scratch().join("original");
        files::remove_tree(&scratch)?;
        files::create_dirs(&scratch)?;
        let report = self.take_over(original, &scratch, caller, monitor);
        files::remove_tree(&scratch)?;
        report
    }

    fn take_over(
        &self,
        original: &OriginalInstallation,
        scratch: &Path,
        caller: Caller,
        monitor: &dyn Monitor,
    ) -> Result<ImportReport, Error> {
        let target = self.store_if_any()?.ok_or_else(|| Error::StoreMissing(self.layout().database()))?;
        let registry = Registry::load(&original.registry())?;
        // Before the original is copied, which may take long; and again in the transaction, where it counts.
        self.must_be_new(&target.read(|read| read.record())?, &registry)?;
        let store = original.copy_store(scratch)?;
        let roots = ImportRoots::new(self, registry.projects())?;
        let operation = LoggedOperation {
            interface: caller.interface(),
            action: "import_original",
            subject: &original.data.to_string_lossy(),
        };
        let mut report = ImportReport {
            projects: registry.projects().len() as u64,
            vectors_left: vectors_in(&original.data.join("chroma"), scratch),
            ..ImportReport::default()
        };
        let mut saved = false;
        let committed = target.write(&operation, |write| {
            self.must_be_new(&write.record()?, &registry)?;
            let mut taking =
                Taking { store: &store, projects: registry.projects(), write, report: &mut report };
            taking.documents(&roots, monitor)?;
            taking.facts()?;
            // Last, and under the same barrier as the rows.
            self.save_registry(&registry)?;
            saved = true;
            Ok(())
        });
        match committed {
            Ok(committed) => self.see(committed.version.generation)?,
            Err(error) => {
                if saved {
                    // The rows could not be committed, so the registry goes back too; the first error is the one to report.
                    drop(self.save_registry(&Registry::default()));
                }
                return Err(error);
            }
        }
        Ok(report)
    }

    /// Refuses an installation that holds something already. The registry alone is what an import leaves that was killed
    /// just before it was committed.
    fn must_be_new(&self, record: &StoreRecord, theirs: &Registry) -> Result<(), Error> {
        let held = record.documents + record.fact_changes;
        let registered = self.projects()?;
        if held > 0 || !(registered.is_empty() || registered == theirs.projects()) {
            return Err(Error::NotNew);
        }
        Ok(())
    }
}

impl OriginalInstallation {
    /// A copy of its store.
    fn copy_store(&self, scratch: &Path) -> Result<OriginalStore, Error> {
        let database = self.data.join("db/atocore.db");
        OriginalStore::copy(&database, scratch).map_err(|error| match error {
            StorageError::Missing(path) => Error::OriginalMissing(path),
            StorageError::NotOriginal => Error::OriginalIsOurs(database.clone()),
            error => error.into(),
        })
    }

    /// The registry: as named, else beside the data folder, else in it.
    fn registry(&self) -> PathBuf {
        const NAME: &str = "config/project-registry.json";
        let beside = self.data.parent().map(|parent| parent.join(NAME));
        let found = [beside, Some(self.data.join(NAME))].into_iter().flatten().find(|path| path.is_file());
        self.registry.clone().or(found).unwrap_or_else(|| self.data.join(NAME))
    }
}

/// Which folder belongs to which project.
struct ImportRoots(Vec<(PathBuf, ProjectId)>);

impl ImportRoots {
    fn new(engine: &Engine, projects: &[Project]) -> Result<Self, Error> {
        let mut roots = Vec::new();
        for project in projects {
            for root in &project.roots {
                let named = engine.folders().named(&root.location).ok_or_else(|| Error::RootUnusable {
                    root: root.location.clone(),
                    why: "the folder it lies in is not configured".to_owned(),
                })?;
                roots.extend(
                    engine.folders().resolve(&root.location).ok().map(|path| (path, project.id.clone())),
                );
                roots.push((named, project.id.clone()));
            }
        }
        Ok(Self(roots))
    }

    /// The project of a file, and its path below the deepest root that it lies in.
    fn owner(&self, file: &Path) -> Option<(&ProjectId, SourcePath)> {
        let below = |root: &PathBuf| SourcePath::from_relative(file.strip_prefix(root).ok()?).ok();
        let owners = self.0.iter().filter_map(|(root, project)| Some((root, project, below(root)?)));
        let deepest = owners.max_by_key(|(root, ..)| root.components().count())?;
        Some((deepest.1, deepest.2))
    }
}

/// Taking over, in one transaction.
struct Taking<'a> {
    store: &'a OriginalStore,
    projects: &'a [Project],
    write: &'a WriteTransaction<'a>,
    report: &'a mut ImportReport,
}

impl Taking<'_> {
    fn documents(&mut self, roots: &ImportRoots, monitor: &dyn Monitor) -> Result<(), Error> {
        let documents = self.store.documents()?;
        let total = Some(documents.len() as u64);
        for (done, document) in documents.iter().enumerate() {
            if monitor.cancelled() {
                return Err(Error::Cancelled);
            }
            monitor.progress(Progress { phase: "taking over documents".into(), done: done as u64, total });
            let Some((project, source_path)) = roots.owner(Path::new(&document.file_path)) else {
                self.leave("document", &document.file_path, "it lies below no root of the registry");
                continue;
            };
            let ingested = self.ingested(document, source_path)?;
            let stored = self.write.put_document(None, project, &ingested)?;
            self.report.documents += 1;
            self.report.chunks += stored.added;
        }
        Ok(())
    }

    /// A document as if it had been read, except that its bytes are not known: the next refresh reads its file.
    fn ingested(
        &mut self,
        document: &OriginalDocument,
        source_path: SourcePath,
    ) -> Result<IngestedDocument, Error> {
        let file = std::fs::read_to_string(&document.file_path).unwrap_or_default();
        let chunks = self.store.chunks(&document.id)?.into_iter().map(|chunk| ChunkDraft {
            heading_path: HeadingPath::from_text(chunk.heading_path),
            lines: lines_of(&file, &chunk.content),
            location: None,
            text: chunk.content,
        });
        let tags: Vec<String> = serde_json::from_str(&document.tags).unwrap_or_default();
        let markdown = source_path.as_str().ends_with(".md") || source_path.as_str().ends_with(".markdown");
        let title = if document.title.is_empty() {
            source_path.file_name().to_owned()
        } else {
            document.title.clone()
        };
        let modified = Timestamp::parse_utc(&document.updated_at).map_or(0, Timestamp::as_nanosecond);
        Ok(IngestedDocument {
            file_path: document.file_path.clone(),
            digest: Digest::from_bytes([0; 32]),
            stamp: FileStamp {
                modified_ns: i64::try_from(modified).unwrap_or_default(),
                ..FileStamp::default()
            },
            root: String::new(),
            settled: false,
            chunked_by: "original".to_owned(),
            encoding: "UTF-8".to_owned(),
            parsed: ParsedDocument {
                title,
                format: if markdown { Format::Markdown } else { Format::Text }.as_str(),
                tags: tags.iter().filter_map(|tag| tag.parse::<Tag>().ok()).collect(),
                date: None,
                front_matter: FrontMatter::default(),
                links: Vec::new(),
                chunks: chunks.collect(),
            },
            source_path,
        })
    }

    fn facts(&mut self) -> Result<(), Error> {
        for entry in self.store.state()? {
            match self.state(&entry)? {
                Ok(()) => self.report.project_state += 1,
                Err(why) => {
                    let name = format!("{}: {} / {}", entry.project, entry.category, entry.key);
                    self.leave("project state", &name, &why);
                }
            }
        }
        for memory in self.store.memories()? {
            match self.memory(&memory)? {
                Ok(()) => self.report.memories += 1,
                Err(why) => self.leave("memory", &memory.id, &why),
            }
        }
        for interaction in self.store.interactions()? {
            match self.interaction(&interaction)? {
                Ok(()) => self.report.interactions += 1,
                Err(why) => self.leave("interaction", &interaction.created_at, &why),
            }
        }
        Ok(())
    }

    fn state(&mut self, entry: &OriginalState) -> Result<Result<(), String>, Error> {
        let read = || -> Result<(Category, StateKey, Content), String> {
            Ok((
                entry.category.parse().map_err(in_words)?,
                entry.key.parse().map_err(in_words)?,
                Content::State {
                    value: entry.value.parse().map_err(in_words)?,
                    source: entry.source.parse().map_err(in_words)?,
                    confidence: Confidence::new(entry.confidence).map_err(in_words)?,
                    status: if entry.status == "active" { StateStatus::Active } else { StateStatus::Invalid },
                },
            ))
        };
        let (category, key, content) = match read() {
            Ok(read) => read,
            Err(why) => return Ok(Err(why)),
        };
        let project = match self.project(&entry.project) {
            Ok(Some(project)) => project,
            Ok(None) => return Ok(Err("it names no project".to_owned())),
            Err(why) => return Ok(Err(why)),
        };
        if self.write.state_at(&project, &category, &key)?.is_some() {
            return Ok(Err("another name of the project has the same entry already".to_owned()));
        }
        let id = self.write.put_state(&project, &category, &key, &content, Action::Import)?;
        self.date(&FactId::State(id), &entry.created_at, &entry.updated_at)?;
        Ok(Ok(()))
    }

    fn memory(&mut self, memory: &OriginalMemory) -> Result<Result<(), String>, Error> {
        let content = || -> Result<Content, String> {
            Ok(Content::Memory {
                memory_type: memory.memory_type.parse().map_err(in_words)?,
                content: memory.content.parse::<FactText>().map_err(in_words)?,
                source: "the original installation".parse().map_err(in_words)?,
                confidence: Confidence::new(memory.confidence).map_err(in_words)?,
                status: memory.status.parse::<MemoryStatus>().map_err(in_words)?,
                superseded_by: None,
            })
        };
        let (content, project) = match (content(), self.project(&memory.project)) {
            (Ok(content), Ok(project)) => (content, project),
            (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
        };
        // The same id whenever the same memory is taken over.
        let digest = blake3::hash(memory.id.as_bytes());
        let mut bytes = [0; 12];
        bytes.copy_from_slice(&digest.as_bytes()[..12]);
        let id = MemoryId::from_bytes(bytes);
        let id = self.write.add_memory(Some(id), project.as_ref(), &content, Action::Import)?;
        self.date(&FactId::Memory(id), &memory.created_at, &memory.updated_at)?;
        Ok(Ok(()))
    }

    fn interaction(&mut self, interaction: &OriginalInteraction) -> Result<Result<(), String>, Error> {
        let ids = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap_or_default();
        let read = || -> Result<NewInteraction, String> {
            Ok(NewInteraction {
                prompt: interaction.prompt.parse().map_err(in_words)?,
                response: interaction.response.parse().map_err(in_words)?,
                response_summary: interaction.summary.parse().map_err(in_words)?,
                project: None,
                client: interaction.client.parse().map_err(in_words)?,
                session_id: interaction.session.parse().map_err(in_words)?,
                memories_used: ids(&interaction.memories_used),
                chunks_used: ids(&interaction.chunks_used),
                context_pack: serde_json::from_str(&interaction.context_pack).unwrap_or_default(),
            })
        };
        let (new, project) = match (read(), self.project(&interaction.project)) {
            (Ok(new), Ok(project)) => (new, project),
            (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
        };
        let id = self.write.add_interaction(&new, project.as_ref())?;
        self.date(&FactId::Interaction(id), &interaction.created_at, &interaction.created_at)?;
        Ok(Ok(()))
    }

    /// The project that a name of the original stands for; `None` for no name. One that the registry does not have keeps
    /// its facts under the id that its name makes.
    fn project(&mut self, name: &str) -> Result<Option<ProjectId>, String> {
        if name.trim().is_empty() {
            return Ok(None);
        }
        let parsed: ProjectName = name.parse().map_err(in_words)?;
        if let Some(project) = self.projects.iter().find(|project| project.answers_to(&parsed)) {
            return Ok(Some(project.id.clone()));
        }
        let words = name.to_lowercase();
        let words = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let id = words.collect::<Vec<_>>().join("-").parse::<ProjectId>().map_err(in_words)?;
        if !self.report.unregistered.iter().any(|known| known == id.as_str()) {
            self.report.unregistered.push(id.to_string());
        }
        Ok(Some(id))
    }

    /// Gives a fact the times it had.
    fn date(&self, fact: &FactId, created: &str, updated: &str) -> Result<(), StorageError> {
        let Some(created) = Timestamp::parse_utc(created) else { return Ok(()) };
        self.write.date_fact(fact, created, Timestamp::parse_utc(updated).unwrap_or(created))
    }

    fn leave(&mut self, what: &'static str, name: &str, why: &str) {
        self.report.left_out.push(SkippedItem { what, name: name.to_owned(), why: why.to_owned() });
    }
}

fn in_words(error: impl std::error::Error) -> String {
    error.to_string()
}

/// The lines of a passage in its file; 0 to 0 when it is not there any more.
fn lines_of(file: &str, text: &str) -> LineSpan {
    let Some(start) = file.find(text).filter(|_| !text.is_empty()) else {
        return LineSpan { first: 0, last: 0 };
    };
    let count = |text: &str| u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
    let first = count(&file[..start]) + 1;
    LineSpan { first, last: first + count(text.trim_end_matches('\n')) }
}
