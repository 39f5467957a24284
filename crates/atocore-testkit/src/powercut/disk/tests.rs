use super::*;

fn disk(steps: &[Step]) -> Disk {
    let dir = tempfile::tempdir().unwrap();
    files::write_synced(&dir.path().join("old"), b"old").unwrap();
    files::create_dirs(&dir.path().join("folder")).unwrap();
    let mut disk = Disk::of(dir.path()).unwrap();
    for step in steps {
        disk.apply(step).unwrap();
    }
    disk
}

fn make(path: &str) -> Step {
    Step::Open { path: path.into(), emptied: true }
}

fn write(path: &str, bytes: &[u8]) -> Step {
    Step::Write { path: path.into(), offset: Some(0), bytes: bytes.to_vec() }
}

fn sync(path: &str) -> Step {
    Step::Sync(path.into())
}

fn rename(from: &str, to: &str) -> Step {
    Step::Rename(from.into(), to.into())
}

/// The bytes under a path in every state after all steps; `None` where there is no such file.
fn found(disk: &Disk, path: &str) -> BTreeSet<Option<Vec<u8>>> {
    let fixed = [Loss::Everything, Loss::Nothing, Loss::Bytes, Loss::Content, Loss::Names];
    let losses = fixed.into_iter().chain((0..200).map(Loss::Some));
    losses
        .map(|loss| disk.after_cut(disk.steps(), loss).entries.get(Path::new(path)).cloned().flatten())
        .collect()
}

fn bytes(all: &[Option<&[u8]>]) -> BTreeSet<Option<Vec<u8>>> {
    all.iter().map(|bytes| bytes.map(<[u8]>::to_vec)).collect()
}

#[test]
fn what_is_not_synced_can_be_there_missing_empty_or_zero() {
    let disk = disk(&[make("new"), write("new", b"12")]);
    assert_eq!(found(&disk, "new"), bytes(&[None, Some(b""), Some(b"\0\0"), Some(b"12")]));
    assert_eq!(found(&disk, "old"), bytes(&[Some(b"old")]));
}

#[test]
fn a_synced_file_has_its_bytes_and_may_have_no_name() {
    let disk = disk(&[make("new"), write("new", b"12"), sync("new")]);
    assert_eq!(found(&disk, "new"), bytes(&[None, Some(b"12")]));
}

#[test]
fn a_synced_folder_has_its_names_and_not_their_bytes() {
    let disk = disk(&[make("new"), write("new", b"12"), sync("")]);
    assert_eq!(found(&disk, "new"), bytes(&[Some(b""), Some(b"\0\0"), Some(b"12")]));
}

#[test]
fn a_file_is_replaced_in_one_step_and_whole_only_when_it_was_synced_before() {
    let whole = [make("new"), write("new", b"12"), sync("new"), rename("new", "old")];
    assert_eq!(found(&disk(&whole), "old"), bytes(&[Some(b"old"), Some(b"12")]));
    let torn = [make("new"), write("new", b"12"), rename("new", "old")];
    assert_eq!(found(&disk(&torn), "old"), bytes(&[Some(b"old"), Some(b""), Some(b"\0\0"), Some(b"12")]));
    let safe = [make("new"), write("new", b"12"), sync("new"), rename("new", "old"), sync("")];
    assert_eq!(found(&disk(&safe), "old"), bytes(&[Some(b"12")]));
}

#[test]
fn a_file_that_goes_to_another_folder_is_never_lost_and_may_have_both_names() {
    let moved = disk(&[rename("old", "folder/old")]);
    assert_eq!(found(&moved, "folder/old"), bytes(&[None, Some(b"old")]));
    for loss in (0..100).map(Loss::Some) {
        let image = moved.after_cut(1, loss);
        assert!(image.has(Path::new("old")) || image.has(Path::new("folder/old")));
    }
    let there = disk(&[rename("old", "folder/old"), sync("folder")]);
    assert_eq!(found(&there, "folder/old"), bytes(&[Some(b"old")]));
    assert_eq!(found(&there, "old"), bytes(&[None, Some(b"old")]));
    let gone = disk(&[rename("old", "folder/old"), sync("")]);
    assert_eq!(found(&gone, "old"), bytes(&[None]), "what the old folder has lost, the new one has");
    assert_eq!(found(&gone, "folder/old"), bytes(&[Some(b"old")]));
}

#[test]
fn pages_are_lost_one_by_one_and_in_any_order() {
    let pages = [vec![b'a'; 4096], vec![b'b'; 4096]].concat();
    let disk = disk(&[make("new"), sync(""), write("new", &pages)]);
    let second = [vec![0; 4096], vec![b'b'; 4096]].concat();
    let found = found(&disk, "new");
    assert!(found.contains(&Some(second)), "the second page without the first");
    assert!(found.contains(&Some(vec![b'a'; 4096])), "the first without the second");
}

#[test]
fn a_cut_in_the_middle_knows_nothing_of_what_comes_after() {
    let disk = disk(&[make("new"), write("new", b"12"), sync("new"), sync(""), Step::Remove("new".into())]);
    let name = Path::new("new");
    assert!(!disk.after_cut(3, Loss::Everything).has(name));
    assert!(disk.after_cut(4, Loss::Everything).has(name));
    assert!(disk.after_cut(5, Loss::Everything).has(name), "the removal is not safe");
    assert!(!disk.after_cut(5, Loss::Nothing).has(name));
}

#[test]
fn what_is_on_the_disk_now_is_what_the_steps_made_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let steps = [
        make("a"),
        write("a", b"123"),
        Step::Resize { path: "a".into(), size: 2 },
        Step::MakeFolder("b".into()),
    ];
    let mut disk = Disk::of(dir.path()).unwrap();
    for step in &steps {
        disk.apply(step).unwrap();
    }
    let copy = Step::Copy { from: "a".into(), from_offset: 1, to: "b/c".into(), offset: 0, length: Some(9) };
    disk.apply(&make("b/c")).unwrap();
    disk.apply(&copy).unwrap();
    files::write_synced(&dir.path().join("a"), b"12").unwrap();
    files::create_dirs(&dir.path().join("b")).unwrap();
    files::write_synced(&dir.path().join("b/c"), b"2").unwrap();
    assert_eq!(disk.now().difference(&Image::read(dir.path()).unwrap()), None);
    files::write_synced(&dir.path().join("a"), b"13").unwrap();
    assert_eq!(disk.now().difference(&Image::read(dir.path()).unwrap()), Some("a".into()));
    let other = dir.path().join("other");
    disk.now().write_to(&other).unwrap();
    assert_eq!(Image::read(&other).unwrap().digest(), disk.now().digest());
    assert!(disk.apply(&sync("nowhere")).is_err());
}
