//! What a snapshot can have of the vectors on a Chroma server: the folder of one that runs here, or an export.

use atocore_backup::{
    manifest::{CollectionForm, CollectionRecord},
    take::{self, VectorServer},
};
use atocore_chroma::{ChromaServer, Lease, ServerIndex};
use atocore_model::monitor::Monitor;
use atocore_storage::{
    files,
    layout::Layout,
    sqlite::inspect::{self, StoredCollection},
    vector::VectorError,
};

use super::scratch_dir::ScratchDir;
use crate::{embedding::VectorStore, engine::Engine, error::Error};

/// The database in the folder of a server.
const DATABASE: &str = "chroma.sqlite3";

/// What there is, and where an export of it lies for as long as this lives.
#[derive(Debug, Default)]
pub(super) struct LiveServer {
    pub(super) server: VectorServer,
    _scratch_dir: Option<ScratchDir>,
}

/// Looks for the collection in use while nobody here changes it, and exports it when its server keeps it elsewhere.
pub(super) fn find(engine: &Engine, lease: &Lease<'_>, monitor: &dyn Monitor) -> Result<LiveServer, Error> {
    let (VectorStore::Chroma(server), Some(index)) = (&engine.config().vectors, engine.embedding().server())
    else {
        return Ok(LiveServer::default());
    };
    let layout = engine.layout();
    let here = in_folder(layout, server);
    let found = match (index.collection(), here) {
        (Ok(None), _) => VectorServer::Unknown,
        (Ok(Some(told)), Some(here)) if told == here => {
            VectorServer::InFolder(recorded(&here, CollectionForm::Directory))
        }
        (Ok(Some(_)), _) => return export(layout, index, lease, monitor),
        // A server that was stopped to be copied.
        (Err(VectorError::Unavailable(_)), Some(here)) => {
            VectorServer::InFolder(recorded(&here, CollectionForm::Directory))
        }
        (Err(VectorError::Unavailable(outage)), None) => VectorServer::Unavailable { why: outage.why },
        (Err(error), _) => return Err(error.into()),
    };
    Ok(LiveServer { server: found, _scratch_dir: None })
}

/// Whether the server in use answers and keeps its data in the folder of this installation.
pub(crate) fn runs_here(engine: &Engine) -> bool {
    let (VectorStore::Chroma(server), Some(index)) = (&engine.config().vectors, engine.embedding().server())
    else {
        return false;
    };
    let told = index.collection().ok().flatten();
    told.is_some() && told == in_folder(engine.layout(), server)
}

/// The collection in use as it stands in the folder of a server on this machine.
fn in_folder(layout: &Layout, server: &ChromaServer) -> Option<StoredCollection> {
    let all = inspect::live_collections(&layout.vector_store().join(DATABASE)).ok()?;
    let is_it = |found: &StoredCollection| {
        found.tenant == server.tenant && found.database == server.database && found.name == server.collection
    };
    all.into_iter().find(is_it)
}

fn export(
    layout: &Layout,
    index: &dyn ServerIndex,
    lease: &Lease<'_>,
    monitor: &dyn Monitor,
) -> Result<LiveServer, Error> {
    let scratch_dir = ScratchDir::new(&layout.scratch(), "export");
    files::create_dirs(scratch_dir.dir())?;
    match index.export(lease, scratch_dir.dir(), monitor) {
        Ok(Some(told)) => {
            let collection = recorded(&told, CollectionForm::Export);
            let server = VectorServer::ExportedArchive { from: scratch_dir.dir().to_owned(), collection };
            Ok(LiveServer { server, _scratch_dir: Some(scratch_dir) })
        }
        Ok(None) => Ok(LiveServer::default()),
        Err(VectorError::Unavailable(outage)) => {
            Ok(LiveServer { server: VectorServer::Unavailable { why: outage.why }, _scratch_dir: None })
        }
        Err(VectorError::Cancelled) => Err(Error::Cancelled),
        Err(error) => Err(error.into()),
    }
}

fn recorded(found: &StoredCollection, form: CollectionForm) -> CollectionRecord {
    CollectionRecord {
        form,
        tenant: found.tenant.clone(),
        database: found.database.clone(),
        name: found.name.clone(),
        generation: found.version.generation.0,
        token: take::token_text(found.version.token),
        records: found.records,
    }
}
