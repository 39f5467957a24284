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
    let mut targets: HashMap<&ProjectId, LinkTargets> = HashMap::new();
    let mut ids: HashMap<i64, DocumentId> = HashMap::new();
    let mut linked = LinkedDocuments::default();
    for hit in hits {
        let mut documents = HashSet::new();
        if let Some(from) = read.document(&hit.document_id)? {
            let links = read.links_of(from.key)?;
            for link in links.iter().filter(|link| (hit.lines.first..=hit.lines.last).contains(&link.line)) {
                let targets = match targets.entry(&hit.project) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(LinkTargets::of(read, &hit.project)?),
                };
                let Some(key) = targets.target(from.key, link) else { continue };
                if let Entry::Vacant(new) = ids.entry(key)
                    && linked.keys.len() < DOCUMENTS
                    && let Some(listed) = read.listed_document(key)?
                {
                    if !there.contains(&listed.document.id) {
                        linked.keys.push(key.cast_unsigned());
                    }
                    new.insert(listed.document.id);
                }
                documents.extend(ids.get(&key).filter(|id| !there.contains(id)).cloned());
            }
        }
        linked.of_passages.push(documents);
    }
    Ok(linked)
}
