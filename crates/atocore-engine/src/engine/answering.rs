//! Answering questions: what has to be looked at before the search.

use atocore_model::{
    id::ProjectId,
    query::{Answer, ProjectHint, QueryRequest},
};
use atocore_storage::{sqlite::ReadTransaction, vector::VectorError};

use super::Engine;
use crate::{
    behind::{IndexFault, LEXICAL_INDEX},
    embedding::Embedding,
    error::Error,
    file_check::FileCheck,
    retrieval::{RankWeights, Retrieval},
};

/// What an answer is made from, beside the store and its words.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerSource<'e> {
    /// The vectors.
    pub(super) embedding: &'e Embedding,
    /// Leaves out what is gone; `None` to be answered from the store as it is.
    pub(super) files: Option<&'e FileCheck>,
    /// Only passages of these documents; `None` for those of all.
    pub(super) within: Option<&'e [u64]>,
}

impl Engine {
    /// The id of the project that a hint names.
    pub(super) fn project_of(&self, hint: &ProjectHint) -> Result<Option<ProjectId>, Error> {
        Ok(match hint {
            ProjectHint::None => None,
            ProjectHint::Boost(name) | ProjectHint::Scope(name) => Some(self.project(name)?.id),
        })
    }

    /// Answers a question, and reads what else is wanted of the state of the store that the answer shows.
    pub(super) fn answer<T>(
        &self,
        AnswerSource { embedding, files, within }: AnswerSource<'_>,
        query: &QueryRequest,
        project: Option<&ProjectId>,
        weights: &RankWeights,
        also: impl Fn(&ReadTransaction<'_>) -> Result<T, Error>,
    ) -> Result<(Answer, T), Error> {
        let store = self.store()?;
        if let Some(generation) = query.wait_for {
            self.wait_for(generation)?;
        }
        let faults = self.index_faults();
        let index = self.lexical().ok_or_else(|| not_ready(&faults))?;
        if self.lexical_indexer.is_none() {
            let _mark = index.refresh()?;
            look_at_vectors(embedding)?;
        }
        let _answering = self.embedding.question();
        if let Some(project) = project {
            self.embedding.asked_about(project.as_str());
        }
        let (lexical_index, projects, faults) = (index, &self.projects, &*faults);
        let now = self.clock().now();
        let retrieval =
            Retrieval { store, lexical_index, embedding, weights, projects, now, faults, files, within };
        let mut answered = retrieval.answer(query, project, &also);
        if let (Err(Error::IndexNotReady), Some(indexer)) = (&answered, &self.lexical_indexer)
            && indexer.wait_for(store.generation()?, Some(self.config.busy_timeout)).is_ok()
        {
            // It was being made for the first time.
            answered = retrieval.answer(query, project, &also);
        }
        match answered {
            Err(Error::IndexNotReady) => Err(not_ready(faults)),
            answered => answered,
        }
    }
}

/// Has the vector index show what its owner has written since; that a server is of no use is said by the answer.
pub(super) fn look_at_vectors(embedding: &Embedding) -> Result<(), Error> {
    match embedding.index().map_or(Ok(None), |vectors| vectors.refresh()) {
        Ok(_) | Err(VectorError::Unavailable(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Why nothing can be answered from the lexical index.
fn not_ready(faults: &[IndexFault]) -> Error {
    let lexical_index = faults.iter().find(|fault| fault.index == LEXICAL_INDEX);
    lexical_index.map_or(Error::IndexNotReady, |fault| Error::IndexBehind(Box::new(fault.clone())))
}
