//! Patterns of paths, as people write them in filters and in ignore files. Libraries that turn them into automata recurse
//! and allocate by what stands in them, so their size is checked before.

use std::{fmt, str::FromStr};

/// A pattern that is small enough to be handed to a library. Whether it is a valid one only the library knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(String);

/// Why a pattern is not even tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternTooLarge {
    /// Too many bytes.
    #[error("it has {bytes} bytes, {limit} are allowed", limit = PathPattern::BYTES)]
    Bytes {
        /// How many there are.
        bytes: usize,
    },
    /// Too many braces within one another.
    #[error("its braces are nested more than {limit} deep", limit = PathPattern::DEPTH)]
    Nested,
    /// Too many alternatives between braces.
    #[error("it has more than {limit} alternatives", limit = PathPattern::ALTERNATIVES)]
    Alternatives,
    /// Too many wildcards.
    #[error("it has more than {limit} wildcards", limit = PathPattern::WILDCARDS)]
    Wildcards,
}

impl PathPattern {
    /// The longest pattern, in bytes.
    pub const BYTES: usize = 1000;
    /// How deep braces may be nested.
    pub const DEPTH: usize = 8;
    /// The most alternatives of all braces together.
    pub const ALTERNATIVES: usize = 100;
    /// The most `*`, `?` and classes together.
    pub const WILDCARDS: usize = 100;

    /// The pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PathPattern {
    type Err = PatternTooLarge;

    /// What is escaped counts like everything else: a library may see it otherwise.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > Self::BYTES {
            return Err(PatternTooLarge::Bytes { bytes: text.len() });
        }
        let (mut depth, mut alternatives, mut wildcards) = (0_usize, 0_usize, 0_usize);
        for byte in text.bytes() {
            match byte {
                b'{' => {
                    depth += 1;
                    alternatives += 1;
                }
                b'}' => depth = depth.saturating_sub(1),
                b',' => alternatives += 1,
                b'*' | b'?' | b'[' => wildcards += 1,
                _ => {}
            }
            if depth > Self::DEPTH {
                return Err(PatternTooLarge::Nested);
            }
        }
        if alternatives > Self::ALTERNATIVES {
            return Err(PatternTooLarge::Alternatives);
        }
        if wildcards > Self::WILDCARDS {
            return Err(PatternTooLarge::Wildcards);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<PatternTooLarge> {
        text.parse::<PathPattern>().err()
    }

    #[test]
    fn patterns_that_people_write_are_taken() {
        for text in ["", "docs/**/*.md", "*.[Oo][Bb][Jj]", "{a,b,{c,d}}.md", "!/build/", "a{b", "}}}}{"] {
            assert_eq!(text.parse::<PathPattern>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn patterns_that_a_library_would_choke_on_are_refused() {
        let nested = |depth: usize| "{".repeat(depth) + "a" + &"}".repeat(depth);
        assert_eq!(refused(&nested(PathPattern::DEPTH)), None);
        assert_eq!(refused(&nested(PathPattern::DEPTH + 1)), Some(PatternTooLarge::Nested));
        assert_eq!(refused(&"[".repeat(PathPattern::WILDCARDS)), None);
        assert_eq!(refused(&"*?".repeat(PathPattern::WILDCARDS)), Some(PatternTooLarge::Wildcards));
        assert_eq!(refused(&"[a-z]".repeat(101)), Some(PatternTooLarge::Wildcards));
        assert_eq!(refused(&format!("{{{}}}", "a,".repeat(100))), Some(PatternTooLarge::Alternatives));
        assert_eq!(refused(&"é".repeat(501)), Some(PatternTooLarge::Bytes { bytes: 1002 }));
    }
}
