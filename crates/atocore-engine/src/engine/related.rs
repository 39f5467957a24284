//! Documents that are related to one: by the links between them, and by what they mean.

use std::collections::HashMap;

use atocore_model::{
    excerpt::DocumentRef,
    fact::PageSize,
    id::{Generation, ProjectId},
};
use atocore_storage::{
    sqlite::{ReadTransaction, StoredDocument},
    vector::{VectorError, VectorFilter, VectorQuery},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Engine,
    answering::look_at_vectors,
    links::{DocumentNames, NamedDocument, backlinks},
};
use crate::{error::Error, link_targets::LinkTargets, reading, retrieval::cosine};

/// So many passages near to a document are looked at for every document that is asked for.
const PASSAGES: usize = 10;

/// What a rank weighs against the next one where two orders are put together: reciprocal rank fusion (Cormack, Clarke and
/// Büttcher, 2009).
const RANK_OFFSET: f64 = 60.0;

/// A document that is related to another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RelatedDocument {
    /// The document.
    #[serde(flatten)]
    pub document: NamedDocument,
    /// How many links lead to it.
    pub links: u64,
    /// How many links lead from it.
    pub backlinks: u64,
    /// The cosine of the angle between the mean of the vectors of the one document and the nearest vector of this one; null
    /// when it is not among the nearest.
    pub similarity: Option<f64>,
}

/// Documents that are related to one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RelatedDocuments {
    /// The document.
    pub document: NamedDocument,
    /// Those related to it, the closest first.
    pub related: Vec<RelatedDocument>,
    /// Whether meaning was looked at: not when the document has no vectors yet, or the server that they
    /// are searched on is away.
    pub by_meaning: bool,
    /// The generation that this shows.
    pub generation: Generation,
}

/// What is known of the relation to a document.
#[derive(Debug, Default)]
struct Relatedness {
    links: u64,
    backlinks: u64,
    similarity: Option<f64>,
}

impl Engine {
    /// The documents of the same project that are related to one, at most `limit`: those that it has links to or that have
    /// links to it, and those whose passages mean the most similar.
    ///
    /// # Errors
    /// When there is no such document or project, or the store or the vector index cannot be read.
    pub fn related(&self, wanted: &DocumentRef, limit: PageSize) -> Result<RelatedDocuments, Error> {
        let project = self.project_of_document(wanted)?;
        if self.lexical_indexer.is_none() {
            look_at_vectors(&self.embedding)?;
        }
        self.store()?.read(|read| {
            let document = reading::find(read, wanted, project.as_ref())?;
            let mut relations = linked(read, &document)?;
            let by_meaning = self.near(read, &document, limit, &mut relations)?;
            relations.remove(&document.key);
            let mut names = DocumentNames::new(read);
            let unknown = || Error::DocumentUnknown { wanted: wanted.clone(), near: None };
            let named = names.of(document.key)?.ok_or_else(unknown)?;
            let mut related = Vec::new();
            for (key, Relatedness { links, backlinks, similarity }) in in_order(relations) {
                if related.len() == limit.get() {
                    break;
                }
                let there = names.of(key)?.filter(|document| document.project == named.project);
                related.extend(there.map(|document| RelatedDocument {
                    document,
                    links,
                    backlinks,
                    similarity,
                }));
            }
            Ok(RelatedDocuments { document: named, related, by_meaning, generation: read.generation()? })
        })
    }

