//! The ten calls of a Chroma server that we make (HTTP API v2), each with a time limit and a limit on its answer.
//!
//! Redirects are not followed and proxies are not used: what is told to one server is told to no other.

use std::{io, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use ureq::{
    Agent, Body,
    http::{Response, StatusCode},
    tls::{Certificate, RootCerts, TlsConfig},
    unversioned::transport::DefaultConnector,
};

use crate::{
    record::RemoteRecord,
    resolver::CachingResolver,
    server::ChromaServer,
    wire::{
        CollectionInfo, CollectionMetadata, CreateCollection, ErrorResponse, GetRecords, GetResponse,
        NearestRequest, QueryResponse, RankedRecord, RecordFilter, RecordIds, ServerLimits, UpdateCollection,
        UpsertRecords,
    },
};

/// More of an answer is not read.
const MOST_ANSWER_BYTES: u64 = 256 << 20;
/// How the TLS library says that a certificate is not to be trusted.
const BAD_CERTIFICATE: &str = "invalid peer certificate";
/// More of an error is not shown.
const MOST_SHOWN: usize = 200;

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallError {
    /// No answer: the connection is refused or lost.
    Lost(String),
    /// It has not the certificate that it should.
    Untrusted(String),
    /// An answer that says to come again.
    Passing(String),
    /// No answer within the time limit.
    Slow(Duration),
    /// What the call is about is not there.
    Missing(String),
    /// The server wants none of it.
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the server says.
        said: String,
    },
    /// An answer that no Chroma server gives.
    Nonsense(String),
    /// A collection of our name that is not ours.
    Foreign(String),
    /// Our collection has not got what was written.
    Lossy(String),
}

/// A connection, or some of them.
#[derive(Debug)]
pub(super) struct ChromaClient {
    agent: Agent,
    server: ChromaServer,
}

