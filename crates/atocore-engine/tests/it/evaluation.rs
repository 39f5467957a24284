//! Answers are judged as they are shown, and every miss has its real reason.

use atocore_engine::{
    Engine, Error, RankWeights,
    evaluation::{
        Evaluation, baseline, check, evaluate,
        misses::{self, MissReason},
        question::Question,
        question_file::read,
        significance::PairedComparison,
        tuning::{self, Confirmation},
    },
};
use atocore_model::{
    monitor::{Monitor, Progress, Silent},
    query::TopK,
    ranking::Mode,
};
use atocore_testkit::installation::{EngineExt, Installation};

fn lexical() -> RankWeights {
    RankWeights { mode: Mode::Lexical, ..RankWeights::default() }
}

fn top(count: u64) -> TopK {
    TopK::new(count).unwrap()
}

fn judged(engine: &Engine, questions: &[Question], top_k: u64) -> Evaluation {
    evaluate(engine, questions, &lexical(), top(top_k), &Silent).unwrap()
}

/// Twelve notes about pumps, of which `n00.md` says it most often, one about keys, and an old copy of that.
fn notes(place: &Installation) -> Engine {
    for number in 0..12_usize {
        // Words of its own, so that no note is shown as a copy of another.
        let own: String = ["hall", "crew", "shift", "tank"].map(|word| format!("{word}{number} ")).concat();
        let text = format!("# Note {number}\n\nThe pump runs. {own}{}\n", "pump ".repeat(12 - number));
        place.write(&format!("p/n{number:02}.md"), text);
    }
    let keys = "# Keys\n\n## Rotation\n\nKeys are rotated every spring, with a warning two weeks before to everybody.\n";
    place.write("p/keys.md", keys);
    place.write("p/old/keys.md", keys);
    place.write("q/other.md", "---\ntags: [ops]\n---\n# Other\n\nThe valve is shut at night.\n");
    let engine = place.own();
    engine.add("p", "p");
    engine.add("q", "q");
    let _report = engine.fresh("p");
    let _report = engine.fresh("q");
    engine
}

#[test]
fn ranks_are_those_of_the_answer_and_copies_count_where_they_are_shown() {
    let place = Installation::default();
    let engine = notes(&place);
    let questions = read(
        "[[question]]\ntext = 'pump'\nexpect = ['n02.md', { contains = 'The pump  runs.' }]\n\
         [[question]]\ntext = 'keys rotated'\nexpect = ['keys.md', { document = 'old/**', contains = 'every spring' }]\n\
         must_not = [{ document = 'old', heading = 'Rotation' }, { contains = 'every autumn' }]\n",
    )
    .unwrap();
    let evaluation = judged(&engine, &questions, 10);
    let [pumps, keys] = evaluation.results.as_slice() else { panic!("{evaluation:?}") };
    let answer = engine.query(&questions[0].query(top(10))).unwrap();
    let rank = answer.hits.iter().position(|hit| hit.source_path.as_str() == "n02.md").unwrap() + 1;
    assert_eq!(pumps.ranks, [Some(rank), Some(1)]);
    assert_eq!(pumps.figures.unwrap().recall.to_bits(), 1.0_f64.to_bits());
    assert_eq!(keys.ranks, [Some(1), Some(1)], "the copy is shown at the rank of its hit");
    assert!((keys.figures.unwrap().ndcg_at_10 - 1.0).abs() < 1e-12);
    let [forbidden] = keys.forbidden.as_slice() else { panic!("{keys:?}") };
    assert_eq!((forbidden.entry, forbidden.rank, forbidden.source_path.as_str()), (0, 1, "old/keys.md"));
}

#[test]
fn every_miss_has_the_reason_that_the_store_and_the_answers_show() {
    let place = Installation::default();
    let engine = notes(&place);
    let cases = [
        ("'pump'", "", "'gone.md'", MissReason::NotIngested),
        ("'pump'", "", "{ contains = 'nobody wrote this' }", MissReason::NotIngested),
        ("'pump'", "", "{ document = 'keys.md', contains = 'The pump runs' }", MissReason::NoSuchPassage),
        ("'pump'", "", "{ document = 'keys.md', heading = 'Rotation' }", MissReason::NotFound),
        ("'valve'", "project = 'p'\nscope = true", "'other.md'", MissReason::LeftOut),
        ("'keys'", "path = 'n*.md'", "'keys.md'", MissReason::LeftOut),
        ("'keys'", "tags = ['ops']", "'keys.md'", MissReason::LeftOut),
        ("'valve'", "tags = ['Ops']\nproject = 'q'\nscope = true", "'keys.md'", MissReason::LeftOut),
    ];
    for (text, filters, expected, reason) in cases {
        let questions =
            read(&format!("[[question]]\ntext = {text}\n{filters}\nexpect = [{expected}]\n")).unwrap();
        let evaluation = judged(&engine, &questions, 10);
        let misses = misses::explain(&engine, &questions, &evaluation, &lexical(), &Silent).unwrap();
        assert_eq!(misses.iter().map(|miss| miss.reason).collect::<Vec<_>>(), [reason], "{text} {expected}");
    }
    let questions = read("[[question]]\ntext = 'pump'\nexpect = ['n00.md', 'n11.md']\n").unwrap();
    let all = engine.query(&questions[0].query(top(200))).unwrap();
    let rank = |path| all.hits.iter().position(|hit| hit.source_path.as_str() == path).unwrap() + 1;
    let lower = rank("n00.md").max(rank("n11.md"));
    let misses = |top_k| {
        let evaluation = judged(&engine, &questions, top_k);
        misses::explain(&engine, &questions, &evaluation, &lexical(), &Silent).unwrap()
    };
    assert_eq!(misses(lower as u64 - 1).last().unwrap().reason, MissReason::RankedLow(lower));
    assert_eq!(misses(lower as u64), []);
}

