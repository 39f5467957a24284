//! Every hit says how well it fits; what fits too little is left out, and when nothing fits the answer says so.

use atocore_engine::{Access, Engine, EngineConfig, RankWeights};
use atocore_model::{
    fit::Fit,
    monitor::Silent,
    pack::{Origin, PackItem, PackNotice, PackRequest, Tier},
    query::{Answer, Notice, QueryRequest, TopK},
    ranking::Mode,
};
use atocore_testkit::{
    installation::{EngineExt, Installation},
    model,
};
use proptest::prelude::*;

/// Notes about four things, embedded.
fn notes(place: &Installation) -> Engine {
    place.write(
        "p/pump.md",
        "# Pump\n\nThe pump is started with its valve open, and stopped before the tank is empty.",
    );
    place.write(
        "p/backup.md",
        "# Backups\n\nA snapshot of the database is taken every night and kept for four weeks.",
    );
    place.write(
        "p/code.md",
        "# Controller\n\nIt stops with E0499 when the oil is too cold, and waits for the heater.",
    );
    place.write("p/bread.md", "# Kitchen\n\nKnead the dough for ten minutes and let it rise under a cloth.");
    let config = EngineConfig { model: model::choice(), weights: RankWeights::default(), ..place.config() };
    let access = Access::Own { activity: "test".to_owned(), socket: None };
    let engine = Engine::open(config, access, &Silent).unwrap();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 4);
    engine
}

fn query(text: &str) -> QueryRequest {
    QueryRequest::new(text.parse().unwrap())
}

/// The place of the nearest passage and whether it is left out, where nothing fits.
fn nothing_fits(answer: &Answer) -> Option<(&str, bool)> {
    answer.notices.iter().find_map(|notice| match notice {
        Notice::NothingFits { place, floor, .. } => Some((place.as_str(), floor.is_some())),
        _ => None,
    })
}

#[test]
fn a_question_that_is_answered_has_a_fitting_hit_and_no_notice() {
    let place = Installation::default();
    let engine = notes(&place);
    for (asked, path) in [
        ("how often is the database backed up", "backup.md"),
        ("how long does the dough have to be kneaded", "bread.md"),
        ("when is the pump stopped", "pump.md"),
        // A code means nothing to the model.
        ("E0499", "code.md"),
    ] {
        let answer = engine.ask(asked);
        let best = &answer.hits[0];
        assert_eq!(best.source_path.as_str(), path, "{asked}");
        assert!(best.fit > Fit::WELL, "{asked}: {}", best.fit);
        assert_eq!(nothing_fits(&answer), None, "{asked}");
    }
}

#[test]
fn a_question_in_any_script_fits_what_answers_it() {
    let place = Installation::default();
    let engine = notes(&place);
    for (file, text, asked) in [
        (
            "ja.md",
            "データベースのスナップショットは毎晩作成され、四週間保存されます。",
            "スナップショットはどのくらい保存されますか",
        ),
        (
            "ru.md",
            "Снимок базы данных делается каждую ночь и хранится четыре недели.",
            "как долго хранятся снимки базы данных",
        ),
        (
            "ar.md",
            "تؤخذ لقطة من قاعدة البيانات كل ليلة وتحفظ لمدة أربعة أسابيع.",
            "كم مدة حفظ لقطة قاعدة البيانات",
        ),
        (
            "de.md",
            "Ein Abbild der Datenbank wird jede Nacht erstellt und vier Wochen aufbewahrt.",
            "Wie lange wird ein Abbild der Datenbank aufbewahrt?",
        ),
        (
            "fr.md",
            "La pompe de la cave démarre quand le niveau d'eau est haut.",
            "quand est-ce que la pompe demarre",
        ),
    ] {
        place.write(&format!("p/{file}"), text);
        let _report = engine.fresh("p");
        let _embedded = engine.embed(&Silent).unwrap();
        let answer = engine.ask(asked);
        let best = &answer.hits[0];
        assert!(best.source_path.as_str() == file && best.fit > Fit::WELL, "{asked}: {best:?}");
    }
}

#[test]
fn a_question_about_something_else_is_told_that_nothing_fits_and_what_is_nearest() {
    let place = Installation::default();
    let engine = notes(&place);
    for asked in ["which treaty ended the thirty years war", "how do whales sleep", "zxqv wlkj ppfh"] {
        let answer = engine.ask(asked);
        let (nearest, _) = nothing_fits(&answer).unwrap_or_else(|| panic!("{asked}: {:?}", answer.hits));
        assert!(nearest.ends_with(".md:3"), "{nearest}");
        let said = answer.notices.iter().map(Notice::to_string).find(|said| said.contains(nearest)).unwrap();
        assert!(said.starts_with("nothing fits the question well; the nearest is "), "{said}");
        assert!(answer.hits.iter().all(|hit| hit.fit >= Fit::FLOOR), "{asked}");
        let all = engine.query(&QueryRequest { min_fit: Some(Fit::ZERO), ..query(asked) }).unwrap();
        assert_eq!((all.hits.len(), all.left_out), (answer.hits.len() + answer.left_out, 0), "{asked}");
    }
}

