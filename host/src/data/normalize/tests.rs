use proptest::prelude::*;

use super::super::{DataSet, largest_eigenvalue};
use super::*;

fn table(columns: usize, values: &[f32]) -> Table {
    let labels = (0..values.len() / columns)
        .map(|i| u16::from(i % 2 == 1))
        .collect();
    Table::new("t", columns, values.to_vec(), labels).unwrap()
}

#[test]
fn the_eigenvalue_of_a_known_covariance() {
    // Rows +-(3, 3) and +-(1, -1) about (10, 10): covariance [[5, 4], [4, 5]], eigenvalues 9 and 1.
    let t = table(2, &[13.0, 13.0, 7.0, 7.0, 11.0, 9.0, 9.0, 11.0]);
    assert!((largest_eigenvalue(&t) - 9.0).abs() < 1e-3);
}

#[test]
fn digits_are_centred_with_eigenvalue_one() {
    let digits = DataSet::digits().unwrap();
    for scaling in [Scaling::Uniform, Scaling::Columns] {
        let fit = Normalization::fit(digits.train(), scaling);
        let t = fit.apply("t", digits.train()).unwrap();
        assert!(means(&t).iter().all(|m| m.abs() < 1e-6));
        let eigenvalue = largest_eigenvalue(&t);
        assert!((eigenvalue - 1.0).abs() < 0.01, "{scaling:?}: {eigenvalue}");
        assert!(t.max_magnitude() < MAX_MAGNITUDE);
    }
}

#[test]
fn constant_columns_become_zero() {
    let fit = |values: &[f32], scaling| {
        let t = table(2, values);
        let n = Normalization::fit(&t, scaling);
        n.apply("t", &t).unwrap()
    };
    for scaling in [Scaling::Uniform, Scaling::Columns] {
        assert_eq!(
            fit(&[3.0, 1.0, 3.0, -1.0], scaling).values(),
            [0.0, 1.0, 0.0, -1.0]
        );
        assert_eq!(fit(&[3.0, 1.0, 3.0, 1.0], scaling).values(), [0.0; 4]);
    }
}

#[test]
fn rounding_is_not_taken_for_variance() {
    let values: Vec<f32> = (0..2000).flat_map(|i| [0.1, (i % 2) as f32]).collect();
    let n = Normalization::fit(&table(2, &values), Scaling::Columns);
    assert_eq!(n.mean()[0], 0.1);
    assert!((n.scale()[0] - 1.0).abs() < 1e-3, "{:?}", n.scale());
}

#[test]
fn a_far_mean_does_not_hide_the_variance() {
    let values: Vec<f32> = (0..1000).map(|i| 1e6 + (i % 2) as f32).collect();
    assert!((largest_eigenvalue(&table(1, &values)) - 0.25).abs() < 1e-6);
}

#[test]
fn an_outlier_does_not_escape() {
    let mut values = vec![0.0; 10_000];
    values[77] = 1e9;
    let t = table(1, &values);
    let n = Normalization::fit(&t, Scaling::Uniform);
    let t = n.apply("t", &t).unwrap();
    assert!((t.max_magnitude() - MAX_MAGNITUDE).abs() < 1e-3);
    assert!(largest_eigenvalue(&t) < 1.0);
}

#[test]
fn it_is_stored_and_checked_when_read() {
    let n = Normalization::fit(DataSet::digits().unwrap().train(), Scaling::Uniform);
    let text = serde_json::to_string(&n).unwrap();
    assert_eq!(serde_json::from_str::<Normalization>(&text).unwrap(), n);
    for bad in [
        r#"{"mean":[0],"scale":[0]}"#,
        r#"{"mean":[0],"scale":[-1]}"#,
        r#"{"mean":[0],"scale":[1e300]}"#,
        r#"{"mean":[0,1],"scale":[1]}"#,
    ] {
        assert!(serde_json::from_str::<Normalization>(bad).is_err(), "{bad}");
    }
    let other = table(1, &[0.0, 1.0]);
    assert!(matches!(
        n.apply("new", &other),
        Err(DataError::FeatureCount {
            found: 1,
            expected: 64,
            ..
        })
    ));
}

proptest! {
    #[test]
    fn any_table_is_tamed(
        values in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::ZERO | prop::num::f32::SUBNORMAL, 6..60),
        columns in 1usize..4,
        scaling in prop::sample::select(vec![Scaling::Uniform, Scaling::Columns]),
    ) {
        let rows = values.len() / columns;
        let t = table(columns, &values[..rows * columns]);
        let n = Normalization::fit(&t, scaling);
        let t = n.apply("t", &t).unwrap();
        prop_assert!(t.max_magnitude() <= MAX_MAGNITUDE * 1.0001);
        prop_assert!(largest_eigenvalue(&t) <= 1.0 + 1e-3);
    }
}
