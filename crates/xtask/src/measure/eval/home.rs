//! The installation of a collection, kept between runs: what has not changed is neither read nor embedded again.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};

use atocore_engine::{Access, Caller, ChromaServer, Engine, EngineConfig, Error, Layout, VectorStore};
use atocore_model::{
    error::with_causes,
    monitor::Silent,
    name::ProjectName,
    project::{Project, Root, RootLocation},
};
use atocore_storage::files;
use atocore_testkit::{chroma::Server, model};

use super::collection::Collection;
use crate::{failure::Failure, terminal};

/// How documents are written; another number means that they are written anew.
const FORM: &str = "form 1";

/// The project that all documents are in.
const PROJECT: &str = "judged";

/// A Chroma server with nothing on it, which goes with all that was put there.
pub(super) struct ServerInUse {
    server: Server,
    _data: tempfile::TempDir,
}

impl ServerInUse {
    /// Starts it.
    pub(super) fn start() -> Result<Self, Failure> {
        let data = tempfile::tempdir().map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Self { server: Server::start(data.path()), _data: data })
    }

    /// A collection on it.
    fn store(&self, name: &str) -> VectorStore {
        VectorStore::Chroma(ChromaServer {
            url: self.server.url(),
            tenant: "default_tenant".to_owned(),
            database: "default_database".to_owned(),
            collection: format!("eval-{name}"),
            token: None,
            authorities: None,
            timeout: Duration::from_secs(60),
        })
    }
}

/// Opens the installation of a collection with every document read and every vector made.
pub(super) fn open(
    folder: &Path,
    collection: &Collection,
    server: Option<&ServerInUse>,
    talks: bool,
) -> Result<Engine, Failure> {
    let name =
        folder.file_name().ok_or_else(|| Failure::usage(format!("`{}` has no name", folder.display())))?;
    let place = place(&name.to_string_lossy())?;
    let documents = place.join("documents");
    if talks {
        terminal::note(&format!("{}: reading and embedding what is new", place.display()));
    }
    write_documents(&place, &documents, folder, collection)?;
    let vectors = server.map_or(VectorStore::Embedded, |server| server.store(&name.to_string_lossy()));
    let config = EngineConfig { vectors, ..config(&place.join("home")) };
    read(config, documents)
}

/// Opens the installation that is kept at a place, with every document of a folder read and every vector made.
pub(super) fn open_folder(place: &Path, documents: PathBuf) -> Result<Engine, Failure> {
    terminal::note(&format!("{}: reading and embedding what is new", place.display()));
    read(config(&place.join("home")), documents)
}

/// Where the installation with that name is kept.
pub(super) fn place(name: &str) -> Result<PathBuf, Failure> {
    Ok(target()?.join("eval").join(name))
}

fn read(config: EngineConfig, documents: PathBuf) -> Result<Engine, Failure> {
    let engine = Engine::open(config, access(), &Silent).map_err(failed)?;
    let name: ProjectName = PROJECT.parse().map_err(|_| Failure::failed("an id is a name"))?;
    match engine.project(&name) {
        Ok(_) => {}
        Err(Error::ProjectUnknown { .. }) => {
            let _added = engine.add_project(project(documents)?, Caller::Local).map_err(failed)?;
        }
        Err(error) => return Err(failed(error)),
    }
    let _report = engine.refresh(&name, Caller::Local, &Silent).map_err(failed)?;
    let _report = engine.embed(&Silent).map_err(failed)?;
    Ok(engine)
}

/// Writes the documents, unless those of this very collection are there.
fn write_documents(
    place: &Path,
    documents: &Path,
    folder: &Path,
    collection: &Collection,
) -> Result<(), Failure> {
    let failed = |error: files::FileError| Failure::failed(error.to_string());
    let read = files::stream::digest(&folder.join("corpus.jsonl"), &mut |_| ControlFlow::Continue(()));
    let (_, digest) = read.map_err(failed)?.ok_or_else(|| Failure::failed("it was cancelled"))?;
    let (stamp, wanted) = (place.join("collection"), format!("{FORM} {digest}"));
    if files::read_if_present(&stamp).map_err(failed)?.is_some_and(|found| found == wanted.as_bytes()) {
        return Ok(());
    }
    files::create_dirs(place).map_err(failed)?;
    files::remove_tree(documents).map_err(failed)?;
    collection.write_documents(documents)?;
    files::write_atomic(&stamp, wanted.as_bytes()).map_err(failed)
}

fn config(home: &Path) -> EngineConfig {
    EngineConfig { model: model::choice(), ..EngineConfig::new(Layout::in_home(home)) }
}

fn access() -> Access {
    Access::Own { activity: "eval".to_owned(), socket: None }
}

fn project(documents: PathBuf) -> Result<Project, Failure> {
    Ok(Project {
        id: PROJECT.parse().map_err(|_| Failure::failed("`judged` is a project id"))?,
        aliases: Vec::new(),
        description: String::new(),
        roots: vec![Root { location: RootLocation::Folder(documents), label: String::new() }],
    })
}

/// Cargo's folder of build results, in which this program lies.
fn target() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::failed(error.to_string()))?;
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    marked.map(Path::to_owned).ok_or_else(|| Failure::failed("this program does not lie in a build folder"))
}

/// An error of the engine with its causes.
fn failed(error: Error) -> Failure {
    Failure::failed(with_causes(&error))
}
