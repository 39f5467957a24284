//! Archives: what was exported is imported byte for byte, and nothing else is.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
};

use atocore_backup::{
    BackupError,
    archive::{ExportedArchive, ImportedSnapshot, export, export_to, import},
    manifest::FileRecord,
    snapshot_directory::SnapshotDirectory,
    verify::prove,
};
use atocore_model::{digest::Digest, monitor::Silent, snapshot::Depth};
use atocore_storage::files::FileReader;
use atocore_testkit::fuzz::fuzz;
use tar::{EntryType, Header};

use crate::{
    crash::CancelAt,
    home::{Home, REGISTRY, Victim, tree, validate},
};

impl Home {
    fn exports(&self, stamp: &str) -> ExportedArchive {
        let to = self.root.path().join(format!("{stamp}.tar.zst"));
        export(&self.directory, stamp.parse().unwrap(), &to, &*self.clock, &Silent).unwrap()
    }

    fn imports(&self, directory: &SnapshotDirectory, from: &Path) -> Result<ImportedSnapshot, BackupError> {
        import(directory, FileReader::open(from).unwrap(), &*self.clock, &Silent)
    }
}

fn opened(exported: &ExportedArchive) -> FileReader {
    FileReader::open(exported.path.as_ref().unwrap()).unwrap()
}

/// A backup directory somewhere else, with nothing in it.
struct Elsewhere {
    root: tempfile::TempDir,
    directory: SnapshotDirectory,
}

impl Elsewhere {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let directory = SnapshotDirectory::new(&root.path().join("backups"));
        Self { root, directory }
    }

    /// Everything but empty folders and the lock on which stamps are chosen.
    fn holds(&self) -> Vec<String> {
        let found = tree(self.root.path()).into_keys();
        found.filter(|path| !path.ends_with('/') && path != "backups/.lock").collect()
    }
}

#[test]
fn a_snapshot_is_carried_in_a_file_and_is_the_same_elsewhere() {
    let home = Home::new();
    let taken = home.take();
    let exported = home.exports(&taken.id.to_string());
    let size = std::fs::metadata(exported.path.as_ref().unwrap()).unwrap().len();
    let files = &taken.manifest.atocore.as_ref().unwrap().files;
    assert_eq!((exported.archive_bytes, exported.files), (size, files.len() as u64 + 1));
    let elsewhere = Elsewhere::new();
    let imported = home.imports(&elsewhere.directory, exported.path.as_ref().unwrap()).unwrap();
    assert_eq!((imported.stamp, imported.was_there), (taken.id, false));
    assert_eq!(imported.path, elsewhere.directory.snapshot(taken.id));
    assert!(imported.validation.valid() && imported.validation.depth_asked == Depth::Digests);
    assert_eq!(tree(&imported.path), tree(&taken.path));
    assert!(tree(&imported.path).contains_key("chroma/6f1c/empty/"), "folders with nothing in them too");
    assert!(validate(&elsewhere.directory, taken.id, Depth::Content).valid());
    assert_eq!(std::fs::read(imported.path.join("config/project-registry.json")).unwrap(), REGISTRY);
    // The same again changes nothing, and the same snapshot gives the same archive.
    let before = tree(elsewhere.directory.dir());
    assert!(home.imports(&elsewhere.directory, exported.path.as_ref().unwrap()).unwrap().was_there);
    assert_eq!(tree(elsewhere.directory.dir()), before);
    let again = home.root.path().join("again.tar.zst");
    let _exported = export(&elsewhere.directory, taken.id, &again, &*home.clock, &Silent).unwrap();
    assert_eq!(std::fs::read(&again).unwrap(), std::fs::read(exported.path.as_ref().unwrap()).unwrap());
}

