//! What is spelled in another way is found all the same: names, paths and words, in every script.

use crate::program::Place;

#[test]
fn a_project_is_found_by_its_alias_in_any_form_and_case_of_unicode() {
    let place = Place::new();
    for (id, alias) in [("cafe", "Café"), ("odos", "Οδός"), ("izmir", "İzmir"), ("strasse", "Große Straße")]
    {
        place.write(&format!("{id}/a.md"), "# Beans\n\nRoasted slowly.\n");
        place.ok(&["project", "add", id, "--alias", alias, "--root", id]);
    }
    for (name, id) in [
        ("Café", "cafe"),
        ("Cafe\u{301}", "cafe"),
        ("CAFE\u{301}", "cafe"),
        ("ΟΔΟ\u{301}Σ", "odos"),
        ("οδός", "odos"),
        ("izmir", "izmir"),
        ("I\u{307}ZMİR", "izmir"),
        ("GROSSE STRASSE", "strasse"),
        ("große straße", "strasse"),
    ] {
        assert_eq!(place.json(&["query", "beans", "--project", name])["project"], id, "{name}");
    }
    let taken = place.run(&["project", "add", "other", "--alias", "CAFE\u{301}", "--root", "cafe"]);
    assert_eq!(taken.code, 1, "an alias that is the same name is taken: {taken:?}");
}

#[test]
fn a_document_is_found_by_its_path_in_any_form_of_unicode() {
    let place = Place::new();
    let decomposed = "notes/Re\u{301}sume\u{301}s/Cafe\u{301}.md";
    place.write(decomposed, "# Beans\n\nRoasted slowly.\n");
    place.write("notes/한국어.md", "# 한국어\n\n검색\n");
    place.ok(&["project", "add", "p", "--root", "notes"]);
    place.ok(&["refresh", "p"]);
    for path in ["Résumés/Café.md", "Re\u{301}sumés/Café.md", "Re\u{301}sume\u{301}s/Cafe\u{301}.md"] {
        assert!(place.ok(&["get", "--project", "p", path]).contains("Roasted slowly"), "{path}");
    }
    let jamo = "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165}.md";
    assert!(place.ok(&["get", "--project", "p", jamo]).contains("검색"));
    assert_eq!(place.run(&["get", "--project", "p", "Resumes/Cafe.md"]).code, 1);
    assert!(place.path(decomposed).is_file(), "the file keeps its name");
}

#[test]
fn state_has_one_entry_for_a_key_in_any_form_of_unicode() {
    let place = Place::new();
    place.write("notes/a.md", "# Beans\n\nRoasted slowly.\n");
    place.ok(&["project", "add", "p", "--root", "notes"]);
    place.ok(&["state", "set", "p", "öffnungszeit", "café", "8"]);
    place.ok(&["state", "set", "p", "O\u{308}FFNUNGSZEIT", "cafe\u{301}", "9"]);
    let state = place.json(&["state", "list", "p"]);
    assert_eq!(state["entries"].as_array().unwrap().len(), 1, "{state}");
}
