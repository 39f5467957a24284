//! Passages that say nearly the same, shown as one: the same text in two places, versions of one page.

use atocore_model::{
    document::Passage,
    query::{Explanation, Hit, Place},
};

use crate::resemblance::Sequences;

/// Hits as they are gathered, best first.
#[derive(Debug)]
pub(super) struct Hits {
    limit: usize,
    collapse: bool,
    hits: Vec<(Hit, Sequences)>,
    /// Passages looked at since the last new hit.
    looked: usize,
}

impl Hits {
    /// For at most `limit` hits.
    pub(super) fn new(limit: usize, collapse: bool) -> Self {
        Self { limit, collapse, hits: Vec::new(), looked: 0 }
    }

    /// Whether no further passage is needed. Some more than the limit are looked at, so that copies of the last hits
    /// are named too.
    pub(super) fn is_complete(&self) -> bool {
        let ahead = if self.collapse { self.limit } else { 0 };
        self.hits.len() >= self.limit && self.looked >= ahead
    }

    /// Adds the next passage: as a copy of a hit, or as a hit while there is room.
    pub(super) fn add(&mut self, passage: Passage, explanation: Explanation) {
        let sequences = if self.collapse { Sequences::of(&passage.content) } else { Sequences::default() };
        let same = self.hits.iter_mut().find(|(_, known)| self.collapse && known.resemble(&sequences));
        if let Some((hit, _)) = same {
            hit.copies.push(place(passage));
        } else if self.hits.len() < self.limit {
            self.hits.push((hit(passage, explanation), sequences));
        }
        if self.hits.len() >= self.limit {
            self.looked += 1;
        }
    }

    /// The hits.
    pub(super) fn into_hits(self) -> Vec<Hit> {
        self.hits.into_iter().map(|(hit, _)| hit).collect()
    }
}

fn hit(passage: Passage, explanation: Explanation) -> Hit {
    Hit {
        chunk_id: passage.id,
        document_id: passage.document.id,
        document_digest: passage.document.digest,
        index: passage.index,
        project: passage.document.project,
        title: passage.document.title,
        tags: passage.document.tags,
        source_path: passage.document.source_path,
        file_path: passage.document.file_path,
        heading_path: passage.heading_path,
        lines: passage.lines,
        date: passage.document.date,
        content: passage.content,
        explanation,
        copies: Vec::new(),
    }
}

fn place(passage: Passage) -> Place {
    Place {
        chunk_id: passage.id,
        document_id: passage.document.id,
        project: passage.document.project,
        source_path: passage.document.source_path,
        heading_path: passage.heading_path,
        lines: passage.lines,
    }
}