#[test]
fn through_a_pipe_goes_the_same_archive() {
    let home = Home::new();
    let taken = home.take();
    let exported = home.exports(&taken.id.to_string());
    let mut bytes = Vec::new();
    let piped = export_to(&home.directory, taken.id, &mut bytes, &*home.clock, &Silent).unwrap();
    assert_eq!(bytes, std::fs::read(exported.path.as_ref().unwrap()).unwrap());
    assert_eq!((piped.path.clone(), piped.archive_bytes), (None, bytes.len() as u64));
    assert_eq!(ExportedArchive { path: exported.path.clone(), ..piped }, exported);
    // A reader that goes away is an error, and what it got until then is refused.
    for length in [0, 100, bytes.len() - 1] {
        let mut room = vec![0; length];
        let mut out = room.as_mut_slice();
        let error = export_to(&home.directory, taken.id, &mut out, &*home.clock, &Silent).unwrap_err();
        assert!(matches!(error, BackupError::File(_)), "{length}: {error}");
        let elsewhere = Elsewhere::new();
        let error = import(&elsewhere.directory, room.as_slice(), &*home.clock, &Silent).unwrap_err();
        assert!(matches!(error, BackupError::ArchiveInvalid(_)), "{length}: {error}");
        assert_eq!(elsewhere.holds(), [""; 0], "{length}");
    }
}

#[test]
fn an_archive_that_is_encrypted_is_refused_with_the_way_to_decrypt_it() {
    let home = Home::new();
    for beginning in ["age-encryption.org/v1\n-> X25519 …", "-----BEGIN AGE ENCRYPTED FILE-----\n"] {
        let elsewhere = Elsewhere::new();
        let error = import(&elsewhere.directory, beginning.as_bytes(), &*home.clock, &Silent).unwrap_err();
        assert!(matches!(error, BackupError::ArchiveEncrypted), "{error}");
        assert!(error.hint().unwrap().contains("`age -d -i KEY ARCHIVE | atocore backup import -`"));
        assert_eq!(elsewhere.holds(), [""; 0]);
    }
}

#[test]
fn tar_and_zstd_can_unpack_it() {
    let home = Home::new();
    let taken = home.take();
    let exported = home.exports(&taken.id.to_string());
    let target = home.root.path().join("unpacked");
    std::fs::create_dir(&target).unwrap();
    let plain = home.root.path().join("plain.tar");
    std::fs::write(&plain, unpacked(exported.path.as_ref().unwrap())).unwrap();
    let tar =
        std::process::Command::new("tar").arg("-xf").arg(&plain).arg("-C").arg(&target).status().unwrap();
    assert!(tar.success());
    assert_eq!(tree(&target.join(taken.id.to_string())), tree(&taken.path));
}

#[test]
fn only_a_verified_snapshot_is_exported_and_nothing_is_overwritten() {
    let home = Home::new();
    let taken = home.take();
    let to = home.root.path().join("a.tar.zst");
    let try_it = || export(&home.directory, taken.id, &to, &*home.clock, &Silent).unwrap_err();
    std::fs::write(&to, "precious").unwrap();
    assert!(matches!(try_it(), BackupError::ArchiveExists(_)));
    assert_eq!(std::fs::read(&to).unwrap(), b"precious");
    std::fs::remove_file(&to).unwrap();
    std::fs::write(taken.path.join("chroma/6f1c/header.bin"), "x").unwrap();
    assert!(matches!(try_it(), BackupError::Damaged { .. }));
    std::fs::write(taken.path.join("chroma/6f1c/header.bin"), "").unwrap();
    let path = taken.path.join("backup-metadata.json");
    let mut value: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let _ours = value.as_object_mut().unwrap().remove("atocore");
    std::fs::write(&path, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
    assert!(matches!(try_it(), BackupError::NoDigests(_)));
    let there: Vec<_> =
        std::fs::read_dir(home.root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!there.iter().any(|name| name.to_string_lossy().contains("a.tar.zst")), "{there:?}");
}

#[test]
fn another_snapshot_of_the_same_stamp_is_left_alone() {
    let home = Home::new();
    let taken = home.take();
    let exported = home.exports(&taken.id.to_string());
    let other = Home::new();
    let there = other.take();
    assert_eq!(there.id, taken.id);
    let before = tree(other.directory.dir());
    let error = home.imports(&other.directory, exported.path.as_ref().unwrap()).unwrap_err();
    assert!(matches!(error, BackupError::SnapshotExists(id) if id == taken.id), "{error}");
    assert_eq!(tree(other.directory.dir()), before);
    // The same, but damaged where it lies: it is told, and not repaired in silence.
    std::fs::write(taken.path.join("db/atocore.db"), "gone").unwrap();
    assert!(matches!(
        home.imports(&home.directory, exported.path.as_ref().unwrap()),
        Err(BackupError::Damaged { .. })
    ));
}

fn unpacked(path: &Path) -> Vec<u8> {
    zstd::decode_all(std::fs::read(path).unwrap().as_slice()).unwrap()
}

/// An entry of an archive: name, type, and bytes.
type Item = (String, EntryType, Vec<u8>);

fn items(path: &Path) -> Vec<Item> {
    let bytes = unpacked(path);
    let mut archive = tar::Archive::new(bytes.as_slice());
    let item = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        let _read = entry.read_to_end(&mut bytes).unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        (name, entry.header().entry_type(), bytes)
    };
    archive.entries().unwrap().map(item).collect()
}

