//! Which documents and which passages a question is about.

use std::collections::HashSet;

use atocore_model::{
    document::Chunk,
    id::ProjectId,
    name::QueryText,
    query::{Notice, PassageConditions, ProjectHint, QueryRequest},
    text,
};
use atocore_storage::{
    chunk_filter::ChunkFilter,
    lexical::{LexicalIndex, Occurrence, Wording, other_forms},
    sqlite::ReadTransaction,
};

use super::{
    Retrieval,
    path_filter::{PathFilter, PathFit},
};
use crate::error::Error;

/// Of more passages it is not looked up which documents they belong to.
const FEW: usize = 5_000;

/// What both searches keep to.
#[derive(Debug, Default)]
pub(super) struct Filters {
    /// The only documents to search in; `None` for all.
    pub(super) documents: Option<Vec<u64>>,
    /// Which of their passages may be found; `None` for all.
    pub(super) chunks: Option<ChunkFilter>,
}

impl Retrieval<'_> {
    /// The documents and passages that a question allows. What nothing is like is named in the notices.
    pub(super) fn filters(
        &self,
        query: &QueryRequest,
        project: Option<&ProjectId>,
        notices: &mut Vec<Notice>,
    ) -> Result<Filters, Error> {
        let scope = project.filter(|_| matches!(query.project, ProjectHint::Scope(_)));
        let documents = self.documents(query, scope, notices)?;
        if query.passages.is_empty() {
            return Ok(Filters { documents, chunks: None });
        }
        self.store.read(|read| {
            let chunks = chunk_filter(read, self.lexical_index, &query.passages)?;
            let no_passage = |is_filtered| {
                let (passages, scope) = (query.passages.clone(), scope.cloned());
                Notice::NoPassage { passages, is_filtered, scope }
            };
            if documents.is_none() && leaves_nothing(read, &chunks, scope)? {
                notices.push(no_passage(false));
            }
            let few = chunks.only().filter(|only| only.len() <= FEW);
            let Some(only) = few else { return Ok(Filters { documents, chunks: Some(chunks) }) };
            let mut left = read.documents_of_chunks(only)?;
            let allowed: Option<HashSet<u64>> = documents.map(|keys| keys.into_iter().collect());
            left.retain(|chunk| {
                scope.is_none_or(|scope| scope.as_str() == chunk.project)
                    && allowed.as_ref().is_none_or(|keys| keys.contains(&chunk.document_key))
            });
            let is_filtered = allowed.is_some();
            // Where there is no document to search in, that is said already.
            if left.is_empty() && allowed.is_none_or(|keys| !keys.is_empty()) {
                notices.push(no_passage(is_filtered));
            }
            let mut documents: Vec<u64> = left.iter().map(|chunk| chunk.document_key).collect();
            documents.sort_unstable();
            documents.dedup();
            Ok(Filters { documents: Some(documents), chunks: Some(chunks) })
        })
    }

    /// The documents that path and conditions of a question allow; `None` for all. Where a document lies at the path letter
    /// for letter, that is what is meant, and not what the path would match as a glob; an absolute path means a file
    /// first.
    fn documents(
        &self,
        query: &QueryRequest,
        scope: Option<&ProjectId>,
        notices: &mut Vec<Notice>,
    ) -> Result<Option<Vec<u64>>, Error> {
        if query.path.is_none() && query.conditions.is_empty() {
            return Ok(self.within.map(<[u64]>::to_vec));
        }
        let filter = query.path.as_deref().map(PathFilter::new).transpose()?;
        let conditions = query.conditions.check();
        let mut by_fit = <[MatchingDocuments; 3]>::default();
        self.store.read(|read| {
            read.each_document_place(|place| {
                if scope.is_some_and(|scope| scope.as_str() != place.project) {
                    return;
                }
                let fit =
                    filter.as_ref().map_or(Some(PathFit::Path), |filter| filter.fit(place.path, place.file));
                let Some(fit) = fit else { return };
                let found = &mut by_fit[fit as usize];
                found.any = true;
                if conditions.accepts(place) {
                    found.keys.push(place.key);
                }
            })
        })?;
        let mut found = by_fit.into_iter().find(|found| found.any).unwrap_or_default();
        if let Some(within) = self.within {
            found.keys.retain(|key| within.contains(key));
            return Ok(Some(found.keys));
        }
        let filter = filter.filter(|_| !found.any);
        if let Some(refusal) = filter.as_ref().and_then(PathFilter::refusal) {
            return Err(refusal);
        }
        if found.keys.is_empty() {
            // One that cannot be read stops no question.
            let claims = || {
                let registry = self.projects.registry().ok()?;
                Some(self.projects.folders().claims(registry.projects()))
            };
            let (path, conditions) = (query.path.clone(), query.conditions.clone());
            notices.push(Notice::NoDocument {
                path,
                lies_there: found.any && query.path.is_some(),
                outside: filter.is_some_and(|filter| filter.is_outside(claims)),
                conditions,
                scope: scope.cloned(),
            });
        }
        Ok(Some(found.keys))
    }
}

