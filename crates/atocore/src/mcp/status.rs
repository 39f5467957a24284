//! What is there, how fresh it is, and whether anything is wrong.

use atocore_engine as engine;

use super::{
    call::Call,
    model_hint::for_a_model,
    names,
    tool::{Effect, Tool},
};
use crate::{
    cli::{count, plain},
    operations::{self, ApiError, HealthReport},
};

/// How many problems of one project are named.
const PROBLEMS_NAMED: usize = 20;

/// `atocore_status`.
pub(super) struct StatusTool;

impl Tool for StatusTool {
    const NAME: &'static str = names::STATUS;
    const TITLE: &'static str = "Show the status";
    const DESCRIPTION: &'static str = "Says what is stored and how fresh it is: documents and the last refresh of each project, what is \
        running, whether search by meaning works, and how old the newest snapshot is. Use it when answers seem old or \
        something is missing.";
    const EFFECT: Effect = Effect::Reads;
    type Arguments = operations::Status;
    type Answer = engine::InstallationStatus;

    async fn run(call: &Call, status: operations::Status) -> Result<engine::InstallationStatus, ApiError> {
        let mut status = call.run(status).await?;
        for refreshed in status.projects.iter_mut().filter_map(|project| project.refreshed.as_mut()) {
            refreshed.problems.truncate(PROBLEMS_NAMED);
        }
        Ok(status)
    }

    fn text(status: &engine::InstallationStatus) -> String {
        let mut text = format!("Generation {} at {}.\n", status.generation, status.at);
        if let Some(running) = &status.running {
            text.push_str(&format!("Running since {}: {}.\n", running.since, plain(&running.activity)));
        }
        if let Some(problem) = &status.store_problem {
            text.push_str(&format!(
                "The store cannot be used: {}. What helps: {}.\n",
                plain(&problem.why),
                for_a_model(&plain(&problem.hint))
            ));
        }
        if let Some(problem) = &status.registry_problem {
            text.push_str(&format!(
                "The registry cannot be read: {}. What helps: {}.\n",
                plain(&problem.why),
                for_a_model(&plain(&problem.hint))
            ));
        }
        for project in &status.projects {
            let refreshed = match &project.refreshed {
                Some(refreshed) => format!("refreshed {} ({})", refreshed.at, refreshed.status),
                None => "never refreshed".to_owned(),
            };
            let (documents, chunks) =
                (count(project.documents, "document"), count(project.chunks, "passage"));
            let followed =
                project.followed.as_ref().map(|followed| format!(", {}", plain(followed.in_words())));
            let followed = followed.unwrap_or_default();
            text.push_str(&format!("{}: {documents}, {chunks}, {refreshed}{followed}\n", project.id));
        }
        let embedding = &status.embedding;
        text.push_str(&match (&embedding.problem, &embedding.hint) {
            (Some(problem), hint) => {
                let hint =
                    hint.as_deref().map(|hint| format!("; the user runs `{hint}`")).unwrap_or_default();
                format!("Search by meaning does not work: {problem}{hint}\n")
            }
            (None, _) if !embedding.wanted => "Search by meaning is switched off.\n".to_owned(),
            (None, _) => {
                let found = embedding.passages.saturating_sub(embedding.missing);
                format!("Vectors: {found} of {}.\n", embedding.passages)
            }
        });
        for behind in &status.indexes_behind {
            text.push_str(&format!("Behind: {}; {}.\n", plain(&behind.why), plain(&behind.hint)));
        }
        for worker in &status.workers {
            if let Some(failure) = &worker.failure {
                text.push_str(&format!("Failing: {}, {}.\n", worker.worker, plain(failure)));
            }
        }
        let facts = &status.facts;
        text.push_str(&format!(
            "Recorded: {} of project state, {}, {} that wait for the user, {}.\n",
            count(facts.project_state, "entry"),
            count(facts.memories, "memory"),
            count(facts.candidates, "candidate"),
            count(facts.interactions, "interaction")
        ));
        match &status.snapshots.newest {
            Some(stamp) => text.push_str(&format!("Newest snapshot: {stamp}.\n")),
            None => text.push_str("There is no snapshot.\n"),
        }
        text
    }
}

/// `atocore_health`.
pub(super) struct HealthTool;

impl Tool for HealthTool {
    const NAME: &'static str = names::HEALTH;
    const TITLE: &'static str = "Check the health";
    const DESCRIPTION: &'static str =
        "Says whether the store answers, and the version of AtoCore. Tests the connection.";
    const EFFECT: Effect = Effect::Reads;
    type Arguments = operations::Health;
    type Answer = HealthReport;

    async fn run(call: &Call, health: operations::Health) -> Result<HealthReport, ApiError> {
        call.run(health).await
    }

    fn text(health: &HealthReport) -> String {
        let store = if health.health.store { "there is a store" } else { "there is no store yet" };
        format!(
            "{}: AtoCore {} ({}), {store}, generation {}.\n",
            health.status, health.version, health.build, health.health.generation
        )
    }
}
