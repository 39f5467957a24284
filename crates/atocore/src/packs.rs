//! The context packs that a server has made last: to see what an agent was given, and to compare.
//!
//! They live as long as the server. Nothing of them is written anywhere.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use atocore_model::error::ErrorCode;

use crate::operations::{ApiError, ContextPack};

/// How many are remembered.
pub(crate) const KEPT: usize = 64;
/// And how much text of theirs.
const KEPT_BYTES: usize = 64 << 20;
/// A shorter beginning of a hash names nothing.
const SHORTEST_HASH: usize = 6;

/// The packs of a server; clones are the same ones.
#[derive(Debug, Clone, Default)]
pub struct Packs(Arc<Mutex<VecDeque<Arc<ContextPack>>>>);

impl Packs {
    /// Remembers a pack as the last one.
    pub fn keep(&self, pack: &ContextPack) {
        let mut packs = self.packs();
        packs.retain(|known| known.hash != pack.hash);
        packs.push_back(Arc::new(pack.clone()));
        let mut bytes: usize = packs.iter().map(|pack| weight(pack)).sum();
        while packs.len() > KEPT || (bytes > KEPT_BYTES && packs.len() > 1) {
            bytes -= packs.pop_front().map_or(0, |oldest| weight(&oldest));
        }
    }

    /// The last pack, or the last whose hash begins so.
    ///
    /// # Errors
    /// `invalid_request` for what is no hash; `pack_unknown` when there is none.
    pub fn show(&self, hash: Option<&str>) -> Result<ContextPack, ApiError> {
        let found = match hash {
            None => self.packs().back().cloned(),
            Some(hash) if !is_hash(hash) => {
                let message = format!("`hash` must be {SHORTEST_HASH} to 64 hexadecimal digits");
                let error = ApiError::new(ErrorCode::InvalidRequest, message);
                return Err(error.with_hint("give the `hash` of a pack, or leave it out for the last one"));
            }
            Some(hash) => {
                let hash = hash.to_ascii_lowercase();
                self.packs().iter().rev().find(|pack| pack.hash.to_string().starts_with(&hash)).cloned()
            }
        };
        found.map(|pack| ContextPack::clone(&pack)).ok_or_else(|| {
            let message = match hash {
                None => "this server has not made a context pack yet".to_owned(),
                Some(hash) => format!("this server remembers no context pack with the hash `{hash}`"),
            };
            let hint = format!("the last {KEPT} are remembered, for as long as the server runs");
            ApiError::new(ErrorCode::PackUnknown, message).with_hint(hint)
        })
    }

    /// What a panic left behind is whole packs.
    fn packs(&self) -> MutexGuard<'_, VecDeque<Arc<ContextPack>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a text can be the beginning of a hash.
pub(crate) fn is_hash(text: &str) -> bool {
    (SHORTEST_HASH..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What a pack takes in memory, about.
fn weight(pack: &ContextPack) -> usize {
    let items = pack.items.iter().map(|item| item.text.len());
    let chunks = pack.chunks.iter().map(|chunk| chunk.content.len());
    pack.formatted_context.len()
        + pack.full_prompt.len()
        + pack.prompt.len()
        + items.chain(chunks).sum::<usize>()
}
