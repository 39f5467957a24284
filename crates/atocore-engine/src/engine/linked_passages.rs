//! What the passages of an answer have links to: one step on, for a context pack.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use atocore_model::{
    id::{DocumentId, ProjectId},
    query::{Hit, QueryRequest, TopK},
};
use atocore_storage::sqlite::ReadTransaction;

use super::{Engine, answering::AnswerSource};
use crate::{error::Error, link_targets::LinkTargets};

/// So many documents are looked into for one pack.
const DOCUMENTS: usize = 100;
/// So many passages follow one that has links: a table of contents has links to everything.
const PER_PASSAGE: usize = 2;

/// The documents that each passage of an answer has links to, but for those that have passages in it.
#[derive(Debug, Default)]
struct LinkedDocuments {
    of_passages: Vec<HashSet<DocumentId>>,
    /// The keys of all of them.
    keys: Vec<u64>,
}

impl Engine {
    /// Sets behind each passage those passages of documents it has links to that answer the question best, one of each
    /// document. They are found as the others were: in the scope, below the path, with the tags.
    pub(super) fn with_linked(
        &self,
        hits: Vec<Hit>,
        from: AnswerSource<'_>,
        query: &QueryRequest,
        project: Option<&ProjectId>,
    ) -> Result<Vec<Hit>, Error> {
        let LinkedDocuments { of_passages, keys } = self.store()?.read(|read| linked(read, &hits))?;
        if keys.is_empty() {
            return Ok(hits);
        }
        let from = AnswerSource { within: Some(&keys), ..from };
        let query = QueryRequest { top_k: TopK::MOST, wait_for: None, ..query.clone() };
        let (answer, ()) = self.answer(from, &query, project, &self.config.weights, |_| Ok(()))?;
        let mut found = answer.hits;
        let mut seen = HashSet::new();
        let is_said = |linked: &Hit| hits.iter().any(|hit| hit.content == linked.content);
        found.retain(|hit| seen.insert(hit.document_id.clone()) && !is_said(hit));
        let mut all = Vec::new();
        for (hit, documents) in hits.into_iter().zip(of_passages) {
            let source = hit.source_path.clone();
            all.push(hit);
            let linked = found.extract_if(.., |hit| documents.contains(&hit.document_id)).take(PER_PASSAGE);
            all.extend(linked.map(|hit| Hit { linked_from: Some(source.clone()), ..hit }));
        }
        Ok(all)
    }
}

fn linked(read: &ReadTransaction<'_>, hits: &[Hit]) -> Result<LinkedDocuments, Error> {
    let there: HashSet<&DocumentId> = hits.iter().map(|hit| &hit.document_id).collect();
    let mut targets = HashMap::new();
    // `None` for those that have passages in the answer.
    let mut ids: HashMap<i64, Option<DocumentId>> = HashMap::new();
    let mut linked = LinkedDocuments::default();
    for hit in hits {
        let mut documents = HashSet::new();
        for key in targets_of(read, hit, &mut targets)? {
            if let Entry::Vacant(new) = ids.entry(key)
                && linked.keys.len() < DOCUMENTS
            {
                let id = read.listed_document(key)?.map(|listed| listed.document.id);
                let id = id.filter(|id| !there.contains(id));
                linked.keys.extend(id.is_some().then_some(key.cast_unsigned()));
                new.insert(id);
            }
            documents.extend(ids.get(&key).cloned().flatten());
        }
        linked.of_passages.push(documents);
    }
    Ok(linked)
}

/// The keys of the documents that links in a passage lead to.
fn targets_of<'h>(
    read: &ReadTransaction<'_>,
    hit: &'h Hit,
    known: &mut HashMap<&'h ProjectId, LinkTargets>,
) -> Result<Vec<i64>, Error> {
    let Some(from) = read.document(&hit.document_id)? else { return Ok(Vec::new()) };
    let mut links = read.links_of(from.key)?;
    links.retain(|link| (hit.lines.first..=hit.lines.last).contains(&link.line));
    if links.is_empty() {
        return Ok(Vec::new());
    }
    let targets = match known.entry(&hit.project) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => new.insert(LinkTargets::of(read, &hit.project)?),
    };
    Ok(links.iter().filter_map(|link| targets.target(from.key, link)).collect())
}
