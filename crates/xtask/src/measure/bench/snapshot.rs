//! A snapshot, beside copying the same file and syncing the copy, and beside Python's `Connection.backup`; how long it
//! makes writers and questions wait; how fast it is proven; and how long a restore leaves questions without an answer.

mod proof;
mod waits;

use std::{path::Path, time::Duration};

use atocore_engine::{Copier, Engine, IncludeVectors, TakenSnapshot};
use atocore_model::monitor::Silent;
use atocore_storage::files;

use self::waits::Writer;
use super::{
    Bench, cannot,
    home::{Amount, Home},
    table::{Table, megabytes},
    timing::{Spent, in_turns, spent},
};
use crate::{
    failure::Failure,
    measure,
    process::{output_of, program},
};

const COPY: &str = "copy of the file with sync";
const BUSY_COPY: &str = "the same copy beside the same writes";
const PYTHON: &str = "Python's Connection.backup";

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    for chunks in bench.scale.stores {
        let home = Home::write(
            &bench.dir().join(format!("store-{chunks}")),
            &bench.corpus,
            Amount::Chunks(*chunks),
        )?;
        home.refresh_all(&home.engine(Copier::InProcess)?)?;
        bench.give_vectors(&home)?;
        of_store(bench, &home)?;
        super::remove(home.dir())?;
    }
    Ok(())
}

fn of_store(bench: &Bench, home: &Home) -> Result<(), Failure> {
    let work = home.dir().join("work");
    files::create_dirs(&work).map_err(cannot("make a folder"))?;
    let same = work.join("same.db");
    let engine = home.engine_with_meaning(child()?)?;
    // The file is copied from another one with the same bytes: no file call may touch the live one.
    let first = take(&engine)?;
    let _bytes =
        files::copy_synced(&first.path.join("db/atocore.db"), &same).map_err(cannot("copy a file"))?;
    clear(home)?;
    let size = std::fs::metadata(&same).map_err(cannot("look at a file"))?.len();
    let chunks = first.manifest.atocore.map_or(0, |record| record.counts.chunks);

    let title = format!("snapshot: a store of {}, {chunks} chunks with vectors", megabytes(size));
    let mut table = Table::new(title);
    let writer = Writer::new(home, &engine)?;
    {
        let mut quiet = || snapshot(home, &engine);
        let mut busy = || writer.beside(|| snapshot(home, &engine)).map(|(taken, _)| taken);
        let mut copied = || copy(&same, &work);
        // Writers take their part of the disk from a copy as they do from a snapshot.
        let mut busy_copy = || writer.beside(|| copy(&same, &work)).map(|(copied, _)| copied);
        let mut python = || backup_of_python(&same, &work);
        let [quiet, busy, copied, busy_copy, python] = in_turns(
            bench.scale.long_rounds,
            [&mut quiet, &mut busy, &mut copied, &mut busy_copy, &mut python],
        )?;
        table.compare(
            "snapshot with digests, nothing else running",
            quiet.wall,
            copied.wall,
            COPY,
            Some(1.3),
        );
        table.compare("beside 200 writes a second", busy.wall, busy_copy.wall, BUSY_COPY, Some(1.3));
        table.compare("beside 200 writes a second", busy.wall, copied.wall, COPY, None);
        table.compare("nothing else running", quiet.wall, python.wall, PYTHON, Some(0.6));
        table.compare("beside 200 writes a second", busy.wall, python.wall, PYTHON, None);
    }
    waits::measure(bench, home, &engine, &writer, &mut table)?;
    drop(engine);
    waits::barriers(home, &work, &mut table)?;
    table.print();

    let mut table = Table::new(format!("proof and restore of {}", megabytes(size)));
    proof::measure(bench, home, &same, &mut table)?;
    table.print();
    Ok(())
}

/// Copies as the product does: in a child process, here this program itself.
pub(super) fn child() -> Result<Copier, Failure> {
    let program = std::env::current_exe().map_err(cannot("find this program"))?;
    Ok(Copier::Child { program, arguments: vec![measure::COPY_PAGES.to_owned()] })
}

fn take(engine: &Engine) -> Result<TakenSnapshot, Failure> {
    engine.create_snapshot(IncludeVectors::No, &Silent).map_err(cannot("take a snapshot"))
}

fn snapshot(home: &Home, engine: &Engine) -> Result<Spent, Failure> {
    let taken = spent(|| take(engine))?;
    clear(home)?;
    Ok(taken)
}

/// What the original does, without the start of Python.
fn backup_of_python(from: &Path, folder: &Path) -> Result<Spent, Failure> {
    const SCRIPT: &str = "import sqlite3, sys, time
source, target = sqlite3.connect(sys.argv[1]), sqlite3.connect(sys.argv[2])
began = time.perf_counter()
source.backup(target)
target.close()
print(time.perf_counter() - began)";
    let to = folder.join("python.db");
    let said = output_of(program("python3", &["-c", SCRIPT]).args([from, &to]))?;
    files::remove_file(&to).map_err(cannot("remove a file"))?;
    let seconds: f64 = said.trim().parse().map_err(cannot("understand Python"))?;
    Ok(Spent { wall: Duration::from_secs_f64(seconds), ..Spent::default() })
}

fn copy(from: &Path, folder: &Path) -> Result<Spent, Failure> {
    let to = folder.join("copy.db");
    let copied = spent(|| {
        let _bytes = files::copy_synced(from, &to).map_err(cannot("copy a file"))?;
        files::sync(folder).map_err(cannot("sync a folder"))
    })?;
    files::remove_file(&to).map_err(cannot("remove a file"))?;
    Ok(copied)
}

fn clear(home: &Home) -> Result<(), Failure> {
    files::remove_tree(&home.layout().backups).map_err(cannot("remove snapshots"))
}
