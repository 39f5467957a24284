//! Archives for the holders of keys: only they take them in, and nobody takes in what was changed.

use std::path::{Path, PathBuf};

use age::{secrecy::ExposeSecret, x25519::Identity};
use atocore_backup::{
    BackupError,
    archive::{Exported, Identities, Imported, Recipients, export, import},
    vault::Vault,
};
use atocore_model::{error::ErrorCode, monitor::Silent};

use crate::{
    crash::CancelAt,
    home::{Home, tree},
};

/// A key, and the file that holds it.
struct Key {
    identity: Identity,
    file: PathBuf,
}

impl Key {
    fn new(home: &Home, name: &str) -> Self {
        let identity = Identity::generate();
        let file = home.root.path().join(name);
        std::fs::write(&file, format!("# a key\n{}\n", identity.to_string().expose_secret())).unwrap();
        Self { identity, file }
    }

    fn identities(&self) -> Identities {
        let mut identities = Identities::default();
        identities.add_file(&self.file).unwrap();
        identities
    }
}

fn exported(home: &Home, stamp: &str, keys: &[&Key]) -> Exported {
    let mut recipients = Recipients::default();
    for key in keys {
        recipients.add(&key.identity.to_public().to_string()).unwrap();
    }
    let to = home.root.path().join("a.tar.zst.age");
    export(&home.vault, stamp.parse().unwrap(), &to, &recipients, &*home.clock, &Silent).unwrap()
}

/// Takes an archive in somewhere else, and insists that what is refused leaves nothing there.
fn take_in(home: &Home, from: &Path, keys: &Identities) -> Result<Imported, BackupError> {
    let elsewhere = tempfile::tempdir().unwrap();
    let vault = Vault::new(&elsewhere.path().join("backups"));
    let imported = import(&vault, from, keys, &*home.clock, &Silent);
    match &imported {
        Ok(imported) => assert_eq!(tree(&imported.path), tree(&home.vault.snapshot(imported.stamp))),
        Err(error) => {
            let left: Vec<_> = tree(elsewhere.path())
                .into_keys()
                .filter(|path| !path.ends_with('/') && path != "backups/.lock")
                .collect();
            assert_eq!(left, [""; 0], "{error}");
            assert!(vault.list().unwrap().is_empty(), "{error}");
        }
    }
    imported
}

#[test]
fn each_of_the_recipients_can_take_it_in_and_nobody_else() {
    let home = Home::new();
    let stamp = home.take().id.to_string();
    let [first, second, stranger] = ["first", "second", "stranger"].map(|name| Key::new(&home, name));
    let exported = exported(&home, &stamp, &[&first, &second]);
    assert!(exported.encrypted);
    assert_eq!(exported.archive_bytes, exported.path.metadata().unwrap().len());
    for key in [&first, &second] {
        assert!(take_in(&home, &exported.path, &key.identities()).unwrap().encrypted);
    }
    let refused = |keys: &Identities, words: &str| {
        let error = take_in(&home, &exported.path, keys).unwrap_err();
        assert_eq!(error.code(), ErrorCode::ArchiveEncrypted);
        assert!(error.to_string().contains(words) && error.hint().unwrap().contains("--identity"), "{error}");
    };
    refused(&stranger.identities(), "for other keys");
    refused(&Identities::default(), "no key was given");
    // The name says nothing: the content does.
    let renamed = home.root.path().join("renamed.tar.zst");
    std::fs::rename(&exported.path, &renamed).unwrap();
    assert!(take_in(&home, &renamed, &first.identities()).unwrap().encrypted);
    let plain = home.root.path().join("plain.tar.zst.age");
    let stamp = stamp.parse().unwrap();
    let _exported =
        export(&home.vault, stamp, &plain, &Recipients::default(), &*home.clock, &Silent).unwrap();
    assert!(!take_in(&home, &plain, &first.identities()).unwrap().encrypted);
}

#[test]
fn an_encrypted_archive_comes_through_a_pipe_as_well() {
    let home = Home::new();
    let stamp = home.take().id.to_string();
    let key = Key::new(&home, "key");
    let bytes = std::fs::read(exported(&home, &stamp, &[&key]).path).unwrap();
    let pipe = home.root.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| std::fs::write(&pipe, &bytes));
        assert!(take_in(&home, &pipe, &key.identities()).unwrap().encrypted);
        writing.join().unwrap().unwrap();
    });
}