/// Writes an archive without any of the checks that a library would make.
fn pack(items: &[Item], to: &Path) {
    let mut bytes = Vec::new();
    for (name, kind, content) in items {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    std::fs::write(to, zstd::encode_all(bytes.as_slice(), 1).unwrap()).unwrap();
}

#[test]
fn hostile_archives_are_refused_before_anything_lists() {
    let home = Home::new();
    let taken = home.take();
    let stamp = taken.id.to_string();
    let good = items(home.exports(&stamp).path.as_ref().unwrap());
    let database = good.iter().position(|item| item.0.ends_with("db/atocore.db")).unwrap();
    let add = |name: &str, kind, content: &[u8]| {
        let mut items = good.clone();
        items.insert(1, (name.replace("STAMP", &stamp), kind, content.to_vec()));
        items
    };
    let change = |change: &dyn Fn(&mut Vec<Item>)| {
        let mut items = good.clone();
        change(&mut items);
        items
    };
    let file = EntryType::Regular;
    let cases: Vec<(&str, Vec<Item>)> = vec![
        ("climbs out", add("STAMP/../../../evil", file, b"x")),
        ("climbs out by a folder", add("STAMP/chroma/../../../evil/", EntryType::Directory, b"")),
        ("absolute", add("/tmp/evil", file, b"x")),
        ("absolute folder", add("/tmp/evil/", EntryType::Directory, b"")),
        ("another folder", add("20200101T000000Z/db/atocore.db", file, b"x")),
        ("not recorded", add("STAMP/chroma/evil", file, b"x")),
        ("the metadata again", add("STAMP/backup-metadata.json", file, b"{}")),
        ("no folder of ours", add("STAMP/evil/", EntryType::Directory, b"")),
        ("backslashes", add("STAMP\\db\\evil", file, b"x")),
        ("a dot", add("STAMP/./db/atocore.db", file, b"x")),
        ("a symbolic link", add("STAMP/db/atocore.db", EntryType::Symlink, b"")),
        ("a hard link", add("STAMP/db/atocore.db", EntryType::Link, b"")),
        ("a pipe", add("STAMP/chroma/pipe", EntryType::Fifo, b"")),
        ("a device", add("STAMP/chroma/device", EntryType::Char, b"")),
        ("a long name", add("././@LongLink", EntryType::GNULongName, &[b'a'; 4096])),
        ("extended headers", add("STAMP/pax", EntryType::XHeader, b"30 path=/tmp/evil\n")),
        ("twice", change(&|items| items.push(items[database].clone()))),
        ("longer", change(&|items| items[database].2.push(0))),
        ("shorter", change(&|items| items[database].2.truncate(4000))),
        ("other bytes", change(&|items| items[database].2[5000] ^= 1)),
        ("missing", change(&|items| items.retain(|item| !item.0.ends_with("atocore.db")))),
        ("only metadata", change(&|items| items.truncate(1))),
        ("metadata last", change(&|items| items.rotate_left(1))),
        ("empty", Vec::new()),
        ("metadata of another", change(&|items| items[0].2 = b"{}".to_vec())),
        (
            "metadata changed",
            change(&|items| {
                let at = items[0].2.iter().position(|byte| *byte == b'7').unwrap();
                items[0].2[at] = b'8';
            }),
        ),
        ("metadata too large", change(&|items| items[0].2.resize((16 << 20) + 1, b' '))),
        ("metadata a link", change(&|items| items[0].1 = EntryType::Symlink)),
        ("not a stamp", change(&|items| items[0].0 = "../x/backup-metadata.json".to_owned())),
    ];
    let archive = home.root.path().join("hostile.tar.zst");
    for (name, items) in cases {
        pack(&items, &archive);
        let elsewhere = Elsewhere::new();
        let error = home.imports(&elsewhere.directory, &archive).unwrap_err();
        let expected = matches!(error, BackupError::ArchiveInvalid(_) | BackupError::NoDigests(_));
        assert!(expected, "{name}: {error}");
        assert_eq!(elsewhere.holds(), [""; 0], "{name}");
        assert!(elsewhere.directory.list().unwrap().is_empty(), "{name}");
        let there = home.imports(&home.directory, &archive).unwrap_err();
        let is_another = matches!(there, BackupError::SnapshotExists(_));
        assert!(is_another || there.to_string() == error.to_string(), "{name}: {there}");
    }
    assert!(!Path::new("/tmp/evil").exists());
    // What the cases are changes of is fine.
    pack(&good, &archive);
    assert!(!home.imports(&Elsewhere::new().directory, &archive).unwrap().was_there);
}

#[test]
fn files_that_no_restore_places_are_not_imported() {
    let home = Home::new();
    let taken = home.take();
    let good = items(home.exports(&taken.id.to_string()).path.as_ref().unwrap());
    let archive = home.root.path().join("placeless.tar.zst");
    for path in ["evil/x", "db/atocore.db-wal", "db/other.db", "config/other.json", "x", "chroma"] {
        let (mut items, mut manifest) = (good.clone(), taken.manifest.clone());
        let digest = Digest::from_bytes(*blake3::hash(b"x").as_bytes());
        let record = FileRecord { path: path.parse().unwrap(), size_bytes: 1, digest };
        manifest.atocore.as_mut().unwrap().files.push(record);
        items[0].2 = manifest.seal().unwrap();
        items.push((format!("{}/{path}", taken.id), EntryType::Regular, b"x".to_vec()));
        pack(&items, &archive);
        let elsewhere = Elsewhere::new();
        let error = home.imports(&elsewhere.directory, &archive).unwrap_err();
        assert!(error.to_string().contains(&format!("`{path}`, which is not part")), "{error}");
        assert_eq!(elsewhere.holds(), [""; 0]);
        // Nor is a snapshot with it proven that lies there already.
        let victim = Victim::of(&taken);
        std::fs::write(victim.dir.join("backup-metadata.json"), &items[0].2).unwrap();
        let problem = format!("file_unexpected: {path} is not part of a snapshot");
        assert!(victim.validate(Depth::Digests).errors().contains(&problem), "{path}");
    }
}

#[test]
fn an_archive_comes_through_a_pipe_as_well() {
    let home = Home::new();
    let stamp = home.take().id.to_string();
    let exported = home.exports(&stamp);
    let pipe = home.root.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let bytes = std::fs::read(exported.path.as_ref().unwrap()).unwrap();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| std::fs::write(&pipe, &bytes));
        let elsewhere = Elsewhere::new();
        let imported = home.imports(&elsewhere.directory, &pipe).unwrap();
        assert!(imported.validation.valid());
        writing.join().unwrap().unwrap();
    });
}

