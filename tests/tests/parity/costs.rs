//! What the GPU does for an operation: dispatches, bytes and products, against a table and against a count by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use engine::backend::{GadgetKey, GadgetOps, RingOps, Shape, Transfer};
use engine::bootstrap::{Bootstrapper, key_plan};
use engine::circuits::{Parts, Rotations};
use engine::ckks::{Level, Params};
use engine::ring::Basis;
use host::gpu::{Gpu, Options, Tally};
use host::profile::Profiled;
use tests::backends::gpu;
use tests::{Fixture, params, slots};

/// The most dispatches of a key switch of a few polynomials, even where a binding is small.
const MOST_DISPATCHES: u64 = 20;

fn zeros(gpu: &Gpu, batch: usize, basis: &Basis) -> <Gpu as Transfer>::Buffer {
    let shape = Shape {
        batch,
        basis: basis.clone(),
    };
    gpu.alloc(&shape).unwrap()
}

/// The tallies of a key switch over all limbs of a level, to the same level.
fn key_switch(
    params: &Params,
    gpu: &Gpu,
    level: Level,
    batch: usize,
) -> BTreeMap<&'static str, Tally> {
    let (basis, key_basis) = (params.basis(level), params.key_basis(level));
    let digits = params.ring().digits().at(basis).len();
    let pairs = (0..digits).map(|_| [zeros(gpu, 1, &key_basis), zeros(gpu, 1, &key_basis)]);
    let key = GadgetKey {
        pairs: pairs.collect(),
    };
    let x = zeros(gpu, batch, basis);
    let lift = zeros(gpu, batch, basis);
    let _ = gpu.take_tallies();
    // What is recorded is counted, whether or not it is waited for.
    gpu.key_switch(&x, &key, [Some(&lift), Some(&lift)], basis)
        .unwrap();
    gpu.take_tallies()
}

fn total(tallies: &BTreeMap<&'static str, Tally>) -> Tally {
    let mut total = Tally::default();
    for tally in tallies.values() {
        total.calls += tally.calls;
        total.cost += tally.cost;
    }
    total
}

fn rows(what: &str, tallies: &BTreeMap<&'static str, Tally>) -> String {
    let mut text = format!("{what}\n");
    let mut row = |name: &str, tally: &Tally| {
        let Tally { calls, cost } = tally;
        writeln!(
            text,
            "  {name:<20} {calls:>6} {:>13} {:>13}",
            cost.bytes, cost.products
        )
        .unwrap();
    };
    tallies
        .iter()
        .for_each(|(kernel, tally)| row(kernel, tally));
    row("all", &total(tallies));
    text
}

/// A pass over memory that is added or saved shows here. After a change that is meant, put the text that the failure prints into
/// the file.
#[test]
fn operations_cost_what_the_table_says() {
    let mut text =
        "operation, then for each kernel: dispatches, bytes, modular products\n\n".to_owned();
    for set in ["insecure-11-boot", "boot-39"] {
        let params = params(set);
        // The largest batches that one dispatch serves depend on the adapter: these are those of the least that there is.
        let options = Options {
            binding_bytes: Some(128 << 20),
            ..Options::default()
        };
        let Some(gpu) = gpu("costs", &params, &options) else {
            return;
        };
        for batch in [1, 4] {
            for level in [params.top_level(), params.max_level()] {
                let tallies = key_switch(&params, &gpu, level, batch);
                assert!(total(&tallies).calls <= MOST_DISPATCHES, "{tallies:?}");
                let limbs = params.limbs_at(level);
                let what = format!("key switch, {set}, {limbs} limbs, batch of {batch}");
                text += &rows(&what, &tallies);
            }
        }
    }
    text += &rows("bootstrap, insecure-11-boot", &bootstrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gpu_costs.txt");
    let table = fs::read_to_string(&file).unwrap_or_default();
    assert!(text == table, "{} should say:\n{text}", file.display());
}

fn bootstrap() -> BTreeMap<&'static str, Tally> {
    let params = params("insecure-11-boot");
    let gpu = gpu("costs", &params, &Options::default()).unwrap();
    let plan = key_plan(&params, Rotations::Hoisted).unwrap();
    let f = Fixture::with_plan(params.clone(), gpu, &plan);
    let bootstrapper = Bootstrapper::new(f.evaluator(), Rotations::Hoisted).unwrap();
    let x = f.encrypt(&[&slots(params.slots(), 3)], Level(params.stc_levels()), 4);
    // Maps are encoded when they are first used.
    bootstrapper.bootstrap(&x, 1.0, Parts::Complex).unwrap();
    f.backend.wait().unwrap();
    let _ = f.backend.take_tallies();
    bootstrapper.bootstrap(&x, 1.0, Parts::Complex).unwrap();
    f.backend.wait().unwrap();
    f.backend.take_tallies()
}

