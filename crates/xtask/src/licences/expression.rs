//! Licence expressions: `MIT OR (Apache-2.0 AND BSD-3-Clause)`, and the older `MIT/Apache-2.0`.

/// Whether the terms can be met using only licences that `allowed` accepts. A licence with an exception is asked for
/// as one: `Apache-2.0 WITH LLVM-exception`.
///
/// # Errors
/// The text is not an expression; the reason is a phrase for a person.
pub(super) fn satisfiable(text: &str, allowed: impl Fn(&str) -> bool) -> Result<bool, String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut parser = Parser { words: spaced.split_whitespace().collect(), next: 0, allowed: &allowed };
    let result = parser.alternatives()?;
    match parser.peek() {
        None => Ok(result),
        Some(word) => Err(format!("`{word}` was not expected")),
    }
}

struct Parser<'a> {
    words: Vec<&'a str>,
    next: usize,
    allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Parser<'a> {
    /// Terms joined by `OR`, which binds least.
    fn alternatives(&mut self) -> Result<bool, String> {
        let mut result = self.all_of()?;
        while self.take("OR") {
            // Both sides are always read: an error on the right must be seen.
            let right = self.all_of()?;
            result = result || right;
        }
        Ok(result)
    }

    fn all_of(&mut self) -> Result<bool, String> {
        let mut result = self.term()?;
        while self.take("AND") {
            let right = self.term()?;
            result = result && right;
        }
        Ok(result)
    }

    fn term(&mut self) -> Result<bool, String> {
        if self.take("(") {
            let result = self.alternatives()?;
            return if self.take(")") { Ok(result) } else { Err("a parenthesis is not closed".to_owned()) };
        }
        let licence = self.name()?;
        if self.take("WITH") {
            let exception = self.name()?;
            return Ok((self.allowed)(&format!("{licence} WITH {exception}")));
        }
        Ok((self.allowed)(licence))
    }

    fn name(&mut self) -> Result<&'a str, String> {
        let word = self.peek().ok_or("it ends too early")?;
        let is_name = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.+:".contains(&b));
        if !is_name || ["AND", "OR", "WITH"].contains(&word) {
            return Err(format!("`{word}` stands where a licence should"));
        }
        self.next += 1;
        Ok(word)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        self.next += usize::from(found);
        found
    }

    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mit_and_llvm(text: &str) -> Result<bool, String> {
        satisfiable(text, |licence| ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"].contains(&licence))
    }

    #[test]
    fn alternatives_need_one_and_conjunctions_all() {
        for (text, expected) in [
            ("MIT", true),
            ("GPL-2.0", false),
            ("GPL-2.0 OR MIT", true),
            ("GPL-2.0 AND MIT", false),
            ("MIT AND Zlib", true),
            ("MIT/GPL-2.0", true),
            ("GPL-2.0 / LGPL-2.1 / MIT", true),
            ("MIT OR GPL-2.0 AND GPL-3.0", true),
            ("(MIT OR GPL-2.0) AND GPL-3.0", false),
            ("(GPL-2.0 OR MIT) AND (Zlib OR GPL-3.0)", true),
            ("Apache-2.0", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0 WITH LLVM-exception AND GPL-2.0", false),
            ("MIT WITH LLVM-exception", false),
        ] {
            assert_eq!(with_mit_and_llvm(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_expression_is_an_error_and_never_a_yes() {
        for text in
            ["", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT MIT", "MIT WITH", "MIT OR AND", "()", "MIT, Zlib"]
        {
            assert!(with_mit_and_llvm(text).is_err(), "{text}");
        }
    }
}
