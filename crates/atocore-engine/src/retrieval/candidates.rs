//! The passages that are worth ranking: the best by words and the best by meaning, each with what both halves say.

use std::collections::{BTreeSet, HashMap};

use atocore_model::{id::ProjectId, name::Tag, query::ProjectHint, ranking::Bm25};
use atocore_storage::{
    chunk_filter::ChunkFilter,
    lexical::{LexicalFilter, LexicalIndex, LexicalMatch, LexicalQuery},
    sqlite::{ChunkKey, ReadTransaction},
    vector::{VectorFilter, VectorIndex, VectorMatch, VectorQuery},
};

use super::exact_terms::ExactTerm;
use crate::{embedding::QueryVector, error::Error};

/// At least this many passages are ranked for every question: half of them by words and half by meaning, where both
/// are asked.
const LEAST: usize = 200;
/// And at least this many for every hit that is asked for.
const PER_HIT: usize = 4;
/// How many times as many passages are ranked each time that too few different ones were among them, and at most.
const WIDER: usize = 4;
const WIDEST: usize = 64;
/// BM25 is known of this many times as many passages, so that those found by meaning have theirs as well.
const KNOWN_WORDS: usize = 5;

/// What is searched for, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct CandidateSearch<'q> {
    pub(super) text: &'q str,
    /// What of the text has to be found as it is.
    pub(super) terms: &'q [ExactTerm],
    pub(super) tags: &'q [Tag],
    /// Only these documents.
    pub(super) documents: Option<&'q [u64]>,
    /// Only these passages.
    pub(super) chunks: Option<&'q ChunkFilter>,
    pub(super) hint: &'q ProjectHint,
    pub(super) project: Option<&'q ProjectId>,
    pub(super) top_k: usize,
    /// How many ways of searching share the work: 1 or 2.
    pub(super) halves: usize,
    /// How many times as many passages are ranked as usual.
    pub(super) breadth: usize,
}

impl CandidateSearch<'_> {
    fn limit(&self) -> usize {
        (LEAST / self.halves).max(self.top_k * PER_HIT) * self.breadth
    }

    /// The search with more candidates; `None` when this one has as many as there may be.
    pub(super) const fn wider(self) -> Option<Self> {
        if self.breadth < WIDEST { Some(Self { breadth: self.breadth * WIDER, ..self }) } else { None }
    }

    /// Where to search: everywhere or in the project alone; for a boost in both, so that the project's own best are
    /// among the candidates.
    fn scopes(&self) -> Vec<Option<&ProjectId>> {
        match self.hint {
            ProjectHint::None => vec![None],
            ProjectHint::Scope(_) => vec![self.project],
            ProjectHint::Boost(_) => vec![None, self.project],
        }
    }

    /// Searches by words.
    pub(super) fn words(&self, index: &LexicalIndex) -> Result<SearchHalf<LexicalMatch>, Error> {
        let (mut all, mut chosen, mut is_cut) = (Vec::new(), Vec::new(), false);
        let phrases: Vec<String> = self.terms.iter().flat_map(ExactTerm::spellings).cloned().collect();
        // Names in one word as well.
        let names = self.terms.iter().filter_map(|term| term.name.as_deref());
        let text: Vec<&str> = [self.text].into_iter().chain(names).collect();
        let text = text.join(" ");
        for project in self.scopes() {
            let filter =
                LexicalFilter { project, tags: self.tags, documents: self.documents, chunks: self.chunks };
            let limit = self.limit() * KNOWN_WORDS;
            let query = LexicalQuery { text: &text, phrases: &phrases, filter: &filter, limit };
            let mut found = index.search(&query)?.matches;
            let most = found.iter().map(bm25).fold(Bm25::default(), Bm25::max);
            // Equal ones stay in the order of the search.
            found.sort_by(|a, b| bm25(b).part_of(most).total_cmp(&bm25(a).part_of(most)));
            chosen.extend(found.iter().take(self.limit()).map(|found| found.chunk_key));
            is_cut |= found.len() > self.limit();
            all.push(found);
        }
        Ok(SearchHalf { best: all, chosen, is_cut })
    }

    /// Searches by meaning.
    pub(super) fn meaning(
        &self,
        index: &dyn VectorIndex,
        vector: &[f32],
    ) -> Result<SearchHalf<VectorMatch>, Error> {
        let (mut all, mut chosen, mut is_cut) = (Vec::new(), Vec::new(), false);
        for project in self.scopes() {
            let filter = VectorFilter { project, documents: self.documents, chunks: self.chunks };
            let found = index.search(&VectorQuery { vector, filter: &filter, limit: self.limit() })?.matches;
            chosen.extend(found.iter().map(|found| found.chunk_key));
            is_cut |= found.len() >= self.limit();
            all.push(found);
        }
        Ok(SearchHalf { best: all, chosen, is_cut })
    }
}

