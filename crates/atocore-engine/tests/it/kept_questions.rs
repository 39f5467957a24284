//! Questions are kept where the owner wants that, and nowhere else: what is not answered, and what is never found.

use atocore_engine::{Caller, Engine, Error, IncludeVectors, evaluation::question_file};
use atocore_model::{
    fact::PageSize,
    fit::Fit,
    monitor::Silent,
    pack::PackRequest,
    query::{KeptQuestion, KeptQuestionFilter, ProjectHint, QueryRequest},
    snapshot::Depth,
};
use atocore_testkit::installation::{EngineExt, Installation};

fn filter() -> KeptQuestionFilter {
    KeptQuestionFilter { unanswered: false, project: None, limit: PageSize::DEFAULT, after: None }
}

fn kept(engine: &Engine) -> Vec<KeptQuestion> {
    engine.kept_questions(&filter()).unwrap().rows
}

fn texts(questions: &[KeptQuestion]) -> Vec<&str> {
    questions.iter().map(|question| question.text.as_str()).collect()
}

fn query(text: &str) -> QueryRequest {
    QueryRequest::new(text.parse().unwrap())
}

fn notes(place: &Installation) -> Engine {
    place.write("p/pump.md", "# Pump\n\nThe pump is greased every four weeks.");
    place.write("p/valve.md", "# Valve\n\nThe valve is closed by hand.");
    place.write("p/roof.md", "# Roof\n\nTiles were laid in autumn.");
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    engine
}

fn unfound(engine: &Engine) -> Vec<String> {
    let found = engine.unfound_documents(&"p".parse().unwrap(), PageSize::DEFAULT, None).unwrap();
    found.documents.rows.iter().map(|document| document.path.to_string()).collect()
}

#[test]
fn questions_are_kept_once_each_with_what_became_of_them() {
    let place = Installation::default().with_query_log();
    let engine = notes(&place);
    for text in ["how is the pump greased", "whale migration", "how is the pump greased"] {
        let _answer = engine.query(&query(text)).unwrap();
        place.clock.advance(60);
    }
    let scoped =
        QueryRequest { project: ProjectHint::Scope("P".parse().unwrap()), ..query("whale migration") };
    let _answer = engine.query(&scoped).unwrap();
    place.clock.advance(60);
    let _pack =
        engine.build_context(&PackRequest::new("who closes the valve by hand".parse().unwrap())).unwrap();
    let all = kept(&engine);
    assert_eq!(
        texts(&all),
        ["who closes the valve by hand", "whale migration", "how is the pump greased", "whale migration"]
    );
    let [_, scoped, pump, whale] = &all[..] else { panic!("{all:?}") };
    assert_eq!((scoped.project.as_ref().map(|id| id.as_str()), scoped.scope), (Some("p"), true));
    assert_eq!((pump.times, &pump.project, pump.found > 0), (2, &None, true));
    assert_eq!((pump.last_asked.get() - pump.first_asked.get()).get_seconds(), 120);
    assert!(
        pump.fit >= Some(Fit::WELL)
            && pump.nearest.as_ref().is_some_and(|place| place.starts_with("pump.md:"))
    );
    assert_eq!((whale.times, whale.found, whale.fit, &whale.nearest), (1, 0, None, &None));
    let unanswered = KeptQuestionFilter { unanswered: true, ..filter() };
    assert_eq!(texts(&engine.kept_questions(&unanswered).unwrap().rows), ["whale migration"; 2]);
    let next =
        KeptQuestionFilter { after: Some(scoped.number), limit: PageSize::new(1).unwrap(), ..filter() };
    assert_eq!(texts(&engine.kept_questions(&next).unwrap().rows), ["how is the pump greased"]);
    let of_p = KeptQuestionFilter { project: Some("p".parse().unwrap()), ..filter() };
    assert_eq!(engine.kept_questions(&of_p).unwrap().rows.len(), 1);
    assert_eq!(unfound(&engine), ["roof.md"]);
    for number in [0, 99, u64::MAX] {
        let beyond = KeptQuestionFilter { after: Some(number), ..filter() };
        assert_eq!(engine.kept_questions(&beyond).unwrap().rows, []);
        assert!(matches!(engine.kept_question(number), Err(Error::QuestionUnknown(_))));
        assert!(matches!(engine.forget_questions(Some(number)), Err(Error::QuestionUnknown(_))));
    }
}

