//! What helps when a file could not be read.

use super::ignoring::{MAX_BYTES, MAX_PATTERNS};

/// What helps, by the reason of a failed file, folder or root and what is said beyond it.
#[must_use]
pub fn hint(reason: &str, detail: &str) -> String {
    let is_forbidden = detail.starts_with("Permission denied");
    let first = match reason {
        "ignore_file" if is_forbidden => return "let this user read it (owner, mode)".to_owned(),
        "ignore_file" if detail.ends_with("cannot be used") => return "correct its lines".to_owned(),
        "ignore_file" => {
            let kib = MAX_BYTES >> 10;
            return format!(
                "shorten it, or make it a regular file: {kib} KiB and {MAX_PATTERNS} patterns are allowed"
            );
        }
        "unreadable" if is_forbidden => "let this user read it (owner, mode)",
        "unreadable" if detail.starts_with("the link ") => "mend or remove the link",
        "unreadable" => "look after its disk",
        "name_not_utf8" => "rename it",
        "nothing_read" => return "`atocore formats` lists what is read".to_owned(),
        _ => "correct the file",
    };
    format!("{first} or leave it out in `.atocoreignore`")
}
