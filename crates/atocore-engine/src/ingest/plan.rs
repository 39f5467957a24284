//! Compares what is on the disk with what the store knows, before anything is read or written.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use atocore_extract::Format;
use atocore_model::{digest::Digest, document::FileStamp, id::ProjectId, refresh::RefreshOptions};
use atocore_storage::{
    files::beneath::{self, Beneath},
    sqlite::DocumentRow,
};

use super::{
    Ingestion,
    losses::Losses,
    mounts::LostFolder,
    reach::ReachableRoots,
    walk::{self, FoundFile},
};
use crate::error::Error;

/// A file that has to be read, with the document it may be a new state of.
#[derive(Debug)]
pub(super) struct ToRead {
    pub(super) file: FoundFile,
    pub(super) known: Option<DocumentRow>,
    /// The path under which the document was known, when it has moved.
    pub(super) renamed_from: Option<String>,
}

/// What a refresh will do.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) to_read: Vec<ToRead>,
    /// Documents whose file is gone.
    pub(super) vanished: Vec<DocumentRow>,
    /// Documents whose files lie in roots of other projects now, which take them over when they are refreshed.
    pub(super) moved: Vec<(ProjectId, DocumentRow)>,
    /// For every unchanged file, the root that it is below.
    pub(super) unchanged: Vec<usize>,
    /// What each root and each mount point had, and has new.
    pub(super) losses: Losses,
    /// Folders to be remembered until the documents that they lack are there or were removed.
    pub(super) lost: Vec<LostFolder>,
}

impl Plan {
    /// Decides for every file and every document. Reads files only to tell whether a new one is an old one that moved.
    pub(super) fn new(
        found: Vec<FoundFile>,
        project: &ProjectId,
        reach: &ReachableRoots,
        ingestion: &Ingestion<'_>,
    ) -> Result<Self, Error> {
        let RefreshOptions { reread, .. } = ingestion.options;
        let (known, mounts) = ingestion
            .store
            .read(|read| Ok::<_, Error>((read.documents_of(project)?, read.mounts_of(project)?)))?;
        let places: HashMap<&str, usize> =
            known.iter().enumerate().map(|(place, row)| (row.file_path.as_str(), place)).collect();
        let mut plan = Self {
            to_read: Vec::new(),
            vanished: Vec::new(),
            moved: Vec::new(),
            unchanged: Vec::new(),
            losses: Losses::new(&known, &mounts, reach),
            lost: Vec::new(),
        };
        let mut on_disk = vec![false; known.len()];
        let current: HashSet<String> =
            Format::all().map(|format| ingestion.chunked_by_format(format)).collect();
        // The content decides the format, which is not read here; a rule decides by the name.
        let is_current = |row: &DocumentRow, file: &FoundFile| match ingestion
            .chunked_by_rule(file.source_path.file_name())
        {
            Some(rule) => row.chunked_by == rule,
            None => current.contains(&row.chunked_by),
        };
        let mut new = HashSet::new();
        for file in found {
            let place = places.get(file.file_path.as_str()).copied();
            let again = match place {
                Some(place) => std::mem::replace(&mut on_disk[place], true),
                None => !new.insert(file.file_path.clone()),
            };
            if again {
                continue;
            }
            match place.map(|place| &known[place]) {
                Some(row)
                    if row.settled
                        && !reread
                        && row.stamp == file.seen.stamp
                        && is_current(row, &file)
                        && row.root == reach.name(file.root)
                        && row.source_path == file.source_path.as_str() =>
                {
                    plan.unchanged.push(file.root);
                }
                known => plan.to_read.push(ToRead { file, known: known.cloned(), renamed_from: None }),
            }
        }
        let known: Vec<(DocumentRow, bool)> = known.into_iter().zip(on_disk).collect();
        plan.lost = LostFolder::unmounted(mounts, &known, reach);
        plan.vanished = known.into_iter().filter(|(_, found)| !found).map(|(row, _)| row).collect();
        plan.vanished.sort_by(|a, b| a.file_path.cmp(&b.file_path));
        plan.to_read.sort_by(|a, b| a.file.file_path.cmp(&b.file.file_path));
        plan.follow_roots(reach);
        for row in plan.vanished.extract_if(.., |row| !reach.knows_about(row)) {
            plan.losses.keep(&row, reach);
        }
        plan.follow_renames(reach, ingestion)?;
        plan.follow_projects(project, ingestion)?;
        for ToRead { file, .. } in plan.to_read.iter().filter(|wanted| wanted.known.is_none()) {
            plan.losses.each(Some(file.root), &file.file_path, |loss| loss.new += 1);
        }
        Ok(plan)
    }

