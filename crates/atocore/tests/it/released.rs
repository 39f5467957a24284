//! Snapshots of every format and schema there ever was are kept, and still restore.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::program::{PROGRAM, Sandbox, ran};

/// What this program writes.
const FORMAT: u64 = 1;

/// A snapshot that an earlier program took, or this one.
struct Kept {
    archive: PathBuf,
    format: u64,
    schema: u64,
}

/// The snapshots in `tests/fixtures/snapshots`, by schema.
fn kept() -> Vec<Kept> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/snapshots");
    let mut kept = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let archive = entry.unwrap().path();
        let name = archive.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(versions) = name.strip_suffix(".tar.zst") else {
            assert_eq!(name, "README.md");
            continue;
        };
        let (format, schema) = versions.strip_prefix("format-").unwrap().split_once("-schema-").unwrap();
        kept.push(Kept { archive, format: format.parse().unwrap(), schema: schema.parse().unwrap() });
    }
    kept.sort_by_key(|kept| (kept.format, kept.schema));
    kept
}

/// A place with the snapshot of an archive, and its stamp.
fn with(kept: &Kept) -> (Sandbox, String) {
    let place = Sandbox::new().with_model();
    let imported = place.json(&["backup", "import", kept.archive.to_str().unwrap()]);
    (place, imported["stamp"].as_str().unwrap().to_owned())
}

/// The record of the only snapshot that is listed.
fn record(place: &Sandbox) -> Value {
    place.json(&["backup", "list"])[0]["metadata"]["atocore"].clone()
}

#[test]
fn a_snapshot_of_the_present_format_and_of_every_schema_is_kept() {
    let place = Sandbox::with_notes();
    let _stamp = place.snapshot();
    let present = record(&place);
    assert_eq!(
        present["format_version"], FORMAT,
        "keep a snapshot of the old format, then say the new one here"
    );
    let newest = present["schema_version"].as_u64().unwrap();
    for schema in 1..=newest {
        assert!(
            kept().iter().any(|kept| kept.schema == schema),
            "no snapshot of schema {schema} is kept: tests/fixtures/snapshots/README.md says how one is made"
        );
    }
    for format in 1..=FORMAT {
        assert!(kept().iter().any(|kept| kept.format == format), "no snapshot of format {format} is kept");
    }
    for kept in kept() {
        let (place, _stamp) = with(&kept);
        let record = record(&place);
        let versions = (&record["format_version"], &record["schema_version"]);
        assert_eq!(versions, (&json!(kept.format), &json!(kept.schema)), "{}", kept.archive.display());
    }
}

#[test]
fn each_is_listed_validated_restored_upgraded_and_answers() {
    for kept in kept() {
        let name = kept.archive.display().to_string();
        let (place, stamp) = with(&kept);
        assert!(place.ok(&["backup", "list"]).contains(&stamp), "{name}");
        let validated = place.run(&["--json", "backup", "validate", &stamp, "--depth", "answers"]);
        let found: Value = serde_json::from_str(&validated.stdout).unwrap();
        if kept.schema == 1 {
            // From before there were golden queries: everything but the answers can be proven.
            assert_eq!(found["errors"], json!(["golden_queries_not_recorded"]), "{name}: {found}");
            assert_eq!(found["atocore"]["depth_reached"], "restore", "{name}: {found}");
        } else {
            assert_eq!((validated.code, &found["valid"]), (0, &json!(true)), "{name}: {found}");
        }

        let answers = |place: &Sandbox, home: &str| {
            let question = ["--json", "--data-dir", home, "query", "when are the tomatoes watered"];
            let asked = ran(place.bare(PROGRAM).args(question));
            assert_eq!(asked.code, 0, "{name}: {asked:?}");
            let answer: Value = serde_json::from_str(&asked.stdout).unwrap();
            assert_eq!(answer["results"][0]["source_file"], "garden/water.md", "{name}: {answer}");
            answer["results"][0]["content"].clone()
        };
        // Over the present state, and into a folder of its own.
        place.ok(&["backup", "restore", &stamp, "--yes"]);
        // A question is the first thing that is asked of it, and the one who asks may be anybody who may write.
        let content = answers(&place, "home");
        assert!(content.as_str().unwrap().contains("the morning sun burns wet leaves"), "{name}: {content}");
        place.ok(&["backup", "restore", &stamp, "--to", "aside"]);
        assert_eq!(answers(&place, "aside"), content, "{name}");

        if kept.schema >= 3 {
            let state = place.json(&["state", "list", "field notes"]);
            assert_eq!(state["entries"][0]["value"], "every night at three", "{name}: {state}");
            let memories = place.json(&["memory", "list"]);
            assert_eq!(memories["memories"][0]["status"], "candidate", "{name}: {memories}");
            assert_eq!(
                place.json(&["interaction", "list"])["interactions"][0]["response"],
                "in spring",
                "{name}"
            );
        }

        // It is a store of this program now: it takes new documents, and its snapshots are proven to the answers.
        assert_eq!(place.json(&["status"])["projects"][0]["documents"], 3, "{name}");
        place.write("more/bees.md", "# Bees\n\nThe bees fly from ten degrees on.\n");
        place.ok(&["project", "add", "more", "--root", "more"]);
        place.ok(&["refresh", "more"]);
        let upgraded = place.snapshot();
        let proof = place.json(&["backup", "validate", &upgraded, "--depth", "answers"]);
        assert_eq!(proof["valid"], true, "{name}: {proof}");
        let list = place.json(&["backup", "list"]);
        let schemas: Vec<_> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["metadata"]["atocore"]["schema_version"])
            .collect();
        assert_eq!(schemas[0], &json!(kept.schema), "{name}: it stays as it is");
        assert!(schemas.last().unwrap().as_u64() >= Some(kept.schema), "{name}: {list}");
        assert_eq!(schemas.last().unwrap().as_u64(), Some(present_schema()), "{name}: {list}");
    }
}

/// The schema of a store that is made now.
fn present_schema() -> u64 {
    let place = Sandbox::with_notes();
    let _stamp = place.snapshot();
    record(&place)["schema_version"].as_u64().unwrap()
}
