//! Dates documents by the history of the git repositories that they are in.
//!
//! It is looked at again when another commit is checked out, and for documents that were stored since.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use atocore_extract::{HistoryDate, HistoryFile, HistoryRequest};
use atocore_model::{
    id::Generation,
    project::Project,
    refresh::{FileReason, RootReport},
    time::Timestamp,
};
use atocore_storage::{
    files::beneath::{self, Beneath},
    sqlite::{CommitDate, CommittedDocument, DatedWorkTree},
};

use super::{Ingestion, Reports, reach::ReachableRoots, write};
use crate::error::Error;

/// The longest file of a repository that is read here: the list of its references.
const MOST_BYTES: u64 = 64 << 20;

/// References that name others, one after the other.
const MOST_REFERENCES: usize = 5;

/// A work tree that has a commit checked out.
#[derive(Debug)]
struct WorkTree {
    folder: PathBuf,
    /// The folder of what is its own: the commit, and what is to be committed.
    git: PathBuf,
    /// The folder of its objects.
    objects: PathBuf,
    /// The commit, as 40 hexadecimal digits.
    head: String,
}

/// Brings the dates of a project's documents up to date; the generation in which they are seen, if any is another one.
pub(super) fn update(
    ingestion: &Ingestion<'_>,
    project: &Project,
    reach: &ReachableRoots,
    reports: &mut Reports,
) -> Result<Option<Generation>, Error> {
    let around = reach.folders().filter_map(|root| root.ancestors().skip(1).find_map(WorkTree::open));
    let below = reach.repositories.iter().filter_map(|folder| WorkTree::open(folder));
    let found: HashMap<PathBuf, WorkTree> =
        below.chain(around).map(|tree| (tree.folder.clone(), tree)).collect();
    // A commit changes none of the documents.
    reports.folders.extend(found.values().map(|tree| tree.git.clone()));
    let known = ingestion.store.read(|read| read.work_trees(&project.id))?;
    if found.is_empty() && known.is_empty() {
        return Ok(None);
    }
    // One whose root was not looked at today may be there tomorrow.
    let (gone, away): (Vec<_>, Vec<_>) = (known.iter())
        .filter(|tree| !found.contains_key(tree.folder()))
        .partition(|tree| reach.folders().any(|root| is_one_in_the_other(root, tree.folder())));
    let now: Vec<_> =
        found.values().filter_map(WorkTree::dated).chain(away.iter().copied().cloned()).collect();
    let is_same = now.len() == known.len() && now.iter().all(|tree| known.contains(tree));
    let is_settled = is_same && !ingestion.options.reread;
    if is_settled && !ingestion.store.read(|read| read.has_undated_documents(&project.id))? {
        return Ok(None);
    }
    let mut documents = ingestion.store.read(|read| read.committed_documents(&project.id))?;
    documents.retain(|document| !away.iter().any(|tree| tree.has(&document.file_path)));
    let mut dating = Dating { ingestion, found: &found, known: &known, gone, dates: Vec::new() };
    dating.date_all(&documents, reports)?;
    let dates = dating.dates;
    let is_seen = dates.iter().any(|(before, now)| before.committed.date() != now.date());
    if is_seen {
        let committed = ingestion.store.write(&write::operation(ingestion, project), |write| {
            dates.iter().try_for_each(|(document, date)| write.date_document(document.key, *date))?;
            write.put_work_trees(&project.id, &now)
        })?;
        let () = committed.value;
        ingestion.notify(committed.version.generation);
        return Ok(Some(committed.version.generation));
    }
    ingestion.store.write_bookkeeping(|books| {
        dates.iter().try_for_each(|(document, date)| books.date_document(document.key, *date))?;
        books.put_work_trees(&project.id, &now)
    })?;
    Ok(None)
}

fn is_one_in_the_other(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// A document of a work tree, whose date is looked for.
struct WorkTreeDocument<'d> {
    document: &'d CommittedDocument,
    /// Its path below the work tree.
    path: String,
    /// What is known of its date by that work tree.
    known: CommitDate,
}

impl WorkTreeDocument<'_> {
    fn is_dated(&self) -> bool {
        matches!(self.known, CommitDate::Never | CommitDate::At(_))
    }

    /// Whether the file is the one that was read: another one has other bytes than those that are stored.
    fn is_as_stored(&self) -> bool {
        let seen = beneath::stamp_if_present(Path::new(&self.document.file_path));
        seen.is_ok_and(|seen| seen == Some(self.document.stamp))
    }
}

/// The dates that are being looked for.
struct Dating<'d> {
    ingestion: &'d Ingestion<'d>,
    found: &'d HashMap<PathBuf, WorkTree>,
    known: &'d [DatedWorkTree],
    /// Those of them that are none any more.
    gone: Vec<&'d DatedWorkTree>,
    /// Those that are to be stored.
    dates: Vec<(&'d CommittedDocument, CommitDate)>,
}

