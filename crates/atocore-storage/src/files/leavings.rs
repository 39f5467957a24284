//! What operating systems, file servers and file managers put into every folder that they show.

use super::Kind;

/// Files, in any case.
const FILES: [&str; 8] =
    [".DS_Store", ".localized", ".apdisk", "Icon\r", ".directory", "Thumbs.db", "ehthumbs.db", "desktop.ini"];

/// Beginnings of files: what Apple keeps of another file, and a file that was removed while it was open.
const BEGINNINGS: [&str; 3] = ["._", ".nfs", ".fuse_hidden"];

/// Folders with all that is in them, in any case; a server can show one as a file.
const FOLDERS: [&str; 8] = [
    "@eaDir",
    ".AppleDouble",
    ".AppleDB",
    ".AppleDesktop",
    ".fseventsd",
    ".Spotlight-V100",
    "System Volume Information",
    "lost+found",
];

/// Whether something of that name and kind is left in folders by the system: nobody asked for it, and it says nothing
/// about what lies beside it.
#[must_use]
pub fn is_leaving(name: &str, kind: Kind) -> bool {
    let is_one_of = |known: &[&str]| known.iter().any(|known| name.eq_ignore_ascii_case(known));
    match kind {
        Kind::Folder => is_one_of(&FOLDERS),
        Kind::File(_) => {
            is_one_of(&FOLDERS) || is_one_of(&FILES) || BEGINNINGS.iter().any(|known| name.starts_with(known))
        }
        Kind::Link | Kind::Special => false,
    }
}
