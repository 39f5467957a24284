//! How fresh each project is whose files a server follows: which changes wait to be read, and when it is their turn.
//!
//! What tells of a change is a hint. It starts a refresh, which looks at the files themselves; so a hint too many costs a
//! look, and only one too few would be a gap.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use atocore_engine::{Finding, FollowState, FollowStatus, InstallationStatus, Level};
use atocore_model::{id::ProjectId, time::Timestamp};
use tokio::sync::Notify;

/// A file is read once nothing has changed for so long, so that it is read once and not while it is written.
const QUIET: Duration = Duration::from_millis(150);
/// But no later than this after its first change.
const AT_MOST: Duration = Duration::from_secs(1);
/// How long the system takes, at most, to tell that something has changed.
const TOLD_WITHIN: Duration = Duration::from_millis(250);
/// After a refresh there is none for this many times as long as it took, when changes go on and on: once after the first
/// that was followed by another at once, and so on.
const MOST_RESTS: u32 = 3;
/// And for no longer than this.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// When it is tried again after a failure; twice as long after each further one.
const AGAIN: Duration = Duration::from_secs(1);
/// And after this at the latest.
const AGAIN_AT_MOST: Duration = Duration::from_secs(60);

/// The projects of a server and how fresh they are; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Following(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the projects are still to be named.
    begins: bool,
    projects: BTreeMap<ProjectId, FollowedProject>,
    registry_changed: bool,
    hints_lost: bool,
}

/// A project, what waits in it, and how it is followed.
#[derive(Debug)]
struct FollowedProject {
    status: FollowStatus,
    waiting: Option<PendingChanges>,
    /// Whether it is being refreshed.
    refreshing: bool,
    /// No refresh begins before.
    rests_until: Option<Instant>,
    /// When it is looked through again when nothing tells of changes.
    poll_at: Option<Instant>,
    failures: u32,
    /// How many refreshes in a row there was another change during.
    busy: u32,
}

/// Changes that wait to be read.
#[derive(Debug, Clone, Copy)]
struct PendingChanges {
    first: Instant,
    last: Instant,
    /// The time of the first.
    since: Timestamp,
}

/// How fresh something is; the least fresh first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FreshAsOf {
    /// Its files are looked through for the first time since the server started.
    Unread,
    /// Every change before this has been read.
    Moment(Timestamp),
    /// Nobody follows it.
    NotFollowed,
}

/// How a refresh ended that a change has started.
#[derive(Debug)]
pub(crate) struct Refreshed {
    /// When it began.
    pub(crate) began: Timestamp,
    /// How long it took.
    pub(crate) took: Duration,
    /// How many folders the system watches.
    pub(crate) folders: u64,
    /// How often the files are looked through, and why, when the system does not tell of every change.
    pub(crate) polled: Option<(Duration, String)>,
    /// Whether something may have changed that nobody would have told of.
    pub(crate) again: bool,
}

impl Following {
    /// Says that projects will be followed: nothing counts as fresh until they are named.
    pub(crate) fn begin(&self) {
        self.lock().begins = true;
    }

    /// Follows these projects and no others, and looks through all of them.
    pub(crate) fn set_projects(&self, projects: impl IntoIterator<Item = ProjectId>, now: Timestamp) {
        let mut state = self.lock();
        state.begins = false;
        let mut before = std::mem::take(&mut state.projects);
        for id in projects {
            let mut project = before.remove(&id).unwrap_or_else(FollowedProject::new);
            // Whoever refreshed it names no projects meanwhile, or is no more.
            project.refreshing = false;
            let _none = state.projects.insert(id, project);
        }
        drop(state);
        self.hint_all(now);
    }