/// Whether every passage of a project, or of all, has something that none may have.
fn leaves_nothing(
    read: &ReadTransaction<'_>,
    chunks: &ChunkFilter,
    scope: Option<&ProjectId>,
) -> Result<bool, Error> {
    let except = chunks.except();
    if chunks.only().is_some() || except.is_empty() {
        return Ok(false);
    }
    let is_of = |project: &str| scope.is_none_or(|scope| scope.as_str() == project);
    let all = match scope {
        None => read.chunks()?,
        Some(_) => read.counts()?.iter().filter(|(id, ..)| is_of(id)).map(|(.., chunks)| chunks).sum(),
    };
    if all == 0 || (except.len() as u64) < all {
        return Ok(false);
    }
    let left_out = read.documents_of_chunks(except)?;
    Ok(left_out.iter().filter(|chunk| is_of(&chunk.project)).count() as u64 >= all)
}

/// The passages that the conditions let through.
fn chunk_filter(
    read: &ReadTransaction<'_>,
    index: &LexicalIndex,
    conditions: &PassageConditions,
) -> Result<ChunkFilter, Error> {
    let mut only: Option<Vec<u64>> = None;
    for text in &conditions.contains {
        let mut containing = containing(read, index, text)?;
        if let Some(only) = only {
            containing.retain(|key| only.binary_search(key).is_ok());
        }
        only = Some(containing);
    }
    let mut except = Vec::new();
    for text in &conditions.excludes {
        except.extend(containing(read, index, text)?);
    }
    Ok(ChunkFilter::new(only, except))
}

/// The passages that contain a text, in ascending order. Where the index does not tell, their own text does.
fn containing(read: &ReadTransaction<'_>, index: &LexicalIndex, text: &QueryText) -> Result<Vec<u64>, Error> {
    let text = text.as_str();
    let Some(mut keys) = index.containing(text)? else {
        return Err(Error::PassageText(text::excerpt(text)));
    };
    if let Some(mut wording) = Wording::new(text).filter(|wording| !wording.is_told_by_index()) {
        let mut having = Vec::new();
        for key in keys {
            let passage = i64::try_from(key).ok().map(|key| read.chunk(key)).transpose()?.flatten();
            having.extend(passage.filter(|passage| is_in(&mut wording, passage)).map(|_| key));
        }
        keys = having;
    }
    Ok(keys)
}

/// Whether a text stands in a passage, in its headings or in the title of its document.
fn is_in(wording: &mut Wording, passage: &Chunk) -> bool {
    let texts = [&*passage.document.title, passage.heading_path.as_str(), &*passage.content];
    let mut has = |text: &str| wording.occurrence(text) > Occurrence::Apart;
    texts.into_iter().any(&mut has) || has(&other_forms(texts))
}

/// What no hit may contain. The searches know it from the lexical index; a passage that has come in since is told by its text.
pub(super) struct ExcludedTexts(Vec<Wording>);

impl ExcludedTexts {
    pub(super) fn new(conditions: &PassageConditions) -> Self {
        Self(conditions.excludes.iter().filter_map(|text| Wording::new(text.as_str())).collect())
    }

    /// Whether some of it stands in a passage.
    pub(super) fn are_in(&mut self, passage: &Chunk) -> bool {
        self.0.iter_mut().any(|wording| is_in(wording, passage))
    }
}

/// Documents by their path, whatever else they are, and those of them that the conditions accept.
#[derive(Debug, Default)]
struct MatchingDocuments {
    any: bool,
    keys: Vec<u64>,
}
