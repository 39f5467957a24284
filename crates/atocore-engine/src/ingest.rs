//! Brings a project's documents up to date: looks at every file, reads what changed, stores it, and forgets what is
//! gone.
//!
//! Every batch that is committed is whole; a run that is cut short is taken up by the next one.

mod blobs;
mod chunk;
mod commit_dates;
mod explain;
mod front_matter;
#[cfg(test)]
mod fuzzed;
mod hints;
mod ignoring;
mod inline;
mod links;
mod losses;
mod markdown;
mod mounts;
mod obsidian;
mod one_line;
mod parse;
mod plain_text;
mod plan;
mod reach;
mod read;
mod together;
mod walk;
mod write;

pub use chunk::{ChunkLimits, InvalidChunkLimits};
pub use explain::{FileExplanation, FileStanding};
pub use hints::hint;
pub use parse::parse;

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use atocore_extract::{EndingRule, Extractor, Format, FormatRules};
use atocore_model::{
    id::Generation,
    monitor::{Monitor, Progress},
    project::{Project, Root},
    refresh::{
        FileCounts, FileReason, FileReport, FileState, RefreshOptions, RefreshReport, RootReport, RootSkip,
    },
    time::Clock,
};
use atocore_storage::{
    files::beneath::Beneath,
    sqlite::{DocumentRow, Store},
};
use losses::Losses;
use mounts::LostFolder;
use plan::Plan;
use reach::ReachableRoots;
use walk::{FoundFile, WalkResult};

use crate::{caller::Caller, error::Error, lexical_indexer::LexicalIndexer, projects::roots::Folders};

/// Goes up when documents are to be read again, because another title, other tags or other passages come out.
const READER: &str = "6";

/// How long after a folder was found empty it is looked whether it is still there.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What ingestion works with.
pub(crate) struct Ingestion<'e> {
    pub(crate) store: &'e Store,
    /// What finds the words of documents; only who owns the store has one, and writes.
    pub(crate) lexical_indexer: Option<&'e LexicalIndexer>,
    pub(crate) folders: &'e Folders,
    pub(crate) extractor: &'e Extractor,
    pub(crate) chunks: ChunkLimits,
    pub(crate) max_file_bytes: u64,
    pub(crate) formats: &'e FormatRules,
    /// The share of the documents of a root that may be gone at once, from 0 to 100.
    pub(crate) max_removed_percent: u64,
    pub(crate) options: RefreshOptions,
    /// Whether documents that are merely rechunked wait for their vectors.
    pub(crate) rechunk_in_background: bool,
    pub(crate) clock: &'e dyn Clock,
    pub(crate) caller: Caller,
    pub(crate) monitor: &'e dyn Monitor,
}

