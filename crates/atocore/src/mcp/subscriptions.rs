//! Tells clients what changes of the documents, where they have subscribed to it.
//!
//! The store is asked for its generation, not watched: whoever changed it, a server, a command or another agent, it is told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use atocore_engine::Caller;
use atocore_model::{digest::Digest, error::ErrorCode, id::Generation};
use rmcp::{
    Peer, RoleServer,
    model::{ErrorData, ResourceUpdatedNotificationParam},
    service::{SubscriptionContext, SubscriptionSink},
};
use tokio::time::MissedTickBehavior;

use super::resources::document_id;
use crate::{
    app::App,
    operations::{ApiError, Health, ReadDocument},
    tasks::AbortOnDrop,
};

/// How often it is looked whether something has changed. Longer than a store stays open for the next question, so that nobody
/// keeps it open.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// So many resources can be subscribed to at once.
pub(super) const MOST_RESOURCES: usize = 500;

/// What has changed of the documents.
#[derive(Debug, Default)]
struct ResourceChanges {
    /// Whether anything of the list has.
    list: bool,
    /// The resources that have other bytes, are gone, or are there again.
    updated: Vec<String>,
}

/// Resources, each with the digest of its bytes when it was subscribed to; `None` when there was no such document.
type Resources = BTreeMap<String, Option<Digest>>;

/// Finds out what has changed since it was asked last.
#[derive(Debug)]
struct ChangeReader {
    app: App,
    caller: Caller,
    shown: Option<Generation>,
    digests: Resources,
}

impl ChangeReader {
    /// From now on.
    async fn begin(app: &App, caller: Caller) -> Self {
        let mut reader = Self { app: app.clone(), caller, shown: None, digests: BTreeMap::new() };
        let _before = reader.changes(&BTreeMap::new()).await;
        reader
    }

    /// What has changed. A store that cannot be asked has not.
    async fn changes(&mut self, resources: &Resources) -> ResourceChanges {
        let Ok(health) = self.app.run(self.caller, Health {}).await else {
            return ResourceChanges::default();
        };
        let now = health.health.documents_generation;
        let is_other = self.shown.replace(now).is_some_and(|shown| shown != now);
        let mut changes = ResourceChanges { list: is_other, updated: Vec::new() };
        self.digests.retain(|uri, _| resources.contains_key(uri));
        for (uri, subscribed) in resources {
            if self.digests.contains_key(uri) && !is_other {
                continue;
            }
            let Ok(digest) = digest(&self.app, self.caller, uri).await else { continue };
            let before = self.digests.insert(uri.clone(), digest);
            if before.unwrap_or(*subscribed) != digest {
                changes.updated.push(uri.clone());
            }
        }
        changes
    }
}

