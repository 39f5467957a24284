//! A server behind TLS, with certificates of authorities that nobody else knows.

use atocore_model::monitor::Silent;
use atocore_storage::vector::{IndexAccess, VectorError, VectorIndex};
use atocore_testkit::chroma::{FakeServer, Identity, Server};

use super::{assert_same, at, index, notebook};
use ureq::tls::{PemItem, parse_pem};

use crate::ChromaServer;

fn authorities(identity: &Identity) -> Option<Vec<Vec<u8>>> {
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => certificate.der().to_vec(),
        _ => panic!("no certificate"),
    };
    Some(parse_pem(identity.authority().as_bytes()).map(certificate).collect())
}

#[test]
fn a_server_that_proves_itself_is_used_over_tls_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for host in ["127.0.0.1", "localhost"] {
        let identity = Identity::of(host);
        let between = FakeServer::with_tls(&server.url(), identity.clone());
        let place = ChromaServer {
            url: format!("https://{host}:{}", between.port()),
            token: Some("s3cret".to_owned()),
            authorities: authorities(&identity),
            ..at("")
        };
        let index = index(place, IndexAccess::Write);
        let mut notebook = notebook(20);
        index.catch_up(&notebook, &Silent).unwrap();
        assert_same(&index, &notebook);
        notebook.write(3, &[vec![0.5; 8]]);
        index.catch_up(&notebook, &Silent).unwrap();
        assert_same(&index, &notebook);
        assert!(between.seen().len() > 5);
    }
}

#[test]
fn a_server_with_an_untrusted_certificate_receives_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (good, other) = (Identity::of("127.0.0.1"), Identity::of("127.0.0.1"));
    let (elsewhere, expired) = (Identity::of("chroma.example.org"), Identity::expired("127.0.0.1"));
    for (shown, trusted, says) in [
        (&good, authorities(&other), "UnknownIssuer"),
        (&good, None, "UnknownIssuer"),
        (&elsewhere, authorities(&elsewhere), "not valid for name"),
        (&expired, authorities(&expired), "expired"),
    ] {
        let between = FakeServer::with_tls(&server.url(), shown.clone());
        let token = Some("s3cret".to_owned());
        let place = ChromaServer { url: between.url(), token, authorities: trusted, ..at("") };
        let error = index(place, IndexAccess::Write).catch_up(&notebook(1), &Silent).unwrap_err();
        let VectorError::Unavailable(outage) = &error else { panic!("{error:?}") };
        assert!(outage.why.contains("cannot be verified"), "{}", outage.why);
        assert!(outage.why.contains(says) && outage.why.contains(&between.url()), "{says}: {}", outage.why);
        assert!(outage.hint.contains("ATOCORE_CHROMA_CA_FILE"), "{}", outage.hint);
        assert_eq!(between.seen(), [""; 0], "no request, and so no token, is sent");
    }
    // And one that speaks no TLS at all.
    let place = ChromaServer { url: server.url().replace("http:", "https:"), ..at("") };
    let error = index(place, IndexAccess::Write).catch_up(&notebook(1), &Silent).unwrap_err();
    assert!(matches!(error, VectorError::Unavailable(_)), "{error:?}");
}
