//! Questions that were asked, and the documents that their answers showed.

use atocore_model::{
    fact::PageSize,
    fit::Fit,
    id::{DocumentId, ProjectId},
    query::{KeptQuestion, NotedQuestion},
    time::Timestamp,
};
use rusqlite::{OptionalExtension, Row};

use super::{BookkeepingTransaction, ListedDocument, ReadTransaction, StorageError, row_id};

/// More questions are not kept: those that were not asked for the longest time are forgotten.
const MOST: u64 = 5_000;

const COLUMNS: &str = "id, text, project_id, scope, times, first_asked, last_asked, found, fit, nearest";

impl ReadTransaction<'_> {
    /// Kept questions, the one that was asked last first, at most `limit`, those that follow the one with the number
    /// `after`; with `unanswered` only those for which nothing fitted well the last time.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn questions(
        &self,
        unanswered: bool,
        project: Option<&ProjectId>,
        limit: PageSize,
        after: Option<u64>,
    ) -> Result<Vec<KeptQuestion>, StorageError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM questions
             WHERE (?1 = 0 OR fit IS NULL OR fit < ?2) AND (?3 IS NULL OR project_id = ?3)
               AND (?4 IS NULL OR (last_asked, id) < (SELECT last_asked, id FROM questions WHERE id = ?4))
             ORDER BY last_asked DESC, id DESC LIMIT ?5"
        ))?;
        let after = after.map(row_id);
        let parameters = (unanswered, Fit::WELL.get(), project.map(ProjectId::as_str), after, limit.get());
        Ok(statement.query_map(parameters, question)?.collect::<Result<_, _>>()?)
    }

    /// The kept question with that number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn question(&self, number: u64) -> Result<Option<KeptQuestion>, StorageError> {
        let sql = format!("SELECT {COLUMNS} FROM questions WHERE id = ?1");
        Ok(self.connection.prepare_cached(&sql)?.query_row([row_id(number)], question).optional()?)
    }

    /// How many questions are kept, and when the first of them was asked first; `None` when there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn questions_since(&self) -> Result<Option<(u64, Timestamp)>, StorageError> {
        let mut statement =
            self.connection.prepare_cached("SELECT count(*), min(first_asked) FROM questions")?;
        let (count, since): (u64, Option<String>) =
            statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        since
            .map(|value| match Timestamp::parse(&value) {
                Some(since) => Ok((count, since)),
                None => Err(StorageError::Value { what: "first_asked", value }),
            })
            .transpose()
    }

    /// The documents of a project that no answer to a kept question has shown, by path, at most `limit`, those behind
    /// `after` in that order.
    ///
    /// # Errors
    /// When the store cannot be read or holds something unreadable.
    pub fn unfound_documents(
        &self,
        project: &ProjectId,
        limit: PageSize,
        after: Option<&DocumentId>,
    ) -> Result<Vec<ListedDocument>, StorageError> {
        self.page_of("id NOT IN (SELECT document_id FROM found_documents)", project, limit, after)
    }
}

impl BookkeepingTransaction<'_> {
    /// Keeps questions that were asked: the same words about the same project are one question. At most 5,000 stay.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn keep_questions(&self, asked: &[NotedQuestion]) -> Result<(), StorageError> {
        self.leaving_nothing(|| self.put_questions(asked))
    }

    /// Writes so that nothing is left in free parts of the database of what is removed, or moved to another page.
    fn leaving_nothing<T>(&self, write: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
        self.connection.pragma_update(None, "secure_delete", true)?;
        let written = write();
        self.connection.pragma_update(None, "secure_delete", false)?;
        written
    }

    fn put_questions(&self, asked: &[NotedQuestion]) -> Result<(), StorageError> {
        let mut keep = self.connection.prepare_cached(
            "INSERT INTO questions
                 (digest, text, project_id, scope, times, first_asked, last_asked, found, fit, nearest)
             VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5, ?6, ?7, ?8)
             ON CONFLICT (digest) DO UPDATE SET times = times + 1, last_asked = excluded.last_asked,
                    found = excluded.found, fit = excluded.fit, nearest = excluded.nearest",
        )?;
        let mut find = self.connection.prepare_cached(
            "INSERT INTO found_documents (document_id, times, last_found)
             SELECT id, 1, ?2 FROM source_documents WHERE public_id = ?1
             ON CONFLICT (document_id) DO UPDATE SET times = times + 1, last_found = excluded.last_found",
        )?;
        for question in asked {
            let at = question.at.to_string();
            keep.execute((
                digest(question),
                question.text.as_str(),
                question.project.as_ref().map(ProjectId::as_str),
                question.scope,
                &at,
                question.found,
                question.fit.map(Fit::get),
                &question.nearest,
            ))?;
            for document in &question.documents {
                find.execute((document.to_bytes().unwrap_or_default(), &at))?;
            }
        }
        self.connection
            .prepare_cached(
                "DELETE FROM questions WHERE id IN
                     (SELECT id FROM questions ORDER BY last_asked DESC, id DESC LIMIT -1 OFFSET ?1)",
            )?
            .execute([MOST])?;
        Ok(())
    }

    /// Forgets the question with that number, or all of them with what their answers showed; returns how many went. Once the log is
    /// in the database, their text is nowhere in that file either.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn forget_questions(&self, number: Option<u64>) -> Result<u64, StorageError> {
        self.leaving_nothing(|| self.remove_questions(number))
    }

    fn remove_questions(&self, number: Option<u64>) -> Result<u64, StorageError> {
        let gone = match number {
            Some(number) => {
                self.connection.execute("DELETE FROM questions WHERE id = ?1", [row_id(number)])?
            }
            None => {
                self.connection.execute("DELETE FROM found_documents", [])?;
                self.connection.execute("DELETE FROM questions", [])?
            }
        };
        Ok(gone as u64)
    }
}