impl ChromaClient {
    pub(super) fn new(server: ChromaServer) -> Self {
        let roots = match &server.authorities {
            None => RootCerts::WebPki,
            Some(list) => {
                let owned = list.iter().map(|der| Certificate::from_der(der).to_owned()).collect::<Vec<_>>();
                RootCerts::new_with_certs(&owned)
            }
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), CachingResolver::default());
        Self { agent, server }
    }

    pub(super) const fn server(&self) -> &ChromaServer {
        &self.server
    }

    /// What the server can take; an error when it has no such tenant or database.
    pub(super) fn limits(&self) -> Result<ServerLimits, CallError> {
        let ChromaServer { tenant, database, .. } = &self.server;
        let (): () = self.get_nothing(&format!("tenants/{tenant}"))?;
        let (): () = self.get_nothing(&format!("tenants/{tenant}/databases/{database}"))?;
        let limits: ServerLimits = self.get("pre-flight-checks")?;
        if limits.max_batch_size == 0 {
            return Err(CallError::Nonsense("it says that it takes no records at all".to_owned()));
        }
        Ok(limits)
    }

    /// A collection by its name; `None` when there is none.
    pub(super) fn collection(&self, name: &str) -> Result<Option<CollectionInfo>, CallError> {
        match self.get(&self.at(name)) {
            Ok(collection) => Ok(Some(collection)),
            Err(CallError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn create(
        &self,
        name: &str,
        metadata: &CollectionMetadata,
    ) -> Result<CollectionInfo, CallError> {
        self.post(&self.at(""), &CreateCollection::new(name, metadata), self.server.timeout)
    }

    /// Writes down what a collection holds.
    pub(super) fn describe(&self, id: &str, metadata: &CollectionMetadata) -> Result<(), CallError> {
        self.put(id, &UpdateCollection { new_name: None, new_metadata: Some(metadata) })
    }

    pub(super) fn rename(&self, id: &str, name: &str) -> Result<(), CallError> {
        self.put(id, &UpdateCollection { new_name: Some(name), new_metadata: None })
    }

    /// Deletes a collection by its name.
    pub(super) fn remove(&self, name: &str) -> Result<(), CallError> {
        let request = self.agent.delete(self.url(&self.at(name)));
        let request = self.headed(request).config().timeout_global(Some(self.server.timeout)).build();
        self.answer(request.call(), self.server.timeout).map(drop)
    }

    pub(super) fn count(&self, id: &str) -> Result<u64, CallError> {
        self.get(&self.at(&format!("{id}/count")))
    }

    /// Writes records; one that is there with the same id is replaced.
    pub(super) fn upsert(
        &self,
        id: &str,
        records: &UpsertRecords<'_>,
        limit: Duration,
    ) -> Result<(), CallError> {
        self.post::<ErrorResponse>(&self.at(&format!("{id}/upsert")), records, limit).map(drop)
    }

    /// The ids of the records that a filter lets through, all or that many.
    pub(super) fn ids(
        &self,
        id: &str,
        filter: RecordFilter<'_>,
        most: Option<usize>,
        limit: Duration,
    ) -> Result<Vec<String>, CallError> {
        let request = GetRecords { filter, limit: most, ..GetRecords::default() };
        self.post::<GetResponse>(&self.at(&format!("{id}/get")), &request, limit).map(|got| got.ids)
    }

    /// The records that a filter lets through, with all that is known of them.
    pub(super) fn records(
        &self,
        id: &str,
        filter: RecordFilter<'_>,
        limit: Duration,
    ) -> Result<Vec<RemoteRecord>, CallError> {
        let request = GetRecords { filter, include: &["embeddings", "metadatas"], ..GetRecords::default() };
        let got: GetResponse = self.post(&self.at(&format!("{id}/get")), &request, limit)?;
        got.records().ok_or_else(|| CallError::Nonsense("records that do not fit together".to_owned()))
    }

    /// All that is known of some records, `most` of them after the first `offset`.
    pub(super) fn page(
        &self,
        id: &str,
        offset: u64,
        most: usize,
        limit: Duration,
    ) -> Result<Vec<RemoteRecord>, CallError> {
        let (limit_to, offset) = (Some(most), Some(offset));
        let include = &["embeddings", "metadatas"];
        let request = GetRecords { limit: limit_to, offset, include, ..GetRecords::default() };
        let got: GetResponse = self.post(&self.at(&format!("{id}/get")), &request, limit)?;
        got.records().ok_or_else(|| CallError::Nonsense("records that do not fit together".to_owned()))
    }

    /// The vectors of some records.
    pub(super) fn vectors(&self, id: &str, ids: &[String]) -> Result<Vec<(String, Vec<f32>)>, CallError> {
        let request = GetRecords { ids: Some(ids), include: &["embeddings"], ..GetRecords::default() };
        let got: GetResponse = self.post(&self.at(&format!("{id}/get")), &request, self.server.timeout)?;
        let vectors = got.vectors().filter(|vectors| vectors.len() == ids.len());
        vectors.ok_or_else(|| CallError::Lossy("records without their vectors".to_owned()))
    }

    pub(super) fn delete(&self, id: &str, ids: &[String], limit: Duration) -> Result<(), CallError> {
        self.post::<ErrorResponse>(&self.at(&format!("{id}/delete")), &RecordIds { ids }, limit).map(drop)
    }

    /// The records that are nearest to a vector, each with its cosine, best first.
    pub(super) fn nearest(
        &self,
        id: &str,
        vector: &[f32],
        filter: RecordFilter<'_>,
        most: usize,
    ) -> Result<Vec<RankedRecord>, CallError> {
        let request = NearestRequest::new(vector, filter, most);
        let found: QueryResponse =
            self.post(&self.at(&format!("{id}/query")), &request, self.server.timeout)?;
        found
            .ranked()
            .ok_or_else(|| CallError::Nonsense("ids and distances that do not fit together".to_owned()))
    }

    fn at(&self, collection: &str) -> String {
        let ChromaServer { tenant, database, .. } = &self.server;
        let slash = if collection.is_empty() { "" } else { "/" };
        format!("tenants/{tenant}/databases/{database}/collections{slash}{collection}")
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v2/{path}", self.server.url)
    }

    /// Both of the headers that Chroma servers and the proxies before them look for.
    fn headed<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.server.token {
            None => request,
            Some(token) => {
                request.header("x-chroma-token", token).header("authorization", format!("Bearer {token}"))
            }
        }
    }

    fn get_nothing(&self, path: &str) -> Result<(), CallError> {
        self.get::<serde::de::IgnoredAny>(path).map(|_| ())
    }

    fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, CallError> {
        let limit = self.server.timeout;
        let request = self.headed(self.agent.get(self.url(path)));
        let answer = self.answer(request.config().timeout_global(Some(limit)).build().call(), limit)?;
        understood(&answer)
    }

    fn post<A: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        limit: Duration,
    ) -> Result<A, CallError> {
        let request = self.headed(self.agent.post(self.url(path))).header("content-type", "application/json");
        let request = request.config().timeout_global(Some(limit)).build();
        understood(&self.answer(request.send(written(body)?), limit)?)
    }

    fn put(&self, id: &str, body: &UpdateCollection<'_>) -> Result<(), CallError> {
        let limit = self.server.timeout;
        let request = self.headed(self.agent.put(self.url(&self.at(id))));
        let request = request.header("content-type", "application/json");
        let request = request.config().timeout_global(Some(limit)).build();
        self.answer(request.send(written(body)?), limit).map(drop)
    }

    /// The body of a good answer, and the meaning of any other.
    fn answer(
        &self,
        answer: Result<Response<Body>, ureq::Error>,
        limit: Duration,
    ) -> Result<Vec<u8>, CallError> {
        let mut answer = answer.map_err(|error| not_answered(error, limit))?;
        let body = answer.body_mut().with_config().limit(MOST_ANSWER_BYTES).read_to_vec();
        let body = body.map_err(|error| not_answered(error, limit))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(body);
        }
        let said = said(&body);
        Err(match status {
            StatusCode::NOT_FOUND => CallError::Missing(said),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                CallError::Passing(format!("{status}: {said}"))
            }
            status if status.is_server_error() => CallError::Passing(format!("{status}: {said}")),
            status => CallError::Refused { status: status.as_u16(), said },
        })
    }
}

fn written(body: &impl Serialize) -> Result<Vec<u8>, CallError> {
    serde_json::to_vec(body).map_err(|error| CallError::Nonsense(error.to_string()))
}

fn understood<A: DeserializeOwned>(body: &[u8]) -> Result<A, CallError> {
    serde_json::from_slice(body).map_err(|error| CallError::Nonsense(format!("{error}: {}", said(body))))
}

fn not_answered(error: ureq::Error, limit: Duration) -> CallError {
    match error {
        ureq::Error::Timeout(_) => CallError::Slow(limit),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => CallError::Slow(limit),
        ureq::Error::Protocol(error) => CallError::Nonsense(error.to_string()),
        error => {
            let why = error.to_string();
            if why.contains(BAD_CERTIFICATE) { CallError::Untrusted(why) } else { CallError::Lost(why) }
        }
    }
}

/// What the server says about a failure, in one line.
fn said(body: &[u8]) -> String {
    let message = serde_json::from_slice::<ErrorResponse>(body).ok().and_then(|said| said.message);
    let text =
        message.unwrap_or_else(|| String::from_utf8_lossy(&body[..body.len().min(MOST_SHOWN)]).into_owned());
    let text: String = text.chars().take(MOST_SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().is_empty() { "without a word".to_owned() } else { text.trim().to_owned() }
}
