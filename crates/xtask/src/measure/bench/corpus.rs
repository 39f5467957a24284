//! The texts that benches work on: real documentation when the shared data is there, else text made up for it.
//! The same in every run.

use std::path::{Path, PathBuf};

use atocore_engine::{
    extract::Format,
    ingest::{ChunkLimits, parse},
};
use atocore_model::document::embedded_text;

use super::cannot;
use crate::{failure::Failure, measure::random::Random, process};

/// Where the archives with documents lie, seen from the root of the workspace.
const ARCHIVES: &str = "../shared/data/corpora";

/// One word in this many is another one in a copy, so that a copy has passages of its own.
const EXCHANGED: usize = 8;

/// How many words to choose from are remembered.
const REMEMBERED_WORDS: usize = 200_000;

/// A document, before it is written to a tree.
#[derive(Debug, Clone)]
pub(super) struct Document {
    /// The collection it belongs to, a project of its own where there are several.
    pub(super) collection: String,
    /// Its path in the collection.
    pub(super) path: String,
    pub(super) text: String,
}

/// All documents, in a mixed order, and the words in them.
pub(super) struct Corpus {
    origin: &'static str,
    documents: Vec<Document>,
    /// Words as often as they are used.
    words: Vec<String>,
}

impl Corpus {
    /// Unpacks the shared documents into `dir` and reads them, or makes some up.
    pub(super) fn load(dir: &Path) -> Result<Self, Failure> {
        let mut documents = unpacked(dir)?;
        let mut origin = "documentation of three projects";
        if documents.is_empty() {
            documents = made_up();
            origin = "made-up text";
        }
        documents.sort_by(|a, b| (&a.collection, &a.path).cmp(&(&b.collection, &b.path)));
        let mut random = Random(1);
        for place in (1..documents.len()).rev() {
            documents.swap(place, random.below(place + 1));
        }
        let all =
            documents.iter().map(|document| document.text.split(|c: char| !c.is_ascii_alphabetic()).count());
        let every = (all.sum::<usize>() / REMEMBERED_WORDS).max(1);
        let words = documents.iter().flat_map(|document| words(&document.text));
        let words = words.step_by(every).map(str::to_owned).collect();
        Ok(Self { origin, documents, words })
    }

    /// One line about the texts.
    pub(super) fn describe(&self) -> String {
        let bytes: usize = self.documents.iter().map(|document| document.text.len()).sum();
        format!(
            "texts: {}, {} Markdown files, {}; larger trees hold copies in which every {EXCHANGED}th word is another",
            self.origin,
            self.documents.len(),
            super::table::megabytes(bytes as u64)
        )
    }

    /// The document number `number` of a tree of any size: first the originals, then their copies.
    pub(super) fn document(&self, number: usize) -> Document {
        let original = &self.documents[number % self.documents.len()];
        let copy = number / self.documents.len();
        let text = if copy == 0 { original.text.clone() } else { self.varied(&original.text, number as u64) };
        Document {
            collection: original.collection.clone(),
            path: format!("copy-{copy:02}/{}", original.path),
            text,
        }
    }

    /// What a model sees of the first passages, as many as are wanted and there are: the documents stand in a mixed
    /// order already.
    pub(super) fn passages(&self, count: usize) -> Vec<String> {
        let passages = self.documents.iter().flat_map(|document| {
            let name = document.path.rsplit('/').next().unwrap_or_default();
            let parsed = parse(Format::Markdown, name, &document.text, ChunkLimits::default());
            let chunks = parsed.chunks.into_iter();
            chunks.map(move |chunk| embedded_text(&parsed.title, chunk.heading_path.as_str(), &chunk.text))
        });
        passages.take(count).collect()
    }

    /// The text with some of its longer words exchanged for others.
    fn varied(&self, text: &str, seed: u64) -> String {
        let mut random = Random(seed);
        let mut varied = String::with_capacity(text.len() + text.len() / 8);
        let mut rest = text;
        for word in words(text) {
            // Words are pieces of the text: the distance of their addresses is that of their places.
            let before = word.as_ptr() as usize - rest.as_ptr() as usize;
            varied.push_str(&rest[..before]);
            varied.push_str(if random.below(EXCHANGED) == 0 { self.word(&mut random) } else { word });
            rest = &rest[before + word.len()..];
        }
        varied.push_str(rest);
        varied
    }

    fn word(&self, random: &mut Random) -> &str {
        &self.words[random.below(self.words.len())]
    }

