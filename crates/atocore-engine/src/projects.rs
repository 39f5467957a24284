//! The rules of the registry: which names resolve to what, and which folders may be whose.

pub(crate) mod roots;

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use atocore_model::{
    id::{Generation, ProjectId},
    name::{Alias, ProjectName},
    nearest::slips,
    project::{Project, Root, RootLocation},
    text::caseless,
};
use atocore_storage::registry::{Registry, RegistryFault};
use roots::Folders;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    caller::{Caller, Reach},
    error::Error,
};

/// What is to be changed about a project; `None` leaves a thing as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectChange {
    /// All its aliases.
    pub aliases: Option<Vec<Alias>>,
    /// Its description.
    pub description: Option<String>,
    /// All its roots.
    pub roots: Option<Vec<Root>>,
}

/// What removing a project would remove. Files on disk stay; they can be registered and ingested again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RemovalPlan {
    /// The project.
    pub project: Project,
    /// Documents that would leave the store.
    pub documents: u64,
    /// Passages that would.
    pub chunks: u64,
    /// Facts about it, which stay and are shown again when it is registered again.
    pub facts_kept: u64,
    /// The generation that the plan was made for; another one makes it void.
    pub generation: Generation,
}

/// A file that changed less long ago than this may change again without its time showing it.
const SETTLED: Duration = Duration::from_secs(2);

/// How many names are offered to somebody who mistyped one.
const NEAR_NAMED: usize = 3;

/// What somebody who mistyped a name probably meant, the nearest first: of a project that of its names which is nearest.
fn near(projects: &[Project], name: &ProjectName) -> Vec<String> {
    let folded = name.folded();
    let nearest_of = |project: &Project| {
        let names = std::iter::once(project.id.as_str()).chain(project.aliases.iter().map(Alias::as_str));
        let slips = |known: &str| Some((slips(&folded, &caseless(known))?, known.to_owned()));
        names.filter_map(slips).min_by_key(|(edits, _)| *edits)
    };
    let mut near: Vec<(usize, String)> = projects.iter().filter_map(nearest_of).collect();
    near.sort();
    near.into_iter().take(NEAR_NAMED).map(|(_, known)| known).collect()
}

/// The registry file, read again whenever somebody has edited it.
#[derive(Debug)]
pub(crate) struct Projects {
    path: PathBuf,
    folders: Folders,
    cached: Mutex<Option<Cached>>,
}

#[derive(Debug)]
struct Cached {
    stamp: Stamp,
    registry: Arc<Registry>,
}

/// What the system says of the registry file. Anybody can set the time of its last change; nobody can set its number and
/// when anything about it last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: SystemTime,
    changed: SystemTime,
    inode: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let data = std::fs::metadata(path).ok()?;
        let (seconds, nanoseconds) = (data.ctime().try_into().ok()?, data.ctime_nsec().try_into().ok()?);
        let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))?;
        Some(Self { size: data.len(), modified: data.modified().ok()?, changed, inode: data.ino() })
    }

    fn is_settled(&self) -> bool {
        let is_old = |time: SystemTime| time.elapsed().is_ok_and(|age| age > SETTLED);
        is_old(self.modified) && is_old(self.changed)
    }
}

impl Projects {
    pub(crate) fn new(path: PathBuf, folders: Folders) -> Self {
        Self { path, folders, cached: Mutex::default() }
    }

    /// The folders that roots are resolved against.
    pub(crate) const fn folders(&self) -> &Folders {
        &self.folders
    }

    /// The registry as it stands in the file now.
    pub(crate) fn registry(&self) -> Result<Arc<Registry>, Error> {
        let stamp = Stamp::of(&self.path);
        let mut cached = self.lock();
        if let Some(known) = cached.as_ref()
            && Some(known.stamp) == stamp
        {
            return Ok(Arc::clone(&known.registry));
        }
        let registry = Arc::new(Registry::load(&self.path)?);
        *cached =
            stamp.filter(Stamp::is_settled).map(|stamp| Cached { stamp, registry: Arc::clone(&registry) });
        Ok(registry)
    }

    /// The project that a name stands for: the one function through which every interface resolves ids and aliases.
    pub(crate) fn resolve(&self, name: &ProjectName) -> Result<Project, Error> {
        let registry = self.registry()?;
        let found = registry.projects().iter().find(|project| project.answers_to(name));
        found.cloned().ok_or_else(|| Error::ProjectUnknown {
            name: name.clone(),
            near: near(registry.projects(), name),
        })
    }

    /// The registry with a new project, checked but not yet written.
    pub(crate) fn adding(&self, project: &Project, caller: Caller) -> Result<Registry, Error> {
        let registry = self.registry()?;
        if registry.projects().iter().any(|known| known.id == project.id) {
            return Err(Error::ProjectExists(project.id.clone()));
        }
        self.with(&registry, project, &project.roots, caller)
    }

    /// The registry with a changed project, checked but not yet written, and the project as it would be.
    pub(crate) fn changing(
        &self,
        name: &ProjectName,
        change: ProjectChange,
        caller: Caller,
    ) -> Result<(Registry, Project), Error> {
        let registry = self.registry()?;
        let before = self.resolve(name)?;
        let project = Project {
            id: before.id.clone(),
            aliases: change.aliases.unwrap_or_else(|| before.aliases.clone()),
            description: change.description.unwrap_or_else(|| before.description.clone()),
            roots: change.roots.unwrap_or_else(|| before.roots.clone()),
        };
        let is_new = |root: &&Root| before.roots.iter().all(|old| old.location != root.location);
        let new_roots: Vec<Root> = project.roots.iter().filter(is_new).cloned().collect();
        Ok((self.with(&registry, &project, &new_roots, caller)?, project))
    }

    /// Writes the registry.
    pub(crate) fn save(&self, registry: &Registry) -> Result<(), Error> {
        let mut cached = self.lock();
        registry.save(&self.path)?;
        *cached = None;
        Ok(())
    }

    /// Puts a project into the registry after looking at the roots that are new.
    fn with(
        &self,
        registry: &Registry,
        project: &Project,
        new_roots: &[Root],
        caller: Caller,
    ) -> Result<Registry, Error> {
        if project.roots.is_empty() {
            return Err(Error::NoRoots(project.id.clone()));
        }
        for root in new_roots {
            if let (RootLocation::Folder(_), Reach::Network) = (&root.location, caller.reach()) {
                return Err(Error::RootForbidden(root.location.clone()));
            }
            let unusable =
                |why: &str| Error::RootUnusable { root: root.location.clone(), why: why.to_owned() };
            let folder =
                self.folders.resolve(&root.location).map_err(|skip| unusable(&roots::in_words(&skip)))?;
            if let Some(owner) = self.owner_of(registry, &folder, &project.id) {
                return Err(Error::RootTaken { folder, owner });
            }
        }
        registry.with(project).map_err(|faults: Vec<RegistryFault>| Error::NameTaken(faults))
    }

    /// Another project that has exactly this folder as a root.
    fn owner_of(&self, registry: &Registry, folder: &Path, except: &ProjectId) -> Option<ProjectId> {
        let others = registry.projects().iter().filter(|project| project.id != *except);
        let has = |project: &&Project| {
            project
                .roots
                .iter()
                .any(|root| self.folders.resolve(&root.location).is_ok_and(|other| other == folder))
        };
        others.into_iter().find(has).map(|project| project.id.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Cached>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
