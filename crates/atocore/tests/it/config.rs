//! Settings come from the place that counts most, show where they came from, and are refused with name, value, range
//! and origin when they cannot be.

use std::fs;

use crate::program::{PROGRAM, Sandbox, ran};

/// The value and origin of a setting.
fn setting(place: &Sandbox, arguments: &[&str], name: &str) -> (String, String) {
    let mut all = arguments.to_vec();
    all.extend(["config", "show"]);
    let shown = place.json(&all);
    let settings = shown["settings"].as_array().unwrap();
    let setting = settings.iter().find(|setting| setting["name"] == name).unwrap();
    let text = |key: &str| setting[key].as_str().unwrap_or("-").to_owned();
    (text("value"), text("origin"))
}

#[test]
fn the_environment_beats_the_file_which_beats_the_default() {
    let place = Sandbox::new().variable("ATOCORE_PORT", "2");
    let file = place.write("home/atocore.toml", "port = 1\nchunk_max_size = 900\n");
    let from_file = format!("file {}", file.display());
    let expected = [
        ("ATOCORE_PORT", "2", "environment ATOCORE_PORT"),
        ("ATOCORE_CHUNK_MAX_SIZE", "900", from_file.as_str()),
        ("ATOCORE_CHUNK_OVERLAP", "100", "default"),
    ];
    for (name, value, origin) in expected {
        assert_eq!(setting(&place, &[], name), (value.to_owned(), origin.to_owned()));
    }
    assert_eq!(setting(&place, &[], "ATOCORE_HOME").1, "flag --data-dir");
}

