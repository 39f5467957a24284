//! `index verify` and `index rebuild`: whether passages are found by the vectors that the store has.

use clap::Subcommand;

use super::{console::Console, exit::Exit, typeset::count};
use crate::operations::{ApiError, IndexComparison, RebuildIndex, VerifyIndex};

#[derive(Debug, Subcommand)]
pub(super) enum Index {
    Verify(VerifyIndex),
    Rebuild(RebuildIndex),
}

impl Index {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        match self {
            Self::Verify(verify) => console.judge(
                verify,
                |found, output| output.advise(sentence(found)),
                |found| if found.same { Exit::Done } else { Exit::Problems },
            ),
            Self::Rebuild(rebuild) => console.run(rebuild, |built, output| {
                output.line(format!("the index was built anew: {}", count(built.vectors, "vector")));
            }),
        }
    }
}

fn sentence(found: &IndexComparison) -> String {
    let vectors = count(found.vectors, "vector");
    if found.same {
        return format!("the index has the {vectors} of the store and nothing else");
    }
    let IndexComparison { missing, wrong, extra, .. } = found;
    format!(
        "of the {vectors} of the store the index lacks {missing} and has {wrong} otherwise, and it has {extra} besides; \
         `atocore index rebuild` mends it"
    )
}