#[test]
fn folders_with_nothing_in_them_are_bounded_and_cost_little() {
    let home = Home::new();
    let taken = home.take();
    let mut items = items(home.exports(&taken.id.to_string()).path.as_ref().unwrap());
    let archive = home.root.path().join("folders.tar.zst");
    let folder = |number: usize| (format!("{}/chroma/{number}/", taken.id), EntryType::Directory, Vec::new());
    let count = items.len();
    items.extend((0..5_000).map(folder));
    pack(&items, &archive);
    let elsewhere = Elsewhere::new();
    let imported = home.imports(&elsewhere.directory, &archive).unwrap();
    assert!(imported.path.join("chroma/4999").is_dir());
    items.truncate(count);
    items.extend((0..30_000).map(folder));
    pack(&items, &archive);
    let elsewhere = Elsewhere::new();
    let error = home.imports(&elsewhere.directory, &archive).unwrap_err();
    assert!(matches!(error, BackupError::ArchiveInvalid(_)), "{error}");
    assert_eq!(elsewhere.holds(), [""; 0]);
}

#[test]
fn an_archive_that_is_cut_off_or_damaged_anywhere_is_refused() {
    let home = Home::new();
    let taken = home.take();
    let bytes = std::fs::read(home.exports(&taken.id.to_string()).path.unwrap()).unwrap();
    let archive = home.root.path().join("damaged.tar.zst");
    let refused = |bytes: &[u8], what: String| {
        std::fs::write(&archive, bytes).unwrap();
        let elsewhere = Elsewhere::new();
        let error = home.imports(&elsewhere.directory, &archive).unwrap_err();
        assert!(!matches!(error, BackupError::Cancelled | BackupError::SnapshotExists(_)), "{what}: {error}");
        assert_eq!(elsewhere.holds(), [""; 0], "{what}");
        // For the same reason where it is there already.
        let there = home.imports(&home.directory, &archive).unwrap_err();
        assert_eq!(there.to_string(), error.to_string(), "{what}");
    };
    let step = bytes.len() / 40 + 1;
    let (whole, mut damaged) = (zstd::decode_all(&bytes[..]).ok(), 0);
    for at in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
        refused(&bytes[..at], format!("cut off at {at}"));
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        // Now and then it unpacks to the same all the same, where one copy of a run of zeros is as good as another.
        let is_damage = zstd::decode_all(&flipped[..]).ok() != whole;
        if is_damage {
            refused(&flipped, format!("flipped at {at}"));
        }
        damaged += usize::from(is_damage);
    }
    assert!(damaged > 30, "{damaged}");
    refused(&unpacked(&home.root.path().join(format!("{}.tar.zst", taken.id))), "not compressed".to_owned());
    refused(&[&bytes[..], &zstd::encode_all(&b"more"[..], 1).unwrap()].concat(), "more after it".to_owned());
    for junk in [&b"junk"[..], &[0; 7], &[b'x'; 3 << 20]] {
        refused(&[&bytes[..], junk].concat(), "junk after it".to_owned());
    }
    refused(b"not an archive", "text".to_owned());
    assert!(home.validate(taken.id, Depth::Digests).valid());
}