#[test]
fn without_a_flag_the_home_is_the_variable_else_the_trusted_folder_of_the_file_else_the_platform_s() {
    let place = Sandbox::new();
    place.write("work/atocore.toml", "");
    place.write("work/deep/down/a.md", "");
    assert_eq!(ran(place.bare(PROGRAM).args(["trust", "work"])).code, 0);
    let home = |variable: Option<&str>, from: &str| {
        let mut command = place.bare(PROGRAM);
        command.args(["config", "show"]).current_dir(place.path(from));
        command.envs(variable.map(|home| ("ATOCORE_HOME", home)));
        let ran = ran(&mut command);
        assert_eq!(ran.code, 0, "{ran:?}");
        let line = ran.stdout.lines().find(|line| line.starts_with("ATOCORE_HOME")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    let text = |below: &str| place.path(below).to_str().unwrap().to_owned();
    assert_eq!(home(Some("/srv/x"), "work/deep/down"), "/srv/x");
    assert_eq!(home(None, "work/deep/down"), text("work"));
    assert_eq!(home(None, "."), text(".local/share/atocore"));
}

#[test]
fn parts_can_lie_elsewhere_and_a_relative_registry_starts_from_the_current_folder() {
    let place = Sandbox::new();
    place.write("notes/a.md", "# A\n\nkeys\n");
    let variables = [
        ("ATOCORE_DATA_DIR", "d"),
        ("ATOCORE_BACKUP_DIR", "b"),
        ("ATOCORE_PROJECT_REGISTRY_PATH", "./config/project-registry.json"),
    ];
    let steps = [
        &["project", "add", "p", "--root", "notes"][..],
        &["refresh", "p"],
        &["backup", "create"],
        &["status"],
    ];
    for arguments in steps {
        let ran = ran(place.bare(PROGRAM).envs(variables).args(arguments));
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    assert!(place.path("d/db/atocore.db").exists() && place.path("config/project-registry.json").exists());
    assert_eq!(fs::read_dir(place.path("b/snapshots")).unwrap().count(), 1);
    assert!(!place.path(".local").exists(), "nothing lies where it was not sent");
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_name() {
    let place = Sandbox::with_notes();
    let before = place.state();
    let wrong = place.run_with(&[("ATOCORE_CHUNK_OVERLAPP", "50")], &["refresh", "notes"]);
    assert_eq!(wrong.code, 64, "{wrong:?}");
    for part in ["`ATOCORE_CHUNK_OVERLAPP` is not a setting", "did you mean `ATOCORE_CHUNK_OVERLAP`?"] {
        assert!(wrong.stderr.contains(part), "{wrong:?}");
    }
    let file = place.write("home/atocore.toml", "prot = 1\n");
    let wrong = place.run(&["status"]);
    assert_eq!(wrong.code, 64);
    assert!(wrong.stderr.contains("did you mean `port`?"), "{wrong:?}");
    assert!(wrong.stderr.contains(file.to_str().unwrap()), "{wrong:?}");
    fs::remove_file(file).unwrap();
    assert_eq!(place.state(), before);
}

#[test]
fn a_weight_that_is_no_weight_is_refused_by_name_value_range_and_origin() {
    let place = Sandbox::with_notes();
    for name in [
        "RANK_PROJECT_MATCH_BOOST",
        "RANK_QUERY_TOKEN_STEP",
        "RANK_QUERY_TOKEN_CAP",
        "RANK_PATH_HIGH_SIGNAL_BOOST",
        "RANK_PATH_LOW_SIGNAL_PENALTY",
        "RANK_RECENCY_BOOST",
        "RANK_RECENCY_HALF_LIFE_DAYS",
    ] {
        for value in ["NaN", "-0.5", "0", "inf", "-inf", "much", "1e999"] {
            let variable = format!("ATOCORE_{name}");
            let ran = place.run_with(&[(&variable, value)], &["query", "keys"]);
            assert_eq!(ran.code, 64, "{name}={value}: {ran:?}");
            for part in
                [format!("`{name}` is `{value}`"), "above 0".to_owned(), format!("environment {variable}")]
            {
                assert!(ran.stderr.contains(&part), "`{part}` is missing in {ran:?}");
            }
        }
    }
    for value in ["NaN", "-0.5", "1.5", "much"] {
        let ran = place.run_with(&[("ATOCORE_RANK_MIN_FIT", value)], &["query", "keys"]);
        assert_eq!(ran.code, 64, "{value}: {ran:?}");
        assert!(ran.stderr.contains(&format!("`RANK_MIN_FIT` is `{value}`")), "{ran:?}");
    }
    let nothing = place.run_with(&[("ATOCORE_RANK_MIN_FIT", "1")], &["query", "keys"]);
    assert!(nothing.stdout.contains("`--min-fit 0` shows what was found"), "{nothing:?}");
    let ran = place.run_with(
        &[("ATOCORE_RANK_PROJECT_MATCH_BOOST", "3.5")],
        &["query", "keys", "--project", "notes", "--explain"],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("× 3.5 "), "{ran:?}");
}

#[test]
fn models_lie_in_the_cache_of_the_user_unless_they_are_sent_elsewhere() {
    let place = Sandbox::new();
    let cache = place.path(".cache/atocore/models").to_str().unwrap().to_owned();
    let shown = setting(&place, &[], "ATOCORE_MODEL_DIR");
    assert_eq!(shown, (cache, "default of the platform".to_owned()));
    assert_eq!(
        setting(&place, &[], "ATOCORE_EMBEDDING_MODEL"),
        ("all-MiniLM-L6-v2".into(), "default".into())
    );
    let place =
        Sandbox::new().variable("ATOCORE_MODEL_DIR", "m").variable("ATOCORE_EMBEDDING_MODEL", "./mine");
    assert_eq!(setting(&place, &[], "ATOCORE_MODEL_DIR").0, place.path("m").to_str().unwrap());
    assert_eq!(setting(&place, &[], "ATOCORE_EMBEDDING_MODEL").0, place.path("mine").to_str().unwrap());
}

#[test]
fn all_faults_are_listed_at_once() {
    let place = Sandbox::new();
    let wrong = [
        ("ATOCORE_PORT", "70000"),
        ("ATOCORE_CHUNK_MAX_SIZE", "1"),
        ("ATOCORE_DB_BUSY_TIMEOUT_MS", "soon"),
        ("ATOCORE_LOG", "loud"),
        ("ATOCORE_LOG_FORMAT", "xml"),
        ("ATOCORE_MAX_FILE_BYTES", "0"),
        ("ATOCORE_HOST", "not a host"),
        ("ATOCORE_RETRIEVAL_MODE", "both"),
        ("ATOCORE_EMBEDDING_PRECISION", "f16"),
        ("ATOCORE_RANK_FUSION", "sum"),
        ("ATOCORE_RANK_MEANING_WEIGHT", "1.5"),
        ("ATOCORE_RANK_RRF_K", "0"),
        ("ATOCORE_PACK_STATE_SHARE", "-0.2"),
        ("ATOCORE_PACK_MEMORY_SHARE", "inf"),
    ];
    let ran = place.run_with(&wrong, &["status"]);
    assert_eq!(ran.code, 64);
    assert!(ran.stderr.contains(&format!("{} settings cannot be used", wrong.len())), "{ran:?}");
    for (name, value) in wrong {
        assert!(
            ran.stderr.contains(name) && ran.stderr.contains(value),
            "{name} is missing in {}",
            ran.stderr
        );
    }
    assert!(!place.path("home").exists());
}

#[test]
fn the_token_is_never_shown() {
    let place = Sandbox::new().variable("ATOCORE_API_TOKEN", "a-very-secret-token");
    let shown = place.ok(&["config", "show"]) + &place.ok(&["--json", "config", "show"]);
    assert!(shown.contains("(set, not shown)") && !shown.contains("secret"), "{shown}");
    let ran = place.run_with(&[("ATOCORE_API_TOKEN", "short-secret")], &["config", "show"]);
    assert_eq!(ran.code, 64);
    assert!(!ran.stderr.contains("short-secret") && ran.stderr.contains("API_TOKEN"), "{ran:?}");
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    let place = Sandbox::new();
    place.write("notes/a.md", "# A\n");
    // Whoever runs the tests may be allowed everything; a file in the way stops even them.
    place.write("home", "not a folder");
    for arguments in
        [&["project", "add", "p", "--root", "notes"][..], &["refresh", "--all"], &["backup", "create"]]
    {
        let ran = place.run(arguments);
        assert_eq!(ran.code, 1, "{arguments:?} {ran:?}");
        assert!(ran.stderr.contains(place.path("home").to_str().unwrap()), "{arguments:?} {ran:?}");
    }
    assert_eq!(place.read("home"), "not a folder");
}

#[test]
fn logs_are_json_when_asked_for_and_answers_stay_on_their_own() {
    let place = Sandbox::with_notes();
    let variables = [("ATOCORE_LOG", "info"), ("ATOCORE_LOG_FORMAT", "json")];
    let ran = place.run_with(&variables, &["--json", "backup", "create"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let events: Vec<serde_json::Value> =
        ran.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().any(|event| event["message"] == "runtime_backup_created"), "{ran:?}");
    assert!(serde_json::from_str::<serde_json::Value>(&ran.stdout).is_ok());
    assert_eq!(place.run(&["backup", "create"]).stderr, "", "a command is quiet by default");
}

#[test]
fn a_settings_file_that_is_a_pipe_or_endless_is_refused_and_not_waited_for() {
    let place = Sandbox::new();
    let file = place.write("home/atocore.toml", "#".repeat(2 << 20));
    let refused = |why: &str| {
        let ran = place.run(&["status"]);
        assert!(ran.code == 64 && ran.stderr.contains(why), "{why}: {ran:?}");
    };
    refused("it is larger than 1048576 bytes");
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
    refused("it is not a regular file");
    fs::remove_file(&file).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    refused("it is not a regular file");
}
