//! A bootstrap of all slots of `boot-39`, by device. Precision after one bootstrap and after ten rounds of a
//! product and a bootstrap, keys and memory of every set are printed beside the times.

use benches::devices::{Device, OnDevice, cpu, on_each_device};
use benches::{Keyed, bootstrappable, named, threads};
use criterion::{Criterion, criterion_group};
use engine::bootstrap::{Bootstrapper, key_plan};
use engine::circuits::{Parts, Rotations};
use engine::ckks::{Level, Params};
use host::job::{DeviceChoice, Event, Observer, Operation, ParamsChoice, ProfileConfig, StepShape};
use num_complex::Complex64;

/// Rounds of a product and a bootstrap.
const ROUNDS: usize = 10;
const GIB: f64 = (1u64 << 30) as f64;

fn bootstrap(c: &mut Criterion) {
    let params = bootstrappable();
    on_each_device(c, &params, &Bootstrap);
    threads().for_each(|threads| print_division(&params, threads));
}

struct Bootstrap;

impl OnDevice for Bootstrap {
    fn measure<D: Device>(&self, c: &mut Criterion, params: &Params, device: &D) {
        let keyed = keyed(device, params);
        let bootstrapper = bootstrapper(&keyed);
        let x = keyed.encrypt(&[&circle(params.slots(), 1)], Level(params.stc_levels()));
        let mut group = c.benchmark_group(format!("{}, {}", params.name(), device.label()));
        for (name, parts) in [("complex", Parts::Complex), ("real", Parts::Real)] {
            group.bench_function(format!("bootstrap, {name}"), |b| {
                b.iter(|| {
                    drop(bootstrapper.bootstrap(&x, 1.0, parts).unwrap());
                    device.wait().unwrap();
                });
            });
        }
        group.finish();
        print_memory(params, device);
    }
}

/// How the time divides: key switches (of relinearizations), decompositions (transforms and base conversions), divisions,
/// sums of products (with plaintexts), gadget products (with keys), and what moves memory only.
fn print_division(params: &Params, threads: usize) {
    let config = ProfileConfig {
        operation: Operation::Bootstrap,
        params: ParamsChoice::Named(params.name().to_owned()),
        level: None,
        batch: 1,
        step: StepShape::default(),
        repetitions: 1,
        device: DeviceChoice::Cpu,
        threads: Some(threads),
        trace: None,
    };
    let report = host::job::profile(&config, &mut Silent).unwrap();
    let whole: f64 = report.kernels.iter().map(|row| row.ms).sum();
    for row in report.kernels {
        let (kernel, calls, share) = (row.kernel, row.calls, 100.0 * row.ms / whole);
        println!(
            "{threads} threads: {kernel:<28} {calls:>5} calls {:>9.1} ms {share:>5.1} %",
            row.ms
        );
    }
}

struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: &Event) {}
}

/// Nothing is timed: the rounds run once, when the filter asks for them.
fn precision(c: &mut Criterion) {
    let sets = if benches::is_smoke() {
        [
            "insecure-11-boot",
            "insecure-11-boot-36",
            "insecure-11-boot-30",
        ]
    } else {
        ["boot-39", "boot-36", "boot-30"]
    };
    let mut is_done = false;
    c.bench_function("precision of bootstraps", |b| {
        if !std::mem::replace(&mut is_done, true) {
            sets.iter().for_each(|set| rounds(&named(set)));
        }
        b.iter(|| ());
    });
}

fn rounds(params: &Params) {
    let cpu = cpu(params, *threads().end());
    let keyed = keyed(&cpu, params);
    let (bootstrapper, evaluator) = (bootstrapper(&keyed), keyed.evaluator());
    let (mut want, factor) = (circle(params.slots(), 1), circle(params.slots(), 2));
    let y = keyed.encrypt(&[&factor], params.max_level());
    let mut x = keyed.encrypt(&[&want], Level(params.stc_levels()));
    x = bootstrapper.bootstrap(&x, 1.0, Parts::Complex).unwrap();
    print_precision(params, "a bootstrap", &want, &keyed.decrypt(&x));
    for _ in 0..ROUNDS {
        want.iter_mut().zip(&factor).for_each(|(x, y)| *x *= y);
        x = evaluator.mul(&x, &y).unwrap();
        x = bootstrapper.bootstrap(&x, 1.0, Parts::Complex).unwrap();
    }
    let after = format!("{ROUNDS} products and bootstraps");
    print_precision(params, &after, &want, &keyed.decrypt(&x));
    print_memory(params, &cpu);
}

/// With the keys of a bootstrap.
fn keyed<'a, D: Device>(device: &'a D, params: &'a Params) -> Keyed<'a, D> {
    let plan = key_plan(params, Rotations::Hoisted).unwrap();
    let gib = plan.bytes(params) as f64 / GIB;
    println!("{}: {} keys, {gib:.2} GiB", params.name(), plan.len());
    Keyed::new(device, params, &plan)
}

fn bootstrapper<'a, D: Device>(keyed: &'a Keyed<'_, D>) -> Bootstrapper<'a, D> {
    Bootstrapper::new(keyed.evaluator(), Rotations::Hoisted).unwrap()
}

fn print_precision(params: &Params, after: &str, want: &[Complex64], have: &[Complex64]) {
    let errors = want.iter().zip(have).map(|(a, b)| a - b);
    let bits = errors.flat_map(|e| [e.re, e.im].map(|e| -e.abs().max(f64::MIN_POSITIVE).log2()));
    let bits: Vec<f64> = bits.collect();
    let mean = bits.iter().sum::<f64>() / bits.len() as f64;
    let worst = bits.iter().copied().fold(f64::INFINITY, f64::min);
    println!(
        "{} after {after}: {mean:.1} bits on average over both parts of all slots, {worst:.1} in the worst",
        params.name()
    );
}

fn print_memory<D: Device>(params: &Params, device: &D) {
    let (buffers, process) = (
        device.peak_bytes() as f64,
        host::job::peak_memory_bytes() as f64,
    );
    println!(
        "{}, {}: {:.2} GiB of buffers at most; the process {:.2} GiB so far",
        params.name(),
        device.label(),
        buffers / GIB,
        process / GIB
    );
}

/// Values on the unit circle: both parts reach one, and products stay there.
fn circle(n: usize, turns: usize) -> Vec<Complex64> {
    let angle = |i: usize| (i * turns) as f64 * 0.618_033_988_749_895;
    (0..n)
        .map(|i| Complex64::cis(std::f64::consts::TAU * angle(i).fract()))
        .collect()
}

criterion_group! { name = benches; config = benches::config(); targets = bootstrap, precision }
