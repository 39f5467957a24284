//! Context packs: what is read for one, and in which order.

use atocore_model::{
    id::{Generation, ProjectId},
    pack::{Pack, PackRequest, Tier, Unit},
};
use atocore_storage::sqlite::ReadTransaction;

use super::{Engine, answering::AnswerSource};
use crate::{
    error::Error,
    file_check::FileCheck,
    packing::{self, Chars, Meter, PackFacts, PackInput, PackOptions, Tokens},
};

impl Engine {
    /// Makes a context pack. Facts and passages are of one state of the store; those that links have led to may be of a
    /// later one.
    ///
    /// # Errors
    /// When the project is unknown, there is no store, the generation to wait for does not come in time, or the budget
    /// is in tokens and there is no model to count them.
    pub fn build_context(&self, request: &PackRequest) -> Result<Pack, Error> {
        let project = self.project_of(&request.project)?;
        let project = project.as_ref();
        let meter: Box<dyn Meter> = match request.budget.unit() {
            Unit::Chars => Box::new(Chars),
            Unit::Tokens => Box::new(Tokens::of(self.embedding.model().map_err(Error::NoTokenizer)?)?),
        };
        let facts = |read: &ReadTransaction<'_>| Ok((facts(read, request, project)?, read.store_id()?));
        let input = match packing::question(request) {
            Some(query) => {
                let (embedding, files) = (&*self.embedding, Some(&FileCheck::new()));
                let from = AnswerSource { embedding, files, within: None };
                let (mut answer, (facts, store_id)) =
                    self.answer(from, &query, project, &self.config.weights, facts)?;
                if request.follow_links {
                    answer.hits = self.with_linked(answer.hits, from, &query, project)?;
                }
                self.note_question(&query, project, &answer.hits);
                let (generation, store_generation) = (answer.generation, answer.store_generation);
                let answer = Some(answer);
                PackInput { request, project, facts, answer, generation, store_generation, store_id }
            }
            None => {
                let ((facts, store_id), generation) = self.facts_alone(request.wait_for, facts)?;
                let store_generation = generation;
                PackInput { request, project, facts, answer: None, generation, store_generation, store_id }
            }
        };
        let options = PackOptions {
            shares: self.config.packing,
            longest_overlap: self.config.chunks.overlap_chars(),
            meter: &*meter,
        };
        packing::assemble(input, options)
    }

    /// Facts need no index: they are seen as soon as they are committed.
    fn facts_alone<T>(
        &self,
        wanted: Option<Generation>,
        facts: impl FnOnce(&ReadTransaction<'_>) -> Result<T, Error>,
    ) -> Result<(T, Generation), Error> {
        self.store()?.read(|read| {
            let shown = read.generation()?;
            match wanted.filter(|wanted| *wanted > shown) {
                Some(wanted) => Err(Error::GenerationNotReached { wanted, shown, why: None }),
                None => Ok((facts(read)?, shown)),
            }
        })
    }
}

fn facts(
    read: &ReadTransaction<'_>,
    request: &PackRequest,
    project: Option<&ProjectId>,
) -> Result<PackFacts, Error> {
    let mut facts = PackFacts::default();
    if request.tiers.has(Tier::State)
        && let Some(project) = project
    {
        facts.state = read.state_of(project, false)?;
    }
    if request.tiers.has(Tier::Memories) {
        facts.memories = read.active_memories(project)?;
    }
    Ok(facts)
}
