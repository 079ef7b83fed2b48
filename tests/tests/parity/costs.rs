//! What a device does for an operation: dispatches, bytes and products, against a table and against a count by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use engine::backend::{BackendError, BasisOps, GadgetKey, GadgetOps, RingOps, Shape, Transfer};
use engine::bootstrap::{Bootstrapper, key_plan};
use engine::circuits::{Parts, Rotations};
use engine::ckks::{Level, Params};
use engine::ring::Basis;
use host::cpu::Cpu;
use host::cpu::simd::Isa;
use host::gpu::{Gpu, Options, Tally};
use host::profile::{Cost, Profiled, Timed};
use tests::backends::gpu;
use tests::{Fixture, params, slots};

/// The most dispatches of a key switch, for each binding that both halves of its result fill.
const MOST_DISPATCHES: usize = 20;
/// Bytes of a binding that every adapter has. The largest batches that one dispatch serves depend on it.
const BINDING_BYTES: usize = 128 << 20;

fn zeros<B: Transfer>(backend: &B, batch: usize, basis: &Basis) -> B::Buffer {
    let shape = Shape {
        batch,
        basis: basis.clone(),
    };
    backend.alloc(&shape).unwrap()
}

/// A key of zeros for a level.
fn key<B: Transfer>(params: &Params, backend: &B, level: Level) -> GadgetKey<B::Buffer> {
    let (basis, key_basis) = (params.basis(level), params.key_basis(level));
    let digits = params.ring().digits().at(basis).len();
    let half = || zeros(backend, 1, &key_basis);
    GadgetKey {
        pairs: (0..digits).map(|_| [half(), half()]).collect(),
    }
}

/// The tallies of a key switch over all limbs of a level, to the same level.
fn key_switch(
    params: &Params,
    gpu: &Gpu,
    level: Level,
    batch: usize,
) -> BTreeMap<&'static str, Tally> {
    let (basis, key) = (params.basis(level), key(params, gpu, level));
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
        "operation, then for each kernel: dispatches (or clears), bytes, modular products\n\n"
            .to_owned();
    for set in ["insecure-11-boot", "boot-39"] {
        let params = params(set);
        let options = Options {
            binding_bytes: Some(BINDING_BYTES as u64),
            count_only: true,
            ..Options::default()
        };
        let Some(gpu) = gpu("costs", &params, &options) else {
            return;
        };
        let row_bytes = params.degree() * size_of::<u32>();
        let bound = BINDING_BYTES / (params.ring().moduli().len() * row_bytes);
        let (top, highest) = (params.top_level(), params.max_level());
        let mut cases = vec![(1, top), (1, highest), (4, top), (4, highest)];
        if set == "boot-39" {
            cases.extend([(8, top), (16, top)]);
        }
        for (batch, level) in cases {
            let tallies = key_switch(&params, &gpu, level, batch);
            let most = MOST_DISPATCHES * (2 * batch).div_ceil(bound);
            assert!(total(&tallies).calls <= most as u64, "{tallies:?}");
            let limbs = params.limbs_at(level);
            let what = format!("key switch, {set}, {limbs} limbs, batch of {batch}");
            text += &rows(&what, &tallies);
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
        // The first begins at zero; none overlaps the next, which needs its result; and most take some time.
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

/// What one operation of the CPU costs, in plain Rust.
fn of_cpu(params: &Params, run: impl FnOnce(&Timed) -> Result<(), BackendError>) -> Cost {
    let cpu = Cpu::with(Arc::clone(params.ring()), Isa::Portable, 1).unwrap();
    let cpu = Timed::new(cpu);
    cpu.begin().unwrap();
    run(&cpu).unwrap();
    // The last: operands are made before.
    cpu.end().unwrap().last().unwrap().cost
}

/// Bytes of the factors of a transform of 2^14 points in plain Rust: 64 rows of 256 words, first in blocks of eight rows, then of
/// eight again, then in each row. Lines of sixteen factors, 128 bytes each: one, eight, two for each row, and fifteen for all.
const FACTOR_BYTES: usize = 128 * (1 + 8 + 2 * 64 + 15);

#[test]
fn products_and_bytes_of_the_cpu_are_those_of_a_count_by_hand() {
    let params = params("leveled-14");
    let level = params.max_level();
    // As above: 12 limbs in 6 digits of 2, and 2 special limbs.
    let (n, log, limbs, special, digits, digit) = (1 << 14, 14, 12, 2, 6, 2);
    let (basis, extended, batch) = (params.basis(level), params.key_basis(level), 3);
    let cost = |rows: usize, factors: usize, products: usize| Cost {
        bytes: (4 * n * rows + FACTOR_BYTES * factors) as u64,
        products: products as u64,
    };
    let transforms = |rows: usize| n / 2 * log * rows;
    let convert = |sources: usize, targets: usize| n * ((sources + 1) * targets + 2 * sources);

    let ntt = of_cpu(&params, |cpu| cpu.ntt(&mut zeros(cpu, batch, basis)));
    let rows = batch * limbs;
    assert_eq!(ntt, cost(2 * rows, limbs, transforms(rows)));

    // The operand of more limbs and one polynomial: only the limbs of the other are read of it.
    let low = params.basis(Level(1));
    let few = low.len();
    assert!(few < limbs);
    let sum = of_cpu(&params, |cpu| {
        let (x, y) = (zeros(cpu, batch, low), zeros(cpu, 1, basis));
        cpu.mul_sum(&[(&x, &y), (&x, &x)]).map(drop)
    });
    let rows = (batch + 1) * few + 2 * batch * few + batch * few;
    assert_eq!(sum, cost(rows, 0, 2 * batch * few * n));
    let added = of_cpu(&params, |cpu| {
        cpu.add_assign(&mut zeros(cpu, batch, low), &zeros(cpu, 1, basis))
    });
    assert_eq!(added, cost(2 * batch * few + few, 0, 0));

    // The special limbs go back, what they are converted to goes forth.
    let down = of_cpu(&params, |cpu| {
        let x = zeros(cpu, batch, &extended);
        cpu.mod_down(&x, basis).map(drop)
    });
    let all = limbs + special;
    let products = transforms(special + limbs) + convert(special, limbs) + n * limbs;
    assert_eq!(
        down,
        cost(batch * (all + limbs), special + limbs, batch * products)
    );

    // One lift is a polynomial for all. Digits and the pair are never written out.
    let switched = of_cpu(&params, |cpu| {
        let (x, key) = (zeros(cpu, batch, basis), key(&params, cpu, level));
        let (lift, one) = (zeros(cpu, batch, basis), zeros(cpu, 1, basis));
        let lifts = [Some(&lift), Some(&one)];
        cpu.key_switch(&x, &key, lifts, basis).map(drop)
    });
    let lifted = (batch + 1) * limbs;
    let rows = batch * limbs + 2 * digits * all + lifted + 2 * batch * limbs;
    // The limbs of x back, those of the digits forth; then the mod-down.
    let factors = limbs + all + special + limbs;
    let raised = digits * (transforms(all - digit) + convert(digit, all - digit));
    let gadget = 2 * digits * all * n + 2 * limbs * n;
    let products = transforms(limbs) + raised + gadget + 2 * products;
    assert_eq!(switched, cost(rows, factors, batch * products));
}
