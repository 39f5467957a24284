//! Asking a file system that may never answer: a share whose server is gone holds whoever asks until it is back.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use super::FileSystems;

/// How long an answer is waited for. A disk that sleeps needs nearly as long.
const PATIENCE: Duration = Duration::from_secs(10);

/// The paths that have not answered in time, each with how many threads wait for it.
static OVERDUE: Mutex<BTreeMap<PathBuf, usize>> = Mutex::new(BTreeMap::new());

/// What `ask` finds at `path`; `None` when that takes longer than ten seconds, or no thread can be had for it.
///
/// It goes on waiting on a thread of its own then, which nothing can end but the file system; so the same path is not
/// asked again before that answers: until then this returns at once.
pub fn in_time<T: Send + 'static>(path: &Path, ask: impl FnOnce(&Path) -> T + Send + 'static) -> Option<T> {
    within(PATIENCE, path, ask)
}

fn within<T: Send + 'static>(
    patience: Duration,
    path: &Path,
    ask: impl FnOnce(&Path) -> T + Send + 'static,
) -> Option<T> {
    if overdue().contains_key(path) {
        return None;
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let asked = path.to_owned();
    let work = move || {
        knock(&asked);
        let answer = ask(&asked);
        let mut overdue = overdue();
        let waiting = overdue.get_mut(&asked);
        if let (Err(_), Some(waiting)) = (sender.send(answer), waiting) {
            *waiting -= 1;
            overdue.retain(|_, waiting| *waiting > 0);
        }
    };
    drop(thread::Builder::new().name("file_system".to_owned()).spawn(work).ok()?);
    match receiver.recv_timeout(patience) {
        Ok(answer) => Some(answer),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => {
            // The lock is held until the receiver is gone: the answer comes either before, or finds itself awaited no more.
            let mut overdue = overdue();
            let answer = receiver.try_recv().ok();
            drop(receiver);
            if answer.is_none() {
                *overdue.entry(path.to_owned()).or_default() += 1;
            }
            answer
        }
    }
}

/// Has another process ask first where a file system may not answer: the kernel lets none end that waits for it, and this one
/// may have to. The first entry of the folder is asked for, which no cache of attributes knows.
fn knock(path: &Path) {
    if FileSystems::mounted().remote(path).is_some() {
        let mut find = Command::new("/usr/bin/find");
        find.arg(path).args(["-maxdepth", "0", "-empty"]);
        // Without it this process asks itself.
        drop(find.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status());
    }
}

fn overdue() -> MutexGuard<'static, BTreeMap<PathBuf, usize>> {
    OVERDUE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_does_not_answer_is_waited_for_once_and_asked_again_when_it_has_answered() {
        let path = Path::new("/no/such/share");
        assert_eq!(in_time(path, Path::to_owned).as_deref(), Some(path));
        let (answers, silent) = channel::<()>();
        let hangs = move |_: &Path| silent.recv().is_ok();
        assert_eq!(within(Duration::from_millis(1), path, hangs), None);
        // It is not even asked.
        assert_eq!(within(PATIENCE, path, |_| true), None);
        assert_eq!(in_time(Path::new("/no/such/other"), |_| true), Some(true));
        answers.send(()).unwrap();
        while overdue().contains_key(path) {
            thread::yield_now();
        }
        assert_eq!(within(PATIENCE, path, |_| true), Some(true));
    }

    #[test]
    fn a_fault_while_asking_is_no_answer_at_once() {
        let path = Path::new("/no/such/fault");
        let asked = within(Duration::MAX, path, |_| -> u8 { panic!("a fault of the test") });
        assert_eq!(asked, None);
        assert!(!overdue().contains_key(path));
    }
}
