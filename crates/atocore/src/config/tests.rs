use std::{ffi::OsString, fs, path::Path, time::Duration};

use atocore_engine::{Layout, PackShares, Precision, RankWeights, embed::fetch::ModelSource};
use atocore_model::ranking::{Fusion, Mode};

use super::*;

fn environment(dir: &Path, variables: &[(&str, &str)]) -> Environment {
    Environment {
        variables: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), OsString::from(value)))
            .collect(),
        user_data_dir: Some(dir.join("user")),
        user_cache_dir: Some(dir.join("cache")),
        hub_cache_dir: Some(dir.join("hub")),
        current_dir: dir.join("work"),
        ..Environment::default()
    }
}

fn load(dir: &Path, flags: &Flags, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    fs::create_dir_all(dir.join("work")).unwrap();
    Config::load(flags, &environment(dir, variables))
}

/// Loads with a folder as the home, as `--data-dir` does.
fn load_home(dir: &Path, home: &Path) -> Result<Config, ConfigError> {
    load(dir, &Flags { data_dir: Some(home.to_owned()), ..Flags::default() }, &[])
}

fn shown(config: &Config, key: Key) -> (Option<String>, SettingOrigin) {
    let shown = config.shown.iter().find(|shown| shown.key == key).unwrap();
    (shown.value.clone(), shown.origin.clone())
}

/// The settings file in the platform's home.
fn settings_file(dir: &Path, text: &str) -> PathBuf {
    fs::create_dir_all(dir.join("user")).unwrap();
    let path = dir.join("user").join(file::NAME);
    #[expect(clippy::disallowed_methods, reason = "a test writes what a person would write")]
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let config = load(dir.path(), &Flags::default(), &[]).unwrap();
    assert_eq!(config.engine.weights, RankWeights::default());
    assert_eq!((config.host.as_str(), config.port), ("127.0.0.1", 8100));
    assert_eq!(config.engine.busy_timeout, Duration::from_millis(5000));
    let stock = EngineConfig::new(config.engine.layout.clone());
    let defaults = |engine: &EngineConfig| {
        let sizes = (engine.chunks, engine.max_file_bytes, engine.max_removed_percent, engine.busy_timeout);
        (sizes, engine.weights.clone(), engine.packing, engine.retention, engine.chroma_program.clone())
    };
    assert_eq!(defaults(&config.engine), defaults(&stock), "the engine has the same defaults");
    assert_eq!((config.engine.chunks.max_chars(), config.engine.chunks.overlap_chars()), (800, 100));
    let weights = config.engine.weights;
    assert_eq!(
        [
            weights.project_match_boost,
            weights.query_token_step,
            weights.query_token_cap,
            weights.path_high_signal_boost,
            weights.path_low_signal_penalty
        ],
        [2.0, 0.08, 1.32, 1.18, 0.72]
    );
    assert_eq!(config.engine.layout, Layout::in_home(&dir.path().join("user")));
    assert_eq!(config.shown.len(), Key::ALL.len());
    assert!(config.shown.iter().map(|shown| shown.key).eq(Key::ALL.iter().copied()), "in documented order");
}

#[test]
fn models_are_looked_for_in_the_installation_then_at_the_user_s_then_at_the_hub_s() {
    let dir = tempfile::tempdir().unwrap();
    let config = load(dir.path(), &Flags::default(), &[]).unwrap();
    assert_eq!(
        (config.engine.model.name.as_str(), config.engine.model.precision),
        ("all-MiniLM-L6-v2", Precision::F32)
    );
    let own = dir.path().join("user/data/cache/models");
    assert_eq!(
        config.engine.model.folders,
        [own.clone(), dir.path().join("cache/models"), dir.path().join("hub")]
    );
    assert_eq!(config.model_dir, dir.path().join("cache/models"));
    assert_eq!(shown(&config, Key::ModelDir).1, SettingOrigin::Platform);

    let config = load(dir.path(), &Flags::default(), &[("ATOCORE_MODEL_DIR", "m")]).unwrap();
    assert_eq!(config.model_dir, dir.path().join("work/m"));
    assert_eq!(config.engine.model.folders[1], dir.path().join("work/m"));

    let without_home = Environment {
        user_cache_dir: None,
        hub_cache_dir: None,
        ..environment(dir.path(), &[("ATOCORE_HOME", "/h")])
    };
    let config = Config::load(&Flags::default(), &without_home).unwrap();
    assert_eq!(config.engine.model.folders, [Path::new("/h/data/cache/models")]);
    assert_eq!(config.model_dir, config.engine.model.folders[0]);
}