impl Ingestion<'_> {
    /// Refreshes one of `projects`. The caller has the turn.
    pub(crate) fn refresh(&self, project: &Project, projects: &[Project]) -> Result<RefreshReport, Error> {
        let mut reports = Reports::new(project, self.folders);
        let mut reach = ReachableRoots::new(&project.roots);
        let mut found = Vec::new();
        let claims = self.folders.claims(projects);
        let of_others = claims.iter().filter(|(_, owner)| *owner != project.id);
        reach.of_others.extend(of_others.map(|(folder, _)| folder.clone()));
        for (index, root) in project.roots.iter().enumerate() {
            let walked = self.folders.resolve(&root.location).and_then(|folder| {
                reports.roots[index].folder = folder.to_string_lossy().into_owned();
                let beneath = Beneath::open(&folder);
                let beneath = beneath.map_err(|error| RootSkip::Unreadable(error.source.to_string()))?;
                let walked = walk::walk(&folder, &beneath, &project.id, &claims, self)?;
                reach.walked(index, folder, beneath);
                Ok(walked)
            });
            match walked {
                Ok(walked) => reports.take_walk(index, walked?, &mut found, &mut reach),
                Err(skip) => reports.roots[index].skipped = Some(skip),
            }
        }
        reach.found_nothing = found.is_empty();
        let mut plan = Plan::new(found, &project.id, &reach, self)?;
        plan.find_in_projects(&project.id, &claims, self)?;
        for (owner, row) in &plan.moved {
            let root = reach.root_of(row).unwrap_or_default();
            reports.file(root, row.source_path.clone(), FileReason::OwnedBy(owner.clone()));
        }
        for lost in plan.lost.iter().filter(|_| !self.options.allow_empty) {
            let _any = lost.keep_documents(&mut plan.vanished, &mut plan.losses, &reach, &mut reports);
        }
        for (root, skip) in self.losses(&plan.losses, plan.lost_documents(), &reach) {
            plan.leave(root, &reach);
            reports.leave(root, skip);
        }
        for lost in self.emptied(&plan, &reach) {
            if lost.keep_documents(&mut plan.vanished, &mut plan.losses, &reach, &mut reports) {
                plan.leave_below(lost);
            }
        }
        reports.unchanged(&plan);
        let stored = write::carry_out(self, project, &reach, plan, &mut reports)?;
        let dated = commit_dates::update(self, project, &reach, &mut reports)?;
        let generation = dated.unwrap_or(stored);
        let folders = std::mem::take(&mut reports.folders);
        Ok(RefreshReport { project: project.id.clone(), roots: reports.finish(), folders, generation })
    }

    /// The roots of which so many documents are gone or empty that somebody has to confirm it.
    fn losses<'r>(
        &self,
        losses: &Losses,
        gone: impl Iterator<Item = &'r DocumentRow>,
        reach: &ReachableRoots,
    ) -> Vec<(usize, RootSkip)> {
        if self.options.allow_empty {
            return Vec::new();
        }
        losses.of(gone, reach, self.max_removed_percent)
    }

    /// The folders below the roots of which that is so. Whoever removes a folder empties it first, so they are looked at
    /// twice.
    fn emptied(&self, plan: &Plan, reach: &ReachableRoots) -> Vec<LostFolder> {
        if self.options.allow_empty {
            return Vec::new();
        }
        let mut emptied = plan.emptied(reach, self.max_removed_percent);
        if !emptied.is_empty() {
            self.progress("looking again at folders without files", 0, Some(emptied.len()));
            thread::sleep(LOOK_AGAIN);
            emptied.retain(|lost| lost.is_there());
        }
        emptied
    }

    /// Names how a document is read and cut, so that it is read again when that changes.
    fn chunked_by(&self, file_name: &str, format: Format) -> String {
        match self.chunked_by_rule(file_name) {
            Some(rule) => rule,
            None => self.chunked_by_format(format),
        }
    }

    fn chunked_by_format(&self, format: Format) -> String {
        let cut = self.cut();
        match format {
            Format::Markdown | Format::Text => cut,
            other => format!("{cut}:{}.{}", other.as_str(), other.version()),
        }
    }

    /// As [`Self::chunked_by`], where the installation has a rule for the ending of the file.
    fn chunked_by_rule(&self, file_name: &str) -> Option<String> {
        let rule = self.formats.of(file_name)?;
        let cut = self.cut();
        match rule {
            EndingRule::Text | EndingRule::Excluded => Some(format!("{cut}:as-text")),
            EndingRule::Converted(command) => {
                let digest = blake3::hash(command.join("\0").as_bytes()).to_hex();
                Some(format!("{cut}:converted.{}", &digest[..16]))
            }
        }
    }

    fn cut(&self) -> String {
        format!("{READER}:{}:{}", self.chunks.max_chars(), self.chunks.overlap_chars())
    }

    /// Tells the lexical indexer that there is something new to index.
    fn notify(&self, generation: Generation) {
        if let Some(indexer) = self.lexical_indexer {
            indexer.notify(generation);
        }
    }

    fn progress(&self, phase: &'static str, done: usize, total: Option<usize>) {
        self.monitor.progress(Progress {
            phase: phase.into(),
            done: done as u64,
            total: total.map(|total| total as u64),
        });
    }
}

