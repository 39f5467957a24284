//! Whether the lexical index answers as one that is built from scratch, and the store as one that was never killed.

use std::path::Path;

use atocore_engine::{Access, Caller, Copier, Engine, Layout, RankWeights};
use atocore_model::{
    monitor::Silent,
    project::{Project, Root, RootLocation},
    query::{Answer, Hit, ProjectHint, QueryRequest, TopK},
    ranking::Mode,
};
use atocore_storage::files;

use super::{
    Violation,
    random::Random,
    subject::{Subject, engine_config},
    tree::common_words,
    world::World,
};

/// How many questions of each sort are asked.
const EACH: usize = 12;

/// How many hits must be the same in two installations.
const COMPARED: usize = 10;

/// A question, and what is known of its answer.
#[derive(Debug)]
struct SoakQuestion {
    text: String,
    project: Option<String>,
    expected: Expected,
}

#[derive(Debug)]
enum Expected {
    /// The first hit is in this file.
    File(String),
    /// Nothing has the word any more.
    Nothing,
    /// Whatever it is, it is the same for both.
    Same,
}

/// Asks the same questions before and after the index was deleted and made anew. Returns their number.
pub(super) fn compare_with_rebuilt(
    subject: &Subject,
    world: &World,
    random: &mut Random,
) -> Result<u64, Violation> {
    let questions = questions(world, random);
    let kept = ask_all(&own(subject)?, &questions)?;
    for (question, answer) in questions.iter().zip(&kept) {
        as_expected(question, answer)?;
    }
    files::remove_tree(&subject.layout().data.join("index"))?;
    let rebuilt = ask_all(&own(subject)?, &questions)?;
    for ((question, kept), rebuilt) in questions.iter().zip(&kept).zip(&rebuilt) {
        if kept != rebuilt {
            let message =
                format!("{question:?} is answered with\n{kept:#?}\n  by a rebuilt index with\n{rebuilt:#?}");
            return Err(Violation::new(message));
        }
    }
    Ok(questions.len() as u64)
}

/// Asks the same questions of an installation that has ingested the same documents at once. Returns their number.
pub(super) fn compare_with_unharmed(
    subject: &Subject,
    world: &World,
    home: &Path,
    random: &mut Random,
) -> Result<u64, Violation> {
    let questions = questions(world, random);
    let survivor = ask_all(&own(subject)?, &questions)?;
    let access = Access::Own { activity: "soak".to_owned(), socket: None };
    let unharmed = Engine::open(engine_config(Layout::in_home(home), Copier::InProcess), access, &Silent)?;
    for (id, root) in world.roots() {
        let id = id.parse()?;
        let root = Root { location: RootLocation::Folder(root.canonicalize()?), label: String::new() };
        let project = Project { id, aliases: Vec::new(), description: String::new(), roots: vec![root] };
        let _project = unharmed.add_project(project, Caller::Local)?;
    }
    for id in world.ids() {
        let _report = unharmed.refresh(&id.parse()?, Caller::Local, &Silent)?;
    }
    let expected = ask_all(&unharmed, &questions)?;
    for ((question, survivor), expected) in questions.iter().zip(&survivor).zip(&expected) {
        if seen(survivor) != seen(expected) {
            let (survivor, expected) = (seen(survivor), seen(expected));
            let message =
                format!("{question:?} is answered with\n{survivor:#?}\n  unharmed with\n{expected:#?}");
            return Err(Violation::new(message));
        }
    }
    Ok(questions.len() as u64)
}

/// Opens the installation as its next owner, whose answers show everything at once.
fn own(subject: &Subject) -> Result<Engine, Violation> {
    let engine = subject.engine(Access::Own { activity: "soak".to_owned(), socket: None })?;
    if engine.is_current()? {
        return Ok(engine);
    }
    Err(Violation::new("an owner's lexical index is not up to date".to_owned()))
}

fn questions(world: &World, random: &mut Random) -> Vec<SoakQuestion> {
    let mut questions = Vec::new();
    let ids = world.ids();
    for _ in 0..EACH {
        let project = random.pick(&ids).map(ToString::to_string).filter(|_| random.one_in(2));
        questions.push(SoakQuestion { text: common_words(random), project, expected: Expected::Same });
    }
    for tree in world.trees() {
        for _ in 0..EACH / 3 {
            let landmark = tree.landmark(random).map(|(path, word)| SoakQuestion {
                text: word.to_owned(),
                project: None,
                expected: Expected::File(path.to_string_lossy().into_owned()),
            });
            let forgotten = tree.forgotten(random).map(|word| SoakQuestion {
                text: word.to_owned(),
                project: None,
                expected: Expected::Nothing,
            });
            questions.extend(landmark.into_iter().chain(forgotten));
        }
    }
    questions
}

fn ask_all(engine: &Engine, questions: &[SoakQuestion]) -> Result<Vec<Answer>, Violation> {
    let weights = RankWeights { mode: Mode::Lexical, ..RankWeights::default() };
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        // As many as can be: four candidates are ranked for each. Passages with as many points as the last candidate are
        // told apart by their keys, which two installations do not share; those are far behind then.
        let mut query = QueryRequest {
            top_k: TopK::new(TopK::LIMIT as u64)?,
            ..QueryRequest::new(question.text.parse()?)
        };
        if let Some(project) = &question.project {
            query.project = ProjectHint::Boost(project.parse()?);
        }
        answers.push(engine.query_with(&query, &weights)?);
    }
    Ok(answers)
}

fn as_expected(question: &SoakQuestion, answer: &Answer) -> Result<(), Violation> {
    let first = answer.hits.first().map(|hit| hit.file_path.as_str());
    let met = match &question.expected {
        Expected::File(path) => first == Some(path),
        // Another word may be taken for what was meant.
        Expected::Nothing => !answer.hits.iter().any(|hit| hit.content.contains(&question.text)),
        Expected::Same => true,
    };
    if met { Ok(()) } else { Err(Violation::new(format!("{question:?} is answered with {first:?}"))) }
}

/// What a person sees of a hit; ids and generations differ from installation to installation.
#[derive(Debug, PartialEq)]
struct Seen<'a> {
    project: &'a str,
    file_path: &'a str,
    line: u32,
    heading_path: &'a str,
    content: &'a str,
    score: f64,
}

fn seen(answer: &Answer) -> Vec<Seen<'_>> {
    fn of(hit: &Hit) -> Seen<'_> {
        Seen {
            project: hit.project.as_str(),
            file_path: &hit.file_path,
            line: hit.lines.first,
            heading_path: hit.heading_path.as_str(),
            content: &hit.content,
            score: hit.score,
        }
    }
    answer.hits.iter().take(COMPARED).map(of).collect()
}
