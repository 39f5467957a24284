//! Raw settings: what every place said, before anything is checked.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use atocore_engine::files;
use atocore_model::{error::with_causes, nearest::nearest, text::shell};

use super::{Environment, Fault, Ignored, Key, SettingOrigin, file, trust};

/// The name of a folder that has models.
pub(super) const MODELS: &str = "models";
/// The name of the file in a home that holds the token which `serve --make-token` has made.
pub(super) const TOKEN_FILE: &str = "api-token";

/// What the command line can set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--data-dir`: the home.
    pub data_dir: Option<PathBuf>,
    /// `--host`.
    pub host: Option<String>,
    /// `--port`.
    pub port: Option<String>,
    /// Settings that are tried out, each with the flag that gave it: `--set`, `--compare`. The first of a key counts.
    pub tried: Vec<(Key, String, &'static str)>,
}

/// Settings as they were given, each from the place that counts most, and what was wrong with the giving.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// What was given.
    pub values: BTreeMap<Key, Raw>,
    /// The settings file that was read.
    pub file: Option<PathBuf>,
    /// Settings files that lie where somebody stands and do not count, the nearest first.
    pub ignored: Vec<Ignored>,
    /// Unknown names and unreadable places.
    pub faults: Vec<Fault>,
    /// Where other programs of this user keep models.
    pub hub_cache_dir: Option<PathBuf>,
    /// Where other programs of this user download models from.
    pub hub_endpoint: Option<String>,
    /// The system's folder for sockets of this user.
    pub runtime_dir: Option<PathBuf>,
    /// The folders in which programs are looked for.
    pub program_dirs: Vec<PathBuf>,
}

/// A value as text, and who gave it. A path is absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// The value.
    pub text: String,
    /// Who gave it.
    pub origin: SettingOrigin,
}

impl Settings {
    /// Gathers settings: flags first, then the environment, then the file in the home.
    #[must_use]
    pub fn gather(flags: &Flags, environment: &Environment) -> Self {
        let mut settings = Self {
            hub_cache_dir: environment.hub_cache_dir.clone(),
            hub_endpoint: environment.hub_endpoint.clone(),
            runtime_dir: environment.runtime_dir.clone(),
            program_dirs: environment.program_dirs.clone(),
            ..Self::default()
        };
        settings.add_flags(flags, environment);
        settings.add_environment(environment);
        let found = settings.find_home(environment);
        settings.add_file(found.as_deref());
        settings.add_token(found.is_some());
        if let Some(cache) = &environment.user_cache_dir {
            let models = cache.join(MODELS);
            settings.add(
                Key::ModelDir,
                &models.to_string_lossy(),
                SettingOrigin::Platform,
                &environment.current_dir,
            );
        }
        settings
    }

    fn add(&mut self, key: Key, text: &str, origin: SettingOrigin, relative_to: &Path) {
        let is_path = key.is_path() || key == Key::EmbeddingModel && is_like_a_path(text);
        let text = if is_path && !text.is_empty() { absolute(text, relative_to) } else { text.to_owned() };
        self.values.entry(key).or_insert(Raw { text, origin });
    }

    fn add_flags(&mut self, flags: &Flags, environment: &Environment) {
        let data_dir = flags.data_dir.as_ref().map(|folder| folder.to_string_lossy());
        for (key, flag, value) in [
            (Key::Home, "--data-dir", data_dir.as_deref()),
            (Key::Host, "--host", flags.host.as_deref()),
            (Key::Port, "--port", flags.port.as_deref()),
        ] {
            if let Some(value) = value {
                self.add(key, value, SettingOrigin::Flag(flag), &environment.current_dir);
            }
        }
        for (key, value, flag) in &flags.tried {
            self.add(*key, value, SettingOrigin::Flag(flag), &environment.current_dir);
        }
    }

