//! What the process before has left to be merged.

use std::path::Path;

use atocore_model::monitor::Silent;
use tantivy::indexer::NoMergePolicy;

use super::{Notebook, open};
use crate::lexical::{ChunkSource, LexicalError, schema, schema::Payload, writer};

/// Commits what changed as its last process would have that ended before it merged anything.
fn catch_up_without_merging(dir: &Path, notebook: &Notebook) {
    let index = open(dir);
    let (_, fields) = schema::schema();
    let mut writer = writer::open(&index.opened().0, 1).unwrap();
    writer.set_merge_policy(Box::new(NoMergePolicy));
    let changes = notebook.changes(index.version(), &mut |document| {
        writer.delete_term(fields.document(document.document_key));
        for chunk in document.chunks {
            let _number = writer.add_document(fields.entry(&document, chunk)).unwrap();
        }
        Ok::<_, LexicalError>(())
    });
    let mut commit = writer.prepare_commit().unwrap();
    commit.set_payload(&Payload::text(changes.unwrap()));
    commit.commit().unwrap();
}

/// The library merges segments beside a commit, up to the deletions of the commit before. It must not take the first
/// deletion of a process for one of those: a segment that was up to date with them would keep what is deleted.
#[test]
fn the_first_deletion_of_a_process_reaches_every_segment_that_is_merged_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let mut notebook = Notebook::new(1);
    for segment in 0..10 {
        // The first segment is the largest, with which a merge begins.
        for document in 0..if segment == 0 { 5 } else { 4 } {
            let _keys = notebook.write(10 * segment + document, "Parts", &["a pump"]);
        }
        catch_up_without_merging(dir.path(), &notebook);
    }
    // The last commit deletes in a segment, in which the next one deletes first of all.
    notebook.delete(51);
    catch_up_without_merging(dir.path(), &notebook);
    let key = notebook.key();
    notebook.edit(50, |page| page.chunks[0].chunk_key = key);
    let index = open(dir.path());
    index.catch_up(&notebook, &Silent).unwrap();
    index.close().unwrap();
    let expected: usize = notebook.pages.values().map(|page| page.chunks.len()).sum();
    assert_eq!(open(dir.path()).chunks(), expected as u64);
}
