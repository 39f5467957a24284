//! A first ingestion, files to answers, beside the search library indexing the same chunks from memory.

use std::path::Path;

use atocore_engine::Copier;
use atocore_storage::files;

use super::{
    Bench,
    bare::Shape,
    cannot,
    home::{Amount, Home},
    remove,
    table::{Table, megabytes, rate, time},
    timing::{Spent, in_turns, spent},
};
use crate::failure::Failure;

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let dir = bench.dir().join("ingest");
    let home = Home::write(&dir, &bench.corpus, Amount::Files(bench.scale.new_files))?;
    let (data, known_stores) = (home.layout().data, home.layout().known_stores());
    let mut ingest = || -> Result<Spent, Failure> {
        remove(&data)?;
        files::remove_file(&known_stores).map_err(cannot("remove a file"))?;
        let engine = home.engine(Copier::InProcess)?;
        spent(|| home.refresh_all(&engine))
    };
    let _first = ingest()?;
    let (memory, shape) = (home.memory()?, Shape::of(&home.layout().lexical_index())?);
    let in_new_folder = |index: &dyn Fn(&Path) -> Result<(), Failure>| -> Result<Spent, Failure> {
        let folder = dir.join("from-memory");
        files::create_dirs(&folder).map_err(cannot("make a folder"))?;
        let spent = spent(|| index(&folder));
        remove(&folder)?;
        spent
    };
    let mut bare = || in_new_folder(&|folder| shape.index(&memory, folder));
    let mut own = || in_new_folder(&|folder| memory.index(folder));
    let rounds = bench.scale.long_rounds;
    let [ingested, indexed, own] = in_turns(rounds, [&mut ingest, &mut bare, &mut own])?;
    let count = memory.passages();
    let mut table = Table::new(format!(
        "ingest: {} new files, {}, {count} chunks, from reading them to finding them",
        home.files(),
        megabytes(home.bytes())
    ));
    let baseline = "bare tantivy, the same chunks from memory";
    table.compare("first ingestion", ingested.wall, indexed.wall, baseline, Some(2.0));
    table.compare("its processor time", ingested.cpu, indexed.cpu, baseline, None);
    let own_index = "its own lexical index, the same chunks from memory";
    table.compare("first ingestion", ingested.wall, own.wall, own_index, None);
    table.compare("its processor time", ingested.cpu, own.cpu, own_index, None);
    let mut show = |what, value: &dyn Fn(Spent) -> String| {
        table.show(what, value(ingested), value(indexed), baseline);
    };
    show("megabytes of files per second", &|spent| format!("{:.1}", rate(home.bytes(), spent.wall) / 1e6));
    show("chunks per second", &|spent| format!("{:.0}", rate(count, spent.wall)));
    show("processor time per chunk", &|spent| time(spent.cpu.div_f64(count.max(1) as f64)));
    table.print();
    remove(&dir)
}