    fn add_environment(&mut self, environment: &Environment) {
        // The flag decides for all three parts; a file in the folder that it names may still move them.
        let home_is_flag = self.values.contains_key(&Key::Home);
        for (name, value) in &environment.variables {
            let origin = SettingOrigin::Variable(name.clone());
            let bare = name.strip_prefix(Key::PREFIX).unwrap_or(name);
            let Some(key) = Key::of(bare) else {
                let near = nearest(&bare.to_ascii_uppercase(), Key::ALL.iter().map(|key| key.name()));
                let near = near.map(|name| format!("{}{name}", Key::PREFIX));
                self.faults.push(Fault::Unknown { name: name.clone(), nearest: near, origin });
                continue;
            };
            let Some(text) = value.to_str() else {
                self.faults.push(Fault::value(key, &value.to_string_lossy(), "UTF-8 text", origin));
                continue;
            };
            let is_part = matches!(key, Key::DataDir | Key::BackupDir | Key::ProjectRegistryPath);
            // A variable that is set to nothing is how scripts say "not set".
            if !(text.is_empty() || home_is_flag && is_part) {
                self.add(key, text, origin, &environment.current_dir);
            }
        }
    }

    /// The home; with the text of its settings when it was found by where somebody stands.
    fn find_home(&mut self, environment: &Environment) -> Option<Vec<u8>> {
        if self.values.contains_key(&Key::Home) {
            return None;
        }
        let search = trust::search(environment);
        self.ignored = search.ignored;
        let (folder, origin, text) = match search.found {
            Some((folder, text)) => (folder, SettingOrigin::FolderOfFile, Some(text)),
            None => match environment.user_data_dir.clone() {
                Some(folder) => (folder, SettingOrigin::Platform, None),
                None => {
                    self.faults.push(Fault::NoHome);
                    return None;
                }
            },
        };
        self.add(Key::Home, &folder.to_string_lossy(), origin, &environment.current_dir);
        text
    }

    /// Adds what the settings file in the home says; `found` is the text of one that was found.
    fn add_file(&mut self, found: Option<&[u8]>) {
        let Some(home) = self.values.get(&Key::Home).map(|raw| PathBuf::from(&raw.text)) else { return };
        let path = home.join(file::NAME);
        let read = match found {
            Some(text) => file::parse(&path, text),
            None if path.exists() => file::read(&path),
            None => return,
        };
        for (key, text) in read.values {
            if found.is_some() && key.needs_named_home() {
                self.faults.push(Fault::NeedsNamedHome { key, file: path.clone() });
            }
            self.add(key, &text, SettingOrigin::File(path.clone()), &home);
        }
        self.faults.extend(read.faults);
        self.file = Some(path);
    }

    /// Adds the token that a server has made, where none is set.
    fn add_token(&mut self, home_was_found: bool) {
        let Some(home) = self.values.get(&Key::Home).map(|raw| PathBuf::from(&raw.text)) else { return };
        let path = home.join(TOKEN_FILE);
        if self.values.contains_key(&Key::ApiToken) || !path.exists() {
            return;
        }
        if home_was_found {
            return self.faults.push(Fault::NeedsNamedHome { key: Key::ApiToken, file: path });
        }
        let origin = SettingOrigin::File(path.clone());
        match files::read_trusted(&path) {
            Ok(bytes) => self.add(Key::ApiToken, &String::from_utf8_lossy(&bytes), origin, &home),
            Err(error) => {
                let hint = (error.action == "trust").then(|| replace_token(&path));
                self.faults.push(Fault::File { origin, why: with_causes(&error), hint });
            }
        }
    }
}

/// What helps against a file with a token that somebody else could have written.
fn replace_token(path: &Path) -> String {
    let shown = shell(&path.to_string_lossy());
    let replace = format!("`rm {shown}`, and `atocore serve --make-token` makes another token");
    match files::writable_by_others(path) {
        Some(_) => format!(
            "`chmod 600 {shown}` leaves it to this user; others may know the token or have changed it: {replace}"
        ),
        None => replace,
    }
}

/// Whether what can be a name or a folder is a folder: `./mine`, `../mine`, `/srv/mine`. `owner/model` is a name.
fn is_like_a_path(text: &str) -> bool {
    let first = Path::new(text).components().next();
    matches!(first, Some(Component::RootDir | Component::CurDir | Component::ParentDir))
}

fn absolute(text: &str, start: &Path) -> String {
    // Joining drops `start` when the text is absolute already; the components lose `.` and doubled slashes.
    let joined: PathBuf = start.join(text).components().collect();
    joined.to_string_lossy().into_owned()
}
