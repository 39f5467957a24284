//! A refresh that finds nothing new, beside the least that anybody can do: list the folders and ask for every file.

use std::path::Path;

use atocore_engine::Copier;

use super::{
    Bench, cannot,
    table::Table,
    timing::{in_turns, spent},
};
use crate::failure::Failure;

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let home = bench.whole()?;
    let engine = home.engine(Copier::InProcess)?;
    // The first refresh may have met files that were too young to trust their times.
    home.refresh_all(&engine)?;
    let mut refresh = || spent(|| home.refresh_all(&engine));
    let mut walk = || spent(|| walk(&home.tree()));
    let [refreshed, walked] = in_turns(bench.scale.rounds, [&mut refresh, &mut walk])?;
    let mut table = Table::new(format!("refresh: {} files, none of them changed", home.files()));
    table.compare("unchanged refresh", refreshed.wall, walked.wall, "plain walk with stat", Some(3.0));
    table.compare("its processor time", refreshed.cpu, walked.cpu, "plain walk with stat", None);
    table.print();
    Ok(())
}

/// Lists every folder and asks for size and time of every file, in one thread; returns their sum.
fn walk(folder: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).map_err(cannot("list a folder"))? {
        let entry = entry.map_err(cannot("list a folder"))?;
        if entry.file_type().map_err(cannot("look at a file"))?.is_dir() {
            bytes += walk(&entry.path())?;
        } else {
            let data = entry.metadata().map_err(cannot("look at a file"))?;
            bytes += data.modified().map_or(0, |_| data.len());
        }
    }
    Ok(bytes)
}