/// What one half has found.
#[derive(Debug)]
pub(super) struct SearchHalf<M> {
    /// The matches of each search, best first.
    best: Vec<Vec<M>>,
    /// The passages that are worth ranking, with repetitions.
    chosen: Vec<u64>,
    /// Whether there may be more.
    pub(super) is_cut: bool,
}

/// A passage that is worth ranking.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) passage: ChunkKey,
    /// 0 when it has no word of the question.
    pub(super) bm25: Bm25,
    /// From 1, among all that were found by words.
    pub(super) word_rank: Option<usize>,
    /// `None` when it has no vector, or meaning was not asked for.
    pub(super) cosine: Option<f64>,
    /// From 1, among all that were found by meaning.
    pub(super) meaning_rank: Option<usize>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Candidates {
    pub(super) list: Vec<Candidate>,
    /// The highest BM25 of any passage, and of the document of any.
    pub(super) most: Bm25,
    /// The highest and the lowest cosine of any candidate; `None` when none has a vector.
    pub(super) cosines: Option<(f64, f64)>,
}

impl Candidates {
    /// Puts both halves together. Cosines are computed anew from the vectors of the store: what the index says is
    /// only near. So is what it says of projects: with a `scope` nothing comes in that belongs to another one now.
    pub(super) fn gather(
        read: &ReadTransaction<'_>,
        scope: Option<&ProjectId>,
        words: Option<&SearchHalf<LexicalMatch>>,
        near: Option<&SearchHalf<VectorMatch>>,
        asked: Option<&QueryVector>,
    ) -> Result<Self, Error> {
        let chosen: BTreeSet<u64> = words
            .iter()
            .flat_map(|half| &half.chosen)
            .chain(near.iter().flat_map(|half| &half.chosen))
            .copied()
            .collect();
        let found: HashMap<i64, Bm25> = words
            .iter()
            .flat_map(|half| half.best.iter().flatten())
            .filter_map(|found| Some((i64::try_from(found.chunk_key).ok()?, bm25(found))))
            .collect();
        let mut list = Vec::with_capacity(chosen.len());
        read.each_chunk_key(chosen, asked.map(|asked| asked.space.key), |passage, vector| {
            if scope.is_some_and(|scope| scope.as_str() != passage.project) {
                return;
            }
            let bm25 = found.get(&passage.key).copied().unwrap_or_default();
            let cosine = asked.zip(vector).map(|(asked, vector)| cosine(&asked.vector, vector));
            // Else found by an index that is behind: its text has no vector yet.
            if cosine.is_some() || bm25.chunk > 0.0 {
                list.push(Candidate { passage, bm25, word_rank: None, cosine, meaning_rank: None });
            }
        })?;
        let most = list.iter().map(|candidate| candidate.bm25).fold(Bm25::default(), Bm25::max);
        let part = |candidate: &Candidate| Some(candidate.bm25.part_of(most)).filter(|part| *part > 0.0);
        set_ranks(&mut list, part, |c, rank| c.word_rank = rank);
        set_ranks(&mut list, |candidate| candidate.cosine, |c, rank| c.meaning_rank = rank);
        let cosines = list.iter().filter_map(|candidate| candidate.cosine);
        let cosines = cosines.fold(None, |range: Option<(f64, f64)>, cosine| {
            Some(range.map_or((cosine, cosine), |(most, least)| (most.max(cosine), least.min(cosine))))
        });
        Ok(Self { list, most, cosines })
    }
}

/// The scores of a match.
fn bm25(found: &LexicalMatch) -> Bm25 {
    Bm25 { chunk: f64::from(found.bm25), document: f64::from(found.document_bm25) }
}

