//! Archives that only the holder of a key can read: age files, as the program `age` writes and reads them.

use std::{
    cell::Cell,
    fmt,
    io::{self, Read, Write},
    path::Path,
    rc::Rc,
};

use age::{
    DecryptError, Decryptor, Encryptor, armor::ArmoredReader, secrecy::zeroize::Zeroizing,
    stream::StreamWriter, x25519,
};
use atocore_model::error::with_causes;
use atocore_storage::files::{self, FileError, NewFile, Reader};

use super::invalid;
use crate::BackupError;

/// How every age file begins, and how it begins when it was written as text.
const BEGINNINGS: [&[u8]; 2] = [b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED FILE-----"];

/// So much of a file is looked at to tell.
const HEAD_BYTES: u64 = 64;

/// What precedes the encrypted bytes names each recipient in about a hundred bytes; this is enough for hundreds,
/// and reading it takes time with its square.
const HEADER_LIMIT_BYTES: u64 = 64 << 10;

/// So many fit into that header.
const MOST_RECIPIENTS: usize = 500;

/// A file of keys is read up to here.
const KEYS_LIMIT_BYTES: u64 = 1 << 20;

/// How a secret key begins.
const SECRET: &str = "AGE-SECRET-KEY-";

/// Those who will be able to read an archive; nobody in particular, and so everybody, when it is empty.
#[derive(Debug, Default)]
pub struct Recipients(Vec<x25519::Recipient>);

/// The secret keys that an archive may be opened with.
#[derive(Default)]
pub struct Identities(Vec<x25519::Identity>);

/// Says how many there are, and nothing about them.
impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identities").field(&self.0.len()).finish()
    }
}

impl Recipients {
    /// Adds the holder of a public key, `age1…`.
    ///
    /// # Errors
    /// [`BackupError::KeyUnusable`] when it is no such key.
    pub fn add(&mut self, key: &str) -> Result<(), BackupError> {
        let shown =
            if is_secret(key) { "the recipient".to_owned() } else { format!("`{}`", key.escape_debug()) };
        self.push(key).map_err(|why| BackupError::KeyUnusable { what: shown, why })
    }

    /// Adds everybody in a file as `age --recipients-file` reads it: a public key in each line, and lines with `#`.
    ///
    /// # Errors
    /// [`BackupError::KeyUnusable`] when a line is no such key, or there is none; or when the file cannot be read.
    pub fn add_file(&mut self, path: &Path) -> Result<(), BackupError> {
        each_key(path, &mut |line| self.push(line))
    }

    fn push(&mut self, key: &str) -> Result<(), &'static str> {
        if is_secret(key) {
            return Err("it is a secret key: name the public one, which `age-keygen -y FILE` prints");
        }
        if self.0.len() == MOST_RECIPIENTS {
            return Err("there are 500 recipients already");
        }
        self.0.push(key.parse().map_err(|_| "it is no public key of age")?);
        Ok(())
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Identities {
    /// Adds the secret keys in a file as `age-keygen` writes it: `AGE-SECRET-KEY-1…` in a line, and lines with `#`.
    ///
    /// # Errors
    /// [`BackupError::KeyUnusable`] when a line is no such key, or there is none; or when the file cannot be read.
    pub fn add_file(&mut self, path: &Path) -> Result<(), BackupError> {
        each_key(path, &mut |line| {
            self.0.push(line.parse().map_err(|_| "it is no secret key of age")?);
            Ok(())
        })
    }
}

fn is_secret(key: &str) -> bool {
    key.get(..SECRET.len()).is_some_and(|start| start.eq_ignore_ascii_case(SECRET))
}

/// Hands over every key of a file. What stands in it is never shown: it may be a secret in the wrong place.
fn each_key(path: &Path, take: &mut dyn FnMut(&str) -> Result<(), &'static str>) -> Result<(), BackupError> {
    let unusable = |place: String, why| BackupError::KeyUnusable { what: place, why };
    let name = format!("`{}`", path.display());
    let bytes = Zeroizing::new(files::stream::head(path, KEYS_LIMIT_BYTES)?);
    if BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning)) {
        return Err(unusable(name, "it is encrypted itself: decrypt it with `age -d` first"));
    }
    let text = str::from_utf8(&bytes).map_err(|_| unusable(name.clone(), "it is no text"))?;
    let mut found = false;
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        take(line).map_err(|why| unusable(format!("line {} of {name}", index + 1), why))?;
        found = true;
    }
    if found { Ok(()) } else { Err(unusable(name, "there is no key in it")) }
}

/// Where an archive goes: to disk, and for its recipients only when there are some.
pub(super) enum Sink {
    Plain(NewFile),
    Encrypted(Box<StreamWriter<NewFile>>),
}

impl Sink {
    pub(super) fn create(path: &Path, recipients: &Recipients) -> Result<Self, BackupError> {
        let file = NewFile::create(path)?;
        if recipients.0.is_empty() {
            return Ok(Self::Plain(file));
        }
        let failed = |source| FileError { action: "write the archive", path: path.to_owned(), source };
        let everybody = recipients.0.iter().map(|recipient| recipient as &dyn age::Recipient);
        let encryptor = Encryptor::with_recipients(everybody)
            .map_err(|error| failed(io::Error::other(error.to_string())))?;
        Ok(Self::Encrypted(Box::new(encryptor.wrap_output(file).map_err(failed)?)))
    }