    /// Adds the documents whose passages are near to the mean of those of one; false when it has no vectors.
    fn near(
        &self,
        read: &ReadTransaction<'_>,
        document: &StoredDocument,
        limit: PageSize,
        relations: &mut HashMap<i64, Relatedness>,
    ) -> Result<bool, Error> {
        let index = self.embedding.index();
        let Some((index, space)) = index.and_then(|index| Some((index, index.space()?))) else {
            return Ok(false);
        };
        let Some(row) = read.space(space.fingerprint)? else { return Ok(false) };
        let mut sum = vec![0.0_f32; space.dimensions];
        let own = read.chunk_keys_of(document.key)?;
        read.each_chunk_key(own.iter().copied(), Some(row.key), |_, vector| {
            for (sum, number) in sum.iter_mut().zip(vector.into_iter().flatten()) {
                *sum += f32::from_le_bytes(*number);
            }
        })?;
        let length = sum.iter().map(|number| number * number).sum::<f32>().sqrt();
        if length == 0.0 {
            return Ok(false);
        }
        let mean: Vec<f32> = sum.iter().map(|number| number / length).collect();
        let project: &ProjectId = &document.document.project;
        let filter = VectorFilter { project: Some(project), ..VectorFilter::default() };
        let limit = limit.get() * PASSAGES + own.len();
        let found = match index.search(&VectorQuery { vector: &mean, filter: &filter, limit }) {
            // There are links without it.
            Err(VectorError::Unavailable(outage)) => {
                self.embedding.note_outage(&outage);
                return Ok(false);
            }
            found => found?.matches,
        };
        let of: HashMap<i64, u64> =
            found.iter().map(|found| (found.chunk_key.cast_signed(), found.document_key)).collect();
        // What the index says is only near.
        read.each_chunk_key(found.iter().map(|found| found.chunk_key), Some(row.key), |passage, vector| {
            if let (Some(key), Some(vector)) = (of.get(&passage.key), vector)
                && passage.project == project.as_str()
            {
                let similarity = cosine(&mean, vector);
                let relation = relations.entry(key.cast_signed()).or_default();
                relation.similarity =
                    Some(relation.similarity.map_or(similarity, |best| best.max(similarity)));
            }
        })?;
        Ok(true)
    }
}

/// The documents that a document has links to, and that have links to it.
fn linked(read: &ReadTransaction<'_>, document: &StoredDocument) -> Result<HashMap<i64, Relatedness>, Error> {
    let targets = LinkTargets::of(read, &document.document.project)?;
    let mut relations: HashMap<i64, Relatedness> = HashMap::new();
    for link in read.links_of(document.key)? {
        if let Some(key) = targets.target(document.key, &link) {
            relations.entry(key).or_default().links += 1;
        }
    }
    for (from, _) in backlinks(read, &targets, document)? {
        relations.entry(from).or_default().backlinks += 1;
    }
    Ok(relations)
}

/// The closest first: both orders, by links and by similarity, put together by ranks.
fn in_order(relations: HashMap<i64, Relatedness>) -> Vec<(i64, Relatedness)> {
    let mut relations: Vec<(f64, i64, Relatedness)> =
        relations.into_iter().map(|(key, relation)| (0.0, key, relation)).collect();
    let mut rank = |value: fn(&Relatedness) -> f64| {
        relations.sort_by(|a, b| value(&b.2).total_cmp(&value(&a.2)).then(a.1.cmp(&b.1)));
        // Equal ones have the same rank.
        let mut place = 0;
        for at in 0..relations.len() {
            if at > 0 && value(&relations[at].2) < value(&relations[at - 1].2) {
                place = at;
            }
            if value(&relations[at].2) > 0.0 {
                relations[at].0 += 1.0 / (RANK_OFFSET + place as f64 + 1.0);
            }
        }
    };
    rank(|relation| (relation.links + relation.backlinks) as f64);
    rank(|relation| relation.similarity.unwrap_or_default());
    relations.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    relations.into_iter().map(|(_, key, relation)| (key, relation)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_and_similar_comes_before_what_is_only_one_of_them() {
        let relation = |links, similarity| Relatedness { links, backlinks: 0, similarity };
        let relations = HashMap::from([
            (1, relation(0, Some(0.9))),
            (2, relation(1, None)),
            (3, relation(1, Some(0.5))),
            (4, relation(2, None)),
            (5, relation(0, Some(-0.1))),
        ]);
        let order: Vec<i64> = in_order(relations).into_iter().map(|(key, _)| key).collect();
        assert_eq!(order, [3, 1, 4, 2, 5]);
    }
}
