//! Names resolve to one project everywhere, and folders belong to one project.

use atocore_engine::{Caller, Error, ProjectChange, Reach};
use atocore_model::{error::ErrorCode, name::ProjectName, project::RootLocation};
use atocore_testkit::installation::{EngineExt, Installation, set_modified, vault_project};

fn name(text: &str) -> ProjectName {
    text.parse().unwrap()
}

#[test]
fn an_alias_resolves_in_any_case_and_a_taken_one_is_refused() {
    let place = Installation::default();
    place.write("a/x.md", "one");
    place.write("b/x.md", "two");
    let engine = place.own();
    let mut first = vault_project("first", "a");
    first.aliases = vec!["Eins".parse().unwrap()];
    let _project = engine.add_project(first, Caller::Local).unwrap();
    assert_eq!(engine.project(&name("EINS")).unwrap().id.as_str(), "first");

    let mut second = vault_project("second", "b");
    second.aliases = vec!["FIRST".parse().unwrap()];
    let refused = engine.add_project(second.clone(), Caller::Local).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NameTaken);
    assert!(refused.to_string().contains("`first`"), "{refused}");

    second.aliases = vec!["zwei".parse().unwrap()];
    let _project = engine.add_project(second.clone(), Caller::Local).unwrap();
    assert_eq!(engine.add_project(second, Caller::Local).unwrap_err().code(), ErrorCode::ProjectExists);
    let change = ProjectChange { aliases: Some(vec!["eins".parse().unwrap()]), ..ProjectChange::default() };
    let refused = engine.update_project(&name("zwei"), change, Caller::Local).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NameTaken);
    assert_eq!(engine.project(&name("zwei")).unwrap().id.as_str(), "second");
    assert_eq!(engine.project(&name("third")).unwrap_err().code(), ErrorCode::ProjectUnknown);
}

#[test]
fn a_folder_belongs_to_one_project_whatever_it_is_called() {
    let place = Installation::default();
    place.write("a/x.md", "one");
    let engine = place.own();
    engine.add("first", "a");
    let mut second = vault_project("second", "a");
    let same = place.vault().join("a");
    second.roots[0].location = RootLocation::Folder(same);
    let refused = engine.add_project(second, Caller::Local).unwrap_err();
    assert!(matches!(&refused, Error::RootTaken { owner, .. } if owner.as_str() == "first"), "{refused}");
}

#[test]
fn a_network_client_names_nothing_outside_the_configured_folders() {
    let place = Installation::default();
    place.write("a/x.md", "one");
    let engine = place.own();
    let mut project = vault_project("p", "a");
    project.roots[0].location = RootLocation::Folder(place.vault());
    for caller in [Caller::Network, Caller::Agent(Reach::Network)] {
        let refused = engine.add_project(project.clone(), caller).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::RootForbidden, "{caller:?}");
    }
    let _project = engine.add_project(project, Caller::Agent(Reach::Machine)).unwrap();

    std::os::unix::fs::symlink("/etc", place.vault().join("sneaky")).unwrap();
    let refused = engine.add_project(vault_project("q", "sneaky"), Caller::Network).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::RootUnusable);
    let missing = engine.add_project(vault_project("q", "missing"), Caller::Local).unwrap_err();
    assert!(missing.to_string().contains("vault:missing"), "{missing}");
}

#[test]
fn an_edited_registry_is_read_again_and_a_broken_one_is_refused_whole() {
    let place = Installation::default();
    place.write("a/x.md", "one");
    let engine = place.own();
    engine.add("first", "a");
    let path = place.config().layout.registry;
    let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
    edit(&path, &text.replace("first", "renamed"));
    assert_eq!(engine.projects().unwrap()[0].id.as_str(), "renamed");
    edit(&path, "{\"projects\": [{}, 7]}");
    let refused = engine.projects().unwrap_err();
    assert_eq!(refused.code(), ErrorCode::RegistryInvalid);
    assert!(
        refused.to_string().contains("projects[0]") && refused.to_string().contains("projects[1]"),
        "{refused}"
    );
}

