//! A client that does nothing but send the calls and read the answers, on one connection that stays open.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::failure::Failure;

/// Records that are written together, as AtoCore does.
pub(super) const BATCH: usize = 256;
/// As many vectors have the same document and project as in the vectors that AtoCore gets.
const PASSAGES: usize = 20;
const COLLECTIONS: &str = "/api/v2/tenants/default_tenant/databases/default_database/collections";

pub(super) struct Straight {
    stream: BufReader<TcpStream>,
    collection: String,
}

impl Straight {
    /// Connects, and finds or makes a collection with the settings that AtoCore's have.
    pub(super) fn connect(url: &str, name: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(url.trim_start_matches("http://")).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let mut straight = Self { stream: BufReader::new(stream), collection: String::new() };
        let hnsw = json!({"space": "cosine", "ef_search": 400, "ef_construction": 200});
        let wanted = json!({"name": name, "get_or_create": true, "configuration": {"hnsw": hnsw}});
        let collection = straight.send(COLLECTIONS, &wanted)?;
        straight.collection = collection["id"].as_str().unwrap_or_default().to_owned();
        Ok(straight)
    }

    /// Writes vectors with the numbers from `first`.
    pub(super) fn write(&mut self, first: usize, vectors: &[Vec<f32>]) -> Result<(), Failure> {
        let numbers = first..first + vectors.len();
        let ids: Vec<String> = numbers
            .clone()
            .map(|number| format!("{}-{number}-0123456789abcdef", number / PASSAGES))
            .collect();
        let labels: Vec<Value> = numbers
            .map(|number| json!({"project": format!("p{}", number / PASSAGES % 3), "document": number / PASSAGES}))
            .collect();
        let embeddings: Vec<String> = vectors.iter().map(|vector| base64(vector)).collect();
        let body = json!({"ids": ids, "embeddings": embeddings, "metadatas": labels});
        self.send(&format!("{COLLECTIONS}/{}/upsert", self.collection), &body).map(drop)
    }

    /// Asks for the nearest ones and returns how long that took.
    pub(super) fn ask(&mut self, vector: &[f32], most: usize) -> Result<Duration, Failure> {
        let started = Instant::now();
        let body = json!({"query_embeddings": [vector], "n_results": most, "include": ["distances"]});
        let found = self.send(&format!("{COLLECTIONS}/{}/query", self.collection), &body)?;
        let time = started.elapsed();
        match found["ids"][0].as_array() {
            Some(ids) if ids.len() == most => Ok(time),
            _ => Err(Failure::failed("the server does not find as many as were asked for")),
        }
    }

    fn send(&mut self, path: &str, body: &Value) -> Result<Value, Failure> {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let answer = self.exchange(head + &body).map_err(failed)?;
        serde_json::from_slice(&answer).map_err(|error| Failure::failed(error.to_string()))
    }

    fn exchange(&mut self, request: String) -> io::Result<Vec<u8>> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (mut line, mut length, mut is_good) = (String::new(), 0, None);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let _first = is_good.get_or_insert(line.starts_with("HTTP/1.1 2"));
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        if is_good == Some(true) {
            Ok(body)
        } else {
            Err(io::Error::other(String::from_utf8_lossy(&body).into_owned()))
        }
    }
}

fn failed(error: io::Error) -> Failure {
    Failure::failed(format!("the Chroma server: {error}"))
}

/// The little-endian bytes of a vector in base64; whole threes of bytes, which 384 components are.
fn base64(vector: &[f32]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector.iter().flat_map(|component| component.to_le_bytes()).collect();
    let (threes, _) = bytes.as_chunks::<3>();
    let digits =
        threes.iter().flat_map(|[a, b, c]| [a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
