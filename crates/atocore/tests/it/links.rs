//! Links between documents: where they lead, what leads to a document, what leads nowhere, and what is related.

use serde_json::{Value, json};

use crate::program::Sandbox;

fn vault() -> Sandbox {
    let place = Sandbox::new();
    place.write(
        "vault/home.md",
        "---\nup: \"[[Index]]\"\n---\n# Home\n\nSee [[Pump|the pump]], [valves](parts/valve.md#types) and [[Missing]].\n\n\
         A [broken](parts/gone.md) one, an [address](https://example.org) and ![[Pump#Oil]].\n",
    );
    place.write(
        "vault/parts/Pump.md",
        "---\naliases: [P-101]\n---\n# The pump\n\nIts [valve](valve.md). Up: [[home]]\n",
    );
    place.write("vault/parts/valve.md", "# Valve\n\nBelongs to [[P-101]].\n");
    place.write("vault/parts/README.md", "# Parts\n\nNothing here but [deeper](more/) and [above](..).\n");
    place.write("vault/parts/more/deep.md", "# Deep\n\nNothing.\n");
    place.write("vault/Index.rst", "Index\n=====\n\n:doc:`Parts <parts/README>` and :doc:`/home`\n");
    place.write("other/Missing.md", "# Missing\n\nOf another project, [[Pump]].\n");
    for project in ["vault", "other"] {
        place.ok(&["project", "add", project, "--root", project]);
    }
    place.ok(&["refresh"]);
    place
}

/// Each link as its line, what it names and the document at its other end.
fn shown(links: &Value) -> Vec<String> {
    let shown = |link: &Value| {
        let word = |key: &str| link[key].as_str().unwrap().to_owned();
        let document = link["document"]["path"].as_str().unwrap_or("nowhere");
        format!("{} {} {} {document}", link["line"], word("kind"), word("target"))
    };
    links.as_array().unwrap().iter().map(shown).collect()
}

#[test]
fn links_lead_to_documents_of_their_project_and_back() {
    let place = vault();
    let links = |path: &str| place.json(&["documents", "links", path, "--project", "vault"]);
    let home = links("home.md");
    assert_eq!(
        shown(&home["links"]),
        [
            "1 wikilink Index Index.rst",
            "6 wikilink Pump parts/Pump.md",
            "6 link parts/valve.md parts/valve.md",
            "6 wikilink Missing nowhere",
            "8 link parts/gone.md nowhere",
            "8 embed Pump parts/Pump.md",
        ]
    );
    assert_eq!(
        (&home["links"][1]["label"], &home["links"][2]["anchor"], &home["links"][5]["anchor"]),
        (&json!("the pump"), &json!("types"), &json!("Oil"))
    );
    assert_eq!(shown(&home["backlinks"]), ["4 reference /home Index.rst", "6 wikilink home parts/Pump.md"]);
    assert_eq!(
        shown(&links("parts/Pump.md")["backlinks"]),
        ["6 wikilink Pump home.md", "8 embed Pump home.md", "3 wikilink P-101 parts/valve.md"]
    );
    assert_eq!(
        shown(&links("parts/valve.md")["backlinks"]),
        ["6 link parts/valve.md home.md", "6 link valve.md parts/Pump.md"]
    );
    assert_eq!(shown(&links("parts/README.md")["backlinks"]), ["4 reference parts/README Index.rst"]);
    let first = place.json(&["documents", "links", "home.md", "--project", "vault", "--limit", "1"]);
    assert_eq!((first["links"].as_array().unwrap().len(), &first["links_total"]), (1, &json!(6)));
    assert_eq!((first["backlinks"].as_array().unwrap().len(), &first["backlinks_total"]), (1, &json!(2)));

    let unresolved = place.json(&["documents", "unresolved", "vault"]);
    assert_eq!(shown(&unresolved["links"]), ["6 wikilink Missing home.md", "8 link parts/gone.md home.md"]);
    assert_eq!(unresolved["total"], 2);
    assert_eq!(
        shown(&place.json(&["documents", "unresolved", "other"])["links"]),
        ["3 wikilink Pump Missing.md"]
    );
}

