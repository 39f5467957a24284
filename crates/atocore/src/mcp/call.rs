//! One call of a tool: running operations for it, telling the client where they stand, and hearing that it was cancelled.

use std::{borrow::Cow, future::Future, sync::Arc, time::Duration};

use atocore_engine::Caller;
use atocore_model::{
    error::ErrorCode,
    monitor::{Monitor, Progress},
};
use rmcp::{
    Peer, RoleServer,
    model::{ProgressNotificationParam, ProgressToken},
};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{model_hint::for_a_model, watch::Watch};
use crate::{
    app::App,
    operations::{ApiError, Operation},
};

/// How often a client is told where the work stands.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// One call of a tool.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) peer: Peer<RoleServer>,
    /// Only a client that sends one is told where the work stands.
    pub(super) progress_token: Option<ProgressToken>,
    pub(super) cancelled: CancellationToken,
}

impl Call {
    /// Runs an operation.
    ///
    /// # Errors
    /// What the operation fails with; `cancelled` when the call was cancelled.
    pub(super) async fn run<O: Operation>(&self, operation: O) -> Result<O::Reply, ApiError> {
        let watch = self.watch();
        let watcher: Arc<dyn Monitor> = Arc::<Watch>::clone(&watch);
        self.watched(&watch, self.app.run_with(self.caller, operation, None, Some(watcher))).await
    }

    /// Hears in the moment in which the call is cancelled, and not when somebody has told it.
    fn watch(&self) -> Arc<Watch> {
        Arc::new(Watch::until(&self.cancelled))
    }

    /// Waits for some work, and tells the client where it stands.
    async fn watched<T>(
        &self,
        watch: &Arc<Watch>,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        // Says to the work that nobody waits for it any more.
        let _unwatched = watch.stop_when_dropped();
        tokio::pin!(work);
        let mut tell = tokio::time::interval(TELL_EVERY);
        tell.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = ProgressTotals::default();
        loop {
            tokio::select! {
                answer = &mut work => return answer,
                () = self.cancelled.cancelled() => {
                    return Err(ApiError::new(ErrorCode::Cancelled, "the client cancelled the call"));
                }
                _ = tell.tick(), if self.progress_token.is_some() => {
                    if let Some(news) = watch.take() {
                        self.tell(&mut told, &news).await;
                    }
                }
            }
        }
    }

    /// Makes the vectors that a refresh left to be made, where nobody else does; says what keeps it from that.
    pub(super) async fn make_vectors(&self) -> Option<String> {
        if !self.app.leaves_vectors_to_be_made().await {
            return None;
        }
        let watch = self.watch();
        let made = self.watched(&watch, self.app.embed(Arc::<Watch>::clone(&watch))).await;
        let error = made.err()?;
        let hint = error.hint.map(|hint| format!("; {}", for_a_model(&hint))).unwrap_or_default();
        Some(format!("the new search is lexical only: {}{hint}", error.message))
    }

    async fn tell(&self, told: &mut ProgressTotals, progress: &Progress) {
        let Some(token) = self.progress_token.clone() else { return };
        let Some((done, total)) = told.next(progress) else { return };
        let mut news = ProgressNotificationParam::new(token, done);
        if let Some(total) = total {
            news = news.with_total(total);
        }
        let of = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let news = news.with_message(format!("{}: {}{of}", progress.phase, progress.done));
        // A client that is not there any more hears nothing of it.
        drop(self.peer.notify_progress(news).await);
    }
}

/// What a client was told. By the protocol the number only ever grows, while every phase of ours begins at 0 and may come
/// again: so it is the sum of all that was done in any of them.
#[derive(Debug, Default)]
struct ProgressTotals {
    phases: Vec<Phase>,
    last: u64,
}

#[derive(Debug)]
struct Phase {
    name: Cow<'static, str>,
    /// What it came to before it began anew.
    before: u64,
    done: u64,
}

impl ProgressTotals {
    /// The numbers to tell, or nothing when it did not go on.
    fn next(&mut self, progress: &Progress) -> Option<(f64, Option<f64>)> {
        let known = self.phases.iter().position(|phase| phase.name == progress.phase);
        let place = known.unwrap_or_else(|| {
            self.phases.push(Phase { name: progress.phase.clone(), before: 0, done: 0 });
            self.phases.len() - 1
        });
        let phase = &mut self.phases[place];
        if progress.done < phase.done {
            phase.before += phase.done;
        }
        phase.done = progress.done;
        let all: u64 = self.phases.iter().map(|phase| phase.before + phase.done).sum();
        if all <= self.last {
            return None;
        }
        self.last = all;
        let total = progress.total.map(|total| (all + total.saturating_sub(progress.done)) as f64);
        Some((all as f64, total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_only_ever_grows() {
        let mut told = ProgressTotals::default();
        let mut tell =
            |phase: &'static str, done, total| told.next(&Progress { phase: phase.into(), done, total });
        assert_eq!(tell("a", 0, None), None);
        assert_eq!(tell("a", 2, Some(3)), Some((2.0, Some(3.0))));
        assert_eq!(tell("a", 2, Some(3)), None);
        assert_eq!(tell("b", 0, Some(10)), None);
        assert_eq!(tell("b", 1, Some(10)), Some((3.0, Some(12.0))));
        // It goes on where it was, or begins anew.
        assert_eq!(tell("a", 3, Some(3)), Some((4.0, Some(4.0))));
        assert_eq!(tell("a", 1, Some(9)), Some((5.0, Some(13.0))));
    }
}
