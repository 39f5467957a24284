//! How long a text is, in the unit of a budget.

use std::{fmt::Debug, sync::Arc};

use crate::{embedding::Model, error::Error};

/// Counts text.
pub(crate) trait Meter: Debug {
    /// What the whole of a text takes. Nothing takes nothing.
    ///
    /// # Errors
    /// When the text cannot be counted.
    fn whole(&self, text: &str) -> Result<usize, Error>;

    /// What a piece adds to a text; the pieces of a text add up to about the whole.
    ///
    /// # Errors
    /// As [`Meter::whole`].
    fn size(&self, piece: &str) -> Result<usize, Error>;

    /// What every text takes beside its pieces.
    fn base(&self) -> usize;
}

/// Counts Unicode scalar values.
#[derive(Debug)]
pub(crate) struct Chars;

impl Meter for Chars {
    fn whole(&self, text: &str) -> Result<usize, Error> {
        Ok(text.chars().count())
    }

    fn size(&self, piece: &str) -> Result<usize, Error> {
        Ok(piece.chars().count())
    }

    fn base(&self) -> usize {
        0
    }
}

/// Counts tokens as the tokenizer of a model does.
#[derive(Debug)]
pub(crate) struct Tokens {
    model: Arc<Model>,
    /// The special tokens, which every text has.
    special: usize,
}

impl Tokens {
    /// # Errors
    /// When the tokenizer fails on nothing at all.
    pub(crate) fn of(model: Arc<Model>) -> Result<Self, Error> {
        let special = model.embedder.tokens("")?;
        Ok(Self { model, special })
    }
}

impl Meter for Tokens {
    fn whole(&self, text: &str) -> Result<usize, Error> {
        if text.is_empty() { Ok(0) } else { Ok(self.model.embedder.tokens(text)?) }
    }

    fn size(&self, piece: &str) -> Result<usize, Error> {
        Ok(self.model.embedder.tokens(piece)?.saturating_sub(self.special))
    }

    fn base(&self) -> usize {
        self.special
    }
}
