//! A context pack: what an agent is given for a prompt, from the facts and the documents, in order of trust and within
//! a budget.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    digest::Digest,
    document::{LineSpan, Location, conditions::DocumentConditions},
    fact::{InvalidText, Memory, StateEntry},
    fit::Fit,
    id::{Generation, ProjectId},
    json::words,
    name::QueryText,
    query::{Hit, Notice, PassageConditions, ProjectHint, TopK},
    ranking::Mode,
};

/// What an agent was asked: not blank, at most [`PromptText::LIMIT`] characters, without NUL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptText(String);

impl PromptText {
    /// The longest prompt, in characters.
    pub const LIMIT: usize = 100_000;

    /// The prompt as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PromptText {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let what = "the prompt";
        let length = text.chars().count();
        if length > Self::LIMIT {
            return Err(InvalidText::TooLong { what, length, limit: Self::LIMIT });
        }
        if let Some(index) = text.chars().position(|c| c == '\0') {
            return Err(InvalidText::Control { what, character: 0, position: index + 1 });
        }
        // A prompt of nothing but control characters asks nothing either.
        if text.chars().all(|c| c.is_whitespace() || c.is_control()) {
            return Err(InvalidText::Empty { what });
        }
        Ok(Self(text.to_owned()))
    }
}

words! {
    /// What a budget is counted in.
    Unit, "a unit", {
        /// Characters: Unicode scalar values.
        Chars = "chars",
        /// Tokens, as the tokenizer of the embedding model cuts the whole text, special ones included.
        Tokens = "tokens",
    }
}

/// How long a pack may be: 1 to [`Budget::LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    amount: usize,
    unit: Unit,
}

/// A budget of no possible size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the budget is {0}, it must be between 1 and {limit}", limit = Budget::LIMIT)]
pub struct InvalidBudget(pub u64);

impl Budget {
    /// The largest budget, in either unit.
    pub const LIMIT: usize = 1_000_000;
    /// What a caller gets who does not say.
    pub const DEFAULT: Self = Self { amount: 3_000, unit: Unit::Chars };

    /// Checks the number.
    ///
    /// # Errors
    /// When it is 0 or above the limit.
    pub fn new(amount: u64, unit: Unit) -> Result<Self, InvalidBudget> {
        match usize::try_from(amount) {
            Ok(amount @ 1..=Self::LIMIT) => Ok(Self { amount, unit }),
            _ => Err(InvalidBudget(amount)),
        }
    }

    /// How much.
    #[must_use]
    pub const fn amount(self) -> usize {
        self.amount
    }

    /// Of what.
    #[must_use]
    pub const fn unit(self) -> Unit {
        self.unit
    }
}

words! {
    /// Where the parts of a pack come from, the most trusted first.
    Tier, "a tier", {
        /// Project state.
        State = "state",
        /// Memories.
        Memories = "memories",
        /// Passages of documents.
        Chunks = "chunks",
    }
}

/// The tiers that a pack is to have: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiers {
    wanted: [bool; 3],
}

/// A pack of nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no tier is named, at least one of state, memories, chunks is needed")]
pub struct NoTiers;

impl Tiers {
    /// Every tier.
    pub const ALL: Self = Self { wanted: [true; 3] };

    /// These tiers, in any order.
    ///
    /// # Errors
    /// When there are none.
    pub fn of(tiers: &[Tier]) -> Result<Self, NoTiers> {
        let wanted = [Tier::State, Tier::Memories, Tier::Chunks].map(|tier| tiers.contains(&tier));
        if wanted.contains(&true) { Ok(Self { wanted }) } else { Err(NoTiers) }
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn has(self, tier: Tier) -> bool {
        self.wanted[tier as usize]
    }

    /// The one that comes last.
    #[must_use]
    pub fn last(self) -> Tier {
        Tier::ALL.into_iter().rfind(|tier| self.has(*tier)).unwrap_or(Tier::Chunks)
    }
}

/// What a pack is wanted for, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackRequest {
    /// What the agent was asked.
    pub prompt: PromptText,
    /// Other wordings to search passages with, as a question has them.
    pub alternatives: Vec<QueryText>,
    /// A text as the answer would be, as a question has it.
    pub hypothetical: Option<QueryText>,
    /// The project it is about. Under a scope no passage of another project is taken.
    pub project: ProjectHint,
    /// How long the pack may be.
    pub budget: Budget,
    /// What it is made of.
    pub tiers: Tiers,
    /// How many passages are looked at, at most; follows from the budget when it is `None`.
    pub top_k: Option<TopK>,
    /// Only documents that are so.
    pub conditions: DocumentConditions,
    /// Only documents whose path below their root matches this glob, or lies below this folder.
    pub path: Option<String>,
    /// Only passages that say this, and not that.
    pub passages: PassageConditions,
    /// How passages are found; the setting decides when this is `None`.
    pub mode: Option<Mode>,
    /// Passages that fit the prompt less are left out. When this is `None` the setting decides, and where nothing fits well
    /// only the nearest are taken.
    pub min_fit: Option<Fit>,
    /// Whether what the passages have links to is taken as well: one step.
    pub follow_links: bool,
    /// Answer only once this generation can be seen.
    pub wait_for: Option<Generation>,
}