#[test]
fn products_and_bytes_of_a_key_switch_are_those_of_a_count_by_hand() {
    let params = params("leveled-14");
    let Some(gpu) = gpu("count by hand", &params, &Options::default()) else {
        return;
    };
    let (level, batch) = (params.max_level(), 3);
    let tallies = key_switch(&params, &gpu, level, batch);
    let n = 1 << 14;
    // 12 limbs in 6 digits of 2, and 2 special limbs.
    let (limbs, special, digits, digit) = (12, 2, 6, 2);
    assert_eq!(params.limbs_at(level), limbs);
    assert_eq!(params.ring().special().len(), special);
    let layout = params.ring().digits().at(params.basis(level));
    assert!(layout.len() == digits && layout.iter().all(|(_, basis)| basis.len() == digit));
    let extended = limbs + special;
    // Rows that are transformed back: all of x, and the special ones of both halves. And forth: what each digit lacks, and
    // all limbs of both halves.
    let back = limbs + 2 * special;
    let forth = digits * (extended - digit) + 2 * limbs;
    let butterflies = n / 2 * 14 * (back + forth);
    let factors = n * back;
    let convert = |sources: usize, targets: usize| n * ((sources + 1) * targets + sources);
    let conversions = digits * convert(digit, extended - digit) + 2 * convert(special, limbs);
    let key = 2 * digits * extended * n;
    let (lifts, down) = (2 * limbs * n, 2 * limbs * n);
    let products = butterflies + factors + conversions + key + lifts + down;
    let all = total(&tallies);
    assert_eq!(all.cost.products, (batch * products) as u64);
    // The gadget product reads each digit once, its key once for the whole batch, and the sums of the pairs of digits before.
    let moved = digits * extended * (batch + 2) + 2 * extended * batch * (3 + 2);
    assert_eq!(tallies["gadget_product"].cost.bytes, (4 * n * moved) as u64);
}

#[test]
fn kernels_are_timed_by_either_clock() {
    let params = params("insecure-10");
    let kernels = ["ntt_forward_columns", "ntt_forward_rows"];
    for host_clock in [false, true] {
        let options = Options {
            host_clock,
            ..Options::default()
        };
        let Some(gpu) = gpu("clocks", &params, &options) else {
            return;
        };
        let mut x = zeros(&gpu, 1, params.basis(Level(1)));
        gpu.begin().unwrap();
        for _ in 0..3 {
            gpu.ntt(&mut x).unwrap();
        }
        let spans = gpu.end().unwrap();
        let names: Vec<_> = spans.iter().map(|span| span.kernel).collect();
        assert_eq!(names, kernels.repeat(3), "host clock: {host_clock}");
        // The first begins at zero, none overlaps the next, and most take some time.
        let mut end = 0.0;
        for span in &spans {
            assert!(span.begin >= end && span.seconds >= 0.0, "{spans:?}");
            end = span.begin + span.seconds - 1e-9;
        }
        assert!(spans[0].begin == 0.0 && end > 0.0, "{spans:?}");
        // Timing is over.
        gpu.ntt(&mut x).unwrap();
        assert!(gpu.end().unwrap().is_empty());
    }
}

#[test]
fn products_and_bytes_of_a_transform_are_those_of_a_count_by_hand() {
    let params = params("leveled-13");
    let Some(gpu) = gpu("count by hand", &params, &Options::default()) else {
        return;
    };
    let (batch, limbs, n) = (2, 6, 1 << 13);
    let mut x = zeros(&gpu, batch, params.basis(params.max_level()));
    gpu.wait().unwrap();
    let _ = gpu.take_tallies();
    gpu.ntt(&mut x).unwrap();
    let tallies = gpu.take_tallies();
    let (columns, rows) = (tallies["ntt_forward_columns"], tallies["ntt_forward_rows"]);
    assert_eq!((columns.calls, rows.calls), (1, 1));
    assert_eq!(columns.cost.products, (batch * limbs * n / 2 * 5) as u64);
    assert_eq!(rows.cost.products, (batch * limbs * n / 2 * 8) as u64);
    // In and out once each, and of each limb's powers (8 bytes) the 32 of the columns or all the others.
    assert_eq!(
        columns.cost.bytes,
        (limbs * (batch * 2 * 4 * n + 8 * 32)) as u64
    );
    assert_eq!(
        rows.cost.bytes,
        (limbs * (batch * 2 * 4 * n + 8 * (n - 32))) as u64
    );
}
