//! Programs that may not read what is closed to their user, although that is root.

/// Takes that right from a program.
const WITHOUT_RIGHTS: [&str; 4] =
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--"];

/// What starts a program without the right to read everything, which root has; nothing for other users.
#[must_use]
pub fn launcher() -> &'static [&'static str] {
    if rustix::process::geteuid().is_root() { &WITHOUT_RIGHTS } else { &[] }
}
