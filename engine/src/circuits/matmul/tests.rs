//! Products in slots against products of matrices.

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::circuits::Clear;
use crate::circuits::packing::{Grouping, PackingError};
use crate::ckks::Level;

/// Numbers in `[-1, 1]`.
fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|_| f64::from(random.next_u32()) / f64::from(u32::MAX / 2) - 1.0)
        .collect()
}

/// A layout of any width, and a number of samples present.
fn layouts() -> impl Strategy<Value = (Layout, usize)> {
    (
        9u32..13,
        2usize..=64,
        1usize..150,
        0usize..8,
        0usize..1000,
        0usize..1000,
        prop_oneof![Just(Grouping::Packed), Just(Grouping::Flat)],
    )
        .prop_map(
            |(log_slots, classes, features, extra, batch, present, grouping)| {
                let slots = 1usize << log_slots;
                let padded = classes.next_power_of_two();
                let width = (padded << extra).min(slots / 2).min(padded.max(256));
                let most = slots / padded;
                let batch = 1 + batch * (most - 1) / 999;
                let present = 1 + present * (batch - 1) / 999;
                let layout =
                    Layout::with_width(slots, classes, features, batch, width, grouping).unwrap();
                (layout, present)
            },
        )
}

struct Case {
    machine: Clear,
    layout: Layout,
    matmul: Matmul<<Clear as Slots>::Plain>,
    weights: Vec<f64>,
    look_ahead: Vec<f64>,
    x: Vec<f64>,
    samples: usize,
}

const SCALE: f64 = 0.125;

impl Case {
    fn new(layout: &Layout, samples: usize) -> Self {
        let machine = Clear::exact(layout.slots());
        let stored = layout.classes() * (layout.features() + 1);
        Self {
            matmul: Matmul::new(&machine, layout, SCALE).unwrap(),
            machine,
            layout: layout.clone(),
            weights: numbers(stored, 1),
            look_ahead: numbers(stored, 2),
            x: numbers(samples * layout.features(), 3),
            samples,
        }
    }

    fn state(&self, level: usize) -> <Clear as Slots>::Vector {
        let state = self
            .layout
            .pack_state(&self.weights, &self.look_ahead)
            .unwrap();
        self.machine.vector(&state, Level(level)).unwrap()
    }

    fn features(&self, level: usize) -> Vec<<Clear as Slots>::Vector> {
        let tiles = self.layout.pack_features(&self.x).unwrap();
        tiles
            .iter()
            .map(|tile| self.machine.vector(tile, Level(level)).unwrap())
            .collect()
    }

    fn plain_logits(&self, weights: &[f64]) -> Vec<f64> {
        let (f, c) = (self.layout.features(), self.layout.classes());
        let logit = |i: usize, q: usize| {
            let row = &weights[q * (f + 1)..(q + 1) * (f + 1)];
            row[f] + (0..f).map(|j| self.x[i * f + j] * row[j]).sum::<f64>()
        };
        (0..self.samples * c)
            .map(|at| logit(at / c, at % c))
            .collect()
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(x, y)| (x - y).abs())
        .fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn state_survives_packing((layout, _) in layouts()) {
        let case = Case::new(&layout, 1);
        let state = layout.pack_state(&case.weights, &case.look_ahead).unwrap();
        prop_assert_eq!(state.len(), layout.state_vectors());
        prop_assert_eq!(&layout.unpack_state(&state, WeightSet::Weights).unwrap(), &case.weights);
        prop_assert_eq!(&layout.unpack_state(&state, WeightSet::LookAhead).unwrap(), &case.look_ahead);
    }

    #[test]
    fn expansion_is_the_packed_matrix_in_every_row((layout, _) in layouts()) {
        let case = Case::new(&layout, 1);
        let used = case.matmul.expand(&case.machine, &case.state(2), WeightSet::Weights).unwrap();
        let (h, f) = (layout.height(), layout.features());
        let at = |q: usize, j: usize| {
            let q = q % layout.padded_classes();
            if q < layout.classes() && j < f { case.weights[q * (f + 1) + j] } else { 0.0 }
        };
        for (k, tiles) in used.weights.iter().enumerate() {
            prop_assert_eq!(tiles.len(), layout.tiles());
            for (t, diagonal) in tiles.iter().enumerate() {
                prop_assert_eq!(case.machine.level(diagonal), Level(2 - case.matmul.expand_depth()));
                let values = case.machine.values(diagonal).remove(0);
                for (slot, value) in values.iter().enumerate() {
                    let column = slot / h;
                    let (q, j) = (column / layout.class_columns() + k, t * layout.width() + column);
                    let want = Complex64::new(at(q, j), at(q + layout.diagonals(), j));
                    prop_assert!((value - want).norm() < 1e-12, "diagonal {k}, tile {t}, slot {slot}");
                }
            }
        }
    }

    #[test]
    fn logits_are_the_product((layout, samples) in layouts()) {
        let case = Case::new(&layout, samples);
        for (set, weights) in
            [(WeightSet::Weights, &case.weights), (WeightSet::LookAhead, &case.look_ahead)]
        {
            let used = case.matmul.expand(&case.machine, &case.state(4), set).unwrap();
            let features = case.features(4 - case.matmul.expand_depth());
            let logits = case.matmul.logits(&case.machine, &features, &used).unwrap();
            let spent = case.matmul.expand_depth() + case.matmul.logits_depth();
            prop_assert_eq!(case.machine.level(&logits), Level(4 - spent));
            let found = case.machine.values(&logits).remove(0);
            let found = layout.unpack_columns(&found, samples).unwrap();
            let want: Vec<f64> = case.plain_logits(weights).iter().map(|z| z * SCALE).collect();
            prop_assert!(distance(&found, &want) < 1e-9);
        }
    }

