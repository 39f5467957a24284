//! Whether other users of the machine get at what is this user's alone, and whose settings count.

use std::path::Path;

use atocore_model::text::shell;
use atocore_storage::files;

use super::{Findings, Level};
use crate::engine::Engine;

impl Findings {
    /// Looks where the settings came from.
    pub(super) fn home(&mut self, engine: &Engine) {
        let settings = &engine.config().settings;
        if let Some(home) = &settings.found_home {
            let message = format!("everything lies in `{}`, whose `atocore.toml` is trusted", home.display());
            self.add("home", Level::Ok, message, None);
        }
        for (file, folder) in &settings.ignored {
            let message = format!("`{}` does not count: its folder is not trusted", file.display());
            self.add(
                "home",
                Level::Warning,
                message,
                Some(&format!("atocore trust {}", shell(&folder.to_string_lossy()))),
            );
        }
    }

    /// Looks whether other users can get in. What is written is private; what somebody has opened, or lies on a file
    /// system without modes, is not.
    pub(super) fn privacy(&mut self, engine: &Engine) {
        let layout = engine.layout();
        let before = self.list.len();
        for (what, folder) in [("data", &layout.data), ("backup", &layout.backups)] {
            if let Some(mode) = files::open_to_others(folder) {
                let message = format!(
                    "other users may look into the {what} directory `{}` (mode {mode:o})",
                    folder.display()
                );
                self.open("go-rwx", folder, message);
            }
        }
        if let Some(mode) = files::writable_by_others(&layout.registry) {
            let message = format!(
                "other users may write to the registry `{}` (mode {mode:o}), and so choose what is read",
                layout.registry.display()
            );
            self.open("go-w", &layout.registry, message);
        }
        for file in &engine.config().settings.secrets {
            if let Some(mode) = files::open_to_others(file) {
                let may = if files::writable_by_others(file).is_some() { "change" } else { "read" };
                let message = format!(
                    "`{}` holds a secret, and others may {may} it (mode {mode:o}): close it, and replace the secret, which they may know",
                    file.display()
                );
                self.open("600", file, message);
            }
        }
        if self.list.len() == before {
            let message = "no other user can get at the data, the snapshots or a secret".to_owned();
            self.add("privacy", Level::Ok, message, None);
        }
    }

    fn open(&mut self, rights: &str, path: &Path, message: String) {
        let hint = format!("chmod {rights} {}", shell(&path.to_string_lossy()));
        self.add("privacy", Level::Warning, message, Some(&hint));
    }
}