/// Gives every candidate that has a value its rank by it, the highest first; equal ones by key.
fn set_ranks(
    list: &mut [Candidate],
    value: impl Fn(&Candidate) -> Option<f64>,
    set: impl Fn(&mut Candidate, Option<usize>),
) {
    let mut order: Vec<(f64, usize)> =
        list.iter().enumerate().filter_map(|(at, candidate)| Some((value(candidate)?, at))).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    for (rank, (_, at)) in order.into_iter().enumerate() {
        set(&mut list[at], Some(rank + 1));
    }
}

/// The cosine of two vectors of length 1, the second as it is stored. Sums of eight, so that the compiler can do them
/// side by side.
pub(crate) fn cosine(a: &[f32], b: &[[u8; 4]]) -> f64 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * f32::from_le_bytes(*b);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * f32::from_le_bytes(*b)).sum();
    f64::from(sums.iter().sum::<f32>() + rest).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use atocore_model::{digest::Digest, document::FileStamp, time::Timestamp};
    use atocore_storage::sqlite::{
        IngestedDocument, LoggedOperation, StorageError, Store, StoreOptions, WriteTransaction,
    };

    use super::*;
    use crate::{SystemClock, ingest::ChunkLimits};

    #[test]
    fn cosines_of_any_length() {
        for length in [0, 1, 7, 8, 9, 384] {
            let a: Vec<f32> = (0..length).map(|n| (n as f32).sin()).collect();
            let norm = a.iter().map(|n| n * n).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            let a: Vec<f32> = a.iter().map(|n| n / norm).collect();
            let expected = if a.iter().any(|n| *n != 0.0) { 1.0 } else { 0.0 };
            let stored: Vec<[u8; 4]> = a.iter().map(|n| n.to_le_bytes()).collect();
            assert!((cosine(&a, &stored) - expected).abs() < 1e-5, "{length}");
        }
    }

    #[test]
    fn what_belongs_to_another_project_by_now_is_not_in_the_scope() {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { busy_timeout: Duration::from_secs(5), clock: Arc::new(SystemClock) };
        let store = Store::open(&dir.path().join("atocore.db"), options).unwrap();
        let text = "zebra";
        let parsed =
            crate::ingest::parse(atocore_extract::Format::Text, "a.txt", text, ChunkLimits::default());
        let document = IngestedDocument {
            file_path: "/docs/a.txt".to_owned(),
            source_path: "a.txt".parse().unwrap(),
            root: String::new(),
            digest: Digest::from_bytes([0; 32]),
            stamp: FileStamp::default(),
            settled: true,
            chunked_by: String::new(),
            encoding: "UTF-8".to_owned(),
            parsed,
        };
        let operation = LoggedOperation { interface: "test", action: "refresh", subject: "p" };
        let put = |write: &WriteTransaction<'_>| write.put_document(None, &"p".parse().unwrap(), &document);
        store.write(&operation, put).map(drop).map_err(|error: StorageError| error).unwrap();
        // What an index says that has not heard yet that the document moved.
        let found = |scope: Option<&str>| {
            let scope = scope.map(|scope| scope.parse::<ProjectId>().unwrap());
            let found = LexicalMatch { chunk_key: 1, document_key: 1, bm25: 1.0, document_bm25: 1.0 };
            let words = SearchHalf { best: vec![vec![found]], chosen: vec![1], is_cut: false };
            let gathered =
                store.read(|read| Candidates::gather(read, scope.as_ref(), Some(&words), None, None));
            gathered.unwrap().list.len()
        };
        assert_eq!([found(None), found(Some("p")), found(Some("before"))], [1, 1, 0]);
    }

    #[test]
    fn equal_values_are_ranked_by_key() {
        let passage = |key| ChunkKey {
            key,
            index: 0,
            heading_path: String::new(),
            title: String::new(),
            source_path: String::new(),
            project: String::new(),
            date: Timestamp::new(jiff::Timestamp::UNIX_EPOCH),
        };
        let mut list = [(1, 3.0), (2, 5.0), (3, 5.0), (4, 0.0)].map(|(key, bm25)| Candidate {
            passage: passage(key),
            bm25: Bm25 { chunk: bm25, document: bm25 },
            word_rank: None,
            cosine: None,
            meaning_rank: None,
        });
        let bm25 = |candidate: &Candidate| Some(candidate.bm25.chunk).filter(|bm25| *bm25 > 0.0);
        set_ranks(&mut list, bm25, |c, rank| c.word_rank = rank);
        assert_eq!(list.map(|candidate| candidate.word_rank), [Some(3), Some(1), Some(2), None]);
    }
}