/// What has become of roots and files so far.
struct Reports {
    roots: Vec<RootReport>,
    folders: Vec<PathBuf>,
}

impl Reports {
    fn new(project: &Project, folders: &Folders) -> Self {
        let report = |root: &Root| {
            let named = folders.named(&root.location).unwrap_or_default();
            RootReport {
                root: root.clone(),
                folder: named.to_string_lossy().into_owned(),
                named,
                skipped: None,
                counts: FileCounts::default(),
                files: Vec::new(),
            }
        };
        Self { roots: project.roots.iter().map(report).collect(), folders: Vec::new() }
    }

    fn take_walk(
        &mut self,
        root: usize,
        walked: WalkResult,
        found: &mut Vec<FoundFile>,
        reach: &mut ReachableRoots,
    ) {
        for (path, reason) in walked.left_out {
            self.file(root, path, reason);
        }
        self.folders.extend(walked.folders);
        reach.unreadable.extend(walked.unreadable);
        reach.mounts.extend(walked.mounts);
        reach.repositories.extend(walked.repositories);
        found.extend(walked.found.into_iter().map(|file| FoundFile { root, ..file }));
    }

    /// Counts a file, and lists it unless it is simply unchanged.
    fn file(&mut self, root: usize, path: String, reason: FileReason) {
        self.file_with(root, path, reason, Vec::new());
    }

    fn file_with(&mut self, root: usize, path: String, reason: FileReason, notices: Vec<String>) {
        let report = &mut self.roots[root];
        *report.counts.of(reason.state()) += 1;
        if !matches!(reason, FileReason::SameStamp) {
            report.files.push(FileReport { path, reason, notices, is_new: true });
        }
    }

    fn unchanged(&mut self, plan: &Plan) {
        for root in &plan.unchanged {
            self.roots[*root].counts.unchanged += 1;
        }
    }

    /// Notes that a root was left as it is after all.
    fn leave(&mut self, root: usize, skip: RootSkip) {
        let report = &mut self.roots[root];
        report.skipped = Some(skip);
        report.counts = FileCounts::default();
        report.files.clear();
    }

    /// Notes that a document left the store. A file that turned out to be none in this very run stands there already.
    fn gone(&mut self, row: &DocumentRow, root: usize) {
        let report = &mut self.roots[root];
        let said = report.files.iter().position(|file| file.path == row.source_path);
        if let Some(said) = said {
            if !matches!(report.files[said].reason, FileReason::Ignored | FileReason::Hidden) {
                report.files[said].notices.push("what was stored of it is removed".to_owned());
                return;
            }
            let said = report.files.remove(said);
            *report.counts.of(said.reason.state()) -= 1;
        }
        let is_there = Path::new(&row.file_path).exists();
        let reason = if is_there { FileReason::NoLongerIncluded } else { FileReason::Deleted };
        self.file(root, row.source_path.clone(), reason);
    }

    /// Marks what is left out as the refresh before left it out, and returns what the next one has to know for that:
    /// eight bytes for each, sorted.
    fn compare(&mut self, before: &[u8]) -> Vec<u8> {
        let (before, _) = before.as_chunks::<8>();
        let mut left_out = Vec::new();
        for report in &mut self.roots {
            for file in &mut report.files {
                if !matches!(file.reason.state(), FileState::Skipped | FileState::Failed) {
                    continue;
                }
                let said = [&report.root.location.to_string(), &file.path, file.reason.code()].join("\0");
                let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(said.as_bytes()).as_bytes();
                let key = [a, b, c, d, e, f, g, h];
                file.is_new = before.binary_search(&key).is_err();
                left_out.push(key);
            }
        }
        left_out.sort_unstable();
        left_out.concat()
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
