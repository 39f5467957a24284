//! A first ingestion, files to answers, beside the search library indexing the same chunks from memory.

use std::cell::Cell;

use atocore_engine::Copier;
use atocore_storage::files;

use super::{
    Bench,
    bare::Shape,
    cannot,
    home::{Amount, Home},
    table::{Table, megabytes, rate, time},
    timing::{Spent, in_turns, spent},
};
use crate::failure::Failure;

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let dir = bench.dir().join("ingest");
    let home = Home::write(&dir, &bench.corpus, Amount::Files(bench.scale.new_files))?;
    let data = home.layout().data;
    let ingest = || -> Result<Spent, Failure> {
        files::remove_tree(&data).map_err(cannot("empty a data directory"))?;
        let engine = home.engine(Copier::InProcess)?;
        spent(|| home.refresh_all(&engine))
    };
    let _first = ingest()?;
    let (chunks, shape) = (home.chunks()?, Shape::of(&home.layout().lexical_index())?);
    let bare_dir = dir.join("bare");
    let number = Cell::new(0);
    let index = || -> Result<Spent, Failure> {
        let dir = bare_dir.join(number.replace(number.get() + 1).to_string());
        files::create_dirs(&dir).map_err(cannot("make a folder"))?;
        let spent = spent(|| shape.index(&chunks, &dir));
        files::remove_tree(&dir).map_err(cannot("remove a folder"))?;
        spent
    };
    let (mut ingest, mut index) = (ingest, index);
    let [ingested, indexed] = in_turns(bench.scale.long_rounds, [&mut ingest, &mut index])?;
    let count = chunks.len() as u64;
    let mut table = Table::new(format!(
        "ingest: {} new files, {}, {count} chunks, from reading them to finding them",
        home.files(),
        megabytes(home.bytes())
    ));
    let baseline = "bare tantivy, the same chunks from memory";
    table.compare("first ingestion", ingested.wall, indexed.wall, baseline, Some(2.0));
    table.compare("its processor time", ingested.cpu, indexed.cpu, baseline, None);
    let mut show = |what, value: &dyn Fn(Spent) -> String| {
        table.show(what, value(ingested), value(indexed), baseline);
    };
    show("megabytes of files per second", &|spent| format!("{:.1}", rate(home.bytes(), spent.wall) / 1e6));
    show("chunks per second", &|spent| format!("{:.0}", rate(count, spent.wall)));
    show("processor time per chunk", &|spent| time(spent.cpu.div_f64(count.max(1) as f64)));
    table.print();
    files::remove_tree(&dir).map_err(cannot("remove a folder"))
}
