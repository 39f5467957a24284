//! Who is connected, and who makes room for whom.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How many connections a listener has open at once.
const MAX_CONNECTIONS: usize = 512;
/// How many of them one address may have: the rest is kept for others.
const MAX_CONNECTIONS_OF_ONE: usize = MAX_CONNECTIONS - 32;
/// How many more are told how the server is, and that it is busy.
const SPARE: usize = 64;
/// How long a client that does not read what it asked for is waited for while others have no slot.
const UNREAD_FOR: Duration = Duration::from_secs(5);

/// The connections of a listener; clones are the same ones.
#[derive(Debug, Clone, Default)]
pub(super) struct ConnectionLimiter(Arc<Mutex<Members>>);

#[derive(Debug, Default)]
struct Members {
    next: u64,
    members: HashMap<u64, Member>,
}

#[derive(Debug)]
struct Member {
    peer: Option<IpAddr>,
    is_spare: bool,
    waits: WaitingFor,
    leave: CancellationToken,
}

/// Since when a connection waits for its client.
#[derive(Debug, Clone, Copy)]
enum WaitingFor {
    /// A request is at work.
    No,
    /// For a request, or the rest of it.
    ToBeAsked(Instant),
    /// For what was answered to be read.
    ToBeRead(Instant),
}

/// The slot of a connection, until it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    limiter: ConnectionLimiter,
    number: u64,
    is_spare: bool,
    leave: CancellationToken,
    requests: AtomicU64,
    /// The number of the request at work while an interim response may be sent, else 0.
    unanswered: Arc<AtomicU64>,
}

/// A request at work, until it is dropped.
#[derive(Debug)]
pub(super) struct AtWork {
    limiter: ConnectionLimiter,
    member: u64,
    number: u64,
    unanswered: Arc<AtomicU64>,
}

impl ConnectionLimiter {
    /// Finds a slot for a new connection; another one may have to leave for it.
    pub(super) fn enter(&self, peer: Option<IpAddr>) -> ConnectionSlot {
        self.enter_at(peer, Instant::now())
    }

    fn enter_at(&self, peer: Option<IpAddr>, now: Instant) -> ConnectionSlot {
        let mut members = self.lock();
        let is_spare = !members.has_room(peer) && !members.make_room(peer, now);
        if is_spare && members.count(|member| member.is_spare) >= SPARE {
            members.send_away(|member| member.is_spare, now);
        }
        members.next += 1;
        let (number, leave) = (members.next, CancellationToken::new());
        let waits = WaitingFor::ToBeAsked(now);
        drop(members.members.insert(number, Member { peer, is_spare, waits, leave: leave.clone() }));
        let (requests, unanswered) = (AtomicU64::new(0), Arc::default());
        ConnectionSlot { limiter: self.clone(), number, is_spare, leave, requests, unanswered }
    }

    /// Gives what it waited for before.
    fn set(&self, number: u64, waits: WaitingFor) -> Option<WaitingFor> {
        let mut members = self.lock();
        let member = members.members.get_mut(&number)?;
        Some(std::mem::replace(&mut member.waits, waits))
    }

    /// Whoever panicked had changed whole entries only.
    fn lock(&self) -> MutexGuard<'_, Members> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    fn count(&self, counts: impl Fn(&Member) -> bool) -> usize {
        self.members.values().filter(|member| counts(member)).count()
    }

    fn has_room(&self, peer: Option<IpAddr>) -> bool {
        let regular = self.count(|member| !member.is_spare);
        let of_peer = |member: &Member| !member.is_spare && member.peer == peer;
        regular < MAX_CONNECTIONS && (peer.is_none() || self.count(of_peer) < MAX_CONNECTIONS_OF_ONE)
    }

    /// Sends a connection away whose slot the newcomer may have: of its own address when that has all that it may have.
    fn make_room(&mut self, peer: Option<IpAddr>, now: Instant) -> bool {
        let full = self.count(|member| !member.is_spare) >= MAX_CONNECTIONS;
        self.send_away(|member| !member.is_spare && (full || member.peer == peer), now)
    }

    /// Sends the one of these away that waits for its client the longest.
    fn send_away(&mut self, may_go: impl Fn(&Member) -> bool, now: Instant) -> bool {
        let since = |member: &Member| match member.waits {
            WaitingFor::No => None,
            WaitingFor::ToBeAsked(since) => Some(since),
            WaitingFor::ToBeRead(since) => (now.duration_since(since) >= UNREAD_FOR).then_some(since),
        };
        let waiting = self.members.iter().filter(|(_, member)| may_go(member));
        let waiting = waiting.filter_map(|(number, member)| Some((since(member)?, *number)));
        let Some(member) = waiting.min().and_then(|(_, number)| self.members.remove(&number)) else {
            return false;
        };
        member.leave.cancel();
        true
    }
}

