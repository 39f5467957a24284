//! The JSON of a Chroma server: what we send, and what we read of its answers.

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};

use crate::record::{RemoteRecord, base64};

/// The keys that every record carries, for filters.
const PROJECT: &str = "project";
const DOCUMENT: &str = "document";
/// How many neighbours a search looks at, at least: twice as many as a question usually asks for, because the last of
/// as many as are looked at are often not the right ones.
const EF_SEARCH: usize = 400;
/// And as many when a record is added.
const EF_CONSTRUCTION: usize = 200;

/// What a server can take.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct ServerLimits {
    pub(super) max_batch_size: usize,
    #[serde(default)]
    pub(super) supports_base64_encoding: bool,
}

/// What stands at a collection. Without our mark it is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct CollectionMetadata {
    /// The version of this format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) atocore: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dimensions: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) generation: Option<i64>,
    /// As text: it has all 64 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vectors: Option<i64>,
    /// Whether its records are being changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct CollectionInfo {
    pub(super) id: String,
    /// How many components its vectors have; nothing before there is one.
    #[serde(default)]
    pub(super) dimension: Option<usize>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) metadata: CollectionMetadata,
}

/// Metadata of other shapes is that of somebody else.
fn lenient<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<CollectionMetadata, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// A collection to be made.
#[derive(Debug, Serialize)]
pub(super) struct CreateCollection<'a> {
    name: &'a str,
    metadata: &'a CollectionMetadata,
    configuration: Configuration,
}

#[derive(Debug, Serialize)]
struct Configuration {
    hnsw: Hnsw,
}

#[derive(Debug, Serialize)]
struct Hnsw {
    space: &'static str,
    ef_search: usize,
    ef_construction: usize,
}

impl<'a> CreateCollection<'a> {
    pub(super) const fn new(name: &'a str, metadata: &'a CollectionMetadata) -> Self {
        let hnsw = Hnsw { space: "cosine", ef_search: EF_SEARCH, ef_construction: EF_CONSTRUCTION };
        Self { name, metadata, configuration: Configuration { hnsw } }
    }
}

/// What is to be changed at a collection.
#[derive(Debug, Serialize)]
pub(super) struct UpdateCollection<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) new_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) new_metadata: Option<&'a CollectionMetadata>,
}

/// Records to be written; the lists are of one length.
#[derive(Debug, Default, Serialize)]
pub(super) struct UpsertRecords<'a> {
    pub(super) ids: Vec<&'a str>,
    pub(super) embeddings: Vec<WireEmbedding<'a>>,
    pub(super) metadatas: Vec<RecordMetadata<'a>>,
}

/// A vector as the server takes it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum WireEmbedding<'a> {
    Base64(String),
    Numbers(&'a [f32]),
}

impl<'a> WireEmbedding<'a> {
    pub(super) fn new(vector: &'a [f32], limits: ServerLimits) -> Self {
        if limits.supports_base64_encoding { Self::Base64(base64(vector)) } else { Self::Numbers(vector) }
    }
}

/// What filters look at.
#[derive(Debug, Serialize)]
pub(super) struct RecordMetadata<'a> {
    pub(super) project: &'a str,
    pub(super) document: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct RecordIds<'a> {
    pub(super) ids: &'a [String],
}

/// Records to be told of: those with these ids, or those that a filter lets through.
#[derive(Debug, Default, Serialize)]
pub(super) struct GetRecords<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ids: Option<&'a [String]>,
    #[serde(rename = "where", skip_serializing_if = "RecordFilter::is_everything")]
    pub(super) filter: RecordFilter<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<usize>,
    /// How many to leave out before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<u64>,
    /// What to tell beside the ids.
    pub(super) include: &'a [&'a str],
}

#[derive(Debug, Deserialize)]
pub(super) struct GetResponse {
    pub(super) ids: Vec<String>,
    #[serde(default)]
    embeddings: Option<Vec<Option<Vec<f32>>>>,
    #[serde(default)]
    metadatas: Option<Vec<Option<serde_json::Value>>>,
}

impl GetResponse {
    /// Everything, when the parts fit together.
    pub(super) fn records(self) -> Option<Vec<RemoteRecord>> {
        let (embeddings, metadatas) = (self.embeddings?, self.metadatas?);
        if embeddings.len() != self.ids.len() || metadatas.len() != self.ids.len() {
            return None;
        }
        let all = self.ids.into_iter().zip(embeddings).zip(metadatas);
        let remote = all.map(|((id, vector), labels)| {
            let labels = labels.unwrap_or_default();
            let project = labels[PROJECT].as_str().map(ToOwned::to_owned);
            RemoteRecord { id, vector, project, document: labels[DOCUMENT].as_u64() }
        });
        Some(remote.collect())
    }