#[test]
fn a_few_bytes_cannot_fill_memory_or_disk() {
    let home = Home::new();
    let taken = home.take();
    let mut items = items(home.exports(&taken.id.to_string()).path.as_ref().unwrap());
    // A terabyte of zeros takes a few bytes; the header of the first entry says that it is metadata.
    let archive = home.root.path().join("bomb.tar.zst");
    let mut header = Header::new_ustar();
    header.set_path(&items[0].0).unwrap();
    header.set_size(1 << 40);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(header.as_bytes()).unwrap();
    encoder.write_all(&vec![0; 64 << 20]).unwrap();
    std::fs::write(&archive, encoder.finish().unwrap()).unwrap();
    let elsewhere = Elsewhere::new();
    let error = home.imports(&elsewhere.directory, &archive).unwrap_err();
    assert!(matches!(error, BackupError::ArchiveInvalid(_)), "{error}");
    // Sealed metadata that records more than there is room for.
    let mut manifest = taken.manifest.clone();
    manifest.atocore.as_mut().unwrap().files[0].size_bytes = 1 << 60;
    items[0].2 = manifest.seal().unwrap();
    pack(&items, &archive);
    let error = home.imports(&elsewhere.directory, &archive).unwrap_err();
    assert!(matches!(error, BackupError::NotEnoughSpace { .. }), "{error}");
    assert_eq!(elsewhere.holds(), [""; 0]);
}

