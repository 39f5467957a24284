//! A model hub on this machine that speaks HTTPS and does to each file what it is told.

use std::{
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use atocore_engine::embed::model::KnownModel;

use crate::{
    chroma::Identity,
    loopback::{Loopback, lock, read_request},
};

/// What becomes of a request for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HubReply {
    /// The file comes.
    Whole,
    /// It comes with one bit changed.
    Flipped,
    /// It comes with more behind it.
    Longer,
    /// It comes without its end, as if that were all of it.
    Shorter,
    /// The connection ends after half of it.
    BreaksOff,
    /// Nothing comes after half of it, until the caller goes away.
    Stalls,
    /// Nothing comes at all, until the caller goes away.
    Silence,
    /// It is elsewhere.
    Redirect(String),
    /// There is none.
    Status(u16),
}

type Rule = Box<dyn FnMut(&str) -> HubReply + Send>;

/// A hub with one model. Dropping it closes its port.
#[derive(Debug)]
pub struct FakeHub {
    port: Loopback,
    shared: Arc<Shared>,
}

struct Shared {
    identity: Identity,
    /// What the path of every file begins with.
    prefix: String,
    folder: PathBuf,
    rule: Mutex<Rule>,
    seen: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl FakeHub {
    /// Where a file is besides its usual path, for redirects.
    pub const ELSEWHERE: &str = "/elsewhere/";

    /// Starts one that has the files of `model` as they are in `folder`.
    ///
    /// # Panics
    /// When this machine has no free port.
    #[must_use]
    pub fn start(model: &KnownModel, folder: PathBuf, identity: Identity) -> Self {
        let shared = Arc::new(Shared {
            identity,
            prefix: format!("/{}/resolve/{}/", model.hub.name, model.hub.revision),
            folder,
            rule: Mutex::new(Box::new(|_| HubReply::Whole)),
            seen: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        Self { port: Loopback::serve(move |stream| serving.serve(stream)), shared }
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.port.address)
    }

    /// From now on, what becomes of a request is said by `rule`, which gets its path.
    pub fn rule(&self, rule: impl FnMut(&str) -> HubReply + Send + 'static) {
        *lock(&self.shared.rule) = Box::new(rule);
    }

    /// The paths that were asked for so far, without what all files of the model have in common.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        lock(&self.shared.seen).clone()
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut stream = self.identity.accept(stream)?;
        let (head, _) = read_request(&mut stream)?;
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let file = path.strip_prefix(&self.prefix).or_else(|| path.strip_prefix(FakeHub::ELSEWHERE));
        lock(&self.seen).push(path.strip_prefix(&self.prefix).unwrap_or(&path).to_owned());
        let bytes = file.and_then(|file| fs::read(self.folder.join(file)).ok());
        let reply = (*lock(&self.rule))(&path);
        let status = |status: u16| format!("HTTP/1.1 {status} Told\r\nconnection: close\r\n");
        let (reply, mut bytes) = match (reply, bytes) {
            (HubReply::Status(code), _) => (HubReply::Status(code), Vec::new()),
            (HubReply::Redirect(to), _) => (HubReply::Redirect(to), Vec::new()),
            (reply, Some(bytes)) => (reply, bytes),
            (_, None) => (HubReply::Status(404), Vec::new()),
        };
        let half = bytes.len() / 2;
        match reply {
            HubReply::Status(code) => write!(stream, "{}content-length: 0\r\n\r\n", status(code))?,
            HubReply::Redirect(to) => {
                write!(stream, "{}location: {to}\r\ncontent-length: 0\r\n\r\n", status(302))?;
            }
            HubReply::Silence => return until_gone(stream),
            HubReply::BreaksOff | HubReply::Stalls => {
                write!(stream, "{}content-length: {}\r\n\r\n", status(200), bytes.len())?;
                stream.write_all(&bytes[..half])?;
                stream.flush()?;
                return if reply == HubReply::Stalls { until_gone(stream) } else { Ok(()) };
            }
            HubReply::Whole | HubReply::Flipped | HubReply::Longer | HubReply::Shorter => {
                match reply {
                    HubReply::Flipped => bytes[half] ^= 1,
                    HubReply::Longer => bytes.extend([b' '; 1000]),
                    HubReply::Shorter => bytes.truncate(half),
                    _ => {}
                }
                write!(stream, "{}content-length: {}\r\n\r\n", status(200), bytes.len())?;
                stream.write_all(&bytes)?;
            }
        }
        stream.conn.send_close_notify();
        stream.flush()
    }
}

/// Waits until the caller goes away.
fn until_gone(mut stream: impl Read) -> io::Result<()> {
    stream.read(&mut [0]).map(drop)
}
