//! Where a Chroma server is, and which collection of it is ours.

use std::{fmt, time::Duration};

/// A Chroma server, and which collection of it is ours.
#[derive(Clone, PartialEq, Eq)]
pub struct ChromaServer {
    /// `http://` or `https://`, name and port, without a path at the end.
    pub url: String,
    /// The tenant: letters, digits, `.`, `_` and `-`, as in the next two.
    pub tenant: String,
    /// The database.
    pub database: String,
    /// The collection; it is made when it is missing.
    pub collection: String,
    /// What the server, or a proxy before it, wants to be shown.
    pub token: Option<String>,
    /// The authorities to trust instead of those that everybody trusts: certificates in DER.
    pub authorities: Option<Vec<Vec<u8>>>,
    /// How long a question may take, from connecting to the last byte.
    pub timeout: Duration,
}

/// Hides the token.
impl fmt::Debug for ChromaServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChromaServer")
            .field("url", &self.url)
            .field("tenant", &self.tenant)
            .field("database", &self.database)
            .field("collection", &self.collection)
            .finish_non_exhaustive()
    }
}