impl ConnectionSlot {
    /// Whether there was no slot, so that the client is only told so.
    pub(super) const fn is_spare(&self) -> bool {
        self.is_spare
    }

    /// Waits until the slot was given to somebody else.
    pub(super) async fn given_up(&self) {
        self.leave.cancelled().await;
    }

    /// Begins a request. `knows_interim` says whether its client knows interim responses.
    pub(super) fn begin(&self, knows_interim: bool) -> AtWork {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let before = self.limiter.set(self.number, WaitingFor::No);
        // An answer before it that is not sent yet would be torn.
        let may_interrupt = knows_interim && !matches!(before, Some(WaitingFor::ToBeRead(_)));
        self.unanswered.store(if may_interrupt { number } else { 0 }, Ordering::Relaxed);
        let unanswered = Arc::clone(&self.unanswered);
        AtWork { limiter: self.limiter.clone(), member: self.number, number, unanswered }
    }

    /// The number of the request at work, while an interim response may be sent.
    pub(super) fn unanswered(&self) -> Option<u64> {
        Some(self.unanswered.load(Ordering::Relaxed)).filter(|number| *number > 0)
    }

    /// An interim response was sent: one is enough.
    pub(super) fn told_to_wait(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
    }

    /// The client has not read what was sent since then.
    pub(super) fn unread_since(&self, since: Instant) {
        let _before = self.limiter.set(self.number, WaitingFor::ToBeRead(since));
    }

    /// The client has read what was sent.
    pub(super) fn read(&self) {
        let _before = self.limiter.set(self.number, WaitingFor::ToBeAsked(Instant::now()));
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        drop(self.limiter.lock().members.remove(&self.number));
    }
}

impl AtWork {
    /// The how-many-th request of its connection it is, from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Its answer is about to be sent.
    pub(super) fn answered(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let _before = self.limiter.set(self.member, WaitingFor::ToBeAsked(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, number]))
    }

    #[test]
    fn no_address_takes_all_connections_and_the_last_ones_are_refused_with_an_answer() {
        let limiter = ConnectionLimiter::default();
        let working: Vec<_> = (0..MAX_CONNECTIONS_OF_ONE).map(|_| limiter.enter(peer(1))).collect();
        let _at_work: Vec<_> = working.iter().map(|slot| slot.begin(true)).collect();
        assert!(working.iter().all(|slot| !slot.is_spare()));
        assert!(limiter.enter(peer(1)).is_spare());
        let others: Vec<_> = (0..32).map(|_| limiter.enter(peer(2))).collect();
        let _at_work_too: Vec<_> = others.iter().map(|slot| slot.begin(true)).collect();
        assert!(others.iter().all(|slot| !slot.is_spare()));
        assert!(limiter.enter(peer(3)).is_spare());
        let spare: Vec<_> = (0..=SPARE).map(|_| limiter.enter(peer(3))).collect();
        assert!(spare[0].leave.is_cancelled() && !spare[1].leave.is_cancelled());
        drop(others);
        assert!(!limiter.enter(peer(3)).is_spare());
    }

    #[test]
    fn whoever_waits_for_its_client_the_longest_makes_room() {
        let limiter = ConnectionLimiter::default();
        let slots: Vec<_> = (0..MAX_CONNECTIONS_OF_ONE).map(|_| limiter.enter(peer(1))).collect();
        let at_work: Vec<_> = slots.iter().map(|slot| slot.begin(true)).collect();
        let now = Instant::now();
        slots[7].unread_since(now);
        assert!(limiter.enter_at(peer(1), now).is_spare(), "a client may take a moment to read");
        let newcomer = limiter.enter_at(peer(1), now + UNREAD_FOR);
        assert!(!newcomer.is_spare() && slots[7].leave.is_cancelled());
        // One that has asked for nothing yet goes before those that are at work.
        let next = limiter.enter(peer(1));
        assert!(!next.is_spare() && newcomer.leave.is_cancelled());
        assert_eq!(slots.iter().filter(|slot| slot.leave.is_cancelled()).count(), 1);
        drop(at_work);
    }
}
