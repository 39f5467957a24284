//! The journal: every change of a fact, with what was there before.

use atocore_model::{
    fact::{Action, Change, ChangeFilter, Content, FactId, FactKind},
    id::{Generation, ProjectId},
};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{EnumColumn, ReadTransaction, StorageError, TimeColumn, WriteTransaction, content, project_of};
use crate::sqlite::row_id;

/// How many characters of a fact stand for it in a list.
const SUBJECT_CHARS: u32 = 80;

/// A change with its fact in a few words; `?1` is how many characters of it.
const CHANGES: &str = "SELECT c.id, c.generation, o.at, o.interface, c.kind, c.fact_id, c.project_id,
        coalesce(s.category || ' / ' || s.key, substr(m.content, 1, ?1), substr(i.prompt, 1, ?1), ''),
        c.action, c.before, c.after, c.reverses
    FROM fact_changes c JOIN operations o ON o.generation = c.generation
    LEFT JOIN project_state s ON c.kind = 'state' AND s.public_id = c.fact_id
    LEFT JOIN memories m ON c.kind = 'memory' AND m.public_id = c.fact_id
    LEFT JOIN interactions i ON c.kind = 'interaction' AND i.public_id = c.fact_id";

impl ReadTransaction<'_> {
    /// The changes that a filter lets through, newest first; `project` is what its name stands for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn changes(
        &self,
        filter: &ChangeFilter,
        project: Option<&ProjectId>,
    ) -> Result<Vec<Change>, StorageError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{CHANGES}
             WHERE (?2 IS NULL OR c.project_id = ?2) AND (?3 IS NULL OR c.kind = ?3)
               AND (?4 IS NULL OR c.fact_id = ?4) AND (?5 IS NULL OR o.at >= ?5) AND (?6 IS NULL OR c.id < ?6)
             ORDER BY c.id DESC LIMIT ?7"
        ))?;
        let rows = statement.query_map(
            (
                SUBJECT_CHARS,
                project.map(ProjectId::as_str),
                filter.kind.map(FactKind::as_str),
                filter.fact.as_ref().map(|fact| fact.to_bytes().unwrap_or_default()),
                filter.since.map(|since| since.to_string()),
                filter.after.map(row_id),
                filter.limit.get(),
            ),
            raw,
        )?;
        rows.map(|row| row.map_err(StorageError::from).and_then(RawChange::read)).collect()
    }

    /// The change with that number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn change(&self, number: u64) -> Result<Option<Change>, StorageError> {
        let mut statement = self.connection.prepare_cached(&format!("{CHANGES} WHERE c.id = ?2"))?;
        let found = statement.query_row((SUBJECT_CHARS, row_id(number)), raw).optional()?;
        found.map(RawChange::read).transpose()
    }

    /// The number of the last change of a fact.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_change(&self, fact: &FactId) -> Result<Option<u64>, StorageError> {
        let mut statement =
            self.connection.prepare_cached("SELECT max(id) FROM fact_changes WHERE fact_id = ?1")?;
        Ok(statement.query_row([fact.to_bytes()], |row| row.get(0))?)
    }

    /// The newest changes of facts after a generation, at most `most`, and how many there are in all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn changes_since(
        &self,
        generation: Generation,
        most: usize,
    ) -> Result<(Vec<Change>, u64), StorageError> {
        let mut count =
            self.connection.prepare_cached("SELECT count(*) FROM fact_changes WHERE generation > ?1")?;
        let count = count.query_row([generation.0], |row| row.get(0))?;
        let mut statement = self
            .connection
            .prepare_cached(&format!("{CHANGES} WHERE c.generation > ?2 ORDER BY c.id DESC LIMIT ?3"))?;
        let rows = statement.query_map((SUBJECT_CHARS, generation.0, most), raw)?;
        let newest = rows.map(|row| row.map_err(StorageError::from).and_then(RawChange::read));
        Ok((newest.collect::<Result<_, _>>()?, count))
    }
}

impl WriteTransaction<'_> {
    /// Writes a line of the journal.
    pub(super) fn journal(
        &self,
        fact: &FactId,
        project: Option<&ProjectId>,
        action: Action,
        before: Option<&Content>,
        after: &Content,
        reverses: Option<u64>,
    ) -> Result<(), StorageError> {
        self.connection
            .prepare_cached(
                "INSERT INTO fact_changes (generation, kind, fact_id, project_id, action, before, after, reverses)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute((
                self.version.generation.0,
                fact.kind().as_str(),
                fact.to_bytes(),
                project.map(ProjectId::as_str),
                action.as_str(),
                before.map(content::to_json).transpose()?,
                content::to_json(after)?,
                reverses,
            ))?;
        Ok(())
    }
}

/// A row of the journal whose contents are not read yet.
struct RawChange {
    change: Change,
    before: Option<String>,
    after: String,
}

impl RawChange {
    fn read(self) -> Result<Change, StorageError> {
        let before = self.before.as_deref().map(content::from_json).transpose()?;
        Ok(Change { before, after: content::from_json(&self.after)?, ..self.change })
    }
}

fn raw(row: &Row<'_>) -> rusqlite::Result<RawChange> {
    let TimeColumn(at) = row.get(2)?;
    let EnumColumn(kind) = row.get(4)?;
    let id: [u8; 12] = row.get(5)?;
    let EnumColumn::<Action>(action) = row.get(8)?;
    let fact = FactId::from_bytes(kind, id);
    Ok(RawChange {
        change: Change {
            number: row.get(0)?,
            generation: Generation(row.get(1)?),
            at,
            interface: row.get(3)?,
            fact,
            project: project_of(row.get(6)?),
            subject: row.get(7)?,
            action,
            before: None,
            after: Content::Interaction {
                status: atocore_model::fact::interaction::InteractionStatus::Recorded,
            },
            reverses: row.get(11)?,
        },
        before: row.get(9)?,
        after: row.get(10)?,
    })
}

/// What is wrong with the facts of a store, one line each: a fact whose last line in the journal says something else than
/// its row, or that has no line, or a line without a fact.
pub(in crate::sqlite) fn complaints(connection: &Connection) -> Result<Vec<String>, StorageError> {
    let read = ReadTransaction { connection };
    let mut complaints = Vec::new();
    let mut last = connection.prepare(
        "SELECT kind, fact_id, after FROM fact_changes
         WHERE id IN (SELECT max(id) FROM fact_changes GROUP BY kind, fact_id)",
    )?;
    let lines = last.query_map([], |row| {
        let EnumColumn::<FactKind>(kind) = row.get(0)?;
        Ok((kind, row.get::<_, [u8; 12]>(1)?, row.get::<_, String>(2)?))
    })?;
    for line in lines {
        let (kind, id, after) = line?;
        let fact = FactId::from_bytes(kind, id);
        match read.content_of(&fact)? {
            Some((content, _)) if content == content::from_json(&after)? => {}
            Some(_) => complaints.push(format!("{fact} is not what the journal says")),
            None => complaints.push(format!("{fact} is in the journal only")),
        }
    }
    for (kind, table) in [("state", "project_state"), ("memory", "memories"), ("interaction", "interactions")]
    {
        let unwritten: u64 = connection.query_row(
            &format!(
                "SELECT count(*) FROM {table} f WHERE NOT EXISTS
                    (SELECT 1 FROM fact_changes c WHERE c.fact_id = f.public_id AND c.kind = ?1)"
            ),
            [kind],
            |row| row.get(0),
        )?;
        if unwritten > 0 {
            complaints.push(format!("{unwritten} rows of {table} are not in the journal"));
        }
    }
    Ok(complaints)
}
