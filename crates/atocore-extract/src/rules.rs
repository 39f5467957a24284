//! What an installation makes of files with certain endings, in the place of what [`Format`] says.

use std::collections::BTreeMap;

use crate::format::{Ending, Format};

/// The command that makes text of a file.
pub type ConvertCommand = Vec<String>;

/// What is made of files with an ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndingRule {
    /// They are plain text.
    Text,
    /// They are left out.
    Excluded,
    /// A command makes Markdown of them: a program by its whole path, and its arguments.
    Converted(ConvertCommand),
}

/// The endings with a rule of their own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FormatRules(BTreeMap<String, EndingRule>);

impl FormatRules {
    /// Adds a rule; returns whether the ending had none before, else the rule it has stays.
    pub fn add(&mut self, ending: String, rule: EndingRule) -> bool {
        let is_new = !self.0.contains_key(&ending);
        if is_new {
            let _none = self.0.insert(ending, rule);
        }
        is_new
    }

    /// Every ending that has a rule, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &EndingRule)> {
        self.0.iter().map(|(ending, rule)| (ending.as_str(), rule))
    }

    /// The endings of files that are read as a format, by the table and by rules.
    #[must_use]
    pub fn endings(&self, format: Format) -> Vec<String> {
        let usual = format.endings().filter(|ending| !self.0.contains_key(*ending));
        let by_rule = self.iter().filter(|(_, rule)| match rule {
            EndingRule::Text => format == Format::Text,
            EndingRule::Converted(_) => format == Format::Converted,
            EndingRule::Excluded => false,
        });
        usual.map(str::to_owned).chain(by_rule.map(|(ending, _)| ending.to_owned())).collect()
    }

    /// The rule for the ending of a file, if there is one.
    #[must_use]
    pub fn of(&self, file_name: &str) -> Option<&EndingRule> {
        if self.0.is_empty() {
            return None;
        }
        let ending = |name: &str| self.0.get(&name.to_lowercase());
        // The longer one of two, as in `app.min.js`.
        let mut dots = file_name.match_indices('.').map(|(at, _)| at).filter(|at| *at > 0);
        dots.find_map(|at| ending(&file_name[at + 1..]))
    }

    /// Whether files with such a name are left out without a look at them.
    #[must_use]
    pub fn leaves_out(&self, file_name: &str) -> bool {
        match self.of(file_name) {
            Some(rule) => *rule == EndingRule::Excluded,
            None => match Ending::of(file_name) {
                Ending::Of(format) => !format.is_read(),
                Ending::Unknown => false,
                Ending::WithoutText => true,
            },
        }
    }

    /// The format of a file: by its rule, else as [`Format::of_file`] says.
    #[must_use]
    pub fn of_file(&self, file_name: &str, content: &[u8]) -> Format {
        match self.of(file_name) {
            Some(EndingRule::Converted(_)) => Format::Converted,
            Some(EndingRule::Text | EndingRule::Excluded) => Format::Text,
            None => Format::of_file(file_name, content),
        }
    }
}

/// Reads a list of endings, with spaces or commas between them and with or without their dots; `None` when one of them can be none.
#[must_use]
pub fn endings(text: &str) -> Option<Vec<String>> {
    text.split([' ', ',']).filter(|word| !word.is_empty()).map(ending).collect()
}

/// Reads a list such as `djvu = /usr/bin/djvutxt -; wpd = /usr/bin/wpd2text`: endings with the whole path of a program and its arguments, which
/// are parted by spaces. `None` when it is no such list.
#[must_use]
pub fn converters(text: &str) -> Option<Vec<(String, ConvertCommand)>> {
    let converter = |entry: &str| {
        let (name, command) = entry.split_once('=')?;
        let command: ConvertCommand = command.split_whitespace().map(str::to_owned).collect();
        command.first().filter(|program| program.starts_with('/'))?;
        Some((ending(name.trim())?, command))
    };
    text.split(';').filter(|entry| !entry.trim().is_empty()).map(converter).collect()
}

fn ending(word: &str) -> Option<String> {
    let word = word.strip_prefix('.').unwrap_or(word).to_lowercase();
    let is_usual = |c: char| c.is_alphanumeric() || "._-+".contains(c);
    (!word.is_empty() && word.len() <= 40 && word.chars().all(is_usual) && !word.starts_with('.'))
        .then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_counts_for_more_than_the_table_and_the_longer_ending_for_more_than_the_shorter() {
        let mut rules = FormatRules::default();
        assert!(rules.add("min.js".to_owned(), EndingRule::Text));
        assert!(rules.add("js".to_owned(), EndingRule::Excluded));
        assert!(!rules.add("js".to_owned(), EndingRule::Text), "the first rule stays");
        assert!(rules.add("pdf".to_owned(), EndingRule::Converted(vec!["/bin/cat".to_owned()])));
        assert_eq!(rules.of_file("a.MIN.js", b"x"), Format::Text);
        assert!(rules.leaves_out("a.b.js") && !rules.leaves_out("a.min.js"));
        assert_eq!(rules.of_file("a.pdf", b"%PDF-1.7"), Format::Converted);
        assert_eq!(rules.of_file("a.md", b"x"), Format::Markdown);
        assert!(rules.leaves_out("a.png") && !rules.leaves_out(".js"));
        assert_eq!(rules.endings(Format::Converted), ["pdf"]);
        assert!(rules.endings(Format::Text).contains(&"min.js".to_owned()));
        assert!(
            !rules.endings(Format::Code).contains(&"js".to_owned()) && rules.endings(Format::Pdf).is_empty()
        );
    }

    #[test]
    fn lists_are_read_strictly() {
        assert_eq!(endings(" dat, .LST cfg.bak "), Some(vec!["dat".into(), "lst".into(), "cfg.bak".into()]));
        assert_eq!(endings(""), Some(Vec::new()));
        for wrong in ["*.dat", "a/b", "."] {
            assert_eq!(endings(wrong), None, "{wrong}");
        }
        let command = vec!["/usr/bin/djvutxt".to_owned(), "-".to_owned()];
        assert_eq!(converters("djvu = /usr/bin/djvutxt  -;"), Some(vec![("djvu".to_owned(), command)]));
        for wrong in ["djvu", "djvu=djvutxt", "=/bin/cat", "a b=/bin/cat", "djvu="] {
            assert_eq!(converters(wrong), None, "{wrong}");
        }
    }
}
