//! Questions that are kept: what was asked, what is not answered, and what is never found.

use atocore_model::{
    fact::PageSize,
    id::{DocumentId, ProjectId},
    name::ProjectName,
    query::{Hit, KeptQuestion, KeptQuestionFilter, NotedQuestion, ProjectHint, QueryRequest},
    time::Timestamp,
};

use super::{
    Engine,
    documents::{DocumentEntry, refuse_unknown},
};
use crate::{error::Error, file_check::FileCheck, page::Page, question_keeper::QuestionKeeper};

/// The documents that no answer has shown.
#[derive(Debug, Clone, PartialEq)]
pub struct UnfoundDocuments {
    /// How many different questions are kept.
    pub questions: u64,
    /// When the first of them was asked.
    pub since: Timestamp,
    /// The documents, by path.
    pub documents: Page<DocumentEntry>,
}

impl Engine {
    /// Notes a question and what its answer shows, where questions are kept.
    pub(super) fn note_question(&self, query: &QueryRequest, project: Option<&ProjectId>, hits: &[Hit]) {
        let Some(keeper) = &self.questions else { return };
        let best = hits.iter().reduce(|best, hit| if hit.fit > best.fit { hit } else { best });
        let mut documents: Vec<DocumentId> = hits.iter().map(|hit| hit.document_id.clone()).collect();
        documents.sort_unstable();
        documents.dedup();
        keeper.note(NotedQuestion {
            text: query.text.clone(),
            project: project.cloned(),
            scope: matches!(query.project, ProjectHint::Scope(_)),
            at: self.clock().now(),
            found: hits.len() as u64,
            fit: best.map(|hit| hit.fit),
            nearest: best.map(Hit::cited),
            documents,
        });
    }

    /// Writes down what was noted. What cannot be written is not shown yet, and the status of the worker says so.
    fn show_noted_questions(&self) {
        drop(self.questions.as_ref().map(QuestionKeeper::write_down));
    }

    /// The questions that are kept, the one that was asked last first.
    ///
    /// # Errors
    /// When there is no such project, or the store cannot be read.
    pub fn kept_questions(&self, filter: &KeptQuestionFilter) -> Result<Page<KeptQuestion>, Error> {
        let project = filter.project.as_ref().map(|name| self.project(name)).transpose()?;
        self.show_noted_questions();
        let Some(store) = self.store_if_any()? else { return Ok(Page::empty()) };
        store.read(|read| {
            let project = project.as_ref().map(|project| &project.id);
            let rows = read.questions(filter.unanswered, project, filter.limit, filter.after)?;
            Ok(Page { rows, generation: read.generation()? })
        })
    }

    /// The kept question with that number.
    ///
    /// # Errors
    /// [`Error::QuestionUnknown`], or when the store cannot be read.
    pub fn kept_question(&self, number: u64) -> Result<KeptQuestion, Error> {
        self.show_noted_questions();
        let kept = match self.store_if_any()? {
            Some(store) => store.read(|read| read.question(number))?,
            None => None,
        };
        kept.ok_or(Error::QuestionUnknown(number))
    }

    /// Forgets a kept question, or all of them and what their answers showed; returns how many went.
    ///
    /// # Errors
    /// [`Error::QuestionUnknown`], or when the store cannot be written.
    ///
    /// # Durability
    /// They are gone from the store when this returns. Snapshots that were taken before still have them.
    pub fn forget_questions(&self, number: Option<u64>) -> Result<u64, Error> {
        self.questions.as_ref().map_or(Ok(()), QuestionKeeper::write_down)?;
        let gone =
            self.store()?.write_bookkeeping(|books| Ok::<_, Error>(books.forget_questions(number)?))?;
        match number {
            Some(number) if gone == 0 => Err(Error::QuestionUnknown(number)),
            _ => Ok(gone),
        }
    }

    /// The documents of a project that no answer to a kept question has shown, by path.
    ///
    /// # Errors
    /// [`Error::NoQuestionKept`], when there is no such project, or the store cannot be read.
    pub fn unfound_documents(
        &self,
        project: &ProjectName,
        limit: PageSize,
        after: Option<&DocumentId>,
    ) -> Result<UnfoundDocuments, Error> {
        let project = self.project(project)?.id;
        self.show_noted_questions();
        let files = FileCheck::new();
        self.store()?.read(|read| {
            let (questions, since) = read.questions_since()?.ok_or(Error::NoQuestionKept)?;
            refuse_unknown(read, after)?;
            let listed = read.unfound_documents(&project, limit, after)?;
            let rows = listed.into_iter().map(|listed| DocumentEntry::new(listed, &files)).collect();
            let documents = Page { rows, generation: read.generation()? };
            Ok(UnfoundDocuments { questions, since, documents })
        })
    }
}
