//! Taking times: in turns, so that what else the machine does falls on all contestants alike.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::failure::Failure;

/// What one run took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    /// By the clock on the wall.
    pub(super) wall: Duration,
    /// Of all threads of this process, not of its children.
    pub(super) cpu: Duration,
}

/// One of several things that are measured against each other; it says itself what counts, see [`spent`].
pub(super) type Contestant<'a> = &'a mut dyn FnMut() -> Result<Spent, Failure>;

/// Measures `work`.
pub(super) fn spent<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<Spent, Failure> {
    let (cpu, started) = (cpu_time(), Instant::now());
    let _result = work()?;
    Ok(Spent { wall: started.elapsed(), cpu: cpu_time().saturating_sub(cpu) })
}

/// Lets the contestants run in turn, `rounds` times, every other round backwards, and returns the median of each.
pub(super) fn in_turns<const N: usize>(
    rounds: usize,
    contestants: [Contestant<'_>; N],
) -> Result<[Spent; N], Failure> {
    let mut runs: [Vec<Spent>; N] = std::array::from_fn(|_| Vec::with_capacity(rounds));
    for round in 0..rounds {
        for turn in 0..N {
            let place = if round % 2 == 0 { turn } else { N - 1 - turn };
            runs[place].push(contestants[place]()?);
        }
    }
    Ok(runs.map(|runs| Spent {
        wall: percentile(runs.iter().map(|run| run.wall), 50),
        cpu: percentile(runs.iter().map(|run| run.cpu), 50),
    }))
}

/// The smallest of `times` that at least `percent` of them do not exceed; zero when there are none.
pub(super) fn percentile(times: impl Iterator<Item = Duration>, percent: usize) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(place).copied().unwrap_or_default()
}

/// Of all threads of this process so far.
pub(super) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_taken() {
        let of =
            |percent, up_to: u64| percentile((1..=up_to).map(Duration::from_millis), percent).as_millis();
        assert_eq!((of(50, 100), of(99, 100), of(100, 100)), (50, 99, 100));
        assert_eq!((of(50, 1), of(50, 3), of(99, 3), of(50, 0)), (1, 2, 3, 0));
    }

    #[test]
    fn contestants_alternate_and_get_their_own_median() {
        let mut order = Vec::new();
        let order = std::cell::RefCell::new(&mut order);
        let run = |name: &'static str, millis| {
            order.borrow_mut().push(name);
            Ok(Spent { wall: Duration::from_millis(millis), ..Spent::default() })
        };
        let (mut first, mut second) = (|| run("a", 3), || run("b", 5));
        let [a, b] = in_turns(3, [&mut first, &mut second]).unwrap();
        assert_eq!((a.wall.as_millis(), b.wall.as_millis()), (3, 5));
        assert_eq!(order.into_inner().as_slice(), ["a", "b", "b", "a", "a", "b"]);
    }
}