    /// Ids and vectors, when they fit together.
    pub(super) fn vectors(self) -> Option<Vec<(String, Vec<f32>)>> {
        let embeddings = self.embeddings?;
        if embeddings.len() != self.ids.len() {
            return None;
        }
        self.ids.into_iter().zip(embeddings).map(|(id, vector)| Some((id, vector?))).collect()
    }
}

/// Which records may be found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RecordFilter<'a> {
    pub(super) project: Option<&'a str>,
    pub(super) documents: Option<&'a [u64]>,
}

impl RecordFilter<'_> {
    const fn is_everything(&self) -> bool {
        self.project.is_none() && self.documents.is_none()
    }
}

impl Serialize for RecordFilter<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde_json::json;
        let mut clauses = Vec::new();
        clauses.extend(self.project.map(|project| json!({ PROJECT: project })));
        clauses.extend(self.documents.map(|documents| json!({ DOCUMENT: { "$in": documents } })));
        match clauses.as_slice() {
            [one] => one.serialize(serializer),
            several => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("$and", several)?;
                map.end()
            }
        }
    }
}

/// A question.
#[derive(Debug, Serialize)]
pub(super) struct NearestRequest<'a> {
    query_embeddings: [&'a [f32]; 1],
    n_results: usize,
    #[serde(rename = "where", skip_serializing_if = "RecordFilter::is_everything")]
    filter: RecordFilter<'a>,
    include: [&'static str; 1],
}

impl<'a> NearestRequest<'a> {
    pub(super) const fn new(vector: &'a [f32], filter: RecordFilter<'a>, most: usize) -> Self {
        Self { query_embeddings: [vector], n_results: most, filter, include: ["distances"] }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct QueryResponse {
    ids: Vec<Vec<String>>,
    distances: Option<Vec<Vec<Option<f32>>>>,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RankedRecord {
    pub(super) id: String,
    pub(super) cosine: f32,
}

impl QueryResponse {
    /// What was found, when the parts of the answer fit together. A distance that is no number is that of a vector
    /// without direction.
    pub(super) fn ranked(self) -> Option<Vec<RankedRecord>> {
        let [ids] = <[_; 1]>::try_from(self.ids).ok()?;
        let [distances] = <[_; 1]>::try_from(self.distances?).ok()?;
        if ids.len() != distances.len() {
            return None;
        }
        let cosine = |distance: Option<f32>| distance.map_or(0.0, |distance| 1.0 - distance).clamp(-1.0, 1.0);
        let both = ids.into_iter().zip(distances);
        Some(both.map(|(id, distance)| RankedRecord { id, cosine: cosine(distance) }).collect())
    }
}

/// An answer of which only a message of failure is of interest.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorResponse {
    pub(super) message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_written_as_the_server_reads_them() {
        let json = |filter: RecordFilter<'_>| serde_json::to_string(&filter).unwrap();
        let (project, documents) = (Some("a\"b"), Some(&[3_u64, 4][..]));
        assert_eq!(json(RecordFilter { project, documents: None }), r#"{"project":"a\"b"}"#);
        assert_eq!(json(RecordFilter { project: None, documents }), r#"{"document":{"$in":[3,4]}}"#);
        assert_eq!(
            json(RecordFilter { project, documents }),
            r#"{"$and":[{"project":"a\"b"},{"document":{"$in":[3,4]}}]}"#
        );
        let request =
            serde_json::to_string(&NearestRequest::new(&[0.5], RecordFilter::default(), 3)).unwrap();
        assert_eq!(request, r#"{"query_embeddings":[[0.5]],"n_results":3,"include":["distances"]}"#);
    }

    #[test]
    fn answers_that_do_not_fit_together_are_no_answers() {
        let ranked = |text: &str| serde_json::from_str::<QueryResponse>(text).unwrap().ranked();
        let good = ranked(r#"{"ids":[["a","b"]],"distances":[[0.25,null]]}"#).unwrap();
        assert_eq!(good.iter().map(|found| found.cosine).collect::<Vec<_>>(), [0.75, 0.0]);
        for bad in [
            r#"{"ids":[],"distances":[]}"#,
            r#"{"ids":[["a"]]}"#,
            r#"{"ids":[["a"]],"distances":[[]]}"#,
            r#"{"ids":[["a"],["b"]],"distances":[[0.1],[0.1]]}"#,
        ] {
            assert_eq!(ranked(bad), None, "{bad}");
        }
    }

    #[test]
    fn metadata_of_others_is_not_ours() {
        let of = |text: &str| serde_json::from_str::<CollectionInfo>(text).unwrap().metadata;
        assert_eq!(of(r#"{"id":"x","metadata":null}"#), CollectionMetadata::default());
        assert_eq!(of(r#"{"id":"x"}"#), CollectionMetadata::default());
        assert_eq!(of(r#"{"id":"x","metadata":{"atocore":"one","open":7}}"#), CollectionMetadata::default());
        assert_eq!(of(r#"{"id":"x","metadata":{"atocore":1,"more":2}}"#).atocore, Some(1));
    }
}
