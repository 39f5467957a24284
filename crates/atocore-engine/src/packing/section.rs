//! What one tier becomes in a pack: its items as they are rendered, and what did not fit.

use atocore_model::pack::{NearMiss, Origin, Pack, PackItem, PackNotice};

use super::Meter;
use crate::error::Error;

/// After so many things in a row that do not fit, the rest is not tried.
const MISS_LIMIT: usize = 64;

/// A tier as it stands in a pack.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// What stands before its items.
    pub(super) open: String,
    pub(super) items: Vec<RenderedItem>,
    /// What stands after them.
    pub(super) close: String,
    /// What nearly was among them.
    pub(super) nearly: Vec<NearMiss>,
    /// What did not fit.
    pub(super) left_out: usize,
    /// What says the same as something that was to choose from, and was not to choose from itself.
    pub(super) copies: usize,
    /// That there was nothing to choose from.
    pub(super) nothing: Option<PackNotice>,
}

/// An item as it is rendered.
#[derive(Debug)]
pub(super) struct RenderedItem {
    pub(super) item: PackItem,
    /// All that stands in the pack for it; a line end is its last character.
    pub(super) block: String,
}

impl Section {
    /// The section of a tier that has nothing to choose from: a line that says so, where there is room for it.
    pub(super) fn nothing(
        notice: PackNotice,
        line: String,
        limit: usize,
        meter: &dyn Meter,
    ) -> Result<Self, Error> {
        let open = if meter.size(&line)? <= limit { line } else { String::new() };
        Ok(Self { open, nothing: Some(notice), ..Self::default() })
    }

    pub(super) fn text(&self) -> String {
        let blocks: String = self.items.iter().map(|rendered| rendered.block.as_str()).collect();
        [self.open.as_str(), &blocks, &self.close].concat()
    }

    pub(super) fn size(&self, meter: &dyn Meter) -> Result<usize, Error> {
        let frame = meter.size(&self.open)? + meter.size(&self.close)?;
        Ok(frame + self.items.iter().map(|rendered| rendered.item.size).sum::<usize>())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.open.is_empty() && self.close.is_empty()
    }

    /// Takes the last item out again, and all that stands around the items with the last of them.
    pub(super) fn drop_last(&mut self) {
        self.left_out += match self.items.pop().map(|rendered| rendered.item.origin) {
            Some(Origin::Chunk(passage)) => passage.hits.len(),
            Some(_) => 1,
            None => 0,
        };
        if self.items.is_empty() {
            self.open.clear();
            self.close.clear();
        }
    }

    /// Notes something that did not fit.
    pub(super) fn leave_out(&mut self, nearly: NearMiss) {
        self.left_out += 1;
        if self.nearly.len() < Pack::NEAR_MISSES_PER_TIER {
            self.nearly.push(nearly);
        }
    }
}

/// Says when trying on is of no more use.
#[derive(Debug, Default)]
pub(super) struct MissLimit {
    missed: usize,
}

impl MissLimit {
    pub(super) fn fitted(&mut self) {
        self.missed = 0;
    }

    pub(super) fn missed(&mut self) {
        self.missed += 1;
    }

    pub(super) fn is_reached(&self) -> bool {
        self.missed >= MISS_LIMIT
    }
}
