//! The model hub as a source: every file by HTTPS, from the pinned commit.

use std::{
    fmt,
    path::Path,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use atocore_model::monitor::Monitor;
use ureq::{
    Agent, Timeout,
    http::{StatusCode, Uri},
    tls::{Certificate, RootCerts, TlsConfig},
};

use super::{
    DOWNLOADING, FetchError, ModelSource,
    delivery::{Delivery, Interruption},
};
use crate::model::{KnownModel, PinnedFile};

/// How long finding and reaching a server may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long nothing may arrive.
const IDLE: Duration = Duration::from_secs(20);
/// How often a file is asked for whose transfer broke off.
const ATTEMPTS: u32 = 3;
/// The hub redirects once, to where the bytes are.
const MOST_REDIRECTS: u32 = 5;
/// How often a transfer looks whether the caller has cancelled, even when nothing arrives.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// More of a reason is not told.
const MOST_TOLD: usize = 200;

/// Downloads from a hub of models, which is told nothing but which files are wanted.
///
/// The proxy of the environment is used (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`); redirects are followed to HTTPS only.
#[derive(Clone)]
pub struct ModelHub {
    address: String,
    authorities: Option<Vec<Vec<u8>>>,
    idle: Duration,
}

impl Default for ModelHub {
    fn default() -> Self {
        Self::at(Self::USUAL)
    }
}

/// Hides an address that may hold a password.
impl fmt::Debug for ModelHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelHub").field("address", &self.shown()).finish_non_exhaustive()
    }
}

impl ModelHub {
    /// The hub that everybody uses.
    pub const USUAL: &str = "https://huggingface.co";

    /// A mirror of the hub. One whose address is none, see [`ModelHub::is_address`], delivers nothing.
    #[must_use]
    pub fn at(address: &str) -> Self {
        Self { address: address.trim_end_matches('/').to_owned(), authorities: None, idle: IDLE }
    }

    /// Trusts these authorities, certificates in DER, instead of those that everybody trusts.
    #[must_use]
    pub fn trusting(self, authorities: Vec<Vec<u8>>) -> Self {
        Self { authorities: Some(authorities), ..self }
    }

    /// Gives up on a transfer of which nothing arrives for so long.
    #[must_use]
    pub fn with_idle_limit(self, idle: Duration) -> Self {
        Self { idle, ..self }
    }

    /// Whether something can be downloaded from there: `https://`, a host, and maybe a port and a path.
    #[must_use]
    pub fn is_address(text: &str) -> bool {
        let Ok(uri) = text.parse::<Uri>() else { return false };
        let Some(authority) = uri.authority() else { return false };
        let has_good_port = match authority.as_str().rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => port.parse::<u16>().is_ok_and(|port| port > 0),
            _ => true,
        };
        text.starts_with("https://")
            && !authority.host().is_empty()
            && has_good_port
            && !text.contains(['@', '?', '#'])
    }

    /// The address, unless it may hold what is not to be shown.
    fn shown(&self) -> &str {
        if Self::is_address(&self.address) { &self.address } else { "an address that cannot be used" }
    }

    fn agent(&self) -> Agent {
        let roots = match &self.authorities {
            None => RootCerts::WebPki,
            Some(list) => {
                let owned = list.iter().map(|der| Certificate::from_der(der).to_owned()).collect::<Vec<_>>();
                RootCerts::new_with_certs(&owned)
            }
        };
        Agent::config_builder()
            .https_only(true)
            .max_redirects(MOST_REDIRECTS)
            .http_status_as_error(false)
            .user_agent(concat!("atocore/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(CONNECT_WITHIN))
            .timeout_connect(Some(CONNECT_WITHIN))
            .timeout_recv_response(Some(self.idle))
            .timeout_per_read(Some(self.idle))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build()
            .into()
    }

    /// Downloads one file, anew when its transfer broke off.
    fn download(
        &self,
        agent: &Agent,
        model: &KnownModel,
        file: &PinnedFile,
        delivery: &mut Delivery<'_>,
    ) -> Result<(), FetchError> {
        let (repository, revision) = (model.hub.name, model.hub.revision);
        let url = format!("{}/{repository}/resolve/{revision}/{}", self.address, file.path);
        let failed = |reason: String| FetchError::Hub {
            hub: self.address.clone(),
            file: file.path,
            reason: one_line(&reason),
        };
        let mut attempt = 1;
        loop {
            let answer = agent.get(&url).call().map_err(|error| failed(self.reason(&error)))?;
            if answer.status() != StatusCode::OK {
                return Err(failed(format!("HTTP {}", answer.status())));
            }
            match delivery.take(file, answer.into_body().into_reader(), Path::new(&url)) {
                Ok(()) => return Ok(()),
                Err(Interruption::Final(error)) => return Err(error),
                Err(Interruption::Source(error)) if attempt == ATTEMPTS => {
                    let reason = self.reason(&ureq::Error::from(error));
                    return Err(failed(format!(
                        "the transfer broke off {ATTEMPTS} times, at last: {reason}"
                    )));
                }
                Err(Interruption::Source(_)) => attempt += 1,
            }
        }
    }

    /// Half a sentence: what went wrong.
    fn reason(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(Timeout::PerRead | Timeout::RecvResponse) => {
                format!("nothing arrived for {:?}", self.idle)
            }
            ureq::Error::Timeout(_) => format!("no connection within {CONNECT_WITHIN:?}"),
            ureq::Error::HostNotFound => "its name cannot be resolved".to_owned(),
            // The library repeats the whole address, which is signed.
            ureq::Error::RequireHttpsOnly(_) => "it redirects to an address without HTTPS".to_owned(),
            ureq::Error::Io(error) => error.to_string(),
            other => other.to_string(),
        }
    }
}