    /// Finds the documents of a root whose folder is another one now, by their paths below it.
    fn follow_roots(&mut self, reach: &ReachableRoots) {
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, row) in self.vanished.iter().enumerate() {
            places.entry(&row.source_path).or_default().push(place);
        }
        let mut moved = HashMap::new();
        for (index, wanted) in self.to_read.iter().enumerate().filter(|(_, wanted)| wanted.known.is_none()) {
            let rows = places.get(wanted.file.source_path.as_str()).into_iter().flatten();
            let mut rows = rows.filter(|place| !moved.contains_key(*place));
            let of_root = |place: &&usize| reach.may_have_been_in(&self.vanished[**place], wanted.file.root);
            if let Some(place) = rows.find(of_root) {
                let _none = moved.insert(*place, index);
            }
        }
        let mut place = 0;
        self.vanished.retain(|row| {
            let index = moved.get(&place);
            place += 1;
            if let Some(index) = index {
                self.to_read[*index].renamed_from = Some(row.file_path.clone());
                self.to_read[*index].known = Some(row.clone());
            }
            index.is_none()
        });
    }

    /// Finds new files with the bytes of vanished documents; of several, one with the same name first, then in the
    /// order of paths.
    fn follow_renames(&mut self, reach: &ReachableRoots, ingestion: &Ingestion<'_>) -> Result<(), Error> {
        if self.vanished.is_empty() {
            return Ok(());
        }
        let sizes: HashSet<u64> = self.vanished.iter().map(|row| row.stamp.size).collect();
        let is_candidate =
            |wanted: &ToRead| wanted.known.is_none() && sizes.contains(&wanted.file.seen.stamp.size);
        let candidates: Vec<usize> =
            (0..self.to_read.len()).filter(|index| is_candidate(&self.to_read[*index])).collect();
        let mut digests: Vec<(usize, Digest)> = Vec::new();
        for index in candidates {
            if ingestion.monitor.cancelled() {
                return Err(Error::Cancelled);
            }
            // What cannot be read now says so when it is read.
            if let Ok(Some(bytes)) = reach.read(&self.to_read[index].file, ingestion.max_file_bytes) {
                digests.push((index, Digest::from_bytes(*blake3::hash(&bytes.1).as_bytes())));
            }
        }
        for same_name in [true, false] {
            for (index, digest) in &digests {
                let file = &self.to_read[*index];
                if file.known.is_some() {
                    continue;
                }
                let name = file.file.source_path.file_name();
                let fits = |row: &DocumentRow| {
                    row.digest == *digest && (!same_name || row.source_path.rsplit('/').next() == Some(name))
                };
                if let Some(place) = self.vanished.iter().position(fits) {
                    let row = self.vanished.remove(place);
                    let file = &mut self.to_read[*index];
                    file.renamed_from = Some(row.source_path.clone());
                    file.known = Some(row);
                }
            }
        }
        Ok(())
    }

    /// Finds new files that are documents of other projects: the same file as before, under a path where there is none
    /// now. A copy is none.
    fn follow_projects(&mut self, project: &ProjectId, ingestion: &Ingestion<'_>) -> Result<(), Error> {
        let new = (self.to_read.iter_mut()).filter(|wanted| wanted.known.is_none());
        let mut new: HashMap<_, _> = new.map(|wanted| (identity(&wanted.file.seen.stamp), wanted)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let is_new = |stamp: &FileStamp| new.contains_key(&identity(stamp));
        for row in ingestion.store.read(|read| read.documents_of_others(project, is_new))? {
            if is_away(&row)
                && let Some(wanted) = new.remove(&identity(&row.stamp))
            {
                wanted.renamed_from = Some(row.file_path.clone());
                wanted.known = Some(row);
            }
        }
        Ok(())
    }

    /// Finds the files of vanished documents in roots of other projects, under paths where there is no document.
    pub(super) fn find_in_projects(
        &mut self,
        project: &ProjectId,
        claims: &[(PathBuf, ProjectId)],
        ingestion: &Ingestion<'_>,
    ) -> Result<(), Error> {
        let away = self.vanished.iter().filter(|row| is_away(row));
        let away: HashMap<_, _> = away.map(|row| (identity(&row.stamp), row.key)).collect();
        let mut there = Vec::new();
        for (folder, owner) in claims.iter().filter(|(_, owner)| !away.is_empty() && owner != project) {
            let Ok(beneath) = Beneath::open(folder) else { continue };
            let Ok(walked) = walk::walk(folder, &beneath, owner, claims, ingestion) else { continue };
            for file in walked?.found {
                if let Some(key) = away.get(&identity(&file.seen.stamp)) {
                    there.push((file.file_path, *key, owner));
                }
            }
        }
        if there.is_empty() {
            return Ok(());
        }
        let documents = ingestion.store.read(|read| read.documents_of_others(project, |_| true))?;
        let documents: HashSet<&str> = documents.iter().map(|row| row.file_path.as_str()).collect();
        there.retain(|(path, ..)| !documents.contains(path.as_str()));
        let owners: HashMap<i64, &ProjectId> = there.iter().map(|(_, key, owner)| (*key, *owner)).collect();
        let moved = self.vanished.extract_if(.., |row| owners.contains_key(&row.key));
        self.moved = moved.map(|row| (owners[&row.key].clone(), row)).collect();
        Ok(())
    }

    /// Documents that are gone, and those that had bytes and have none now.
    pub(super) fn lost_documents(&self) -> impl Iterator<Item = &DocumentRow> {
        let is_empty = |wanted: &&ToRead| wanted.file.seen.stamp.size == 0;
        let emptied = self.to_read.iter().filter(is_empty).filter_map(|wanted| wanted.known.as_ref());
        self.vanished.iter().chain(emptied.filter(|known| known.stamp.size > 0))
    }

    /// Leaves the files and documents of a root alone.
    pub(super) fn leave(&mut self, root: usize, reach: &ReachableRoots) {
        self.to_read.retain(|wanted| wanted.file.root != root);
        self.unchanged.retain(|unchanged| *unchanged != root);
        self.vanished.retain(|row| reach.counted_for(row) != Some(root));
    }

    /// Mount points that lost as much as no root may, and folders that lost more than a few documents and are there
    /// without any file.
    pub(super) fn emptied(&self, reach: &ReachableRoots, percent: u64) -> Vec<LostFolder> {
        let gone = || self.vanished.iter().filter(|row| reach.counted_for(row).is_some());
        let mut mounts = LostFolder::grouped(gone(), |row| self.losses.mount_of(&row.file_path));
        mounts.retain(|lost| self.losses.is_too_much_of(&lost.folder, lost.gone(), percent));
        let mut seen = HashMap::new();
        let mut folders = LostFolder::grouped(gone(), |row| reach.emptied_above(row, &mut seen));
        folders.retain(|lost| lost.gone() > Losses::FEW);
        mounts.into_iter().chain(folders).collect()
    }

    /// Leaves the files below a folder alone, and remembers it.
    pub(super) fn leave_below(&mut self, lost: LostFolder) {
        self.to_read.retain(|wanted| !Path::new(&wanted.file.file_path).starts_with(&lost.folder));
        self.lost.push(lost);
    }
}