#[test]
fn an_edited_registry_is_read_again_whatever_its_time_says() {
    let place = Installation::default();
    place.write("a/x.md", "one");
    let engine = place.own();
    engine.add("first", "a");
    let path = place.config().layout.registry;
    let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
    for id in ["first", "other", "third"] {
        edit(&path, &text.replace("first", id));
        set_modified(&path, 1_700_000_000);
        assert_eq!(engine.projects().unwrap()[0].id.as_str(), id);
    }
}

fn edit(path: &std::path::Path, text: &str) {
    #[expect(clippy::disallowed_methods, reason = "as an editor would write it")]
    std::fs::write(path, text).unwrap();
}

#[test]
fn removal_takes_the_documents_and_only_as_planned() {
    let place = Installation::default();
    place.write("a/x.md", "zebra");
    place.write("b/x.md", "zebra");
    let engine = place.own();
    engine.add("first", "a");
    engine.add("second", "b");
    let _report = engine.fresh("first");
    let plan = engine.plan_removal(&name("first")).unwrap();
    assert_eq!((plan.documents, plan.chunks), (1, 1));
    let _report = engine.fresh("second");
    let outdated = engine.remove_project(&plan, Caller::Local).unwrap_err();
    assert!(matches!(outdated, Error::PlanOutdated { .. }), "{outdated}");
    assert_eq!(engine.ask("zebra").hits.len(), 2);
    engine.remove_project(&engine.plan_removal(&name("first")).unwrap(), Caller::Local).unwrap();
    let hits = engine.ask("zebra").hits;
    assert_eq!(hits.iter().map(|hit| hit.project.as_str()).collect::<Vec<_>>(), ["second"]);
    assert!(engine.project(&name("first")).is_err());
}

#[test]
fn a_slip_in_a_name_is_answered_with_the_nearest_names() {
    let place = Installation::default();
    let engine = place.own();
    for id in ["gardens", "garden", "gardener", "warden", "notes"] {
        place.write(&format!("{id}/x.md"), "one");
        let mut project = vault_project(id, id);
        if id == "notes" {
            project.aliases = vec!["Field Notes".parse().unwrap()];
        }
        let _project = engine.add_project(project, Caller::Local).unwrap();
    }
    let all = "`atocore project list` shows every id and alias";
    for (slip, hint) in [
        ("gardn", format!("did you mean `garden` or `gardens` or `warden`? {all}")),
        ("FIELD note", format!("did you mean `Field Notes`? {all}")),
        ("nots", format!("did you mean `notes`? {all}")),
        ("something else", all.to_owned()),
    ] {
        let error = engine.project(&name(slip)).unwrap_err();
        assert_eq!((error.code(), error.hint()), (ErrorCode::ProjectUnknown, Some(hint)));
    }
}

#[test]
fn what_is_registered_while_others_are_removed_stays() {
    let place = Installation::default();
    let engine = place.own();
    for number in 0..40 {
        place.write(&format!("old{number}/x.md"), "old");
        place.write(&format!("new{number}/x.md"), "new");
        engine.add(&format!("old{number}"), &format!("old{number}"));
    }
    std::thread::scope(|scope| {
        let _removing = scope.spawn(|| {
            for number in 0..40 {
                let old = name(&format!("old{number}"));
                // Until nobody registers anything between the plan and the removal.
                while let Err(error) =
                    engine.plan_removal(&old).and_then(|plan| engine.remove_project(&plan, Caller::Local))
                {
                    assert_eq!(error.code(), ErrorCode::PlanOutdated, "{error}");
                }
            }
        });
        for number in 0..40 {
            engine.add(&format!("new{number}"), &format!("new{number}"));
        }
    });
    let mut ids: Vec<_> = engine.projects().unwrap().iter().map(|project| project.id.to_string()).collect();
    ids.sort_by_key(|id| id.trim_start_matches("new").parse::<u32>().unwrap());
    let expected: Vec<_> = (0..40).map(|number| format!("new{number}")).collect();
    assert_eq!(ids, expected, "every one that was acknowledged, and no other");
}
