//! The local socket: for the user who runs the server, and nobody else.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use atocore_engine::files;
use atocore_model::error::{ErrorCode, with_causes};
use axum::serve::Listener;
use tokio::net::{UnixListener, UnixStream, unix};

use crate::operations::ApiError;

/// The longest path of a socket that every system takes, in bytes.
const PATH_LIMIT_BYTES: usize = 100;

/// The user who may always look: the administrator.
const ROOT: u32 = 0;

/// A socket that is listened on; its file goes when it is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    user: u32,
}

/// Where the socket of a store goes: beside its locks. When that path is too long, in a folder of its own in the system's
/// folder for sockets, else in the one for temporary files, under a name that nobody can know before.
///
/// # Errors
/// When every place has too long a path, or the system has no randomness.
pub(super) fn path(locks: &Path, runtime_dir: Option<&Path>) -> Result<PathBuf, ApiError> {
    let fits = |path: &PathBuf| path.as_os_str().len() <= PATH_LIMIT_BYTES;
    let beside = std::path::absolute(locks).unwrap_or_else(|_| locks.to_owned()).join(NAME);
    if fits(&beside) {
        return Ok(beside);
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| unusable(&beside, &io::Error::other(error)))?;
    let folder = format!("{FOLDER}{:016x}", u64::from_ne_bytes(random));
    let runtime_dir = runtime_dir.filter(|folder| files::open_to_others(folder).is_none());
    let places = [runtime_dir.map(Path::to_owned), Some(std::env::temp_dir()), Some(PathBuf::from("/tmp"))];
    let mut elsewhere = places.into_iter().flatten().map(|place| place.join(&folder).join(NAME));
    elsewhere.find(fits).ok_or_else(|| unusable(&beside, &io::Error::other("the path is too long")))
}

/// The name of a socket.
const NAME: &str = "server.sock";

/// What the name of a folder begins with that has nothing but a socket.
const FOLDER: &str = "atocore-";

/// The folder that was made for a socket alone.
fn own_folder(path: &Path) -> Option<&Path> {
    let folder = path.parent()?;
    folder.file_name()?.to_string_lossy().starts_with(FOLDER).then_some(folder)
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> ApiError {
    let message = format!("cannot listen on the socket `{}`: {}", path.display(), with_causes(error));
    ApiError::new(ErrorCode::AddressUnusable, message)
        .with_hint("the data directory must be writable and on a file system with sockets")
}

impl Socket {
    /// Listens on `path`, in place of a file that a server which is no more left there. Only the owner of the store
    /// may call it.
    pub(super) fn bind(path: PathBuf) -> Result<Self, ApiError> {
        if let Some(folder) = own_folder(&path) {
            // Nobody else can have made it, or put something into it.
            files::create_new_dir(folder).map_err(|error| unusable(&path, &error))?;
        }
        let bound = || {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            Ok(listener)
        };
        match bound() {
            Ok(listener) => Ok(Self { listener, path, user: files::user() }),
            Err(error) => Err(unusable(&path, &error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a peer runs as the user of this process. Between making the socket and closing it to others, somebody
    /// else may have got in.
    fn admits(&self, stream: &UnixStream) -> bool {
        stream.peer_cred().is_ok_and(|peer| peer.uid() == self.user || peer.uid() == ROOT)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // One that stays behind is replaced by the next server.
        drop(fs::remove_file(&self.path));
        if let Some(folder) = own_folder(&self.path) {
            drop(files::remove_empty_folder(folder));
        }
    }
}

impl Listener for Socket {
    type Io = UnixStream;
    type Addr = unix::SocketAddr;

    async fn accept(&mut self) -> (UnixStream, unix::SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            if self.admits(&stream) {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<unix::SocketAddr> {
        self.listener.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_too_long_gives_way_to_one_that_nobody_can_know_before() {
        let short = Path::new("/srv/data/locks");
        assert_eq!(path(short, None).unwrap(), short.join(NAME));
        let long = PathBuf::from(format!("/{}/locks", "x".repeat(120)));
        let (one, other) = (path(&long, None).unwrap(), path(&long, None).unwrap());
        assert!(one.as_os_str().len() <= PATH_LIMIT_BYTES && one != other, "{}", one.display());
        let private = tempfile::tempdir().unwrap();
        fs::set_permissions(private.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(path(&long, Some(private.path())).unwrap().starts_with(private.path()));
        fs::set_permissions(private.path(), Permissions::from_mode(0o755)).unwrap();
        assert!(!path(&long, Some(private.path())).unwrap().starts_with(private.path()), "open to others");
    }

    #[tokio::test]
    async fn a_folder_for_a_socket_alone_is_private_new_and_goes_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(format!("{FOLDER}1"));
        let socket = Socket::bind(folder.join(NAME)).unwrap();
        assert_eq!(files::open_to_others(&folder), None);
        drop(socket);
        assert!(!folder.exists());
        fs::create_dir(&folder).unwrap();
        assert!(Socket::bind(folder.join(NAME)).is_err(), "somebody else has made it");
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_nobody_else_gets_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let socket = Socket::bind(path.clone()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(socket);
        assert!(!path.exists());
    }
}