/// What a file keeps when it is moved on its disk.
const fn identity(stamp: &FileStamp) -> (u64, i64, u64) {
    (stamp.inode, stamp.modified_ns, stamp.size)
}

/// Whether there is nothing under the path of a document.
fn is_away(row: &DocumentRow) -> bool {
    matches!(beneath::stamp_if_present(Path::new(&row.file_path)), Ok(None))
}

/// Whether a stamp will tell that the file was written after `now_ns`. One that was written just before could be written
/// again without its times showing it.
pub(super) fn is_settled(stamp: FileStamp, now_ns: i128) -> bool {
    /// Some file systems count whole or even seconds only.
    const COARSE_NS: i128 = 2_000_000_000;
    /// The others follow the tick of the kernel.
    const FINE_NS: i128 = 50_000_000;
    /// A time that lies further ahead than clocks of two machines differ is none that writing it now would set.
    const AHEAD_NS: i128 = 3_600_000_000_000;
    [stamp.modified_ns, stamp.changed_ns].into_iter().all(|time| {
        let tick = if time % 1_000_000_000 == 0 { COARSE_NS } else { FINE_NS };
        i128::from(time) + tick < now_ns || i128::from(time) > now_ns + AHEAD_NS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_written_just_now_is_not_settled() {
        let now = 1_700_000_000_123_000_000_i128;
        let stamp = |modified: i128, changed: i128| FileStamp {
            size: 1,
            modified_ns: i64::try_from(modified).unwrap(),
            changed_ns: i64::try_from(changed).unwrap(),
            inode: 1,
        };
        let long_ago = now - 1_000_000_000_000_000;
        for (at, settled) in [
            (now - 10_000_000, false),
            (now - 60_000_000, true),
            (1_700_000_000_000_000_000 - 1_000_000_000, false),
            (1_700_000_000_000_000_000 - 3_000_000_000, true),
            (now + 9_000_000_000, false),
            (now + 7_200_000_000_000, true),
            (i128::from(i64::MIN), true),
            (i128::from(i64::MAX), true),
        ] {
            assert_eq!(is_settled(stamp(at, long_ago), now), settled, "{at}");
            assert_eq!(is_settled(stamp(long_ago, at), now), settled, "{at}");
        }
    }
}
