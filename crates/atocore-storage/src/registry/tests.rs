use super::*;

fn faults(text: &str) -> Vec<String> {
    let faults = Registry::parse(text.as_bytes()).unwrap_err();
    faults.into_iter().map(|fault| format!("{}: {}", fault.place, fault.problem)).collect()
}

#[test]
fn the_contract_s_format_is_read() {
    let text = r#"{"projects":[{"id":"p04-gigabit","aliases":["P04","gigabit"],"description":"d",
        "ingest_roots":[{"source":"vault","subpath":"incoming/p04","label":"notes"},{"source":"drive","subpath":"p04"}]}]}"#;
    let registry = Registry::parse(text.as_bytes()).unwrap();
    let [project] = registry.projects() else { panic!("one project") };
    assert_eq!(project.id.as_str(), "p04-gigabit");
    assert_eq!(project.roots[0].location.to_string(), "vault:incoming/p04");
    assert_eq!(project.roots[1].label, "");
}

#[test]
fn every_fault_is_listed_with_its_place() {
    let text = "{\"projects\":[\n{\"id\":\"a\",\"aliases\":[\"x\",7]},\n{\"id\":\"B!\",\"aliases\":\"y\"},\n\
        {\"id\":\"c\",\"aliases\":[\"X\"],\"ingest_roots\":[{\"source\":\"cloud\",\"subpath\":\"z\"},{\"source\":\"vault\",\"subpath\":\"../z\"}]},\n\
        {\"aliases\":[]},\n5]}";
    let faults = faults(text);
    let expected = [
        "line 2, projects[0].aliases[1]: a text is expected, not a number",
        "line 3, projects[1].id: `B!` is not a project id",
        "line 3, projects[1].aliases: a list is expected, not a text",
        "line 4, projects[2].ingest_roots[0]: `cloud` is not a source",
        "line 4, projects[2].ingest_roots[1]: `../z` leaves its root",
        "line 4, projects[2].aliases[0]: `x` already names project `a`",
        "line 5, projects[3]: the key `id` is missing",
        "line 6, projects[4]: an object is expected, not a number",
    ];
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault}");
    }
}

#[test]
fn text_that_is_no_registry_is_refused_with_a_place() {
    assert_eq!(faults("{\n  \"projects\": ["), ["line 2, column 15: EOF while parsing a list"]);
    assert_eq!(faults("{\n"), ["line 2, column 1: EOF while parsing an object"]);
    assert!(faults("[]").first().unwrap().contains("`projects`"));
    assert!(faults(r#"{"projects":{}}"#).first().unwrap().contains("a list is expected, not an object"));
    assert!(Registry::parse(b"{\"projects\":[\"\xff\"]}").unwrap_err()[0].problem.contains("UTF-8"));
}

#[test]
fn the_same_root_in_two_projects_is_a_fault() {
    let text = r#"{"projects":[
        {"id":"a","ingest_roots":[{"source":"vault","subpath":"n"}]},
        {"id":"b","ingest_roots":[{"source":"vault","subpath":"./n/"}]}]}"#;
    assert_eq!(
        faults(text),
        ["line 3, projects[1].ingest_roots[0]: the root `vault:n` already belongs to project `a`"]
    );
}

#[test]
fn unknown_keys_survive_a_change() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config").join("registry.json");
    let text = r#"{"version":3,"projects":[{"id":"a","owner":"me","aliases":["x"],
        "ingest_roots":[{"source":"vault","subpath":"n","label":"","priority":9}]}],"more":{"k":[1]}}"#;
    let registry = Registry::parse(text.as_bytes()).unwrap();
    let mut project = registry.projects()[0].clone();
    project.description = "new".to_owned();
    registry.with(&project).unwrap().save(&path).unwrap();
    let raw: Value = serde_json::from_slice(&files::read_if_present(&path).unwrap().unwrap()).unwrap();
    assert_eq!(raw["version"], 3);
    assert_eq!(raw["more"]["k"][0], 1);
    assert_eq!(raw["projects"][0]["owner"], "me");
    assert_eq!(raw["projects"][0]["ingest_roots"][0]["priority"], 9);
    assert_eq!(raw["projects"][0]["description"], "new");
    assert_eq!(Registry::load(&path).unwrap().projects(), [project]);
}