#[test]
fn models_are_downloaded_from_the_setting_then_from_the_mirror_of_other_programs_then_from_the_hub() {
    let dir = tempfile::tempdir().unwrap();
    let hub = |endpoint: Option<&str>, variables: &[(&str, &str)]| {
        let hub_endpoint = endpoint.map(ToOwned::to_owned);
        let environment = Environment { hub_endpoint, ..environment(dir.path(), variables) };
        Config::load(&Flags::default(), &environment)
    };
    let ours = [("ATOCORE_MODEL_HUB_URL", "https://ours.example.org/hub/")];
    let variable = |name: &str| SettingOrigin::Variable(name.to_owned());
    for (endpoint, variables, name, origin) in [
        (None, &[][..], "https://huggingface.co", SettingOrigin::Default),
        (Some("https://mirror.example.org"), &[], "https://mirror.example.org", variable("HF_ENDPOINT")),
        (Some("https://mirror.example.org"), &ours, "https://ours.example.org/hub", variable(ours[0].0)),
    ] {
        let config = hub(endpoint, variables).unwrap();
        assert!(config.model_hub.name().ends_with(&format!(" {name}")), "{}", config.model_hub.name());
        assert_eq!(shown(&config, Key::ModelHubUrl).1, origin);
    }
    // What other programs are told may be no use to this one, which is for a download to say.
    let config = hub(Some("http://me:s3cret@mirror.example.org"), &[]).unwrap();
    assert_eq!(shown(&config, Key::ModelHubUrl).0.unwrap(), "(cannot be used)");
    for (name, value) in [
        ("ATOCORE_MODEL_HUB_URL", "http://mirror.example.org"),
        ("ATOCORE_MODEL_HUB_URL", "https://me:s3cret@mirror.example.org"),
        ("ATOCORE_MODEL_HUB_CA_FILE", "/nowhere/ca.pem"),
    ] {
        let error = hub(None, &[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(name.trim_start_matches("ATOCORE_")) && !error.contains("s3cret"), "{error}");
    }
}

#[test]
fn a_model_is_a_name_or_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let model = |name: &str| {
        load(dir.path(), &Flags::default(), &[("ATOCORE_EMBEDDING_MODEL", name)]).unwrap().engine.model.name
    };
    for name in ["all-minilm-l6-v2", "sentence-transformers/all-MiniLM-L6-v2", "paraphrase-x"] {
        assert_eq!(model(name), name);
    }
    let work = dir.path().join("work");
    for (given, folder) in
        [("./mine", work.join("mine")), ("../mine", work.join("../mine")), ("/srv/m", "/srv/m".into())]
    {
        assert_eq!(model(given), folder.to_str().unwrap());
    }
    settings_file(dir.path(), "embedding_model = './mine'\nembedding_precision = 'INT8'\n");
    let config = load(dir.path(), &Flags::default(), &[]).unwrap();
    assert_eq!(
        config.engine.model.name,
        dir.path().join("user/mine").to_str().unwrap(),
        "relative to the file"
    );
    assert_eq!(config.engine.model.precision, Precision::Int8);
    settings_file(dir.path(), "embedding_model = ''\n");
    let error = load(dir.path(), &Flags::default(), &[]).unwrap_err().to_string();
    assert!(error.contains("`EMBEDDING_MODEL` is ``, allowed is the name of a model"), "{error}");
}

