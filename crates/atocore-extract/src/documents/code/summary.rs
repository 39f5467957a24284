//! What a file of source code says that it is: the first sentence of the comment that it begins with.

use tree_sitter::{Node, Tree};

use super::outline::is_comment;
use crate::words::one_line;

/// The longest sentence, in characters; a longer one ends at a word.
const LONGEST: usize = 120;

/// Words of a comment that says who may copy the file.
const OF_A_LICENCE: [&str; 3] = ["copyright", "license", "spdx"];

/// The first sentence of the first comment of a file, or of the text that a Python file begins with; `None` where it begins with
/// code, and where it tells nothing.
pub(super) fn of(tree: &Tree, text: &str) -> Option<String> {
    let mut cursor = tree.root_node().walk();
    let mut run: Vec<Node<'_>> = Vec::new();
    for node in tree.root_node().children(&mut cursor) {
        let is_above = |last: &Node<'_>| node.start_position().row <= last.end_position().row + 1;
        let is_of_run = is_comment(node.kind()) && run.last().is_none_or(is_above);
        if !is_of_run && let Some(said) = sentence(&run, text) {
            return Some(said);
        }
        if !is_of_run {
            run.clear();
        }
        let is_docstring = node.kind() == "expression_statement"
            && node.child(0).is_some_and(|child| child.kind() == "string" && child.next_sibling().is_none());
        if is_comment(node.kind()) {
            run.push(node);
        } else {
            return is_docstring.then(|| sentence(&[node], text)).flatten();
        }
    }
    sentence(&run, text)
}

/// The first sentence of comments one below the other.
fn sentence(comments: &[Node<'_>], text: &str) -> Option<String> {
    let (first, last) = (comments.first()?, comments.last()?);
    let comment = text.get(first.start_byte()..last.end_byte())?;
    let lower = comment.to_lowercase();
    if comment.starts_with("#!/") && comments.len() == 1
        || OF_A_LICENCE.iter().any(|word| lower.contains(word))
    {
        return None;
    }
    let lines = comment.lines().filter(|line| !line.starts_with("#!/")).map(without_signs);
    let paragraph: Vec<&str> =
        lines.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty()).collect();
    let paragraph = one_line(&paragraph.join(" ").replace('`', ""));
    let sentence = paragraph.split_once(". ").map_or(&*paragraph, |(first, _)| first);
    let sentence = sentence.trim_end_matches(['.', ':']);
    let sentence = match sentence.char_indices().nth(LONGEST) {
        Some((end, _)) => sentence[..end].rsplit_once(' ').map_or(&sentence[..end], |(whole, _)| whole),
        None => sentence,
    };
    // One word names the file again, or is an instruction for a tool.
    sentence.contains(' ').then(|| sentence.to_owned())
}

/// A line of a comment without what makes it one.
fn without_signs(line: &str) -> &str {
    let is_sign = |c: char| c.is_whitespace() || "/*!#-;%\"'".contains(c);
    line.trim_start_matches(is_sign).trim_end_matches(|c: char| c.is_whitespace() || "*/\"'".contains(c))
}
