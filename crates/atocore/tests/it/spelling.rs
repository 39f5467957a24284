//! What is spelled in another way is found all the same: names, paths and words, in every script.

use crate::program::Sandbox;

#[test]
fn a_project_is_found_by_its_alias_in_any_form_and_case_of_unicode() {
    let place = Sandbox::new();
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
    let place = Sandbox::new();
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
    for path in ["Résumés", "Re\u{301}sumés/Café.md", "Résum*/*.md"] {
        let answer = place.json(&["query", "beans", "--path", path]);
        assert_eq!(answer["results"].as_array().unwrap().len(), 1, "{path}");
    }
}

#[test]
fn documents_are_found_by_their_tags_in_any_form_and_case_of_unicode() {
    let place = Sandbox::new();
    place.write("notes/a.md", "---\ntags: [U\u{308}berblick, Οδός/Αθήνα]\n---\n# Beans\n\nRoasted slowly.\n");
    place.ok(&["project", "add", "p", "--root", "notes"]);
    place.ok(&["refresh", "p"]);
    for tag in ["Überblick", "ÜBERBLICK", "u\u{308}berblick", "ΟΔΌΣ", "οδο\u{301}ς/αθη\u{301}να"]
    {
        let answer = place.json(&["query", "beans", "--tag", tag]);
        assert_eq!(answer["results"].as_array().unwrap().len(), 1, "{tag}");
    }
}

#[test]
fn state_has_one_entry_for_a_key_in_any_form_of_unicode() {
    let place = Sandbox::new();
    place.write("notes/a.md", "# Beans\n\nRoasted slowly.\n");
    place.ok(&["project", "add", "p", "--root", "notes"]);
    place.ok(&["state", "set", "p", "öffnungszeit", "café", "8"]);
    place.ok(&["state", "set", "p", "O\u{308}FFNUNGSZEIT", "cafe\u{301}", "9"]);
    let state = place.json(&["state", "list", "p"]);
    assert_eq!(state["entries"].as_array().unwrap().len(), 1, "{state}");
}