/// What makes two questions the same.
fn digest(question: &NotedQuestion) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let project = question.project.as_ref().map_or("", ProjectId::as_str);
    for part in [project, if question.scope { "scope" } else { "" }, question.text.as_str()] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

fn question(row: &Row<'_>) -> rusqlite::Result<KeptQuestion> {
    let project: Option<String> = row.get(2)?;
    // Nothing hangs on one that cannot be read.
    let asked = |column: usize| {
        let at = Timestamp::parse(row.get_ref(column)?.as_str()?);
        Ok::<_, rusqlite::Error>(at.unwrap_or_else(|| Timestamp::new(jiff::Timestamp::UNIX_EPOCH)))
    };
    Ok(KeptQuestion {
        number: row.get(0)?,
        text: row.get(1)?,
        project: project.and_then(|project| project.parse().ok()),
        scope: row.get(3)?,
        times: row.get(4)?,
        first_asked: asked(5)?,
        last_asked: asked(6)?,
        found: row.get(7)?,
        fit: row.get::<_, Option<f64>>(8)?.and_then(|fit| Fit::new(fit).ok()),
        nearest: row.get(9)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{open, project, put},
        *,
    };
    use crate::files;

    fn asked(text: &str, second: usize, documents: &[DocumentId]) -> NotedQuestion {
        NotedQuestion {
            text: text.parse().unwrap(),
            project: None,
            scope: false,
            at: Timestamp::new(jiff::Timestamp::from_second(second as i64).unwrap()),
            found: documents.len() as u64,
            fit: None,
            nearest: None,
            documents: documents.to_vec(),
        }
    }

    #[test]
    fn what_is_forgotten_is_nowhere_in_the_database() {
        let dir = tempfile::tempdir().unwrap();
        let has = |text: &str| {
            let of_store = files::list(&dir.path().join("db")).unwrap();
            let bytes: Vec<_> =
                of_store.iter().flat_map(|file| files::read_if_present(file).unwrap().unwrap()).collect();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        };
        let store = open(dir.path());
        let long = "marmalade ".repeat(800);
        let questions = [asked("zebrafinch", 1, &[]), asked(&long, 2, &[]), asked("quokka", 3, &[])];
        store.write_bookkeeping(|books| books.keep_questions(&questions)).unwrap();
        drop(store);
        assert!(has("zebrafinch") && has("marmalade") && has("quokka"));
        for (number, left) in [(Some(1), true), (None, false)] {
            let store = open(dir.path());
            store.write_bookkeeping(|books| books.forget_questions(number)).unwrap();
            drop(store);
            assert_eq!((has("zebrafinch"), has("marmalade"), has("quokka")), (false, left, left));
        }
    }

    #[test]
    fn those_that_were_not_asked_for_the_longest_time_are_forgotten_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let most = usize::try_from(MOST).unwrap();
        let many: Vec<NotedQuestion> = (0..most + 3).map(|n| asked(&format!("q{n}"), n, &[])).collect();
        store.write_bookkeeping(|books| books.keep_questions(&many)).unwrap();
        let kept = || store.read(|read| read.questions_since()).unwrap().unwrap();
        assert_eq!(kept(), (MOST, many[3].at));
        // Asked again, the oldest is the newest.
        let again = [asked("q3", most + 9, &[]), asked("new", most + 9, &[])];
        store.write_bookkeeping(|books| books.keep_questions(&again)).unwrap();
        assert_eq!(kept().0, MOST);
        let newest = store.read(|read| read.questions(true, None, PageSize::DEFAULT, None)).unwrap();
        assert_eq!((newest[0].text.as_str(), newest[1].text.as_str(), newest[1].times), ("new", "q3", 2));
    }

    #[test]
    fn a_document_that_is_gone_is_found_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        for path in ["a.md", "b.md"] {
            let _stored = put(&store, path, &["one"]);
        }
        let unfound = || {
            let listed = store.read(|read| read.unfound_documents(&project(), PageSize::DEFAULT, None));
            listed.unwrap().into_iter().map(|listed| listed.document.id).collect::<Vec<_>>()
        };
        let all = unfound();
        let shown = [asked("q", 1, &all[..1]), asked("q", 2, &all[..1])];
        store.write_bookkeeping(|books| books.keep_questions(&shown)).unwrap();
        assert_eq!(unfound(), all[1..]);
        store.write(&super::super::tests::OPERATION, |write| write.remove_project(&project())).unwrap();
        let _stored = put(&store, "a.md", &["one"]);
        assert_eq!(unfound().len(), 1);
    }
}
