//! A collection in the layout of BEIR: documents, questions, judgements.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use atocore_storage::files;
use serde_json::Value;

use crate::failure::Failure;

/// A question with the grades of the documents that answer it.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) text: String,
    pub(super) relevant: HashMap<String, f64>,
}

/// Documents and the questions about them.
#[derive(Debug)]
pub(super) struct Collection {
    documents: Vec<Document>,
    by_path: HashMap<String, usize>,
    pub(super) questions: Vec<Question>,
}

#[derive(Debug)]
struct Document {
    id: String,
    title: String,
    text: String,
}

impl Collection {
    /// Reads the three files of the layout. Only questions that somebody has judged are kept.
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let mut documents = Vec::new();
        for row in rows(&folder.join("corpus.jsonl"))? {
            documents.push(Document {
                id: word(&row, "_id"),
                title: word(&row, "title"),
                text: word(&row, "text"),
            });
        }
        let mut judged = judgements(&folder.join("qrels").join("test.tsv"))?;
        let mut questions = Vec::new();
        for row in rows(&folder.join("queries.jsonl"))? {
            if let Some(relevant) = judged.remove(&word(&row, "_id")) {
                questions.push(Question { text: word(&row, "text"), relevant });
            }
        }
        if documents.is_empty() || questions.is_empty() {
            return Err(Failure::failed(format!("`{}` has no judged questions", folder.display())));
        }
        let by_path = documents.iter().enumerate().map(|(i, document)| (path(i, &document.id), i)).collect();
        Ok(Self { documents, by_path, questions })
    }

    /// Writes every document as a Markdown file: its title as the heading, then its text.
    pub(super) fn write_documents(&self, folder: &Path) -> Result<(), Failure> {
        let failed = |error: files::FileError| Failure::failed(error.to_string());
        for (i, document) in self.documents.iter().enumerate() {
            let file = folder.join(path(i, &document.id));
            files::create_dirs(file.parent().unwrap_or(folder)).map_err(failed)?;
            let heading = document.title.split_whitespace().collect::<Vec<_>>().join(" ");
            let heading = if heading.is_empty() { String::new() } else { format!("# {heading}\n\n") };
            let text = format!("{heading}{}\n", document.text);
            files::write_synced(&file, text.as_bytes()).map_err(failed)?;
        }
        Ok(())
    }

    /// The id of the document that was written to a path.
    pub(super) fn document_at(&self, path: &str) -> Option<&str> {
        self.by_path.get(path).map(|i| self.documents[*i].id.as_str())
    }
}

/// Where a document is written. An id that is an address keeps its path, since a real document has one too.
fn path(number: usize, id: &str) -> String {
    let place = match id.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => "",
    };
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_/".contains(c) { c } else { '/' };
    let place: String = place.chars().map(allowed).collect();
    let folders: Vec<&str> = place.split('/').filter(|part| !part.is_empty()).collect();
    let mut path = folders.join("/");
    if !path.is_empty() {
        path.push('/');
    }
    format!("{path}{number:06}.md")
}

fn rows(path: &Path) -> Result<Vec<Value>, Failure> {
    let text = text(path)?;
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line)
            .map_err(|error| Failure::failed(format!("`{}`, line {}: {error}", path.display(), number + 1)))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(parse).collect()
}

/// For each question the grades of its documents; grades of 0 and below are no answers.
fn judgements(path: &Path) -> Result<BTreeMap<String, HashMap<String, f64>>, Failure> {
    let mut judged: BTreeMap<String, HashMap<String, f64>> = BTreeMap::new();
    for line in text(path)?.lines().skip(1) {
        let mut columns = line.split('\t');
        if let (Some(question), Some(document), Some(Ok(grade))) =
            (columns.next(), columns.next(), columns.next().map(str::parse::<f64>))
            && grade > 0.0
        {
            let _before = judged.entry(question.to_owned()).or_default().insert(document.to_owned(), grade);
        }
    }
    Ok(judged)
}

fn text(path: &Path) -> Result<String, Failure> {
    let bytes = files::read_if_present(path).map_err(|error| Failure::failed(error.to_string()))?;
    let bytes = bytes.ok_or_else(|| Failure::failed(format!("there is no `{}`", path.display())))?;
    String::from_utf8(bytes).map_err(|_| Failure::failed(format!("`{}` is not UTF-8", path.display())))
}

fn word(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_a_path_and_other_ids_a_number() {
        assert_eq!(path(7, "https://example.org/en/docs/a-b#c.d"), "en/docs/a-b/c/d/000007.md");
        assert_eq!(path(7, "471"), "000007.md");
        assert_eq!(path(7, "../../etc"), "000007.md");
    }
}
