//! Why a file is found, or is not: what a refresh would say of it now, without changing anything.

use std::path::{Path, PathBuf};

use atocore_model::{
    id::ProjectId,
    project::Project,
    refresh::{FileReason, FileState, RootSkip},
    words,
};
use atocore_storage::{
    files::{self, beneath::Beneath},
    sqlite::DocumentRow,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Ingestion,
    hints::hint,
    plan::ToRead,
    reach::ReachableRoots,
    read::{ReadOutcome, read_one},
    walk,
};
use crate::{error::Error, projects::roots::in_words};

words! {
    /// How a file stands with the documents.
    FileStanding, "a standing of a file", {
        /// Its passages are those of the file as it is.
        Found = "found",
        /// The next refresh takes it in, as a new or a changed document.
        Waiting = "waiting",
        /// A rule leaves it out.
        Skipped = "skipped",
        /// It should be read and cannot be.
        Failed = "failed",
        /// It is not there any more; the next refresh removes what is stored of it.
        Gone = "gone",
        /// There is no such file, and nothing is stored of one.
        Missing = "missing",
        /// It is a folder: its files are read.
        Folder = "folder",
        /// It lies below no root of any project.
        Outside = "outside",
    }
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileExplanation {
    /// Its path without links.
    pub path: String,
    /// How it stands.
    pub standing: FileStanding,
    /// The project whose root it lies below; null when there is none.
    pub project: Option<ProjectId>,
    /// Why, in the word that a refresh uses: `hidden`, `ignored`, `binary`, …; empty when there is none.
    pub reason: String,
    /// What there is to say beyond the word; empty when nothing.
    pub detail: String,
    /// What helps; empty when nothing has to.
    pub hint: String,
    /// How many passages are stored of it.
    pub chunks: u64,
}

impl FileExplanation {
    fn new(path: &Path, standing: FileStanding) -> Self {
        Self {
            path: path.to_string_lossy().into_owned(),
            standing,
            project: None,
            reason: String::new(),
            detail: String::new(),
            hint: String::new(),
            chunks: 0,
        }
    }

    fn with_reason(mut self, reason: &FileReason) -> Self {
        self.standing = match reason.state() {
            FileState::Ingested => FileStanding::Waiting,
            FileState::Unchanged => FileStanding::Found,
            FileState::Removed => FileStanding::Gone,
            FileState::Skipped => FileStanding::Skipped,
            FileState::Failed => FileStanding::Failed,
        };
        self.reason = reason.code().to_owned();
        self.detail = reason.detail();
        self.hint = match self.standing {
            FileStanding::Waiting | FileStanding::Gone => self.refresh_hint(),
            FileStanding::Failed => hint(&self.reason, &self.detail),
            FileStanding::Skipped => skipped_hint(reason).to_owned(),
            _ => String::new(),
        };
        self
    }

    fn with_skip(mut self, skip: &RootSkip) -> Self {
        self.standing = FileStanding::Failed;
        self.reason = skip.code().to_owned();
        self.detail = format!("its root cannot be read: {}", in_words(skip));
        self
    }

    fn refresh_hint(&self) -> String {
        self.project.as_ref().map_or_else(String::new, |project| format!("`atocore refresh {project}`"))
    }
}

/// What helps where a rule leaves a file out.
const fn skipped_hint(reason: &FileReason) -> &'static str {
    match reason {
        FileReason::Hidden => "a line such as `!.name` in `.atocoreignore` includes it",
        FileReason::Ignored => "a line that begins with `!` in `.atocoreignore` includes it again",
        FileReason::UnsupportedType | FileReason::Binary => {
            "`atocore formats` lists what is read; the settings `TEXT_ENDINGS` and `CONVERTERS` add to it"
        }
        FileReason::TooLarge { .. } => "the setting `MAX_FILE_BYTES` is the limit",
        FileReason::Link | FileReason::LinkLeavesRoot => {
            "what a link leads to is read where it lies, below a root"
        }
        FileReason::Encrypted => "save it without a password",
        FileReason::NoText => "make its text readable by OCR first",
        FileReason::IgnoreLine { .. } => "correct the line",
        _ => "",
    }
}

