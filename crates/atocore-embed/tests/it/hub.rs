//! The hub delivers the published model or nothing, whatever it answers; where it does not, another source is tried.

use std::{
    fs, io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use atocore_embed::{
    fetch::{FetchError, LocalCopy, ModelHub, ModelSource, fetch},
    model::ModelError,
};
use atocore_model::monitor::{Monitor, Progress, Silent};
use atocore_testkit::{
    chroma::Identity,
    hub::{FakeHub, HubReply},
};

use crate::{
    published::{FILES, bytes_of, fetch_from, fetch_watched, names, origin, published},
    scratch::put,
};

/// A hub on this machine, and the source that trusts it.
fn hub() -> (FakeHub, ModelHub) {
    let identity = Identity::of("127.0.0.1");
    let hub = FakeHub::start(published(), origin(), identity.clone());
    let source = ModelHub::at(&hub.url()).trusting(vec![identity.authority_der()]);
    (hub, source)
}

/// Fetches from a hub that does this to every file, and insists that nothing is left.
fn refused(source: &ModelHub) -> FetchError {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let error = fetch_from(source, dir.path()).expect_err("it is no whole model");
    assert_eq!(names(dir.path()), Vec::<String>::new());
    error
}

fn assert_not_delivered(error: &FetchError, part: &str) {
    assert!(matches!(error, FetchError::Hub { .. }), "{error:?}");
    assert!(error.to_string().contains(part), "{error}");
}

#[test]
fn every_file_comes_once_from_the_pinned_commit() {
    let (hub, source) = hub();
    let dir = tempfile::tempdir().expect("a scratch folder");
    let folder = fetch_from(&source, dir.path()).expect("it is fetched");
    assert_eq!(folder, dir.path().join("small"));
    for file in FILES {
        assert_eq!(fs::read(folder.join(file)).expect("the file"), bytes_of(file), "{file}");
    }
    fetch_from(&source, dir.path()).expect("it is there");
    assert_eq!(hub.seen(), FILES);
    assert_eq!(names(dir.path()), ["small"]);
}

#[test]
fn redirects_are_followed_to_this_host_and_to_others() {
    let identity = Identity::of("127.0.0.1");
    let storage = FakeHub::start(published(), origin(), identity.clone());
    let hub = FakeHub::start(published(), origin(), identity.clone());
    let elsewhere = format!("{}{}", storage.url(), FakeHub::ELSEWHERE);
    hub.rule(move |path| match path {
        path if path.ends_with("/model.safetensors") => {
            HubReply::Redirect(format!("{elsewhere}model.safetensors"))
        }
        path if path.ends_with("/resolve/0123456789abcdef0123456789abcdef01234567/config.json") => {
            HubReply::Redirect(format!("{}config.json", FakeHub::ELSEWHERE))
        }
        _ => HubReply::Whole,
    });
    let source = ModelHub::at(&format!("{}/", hub.url())).trusting(vec![identity.authority_der()]);
    let dir = tempfile::tempdir().expect("a scratch folder");
    fetch_from(&source, dir.path()).expect("it is fetched");
    assert_eq!(storage.seen(), ["/elsewhere/model.safetensors"]);
    assert_eq!(hub.seen().len(), FILES.len() + 1);
}

#[test]
fn a_redirect_without_https_is_not_followed_and_one_without_end_is_given_up() {
    let plain = TcpListener::bind("127.0.0.1:0").expect("a port");
    plain.set_nonblocking(true).expect("it does not wait");
    let address = plain.local_addr().expect("an address");
    let (hub, source) = hub();
    hub.rule(move |_| HubReply::Redirect(format!("http://{address}/?signature=s3cret")));
    let error = refused(&source);
    assert_not_delivered(&error, "redirects to an address without HTTPS");
    assert!(!error.to_string().contains("s3cret"), "{error}");
    assert_eq!(plain.accept().expect_err("nobody came").kind(), io::ErrorKind::WouldBlock);

    hub.rule(|path| HubReply::Redirect(path.to_owned()));
    assert_not_delivered(&refused(&source), "too many redirects");
}

#[test]
fn another_file_than_the_published_one_is_refused_by_its_address_and_not_asked_for_again() {
    for reply in [HubReply::Flipped, HubReply::Longer, HubReply::Shorter] {
        let (hub, source) = hub();
        let given = reply.clone();
        let changed = move |path: &str| {
            if path.ends_with("/tokenizer.json") { given.clone() } else { HubReply::Whole }
        };
        hub.rule(changed);
        let FetchError::Delivered(cause) = refused(&source) else { panic!("{reply:?}") };
        match (&reply, &cause) {
            (HubReply::Flipped, ModelError::WrongDigest { .. }) => {}
            (HubReply::Longer, ModelError::WrongLength { expected, found, .. }) => {
                assert_eq!(*found, expected + 1, "no more than that is read");
            }
            (HubReply::Shorter, ModelError::WrongLength { expected, found, .. }) => {
                assert_eq!(*found, expected / 2);
            }
            _ => panic!("{reply:?}: {cause:?}"),
        }
        let address =
            format!("{}/owner/Small/resolve/{}/tokenizer.json", hub.url(), published().hub.revision);
        assert!(cause.to_string().contains(&address), "{cause}");
        assert_eq!(hub.seen(), FILES[..2]);
    }
}

#[test]
fn a_hub_that_has_no_answer_is_asked_once() {
    for status in [403, 404, 429, 500, 503] {
        let (hub, source) = hub();
        hub.rule(move |_| HubReply::Status(status));
        assert_not_delivered(
            &refused(&source),
            &format!("did not deliver `model.safetensors`: HTTP {status}"),
        );
        assert_eq!(hub.seen().len(), 1);
    }
    let (hub, source) = hub();
    drop(hub);
    assert_not_delivered(&refused(&source), "refused");
}

#[test]
fn a_hub_with_a_certificate_that_nobody_vouches_for_is_told_nothing() {
    let strange = FakeHub::start(published(), origin(), Identity::of("127.0.0.1"));
    let error = refused(&ModelHub::at(&strange.url()));
    assert_not_delivered(&error, "certificate");
    let expired = Identity::expired("127.0.0.1");
    let old = FakeHub::start(published(), origin(), expired.clone());
    let error = refused(&ModelHub::at(&old.url()).trusting(vec![expired.authority_der()]));
    assert_not_delivered(&error, "certificate");
    assert_eq!([strange.seen(), old.seen()], [Vec::<String>::new(), Vec::new()]);
}

#[test]
fn what_is_no_address_of_https_is_not_asked() {
    for address in ["http://127.0.0.1:9", "https://me:s3cret@127.0.0.1:9", "nowhere"] {
        let error = refused(&ModelHub::at(address));
        assert!(matches!(error, FetchError::HubAddress), "{error:?}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[test]
fn a_transfer_that_broke_off_is_begun_again_and_no_other_one() {
    let (hub, source) = hub();
    let mut left = 2;
    hub.rule(move |path| {
        if path.ends_with("/tokenizer.json") && left > 0 {
            left -= 1;
            return HubReply::BreaksOff;
        }
        HubReply::Whole
    });
    let dir = tempfile::tempdir().expect("a scratch folder");
    fetch_from(&source, dir.path()).expect("it is fetched");
    let expected = [&FILES[..2], &FILES[1..2], &FILES[1..]].concat();
    assert_eq!(hub.seen(), expected);

    hub.rule(|_| HubReply::BreaksOff);
    assert_not_delivered(&refused(&source), "broke off 3 times");
}

#[test]
fn a_transfer_of_which_nothing_arrives_any_more_is_given_up() {
    let (hub, source) = hub();
    hub.rule(|_| HubReply::Stalls);
    let error = refused(&source.with_idle_limit(Duration::from_millis(200)));
    assert_not_delivered(&error, "nothing arrived for 200ms");
    assert_eq!(hub.seen(), ["model.safetensors"; 3]);
}

/// Cancels once the hub was asked for something.
struct CancelOnRequest<'a>(&'a FakeHub);

impl Monitor for CancelOnRequest<'_> {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        !self.0.seen().is_empty()
    }
}

#[test]
fn cancelled_while_nothing_arrives_it_ends_and_leaves_what_was_there() {
    for reply in [HubReply::Silence, HubReply::Stalls] {
        let (hub, source) = hub();
        hub.rule(move |_| reply.clone());
        let dir = tempfile::tempdir().expect("a scratch folder");
        put(dir.path(), "small/config.json", b"what was there");
        // The test would hang, was it this limit that ended the transfer.
        let source = source.with_idle_limit(Duration::from_secs(3600));
        let error = fetch_watched(&source, dir.path(), &CancelOnRequest(&hub)).expect_err("cancelled");
        assert!(matches!(error, FetchError::Cancelled), "{error:?}");
        assert_eq!(names(dir.path()), ["small"]);
        assert_eq!(fs::read(dir.path().join("small/config.json")).expect("the file"), b"what was there");
        assert_eq!(hub.seen(), ["model.safetensors"]);
    }
}

/// Tells the child process of the next test where to work; the hub's address and authority lie there.
const FOLDER: &str = "ATOCORE_EMBED_TEST_HUB";

#[test]
fn killed_in_the_middle_of_a_transfer_it_leaves_what_was_there() {
    #[expect(clippy::disallowed_methods, reason = "how a test tells its child process where to work")]
    if let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) {
        let read = |name: &str| fs::read(folder.join(name)).expect("the file");
        let url = String::from_utf8(read("url")).expect("text");
        let source = ModelHub::at(&url).trusting(vec![read("authority")]);
        panic!("it ended by itself: {:?}", fetch_from(&source, &folder.join("models")));
    }
    let dir = tempfile::tempdir().expect("a scratch folder");
    let models = dir.path().join("models");
    let identity = Identity::of("127.0.0.1");
    let hub = FakeHub::start(published(), origin(), identity.clone());
    hub.rule(|path| if path.ends_with("/tokenizer.json") { HubReply::Stalls } else { HubReply::Whole });
    put(dir.path(), "url", hub.url().as_bytes());
    put(dir.path(), "authority", &identity.authority_der());
    put(&models, "small/config.json", b"what was there");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "hub::killed_in_the_middle_of_a_transfer_it_leaves_what_was_there", "--nocapture"])
        .env(FOLDER, dir.path())
        .spawn()
        .expect("it starts");
    while !has_half_a_tokenizer(&models) {
        assert!(child.try_wait().expect("it is watched").is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("it is killed");
    child.wait().expect("it is dead");
    assert_eq!(fs::read(models.join("small/config.json")).expect("the file"), b"what was there");

    hub.rule(|_| HubReply::Whole);
    let source = ModelHub::at(&hub.url()).trusting(vec![identity.authority_der()]);
    fetch_from(&source, &models).expect("it is fetched");
    assert_eq!(names(&models), ["small"]);
}

fn has_half_a_tokenizer(models: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(models.join(".small.partial")) else { return false };
    let own = entries.next().and_then(Result::ok).map(|entry| entry.path());
    let file = own.and_then(|own| fs::metadata(own.join("model/tokenizer.json")).ok());
    file.is_some_and(|file| file.len() > 0)
}

#[test]
fn where_the_hub_fails_the_next_source_is_tried_and_the_reason_told() {
    for reply in [HubReply::Status(404), HubReply::Flipped] {
        let (hub, source) = hub();
        let given = reply.clone();
        hub.rule(move |_| given.clone());
        let dir = tempfile::tempdir().expect("a scratch folder");
        let copy = LocalCopy::new(origin());
        let mut told = Vec::new();
        let mut falls_back =
            |error: &FetchError, next: &dyn ModelSource| told.push((format!("{error:?}"), next.name()));
        fetch(published(), dir.path(), &[&source, &copy], &Silent, &mut falls_back).expect("it is fetched");
        assert_eq!(names(dir.path()), ["small"]);
        let [(reason, next)] = told.as_slice() else { panic!("{told:?}") };
        let expected = if reply == HubReply::Flipped { "WrongDigest" } else { "HTTP 404" };
        assert!(reason.contains(expected) && *next == copy.name(), "{reason}, {next}");
    }
}

#[test]
fn where_every_source_fails_each_reason_is_told_and_what_helps() {
    let (hub, source) = hub();
    hub.rule(|_| HubReply::Status(503));
    let dir = tempfile::tempdir().expect("a scratch folder");
    let nothing = LocalCopy::new(dir.path().join("missing"));
    let models = dir.path().join("models");
    let error = fetch(published(), &models, &[&source, &nothing], &Silent, &mut |_, _| {})
        .expect_err("nobody has it");
    assert!(matches!(error, FetchError::Nowhere { .. }), "{error:?}");
    for part in ["HTTP 503", "/missing` is missing"] {
        assert!(error.to_string().contains(part), "`{part}` is missing in {error}");
    }
    assert!(error.hint().contains("`atocore model fetch small --from FOLDER`"), "{}", error.hint());
    assert_eq!(names(&models), Vec::<String>::new());
}
