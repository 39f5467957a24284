//! How two context packs differ.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use atocore_model::{
    digest::Digest,
    document::LineSpan,
    id::Generation,
    pack::{Tier, Unit},
};

use super::{ContextPack, ContextPackItem};

/// How two context packs differ. Follows from the two alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PackDiff {
    /// Whether an agent sees the same text.
    pub same: bool,
    /// The first one.
    pub a: PackSide,
    /// The second one.
    pub b: PackSide,
    /// What was asked differently: `prompt`, `project`, `scope`, `budget`, `unit`.
    pub asked: Vec<String>,
    /// What only the first one has.
    pub removed: Vec<ContextPackItem>,
    /// What only the second one has.
    pub added: Vec<ContextPackItem>,
    /// What both have in different words, lines or places.
    pub changed: Vec<PackChange>,
    /// What each tier takes of them.
    pub tiers: Vec<TierChange>,
}

/// One of two packs that are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PackSide {
    /// BLAKE3 of its text.
    pub hash: Digest,
    /// The generation that it shows.
    pub generation: Generation,
    /// Its length in characters.
    pub chars: u64,
    /// How long it may be.
    pub budget: u64,
    /// What that is counted in.
    pub unit: Unit,
}

/// Something that two packs have, but not the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PackChange {
    /// The tier.
    pub tier: Tier,
    /// Its id in the second one.
    pub id: String,
    /// What it is, for a person.
    pub what: String,
    /// Whether the text is another one.
    pub text_changed: bool,
    /// Its lines in the first one; null for a fact.
    pub lines_a: Option<LineSpan>,
    /// Its lines in the second one; null for a fact.
    pub lines_b: Option<LineSpan>,
    /// Its place among the items of its tier in the first one, from 1.
    pub place_a: u64,
    /// Its place in the second one.
    pub place_b: u64,
}

/// What a tier takes of two packs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TierChange {
    /// The tier.
    pub tier: Tier,
    /// In characters, of the first one.
    pub chars_a: u64,
    /// In characters, of the second one.
    pub chars_b: u64,
    /// How many items of the first one.
    pub items_a: u64,
    /// How many items of the second one.
    pub items_b: u64,
}

impl PackDiff {
    /// Compares two packs.
    #[must_use]
    pub fn of(a: &ContextPack, b: &ContextPack) -> Self {
        let asked = [
            ("prompt", a.prompt != b.prompt),
            ("project", a.project != b.project),
            ("scope", a.scope != b.scope),
            ("budget", a.budget != b.budget),
            ("unit", a.unit != b.unit),
        ];
        let mut diff = Self {
            same: a.hash == b.hash,
            a: side(a),
            b: side(b),
            asked: asked
                .into_iter()
                .filter(|(_, differs)| *differs)
                .map(|(name, _)| name.to_owned())
                .collect(),
            removed: Vec::new(),
            added: Vec::new(),
            changed: Vec::new(),
            tiers: Tier::ALL.iter().map(|tier| tier_change(a, b, *tier)).collect(),
        };
        let mut met = vec![false; a.items.len()];
        for (at_b, new) in b.items.iter().enumerate() {
            let known = a.items.iter().enumerate().position(|(at, old)| !met[at] && is_same(old, new));
            let Some(at_a) = known else {
                diff.added.push(new.clone());
                continue;
            };
            met[at_a] = true;
            let change = change((a, at_a), (b, at_b));
            let moved = change.place_a != change.place_b;
            if change.text_changed || moved || change.lines_a != change.lines_b {
                diff.changed.push(change);
            }
        }
        let unmet = a.items.iter().zip(&met).filter(|(_, met)| !**met);
        diff.removed = unmet.map(|(old, _)| old.clone()).collect();
        diff
    }
}

/// Whether two items are of the same fact, or share a passage.
fn is_same(old: &ContextPackItem, new: &ContextPackItem) -> bool {
    let shares = match (&old.passage, &new.passage) {
        (Some(old), Some(new)) => old.chunk_ids.iter().any(|id| new.chunk_ids.contains(id)),
        _ => false,
    };
    old.tier == new.tier && (shares || old.id == new.id)
}

fn change((a, at_a): (&ContextPack, usize), (b, at_b): (&ContextPack, usize)) -> PackChange {
    let (old, new) = (&a.items[at_a], &b.items[at_b]);
    let place = |pack: &ContextPack, at: usize| {
        pack.items[..=at].iter().filter(|item| item.tier == new.tier).count() as u64
    };
    PackChange {
        tier: new.tier,
        id: new.id.clone(),
        what: name(new),
        text_changed: old.text != new.text,
        lines_a: old.passage.as_ref().map(|passage| passage.lines),
        lines_b: new.passage.as_ref().map(|passage| passage.lines),
        place_a: place(a, at_a),
        place_b: place(b, at_b),
    }
}

/// What an item is, for a person.
fn name(item: &ContextPackItem) -> String {
    match (&item.passage, &item.category, &item.key) {
        (Some(passage), ..) => passage.cited(),
        (_, Some(category), Some(key)) => format!("{category} / {key}"),
        _ => item.text.chars().take(60).collect(),
    }
}

fn side(pack: &ContextPack) -> PackSide {
    PackSide {
        hash: pack.hash,
        generation: pack.generation,
        chars: pack.total_chars,
        budget: pack.budget,
        unit: pack.unit,
    }
}

fn tier_change(a: &ContextPack, b: &ContextPack, tier: Tier) -> TierChange {
    let of = |pack: &ContextPack| {
        let used = pack.tiers.iter().find(|used| used.tier == tier);
        used.map_or((0, 0), |used| (used.chars as u64, used.items as u64))
    };
    let ((chars_a, items_a), (chars_b, items_b)) = (of(a), of(b));
    TierChange { tier, chars_a, chars_b, items_a, items_b }
}
