//! The folders that the system watches for us, each by itself: only those that a refresh has looked into, so that nothing
//! is spent on what is ignored.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use atocore_engine::files;
use atocore_model::{id::ProjectId, time::Clock};
use notify::{
    ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, CreateKind, ModifyKind},
};

use super::FollowSettings;
use crate::following::Following;

/// What came of watching the folders of a project.
#[derive(Debug, Default)]
pub(super) struct WatchOutcome {
    /// How many are watched.
    pub(super) folders: u64,
    /// Whether some were not watched before: what changed in them since they were looked into nobody has told.
    pub(super) any_new: bool,
    /// Why some are not watched, as a sentence without its full stop.
    pub(super) problem: Option<String>,
}

/// What is watched.
pub(super) struct Watches {
    hearer: Hearer,
    /// Why there is none, when the system gives none.
    watcher: Result<RecommendedWatcher, String>,
    /// No more folders are watched than this.
    most: usize,
}

/// How many folders all programs of this user may watch, on Linux: on the machine, and in the container.
const LIMITS: [&str; 2] = ["/proc/sys/fs/inotify/max_user_watches", "/proc/sys/user/max_inotify_watches"];

/// Three quarters of them: editors and whatever else watches files would get none.
fn most() -> usize {
    let limit = |path| {
        let limit = files::read_if_present(Path::new(path)).ok().flatten()?;
        String::from_utf8_lossy(&limit).trim().parse::<usize>().ok()
    };
    LIMITS.into_iter().filter_map(limit).min().map_or(usize::MAX, |limit| limit / 4 * 3)
}

/// Hears what the system tells. It runs on a thread of the library, which must not wait for whoever changes the watches.
#[derive(Clone)]
struct Hearer {
    following: Following,
    clock: Arc<dyn Clock>,
    /// The registry, by each of its paths.
    registry: Vec<PathBuf>,
    /// The folders of what changes with every refresh.
    own: Vec<PathBuf>,
    /// Whose each folder is. A folder that was removed or moved is forgotten, so that it is watched anew when it is there.
    folders: Arc<Mutex<BTreeMap<PathBuf, Vec<ProjectId>>>>,
}

impl Watches {
    pub(super) fn new(following: Following, settings: &FollowSettings) -> Self {
        let layout = &settings.layout;
        let hearer = Hearer {
            following,
            clock: Arc::clone(&settings.clock),
            registry: by_each_path(&layout.registry),
            own: [&layout.data, &layout.backups]
                .into_iter()
                .flat_map(|folder| by_each_path(folder))
                .collect(),
            folders: Arc::default(),
        };
        Self { watcher: hearer.watcher(), hearer, most: most() }
    }

    /// Forgets all, as after the system has lost count.
    pub(super) fn reset(&mut self) {
        // Those of before end with it.
        self.watcher = Err(String::new());
        self.hearer.folders().clear();
        self.watcher = self.hearer.watcher();
    }

    /// Forgets the folders of all other projects.
    pub(super) fn keep(&mut self, projects: &[ProjectId]) {
        self.forget(|_, owner| !projects.contains(owner));
    }

    /// Watches these folders of a project, and no others of it.
    pub(super) fn set(&mut self, project: &ProjectId, folders: Vec<PathBuf>) -> WatchOutcome {
        let is_own = |folder: &PathBuf| self.hearer.is_own(folder);
        let folders: BTreeSet<PathBuf> = folders.into_iter().filter(|folder| !is_own(folder)).collect();
        self.forget(|folder, owner| owner == project && !folders.contains(folder));
        let missing = self.hearer.missing(&folders, project);
        let mut outcome =
            WatchOutcome { folders: (folders.len() - missing.len()) as u64, ..WatchOutcome::default() };
        for folder in missing {
            match self.add(folder, project) {
                Ok(()) => {
                    outcome.folders += 1;
                    outcome.any_new = true;
                }
                // Its folder tells that it has gone.
                Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {}
                Err(error) => {
                    let _first = outcome.problem.get_or_insert_with(|| why(folder, &error));
                    if matches!(error.kind, ErrorKind::MaxFilesWatch) {
                        break;
                    }
                }
            }
        }
        outcome
    }