#[test]
fn cancelled_at_any_moment_neither_leaves_anything() {
    let home = Home::new();
    let taken = home.take();
    let exported = home.exports(&taken.id.to_string());
    let to = home.root.path().join("out/a.tar.zst");
    std::fs::create_dir(to.parent().unwrap()).unwrap();
    let never = CancelAt::call(usize::MAX);
    let _exported = export(&home.directory, taken.id, &to, &*home.clock, &never).unwrap();
    std::fs::remove_file(&to).unwrap();
    for at in 0..never.asked() {
        let cancel = CancelAt::call(at);
        let error = export(&home.directory, taken.id, &to, &*home.clock, &cancel).unwrap_err();
        assert!(matches!(error, BackupError::Cancelled), "{at}: {error}");
        assert!(tree(to.parent().unwrap()).is_empty(), "{at}");
    }
    let never = CancelAt::call(usize::MAX);
    let _imported = import(&Elsewhere::new().directory, opened(&exported), &*home.clock, &never).unwrap();
    assert!(never.asked() > 5);
    for at in 0..never.asked() {
        let elsewhere = Elsewhere::new();
        let error =
            import(&elsewhere.directory, opened(&exported), &*home.clock, &CancelAt::call(at)).unwrap_err();
        assert!(matches!(error, BackupError::Cancelled), "{at}: {error}");
        assert_eq!(elsewhere.holds(), [""; 0], "{at}");
    }
}

#[test]
fn a_snapshot_that_is_exported_is_not_removed_meanwhile() {
    let home = Home::new();
    let taken = home.take();
    let held = prove(&home.directory, taken.id, &*home.clock, &Silent).unwrap();
    let metadata: PathBuf = taken.path.join("backup-metadata.json");
    assert!(atocore_storage::files::try_lock(&metadata).unwrap().is_none());
    drop(held);
    assert!(atocore_storage::files::try_lock(&metadata).unwrap().is_some());
}

#[test]
fn fuzzed_archives_are_imported_completely_or_leave_nothing() {
    let home = Home::new();
    let taken = home.take();
    let packed = std::fs::read(home.exports(&taken.id.to_string()).path.unwrap()).unwrap();
    let unpacked = zstd::decode_all(packed.as_slice()).unwrap();
    let whole = tree(&taken.path);
    let from = home.root.path().join("fuzzed.tar.zst");
    let import = |bytes: &[u8]| {
        std::fs::write(&from, bytes).unwrap();
        let elsewhere = Elsewhere::new();
        match home.imports(&elsewhere.directory, &from) {
            Ok(imported) => assert_eq!(tree(&imported.path), whole),
            Err(_) => assert_eq!(elsewhere.holds(), Vec::<String>::new()),
        }
    };
    let dictionary =
        ["ustar\0", "../", "/etc/", "L", "\0\0\0\0\0\0\0\0", "99999999999", "db/atocore.db", "\"files\": ["];
    let tried = fuzz(100, &[&packed], &dictionary, import).unwrap();
    let tried = tried
        + fuzz(200, &[&unpacked], &dictionary, |tar| import(&zstd::encode_all(tar, 1).unwrap())).unwrap();
    println!("{tried} inputs");
}
