//! Files of a model on their way into the staging folder: bounded, counted and compared with the published digests.

use std::{
    fs, io,
    io::{Read, Write},
    path::Path,
};

use atocore_model::monitor::{Monitor, Progress};
use sha2::{Digest as _, Sha256};

use super::FetchError;
use crate::{
    files,
    model::{KnownModel, ModelError, PinnedFile, hexadecimal},
};

/// Why a file did not arrive.
#[derive(Debug)]
pub(super) enum Interruption {
    /// The source broke off.
    Source(io::Error),
    /// Anything else, which asking the source again does not change.
    Final(FetchError),
}

/// The delivery of one model, of which each file is taken once.
pub(super) struct Delivery<'a> {
    into: &'a Path,
    phase: &'static str,
    monitor: &'a dyn Monitor,
    done: u64,
    total: u64,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(
        model: &KnownModel,
        into: &'a Path,
        phase: &'static str,
        monitor: &'a dyn Monitor,
    ) -> Self {
        Self { into, phase, monitor, done: 0, total: model.length_bytes() }
    }

    /// Writes one file with what `from` holds, which errors name as `origin`. Reads at most one byte more than the file
    /// must have, so that whatever is too long is noticed and stays small.
    ///
    /// # Errors
    /// When `from` breaks off or holds another file, the disk refuses, or the caller cancelled.
    ///
    /// # Durability
    /// The bytes are on disk; the name is once its folder was synced. After an error the file may be taken again.
    pub(super) fn take(
        &mut self,
        file: &PinnedFile,
        from: impl Read,
        origin: &Path,
    ) -> Result<(), Interruption> {
        let before = self.done;
        let taken = self.copy(file, &mut from.take(file.length_bytes + 1));
        let (found, sha256) = taken.inspect_err(|_| self.done = before)?;
        let wrong = if found != file.length_bytes {
            ModelError::WrongLength { path: origin.to_owned(), expected: file.length_bytes, found }
        } else if sha256 != file.sha256 {
            let expected = file.sha256.to_owned();
            ModelError::WrongDigest { path: origin.to_owned(), expected, found: sha256 }
        } else {
            return Ok(());
        };
        Err(Interruption::Final(FetchError::Delivered(wrong)))
    }

    /// Copies all of `from` and tells its length and its SHA-256.
    fn copy(&mut self, file: &PinnedFile, from: &mut impl Read) -> Result<(u64, String), Interruption> {
        let path = self.into.join(file.path);
        let failed =
            |source| Interruption::Final(FetchError::File { action: "write", path: path.clone(), source });
        fs::create_dir_all(path.parent().unwrap_or(self.into)).map_err(failed)?;
        let mut output = files::ModelFile::create(&path).map_err(failed)?;
        let (mut hash, mut found) = (Sha256::new(), 0);
        let mut piece = vec![0; 1 << 16];
        loop {
            if self.monitor.cancelled() {
                return Err(Interruption::Final(FetchError::Cancelled));
            }
            let count = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Interruption::Source(error)),
            };
            output.write_all(&piece[..count]).map_err(failed)?;
            hash.update(&piece[..count]);
            found += count as u64;
            self.done += count as u64;
            let done = self.done.min(self.total);
            self.monitor.progress(Progress { phase: self.phase.into(), done, total: Some(self.total) });
        }
        output.sync_all().map_err(failed)?;
        Ok((found, hexadecimal(hash)))
    }
}
