//! The look from outside finds what it is to find: stores that lose vectors on purpose.

use atocore_engine::{Access, Engine, EngineConfig, RankWeights, ingest::ChunkLimits};
use atocore_model::{monitor::Silent, ranking::Mode};
use atocore_storage::{
    sqlite::{LoggedOperation, NewSpace, StorageError, WriteTransaction},
    vector::VectorSpace,
};

use super::*;
use crate::installation::{EngineExt, Installation};

/// Three documents, one of which is several passages where passages are short; all of them embedded.
fn embedded() -> Installation {
    let installation = Installation::default().with_model();
    installation.write("a.md", "# Etna\n\nLava flowed down from the crater.\n");
    installation.write("b.md", "# Chopin\n\nShe practises nocturnes at the keyboard.\n");
    let long = "Knead flour with water and salt. Let it rise for a night. Then bake the loaf in a hot oven. ";
    installation.write("c.md", format!("# Sourdough\n\n{}\n", long.repeat(3)));
    let engine = installation.own();
    engine.add("notes", "");
    let _report = engine.fresh("notes");
    assert_eq!(engine.embed(&Silent).unwrap().embedded, 3);
    drop(engine);
    installation
}

fn look(installation: &Installation) -> Vectors {
    Vectors::read(&installation.config().layout.database()).unwrap()
}

/// Changes the store behind the back of everybody.
fn harm(
    installation: &Installation,
    change: impl FnOnce(&WriteTransaction<'_>, &SpaceRow) -> Result<(), StorageError>,
) {
    let store = Store::open(&installation.config().layout.database(), store_options()).unwrap();
    let serving = store.read(|read| read.serving_space()).unwrap().unwrap();
    let operation = LoggedOperation { interface: "test", action: "harm", subject: "" };
    let _done = store.write(&operation, |write| change(write, &serving)).unwrap();
}

fn complaint(compared: Result<u64, Violation>) -> String {
    compared.unwrap_err().to_string()
}

#[test]
fn a_store_that_is_left_alone_has_lost_nothing() {
    let installation = embedded();
    let before = look(&installation);
    assert_eq!(look(&installation).compare(&before, "f32", true).unwrap(), 3);
    before.is_finished("f32").unwrap();
    assert!(before.are_cut(":800:100") && !before.are_cut(":110:20"));
    assert_eq!(before.are_those_of(&before).unwrap(), 3);
    let todo = before.todo("f32");
    assert_eq!((todo.embedded, todo.missing, todo.texts), (3, 0, 0));
    let todo = before.todo("int8");
    assert_eq!((todo.embedded, todo.missing, todo.texts), (0, 3, 3));
}

#[test]
fn vectors_that_are_deleted_are_missed() {
    let installation = embedded();
    let before = look(&installation);
    harm(&installation, |write, serving| write.remove_space(serving.key, 1).map(drop));
    let after = look(&installation);
    let lost = complaint(after.compare(&before, "f32", true));
    assert!(lost.contains("was kept and is gone"), "{lost}");
    assert_eq!(after.todo("f32").missing, 1);
    assert!(after.is_finished("f32").is_err() && after.are_those_of(&before).is_err());
}

#[test]
fn a_vector_that_is_made_over_is_noticed() {
    let installation = embedded();
    let before = look(&installation);
    harm(&installation, |write, serving| {
        let _all = write.remove_space(serving.key, 3)?;
        let texts = before.spaces.values().flat_map(|space| space.vectors.keys());
        let wrong: Vec<_> = texts.map(|text| (*text, vec![0.5; serving.space.dimensions])).collect();
        write.put_vectors(serving.key, &wrong)
    });
    let lost = complaint(look(&installation).compare(&before, "f32", true));
    assert!(lost.contains("is another one now"), "{lost}");
}

#[test]
fn answers_that_are_switched_too_early_are_noticed() {
    let installation = embedded();
    let before = look(&installation);
    harm(&installation, |write, serving| {
        let fingerprint = Digest::from_bytes([7; 32]);
        let space = VectorSpace { fingerprint, dimensions: serving.space.dimensions };
        let new = NewSpace { space, model: &serving.model, precision: "int8", at: "now" };
        let added = write.add_space(&new)?;
        write.serve_space(added.key)
    });
    let after = look(&installation);
    assert!(after.is_switching());
    let early = complaint(after.compare(&before, "int8", true));
    assert!(early.contains("before 3 vectors were made"), "{early}");
    // A server may have new documents by then; those that it had must be found as before.
    let early = complaint(after.compare(&before, "int8", false));
    assert!(early.contains("its passages have no vectors any more"), "{early}");
    let other = complaint(after.compare(&before, "f32", true));
    assert!(other.contains("neither what they used nor f32"), "{other}");
}

#[test]
fn documents_rechunked_before_their_vectors_are_made_are_noticed() {
    let installation = embedded();
    let before = look(&installation);
    let anew = |mode| EngineConfig {
        chunks: ChunkLimits::new(110, 20).unwrap(),
        weights: RankWeights { mode, ..RankWeights::default() },
        ..installation.config()
    };
    let access = || Access::Own { activity: "test".to_owned(), socket: None };
    let _report = Engine::open(anew(Mode::Hybrid), access(), &Silent).unwrap().fresh("notes");
    let waits = look(&installation);
    assert!(waits.compare(&before, "f32", true).is_ok() && waits.waiting > 0);
    assert!(waits.todo("f32").missing > 1 && waits.is_finished("f32").is_err());
    // Where words are enough, nobody waits for vectors.
    let _report = Engine::open(anew(Mode::Lexical), access(), &Silent).unwrap().fresh("notes");
    let early = complaint(look(&installation).compare(&waits, "f32", true));
    assert!(early.contains("its passages have no vectors any more"), "{early}");
}