#[test]
fn projects_that_are_not_registered_are_named_with_their_line() {
    let place = Installation::default();
    let engine = notes(&place);
    let text = "[[question]]\ntext = 'a'\nproject = 'P'\nexpect = ['a.md']\n\
                [[question]]\ntext = 'b'\nproject = 'nowhere'\nexpect = ['a.md']\n";
    let faults = check(&engine, &read(text).unwrap()).unwrap();
    assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [5]);
    assert!(faults[0].problem.contains("nowhere"), "{faults:?}");
}

#[test]
fn a_baseline_looks_at_common_questions_and_at_each_of_them() {
    let place = Installation::default();
    let engine = notes(&place);
    let questions = |expected: &str, must_not: &str| {
        read(&format!(
            "[[question]]\ntext = 'pump'\nexpect = ['{expected}']\nmust_not = ['{must_not}']\n\
             [[question]]\ntext = 'keys'\nexpect = ['keys.md']\n"
        ))
        .unwrap()
    };
    let earlier = |questions: &[Question], evaluation: &Evaluation| {
        let score = |(question, result): (&Question, &atocore_engine::evaluation::QuestionResult)| {
            baseline::EarlierScore {
                question: question.digest(),
                ndcg_at_10: result.figures.map(|figures| figures.ndcg_at_10),
                answered: result.is_answered(),
                forbidden: !result.forbidden.is_empty(),
            }
        };
        questions.iter().zip(&evaluation.results).map(score).collect::<Vec<_>>()
    };
    let good = questions("n*.md", "nothing.md");
    let stored = earlier(&good, &judged(&engine, &good, 10));
    let against = |questions: &[Question], tolerance| {
        baseline::compare(questions, &judged(&engine, questions, 10), &stored, tolerance)
    };
    assert!(against(&good, 0.0).holds());
    let lost = against(&questions("gone.md", "n*.md"), 1.0);
    assert_eq!(
        (lost.fell, lost.lost.as_slice(), lost.newly_forbidden.as_slice()),
        (false, &[0][..], &[0][..])
    );
    assert!(!lost.holds() && against(&questions("gone.md", "gone.md"), 0.4).fell);
    let other = read("[[question]]\ntext = 'valve'\nexpect = ['gone.md']\n").unwrap();
    let other = against(&other, 0.0);
    assert_eq!((other.compared, other.new, other.gone, other.holds()), (0, 1, 2, true));
}

#[test]
fn tuning_finds_the_weight_that_the_documents_ask_for() {
    let place = Installation::default();
    let mut file = String::new();
    // What was put aside is the answer here, so the penalty of the stock settings is wrong for these documents.
    for subject in 0..24 {
        place.write(
            &format!("p/archive/old{subject}.md"),
            format!("The word{subject} is set with great care.\n"),
        );
        place.write(&format!("p/new{subject}.md"), format!("The word{subject} is set with little care.\n"));
        file.push_str(&format!(
            "[[question]]\ntext = 'word{subject} set'\nexpect = ['archive/old{subject}.md']\n"
        ));
    }
    let engine = place.own();
    engine.add("p", "p");
    let _report = engine.fresh("p");
    let before = judged(&engine, &read(&file).unwrap(), 10);
    assert!(before.means().unwrap().mrr_at_10 < 0.6, "{:?}", before.means());
    let tuning = tuning::tune(&engine, read(&file).unwrap(), &lexical(), &Silent).unwrap();
    assert_eq!(tuning.confirmation(), Confirmation::Confirmed, "{tuning:?}");
    assert!(
        (tuning.found.path_low_signal_penalty - 1.0).abs() < 1e-12 || tuning.held_out.after > 0.99,
        "{tuning:?}"
    );
    assert_eq!((tuning.searched.questions, tuning.held_out.questions), (12, 12));
    let after = evaluate(&engine, &read(&file).unwrap(), &tuning.found, top(10), &Silent).unwrap();
    assert!(PairedComparison::new(&before.ndcgs(), &after.ndcgs()).difference > 0.2);
}

#[test]
fn a_cancelled_run_ends_between_two_questions() {
    struct Off;
    impl Monitor for Off {
        fn progress(&self, _: Progress) {}
        fn cancelled(&self) -> bool {
            true
        }
    }
    let place = Installation::default();
    let engine = notes(&place);
    let questions = || read("[[question]]\ntext = 'a'\nexpect = ['a.md']\n").unwrap();
    assert!(matches!(evaluate(&engine, &questions(), &lexical(), top(10), &Off), Err(Error::Cancelled)));
    assert!(matches!(tuning::tune(&engine, questions(), &lexical(), &Off), Err(Error::Cancelled)));
}