#[test]
fn a_taken_alias_is_refused_and_a_project_can_leave() {
    let registry = Registry::parse(br#"{"projects":[{"id":"a","aliases":["x"]}]}"#).unwrap();
    let newcomer = Project {
        id: "b".parse().unwrap(),
        aliases: vec!["X".parse().unwrap()],
        description: String::new(),
        roots: Vec::new(),
    };
    assert!(registry.with(&newcomer).unwrap_err()[0].problem.contains("already names project `a`"));
    let emptied = registry.without(&"a".parse().unwrap()).unwrap();
    assert!(emptied.projects().is_empty());
    assert_eq!(emptied.with(&newcomer).unwrap().projects(), [newcomer]);
}

#[test]
fn fuzzed_registries_are_refused_or_written_as_they_were_read() {
    let corpus: [&[u8]; 3] = [
        br#"{"projects":[{"id":"p04-gigabit","aliases":["P04","gigabit"],"description":"d","ingest_roots":[{"source":"vault","subpath":"incoming/p04","label":"notes"}]}],"note":[1.5e300,null]}"#,
        b"\xef\xbb\xbf{\r\n\t\"projects\": [ { \"id\": \"a\", \"aliases\": [\"caf\xc3\xa9 \\u00e9\"] } ]\r\n}",
        br#"{"projects":[{"id":"a","ingest_roots":[{"source":"folder","subpath":"/srv/notes"}]},{"id":"b"}]}"#,
    ];
    let dictionary = [
        "\"projects\":[",
        "\"aliases\":",
        "{\"id\":\"",
        "\\ud800",
        "[[[[",
        "{\"a\":",
        "..",
        "/",
        "null",
        "1e999",
    ];
    let tried = atocore_testkit::fuzz::fuzz(2000, &corpus, &dictionary, |input| {
        let Ok(registry) = Registry::parse(input) else { return };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.json");
        registry.save(&path).unwrap();
        assert_eq!(Registry::load(&path).unwrap(), registry);
    });
    println!("{} inputs", tried.unwrap());
}

#[test]
fn a_key_that_stands_twice_is_refused_by_its_name() {
    for (text, key) in [
        (r#"{"projects":[],"projects":[{"id":"a"}]}"#, "projects"),
        (r#"{"projects":[{"id":"a","id":"b"}]}"#, "id"),
        (
            r#"{"projects":[{"id":"a","ingest_roots":[{"source":"vault","subpath":"x","sub\u0070ath":"y"}]}]}"#,
            "subpath",
        ),
        (r#"{"projects":[],"ours":{"deep":[{"x":1,"y":2,"x":3}]}}"#, "x"),
    ] {
        let faults = faults(text);
        assert!(faults[0].starts_with("line 1, column "), "{faults:?}");
        assert!(faults[0].ends_with(&format!("the key `{key}` is there twice")), "{faults:?}");
    }
}

#[test]
fn numbers_and_unknown_keys_come_back_as_they_were() {
    let text = r#"{"ours":[null,true,-7,18446744073709551615,0.1,1e300,"é\u0000"],"projects":[{"id":"a","more":{"z":1,"a":2}}]}"#;
    let registry = Registry::parse(text.as_bytes()).unwrap();
    assert_eq!(registry.raw, serde_json::from_str::<Value>(text).unwrap());
    assert_eq!(serde_json::to_string(&registry.raw).unwrap().len(), text.replace("1e300", "1e+300").len());
}

#[test]
fn a_registry_of_many_projects_is_read_in_one_pass() {
    let entry = |number: usize| {
        format!(
            "{{\"id\":\"p{number}\",\"aliases\":[\"a{number}\"],\"ingest_roots\":[{{\"source\":\"vault\",\"subpath\":\"s{number}\"}}]}}"
        )
    };
    let entries: Vec<String> = (0..20_000).map(entry).collect();
    let text =
        format!("{{\"projects\":[\n{},\n{{\"id\":\"q\",\"aliases\":[\"p19999\"]}}]}}", entries.join(",\n"));
    let found = faults(&text);
    assert_eq!(found, ["line 20002, projects[20000].aliases[0]: `p19999` already names project `p19999`"]);
}

#[test]
fn a_registry_that_is_a_link_stays_one_and_its_target_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    files::create_dirs(&path("dotfiles")).unwrap();
    files::write_synced(&path("dotfiles/registry.json"), b"{\"projects\":[],\"mine\":1}").unwrap();
    std::os::unix::fs::symlink("dotfiles/registry.json", path("link")).unwrap();
    std::os::unix::fs::symlink(path("link"), path("registry.json")).unwrap();
    let project = |id: &str| Project {
        id: id.parse().unwrap(),
        aliases: Vec::new(),
        description: String::new(),
        roots: Vec::new(),
    };
    let registry = Registry::load(&path("registry.json")).unwrap().with(&project("a")).unwrap();
    registry.save(&path("registry.json")).unwrap();
    for name in ["registry.json", "link"] {
        assert_eq!(files::kind(&path(name)).unwrap(), Some(files::Kind::Link));
    }
    let text = String::from_utf8(files::read_if_present(&path("dotfiles/registry.json")).unwrap().unwrap());
    assert!(text.unwrap().contains("\"mine\": 1"));
    assert_eq!(Registry::load(&path("registry.json")).unwrap(), registry);
    assert_eq!(files::list(&path("dotfiles")).unwrap().len(), 1, "nothing else is left there");

    // One whose target is missing makes it; one that leads in a circle is told.
    files::remove_file(&path("dotfiles/registry.json")).unwrap();
    registry.save(&path("registry.json")).unwrap();
    assert_eq!(Registry::load(&path("dotfiles/registry.json")).unwrap(), registry);
    std::os::unix::fs::symlink("circle", path("circle")).unwrap();
    assert!(registry.save(&path("circle")).is_err());
}
