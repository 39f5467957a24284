//! From a question to ranked passages: candidates from the word index, the contract's factors, then the cut.
//!
//! More passages are ranked than were asked for, so that a factor can bring in what the search alone would have cut.

mod signals;

use std::collections::HashSet;

use atocore_model::{
    id::ProjectId,
    query::{Answer, Explanation, Factor, Hit, ProjectHint, Query},
};
use atocore_storage::{
    lexical::{LexicalFilter, LexicalIndex, LexicalMatch, LexicalQuery},
    sqlite::{PassageKey, ReadTransaction, Store},
};
use globset::{GlobBuilder, GlobMatcher};

use crate::error::Error;
use signals::{Place, Signals};

/// The weights of the contract's factors; each is finite and above 0.
#[derive(Debug, Clone, PartialEq)]
pub struct RankWeights {
    /// Factor of the named project.
    pub project_match_boost: f64,
    /// What each word of the question adds that is found in path, title or heading.
    pub query_token_step: f64,
    /// The most that those words make of it.
    pub query_token_cap: f64,
    /// Factor of places that people come back to.
    pub path_high_signal_boost: f64,
    /// Factor of places where things were put aside.
    pub path_low_signal_penalty: f64,
}

impl Default for RankWeights {
    fn default() -> Self {
        Self {
            project_match_boost: 2.0,
            query_token_step: 0.08,
            query_token_cap: 1.32,
            path_high_signal_boost: 1.18,
            path_low_signal_penalty: 0.72,
        }
    }
}

/// At least this many passages are ranked for every question.
const LEAST_CANDIDATES: usize = 200;
/// And at least this many for every hit that is asked for.
const CANDIDATES_PER_HIT: usize = 4;

/// A passage with its factors, before the cut.
struct Ranked {
    passage: PassageKey,
    bm25: f64,
    factors: Vec<Factor>,
    score: f64,
}

/// Answers a question for which the project has been resolved.
pub(crate) fn answer(
    store: &Store,
    index: &LexicalIndex,
    weights: &RankWeights,
    query: &Query,
    project: Option<&ProjectId>,
) -> Result<Answer, Error> {
    let documents = match &query.path {
        Some(pattern) => {
            let wanted = PathFilter::new(pattern)?;
            Some(store.read(|read| read.documents_where(|path| wanted.accepts(path)))?)
        }
        None => None,
    };
    let everywhere = LexicalFilter { project: None, tags: &query.tags, documents: documents.as_deref() };
    let inside = LexicalFilter { project, ..everywhere };
    let limit = LEAST_CANDIDATES.max(query.top_k.get() * CANDIDATES_PER_HIT);
    let search = |filter| index.search(&LexicalQuery { text: query.text.as_str(), filter, limit });
    let (found, more) = match query.project {
        ProjectHint::None => (search(&everywhere)?, Vec::new()),
        ProjectHint::Scope(_) => (search(&inside)?, Vec::new()),
        ProjectHint::Boost(_) => (search(&everywhere)?, search(&inside)?.matches),
    };
    // The view of the store is opened after the search, so that it is never older than the index.
    store.read(|read| {
        let mark = found.mark.filter(|mark| mark.generation.0 > 0);
        if !mark.map_or(Ok(read.last_document_change()?.0 == 0), |mark| read.has(mark))? {
            return Err(Error::IndexNotReady);
        }
        let shown = mark.map(|mark| mark.generation).unwrap_or_default();
        let store_generation = read.generation()?;
        let candidates = distinct(found.matches, more);
        let signals = Signals::new(weights, query.text.as_str(), project.map(ProjectId::as_str));
        let bm25_max = candidates.iter().map(|found| f64::from(found.bm25)).fold(0.0, f64::max);
        let mut ranked = rank(read, &candidates, bm25_max, &signals)?;
        let considered = ranked.len();
        ranked.truncate(query.top_k.get());
        Ok(Answer {
            hits: hits(read, ranked, bm25_max)?,
            project: project.cloned(),
            generation: if read.last_document_change()? <= shown { store_generation } else { shown },
            store_generation,
            candidates: considered,
        })
    })
}