impl Ingestion<'_> {
    /// What a refresh of its project would say of the file at an absolute path.
    pub(crate) fn explain(&self, path: &Path, projects: &[Project]) -> Result<FileExplanation, Error> {
        let asked = path;
        let path = files::in_time(path, in_real_folder).unwrap_or_else(|| path.to_owned());
        let claims = self.folders.claims(projects);
        let inner_first = claims.iter().filter(|(folder, _)| path.starts_with(folder));
        let Some((folder, owner)) = inner_first.max_by_key(|(folder, _)| folder.as_os_str().len()) else {
            // The path as it was given: where links outside of all roots lead is nobody's business.
            return Ok(self.outside(asked, projects));
        };
        let mut explanation = FileExplanation::new(&path, FileStanding::Missing);
        explanation.project = Some(owner.clone());
        let row = self.stored(&path, owner, &mut explanation)?;
        let roots = projects.iter().filter(|project| project.id == *owner).flat_map(|project| &project.roots);
        let roots: Vec<_> = roots.cloned().collect();
        let of_folder = |skip| Ok(explanation.clone().with_skip(&skip));
        let beneath = match files::in_time(folder, Beneath::open) {
            Some(Ok(beneath)) => beneath,
            Some(Err(error)) => return of_folder(RootSkip::Unreadable(error.source.to_string())),
            None => return of_folder(RootSkip::NoAnswer),
        };
        let walked = match walk::walk(folder, &beneath, owner, &claims, self) {
            Ok(walked) => walked?,
            Err(skip) => return of_folder(skip),
        };
        let mut reach = ReachableRoots::new(&roots);
        let root = roots.iter().position(|root| self.folders.resolve(&root.location).as_ref() == Ok(folder));
        let root = root.unwrap_or_default();
        let below = path.strip_prefix(folder).unwrap_or(&path);
        if let Some((_, reason)) = walked.left_out.iter().find(|(left_out, _)| is_or_holds(left_out, below)) {
            return Ok(explanation.with_reason(reason));
        }
        if let Some(file) = walked.found.into_iter().find(|file| Path::new(&file.file_path) == path) {
            reach.walked(root, folder.clone(), beneath);
            let wanted = ToRead { file: walk::FoundFile { root, ..file }, known: row, renamed_from: None };
            let reason = match read_one(self, &reach, &wanted) {
                ReadOutcome::Document(_, reason) | ReadOutcome::Refused(reason) => reason,
                ReadOutcome::SameBytes { .. } => FileReason::SameBytes,
            };
            return Ok(explanation.with_reason(&reason));
        }
        if path.is_dir() {
            explanation.standing = FileStanding::Folder;
        } else if row.is_some() {
            return Ok(explanation.with_reason(&FileReason::Deleted));
        }
        Ok(explanation)
    }

    /// The document that is stored of a file, and how many passages it has.
    fn stored(
        &self,
        path: &Path,
        project: &ProjectId,
        explanation: &mut FileExplanation,
    ) -> Result<Option<DocumentRow>, Error> {
        self.store.read(|read| {
            let rows = read.documents_of(project)?;
            let row = rows.into_iter().find(|row| Path::new(&row.file_path) == path);
            if let Some(row) = &row {
                explanation.chunks = read.chunks_of(row.key)?.len() as u64;
            }
            Ok::<_, Error>(row)
        })
    }

    /// A file below no root that can be read: perhaps below one that cannot.
    fn outside(&self, path: &Path, projects: &[Project]) -> FileExplanation {
        let explanation = FileExplanation::new(path, FileStanding::Outside);
        for project in projects {
            for root in &project.roots {
                let named = self.folders.named(&root.location).filter(|folder| path.starts_with(folder));
                if let (Some(_), Err(skip)) = (named, self.folders.resolve(&root.location)) {
                    let project = Some(project.id.clone());
                    return FileExplanation { project, ..explanation }.with_skip(&skip);
                }
            }
        }
        let hint =
            "`atocore project add NAME --root FOLDER` or `atocore project update` makes its folder a root";
        FileExplanation { hint: hint.to_owned(), ..explanation }
    }
}

/// The path with the links of its folder resolved, as far as there are folders; the file itself may be a link.
fn in_real_folder(path: &Path) -> PathBuf {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return path.canonicalize().unwrap_or_else(|_| path.to_owned());
    };
    match folder.canonicalize() {
        Ok(folder) => folder.join(name),
        Err(_) => in_real_folder(folder).join(name),
    }
}

/// Whether what a walk left out is a file, or a folder that it lies in.
fn is_or_holds(left_out: &str, below: &Path) -> bool {
    below.starts_with(left_out)
}
