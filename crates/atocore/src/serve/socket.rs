//! The local socket: for the user who runs the server, and nobody else.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use atocore_model::error::ErrorCode;
use axum::serve::Listener;
use tokio::net::{UnixListener, UnixStream, unix};

use crate::verb::VerbError;

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

/// Where the socket of a store goes: beside its locks, or in the folder for temporary files when that path is too long.
pub(super) fn path(locks: &Path) -> PathBuf {
    let beside = std::path::absolute(locks).unwrap_or_else(|_| locks.to_owned()).join("server.sock");
    if beside.as_os_str().len() <= PATH_LIMIT_BYTES {
        return beside;
    }
    std::env::temp_dir().join(format!("atocore-{}.sock", std::process::id()))
}

impl Socket {
    /// Listens on `path`, in place of a file that a server which is no more left there. Only the owner of the store
    /// may call it.
    pub(super) fn bind(path: PathBuf) -> Result<Self, VerbError> {
        let bound = || {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            Ok((listener, fs::metadata(&path)?.uid()))
        };
        match bound() {
            Ok((listener, user)) => Ok(Self { listener, path, user }),
            Err(error) => {
                let message = format!("cannot listen on the socket `{}`: {error}", path.display());
                Err(VerbError::new(ErrorCode::AddressUnusable, message)
                    .with_hint("the data directory must be writable and on a file system with sockets"))
            }
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
    fn a_path_that_is_too_long_gives_way_to_a_short_one() {
        assert_eq!(path(Path::new("/srv/data/locks")), Path::new("/srv/data/locks/server.sock"));
        let long = PathBuf::from(format!("/{}/locks", "x".repeat(120)));
        assert!(path(&long).as_os_str().len() <= PATH_LIMIT_BYTES);
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