impl PackRequest {
    /// A request with everything else at its default.
    #[must_use]
    pub const fn new(prompt: PromptText) -> Self {
        Self {
            prompt,
            alternatives: Vec::new(),
            hypothetical: None,
            project: ProjectHint::None,
            budget: Budget::DEFAULT,
            tiers: Tiers::ALL,
            top_k: None,
            conditions: DocumentConditions::NONE,
            path: None,
            passages: PassageConditions::NONE,
            mode: None,
            min_fit: None,
            follow_links: false,
            wait_for: None,
        }
    }
}

/// A pack. The same request at the same generation gives the same pack, to the byte.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    /// The text that an agent is given. Never longer than the budget.
    pub text: String,
    /// BLAKE3 of the text.
    pub hash: Digest,
    /// The word in the pack's own tags, which no text in it has.
    pub mark: String,
    /// The project it is about, by its id.
    pub project: Option<ProjectId>,
    /// How long it may be.
    pub budget: Budget,
    /// How long it is, in the unit of the budget.
    pub used: usize,
    /// What is in it, in the order of the text.
    pub items: Vec<PackItem>,
    /// What each wanted tier took, the most trusted first.
    pub tiers: Vec<TierUse>,
    /// What nearly was in it, best first; at most [`Pack::NEAR_MISSES_PER_TIER`] of each tier.
    pub near_misses: Vec<NearMiss>,
    /// What a person should know about it.
    pub notices: Vec<PackNotice>,
    /// The generation that it shows.
    pub generation: Generation,
    /// The generation of the store; later than `generation` while the index catches up.
    pub store_generation: Generation,
    /// How passages were found; `None` when none were wanted.
    pub mode: Option<Mode>,
}

impl Pack {
    /// How much of a tier is listed of what nearly was in a pack.
    pub const NEAR_MISSES_PER_TIER: usize = 10;
}

/// One thing in a pack.
#[derive(Debug, Clone, PartialEq)]
pub struct PackItem {
    /// Where it comes from.
    pub origin: Origin,
    /// Its text as it stands in the pack, without what the pack sets around it.
    pub text: String,
    /// What it takes of the budget, with what the pack sets around it.
    pub size: usize,
    /// Whether the end was cut off, because nothing at all would have fitted otherwise.
    pub cut: bool,
    /// What an agent should be careful about.
    pub flags: Vec<Flag>,
}

/// Where something in a pack comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// Project state.
    State(StateEntry),
    /// A memory.
    Memory(Memory),
    /// A document.
    Chunk(PackedChunk),
}

impl Origin {
    /// Its tier.
    #[must_use]
    pub const fn tier(&self) -> Tier {
        match self {
            Self::State(_) => Tier::State,
            Self::Memory(_) => Tier::Memories,
            Self::Chunk(_) => Tier::Chunks,
        }
    }
}

/// Passages of one document that stand one after another, as one. Every line of its text stands in the cited lines, in
/// this order.
#[derive(Debug, Clone, PartialEq)]
pub struct PackedChunk {
    /// The passages in the order of the document; at least one.
    pub hits: Vec<Hit>,
    /// The lines that hold the text.
    pub lines: LineSpan,
    /// Where the text is found in the file; `None` when these are lines of the file.
    pub location: Option<Location>,
    /// The score of the best of them.
    pub score: f64,
}