#[test]
fn the_way_to_put_both_halves_together_is_a_setting_with_a_range() {
    let dir = tempfile::tempdir().unwrap();
    let weights = |variables: &[(&str, &str)]| {
        load(dir.path(), &Flags::default(), variables).map(|config| config.engine.weights)
    };
    let rrf = weights(&[("ATOCORE_RANK_FUSION", "rrf"), ("ATOCORE_RETRIEVAL_MODE", "Dense")]).unwrap();
    assert_eq!((rrf.fusion, rrf.mode), (Fusion::Reciprocal { k: 60.0 }, Mode::Dense));
    for edge in ["0", "1", "0.25"] {
        let meaning_weight = edge.parse().unwrap();
        let weights = weights(&[("ATOCORE_RANK_MEANING_WEIGHT", edge)]).unwrap();
        assert_eq!(weights.fusion, Fusion::Convex { meaning_weight });
    }
    for (name, values) in [
        ("RANK_MEANING_WEIGHT", &["-0.1", "1.1", "NaN", "inf", "half"][..]),
        ("RANK_RRF_K", &["0", "-1", "1000.5", "NaN", "inf"]),
        ("RANK_FUSION", &["sum"]),
        ("PACK_STATE_SHARE", &["-0.1", "1.1", "NaN", "inf", "20%"]),
        ("PACK_MEMORY_SHARE", &["-0.1", "1.1", "NaN", "-inf"]),
        ("RETRIEVAL_MODE", &["both"]),
        ("EMBEDDING_PRECISION", &["f16"]),
    ] {
        for value in values {
            let variable = format!("ATOCORE_{name}");
            let error = weights(&[(&variable, value)]).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}` is `{value}`, allowed is ")), "{error}");
        }
    }
}

#[test]
fn what_the_facts_may_take_of_a_pack_is_not_more_than_all_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let shares = |variables: &[(&str, &str)]| {
        load(dir.path(), &Flags::default(), variables).map(|config| config.engine.packing)
    };
    assert_eq!(shares(&[]).unwrap(), PackShares::default());
    let both = [("ATOCORE_PACK_STATE_SHARE", "0.7"), ("ATOCORE_PACK_MEMORY_SHARE", "0.3")];
    assert_eq!(shares(&both).unwrap(), PackShares { state: 0.7, memories: 0.3 });
    let error = shares(&[("ATOCORE_PACK_STATE_SHARE", "0.95")]).unwrap_err().to_string();
    assert!(error.contains("`PACK_STATE_SHARE` is `0.95`, allowed is at most what"), "{error}");
    let error = shares(&[both[0], ("ATOCORE_PACK_MEMORY_SHARE", "0.31")]).unwrap_err().to_string();
    assert!(error.contains("`PACK_MEMORY_SHARE` is `0.31`, allowed is at most what"), "{error}");
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
    let dir = tempfile::tempdir().unwrap();
    let file =
        settings_file(dir.path(), "port = 1\nhost = '::1'\nchunk_max_size = 900\nvault_dir = 'notes'\n");
    let variables = [("ATOCORE_PORT", "2"), ("ATOCORE_HOST", "127.0.0.2"), ("ATOCORE_DRIVE_DIR", "drive")];
    let flags = Flags { port: Some("3".to_owned()), ..Flags::default() };
    let config = load(dir.path(), &flags, &variables).unwrap();
    assert_eq!(shown(&config, Key::Port), (Some("3".to_owned()), SettingOrigin::Flag("--port")));
    assert_eq!(shown(&config, Key::Host).1, SettingOrigin::Variable("ATOCORE_HOST".to_owned()));
    assert_eq!(
        shown(&config, Key::ChunkMaxSize),
        (Some("900".to_owned()), SettingOrigin::File(file.clone()))
    );
    assert_eq!(shown(&config, Key::ChunkOverlap), (Some("100".to_owned()), SettingOrigin::Default));
    assert_eq!((config.file, config.home), (Some(file), dir.path().join("user")));
    assert_eq!(config.engine.vault_dir, Some(dir.path().join("user/notes")), "relative to the file");
    assert_eq!(
        config.engine.drive_dir,
        Some(dir.path().join("work/drive")),
        "relative to the current folder"
    );
}

#[test]
fn the_home_flag_decides_for_all_parts_but_a_file_in_it_still_counts() {
    let dir = tempfile::tempdir().unwrap();
    settings_file(dir.path(), "backup_dir = '/mnt/disk'\nport = 9\n");
    let variables = [
        ("ATOCORE_HOME", "/elsewhere"),
        ("ATOCORE_DATA_DIR", "/elsewhere/data"),
        ("ATOCORE_BACKUP_DIR", "/elsewhere/backups"),
        ("ATOCORE_PROJECT_REGISTRY_PATH", "/elsewhere/registry.json"),
    ];
    let flags = Flags { data_dir: Some("../user".into()), ..Flags::default() };
    let home = dir.path().join("work/../user");
    let config = load(dir.path(), &flags, &variables).unwrap();
    assert_eq!(config.engine.layout.data, home.join("data"));
    assert_eq!(config.engine.layout.registry, home.join("config/project-registry.json"));
    assert_eq!(config.engine.layout.backups, Path::new("/mnt/disk"));
    let config = load(dir.path(), &Flags::default(), &variables).unwrap();
    assert_eq!(config.engine.layout.data, Path::new("/elsewhere/data"));
    assert_eq!((config.port, config.file), (8100, None), "the file of another home is not read");
}

#[test]
fn every_fault_is_named_at_once_with_value_range_and_origin() {
    let dir = tempfile::tempdir().unwrap();
    settings_file(dir.path(), "chunk_overlap = 400\nhome = '/x'\nprot = 1\nlog = true\n[rank]\nx = 1\n");
    let variables = [
        ("ATOCORE_RANK_QUERY_TOKEN_CAP", "NaN"),
        ("ATOCORE_RANK_QUERY_TOKEN_STEP", "-0.1"),
        ("ATOCORE_RANK_PROJECT_MATCH_BOOST", "0"),
        ("ATOCORE_RANK_PATH_HIGH_SIGNAL_BOOST", "inf"),
        ("ATOCORE_CHUNK_OVERLAPP", "1"),
        ("ATOCORE_API_TOKEN", "hidden words"),
    ];
    let error = load(dir.path(), &Flags { port: Some("70000".to_owned()), ..Flags::default() }, &variables)
        .unwrap_err();
    let text = error.to_string();
    assert_eq!(error.faults.len(), 12, "{text}");
    for part in [
        "`RANK_QUERY_TOKEN_CAP` is `NaN`",
        "above 0",
        "(from environment ATOCORE_RANK_QUERY_TOKEN_STEP)",
        "did you mean `ATOCORE_CHUNK_OVERLAP`?",
        "`PORT` is `70000`, allowed is a number from 0 to 65535 (from flag --port)",
        "less than half of `CHUNK_MAX_SIZE`",
        "did you mean `port`?",
        "`[rank]` is not a setting",
    ] {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
    assert!(!text.contains("hidden words"), "{text}");
}

#[test]
fn the_token_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let config =
        load(dir.path(), &Flags::default(), &[("ATOCORE_API_TOKEN", "open-sesame-and-more")]).unwrap();
    assert!(config.api_token.is_some());
    assert!(!format!("{config:?}").contains("sesame"));
    settings_file(dir.path(), "api_token = open-sesame-and-more");
    let error = load(dir.path(), &Flags::default(), &[]).unwrap_err().to_string();
    assert!(error.contains("line 1") && !error.contains("sesame"), "{error}");
}

#[test]
fn an_address_that_is_refused_is_shown_without_what_may_be_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    for address in
        ["http://me:s3cret@host:8000", "me:s3cret@host", "http://host/?token=s3cret", "http://host/#s3cret"]
    {
        let error = load(dir.path(), &Flags::default(), &[("ATOCORE_CHROMA_URL", address)]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("`CHROMA_URL` is `(not shown)`") && !text.contains("s3cret"), "{text}");
    }
    settings_file(dir.path(), "chroma_url = ['http://me:s3cret@host']\n");
    let text = load_home(dir.path(), &dir.path().join("user")).unwrap_err().to_string();
    assert!(text.contains("`CHROMA_URL`") && !text.contains("s3cret"), "{text}");
    let error =
        load(dir.path(), &Flags::default(), &[("ATOCORE_CHROMA_URL", "http://host/path")]).unwrap_err();
    assert!(error.to_string().contains("http://host/path"), "what holds no secret is repeated: {error}");
}

#[test]
fn a_webhook_is_an_address_that_something_can_be_sent_to() {
    let dir = tempfile::tempdir().unwrap();
    let load = |address| load(dir.path(), &Flags::default(), &[("ATOCORE_WEBHOOK", address)]);
    for good in
        ["http://127.0.0.1:9/x?y=z", "https://hooks.example.org/services/T0/B0/s3cret", "http://[::1]:8"]
    {
        assert_eq!(load(good).unwrap().webhook.as_deref(), Some(good));
    }
    for bad in [
        "http:///s3cret",
        "http://",
        "http://ho st/s3cret",
        "http://user:s3cret@host/x",
        "https://s3cret@host",
        "http://host:99999/s3cret",
        "http://host:0/",
        "http://:80/s3cret",
        "ftp://host/s3cret",
        "host/s3cret",
        "/s3cret",
    ] {
        let text = load(bad).unwrap_err().to_string();
        assert!(text.contains("`WEBHOOK` cannot be used") && !text.contains("s3cret"), "{bad}: {text}");
    }
}

#[test]
fn a_program_is_found_by_its_name_in_whole_folders_only_and_becomes_a_whole_path() {
    let dir = tempfile::tempdir().unwrap();
    let program = |dirs: &[&str], name: &str| {
        let environment = Environment {
            program_dirs: dirs.iter().map(|below| dir.path().join(below)).collect(),
            ..environment(dir.path(), &[("ATOCORE_CHROMA_PROGRAM", name)])
        };
        Config::load(&Flags::default(), &environment).unwrap().engine.chroma_program
    };
    fs::create_dir_all(dir.path().join("bin")).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test writes what a person would write")]
    fs::write(dir.path().join("bin/chroma"), "").unwrap();
    assert_eq!(program(&["none", "bin"], "chroma"), dir.path().join("bin/chroma"));
    assert_eq!(program(&["none"], "chroma"), Path::new("chroma"));
    assert_eq!(program(&["bin"], "/usr/bin/chroma"), Path::new("/usr/bin/chroma"));
}

#[test]
fn a_variable_set_to_nothing_is_not_set() {
    let dir = tempfile::tempdir().unwrap();
    let config =
        load(dir.path(), &Flags::default(), &[("ATOCORE_PORT", ""), ("ATOCORE_API_TOKEN", "")]).unwrap();
    assert_eq!((config.port, config.api_token.is_none()), (8100, true));
}

#[test]
fn without_any_place_for_data_a_hint_is_given() {
    let environment = Environment { current_dir: "/nowhere".into(), ..Environment::default() };
    let error = Config::load(&Flags::default(), &environment).unwrap_err();
    assert!(error.to_string().contains("`--data-dir`"), "{error}");
}
