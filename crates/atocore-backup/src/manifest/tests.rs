use super::*;

fn sample() -> Manifest {
    Manifest {
        created_at: "2026-04-06T18:42:19.000000+00:00".to_owned(),
        backup_root: "/backups/snapshots/20260406T184219Z".to_owned(),
        db_snapshot_path: "/backups/snapshots/20260406T184219Z/db/atocore.db".to_owned(),
        db_size_bytes: 4096,
        vector_store_note: "Zürich, 東京, 🦀 \u{7f} \"quoted\" \\ \t".to_owned(),
        atocore: Some(SnapshotRecord {
            format_version: FORMAT_VERSION,
            program_version: "0.1.0".to_owned(),
            schema_version: 1,
            store_id: "store_00".to_owned(),
            generation: 7,
            token: "00000000000000ff".to_owned(),
            vector_fingerprint: None,
            counts: Counts { documents: 1, chunks: 2, operations: 7, ..Counts::default() },
            collection: None,
            files: vec![FileRecord {
                path: "db/atocore.db".parse().unwrap(),
                size_bytes: 4096,
                digest: Digest::from_bytes([0xab; 32]),
            }],
            metadata_blake3: String::new(),
            notices: Vec::new(),
        }),
        ..Manifest::default()
    }
}

#[test]
fn the_keys_stand_in_the_order_of_the_contract_with_our_object_last() {
    let bytes = sample().seal().unwrap();
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    let keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "created_at",
            "backup_root",
            "db_snapshot_path",
            "db_size_bytes",
            "registry_snapshot_path",
            "chroma_snapshot_path",
            "chroma_snapshot_bytes",
            "chroma_snapshot_files",
            "chroma_snapshot_included",
            "vector_store_note",
            "atocore"
        ]
    );
    assert!(bytes.starts_with(b"{\n  \"created_at\": ") && bytes.ends_with(b"\n}\n"));
}

#[test]
fn text_outside_ascii_is_escaped_and_reads_back() {
    let mut manifest = sample();
    let bytes = manifest.seal().unwrap();
    assert!(bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')));
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(r#"Z\u00fcrich, \u6771\u4eac, \ud83e\udd80 \u007f \"quoted\" \\ \t"#), "{text}");
    let reading = read(&bytes).unwrap();
    assert_eq!(reading.manifest.unwrap(), manifest);
    assert_eq!(reading.intact, Some(true));
}

#[test]
fn every_flipped_bit_of_the_metadata_is_seen() {
    let bytes = sample().seal().unwrap();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[position] ^= 1 << bit;
            let unseen =
                read(&damaged).is_ok_and(|found| found.manifest.is_ok() && found.intact == Some(true));
            assert!(!unseen, "byte {position}, bit {bit}");
        }
    }
}

#[test]
fn every_truncation_of_the_metadata_is_seen() {
    let bytes = sample().seal().unwrap();
    for length in 0..bytes.len() {
        let unseen = read(&bytes[..length]).is_ok_and(|found| found.intact == Some(true));
        assert!(!unseen, "{length}");
    }
}

#[test]
fn parts_are_found_by_the_last_name_of_what_is_recorded() {
    let at = |text: &str| RecordedPath::At(text.parse().unwrap());
    for (recorded, place) in [
        ("", RecordedPath::NotRecorded),
        ("/other/place/db/atocore.db", at("db/atocore.db")),
        (r"C:\AtoCore\snapshots\x\db\atocore.db", at("db/atocore.db")),
        ("atocore.db", at("db/atocore.db")),
        ("/a b/naïve.db", at("db/naïve.db")),
        ("/x/..", RecordedPath::Unusable),
        ("/x/.", RecordedPath::Unusable),
        ("..", RecordedPath::Unusable),
        ("/x/", RecordedPath::Unusable),
        ("/x/a\0b", RecordedPath::Unusable),
        (r"..\..", RecordedPath::Unusable),
    ] {
        assert_eq!(RecordedPath::of(recorded, "db"), place, "{recorded:?}");
    }
}

#[test]
fn the_originals_metadata_is_read_without_our_object_and_with_keys_missing() {
    let reading = read(br#"{"db_snapshot_path": "/x/db/atocore.db", "added_later": [1]}"#).unwrap();
    let manifest = reading.manifest.unwrap();
    assert_eq!((manifest.atocore, reading.intact), (None, None));
    assert!(!manifest.chroma_snapshot_included);
}

#[test]
fn a_newer_format_is_named_and_nothing_else_of_it_is_read() {
    let reading = read(br#"{"atocore": {"format_version": 2, "packs": {}}}"#).unwrap();
    assert_eq!(reading.manifest, Err(ManifestError::Newer { found: 2 }));
}

#[test]
fn metadata_of_the_wrong_shape_says_what_is_wrong() {
    let record = |files: &str| {
        format!(
            r#"{{"atocore": {{"format_version": 1, "program_version": "", "schema_version": 1, "store_id": "",
            "generation": 1, "token": "", "vector_fingerprint": null, "metadata_blake3": "",
            "counts": {{"documents": 0, "chunks": 0, "operations": 0}}, "files": [{files}]}}}}"#
        )
    };
    let file = |path: &str| {
        let digest = Digest::from_bytes([1; 32]);
        format!(r#"{{"path": {path:?}, "size_bytes": 1, "blake3": "{digest}"}}"#)
    };
    assert!(read(record(&file("db/a")).as_bytes()).unwrap().manifest.is_ok());
    for (json, word) in [
        (r#"[]"#.to_owned(), "object"),
        (r#"{"db_snapshot_path": 3}"#.to_owned(), "expected a string"),
        (r#"{"db_size_bytes": -1}"#.to_owned(), "u64"),
        (r#"{"db_size_bytes": 1, "db_size_bytes": 2}"#.to_owned(), "duplicate"),
        (r#"{"atocore": {"format_version": 0}}"#.to_owned(), "format 0"),
        (r#"{"atocore": {"format_version": "one"}}"#.to_owned(), "u32"),
        (r#"{"atocore": {"format_version": 1, "extra": 0}}"#.to_owned(), "extra"),
        (record(&file("../../etc/passwd")), "passwd"),
        (record(&file("/etc/passwd")), "passwd"),
        (record(&file(r"db\..\x")), "not a path"),
        (record(&file(FILE_NAME)), FILE_NAME),
        (record(&[file("db/a"), file("db/a")].join(",")), "twice"),
    ] {
        match read(json.as_bytes()).unwrap().manifest {
            Err(ManifestError::Shape(said)) => assert!(said.contains(word), "{json}: {said}"),
            other => panic!("{json}: {other:?}"),
        }
    }
}

#[test]
fn metadata_that_is_not_json_is_refused() {
    let deep = "[".repeat(1 << 20);
    for bytes in [b"".as_slice(), b"{", b"{\"a\": NaN}", b"\xff\xfe", b"\xef\xbb\xbf{}", deep.as_bytes()] {
        assert!(read(bytes).is_err());
    }
}
