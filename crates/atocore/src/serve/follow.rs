//! Follows the files of every project for as long as the server runs: whatever changes is read a moment later.
//!
//! A change is a hint that has the project refreshed, by the same operation as every interface; so what is followed equals what is
//! refreshed by hand. Where the system does not tell of changes, files are looked through again and again, and the status
//! says so.

mod watches;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use atocore_engine::{
    Caller, Layout,
    files::{self, FileSystems, Mount},
};
use atocore_model::{error::ErrorCode, id::ProjectId, time::Clock};

use tokio::time::MissedTickBehavior;

use self::watches::{WatchOutcome, Watches};
use crate::{
    app::App,
    following::{Following, Refreshed},
    operations::{ApiError, ListProjects, RefreshProject, RefreshResult},
    tasks::AbortOnDrop,
};

/// How long after a fault of ours it is tried again.
const AFTER_A_FAULT: Duration = Duration::from_secs(10);

/// How often it is looked for what no folder tells: a disk that was mounted or unmounted, a root that is another folder
/// now, or is there again. A small list of the kernel, and a look at each root.
const LOOK_AROUND: Duration = Duration::from_secs(5);

/// What is followed, and how.
#[derive(Clone)]
pub(super) struct FollowSettings {
    /// How often files are looked through whose changes the system does not tell; `None` to follow nothing.
    pub(super) poll_every: Option<Duration>,
    /// Where what is our own lies: its changes are no news.
    pub(super) layout: Layout,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) on_refresh: Option<OnRefresh>,
}

/// What is told of a refresh.
#[derive(Clone)]
pub struct OnRefresh(Arc<dyn Fn(&RefreshResult) + Send + Sync>);

impl OnRefresh {
    /// Tells it to `tell`, which must not take long: the next refresh waits for it.
    pub fn new(tell: impl Fn(&RefreshResult) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

impl fmt::Debug for OnRefresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRefresh")
    }
}

/// Follows until it is dropped, whatever happens.
pub(super) async fn follow(app: &App, settings: FollowSettings) {
    let Some(poll_every) = settings.poll_every else { return std::future::pending().await };
    loop {
        let (app, settings) = (app.clone(), settings.clone());
        let mut follower = Follower::new(app, settings, poll_every);
        let task = tokio::spawn(async move { follower.run().await });
        let _aborted = AbortOnDrop(task.abort_handle());
        let ended = task.await;
        tracing::error!(error = ?ended.err(), "following_failed");
        tokio::time::sleep(AFTER_A_FAULT).await;
    }
}

/// A root, and the folder that its path has led to.
#[derive(Debug, Clone)]
struct FollowedRoot {
    named: PathBuf,
    folder: Option<PathBuf>,
}

impl FollowedRoot {
    fn new(named: PathBuf) -> Self {
        Self { folder: files::in_time(&named, Path::canonicalize).and_then(Result::ok), named }
    }

    /// Whether its path leads elsewhere now. Other machines are not asked.
    fn has_moved(&self, systems: &FileSystems) -> bool {
        let leads_to = || files::in_time(&self.named, Path::canonicalize);
        systems.remote(&self.named).is_none() && leads_to().is_some_and(|now| now.ok() != self.folder)
    }
}

struct Follower {
    app: App,
    following: Following,
    settings: FollowSettings,
    poll_every: Duration,
    watches: Arc<Mutex<Watches>>,
    /// The roots of each project, as its last refresh has found them.
    roots: BTreeMap<ProjectId, Vec<FollowedRoot>>,
    /// What is mounted around them.
    mounted: Vec<Mount>,
}

impl Follower {
    fn new(app: App, settings: FollowSettings, poll_every: Duration) -> Self {
        let following = app.following().clone();
        let watches = Watches::new(following.clone(), &settings);
        let watches = Arc::new(Mutex::new(watches));
        Self { app, following, settings, poll_every, watches, roots: BTreeMap::new(), mounted: Vec::new() }
    }