#[test]
fn a_floor_that_nothing_reaches_is_named() {
    let place = Installation::default();
    let engine = notes(&place);
    let floor = Fit::new(1.0).unwrap();
    let answer =
        engine.query(&QueryRequest { min_fit: Some(floor), ..query("when is the pump stopped") }).unwrap();
    assert!(answer.hits.is_empty());
    assert_eq!(nothing_fits(&answer), Some(("pump.md:3", true)));
    let said = answer.notices[0].to_string();
    assert!(
        said.starts_with("nothing fits as well as 1; ") && said.ends_with("`min_fit` 1 leaves out"),
        "{said}"
    );
}

#[test]
fn mode_dense_leaves_nothing_out_by_itself() {
    let place = Installation::default();
    let engine = notes(&place);
    let dense = QueryRequest { mode: Some(Mode::Dense), ..query("how do whales sleep") };
    let answer = engine.query(&dense).unwrap();
    assert_eq!((answer.hits.len(), answer.left_out), (4, 0));
    assert!(nothing_fits(&answer).is_some());
    let few = engine.query(&QueryRequest { min_fit: Some(Fit::WELL), ..dense }).unwrap();
    assert_eq!((few.hits.len(), few.left_out), (0, 4));
}

#[test]
fn a_pack_takes_only_the_nearest_where_nothing_fits_well_and_says_so() {
    let place = Installation::default();
    let engine = notes(&place);
    let request = PackRequest::new("how do whales sleep".parse().unwrap());
    let pack = engine.build_context(&request).unwrap();
    assert!(pack.items.is_empty());
    assert!(pack.text.contains("No passage fits the prompt well."), "{}", pack.text);
    assert!(pack.notices.contains(&PackNotice::NoFittingChunks), "{:?}", pack.notices);
    assert!(pack.notices.contains(&PackNotice::LittleFit { count: 4 }), "{:?}", pack.notices);
    // Things that are near, and nothing that is asked for.
    for n in 0..8 {
        place.write(&format!("p/cup{n}.md"), format!("# Cupboard {n}\n\nPlate {n} stands in the kitchen."));
    }
    let _report = engine.fresh("p");
    let _embedded = engine.embed(&Silent).unwrap();
    let near = "what dishes are broken";
    let fits: Vec<Fit> = engine.ask(near).hits.iter().map(|hit| hit.fit).collect();
    assert!(fits.iter().filter(|fit| **fit >= Fit::NEAR).count() > 3, "{fits:?}");
    assert!(fits.iter().all(|fit| *fit < Fit::WELL), "{fits:?}");
    let pack = engine.build_context(&PackRequest::new(near.parse().unwrap())).unwrap();
    let count = |item: &PackItem| match &item.origin {
        Origin::Chunk(passage) => passage.hits.len(),
        _ => 0,
    };
    assert_eq!(pack.items.iter().map(count).sum::<usize>(), 3, "{}", pack.text);
    assert!(pack.text.contains("No passage fits the prompt well; these are the nearest."), "{}", pack.text);
    // Who says how well has to live with it.
    let all = engine.build_context(&PackRequest { min_fit: Some(Fit::ZERO), ..request }).unwrap();
    assert_eq!(all.items.iter().filter(|item| item.origin.tier() == Tier::Chunks).count(), 12);
    let fits = engine.build_context(&PackRequest::new("when is the pump stopped".parse().unwrap())).unwrap();
    assert!(fits.text.contains("stopped before the tank"), "{}", fits.text);
    assert!(!fits.text.contains("dough"), "{}", fits.text);
}

#[test]
fn a_higher_floor_never_adds_a_hit() {
    let place = Installation::default();
    let engine = notes(&place);
    let words = [
        "pump",
        "valve",
        "whale",
        "database",
        "night",
        "E0499",
        "oil",
        "dough",
        "the",
        "how",
        "zxqv",
        "cloth",
        "snapshots",
        "heating",
    ];
    let question = prop::collection::vec(prop::sample::select(words.to_vec()), 1..6);
    let mode = prop::sample::select(Mode::ALL.to_vec());
    let cases = (question, mode, 1_u64..6, 0_u16..=1000, 0_u16..=1000);
    let fit = |thousandths: u16| Some(Fit::new(f64::from(thousandths) / 1000.0).unwrap());
    proptest!(ProptestConfig::with_cases(48), |((question, mode, top_k, one, other) in cases)| {
        let asked = question.join(" ");
        let ask = |floor: Option<Fit>| {
            let top_k = TopK::new(top_k).unwrap();
            let asked = QueryRequest { top_k, mode: Some(mode), min_fit: floor, ..query(&asked) };
            engine.query(&asked).unwrap()
        };
        let (low, high) = (ask(fit(one.min(other))), ask(fit(one.max(other))));
        let expected: Vec<_> = low.hits.iter().filter(|hit| Some(hit.fit) >= fit(one.max(other))).collect();
        prop_assert_eq!(high.hits.iter().collect::<Vec<_>>(), expected);
        prop_assert_eq!(low.hits.len() + low.left_out, high.hits.len() + high.left_out);
        for hit in &low.hits {
            prop_assert_eq!(hit.explanation.as_ref().unwrap().fit(), hit.fit);
        }
    });
}