/// The files that a question finds by its words, best first.
fn found(place: &Sandbox, question: &str) -> Vec<String> {
    let answer = place.json(&["query", "--mode", "lexical", "--all-copies", question]);
    let hits = answer["results"].as_array().unwrap().iter();
    hits.map(|hit| hit["source_file"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn words_are_found_however_they_are_spelled_in_every_script() {
    let place = Sandbox::new();
    let cases = [
        (
            "hangul",
            "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165} \u{1100}\u{1165}\u{11b7}\u{1109}\u{1162}\u{11a8}",
            &["검색", "한국어"][..],
        ),
        ("hebrew", "שָׁלוֹם עולם", &["שלום", "שָׁלוֹם"]),
        ("hyphen", "Daten\u{ad}bank", &["Datenbank", "DATENBANK", "Daten\u{ad}bank"]),
        ("greek", "ο καφές της Οδού", &["ΚΑΦΕΣ", "καφεσ", "Καφε\u{301}ς", "οδου"]),
        ("turkish", "İstanbul ışık", &["istanbul", "ISTANBUL", "I\u{307}STANBUL", "isik", "IŞIK"]),
        ("wide", "ｋｕｂｅｒｎｅｔｅｓ １２３４", &["kubernetes", "1234"]),
        ("ligature", "oﬃce ﬂow", &["office", "flow", "ﬂow"]),
        ("arabic", "مُحَمَّد كتــاب", &["محمد", "كتاب", "کتاب", "مُحَمَّد"]),
        ("persian", "می\u{200c}خواهم", &["میخواهم", "می\u{200c}خواهم"]),
        ("vietnamese", "Tiếng Việt", &["tieng", "tie\u{302}\u{301}ng", "VIỆT"]),
        ("russian", "За\u{301}мок и ёлка, мой", &["замок", "елка", "ЁЛКА", "мои\u{306}"]),
        ("hindi", "ज़रूर हिन्दी", &["जरूर", "ज\u{93c}रूर", "हिन्दी"]),
        ("nordic", "Smørrebrød på Ærø", &["smorrebrod", "aero", "SMØRREBRØD"]),
        ("trademark", "Widgetron™ 5", &["widgetron"]),
        (
            "emoji",
            "shipped 🚀👍🏽 by 👩\u{200d}🔬 in 🇳🇴 with ❤\u{fe0f}",
            &["🚀", "👍", "👍🏿", "👩\u{200d}🔬", "🔬", "🇳🇴", "❤"],
        ),
        ("katakana", "ﾃﾞｰﾀ", &["データ", "テ\u{3099}ータ"]),
        ("thai", "ค้นหาข้อมูล", &["ข้อมูล"]),
    ];
    for (name, text, _) in cases {
        place.write(&format!("notes/{name}.md"), format!("# Note\n\n{text}\n"));
    }
    place.ok(&["project", "add", "p", "--root", "notes"]);
    place.ok(&["refresh", "p"]);
    for (name, _, questions) in cases {
        for question in questions {
            let found = found(&place, question);
            assert_eq!(found.first(), Some(&format!("{name}.md")), "{question}: {found:?}");
        }
    }
    for question in ["🇴🇳", "की", "мол"] {
        assert_eq!(found(&place, question), [""; 0], "{question} is another word");
    }
}

#[test]
fn addresses_versions_dates_and_identifiers_are_found_in_their_order() {
    let place = Sandbox::new();
    place.write(
        "notes/a.md",
        "# Server\n\nIt has 192.168.10.1 since 2024-05-03 and runs release 3.2.1 of it.\n",
    );
    place.write(
        "notes/b.md",
        "# Server\n\nIt has 192.168.1.10 since 2024-03-05 and runs release 2.3.1 of it.\n",
    );
    place.write(
        "notes/c.md",
        "# Limit\n\nThe largest size is in max_file_bytes, and no more is read than that in any walk.\n",
    );
    place.write("notes/d.md", "# Max file bytes\n\nmax file bytes: file bytes max\n");
    place.write("notes/e.md", "# Steps\n\nThe copy is hot. A hot and quick copy, a copy, hot.\n");
    place.write("notes/f.md", "# Steps\n\nA hot copy is taken while everything goes on as it did before, for as long as that lasts.\n");
    place.write("notes/g.md", "# Release\n\nv10.4.2 came after v10.2.4.\n");
    place.write("notes/h.md", "# Release\n\nv10.2.5 came after 4 others, 10 of 2.\n");
    place.ok(&["project", "add", "p", "--root", "notes"]);
    place.ok(&["refresh", "p"]);
    for (question, first) in [
        ("192.168.1.10", "b.md"),
        ("192.168.10.1", "a.md"),
        ("\"192.168.1.10\"", "b.md"),
        ("which server has 192.168.1.10?", "b.md"),
        ("2024-03-05", "b.md"),
        ("2024-05-03", "a.md"),
        ("since 2024/03/05", "b.md"),
        ("3.2.1", "a.md"),
        ("2.3.1", "b.md"),
        ("who runs v2.3.1", "b.md"),
        ("１９２.１６８.１.１０", "b.md"),
        ("max_file_bytes", "c.md"),
        ("what is `max_file_bytes`", "c.md"),
        ("what is MAX_FILE_BYTES=5", "c.md"),
        ("\"hot copy\"", "f.md"),
        ("„hot copy“", "f.md"),
        ("10.2.4", "g.md"),
    ] {
        for more in [&[][..], &["--project", "p"]] {
            let mut arguments = vec!["query", "--mode", "lexical", "--all-copies", "--explain", question];
            arguments.extend(more);
            let answer = place.json(&arguments);
            assert_eq!(answer["results"][0]["source_file"], first, "{question}: {answer}");
            for hit in answer["results"].as_array().unwrap() {
                let factors = hit["explanation"]["factors"].as_array().unwrap().iter();
                let similarity = hit["explanation"]["similarity"].as_f64().unwrap();
                let product =
                    factors.fold(similarity, |product, factor| product * factor["value"].as_f64().unwrap());
                assert_eq!(product, hit["score"].as_f64().unwrap(), "{question}");
            }
        }
    }
    let shown = place.ok(&["query", "--all-copies", "--explain", "max_file_bytes"]);
    assert!(shown.contains("the words of `max_file_bytes`, but not in its order"), "{shown}");
}

#[test]
fn what_has_a_term_in_order_comes_first_among_many_that_have_its_parts() {
    let place = Sandbox::new();
    for n in 0..120 {
        let text = format!(
            "# Hosts\n\n{n}: 10.7.7.42, 10.42.7.7, 42.10.7.7; 7 42 10; release 4.1.{n} of 1.4.9, 9.4.1\n"
        );
        place.write(&format!("notes/{n:03}.md"), text);
    }
    for name in ["x", "y", "z"] {
        let text = format!(
            "# Other\n\nThe host of {name} which nobody has asked for in a long time is 10.7.42.7 they say, with 9.1.4 on it.\n"
        );
        place.write(&format!("notes/{name}.md"), text);
    }
    place.ok(&["project", "add", "p", "--root", "notes"]);
    place.ok(&["refresh", "p"]);
    for question in ["10.7.42.7", "\"10.7.42.7\"", "release 9.1.4", "hosts 10.7.42.7 of the release"] {
        let mut first = found(&place, question);
        first.truncate(3);
        first.sort();
        assert_eq!(first, ["x.md", "y.md", "z.md"], "{question}");
    }
}

#[test]
fn a_term_in_order_comes_first_with_meaning_too() {
    let place = Sandbox::new().with_model();
    place.write(
        "notes/a.md",
        "# Releases\n\nRelease 3.2.1 of 2024-05-03 runs on 192.168.10.1, the server of the releases.\n",
    );
    place.write("notes/b.md", "# Diary\n\nIn the evening we cooked; 2.3.1 came on 2024-03-05, and somebody called from 192.168.1.10.\n");
    place.ok(&["project", "add", "p", "--root", "notes"]);
    place.ok(&["refresh", "p"]);
    for (question, first) in [
        ("which release is 2.3.1", "b.md"),
        ("the server 192.168.1.10", "b.md"),
        ("releases of \"2024-03-05\"", "b.md"),
        ("who cooked on 2024-05-03", "a.md"),
    ] {
        let answer = place.json(&["query", "--all-copies", question]);
        assert_eq!(
            (&answer["mode"], &answer["results"][0]["source_file"]),
            (&"hybrid".into(), &first.into()),
            "{question}"
        );
    }
}
