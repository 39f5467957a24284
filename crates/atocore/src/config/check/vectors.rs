//! Where vectors are searched: in files of our own, or on a Chroma server.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use atocore_engine::{ChromaServer, Layout, VectorStore, files};

use super::{Check, Fault, Key, Raw};

/// How long a name on the server may be.
const LONGEST_NAME: usize = 500;

impl Check<'_> {
    /// The settings of the server are checked whether it is in use or not.
    pub(super) fn vectors(&mut self) -> VectorStore {
        let store = self.value(Key::VectorStore, |text| Key::VectorStore.setting().range.word(text));
        let url = self.value(Key::ChromaUrl, |text| address(text).map(ToOwned::to_owned));
        let name = |least| move |text: &str| named(text, least).then(|| text.to_owned());
        let tenant = self.value(Key::ChromaTenant, name(1));
        let database = self.value(Key::ChromaDatabase, name(1));
        let collection = self.value(Key::ChromaCollection, name(3));
        let token = self.optional(Key::ChromaToken, |text| {
            let is_usual = (1..=4096).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
            is_usual.then(|| text.to_owned())
        });
        let authorities = self.authorities(Key::ChromaCaFile);
        let timeout = Duration::from_millis(self.number(Key::ChromaTimeoutMs));
        let (Some("chroma"), Some(url), Some(tenant), Some(database), Some(collection)) =
            (store, url, tenant, database, collection)
        else {
            return VectorStore::Embedded;
        };
        if token.is_some() && !keeps_secrets(&url) {
            self.refuse_plain(&url);
        }
        let server = ChromaServer { url, tenant, database, collection, token, authorities, timeout };
        VectorStore::Chroma(server)
    }

    /// The folder of a server on this machine. A restore replaces all that is in it, so it may hold nothing else.
    pub(super) fn chroma_folder(&mut self, layout: &Layout, home: &Path) -> Option<PathBuf> {
        self.optional(Key::ChromaDataDir, |text| folder_of_a_server(Path::new(text), layout, home))
    }

    /// The program that runs a server, as a whole path where it can be found by its name.
    pub(super) fn chroma_program(&mut self) -> PathBuf {
        let program = self.value(Key::ChromaProgram, |text| {
            let path = Path::new(text);
            let is_name = path.components().count() == 1 && !text.contains(std::path::is_separator);
            (!text.is_empty() && (path.is_absolute() || is_name)).then(|| path.to_owned())
        });
        let program = program.unwrap_or_default();
        let found = self.settings.program_dirs.iter().map(|folder| folder.join(&program));
        // A whole path stays what it is when it is joined. What is not there may come to be.
        found.into_iter().find(|path| path.is_file()).unwrap_or(program)
    }

    /// A token may not travel in the clear.
    fn refuse_plain(&mut self, url: &str) {
        let Some(Raw { origin, .. }) = self.settings.values.get(&Key::ChromaUrl).cloned() else { return };
        let allowed = format!("`https://`, or this machine, where `{}` is set", Key::ChromaToken);
        self.faults.push(Fault::value(Key::ChromaUrl, url, allowed, origin));
    }
}

/// A path from the root of the file system, where it can be told.
fn absolute(path: &Path) -> Option<PathBuf> {
    std::path::absolute(path).ok()
}

/// The folder from the root of the file system, when it can be that of a server and holds nothing of ours.
fn folder_of_a_server(folder: &Path, layout: &Layout, home: &Path) -> Option<PathBuf> {
    let folder = absolute(folder)?;
    let usual = Layout { chroma: None, ..layout.clone() }.vector_store();
    let ours = [&layout.data, &layout.backups, &layout.registry];
    let ours: Vec<PathBuf> = ours.into_iter().filter_map(|path| absolute(path)).collect();
    let holds_ours = ours.iter().chain(absolute(home).as_ref()).any(|path| path.starts_with(&folder));
    let is_within = ours.iter().any(|path| folder.starts_with(path)) && absolute(&usual)? != folder;
    (!holds_ours && !is_within && is_of_a_server(&folder)).then_some(folder)
}