#[test]
fn nothing_is_kept_unless_the_owner_wants_it() {
    let place = Installation::default();
    let engine = notes(&place);
    let generation = engine.query(&query("pump")).unwrap().store_generation;
    assert_eq!(kept(&engine), []);
    let refused = engine.unfound_documents(&"p".parse().unwrap(), PageSize::DEFAULT, None);
    assert!(matches!(refused, Err(Error::NoQuestionKept)));
    drop(engine);
    // Nor by who only looks.
    let place = place.with_query_log();
    let _answer = place.read().query(&query("pump")).unwrap();
    let engine = place.own();
    assert_eq!(kept(&engine), []);
    let _answer = engine.query(&query("pump")).unwrap();
    assert_eq!(kept(&engine).len(), 1);
    assert_eq!(engine.query(&query("pump")).unwrap().store_generation, generation, "it changes no answer");
}

#[test]
fn what_was_asked_is_written_when_the_engine_closes_and_is_in_snapshots() {
    let place = Installation::default().with_query_log();
    let engine = notes(&place);
    let _answer = engine.query(&query("pump")).unwrap();
    drop(engine);
    let engine = place.own();
    assert_eq!(texts(&kept(&engine)), ["pump"]);
    let taken = engine.create_snapshot(IncludeVectors::No, &Silent).unwrap();
    assert!(engine.validate_snapshot(taken.id, Depth::Answers, &Silent).unwrap().valid());
    assert_eq!(engine.forget_questions(None).unwrap(), 1);
    assert_eq!(
        (kept(&engine), matches!(engine.forget_questions(Some(1)), Err(Error::QuestionUnknown(1)))),
        (vec![], true)
    );
    let _answer = engine.query(&query("valve")).unwrap();
    let mut engine = engine;
    let prepared = engine.prepare_restore(taken.id, None, &Silent).unwrap();
    let _outcome = engine.carry_out_restore(prepared, Caller::Local, &Silent).unwrap();
    assert_eq!(texts(&kept(&engine)), ["pump"]);
    let _answer = engine.query(&query("roof")).unwrap();
    assert_eq!(texts(&kept(&engine)), ["roof", "pump"], "they are kept in the store that is open now");
    engine.forget_questions(Some(kept(&engine)[1].number)).unwrap();
    assert_eq!(texts(&kept(&engine)), ["roof"]);
}

#[test]
fn a_kept_question_becomes_a_case_that_an_evaluation_reads() {
    let place = Installation::default().with_query_log();
    let engine = notes(&place);
    let text = "what \"is\"\nC:\\pump [[question]]";
    let scoped = QueryRequest { project: ProjectHint::Scope("p".parse().unwrap()), ..query(text) };
    let _answer = engine.query(&scoped).unwrap();
    let asked = engine.kept_question(kept(&engine)[0].number).unwrap();
    let expected = ["pump.md".to_owned(), "docs/**/*.md".to_owned()];
    let case = question_file::case(&asked, &expected).unwrap();
    let read = question_file::read(&case).unwrap();
    let [question] = &read[..] else { panic!("{case}") };
    assert_eq!((question.text.as_str(), &question.project), (text, &scoped.project));
    assert_eq!((question.expect.len(), question.answerable), (2, true));
    assert_eq!(question.expect[1].passage.to_string(), "docs/**/*.md");
    let nothing = question_file::read(&question_file::case(&asked, &[]).unwrap()).unwrap();
    assert!(!nothing[0].answerable && nothing[0].expect.is_empty());
    for bad in ["", "a[b/*"] {
        let refused = question_file::case(&asked, &[bad.to_owned()]);
        assert!(matches!(refused, Err(Error::Expectation(_))), "{bad}");
    }
}