    /// Files of some projects have changed.
    pub(crate) fn hint<'p>(&self, projects: impl IntoIterator<Item = &'p ProjectId>, now: Timestamp) {
        let mut state = self.lock();
        for id in projects {
            if let Some(project) = state.projects.get_mut(id) {
                project.status.last_change = Some(now);
                project.wait(now);
            }
        }
        drop(state);
        self.0.changed.notify_one();
    }

    /// Files of any project may have changed.
    pub(crate) fn hint_all(&self, now: Timestamp) {
        self.lock().projects.values_mut().for_each(|project| project.wait(now));
        self.0.changed.notify_one();
    }

    /// Has the files looked through now of a project, or of all, where the system does not tell of changes.
    pub(crate) fn look_now(&self, project: Option<&ProjectId>) {
        let now = Instant::now();
        for (id, followed) in &mut self.lock().projects {
            if project.is_none_or(|project| project == id) && followed.status.state == FollowState::Polling {
                followed.poll_at = Some(now);
            }
        }
        self.0.changed.notify_one();
    }

    /// The registry has changed.
    pub(crate) fn hint_registry(&self) {
        self.lock().registry_changed = true;
        self.0.changed.notify_one();
    }

    /// Whether the registry has changed since this was asked last.
    pub(crate) fn take_registry_change(&self) -> bool {
        std::mem::take(&mut self.lock().registry_changed)
    }

    /// There were more changes than the system could tell of.
    pub(crate) fn lose_hints(&self) {
        self.lock().hints_lost = true;
        self.0.changed.notify_one();
    }

    /// Whether hints were lost since this was asked last.
    pub(crate) fn take_lost_hints(&self) -> bool {
        std::mem::take(&mut self.lock().hints_lost)
    }

    /// Returns when something has changed since this was awaited last.
    pub(crate) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// When the next refresh is due; `None` while nothing waits.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.lock().projects.values().filter_map(FollowedProject::due).min()
    }

    /// The project whose refresh is due first, if one is; it counts as being refreshed from now on.
    pub(crate) fn begin_due(&self, now: Instant) -> Option<ProjectId> {
        let mut state = self.lock();
        let due = state.projects.iter().filter_map(|(id, project)| Some((project.due()?, id)));
        let (_, id) = due.filter(|(due, _)| *due <= now).min()?;
        let id = id.clone();
        let project = state.projects.get_mut(&id)?;
        project.waiting = None;
        project.poll_at = None;
        project.refreshing = true;
        Some(id)
    }

    /// Notes that a refresh ended well.
    pub(crate) fn refreshed(&self, id: &ProjectId, done: Refreshed, now: Timestamp) {
        let mut state = self.lock();
        let Some(project) = state.projects.get_mut(id) else { return };
        let at = Instant::now();
        project.refreshing = false;
        project.failures = 0;
        project.busy = if project.waiting.is_some() { (project.busy + 1).min(MOST_RESTS) } else { 0 };
        project.rests_until = Some(at + done.took.saturating_mul(project.busy).min(LONGEST_REST));
        project.poll_at = done.polled.as_ref().map(|(every, _)| at + *every);
        let status = &mut project.status;
        status.state = if done.polled.is_some() { FollowState::Polling } else { FollowState::Following };
        status.every_seconds = done.polled.as_ref().map(|(every, _)| every.as_secs());
        status.reason = done.polled.map(|(_, why)| why);
        status.folders = done.folders;
        status.fresh_as_of = Some(done.began);
        status.failure = None;
        status.waiting_since = project.waiting.map(|waiting| waiting.since);
        if done.again {
            project.wait(now);
        }
        drop(state);
        self.0.changed.notify_one();
    }

    /// Notes that a refresh failed, and why; `None` when it gave way to others. It is tried again.
    pub(crate) fn failed(&self, id: &ProjectId, why: Option<String>, now: Timestamp) {
        let mut state = self.lock();
        let Some(project) = state.projects.get_mut(id) else { return };
        project.refreshing = false;
        project.failures = if why.is_some() { project.failures.saturating_add(1) } else { 0 };
        let doubled = 1_u32.checked_shl(project.failures.saturating_sub(1)).unwrap_or(u32::MAX);
        project.rests_until = Some(Instant::now() + AGAIN.saturating_mul(doubled).min(AGAIN_AT_MOST));
        project.status.failure = why;
        project.wait(now);
        drop(state);
        self.0.changed.notify_one();
    }

    /// Says of every project how it is followed.
    pub(crate) fn add_to(&self, status: &mut InstallationStatus) {
        let state = self.lock();
        for project in &mut status.projects {
            let followed = state.projects.iter().find(|(id, _)| id.as_str() == project.id);
            project.followed = followed.map(|(_, followed)| followed.status(status.at));
        }
    }

    /// What a doctor says of it; `None` where nothing is followed.
    pub(crate) fn finding(&self) -> Option<Finding> {
        let state = self.lock();
        let told = |(id, followed): (&ProjectId, &FollowedProject)| {
            let is_told =
                followed.status.state == FollowState::Following && followed.status.failure.is_none();
            (!is_told).then(|| format!("{id}: {}", followed.status.in_words()))
        };
        let (all, behind) =
            (state.projects.len(), state.projects.iter().filter_map(told).collect::<Vec<_>>());
        let (level, message) = match behind.as_slice() {
            [] => (Level::Ok, "the files of every project are followed".to_owned()),
            behind => (Level::Warning, behind.join("; ")),
        };
        (all > 0).then_some(Finding { check: "following".into(), level, message, hint: None })
    }

    /// How fresh what is stored of a project is, or of all of them.
    pub(crate) fn fresh_as_of(&self, project: Option<&ProjectId>, now: Timestamp) -> FreshAsOf {
        let state = self.lock();
        if state.begins {
            return FreshAsOf::Unread;
        }
        let asked = state.projects.iter().filter(|(id, _)| project.is_none_or(|project| project == *id));
        let fresh = asked.map(|(_, followed)| {
            followed.status(now).fresh_as_of.map_or(FreshAsOf::Unread, FreshAsOf::Moment)
        });
        fresh.min().unwrap_or(FreshAsOf::NotFollowed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FollowedProject {
    fn new() -> Self {
        Self {
            status: FollowStatus {
                state: FollowState::Polling,
                reason: Some("it is being looked through for the first time".to_owned()),
                every_seconds: None,
                folders: 0,
                last_change: None,
                waiting_since: None,
                fresh_as_of: None,
                failure: None,
            },
            waiting: None,
            refreshing: false,
            rests_until: None,
            poll_at: None,
            failures: 0,
            busy: 0,
        }
    }

    fn wait(&mut self, now: Timestamp) {
        let at = Instant::now();
        self.waiting.get_or_insert(PendingChanges { first: at, last: at, since: now }).last = at;
        let _since = self.status.waiting_since.get_or_insert(now);
    }

    /// When its refresh is due.
    fn due(&self) -> Option<Instant> {
        if self.refreshing {
            return None;
        }
        let wanted = self.waiting.map(|waiting| (waiting.last + QUIET).min(waiting.first + AT_MOST));
        let due = wanted.into_iter().chain(self.poll_at).min()?;
        Some(self.rests_until.map_or(due, |rested| due.max(rested)))
    }

    /// How it is followed, as seen at `now`: while the system tells of changes and none waits, all is fresh.
    fn status(&self, now: Timestamp) -> FollowStatus {
        let mut status = self.status.clone();
        let is_quiet = self.waiting.is_none() && !self.refreshing && status.failure.is_none();
        if is_quiet && status.state == FollowState::Following && status.fresh_as_of.is_some() {
            status.fresh_as_of = status.fresh_as_of.max(Some(now.before(TOLD_WITHIN)));
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refreshed(took: Duration, polled: Option<(Duration, String)>) -> Refreshed {
        Refreshed { began: at(0), took, folders: 3, polled, again: false }
    }

    fn at(second: u64) -> Timestamp {
        format!("2026-04-06T18:42:0{second}Z").parse().unwrap()
    }

    fn id(name: &str) -> ProjectId {
        name.parse().unwrap()
    }

    fn following(projects: &[&str]) -> Following {
        let following = Following::default();
        following.set_projects(projects.iter().map(|name| id(name)), at(1));
        following
    }

    /// Insists that what began after `before`, and before now, is followed by so many seconds of rest.
    fn assert_rests(following: &Following, before: Instant, seconds: u64) {
        let (rest, after) = (Duration::from_secs(seconds), Instant::now());
        let is_so = |due| before + rest <= due && due <= after + rest;
        assert!(following.next().is_none_or(is_so), "{seconds}");
    }

    fn soon() -> Instant {
        Instant::now() + AT_MOST
    }

    #[test]
    fn changes_are_read_when_they_have_come_to_rest_and_a_second_after_the_first_at_the_latest() {
        let first = Instant::now();
        let due = |last: u64| {
            let last = first + Duration::from_millis(last);
            let waiting = Some(PendingChanges { first, last, since: at(1) });
            FollowedProject { waiting, ..FollowedProject::new() }.due().unwrap() - first
        };
        assert_eq!([due(0), due(500), due(5_000)].map(|due| due.as_millis()), [150, 650, 1_000]);
        let project = FollowedProject::new();
        assert_eq!(project.due(), None, "nothing waits");
        let polled = FollowedProject { poll_at: Some(first), rests_until: Some(soon()), ..project };
        assert!(polled.due() > Some(first), "it rests");
    }

    #[test]
    fn only_changes_that_go_on_have_a_project_rest_longer_and_longer() {
        let following = following(&["a"]);
        let took = Duration::from_secs(2);
        for rest in [2, 4, 6, 6, 0] {
            assert_eq!(following.begin_due(soon() + 3 * took), Some(id("a")));
            assert_eq!(following.begin_due(soon() + 3 * took), None, "one at a time");
            if rest > 0 {
                following.hint([&id("a")], at(2));
            }
            let before = Instant::now();
            following.refreshed(&id("a"), refreshed(took, None), at(3));
            assert_eq!(following.next().is_some(), rest > 0);
            assert_rests(&following, before, rest);
        }
    }

    #[test]
    fn all_is_fresh_while_nothing_waits_where_the_system_tells_of_changes() {
        let nothing = Following::default();
        assert_eq!(nothing.fresh_as_of(None, at(9)), FreshAsOf::NotFollowed);
        nothing.begin();
        assert_eq!(nothing.fresh_as_of(None, at(9)), FreshAsOf::Unread);
        let following = following(&["a", "b"]);
        assert_eq!(following.fresh_as_of(None, at(9)), FreshAsOf::Unread);
        let (a, b) = (id("a"), id("b"));
        for (project, polled) in [(&a, None), (&b, Some((AGAIN, "a disk".to_owned())))] {
            assert_eq!(following.begin_due(soon()).as_ref(), Some(project));
            following.refreshed(project, refreshed(Duration::ZERO, polled), at(3));
        }
        let told = at(9).before(TOLD_WITHIN);
        assert_eq!(following.fresh_as_of(Some(&a), at(9)), FreshAsOf::Moment(told));
        assert_eq!(following.fresh_as_of(Some(&b), at(9)), FreshAsOf::Moment(at(0)));
        assert_eq!(following.fresh_as_of(None, at(9)), FreshAsOf::Moment(at(0)), "the least fresh counts");
        following.hint([&a], at(9));
        assert_eq!(following.fresh_as_of(Some(&a), at(9)), FreshAsOf::Moment(at(0)));
        let finding = following.finding().unwrap();
        assert_eq!(
            (finding.level, finding.message.as_str()),
            (Level::Warning, "b: looked through every 1 s: a disk")
        );
    }

    #[test]
    fn a_failure_is_tried_again_later_and_later_and_giving_way_is_none() {
        let following = following(&["a"]);
        let full = Some("disk_full");
        for (why, pause) in [(None, 1), (full, 1), (full, 2), (full, 4), (None, 1)] {
            assert!(following.begin_due(soon() + AGAIN_AT_MOST).is_some());
            let before = Instant::now();
            following.failed(&id("a"), why.map(str::to_owned), at(2));
            assert_rests(&following, before, pause);
            let told = following.finding().unwrap().message;
            assert_eq!(told.contains("not up to date: disk_full"), why.is_some(), "{told}");
        }
    }
}