/// Whether a folder can be that of a Chroma server, or is while a restore puts one there.
fn is_of_a_server(folder: &Path) -> bool {
    let is_its = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name == "chroma.sqlite3" || name.starts_with(".restore-")
    };
    match files::is_absent_or_empty(folder) {
        Ok(true) => true,
        Ok(false) => files::list(folder).is_ok_and(|entries| entries.iter().any(is_its)),
        Err(_) => false,
    }
}

/// The address without a slash at its end.
fn address(text: &str) -> Option<&str> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let place = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?;
    let is_usual = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    let has_good_port = match place.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => port.parse::<u16>().is_ok_and(|port| port > 0),
        _ => true,
    };
    (!place.is_empty() && !place.starts_with(':') && place.chars().all(is_usual) && has_good_port)
        .then_some(text)
}

/// Whether nobody else can read what is sent there.
fn keeps_secrets(url: &str) -> bool {
    let Some(place) = url.strip_prefix("http://") else { return true };
    let host =
        place.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(place, |(host, _)| host);
    host == "localhost"
        || host == "[::1]"
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

fn named(text: &str, least: usize) -> bool {
    let is_usual = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let is_end = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    (least..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(is_usual)
        && is_end(text.bytes().next())
        && is_end(text.bytes().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_servers_and_nothing_behind_them() {
        for good in
            ["http://127.0.0.1:8000", "https://chroma.example.org", "http://[::1]:8000", "http://[::1]"]
        {
            assert_eq!(address(good), Some(good));
            assert_eq!(address(&format!("{good}/")), Some(good));
        }
        for bad in [
            "",
            "chroma:8000",
            "ftp://x",
            "http://",
            "http://:80",
            "http://x:0",
            "http://x:99999",
            "http://x/api",
            "http://x?a=b",
            "http://me:secret@x",
            "http://x y",
            "http://x\r\ny",
        ] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_goes_to_this_machine_or_over_tls() {
        for (url, expected) in [
            ("http://127.0.0.1:8000", true),
            ("http://127.1.2.3", true),
            ("http://localhost:8000", true),
            ("http://[::1]:8000", true),
            ("http://[::1]", true),
            ("https://anywhere", true),
            ("http://10.0.0.1:8000", false),
            ("http://localhost.example.org", false),
            ("http://127.0.0.1.example.org:80", false),
        ] {
            assert_eq!(keeps_secrets(url), expected, "{url}");
        }
    }

    #[test]
    fn the_folder_of_a_server_can_be_no_other_one() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        let layout = Layout::in_home(&home);
        let make = |below: &str, file: Option<&str>| {
            let folder = dir.path().join(below);
            files::create_dirs(&folder).unwrap();
            if let Some(file) = file {
                files::write_atomic(&folder.join(file), b"x").unwrap();
            }
        };
        for (below, file) in [
            ("server", Some("chroma.sqlite3")),
            ("empty", None),
            ("restoring", Some(".restore-placing")),
            ("letters", Some("to-mother.txt")),
            ("home/data/db", None),
            ("home/backups", Some("chroma.sqlite3")),
        ] {
            make(below, file);
        }
        let allows = |below: &str| folder_of_a_server(&dir.path().join(below), &layout, &home).is_some();
        for good in ["server", "empty", "restoring", "missing", "home/data/chroma", "home/chroma"] {
            assert!(allows(good), "{good}");
        }
        for bad in
            ["letters", "", "home", "home/data", "home/data/db", "home/backups", "home/backups/snapshots"]
        {
            assert!(!allows(bad), "{bad}");
        }
    }

    #[test]
    fn names_cannot_leave_their_place_in_a_path() {
        for good in ["atocore", "a.b_c-d", "default_tenant", "abc"] {
            assert!(named(good, 3), "{good}");
        }
        for bad in ["", "ab", "..", "../x", "a/b", "a%2f", "-ab", "ab.", "a b", &"a".repeat(501)] {
            assert!(!named(bad, 3), "{bad}");
        }
    }
}