words! {
    /// What an agent should be careful about in a text that was found.
    Flag, "a flag", {
        /// It seems to give instructions to whoever reads it.
        Instructions = "instructions",
        /// It has marks of the kind that chat models are spoken to with.
        RoleMarks = "role_marks",
        /// It has something that looks like the pack's own tags, with another mark.
        PackMarks = "pack_marks",
        /// It has characters that cannot be seen, or that turn the direction of writing.
        HiddenCharacters = "hidden_characters",
    }
}

/// What a tier took of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TierUse {
    /// Which one.
    pub tier: Tier,
    /// The most it could have taken, in the unit of the budget.
    pub limit: usize,
    /// What it took, in the unit of the budget, with what the pack sets around it.
    pub used: usize,
    /// The same in characters.
    pub chars: usize,
    /// How many items.
    pub items: usize,
    /// How many more there were: that did not fit, or say the same as one that was chosen from.
    pub left_out: usize,
}

/// Something that did not fit into a pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NearMiss {
    /// Its tier.
    pub tier: Tier,
    /// Its id.
    pub id: String,
    /// What it is, for a person: file and lines, category and key, the beginning of a memory.
    pub what: String,
    /// The score of a passage; null for a fact.
    pub score: Option<f64>,
    /// What it would have taken, in the unit of the budget.
    pub needs: usize,
    /// What was left when its turn came.
    pub left: usize,
}

/// Something about a pack that its items do not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackNotice {
    /// No project was named, so there is no project state.
    NoProject,
    /// The project has no state.
    NoState(ProjectId),
    /// There are no memories that apply.
    NoMemories,
    /// No passage was found.
    NoChunks,
    /// No passage fits the prompt nearly, so none was taken.
    NoFittingChunks,
    /// Passages were left out that fit the prompt too little, so that the pack is not filled up.
    LittleFit {
        /// How many.
        count: usize,
    },
    /// Some of a tier did not fit.
    LeftOut {
        /// Which tier.
        tier: Tier,
        /// How many of its things.
        count: usize,
    },
    /// Some say the same as another one of their tier, which goes before them.
    NearDuplicates {
        /// Which tier.
        tier: Tier,
        /// How many.
        count: usize,
    },
    /// The budget is too small for any pack.
    BudgetTooSmall,
    /// Only the beginning of the prompt was searched with.
    PromptCut {
        /// How many characters.
        searched: usize,
    },
    /// What there is to say about the search for passages.
    Search(Notice),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_asks_something_and_has_no_nul() {
        for bad in ["", " \n\t", "\u{1b}\u{7}", "a\0b", &"x".repeat(PromptText::LIMIT + 1)] {
            assert!(bad.parse::<PromptText>().is_err(), "{bad:.10}");
        }
        assert_eq!("\u{1b}[31mwhy?\r\n".parse::<PromptText>().unwrap().as_str(), "\u{1b}[31mwhy?\r\n");
        let error = "ab\0".parse::<PromptText>().unwrap_err().to_string();
        assert_eq!(error, "the prompt has the control character U+0000 as its character 3");
    }

    #[test]
    fn a_budget_has_a_range() {
        for bad in [0, 1_000_001, u64::MAX] {
            let error = Budget::new(bad, Unit::Chars).unwrap_err().to_string();
            assert!(error.contains("between 1 and 1000000"), "{error}");
        }
        assert_eq!(Budget::new(3_000, Unit::Chars), Ok(Budget::DEFAULT));
        assert_eq!(Budget::new(1_000_000, Unit::Tokens).unwrap().amount(), Budget::LIMIT);
    }

    #[test]
    fn tiers_are_known_words_and_at_least_one() {
        assert_eq!(Tiers::of(&[]), Err(NoTiers));
        let tiers = Tiers::of(&[Tier::Memories, Tier::State, Tier::State]).unwrap();
        assert_eq!(Tier::ALL.iter().map(|tier| tiers.has(*tier)).collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(tiers.last(), Tier::Memories);
        assert_eq!(Tiers::of(&Tier::ALL), Ok(Tiers::ALL));
        let error = "facts".parse::<Tier>().unwrap_err().to_string();
        assert_eq!(error, "`facts` is not a tier: one of state, memories, chunks");
    }
}