/// Both lists without repetition.
fn distinct(mut found: Vec<LexicalMatch>, more: Vec<LexicalMatch>) -> Vec<LexicalMatch> {
    let known: HashSet<u64> = found.iter().map(|found| found.chunk_key).collect();
    found.extend(more.into_iter().filter(|found| !known.contains(&found.chunk_key)));
    found
}

/// Multiplies every candidate that is still there by its factors and sorts: best first, then by path and place.
fn rank(
    read: &ReadTransaction<'_>,
    candidates: &[LexicalMatch],
    bm25_max: f64,
    signals: &Signals<'_>,
) -> Result<Vec<Ranked>, Error> {
    let mut ranked = Vec::with_capacity(candidates.len());
    for found in candidates {
        let Some(passage) = read.passage_key(found.chunk_key)? else { continue };
        let place = Place {
            source_path: &passage.source_path,
            title: &passage.title,
            heading_path: &passage.heading_path,
        };
        let factors = signals.factors(&passage.project, place);
        let bm25 = f64::from(found.bm25);
        let score = factors.iter().fold(bm25 / bm25_max, |score, factor| score * factor.value);
        ranked.push(Ranked { passage, bm25, factors, score });
    }
    ranked.sort_by(|a, b| {
        let by_place = |ranked: &Ranked| (ranked.passage.index, ranked.passage.key);
        b.score
            .total_cmp(&a.score)
            .then_with(|| a.passage.source_path.cmp(&b.passage.source_path))
            .then_with(|| by_place(a).cmp(&by_place(b)))
    });
    Ok(ranked)
}

fn hits(read: &ReadTransaction<'_>, ranked: Vec<Ranked>, bm25_max: f64) -> Result<Vec<Hit>, Error> {
    let mut hits = Vec::with_capacity(ranked.len());
    for Ranked { passage, bm25, factors, .. } in ranked {
        let Some(passage) = read.passage(passage.key)? else { continue };
        hits.push(Hit {
            chunk_id: passage.id,
            document_id: passage.document.id,
            project: passage.document.project,
            title: passage.document.title,
            tags: passage.document.tags,
            source_path: passage.document.source_path,
            file_path: passage.document.file_path,
            heading_path: passage.heading_path,
            lines: passage.lines,
            date: passage.document.date,
            content: passage.content,
            explanation: Explanation { bm25, bm25_max, similarity: bm25 / bm25_max, factors },
        });
    }
    Ok(hits)
}

/// Which paths below their root a question is about: a glob, or a folder or file by its path.
#[derive(Debug)]
struct PathFilter {
    plain: String,
    glob: Option<GlobMatcher>,
}

impl PathFilter {
    fn new(pattern: &str) -> Result<Self, Error> {
        let refused = |why: String| Error::PathPattern { pattern: pattern.chars().take(80).collect(), why };
        let plain = pattern.trim().trim_start_matches("./").trim_matches('/').to_owned();
        if plain.is_empty() {
            return Err(refused("it is empty".to_owned()));
        }
        let glob = if plain.contains(['*', '?', '[', '{']) {
            let built = GlobBuilder::new(&plain).literal_separator(true).build();
            Some(built.map_err(|error| refused(error.kind().to_string()))?.compile_matcher())
        } else {
            None
        };
        Ok(Self { plain, glob })
    }

    fn accepts(&self, path: &str) -> bool {
        match &self.glob {
            Some(glob) => glob.is_match(path),
            None => {
                let rest = path.strip_prefix(self.plain.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_chosen_by_folder_file_or_glob() {
        let accepts = |pattern: &str, path: &str| PathFilter::new(pattern).unwrap().accepts(path);
        assert!(accepts("notes", "notes/a.md") && accepts("/notes/", "notes/b/a.md"));
        assert!(!accepts("notes", "notes2/a.md") && accepts("notes/a.md", "notes/a.md"));
        assert!(
            accepts("**/*.md", "x/y/a.md") && !accepts("*.md", "x/a.md") && accepts("x/[ab].md", "x/b.md")
        );
        assert!(PathFilter::new("  ").is_err());
        assert!(PathFilter::new("[").is_err());
    }
}
