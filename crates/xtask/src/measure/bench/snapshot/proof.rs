//! How fast a snapshot is proven at each depth, beside BLAKE3's own speed; and how long a restore on a running engine
//! leaves questions without an answer.

use std::{ops::ControlFlow, path::Path, time::Duration};

use atocore_engine::Caller;
use atocore_model::{monitor::Silent, snapshot::Depth};
use atocore_storage::files;

use super::{child, take};
use crate::{
    failure::Failure,
    measure::bench::{
        Bench, cannot,
        home::Home,
        table::{Table, rate},
        timing::{Spent, percentile, spent},
    },
};

/// The longest time without answers that a restore may cause, of a store of 200 MB.
const OUTAGE_GOAL: Duration = Duration::from_secs(1);

/// Larger stores have no such goal.
const OF_STORES_UP_TO: u64 = 300_000_000;

/// A proof that takes longer is made only once.
const LONG: Duration = Duration::from_secs(5);

pub(super) fn measure(bench: &Bench, home: &Home, same: &Path, table: &mut Table) -> Result<(), Failure> {
    let rounds = bench.scale.long_rounds;
    let mut engine = home.engine_with_meaning(child()?)?;
    let id = take(&engine)?.id;
    let size = std::fs::metadata(same).map_err(cannot("look at a file"))?.len();
    let hash = || files::stream::digest(same, &mut |_| ControlFlow::Continue(()));
    let hashed = median(rounds, || spent(|| hash().map_err(cannot("hash a file"))))?;
    for depth in Depth::ALL {
        let proven = median(rounds, || {
            spent(|| {
                let verdict =
                    engine.validate_snapshot(id, depth, &Silent).map_err(cannot("prove a snapshot"))?;
                if verdict.valid() { Ok(()) } else { Err(Failure::failed(format!("{verdict:?}"))) }
            })
        })?;
        let speed = |time| rate(size, time) / 1e6;
        let what = match depth {
            Depth::Structure => "validate to structure".to_owned(),
            _ => format!("validate to {depth}, {:.0} MB/s", speed(proven)),
        };
        let baseline = format!("BLAKE3 on all cores, {:.0} MB/s", speed(hashed));
        table.compare(&what, proven, hashed, &baseline, None);
    }
    let mut outages = Vec::new();
    for _ in 0..rounds {
        let name = home.projects()?.remove(0);
        let _report = engine.refresh(&name, Caller::Local, &Silent).map_err(cannot("refresh a project"))?;
        let prepared = engine.prepare_restore(id, None, &Silent).map_err(cannot("prepare a restore"))?;
        let outcome =
            engine.carry_out_restore(prepared, Caller::Local, &Silent).map_err(cannot("restore"))?;
        outages.push(Duration::from_secs_f64(outcome.outage_ms / 1e3));
    }
    for (percent, name) in [(50, "p50"), (100, "longest")] {
        let outage = percentile(outages.iter().copied(), percent);
        let what = format!("restore, no answers for, {name} of {rounds}");
        if size > OF_STORES_UP_TO {
            table.compare(&what, outage, hashed, "BLAKE3 on all cores", None);
        } else {
            table.limit(&what, outage, hashed, "BLAKE3 on all cores", OUTAGE_GOAL);
        }
    }
    Ok(())
}

/// The median of some runs; of one when that takes long.
fn median(rounds: usize, mut run: impl FnMut() -> Result<Spent, Failure>) -> Result<Duration, Failure> {
    let mut times = vec![run()?.wall];
    while times.len() < rounds && times[0] < LONG {
        times.push(run()?.wall);
    }
    Ok(percentile(times.into_iter(), 50))
}
