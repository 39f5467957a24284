//! Damages documents at random and has the program read them: each costs itself at most, within its limits.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use atocore_engine::extract::{ExtractError, ExtractLimits, Extractor, Format};
use atocore_storage::files;

use super::{SoakFailure, Violation, in_rounds, random::Random};
use crate::documents;

/// How many mutants of which documents.
#[derive(Debug, Clone)]
pub struct MutantOptions<'a> {
    /// The `atocore` binary.
    pub program: PathBuf,
    /// How many of each document.
    pub mutants: u64,
    /// Determines what is damaged.
    pub seed: u64,
    /// An empty folder for everything; left as it is for whoever wants to look.
    pub scratch: &'a Path,
}

/// What became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MutantCounts {
    documents: u64,
    /// By format: what came of its mutants.
    formats: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    slowest: Duration,
}

impl MutantCounts {
    /// How many mutants were read or refused.
    #[must_use]
    pub fn mutants(&self) -> u64 {
        self.formats.values().flat_map(BTreeMap::values).sum()
    }
}

impl fmt::Display for MutantCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} mutants of {} documents, the slowest in {:.1?}",
            self.mutants(),
            self.documents,
            self.slowest
        )?;
        for (format, outcomes) in &self.formats {
            let outcomes: Vec<_> = outcomes.iter().map(|(what, count)| format!("{what} {count}")).collect();
            write!(f, "\n  {format}: {}", outcomes.join(", "))?;
        }
        Ok(())
    }
}

/// Reads every document, and as many mutants of it as were asked for.
///
/// # Errors
/// When a mutant took longer than its deadline, when the reader of another document suffered by it, or when nothing could
/// be tried.
pub fn run(options: &MutantOptions<'_>, report: &mut dyn FnMut(String)) -> Result<MutantCounts, SoakFailure> {
    in_rounds(options.seed, options.scratch, |at| {
        documents::write(options.scratch)?;
        let program = (options.program.clone(), vec!["__extract".to_owned()]);
        let extractor = Extractor::new(Some(program), ExtractLimits::DEFAULT);
        let mut random = Random::new(options.seed);
        let mut counts = MutantCounts::default();
        for path in files::list(options.scratch)? {
            let content = std::fs::read(&path)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let format = Format::of_file(&name, &content);
            if !format.has_reader() {
                continue;
            }
            counts.documents += 1;
            let whole = read(&extractor, format, &name, &content, &mut counts)?;
            for _ in 0..options.mutants {
                *at = (at.0 + 1, format.as_str());
                let mutant = mutant(&content, &mut random);
                files::write_atomic_unsynced(&options.scratch.join("mutant"), &mutant)?;
                let _any = read(&extractor, format, &name, &mutant, &mut counts)?;
            }
            if read(&extractor, format, &name, &content, &mut counts)? != whole {
                return Err(Violation::new(format!(
                    "`{name}` gives another text after its mutants were read"
                )));
            }
            report(format!("{name}: {} mutants", options.mutants));
        }
        Ok(counts)
    })
}

/// What is told of a document: its text, or why there is none.
fn read(
    extractor: &Extractor,
    format: Format,
    name: &str,
    content: &[u8],
    counts: &mut MutantCounts,
) -> Result<Result<String, ExtractError>, Violation> {
    let began = Instant::now();
    let Some(read) = extractor.extract(format, name, content, &|| false)? else {
        return Err(Violation::new("nobody cancelled it".to_owned()));
    };
    let took = began.elapsed();
    counts.slowest = counts.slowest.max(took);
    if took > ExtractLimits::DEFAULT.deadline + Duration::from_secs(10) {
        return Err(Violation::new(format!("it took {took:.1?}")));
    }
    let outcome = match &read {
        Ok(_) => "read",
        Err(ExtractError::Encrypted) => "encrypted",
        Err(ExtractError::NoText) => "no text",
        Err(ExtractError::Damaged(_)) => "damaged",
        Err(ExtractError::Limit(_)) => "over a limit",
        Err(ExtractError::Failed(_)) => "the reader failed",
    };
    *counts.formats.entry(format.as_str()).or_default().entry(outcome).or_default() += 1;
    Ok(read.map(|extracted| extracted.text))
}

/// A document that was cut off, has wrong bytes, zeros, something twice, or something left out.
fn mutant(content: &[u8], random: &mut Random) -> Vec<u8> {
    let mut mutant = content.to_vec();
    let at = random.below(mutant.len());
    let length = 1 + random.below((mutant.len() - at).min(512));
    let range = at..(at + length).min(mutant.len());
    match random.below(5) {
        0 => mutant.truncate(at),
        1 => {
            for _ in 0..=random.below(16) {
                let place = random.below(mutant.len());
                if let Some(byte) = mutant.get_mut(place) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
        2 => mutant.get_mut(range).unwrap_or_default().fill(0),
        3 => {
            let again = mutant.get(range).unwrap_or_default().to_vec();
            drop(mutant.splice(at..at, again));
        }
        _ => drop(mutant.drain(range)),
    }
    mutant
}