impl ModelSource for ModelHub {
    fn name(&self) -> String {
        format!("the model hub at {}", self.shown())
    }

    fn download_bytes(&self, model: &KnownModel) -> u64 {
        model.length_bytes()
    }

    fn deliver(
        &self,
        model: &'static KnownModel,
        into: &Path,
        _: &Path,
        monitor: &dyn Monitor,
    ) -> Result<(), FetchError> {
        if !Self::is_address(&self.address) {
            return Err(FetchError::HubAddress);
        }
        let agent = self.agent();
        let mut delivery = Delivery::new(model, into, DOWNLOADING, monitor);
        let mut download_all =
            || model.files.iter().try_for_each(|file| self.download(&agent, model, file, &mut delivery));
        unless_cancelled(&agent, monitor, &mut download_all)
    }
}

/// Does some work, whose transfers end when the caller cancels: also one of which nothing arrives.
fn unless_cancelled(
    agent: &Agent,
    monitor: &dyn Monitor,
    work: &mut dyn FnMut() -> Result<(), FetchError>,
) -> Result<(), FetchError> {
    let (done, is_done) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            while is_done.recv_timeout(LOOK_AGAIN) == Err(RecvTimeoutError::Timeout) {
                if monitor.cancelled() {
                    return agent.clone().shutdown();
                }
            }
        });
        // Moved in, so that the watcher ends also after a panic.
        let _done = done;
        let ended = work();
        if ended.is_err() && monitor.cancelled() { Err(FetchError::Cancelled) } else { ended }
    })
}

/// What another side said, as part of a sentence.
fn one_line(text: &str) -> String {
    text.chars().take(MOST_TOLD).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_https_and_holds_no_secret() {
        for good in [
            "https://huggingface.co",
            "https://mirror.example.org/",
            "https://127.0.0.1:8443",
            "https://[::1]:8443",
            "https://[::1]",
            "https://artifacts.example.org/api/hub/models",
        ] {
            assert!(ModelHub::is_address(good), "{good}");
        }
        for bad in [
            "",
            "huggingface.co",
            "http://huggingface.co",
            "https://",
            "https://:443",
            "https://x:0",
            "https://x:99999",
            "https://me:secret@x",
            "https://x/?token=secret",
            "https://x#y",
            "https://x y",
            "https://x\r\ny",
        ] {
            assert!(!ModelHub::is_address(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_with_a_password_is_never_shown() {
        let hub = ModelHub::at("https://me:s3cret@mirror.example.org");
        assert!(!format!("{hub:?} {}", hub.name()).contains("s3cret"));
    }
}
