//! A bootstrap of all slots of `boot-39`, on one and two threads. Precision after one bootstrap and after ten rounds of a
//! product and a bootstrap, keys and memory of every set are printed beside the times.

use benches::{Keyed, bootstrappable, named, threads};
use criterion::{Criterion, criterion_group};
use engine::bootstrap::{Bootstrapper, Parts, key_plan};
use engine::circuits::Rotations;
use engine::ckks::{Ciphertext, Decryptor, Encryptor, Evaluator, Level, Params};
use engine::ring::sampling::Seed;
use host::cpu::Cpu;
use host::job::{DeviceChoice, Event, Observer, Operation, ParamsChoice, ProfileConfig, StepShape};
use num_complex::Complex64;
use std::sync::Arc;

/// Rounds of a product and a bootstrap.
const ROUNDS: usize = 10;
const GIB: f64 = (1u64 << 30) as f64;

fn bootstrap(c: &mut Criterion) {
    let params = bootstrappable();
    for threads in threads() {
        let prepared = Prepared::new(&params, threads);
        let bootstrapper = prepared.bootstrapper();
        let x = prepared.encrypt(&circle(params.slots(), 1), Level(params.stc_levels()));
        let mut group = c.benchmark_group(format!("{}, {threads} threads", params.name()));
        for (name, parts) in [("complex", Parts::Complex), ("real", Parts::Real)] {
            group.bench_function(format!("bootstrap, {name}"), |b| {
                b.iter(|| bootstrapper.bootstrap(&x, 1.0, parts).unwrap());
            });
        }
        group.finish();
        prepared.print_memory();
        print_division(&params, threads);
    }
}

/// How the time divides: key switches (of relinearisations), decompositions (transforms and base conversions), divisions,
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
    let prepared = Prepared::new(params, *threads().end());
    let (bootstrapper, evaluator) = (prepared.bootstrapper(), prepared.evaluator());
    let (mut want, factor) = (circle(params.slots(), 1), circle(params.slots(), 2));
    let top = params.max_level();
    let y = prepared.encrypt(&factor, top);
    let mut x = prepared.encrypt(&want, Level(params.stc_levels()));
    x = bootstrapper.bootstrap(&x, 1.0, Parts::Complex).unwrap();
    prepared.print_precision("a bootstrap", &want, &x);
    for _ in 0..ROUNDS {
        want.iter_mut().zip(&factor).for_each(|(x, y)| *x *= y);
        x = evaluator.mul(&x, &y).unwrap();
        x = bootstrapper.bootstrap(&x, 1.0, Parts::Complex).unwrap();
    }
    let after = format!("{ROUNDS} products and bootstraps");
    prepared.print_precision(&after, &want, &x);
    prepared.print_memory();
}

/// Keys of a set.
struct Prepared {
    keyed: Keyed,
    params: Params,
}

impl Prepared {
    fn new(params: &Params, threads: usize) -> Self {
        let plan = key_plan(params, Rotations::Hoisted).unwrap();
        let gib = plan.bytes(params) as f64 / GIB;
        println!("{}: {} keys, {gib:.2} GiB", params.name(), plan.len());
        Self {
            keyed: Keyed::new(params, &plan, threads),
            params: params.clone(),
        }
    }

    fn evaluator(&self) -> Evaluator<'_, Cpu> {
        let Keyed {
            cpu, encoder, keys, ..
        } = &self.keyed;
        Evaluator::new(cpu, &self.params, Arc::clone(encoder), keys)
    }

    fn bootstrapper(&self) -> Bootstrapper<'_, Cpu> {
        Bootstrapper::new(self.evaluator(), Rotations::Hoisted).unwrap()
    }

    fn encrypt(&self, slots: &[Complex64], level: Level) -> Ciphertext<Cpu> {
        let Keyed {
            cpu,
            encoder,
            secret,
            ..
        } = &self.keyed;
        let encryptor = Encryptor::new(cpu, &self.params, Arc::clone(encoder));
        let encrypted = encryptor.with_secret(secret, &[slots], level, &Seed([3; 32]));
        encrypted.unwrap().0
    }

    fn print_precision(&self, after: &str, want: &[Complex64], x: &Ciphertext<Cpu>) {
        let Keyed {
            cpu,
            encoder,
            secret,
            ..
        } = &self.keyed;
        let decryptor = Decryptor::new(cpu, &self.params, Arc::clone(encoder), secret);
        let have = decryptor.decrypt(x).unwrap().remove(0);
        let errors = want.iter().zip(&have).map(|(a, b)| a - b);
        let bits =
            errors.flat_map(|e| [e.re, e.im].map(|e| -e.abs().max(f64::MIN_POSITIVE).log2()));
        let bits: Vec<f64> = bits.collect();
        let mean = bits.iter().sum::<f64>() / bits.len() as f64;
        let worst = bits.iter().copied().fold(f64::INFINITY, f64::min);
        println!(
            "{} after {after}: {mean:.1} bits on average over both parts of all slots, {worst:.1} in the worst",
            self.params.name()
        );
    }

    fn print_memory(&self) {
        let (usage, peak) = (
            self.keyed.cpu.usage(),
            host::job::peak_memory_bytes() as f64,
        );
        println!(
            "{}: {:.2} GiB of buffers at most; the process {:.2} GiB so far",
            self.params.name(),
            usage.peak as f64 / GIB,
            peak / GIB
        );
    }
}

/// Values on the unit circle: both parts reach one, and products stay there.
fn circle(n: usize, turns: usize) -> Vec<Complex64> {
    let angle = |i: usize| (i * turns) as f64 * 0.618_033_988_749_895;
    (0..n)
        .map(|i| Complex64::cis(std::f64::consts::TAU * angle(i).fract()))
        .collect()
}

criterion_group! { name = benches; config = benches::config(); targets = bootstrap, precision }
