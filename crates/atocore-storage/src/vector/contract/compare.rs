//! Every index can be compared with its source, whatever was done to it, and built anew.

use atocore_model::monitor::Silent;

use super::{
    CancelAfter, Make, found,
    notebook::{Notebook, Random},
};
use crate::vector::{Comparison, VectorError, VectorIndex};

pub(super) fn it_is_compared_with_its_source_and_built_anew(make: Make<'_>, seed: u64) {
    let mut random = Random(seed);
    let mut notebook = Notebook::new(seed, 5);
    for document in 1..=300 {
        notebook.write(document, &[random.vector(5), random.vector(5), vec![0.0; 5]]);
    }
    let index = make();
    let expected = Comparison { expected: 900, ..Comparison::default() };
    index.catch_up(&notebook, &Silent).unwrap();
    assert_eq!(index.compare(&notebook, &Silent).unwrap(), expected);
    let version = index.version();
    let mut other = notebook.clone();
    other.delete(1);
    other.edit(2, |page| page.vectors.truncate(1));
    other.edit(3, |page| page.project = "elsewhere".to_owned());
    other.edit(4, |page| page.vectors[0].1[0] += 1.0);
    other.write(5, &[random.vector(5)]);
    let differences = index.compare(&other, &Silent).unwrap();
    // A changed record may count as one that is missing and one too many.
    let Comparison { expected: wanted, missing, wrong, extra } = differences;
    assert_eq!(wanted, 900 - 3 - 2 - 2);
    assert_eq!(missing + wrong, 3 + 1 + 1, "{differences:?}");
    assert_eq!(missing - 1, extra - 3 - 2 - 3, "{differences:?}");
    assert!(!differences.is_same());
    assert_eq!(index.version(), version, "nothing was changed");
    let error = index.compare(&notebook, &CancelAfter::documents(200)).unwrap_err();
    assert!(matches!(error, VectorError::Cancelled), "{error}");
    index.rebuild(&other, &CancelAfter::documents(200)).unwrap_err();
    assert_eq!(index.compare(&notebook, &Silent).unwrap(), expected);
    notebook.handed_over.set(0);
    index.rebuild(&notebook, &Silent).unwrap();
    assert_eq!((index.version(), notebook.handed_over.get()), (version, 300), "everything is read again");
    assert_eq!(index.compare(&notebook, &Silent).unwrap(), expected);
    index.rebuild(&other, &Silent).unwrap();
    assert!(index.compare(&other, &Silent).unwrap().is_same());
    assert_eq!(found_count(&*index), 893);
}

fn found_count(index: &dyn VectorIndex) -> usize {
    let dimensions = index.space().unwrap().dimensions;
    found(index, &vec![1.0; dimensions]).len()
}