    #[test]
    fn gradient_is_the_product((layout, samples) in layouts(), weighted: bool) {
        let case = Case::new(&layout, samples);
        let (c, f) = (layout.classes(), layout.features());
        let residual = numbers(samples * c, 4);
        // Residuals of missing samples must not count.
        let full: Vec<f64> = residual.iter().copied().chain(numbers((layout.batch() - samples) * c, 5)).collect();
        let packed = layout.pack_columns(&full).unwrap();
        let d = case.machine.vector(&[packed], Level(3)).unwrap();
        let weights: Vec<f64> =
            numbers(samples, 6).iter().map(|w| if weighted { 1.0 + w } else { 1.0 }).collect();
        let mask = if weighted {
            SampleMask::weighted(&case.machine, &layout, &weights).unwrap()
        } else {
            SampleMask::first(&case.machine, &layout, samples).unwrap()
        };
        let gradient = case.matmul.gradient(&case.machine, &d, &case.features(5), &mask).unwrap();
        let mut state = vec![vec![Complex64::ZERO; layout.slots()]; layout.state_vectors()];
        for (unit, sums) in layout.units().iter().zip(&gradient.units) {
            let level = 3 - case.matmul.gradient_depth();
            prop_assert!(case.machine.level(sums) >= Level(level));
            let values = case.machine.values(sums).remove(0);
            for slot in 0..layout.slots() {
                let row = slot % layout.group_height();
                if row / 2 == unit.pair {
                    state[unit.vector][slot] = values[slot] + values[slot ^ 1];
                }
            }
        }
        let want: Vec<f64> = (0..c * (f + 1))
            .map(|at| {
                let (q, j) = (at / (f + 1), at % (f + 1));
                let x = |i: usize| if j < f { case.x[i * f + j] } else { 1.0 };
                (0..samples).map(|i| weights[i] * residual[i * c + q] * x(i)).sum()
            })
            .collect();
        for set in [WeightSet::Weights, WeightSet::LookAhead] {
            prop_assert!(distance(&layout.unpack_state(&state, set).unwrap(), &want) < 1e-9);
        }
    }
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    assert_eq!(
        Layout::plan(1000, 2, 1, 1, Grouping::Packed),
        Err(PackingError::Slots(1000))
    );
    assert!(matches!(
        Layout::plan(512, 65, 1, 1, Grouping::Packed),
        Err(PackingError::Classes { .. })
    ));
    assert!(matches!(
        Layout::plan(512, 1, 1, 1, Grouping::Packed),
        Err(PackingError::Classes { .. })
    ));
    assert_eq!(
        Layout::plan(512, 10, 0, 1, Grouping::Packed),
        Err(PackingError::Features)
    );
    let batch = Layout::plan(512, 10, 4, 33, Grouping::Packed);
    assert_eq!(
        batch,
        Err(PackingError::Batch {
            found: 33,
            limit: 32
        })
    );
    for width in [8, 24, 512] {
        let found = Layout::with_width(512, 10, 4, 32, width, Grouping::Packed);
        assert_eq!(
            found,
            Err(PackingError::Width {
                width,
                classes: 10,
                slots: 512
            })
        );
    }
    let layout = Layout::plan(512, 10, 4, 32, Grouping::Packed).unwrap();
    assert_eq!(
        layout.pack_labels(&[10]),
        Err(PackingError::Label {
            label: 10,
            classes: 10
        })
    );
    assert!(matches!(
        layout.pack_features(&[0.0; 5]),
        Err(PackingError::Shape { .. })
    ));
    for tiles in [vec![], vec![vec![vec![Complex64::ZERO; 511]]]] {
        assert!(matches!(
            layout.unpack_features(&tiles),
            Err(PackingError::Shape { .. })
        ));
    }
    let columns = vec![Complex64::ZERO; 512];
    assert!(matches!(
        layout.unpack_blocks(&columns, layout.class_columns() + 1),
        Err(PackingError::Shape { .. })
    ));
}

#[test]
fn what_is_packed_comes_back_place_by_place() {
    for (features, batch) in [(5, 64), (70, 40), (3, 1)] {
        let layout = Layout::plan(512, 3, features, batch, Grouping::Packed).unwrap();
        let x = numbers(batch * features, 7);
        let labels: Vec<usize> = (0..batch).map(|sample| sample % 3).collect();
        let tiles = layout.pack_features(&x).unwrap();
        let found = layout.unpack_features(&tiles).unwrap();
        let (of_samples, behind) = found.split_at(x.len());
        assert_eq!(of_samples, x);
        assert!(behind.iter().all(|&value| value == 0.0));
        let columns = layout.pack_labels(&labels).unwrap();
        let found = layout.unpack_blocks(&columns, layout.row_blocks()).unwrap();
        assert_eq!(found.len(), layout.row_blocks() * layout.height() * 3);
        for (place, found) in found.chunks_exact(3).enumerate() {
            let class = labels.get(place);
            for (of, &value) in found.iter().enumerate() {
                assert_eq!(value, f64::from(u8::from(class == Some(&of))));
            }
        }
    }
}
