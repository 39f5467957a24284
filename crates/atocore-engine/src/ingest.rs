//! Brings a project's documents up to date: looks at every file, reads what changed, stores it, and forgets what is
//! gone.
//!
//! Every batch that is committed is whole; a run that is cut short is taken up by the next one.

mod blobs;
mod chunk;
mod front_matter;
mod inline;
mod markdown;
mod parse;
mod plain_text;
mod plan;
mod read;
mod walk;
mod write;

pub use chunk::{ChunkLimits, InvalidChunkLimits};
pub use parse::parse;

use std::path::{Path, PathBuf};

use atocore_model::{
    monitor::{Monitor, Progress},
    project::{Project, Root},
    refresh::{FileCounts, FileReason, FileReport, RefreshReport, RootReport, RootSkip},
    time::Clock,
};
use atocore_storage::sqlite::{DocumentRow, Store};

use crate::{caller::Caller, error::Error, freshness::Freshness, projects::roots::Folders};
use plan::Plan;
use walk::{Found, Walked};

/// Goes up when documents are to be read again, because another title, other tags or other passages come out.
const READER: &str = "2";

/// What ingestion works with.
pub(crate) struct Ingestion<'e> {
    pub(crate) store: &'e Store,
    pub(crate) freshness: &'e Freshness,
    pub(crate) folders: &'e Folders,
    pub(crate) chunks: ChunkLimits,
    pub(crate) max_file_bytes: u64,
    /// Whether documents that are merely cut anew wait for their vectors.
    pub(crate) recut_behind: bool,
    pub(crate) clock: &'e dyn Clock,
    pub(crate) caller: Caller,
    pub(crate) monitor: &'e dyn Monitor,
}

impl Ingestion<'_> {
    /// Refreshes one of `projects`. The caller has the turn.
    pub(crate) fn refresh(&self, project: &Project, projects: &[Project]) -> Result<RefreshReport, Error> {
        let mut reports = Reports::new(project, self.folders);
        let mut reach = Reach::default();
        let mut found = Vec::new();
        let claims = self.folders.claims(projects);
        for (index, root) in project.roots.iter().enumerate() {
            let walked = self.folders.resolve(&root.location).and_then(|folder| {
                reports.roots[index].folder = folder.to_string_lossy().into_owned();
                let walked = walk::walk(&folder, &project.id, &claims, self)?;
                reach.walked.push(folder);
                Ok(walked)
            });
            match walked {
                Ok(walked) => reports.take_walk(index, walked?, &mut found, &mut reach),
                Err(skip) => reports.roots[index].skipped = Some(skip),
            }
        }
        reach.every_root = reports.roots.iter().all(|root| root.skipped.is_none());
        let known = self.store.read(|read| read.documents_of(&project.id))?;
        let plan = Plan::new(found, known, &self.chunked_by(), &reach, self)?;
        reports.unchanged(&plan);
        let generation = write::carry_out(self, project, plan, &mut reports)?;
        Ok(RefreshReport { project: project.id.clone(), roots: reports.finish(), generation })
    }

    /// Names how documents are cut, so that they are cut anew when that changes.
    fn chunked_by(&self) -> String {
        format!("{READER}:{}:{}", self.chunks.max_chars(), self.chunks.overlap_chars())
    }

    fn progress(&self, phase: &'static str, done: usize, total: Option<usize>) {
        self.monitor.progress(Progress { phase, done: done as u64, total: total.map(|total| total as u64) });
    }
}

/// What a run has seen, and so can say something about.
#[derive(Debug, Default)]
struct Reach {
    /// Folders that were walked.
    walked: Vec<PathBuf>,
    /// Folders and files below them that could not be looked at.
    unreadable: Vec<PathBuf>,
    /// Whether no root was skipped.
    every_root: bool,
}

impl Reach {
    /// Whether a file that was not found is known to be no part of the project any more. A file that might lie below
    /// a root that is missing today, or in a folder that could not be read, is not.
    fn knows_about(&self, file_path: &Path) -> bool {
        let below = |folders: &[PathBuf]| folders.iter().any(|folder| file_path.starts_with(folder));
        !below(&self.unreadable) && (self.every_root || below(&self.walked))
    }
}

/// What has become of roots and files so far.
struct Reports {
    roots: Vec<RootReport>,
}

impl Reports {
    fn new(project: &Project, folders: &Folders) -> Self {
        let named =
            |root: &Root| folders.named(&root.location).unwrap_or_default().to_string_lossy().into_owned();
        let report = |root: &Root| RootReport {
            root: root.clone(),
            folder: named(root),
            skipped: None,
            counts: FileCounts::default(),
            files: Vec::new(),
        };
        Self { roots: project.roots.iter().map(report).collect() }
    }

    fn take_walk(&mut self, root: usize, walked: Walked, found: &mut Vec<Found>, reach: &mut Reach) {
        for (path, reason) in walked.left_out {
            self.file(root, path, reason);
        }
        reach.unreadable.extend(walked.unreadable);
        found.extend(walked.found.into_iter().map(|file| Found { root, ..file }));
    }

    /// Counts a file, and lists it unless it is simply unchanged.
    fn file(&mut self, root: usize, path: String, reason: FileReason) {
        self.file_with(root, path, reason, Vec::new());
    }

    fn file_with(&mut self, root: usize, path: String, reason: FileReason, notices: Vec<String>) {
        let report = &mut self.roots[root];
        report.counts.add(reason.state());
        if !matches!(reason, FileReason::SameStamp) {
            report.files.push(FileReport { path, reason, notices });
        }
    }

    fn unchanged(&mut self, plan: &Plan) {
        for root in &plan.unchanged {
            self.roots[*root].counts.add(FileReason::SameStamp.state());
        }
    }

    /// Notes that a document left the store. A file that was left out in this very run has said so already.
    fn gone(&mut self, row: &DocumentRow) {
        let path = Path::new(&row.file_path);
        let root =
            self.roots.iter().position(|root| !root.folder.is_empty() && path.starts_with(&root.folder));
        let root = root.unwrap_or(0);
        let said = self.roots[root].files.iter().any(|file| file.path == row.source_path);
        if !said {
            let reason = if path.exists() { FileReason::NoLongerIncluded } else { FileReason::Deleted };
            self.file(root, row.source_path.clone(), reason);
        }
    }

    fn finish(mut self) -> Vec<RootReport> {
        for root in &mut self.roots {
            root.files.sort_by(|a, b| a.path.cmp(&b.path));
        }
        self.roots
    }
}

/// Why a root cannot be walked at all, beside errors that end the whole refresh.
type RootResult<T> = Result<T, RootSkip>;

#[cfg(test)]
mod tests;
