//! A process that is killed at a random moment loses nothing that it has acknowledged and leaves nothing half done.

use std::path::Path;

use atocore_engine::SystemClock;
use atocore_model::time::Clock;
use atocore_testkit::soak::{self, SoakOptions};

/// The daily number; `cargo xtask soak` kills more often.
const KILLS: u64 = 14;

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    // Another one every time, so that each run looks at other moments.
    let seed = 20_260_406 + SystemClock.now().get().as_second().unsigned_abs();
    println!("to repeat it: cargo xtask soak --kills {KILLS} --seed {seed}");
    let scratch = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_atocore")).to_owned();
    let options = SoakOptions { program, kills: KILLS, seed, scale: 1, scratch: scratch.path() };
    match soak::run(&options, &mut |line| println!("{line}")) {
        Ok(counts) => println!("{counts}"),
        Err(failure) => {
            let kept = scratch.keep();
            panic!("{failure}\nlook into `{}`", kept.display());
        }
    }
}
