//! The same questions as other people type them: in capitals, or with a slip in their longest word.

use atocore_engine::{Engine, RankWeights};

use super::{MODES, collection::Collection, quality_typed};
use crate::{failure::Failure, terminal};

/// A way to type a question: its name, and what becomes of the text of a question by its number.
type Variant = (&'static str, fn(usize, &str) -> String);

const VARIANTS: [Variant; 3] = [
    ("as it is", |_, text| text.to_owned()),
    ("in capitals", |_, text| text.to_uppercase()),
    ("with a slip", with_a_slip),
];

/// Prints a line for every variant.
pub(super) fn print(name: &str, engine: &Engine, collection: &Collection) -> Result<(), Failure> {
    for (variant, typed) in VARIANTS {
        let mut cells = vec![format!("{name:<16} {variant:<12}")];
        for mode in MODES {
            let quality = quality_typed(engine, collection, mode, &RankWeights::default(), typed)?;
            cells.push(format!("{mode} {:.4}", quality.ndcg_at_10));
        }
        terminal::line(&cells.join("  "));
    }
    Ok(())
}

/// In the middle of the longest word a letter is missing, doubled, another one, or exchanged with the next.
fn with_a_slip(number: usize, text: &str) -> String {
    let Some(longest) = text.split_whitespace().rev().max_by_key(|word| word.chars().count()) else {
        return text.to_owned();
    };
    let mut letters: Vec<char> = longest.chars().collect();
    let middle = letters.len() / 2;
    match number % 4 {
        _ if letters.len() < 4 => {}
        0 => drop(letters.remove(middle)),
        1 => letters.insert(middle, letters[middle]),
        2 => letters[middle] = if letters[middle] == 'x' { 'y' } else { 'x' },
        _ => letters.swap(middle, middle - 1),
    }
    text.replacen(longest, &letters.into_iter().collect::<String>(), 1)
}

#[cfg(test)]
mod tests {
    use super::with_a_slip;

    #[test]
    fn a_slip_changes_one_place_of_the_longest_word() {
        let slips = [0, 1, 2, 3].map(|number| with_a_slip(number, "how are pumps started"));
        let expected = ["stated", "starrted", "staxted", "strated"];
        assert_eq!(slips, expected.map(|word| format!("how are pumps {word}")));
        assert_eq!(with_a_slip(0, "a b"), "a b");
    }
}
