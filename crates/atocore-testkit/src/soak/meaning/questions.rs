//! Questions whose answer is known and shares no word with them, asked through the program and of an engine.

use atocore_engine::{Access, Engine, EngineConfig, RankWeights};
use atocore_model::{
    monitor::Silent,
    query::{Answer, Hit, QueryRequest},
    ranking::Mode,
};
use atocore_storage::files;

use crate::soak::{
    Violation,
    random::Random,
    subject::{Subject, words},
};

/// A document that stays, and the question it answers.
#[derive(Debug)]
pub(super) struct Landmark {
    title: &'static str,
    text: &'static str,
    question: &'static str,
}

/// No question has a word in common with any document.
pub(super) const LANDMARKS: [Landmark; 8] = [
    Landmark {
        title: "Kitten",
        text: "It purrs and stretches on the sofa, then licks its paws.",
        question: "domestic feline behaviour",
    },
    Landmark {
        title: "Sourdough",
        text: "Knead flour with water and salt, let it rise, then bake the loaf.",
        question: "how bread is made",
    },
    Landmark {
        title: "Etna",
        text: "Lava flowed down from the crater for three nights.",
        question: "volcanic eruption",
    },
    Landmark {
        title: "Chopin",
        text: "She practises nocturnes at the keyboard every evening.",
        question: "learning piano music",
    },
    Landmark {
        title: "Measles jab",
        text: "Nurses vaccinated all pupils at the school.",
        question: "immunization protects children",
    },
    Landmark {
        title: "Penalty",
        text: "The striker scored twice before halftime and the goalkeeper wept.",
        question: "football match",
    },
    Landmark {
        title: "Levy",
        text: "Every citizen declares income to the treasury and pays duties by April.",
        question: "filing tax returns",
    },
    Landmark {
        title: "Bride and groom",
        text: "They exchanged rings and vows in the chapel.",
        question: "marriage ceremony",
    },
];

/// By words and meaning, and by meaning alone.
const MODES: [Mode; 2] = [Mode::Hybrid, Mode::Dense];

impl Landmark {
    /// The whole document.
    pub(super) fn document(&self) -> String {
        format!("# {}\n\n{}\n", self.title, self.text)
    }
}

/// Asks the program one question in each mode, as the next user does: nothing is repaired first. Returns their number.
pub(super) fn ask_program(subject: &Subject, random: &mut Random) -> Result<u64, Violation> {
    for mode in MODES {
        let Some(landmark) = random.pick(&LANDMARKS) else { continue };
        let arguments = words(&["query", landmark.question, "--mode", mode.as_str()]);
        let answer = subject.run(&arguments)?;
        let first = answer["results"][0]["title"].as_str();
        if answer["mode"] != mode.as_str() {
            let (answered, notices) = (&answer["mode"], &answer["notices"]);
            let message = format!("a question in mode {mode:?} is answered in mode {answered}: {notices}");
            return Err(Violation::new(message));
        }
        // One whose file was moved, and not read there yet, is left out, and that is said.
        let is_left_out = answer["notices"].to_string().contains("left out");
        if !is_left_out {
            landmark.is_first(first, mode)?;
        }
    }
    Ok(MODES.len() as u64)
}

/// Asks every question in each mode, before and after the vector index was deleted and made anew. Returns their
/// number.
pub(super) fn compare_with_rebuilt(config: &EngineConfig) -> Result<u64, Violation> {
    let kept = ask_engine(&own(config)?)?;
    files::remove_tree(&config.layout.vector_index())?;
    let rebuilt = ask_engine(&own(config)?)?;
    for (kept, rebuilt) in kept.iter().zip(&rebuilt) {
        if kept != rebuilt {
            let message = format!(
                "one is answered with\n{kept:#?}\n  and by a rebuilt vector index with\n{rebuilt:#?}"
            );
            return Err(Violation::new(message));
        }
    }
    Ok(kept.len() as u64)
}

/// Asks every question in each mode and sees that the right document comes first.
pub(super) fn ask_engine(engine: &Engine) -> Result<Vec<Answer>, Violation> {
    let mut answers = Vec::new();
    for landmark in &LANDMARKS {
        for mode in MODES {
            let mut query = QueryRequest::new(landmark.question.parse()?);
            query.mode = Some(mode);
            let answer = engine.query_with(&query, &RankWeights::default())?;
            landmark.is_first(answer.hits.first().map(|hit| hit.title.as_str()), mode)?;
            answers.push(answer);
        }
    }
    Ok(answers)
}

/// What a person sees of a hit; ids and generations differ from installation to installation.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    file_path: String,
    content: String,
    score: f64,
}

/// What a person sees of answers.
pub(super) fn seen(answers: &[Answer]) -> Vec<Vec<Seen>> {
    let of =
        |hit: &Hit| Seen { file_path: hit.file_path.clone(), content: hit.content.clone(), score: hit.score };
    answers.iter().map(|answer| answer.hits.iter().map(of).collect()).collect()
}

/// Opens the installation as its next owner, whose answers show everything at once.
pub(super) fn own(config: &EngineConfig) -> Result<Engine, Violation> {
    let access = Access::Own { activity: "soak".to_owned(), socket: None };
    let engine = Engine::open(config.clone(), access, &Silent)?;
    if engine.is_current()? {
        return Ok(engine);
    }
    Err(Violation::new("an owner's indexes are not up to date".to_owned()))
}

impl Landmark {
    fn is_first(&self, first: Option<&str>, mode: Mode) -> Result<(), Violation> {
        if first == Some(self.title) {
            return Ok(());
        }
        let message = format!("{:?} is answered with {first:?} in mode {mode:?}", self.question);
        Err(Violation::new(message))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn questions_share_no_word_with_what_answers_them() {
        let words = |text: &str| -> BTreeSet<String> {
            let words = text.split(|c: char| !c.is_alphanumeric());
            words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
        };
        let documents: String = LANDMARKS.iter().map(Landmark::document).collect();
        let questions: String = LANDMARKS.iter().map(|landmark| format!("{} ", landmark.question)).collect();
        assert_eq!(words(&documents).intersection(&words(&questions)).count(), 0);
        let common = crate::soak::tree::sentence(10_000, &mut Random::new(1));
        assert_eq!(words(&common).intersection(&words(&questions)).count(), 0);
    }
}