    /// Writes the end, without which it cannot be read, and syncs.
    pub(super) fn finish(self, path: &Path) -> Result<u64, FileError> {
        match self {
            Self::Plain(file) => file.finish(),
            Self::Encrypted(writer) => writer
                .finish()
                .map_err(|source| FileError { action: "write the archive", path: path.to_owned(), source })?
                .finish(),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Encrypted(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Encrypted(writer) => writer.flush(),
        }
    }
}

/// An archive to read from, opened with one of the keys when its content is encrypted, whatever its name says; and
/// whether it is.
pub(super) fn open(from: &Path, identities: &Identities) -> Result<(Box<dyn Read>, bool), BackupError> {
    // Read once, from the beginning: what comes through a pipe cannot be read again.
    let (mut file, mut head) = (Reader::open(from)?, Vec::new());
    let _read = (&mut file).take(HEAD_BYTES).read_to_end(&mut head).map_err(|source| FileError {
        action: "read",
        path: from.to_owned(),
        source,
    })?;
    let is_encrypted = BEGINNINGS.iter().any(|beginning| head.starts_with(beginning));
    let file = io::Cursor::new(head).chain(file);
    if !is_encrypted {
        return Ok((Box::new(file), false));
    }
    let left = Rc::new(Cell::new(HEADER_LIMIT_BYTES));
    let file = Limited { file, left: Rc::clone(&left) };
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(file));
    let decryptor = decryptor.map_err(|error| unreadable(&error))?;
    left.set(u64::MAX);
    if decryptor.is_scrypt() {
        return Err(BackupError::ArchiveEncrypted("with a passphrase, not for a key"));
    }
    if identities.0.is_empty() {
        return Err(BackupError::ArchiveEncrypted("and no key was given"));
    }
    let keys = identities.0.iter().map(|identity| identity as &dyn age::Identity);
    let reader = decryptor.decrypt(keys).map_err(|error| match error {
        DecryptError::NoMatchingKeys => BackupError::ArchiveEncrypted("for other keys than those given"),
        error => unreadable(&error),
    })?;
    Ok((Box::new(reader), true))
}

/// What age says about its header, in words of ours: its own come in the language of the user.
fn unreadable(error: &DecryptError) -> BackupError {
    invalid(match error {
        DecryptError::Io(error) => with_causes(error),
        DecryptError::InvalidMac => "the header of its encryption was changed".to_owned(),
        DecryptError::UnknownFormat => "it is encrypted by a newer version of age".to_owned(),
        DecryptError::ExcessiveWork { .. } => "its passphrase takes too much work to try".to_owned(),
        _ => "the header of its encryption is damaged".to_owned(),
    })
}

/// Gives up after so many bytes, so that a header without an end does not fill memory.
struct Limited<R> {
    file: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        match self.left.get().checked_sub(read as u64) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::other("the header of its encryption is too large")),
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_age_writes_them_and_no_secret_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.txt");
        let identity = x25519::Identity::generate();
        let secret = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
        let public = identity.to_public().to_string();
        let refused = |result: Result<(), BackupError>, words: &str| {
            let text = result.unwrap_err().to_string();
            assert!(text.contains(words) && !text.contains(&secret[20..]), "{text}");
        };

        files::write_atomic(
            &path,
            format!("# created: now\r\n# public key: {public}\r\n\r\n{secret}\r\n").as_bytes(),
        )
        .unwrap();
        let mut identities = Identities::default();
        identities.add_file(&path).unwrap();
        assert_eq!(format!("{identities:?}"), "Identities(1)");
        let mut recipients = Recipients::default();
        recipients.add(&public).unwrap();
        refused(recipients.add(&secret), "it is a secret key");
        refused(recipients.add(&secret.to_lowercase()), "it is a secret key");
        refused(recipients.add("age1\u{1b}"), "`age1\\u{1b}`");
        refused(recipients.add("ssh-ed25519 AAAA"), "no public key of age");
        refused(recipients.add_file(&path), "line 4 of");
        files::write_atomic(&path, format!("{public}\n# and\n{public}\n").as_bytes()).unwrap();
        recipients.add_file(&path).unwrap();
        assert_eq!(recipients.0.len(), 3);
        refused(identities.add_file(&path), "line 1 of");
        files::write_atomic(&path, format!("{public}\n").repeat(MOST_RECIPIENTS).as_bytes()).unwrap();
        refused(recipients.add_file(&path), "500 recipients already");
        for (bytes, words) in [
            (&b""[..], "no key in it"),
            (b"# nothing\n", "no key in it"),
            (b"\xff\xfe", "no text"),
            (b"age-encryption.org/v1\n-> scrypt", "encrypted itself"),
        ] {
            files::write_atomic(&path, bytes).unwrap();
            refused(identities.add_file(&path), words);
            refused(recipients.add_file(&path), words);
        }
    }
}