impl<'d> Dating<'d> {
    fn date_all(&mut self, documents: &'d [CommittedDocument], reports: &mut Reports) -> Result<(), Error> {
        let mut of_tree: HashMap<&Path, Vec<WorkTreeDocument<'d>>> = HashMap::new();
        for document in documents {
            let path = Path::new(&document.file_path);
            let tree = path.ancestors().skip(1).find_map(|folder| self.found.get(folder));
            let below = tree.and_then(|tree| path.strip_prefix(&tree.folder).ok()?.to_str());
            match (tree, below) {
                (Some(tree), Some(below)) => {
                    let is_of_another = self.gone.iter().any(|tree| tree.has(&document.file_path));
                    let is_open = is_of_another || self.ingestion.options.reread;
                    let known = if is_open { CommitDate::Unknown } else { document.committed };
                    let document = WorkTreeDocument { document, path: below.to_owned(), known };
                    of_tree.entry(&tree.folder).or_default().push(document);
                }
                // It is in none, or no more.
                _ => self.put(document, CommitDate::Never),
            }
        }
        let total = of_tree.len();
        for (done, (folder, documents)) in of_tree.into_iter().enumerate() {
            self.ingestion.progress("reading the history of repositories", done, Some(total));
            if let Some(why) = self.date_by(&self.found[folder], documents)? {
                let is_near = |root: &RootReport| is_one_in_the_other(Path::new(&root.folder), folder);
                let root = reports.roots.iter().position(is_near).unwrap_or_default();
                let path = format!("{}/", folder.join(".git").display());
                reports.file(root, path, FileReason::History(why));
            }
        }
        Ok(())
    }

    fn put(&mut self, document: &'d CommittedDocument, date: CommitDate) {
        if document.committed != date {
            self.dates.push((document, date));
        }
    }

    /// Dates documents of one work tree; why some cannot be dated, if so. It is tried again with the next commit.
    fn date_by(
        &mut self,
        tree: &WorkTree,
        mut documents: Vec<WorkTreeDocument<'d>>,
    ) -> Result<Option<String>, Error> {
        let known = self.known.iter().find(|known| known.folder() == tree.folder);
        let known_head = known.map(|known| known.head.clone());
        if known_head.as_ref() == Some(&tree.head) {
            documents.retain(|document| document.known == CommitDate::Unknown);
        }
        documents.retain(WorkTreeDocument::is_as_stored);
        if documents.is_empty() {
            return Ok(None);
        }
        let file = |document: &WorkTreeDocument<'_>| HistoryFile {
            path: document.path.clone(),
            is_known: known_head.is_some() && document.is_dated(),
        };
        let request = HistoryRequest {
            work_tree: tree.folder.clone(),
            objects: tree.objects.clone(),
            head: tree.head.clone(),
            files: documents.iter().map(file).collect(),
            known_head,
        };
        let cancelled = || self.ingestion.monitor.cancelled();
        let none = || documents.iter().map(|document| (!document.is_dated()).then_some(HistoryDate::Untold));
        let (dates, why) = match self.ingestion.extractor.file_dates(&request, &cancelled) {
            Ok(None) => return Err(Error::Cancelled),
            Ok(Some(Ok(told))) => (told.dates, told.damage.map(|error| error.to_string())),
            Ok(Some(Err(error))) => (none().collect(), Some(error.to_string())),
            Err(error) => (none().collect(), Some(format!("its reader could not be started: {error}"))),
        };
        for (WorkTreeDocument { document, .. }, date) in documents.into_iter().zip(dates) {
            if let Some(date) = date {
                self.put(document, commit_date(date));
            }
        }
        Ok(why)
    }
}

fn commit_date(date: HistoryDate) -> CommitDate {
    match date {
        HistoryDate::Untold => CommitDate::Untold,
        HistoryDate::Never => CommitDate::Never,
        HistoryDate::At(seconds) => {
            let date = jiff::Timestamp::from_second(seconds);
            date.map_or(CommitDate::Never, |date| CommitDate::At(Timestamp::new(date)))
        }
    }
}

impl WorkTree {
    /// `None` where there is none, or none that has a commit which we can name: one that was just made, or that keeps its references
    /// in a table.
    fn open(folder: &Path) -> Option<Self> {
        let here = Beneath::open(folder).ok()?;
        let git = match text(&here, ".git") {
            // Of a work tree beside others, and of a module of another repository.
            Some(link) => folder.join(link.strip_prefix("gitdir: ")?.trim_end()),
            None => folder.join(".git"),
        };
        let git = git.canonicalize().ok()?;
        let own = Beneath::open(&git).ok()?;
        let shared = match text(&own, "commondir") {
            Some(path) => git.join(path.trim_end()).canonicalize().ok()?,
            None => git.clone(),
        };
        let head = head(&own, &Beneath::open(&shared).ok()?)?;
        Some(Self { folder: folder.to_owned(), git, objects: shared.join("objects"), head })
    }

    /// `None` where the path is no text.
    fn dated(&self) -> Option<DatedWorkTree> {
        Some(DatedWorkTree { folder: self.folder.to_str()?.to_owned(), head: self.head.clone() })
    }
}

/// The commit that is checked out.
fn head(own: &Beneath, shared: &Beneath) -> Option<String> {
    let mut named = text(own, "HEAD")?;
    for _ in 0..MOST_REFERENCES {
        let Some(name) = named.strip_prefix("ref: ").map(|name| name.trim_end().to_owned()) else {
            return is_commit(named.trim_end()).then(|| named.trim_end().to_owned());
        };
        named = text(shared, &name).or_else(|| packed(&text(shared, "packed-refs")?, &name))?;
    }
    None
}

/// What a reference names by the list of all that are not files of their own.
fn packed(list: &str, name: &str) -> Option<String> {
    let commit = list.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix(' '));
    commit.map(str::to_owned)
}

/// Whether that is the name of an object whose digest is SHA-1.
fn is_commit(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A file of a repository; `None` where there is none, or something else.
fn text(folder: &Beneath, path: &str) -> Option<String> {
    String::from_utf8(folder.read(Path::new(path), MOST_BYTES).ok()?.bytes?).ok()
}