#[test]
fn nothing_of_the_snapshot_can_be_read_without_a_key() {
    let home = Home::new();
    let stamp = home.take().id.to_string();
    let bytes = std::fs::read(exported(&home, &stamp, &[&Key::new(&home, "key")]).path).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
    let holds = |words: &[u8]| bytes.windows(words.len()).any(|window| window == words);
    for words in [&b"backup-metadata"[..], b"atocore.db", stamp.as_bytes(), &[0x28, 0xb5, 0x2f, 0xfd]] {
        assert!(!holds(words), "{}", String::from_utf8_lossy(words));
    }
}

#[test]
fn an_encrypted_archive_that_is_cut_off_or_changed_anywhere_is_refused() {
    let home = Home::new();
    let stamp = home.take().id.to_string();
    let key = Key::new(&home, "key");
    let bytes = std::fs::read(exported(&home, &stamp, &[&key]).path).unwrap();
    let archive = home.root.path().join("damaged.tar.zst.age");
    let refused = |bytes: &[u8], what: String| {
        std::fs::write(&archive, bytes).unwrap();
        let error = take_in(&home, &archive, &key.identities()).unwrap_err();
        let code = error.code();
        assert!(
            matches!(code, ErrorCode::ArchiveInvalid | ErrorCode::ArchiveEncrypted) && error.hint().is_some(),
            "{what}: {error}"
        );
    };
    // Every byte of the header, and places all over what follows.
    let header = bytes.windows(5).position(|window| window == b"\n--- ").unwrap() + 60;
    let step = bytes.len() / 40 + 1;
    for at in (0..header).chain((header..bytes.len()).step_by(step)).chain([bytes.len() - 1]) {
        refused(&bytes[..at], format!("cut off at {at}"));
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        refused(&flipped, format!("flipped at {at}"));
    }
    refused(&[&bytes[..], b"more"].concat(), "more after it".to_owned());
    refused(&[&bytes[..], &bytes[..]].concat(), "twice".to_owned());
    let mut endless = bytes[..22].to_vec();
    endless.extend(b"-> X25519 AAAA\nAAAA\n".repeat(100_000));
    refused(&endless, "a header without an end".to_owned());
    // What the cases are changes of is fine, as bytes and as text.
    std::fs::write(&archive, &bytes).unwrap();
    assert!(take_in(&home, &archive, &key.identities()).unwrap().encrypted);
    let mut text =
        age::armor::ArmoredWriter::wrap_output(Vec::new(), age::armor::Format::AsciiArmor).unwrap();
    std::io::Write::write_all(&mut text, &bytes).unwrap();
    std::fs::write(&archive, text.finish().unwrap()).unwrap();
    assert!(take_in(&home, &archive, &key.identities()).unwrap().encrypted);
}

#[test]
fn a_passphrase_is_no_key_and_is_told() {
    let home = Home::new();
    let key = Key::new(&home, "key");
    let archive = home.root.path().join("passphrase.tar.zst.age");
    let recipient = {
        let mut recipient = age::scrypt::Recipient::new("a passphrase".to_owned().into());
        recipient.set_work_factor(2);
        recipient
    };
    std::fs::write(&archive, age::encrypt(&recipient, b"anything").unwrap()).unwrap();
    let error = take_in(&home, &archive, &key.identities()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ArchiveEncrypted);
    assert!(error.hint().unwrap().contains("`age -d`"), "{error}");
}

#[test]
fn called_off_at_any_moment_an_encrypted_archive_leaves_nothing() {
    let home = Home::new();
    let taken = home.take();
    let key = Key::new(&home, "key");
    let mut recipients = Recipients::default();
    recipients.add(&key.identity.to_public().to_string()).unwrap();
    let to = home.root.path().join("out/a.tar.zst.age");
    std::fs::create_dir(to.parent().unwrap()).unwrap();
    let never = CancelAt::call(usize::MAX);
    let _exported = export(&home.vault, taken.id, &to, &recipients, &*home.clock, &never).unwrap();
    std::fs::remove_file(&to).unwrap();
    assert!(never.asked() > 5);
    for at in 0..never.asked() {
        let cancel = CancelAt::call(at);
        let error = export(&home.vault, taken.id, &to, &recipients, &*home.clock, &cancel).unwrap_err();
        assert!(matches!(error, BackupError::Cancelled), "{at}: {error}");
        assert!(tree(to.parent().unwrap()).is_empty(), "{at}");
    }
}
