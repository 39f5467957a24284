//! What RTF consists of.

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RtfToken<'content> {
    /// A group begins.
    Open,
    /// A group ends.
    Close,
    /// A control word with its number.
    Control { word: &'content str, number: Option<i32> },
    /// What follows may be passed over by whoever does not know it.
    Ignorable,
    /// A byte of text.
    Byte(u8),
    /// A character that is written as a symbol.
    Character(char),
}

/// Reads tokens; what cannot be one is passed over.
#[derive(Debug)]
pub(super) struct RtfTokens<'content> {
    rest: &'content [u8],
}

impl<'content> RtfTokens<'content> {
    pub(super) fn of(content: &'content [u8]) -> Self {
        Self { rest: content }
    }

    fn take(&mut self, length: usize) -> &'content [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, is: impl Fn(&u8) -> bool) -> &'content [u8] {
        let length = self.rest.iter().position(|byte| !is(byte)).unwrap_or(self.rest.len());
        self.take(length)
    }

    /// What follows a backslash.
    fn control(&mut self) -> Option<RtfToken<'content>> {
        let word = self.take_while(u8::is_ascii_alphabetic);
        if word.is_empty() {
            return self.symbol();
        }
        let minus = self.rest.first() == Some(&b'-') && self.rest.get(1).is_some_and(u8::is_ascii_digit);
        let sign = if minus { self.take(1) } else { &[] };
        let digits = self.take_while(u8::is_ascii_digit);
        if self.rest.first() == Some(&b' ') {
            self.take(1);
        }
        let number = [sign, digits].concat();
        let number = String::from_utf8_lossy(&number).parse::<i32>().ok();
        let word = std::str::from_utf8(word).ok()?;
        if word == "bin" {
            self.take(number.and_then(|length| usize::try_from(length).ok()).unwrap_or(0));
            return None;
        }
        Some(RtfToken::Control { word, number })
    }

    fn symbol(&mut self) -> Option<RtfToken<'content>> {
        let symbol = *self.take(1).first()?;
        match symbol {
            b'\'' => {
                let digits = std::str::from_utf8(self.take(2)).ok()?;
                u8::from_str_radix(digits, 16).ok().map(RtfToken::Byte)
            }
            b'*' => Some(RtfToken::Ignorable),
            b'\r' | b'\n' => Some(RtfToken::Control { word: "par", number: None }),
            b'\t' => Some(RtfToken::Control { word: "tab", number: None }),
            b'~' => Some(RtfToken::Character('\u{a0}')),
            b'_' => Some(RtfToken::Character('\u{2011}')),
            b'{' | b'}' | b'\\' => Some(RtfToken::Byte(symbol)),
            // A hyphen that is only shown at the end of a line, and marks of index entries.
            _ => None,
        }
    }
}

impl<'content> Iterator for RtfTokens<'content> {
    type Item = RtfToken<'content>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let token = match *self.take(1).first()? {
                b'{' => Some(RtfToken::Open),
                b'}' => Some(RtfToken::Close),
                b'\\' => self.control(),
                b'\r' | b'\n' | 0 => None,
                byte => Some(RtfToken::Byte(byte)),
            };
            if token.is_some() {
                return token;
            }
        }
    }
}
