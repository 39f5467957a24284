//! Code between fences in Markdown.

/// The marks that stand above and below code: more backticks than the code has in a row.
pub(crate) fn fence(code: &str) -> String {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat((longest + 1).max(3))
}

/// A fence that is open while lines are read, from the first one on.
#[derive(Debug, Default)]
pub(crate) struct OpenFence(Option<String>);

impl OpenFence {
    /// Takes the next line; whether it is code or a fence.
    pub(crate) fn takes(&mut self, line: &str) -> bool {
        let line = line.trim();
        let mark: String =
            line.chars().take_while(|&c| line.starts_with(c) && matches!(c, '`' | '~')).collect();
        let is_fence = mark.len() >= 3;
        match &self.0 {
            None if is_fence && !(mark.starts_with('`') && line[mark.len()..].contains('`')) => {
                self.0 = Some(mark)
            }
            None => return false,
            Some(open) if is_fence && line == mark && mark.starts_with(open) => self.0 = None,
            Some(_) => {}
        }
        true
    }

    /// What ends it, if it is open.
    pub(crate) fn end(self) -> Option<String> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_ends_with_the_same_mark_at_least_as_long() {
        let takes = |text: &str| {
            let mut fence = OpenFence::default();
            text.split(' ').map(|line| if fence.takes(line) { 'c' } else { '.' }).collect::<String>()
        };
        assert_eq!(takes("a ```rust # ```` b"), ".ccc.");
        assert_eq!(takes("~~~ ``` ~~ ~~~~ b"), "cccc.");
        assert_eq!(takes("````x ``` ````y ```` b"), "cccc.");
        assert_eq!(takes("```x``` b"), "..");
        assert_eq!(fence("a ```` b"), "`````");
        assert_eq!(fence(""), "```");
    }
}