    /// Watches a folder for a project as well.
    fn add(&mut self, folder: &Path, project: &ProjectId) -> Result<(), notify::Error> {
        let watcher = self.watcher.as_mut().map_err(|why| notify::Error::generic(why))?;
        // Known before it is watched, and not held meanwhile: who hears of the first change asks whose it is.
        let is_watched = {
            let mut known = self.hearer.folders();
            if known.len() >= self.most && !known.contains_key(folder) {
                return Err(notify::Error::new(ErrorKind::MaxFilesWatch));
            }
            let owners = known.entry(folder.to_owned()).or_default();
            owners.push(project.clone());
            owners.len() > 1
        };
        if is_watched {
            return Ok(());
        }
        let watched = watcher.watch(folder, RecursiveMode::NonRecursive);
        watched.inspect_err(|_| drop(self.hearer.folders().remove(folder)))
    }

    /// Takes folders from their owners; those that have none left are no longer watched.
    fn forget(&mut self, is_gone: impl Fn(&Path, &ProjectId) -> bool) {
        let mut forgotten = Vec::new();
        self.hearer.folders().retain(|folder, owners| {
            owners.retain(|owner| !is_gone(folder, owner));
            if owners.is_empty() {
                forgotten.push(folder.clone());
            }
            !owners.is_empty()
        });
        if let Ok(watcher) = &mut self.watcher {
            for folder in forgotten {
                // One that was removed meanwhile is watched no longer anyway.
                drop(watcher.unwatch(&folder));
            }
        }
    }
}

/// A path, and where it leads when there is a link on it.
fn by_each_path(path: &Path) -> Vec<PathBuf> {
    let mut paths = vec![path.to_owned()];
    paths.extend(path.canonicalize().ok().filter(|real| real != path));
    paths
}

/// Why a folder is not watched.
fn why(folder: &Path, error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "no more folders can be watched, a quarter of those that this user may is left to other programs; raise \
             fs.inotify.max_user_watches"
                .to_owned()
        }
        ErrorKind::Io(error) => format!("`{}` cannot be watched: {error}", folder.display()),
        _ => format!("`{}` cannot be watched: {error}", folder.display()),
    }
}

impl Hearer {
    /// What hears of the folders that are added to it, and of the registry.
    fn watcher(&self) -> Result<RecommendedWatcher, String> {
        let hearer = self.clone();
        let heard = move |told: notify::Result<Event>| hearer.hear(told);
        let mut watcher = notify::recommended_watcher(heard).map_err(|error| error.to_string())?;
        for folder in self.registry.iter().filter_map(|registry| registry.parent()) {
            let made = files::create_dirs_synced(folder).map_err(|error| error.to_string());
            let watched = made.and_then(|()| {
                watcher.watch(folder, RecursiveMode::NonRecursive).map_err(|error| error.to_string())
            });
            if let Err(error) = watched {
                tracing::warn!(error, "registry_not_watched");
            }
        }
        Ok(watcher)
    }

    fn folders(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Vec<ProjectId>>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of some folders that are not watched for a project.
    fn missing<'f>(&self, folders: &'f BTreeSet<PathBuf>, project: &ProjectId) -> Vec<&'f PathBuf> {
        let known = self.folders();
        let is_missing =
            |folder: &&PathBuf| !known.get(*folder).is_some_and(|owners| owners.contains(project));
        folders.iter().filter(is_missing).collect()
    }

    /// Whether something is ours, so that it changes with every refresh.
    fn is_own(&self, path: &Path) -> bool {
        self.own.iter().any(|own| path.starts_with(own))
    }

    fn hear(&self, told: notify::Result<Event>) {
        let event = match told {
            Ok(event) if event.need_rescan() => return self.following.lose_hints(),
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, "following_lost_count");
                return self.following.lose_hints();
            }
        };
        let is_read = matches!(
            event.kind,
            EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write)
        );
        if is_read {
            return;
        }
        // Whatever is at the path now, it is not what was watched there.
        let is_another = matches!(
            event.kind,
            EventKind::Remove(_)
                | EventKind::Modify(ModifyKind::Name(_))
                | EventKind::Create(CreateKind::Folder)
        );
        for path in event.paths.iter().filter(|path| !self.is_own(path)) {
            if self.registry.contains(path) {
                self.following.hint_registry();
            }
            let mut owners = BTreeSet::new();
            let mut folders = self.folders();
            let beside = path.parent().and_then(|parent| folders.get(parent));
            owners.extend(beside.into_iter().chain(folders.get(path)).flatten().cloned());
            if is_another && folders.contains_key(path) {
                let below = folders.range(path.clone()..).take_while(|(folder, _)| folder.starts_with(path));
                let below: Vec<PathBuf> = below.map(|(folder, _)| folder.clone()).collect();
                for folder in below {
                    owners.extend(folders.remove(&folder).unwrap_or_default());
                }
            }
            drop(folders);
            if !owners.is_empty() {
                self.following.hint(&owners, self.clock.now());
            }
        }
    }
}