    async fn run(&mut self) {
        self.reload().await;
        let mut look_around = tokio::time::interval(LOOK_AROUND);
        look_around.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = self.following.next();
            let due = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                () = self.following.changed() => {}
                _ = look_around.tick() => self.look_around().await,
            }
            if self.following.take_lost_hints() {
                self.start_anew().await;
            }
            if self.following.take_registry_change() {
                self.reload().await;
            }
            if let Some(project) = self.following.begin_due(Instant::now()) {
                self.refresh(project).await;
            }
        }
    }

    /// Follows the projects of the registry. One that cannot be read changes nothing.
    async fn reload(&mut self) {
        match self.app.run(Caller::Local, ListProjects {}).await {
            Ok(list) => {
                let ids: Vec<ProjectId> = list.projects.into_iter().map(|project| project.id).collect();
                self.roots.retain(|id, _| ids.contains(id));
                let known = ids.clone();
                self.with_watches(move |watches| watches.keep(&known)).await;
                self.following.set_projects(ids, self.settings.clock.now());
            }
            Err(error) => tracing::warn!(%error, "registry_not_followed"),
        }
    }

    async fn refresh(&mut self, project: ProjectId) {
        let (began, started) = (self.settings.clock.now(), Instant::now());
        let operation = RefreshProject { gives_way: true, ..RefreshProject::of(project.as_str()) };
        let refreshed = self.app.run_behind(operation).await;
        let result = match refreshed {
            Ok(result) => result,
            Err(error) => return self.failed(&project, &error),
        };
        if let Some(OnRefresh(tell)) = &self.settings.on_refresh {
            tell(&result);
        }
        let took = started.elapsed();
        let systems = FileSystems::mounted();
        let polled = why_polled(&result, &systems);
        let (id, folders) = (project.clone(), result.folders);
        let named: Vec<PathBuf> = result.roots.into_iter().map(|root| root.named).collect();
        let watched = self.with_watches(move |watches| {
            let roots: Vec<_> = named.into_iter().map(FollowedRoot::new).collect();
            (watches.set(&id, folders), roots)
        });
        let (WatchOutcome { folders, any_new, problem }, roots) = watched.await;
        let _before = self.roots.insert(project.clone(), roots);
        self.mounted = self.mounted_around(&systems);
        let polled = problem.or(polled).map(|why| (self.poll_every, why));
        let done = Refreshed { began, took, folders, polled, again: any_new };
        self.following.refreshed(&project, done, self.settings.clock.now());
    }

    fn failed(&self, project: &ProjectId, error: &ApiError) {
        if error.code == ErrorCode::ProjectUnknown {
            self.following.hint_registry();
        }
        let gave_way = matches!(error.code, ErrorCode::Cancelled | ErrorCode::IngestionBusy);
        let why = (!gave_way).then(|| format!("{}: {}", error.code.as_str(), error.message));
        if let Some(why) = &why {
            tracing::warn!(project = project.as_str(), why, "followed_project_not_refreshed");
        }
        self.following.failed(project, why, self.settings.clock.now());
    }

    /// Where something is mounted around a root, or is no more, other files lie below the same paths.
    async fn look_around(&mut self) {
        let systems = FileSystems::mounted();
        let mounted = self.mounted_around(&systems);
        if mounted != self.mounted {
            self.mounted = mounted;
            self.following.lose_hints();
        }
        let roots = self.roots.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let moved =
                roots.into_iter().filter(|(_, roots)| roots.iter().any(|root| root.has_moved(&systems)));
            moved.map(|(id, _)| id).collect::<Vec<_>>()
        });
        self.following.hint(&looked.await.unwrap_or_default(), self.settings.clock.now());
    }

    fn mounted_around(&self, systems: &FileSystems) -> Vec<Mount> {
        let folders = self.roots.values().flatten().filter_map(|root| root.folder.as_deref());
        folders.flat_map(|folder| systems.around(folder)).collect()
    }

    /// Forgets what is watched, and looks through everything.
    async fn start_anew(&mut self) {
        tracing::info!("following_started_anew");
        self.with_watches(Watches::reset).await;
        self.following.hint_all(self.settings.clock.now());
    }

    /// Works with the watches on a thread that may block.
    async fn with_watches<T: Send + 'static + Default>(
        &self,
        work: impl FnOnce(&mut Watches) -> T + Send + 'static,
    ) -> T {
        let watches = Arc::clone(&self.watches);
        let worked = tokio::task::spawn_blocking(move || {
            work(&mut watches.lock().unwrap_or_else(PoisonError::into_inner))
        });
        worked.await.unwrap_or_else(|error| {
            tracing::error!(%error, "watches_failed");
            // What is watched now nobody knows.
            self.following.lose_hints();
            T::default()
        })
    }
}

/// Why the system does not tell of every change of the files of a project; `None` when it does.
fn why_polled(result: &RefreshResult, systems: &FileSystems) -> Option<String> {
    result.roots.iter().find_map(|root| {
        let named = if root.path.is_empty() { &root.subpath } else { &root.path };
        if let Some(reason) = &root.reason {
            return Some(format!("the root `{named}` was skipped: {reason}"));
        }
        let kind = systems.remote(root.path.as_ref())?;
        Some(format!("`{named}` lies on another machine ({kind}), which tells of no change"))
    })
}