#[test]
fn links_follow_the_files_that_they_stand_in_and_lead_to() {
    let place = vault();
    std::fs::rename(place.path("vault/parts/Pump.md"), place.path("vault/Pump two.md")).unwrap();
    place.write("vault/parts/gone.md", "# Here again\n");
    place.write("vault/home.md", "# Home\n\n[[P-101]] and [it](parts/gone.md)\n");
    place.ok(&["refresh", "vault"]);
    let home = place.json(&["documents", "links", "home.md", "--project", "vault"]);
    assert_eq!(shown(&home["links"]), ["3 wikilink P-101 Pump two.md", "3 link parts/gone.md parts/gone.md"]);
    let id = home["links"][0]["document"]["id"].as_str().unwrap();
    let pump = place.json(&["documents", "links", id]);
    // From the folder above, the valve is found by its name alone.
    assert_eq!(shown(&pump["links"]), ["6 link valve.md parts/valve.md", "6 wikilink home home.md"]);
    std::fs::remove_file(place.path("vault/parts/valve.md")).unwrap();
    let pump = place.json(&["documents", "links", id]);
    assert_eq!(pump["links"][0]["document"]["state"], "gone", "as long as it is not refreshed");
    place.ok(&["refresh", "vault"]);
    let pump = place.json(&["documents", "links", id]);
    assert_eq!(pump["links"][0]["document"], Value::Null);
    assert_eq!(shown(&pump["backlinks"]), ["3 wikilink P-101 home.md"]);
}

#[test]
fn what_is_related_is_linked_or_means_the_same() {
    let place = Sandbox::new().with_model();
    place.write(
        "notes/backup.md",
        "# Backups\n\nEvery night the database is copied to another disk. See [[Rota]].\n",
    );
    place.write(
        "notes/restore.md",
        "# Restoring\n\nHow a lost database is recovered from last night's copy.\n",
    );
    place.write("notes/Rota.md", "# Rota\n\nAda cooks on Monday, Ben on Tuesday.\n");
    place.write("notes/soup.md", "# Soup\n\nOnions, carrots and a pinch of salt.\n");
    place.write("other/copies.md", "# Copies\n\nEvery night the database is copied to another disk.\n");
    for project in ["notes", "other"] {
        place.ok(&["project", "add", project, "--root", project]);
    }
    place.ok(&["refresh"]);
    let related = place.json(&["documents", "related", "backup.md", "--project", "notes"]);
    let paths: Vec<_> =
        related["related"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(related["by_meaning"], true);
    assert_eq!((paths[0], paths[1], paths.len()), ("Rota.md", "restore.md", 3), "{related}");
    assert_eq!(
        (&related["related"][0]["links"], &related["related"][0]["backlinks"]),
        (&json!(1), &json!(0))
    );
    assert!(related["related"][1]["similarity"].as_f64().unwrap() > 0.5, "{related}");
    let rota = place.json(&["documents", "related", "Rota.md", "--project", "notes", "--limit", "1"]);
    assert_eq!(
        (&rota["related"][0]["path"], &rota["related"][0]["backlinks"]),
        (&json!("backup.md"), &json!(1))
    );

    let by_words = vault();
    let related = by_words.json(&["documents", "related", "home.md", "--project", "vault"]);
    let paths: Vec<_> =
        related["related"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(
        (paths, &related["by_meaning"]),
        (vec!["parts/Pump.md", "Index.rst", "parts/valve.md"], &json!(false))
    );
}

#[test]
fn a_document_that_is_not_there_is_named_with_what_it_may_be() {
    let place = vault();
    for (arguments, code, words) in [
        (&["documents", "links", "hom.md", "--project", "vault"][..], 1, "home.md"),
        (&["documents", "links", "home.md"], 64, "project"),
        (&["documents", "related", "doc_00"], 1, "doc_00"),
        (&["documents", "related", "../home.md", "--project", "vault"], 64, "path"),
        (&["documents", "unresolved", "nobody"], 1, "nobody"),
    ] {
        let ran = place.run(arguments);
        assert!(ran.code == code && ran.stderr.contains(words), "{arguments:?}: {ran:?}");
    }
}
