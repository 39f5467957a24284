//! Raw settings: what every place said, before anything is checked.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use atocore_model::nearest::nearest;

use super::{Environment, Fault, Key, Origin, file, nearest_file};

/// The name of a folder that has models.
pub(super) const MODELS: &str = "models";

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
    /// Unknown names and unreadable places.
    pub faults: Vec<Fault>,
    /// Where other programs of this user keep models.
    pub hub_cache_dir: Option<PathBuf>,
    /// The folders in which programs are looked for.
    pub program_dirs: Vec<PathBuf>,
}

/// A value as text, and who gave it. A path is absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// The value.
    pub text: String,
    /// Who gave it.
    pub origin: Origin,
}

impl Settings {
    /// Gathers settings: flags first, then the environment, then the file in the home.
    #[must_use]
    pub fn gather(flags: &Flags, environment: &Environment) -> Self {
        let mut settings = Self {
            hub_cache_dir: environment.hub_cache_dir.clone(),
            program_dirs: environment.program_dirs.clone(),
            ..Self::default()
        };
        settings.add_flags(flags, environment);
        settings.add_environment(environment);
        settings.find_home(environment);
        settings.add_file();
        if let Some(cache) = &environment.user_cache_dir {
            let models = cache.join(MODELS);
            settings.add(
                Key::ModelDir,
                &models.to_string_lossy(),
                Origin::Platform,
                &environment.current_dir,
            );
        }
        settings
    }

    fn add(&mut self, key: Key, text: &str, origin: Origin, relative_to: &Path) {
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
                self.add(key, value, Origin::Flag(flag), &environment.current_dir);
            }
        }
        for (key, value, flag) in &flags.tried {
            self.add(*key, value, Origin::Flag(flag), &environment.current_dir);
        }
    }

    fn add_environment(&mut self, environment: &Environment) {
        // The flag decides for all three parts; a file in the folder that it names may still move them.
        let home_is_flag = self.values.contains_key(&Key::Home);
        for (name, value) in &environment.variables {
            let origin = Origin::Variable(name.clone());
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

    fn find_home(&mut self, environment: &Environment) {
        if self.values.contains_key(&Key::Home) {
            return;
        }
        let found = match nearest_file(&environment.current_dir) {
            Some(file) => file.parent().map(|folder| (folder.to_owned(), Origin::FolderOfFile)),
            None => environment.user_data_dir.clone().map(|folder| (folder, Origin::Platform)),
        };
        match found {
            Some((folder, origin)) => {
                self.add(Key::Home, &folder.to_string_lossy(), origin, &environment.current_dir);
            }
            None => self.faults.push(Fault::NoHome),
        }
    }

    fn add_file(&mut self) {
        let Some(home) = self.values.get(&Key::Home).map(|raw| PathBuf::from(&raw.text)) else { return };
        let path = home.join(file::NAME);
        if !path.exists() {
            return;
        }
        let read = file::read(&path);
        for (key, text) in read.values {
            self.add(key, &text, Origin::File(path.clone()), &home);
        }
        self.faults.extend(read.faults);
        self.file = Some(path);
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
