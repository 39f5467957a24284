//! Lines of ignore files as Git reads them, written for a library that reads some of them otherwise.

/// The named classes of characters, as members of a bracket expression. None has the slash, and none begins with `!` or
/// `^`.
const CLASSES: [(&str, &str); 12] = [
    ("alnum", "0-9A-Za-z"),
    ("alpha", "A-Za-z"),
    ("blank", " \t"),
    ("cntrl", "\u{0}-\u{1f}\u{7f}"),
    ("digit", "0-9"),
    ("graph", "0-~!-."),
    ("lower", "a-z"),
    ("print", "0-~ -."),
    ("punct", ":-@[-`{-~!-."),
    ("space", " \t-\r"),
    ("upper", "A-Z"),
    ("xdigit", "0-9A-Fa-f"),
];

/// Whether a line has no pattern: nothing is left of it without the sign of negation and slashes.
pub(super) fn is_void(line: &str) -> bool {
    let line = line.trim_end();
    line.strip_prefix('!').unwrap_or(line).bytes().all(|byte| byte == b'/')
}

/// Whether a line wants files, but none whose name begins with a dot: that has to be written in the last part of its path.
pub(super) fn wants_no_hidden(line: &str) -> bool {
    let Some(pattern) = line.strip_prefix('!') else { return false };
    let name = pattern.trim_end().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    !name.strip_prefix('\\').unwrap_or(name).starts_with('.')
}

/// A line with its braces escaped, which are characters like others, and with the members of named classes.
///
/// # Errors
/// When a bracket expression has something that the library cannot be told.
pub(super) fn translate(line: &str) -> Result<String, String> {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '\\' => rest.chars().take(2).map(char::len_utf8).sum(),
            '[' => bracket(rest, &mut out)?,
            '{' | '}' => {
                out.push('\\');
                1
            }
            _ => first.len_utf8(),
        };
        if first != '[' {
            out.push_str(&rest[..taken]);
        }
        rest = &rest[taken..];
    }
    Ok(out)
}

/// Writes the bracket expression that `text` begins with, and returns how many bytes of it that was.
fn bracket(text: &str, out: &mut String) -> Result<usize, String> {
    let open = text.strip_prefix("[!").or_else(|| text.strip_prefix("[^")).unwrap_or(&text[1..]);
    out.push_str(&text[..text.len() - open.len()]);
    let mut rest = open;
    loop {
        let is_first = rest.len() == open.len();
        let next = rest.chars().next().ok_or("a `[` in it is not closed")?;
        if let Some(class) = rest.strip_prefix("[:") {
            let (name, after) = class.split_once(":]").ok_or("a `[:` in it is not closed")?;
            let known = CLASSES.iter().find(|(known, _)| *known == name);
            let (_, members) = known.ok_or("it has a class of characters that does not exist")?;
            out.push_str(members);
            rest = after;
            continue;
        }
        if next == '\\' {
            return Err("it has a backslash between `[` and `]`".to_owned());
        }
        out.push(next);
        rest = &rest[next.len_utf8()..];
        if next == ']' && !is_first {
            return Ok(text.len() - rest.len());
        }
    }
}
