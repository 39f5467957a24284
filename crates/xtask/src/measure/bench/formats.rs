//! Documents of every format, read in the limited process, beside the same reader in this one.

use std::path::Path;

use atocore_engine::extract::{ExtractLimits, Extractor, Format, extract, serve};
use atocore_storage::files;
use atocore_testkit::documents;

use super::{
    Bench, cannot, remove,
    table::{Table, megabytes, rate},
    timing::{Spent, in_turns, spent},
};
use crate::failure::Failure;

/// The task that reads documents for the process that started this one.
pub(in super::super) const READER: &str = "__extract";

/// Serves as the limited process.
pub(in super::super) fn read_documents() -> Result<(), Failure> {
    serve(&[], ExtractLimits::DEFAULT).map_err(cannot("read documents"))
}

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let dir = bench.dir().join("formats");
    files::create_dirs(&dir).map_err(cannot("make a folder"))?;
    documents::write_long(&dir, bench.scale.sentences).map_err(cannot("write documents"))?;
    let program = std::env::current_exe().map_err(cannot("find this program"))?;
    let extractor = Extractor::new(Some((program, vec![READER.to_owned()])), ExtractLimits::DEFAULT);
    let mut table = Table::new(format!(
        "formats: one document of {} sentences each, read in the limited process",
        bench.scale.sentences
    ));
    for path in files::list(&dir).map_err(cannot("list a folder"))? {
        measure(bench, &path, &extractor, &mut table)?;
    }
    table.print();
    remove(&dir)
}

fn measure(bench: &Bench, path: &Path, extractor: &Extractor, table: &mut Table) -> Result<(), Failure> {
    let content = std::fs::read(path).map_err(cannot("read a document"))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let format = Format::of_file(&name, &content);
    // Those that are not read have nothing to measure.
    if !format.has_reader() || content.len() < 20_000 || extract(format, &name, &content).is_err() {
        return Ok(());
    }
    let mut limited = || -> Result<Spent, Failure> {
        spent(|| extractor.extract(format, &name, &content, &|| false).map_err(cannot("read a document")))
    };
    let mut bare = || -> Result<Spent, Failure> {
        spent(|| extract(format, &name, &content).map_err(cannot("read a document")))
    };
    let _starts = limited()?;
    let [limited, bare] = in_turns(bench.scale.rounds, [&mut limited, &mut bare])?;
    let bytes = content.len() as u64;
    let what = format!("{name}, {}", megabytes(bytes));
    let baseline = "the same reader in this process";
    table.compare(&what, limited.wall, bare.wall, baseline, Some(1.5));
    let speed = |spent: Spent| format!("{:.1} MB/s", rate(bytes, spent.wall) / 1e6);
    table.show("", speed(limited), speed(bare), baseline);
    Ok(())
}