/// The digest of the bytes of a document; `None` when there is no such document.
async fn digest(app: &App, caller: Caller, uri: &str) -> Result<Option<Digest>, ApiError> {
    let Some(id) = document_id(uri) else { return Ok(None) };
    let asked = ReadDocument { id: id.to_owned(), lines: None, max_chars: Some(1) };
    match app.run(caller, asked).await {
        Ok(document) => Ok(Some(document.content_hash)),
        Err(error) if matches!(error.code, ErrorCode::DocumentUnknown | ErrorCode::InvalidRequest) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Tells one client what it has subscribed to, until it cancels that or the process ends.
pub(super) async fn listen(app: App, caller: Caller, context: &SubscriptionContext) {
    let accepted = context.accepted();
    let hears_list = accepted.resources_list_changed == Some(true);
    let stopped = app.stopped();
    let reader = ChangeReader::begin(&app, caller).await;
    let mut resources = Resources::new();
    for uri in accepted.resource_subscriptions.iter().flatten().take(MOST_RESOURCES) {
        resources.insert(uri.clone(), digest(&app, caller, uri).await.unwrap_or_default());
    }
    let client = SubscribedClient::Listening { sink: context.sink().clone(), hears_list };
    tokio::select! {
        () = context.cancelled() => {}
        () = stopped.cancelled() => {}
        () = tell(reader, client, move || Some(resources.clone())) => {}
    }
}

/// What the client of a session has subscribed to, in the versions of the protocol that have sessions; clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct SessionSubscriptions(Arc<Mutex<Subscribed>>);

#[derive(Debug, Default)]
struct Subscribed {
    resources: Resources,
    /// Who tells it; ends with the session.
    telling: Option<AbortOnDrop>,
}

impl SessionSubscriptions {
    /// Tells the client of `peer` from now on when the list changes, which it has asked for.
    pub(super) async fn tell(&self, app: &App, caller: Caller, peer: &Peer<RoleServer>) {
        if self.lock().telling.is_some() {
            return;
        }
        let (reader, client) =
            (ChangeReader::begin(app, caller).await, SubscribedClient::Session(peer.clone()));
        let mut subscribed = self.lock();
        if subscribed.telling.is_none() {
            // It must not keep alive what ends it.
            let of_session = Arc::downgrade(&self.0);
            let resources =
                move || of_session.upgrade().map(|subscribed| lock(&subscribed).resources.clone());
            let told = tokio::spawn(tell(reader, client, resources));
            subscribed.telling = Some(AbortOnDrop(told.abort_handle()));
        }
    }

    /// Subscribes to a resource: what changes of it from now on is told.
    ///
    /// # Errors
    /// When it is none, or too many are subscribed to.
    pub(super) async fn add(&self, app: &App, caller: Caller, uri: String) -> Result<(), ErrorData> {
        if document_id(&uri).is_none() {
            return Err(ErrorData::resource_not_found(format!("there is no resource {uri}"), None));
        }
        let (count, is_known) = {
            let resources = &self.lock().resources;
            (resources.len(), resources.contains_key(&uri))
        };
        if count >= MOST_RESOURCES && !is_known {
            let words = format!("{MOST_RESOURCES} resources are subscribed to, which is the most");
            return Err(ErrorData::invalid_params(words, None));
        }
        let digest = digest(app, caller, &uri).await.unwrap_or_default();
        let _before = self.lock().resources.entry(uri).or_insert(digest);
        Ok(())
    }

    /// Takes a subscription back.
    pub(super) fn remove(&self, uri: &str) {
        let _known = self.lock().resources.remove(uri);
    }

    fn lock(&self) -> MutexGuard<'_, Subscribed> {
        lock(&self.0)
    }
}

fn lock(subscribed: &Mutex<Subscribed>) -> MutexGuard<'_, Subscribed> {
    subscribed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who is told.
enum SubscribedClient {
    /// The one of a session.
    Session(Peer<RoleServer>),
    /// One that listens to what it has named, perhaps not to the list.
    Listening { sink: SubscriptionSink, hears_list: bool },
}

impl SubscribedClient {
    fn has_gone(&self) -> bool {
        matches!(self, Self::Session(peer) if peer.is_transport_closed())
    }

    /// Tells what has changed; false when the client cannot be told any more.
    async fn tell(&self, changes: ResourceChanges) -> bool {
        let mut hears = true;
        if changes.list {
            hears = match self {
                Self::Session(peer) => peer.notify_resource_list_changed().await.is_ok(),
                Self::Listening { hears_list: false, .. } => true,
                Self::Listening { sink, .. } => sink.notify_resource_list_changed().await.is_ok(),
            };
        }
        for uri in changes.updated {
            hears &= match self {
                Self::Session(peer) => {
                    let updated = ResourceUpdatedNotificationParam::new(uri);
                    peer.notify_resource_updated(updated).await.is_ok()
                }
                Self::Listening { sink, .. } => sink.notify_resource_updated(uri).await.is_ok(),
            };
        }
        hears
    }
}

/// Tells a client what changes, as long as it hears that and there are `resources`.
async fn tell(mut reader: ChangeReader, client: SubscribedClient, resources: impl Fn() -> Option<Resources>) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let _now = look.tick().await;
        let Some(resources) = resources().filter(|_| !client.has_gone()) else { return };
        if !client.tell(reader.changes(&resources).await).await {
            return;
        }
    }
}