    /// Questions of three to six words: headings, headings with a word from elsewhere, and words at random.
    pub(super) fn questions(&self, count: usize) -> Vec<String> {
        let headings = self.documents.iter().flat_map(|document| document.text.lines());
        let headings: Vec<&str> = headings
            .filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#').trim()))
            .filter(|heading| (2..=5).contains(&words(heading).count()))
            .collect();
        let mut random = Random(2);
        let questions = (0..count).map(|number| {
            let mut question: Vec<&str> = match headings.get(random.below(headings.len().max(1))) {
                Some(heading) if number % 3 != 0 => words(heading).collect(),
                _ => Vec::new(),
            };
            let length =
                if question.is_empty() { 3 + random.below(4) } else { question.len() + number % 3 - 1 };
            while question.len() < length.max(3) {
                question.push(self.word(&mut random));
            }
            question.join(" ")
        });
        questions.collect()
    }
}

/// The longer words of a text in plain letters.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() >= 4)
}

/// The documents of every archive; none when there are no archives, or no program to unpack them.
fn unpacked(dir: &Path) -> Result<Vec<Document>, Failure> {
    let root = ["locate-project", "--workspace", "--message-format", "plain"];
    let manifest = PathBuf::from(process::output_of(&mut process::cargo(&root))?.trim());
    let Ok(entries) = std::fs::read_dir(manifest.with_file_name(ARCHIVES)) else { return Ok(Vec::new()) };
    std::fs::create_dir_all(dir).map_err(cannot("make a folder"))?;
    for archive in entries.flatten().map(|entry| entry.path()) {
        if archive.to_string_lossy().ends_with(".tar.zst") {
            let mut tar = process::program("tar", &["--zstd", "-x", "-C"]);
            if process::output_of(tar.arg(dir).arg("-f").arg(archive)).is_err() {
                return Ok(Vec::new());
            }
        }
    }
    let mut documents = Vec::new();
    collect(dir, dir, &mut documents)?;
    Ok(documents)
}

/// Reads every Markdown file below `folder` that is not hidden.
fn collect(top: &Path, folder: &Path, documents: &mut Vec<Document>) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder).map_err(cannot("list the unpacked texts"))? {
        let path = entry.map_err(cannot("list the unpacked texts"))?.path();
        let below = path.strip_prefix(top).unwrap_or(&path).to_string_lossy().into_owned();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let markdown = below.ends_with(".md") || below.ends_with(".mdx");
        if hidden || path.is_symlink() {
            continue;
        } else if path.is_dir() {
            collect(top, &path, documents)?;
        } else if let (true, Some((collection, path)), Ok(text)) =
            (markdown, below.split_once('/'), std::fs::read_to_string(&path))
        {
            documents.push(Document { collection: collection.to_owned(), path: path.to_owned(), text });
        }
    }
    Ok(())
}

/// A thousand documents of invented words, the first of which are used most.
fn made_up() -> Vec<Document> {
    const SYLLABLES: [&str; 16] = [
        "ba", "cor", "del", "fi", "gra", "lo", "mun", "ne", "pol", "ra", "ster", "ti", "ul", "ver", "xi",
        "zan",
    ];
    let mut random = Random(3);
    let mut sentence = |length: usize| -> String {
        let word = |random: &mut Random| {
            let most = 1 << (4 + random.below(9));
            let mut number = random.below(most) + 16;
            let mut word = String::new();
            while number > 0 {
                word.push_str(SYLLABLES[number % 16]);
                number /= 16;
            }
            word
        };
        (0..length).map(|_| word(&mut random)).collect::<Vec<_>>().join(" ")
    };
    let mut document = |number: usize| {
        let mut text = format!("# {}\n\n", sentence(4));
        for _ in 0..8 + number % 9 {
            text.push_str(&format!("## {}\n\n{}.\n\n{}.\n\n", sentence(3), sentence(60), sentence(70)));
        }
        let collection = format!("made-up-{}", number % 3);
        Document { collection, path: format!("part-{:02}/{number:04}.md", number % 20), text }
    };
    (0..1000).map(&mut document).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus() -> Corpus {
        let documents = made_up();
        let words = words(&documents[0].text).map(str::to_owned).collect();
        Corpus { origin: "", documents, words }
    }

    #[test]
    fn copies_differ_in_some_words_and_in_nothing_else() {
        let corpus = corpus();
        let (original, copy) = (corpus.document(0), corpus.document(1000));
        assert_eq!(copy.text, corpus.document(1000).text);
        assert_ne!(original.path, copy.path);
        let other = words(&original.text).zip(words(&copy.text)).filter(|(a, b)| a != b).count();
        let all = words(&original.text).count();
        assert!(other > all / 16 && other < all / 4, "{other} of {all}");
        let shape = |text: &str| text.chars().filter(|c| !c.is_ascii_alphabetic()).collect::<String>();
        assert_eq!(shape(&original.text), shape(&copy.text));
    }

    #[test]
    fn questions_have_three_to_six_words() {
        let questions = corpus().questions(300);
        assert_eq!(questions.len(), 300);
        for question in questions {
            assert!((3..=6).contains(&words(&question).count()), "{question}");
        }
    }
}
