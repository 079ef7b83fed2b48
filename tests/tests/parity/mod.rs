//! `Reference`, `Cpu` with every instruction set of this processor, and `Gpu` in both forms of its products, word for word.

mod costs;
mod cpu;
mod gpu;
mod prune;
mod rings;
mod step;

use engine::backend::{
    Backend, BasisOps, GadgetKey, GadgetOps, Reference, RingOps, Shape, Transfer,
};
use engine::ckks::{Level, Params};
use engine::ring::sampling::{Seed, uniform};
use engine::ring::{Basis, GaloisElement, Rotation};

/// An operation on named operands: the same on every backend.
struct Pair<'a, B: Backend> {
    params: &'a Params,
    oracle: &'a Reference,
    subject: &'a B,
    next: std::cell::Cell<u64>,
}

type Both<B> = (<Reference as Transfer>::Buffer, <B as Transfer>::Buffer);

impl<'a, B: Backend> Pair<'a, B> {
    fn new(params: &'a Params, oracle: &'a Reference, subject: &'a B) -> Self {
        Self {
            params,
            oracle,
            subject,
            next: std::cell::Cell::new(1),
        }
    }

    /// The same random words on both.
    fn random(&self, batch: usize, basis: &Basis) -> Both<B> {
        let seed = self.next.get();
        self.next.set(seed + 1);
        let shape = Shape {
            batch,
            basis: basis.clone(),
        };
        let rows = |i: usize| {
            uniform(
                self.params.ring(),
                basis,
                &Seed([1; 32]).derive(seed).derive(i as u64),
            )
        };
        let words: Vec<_> = (0..batch).flat_map(rows).collect();
        (
            self.oracle.upload(&shape, &words).unwrap(),
            self.subject.upload(&shape, &words).unwrap(),
        )
    }

    /// The halves of a gadget product may be parts of one piece of memory: each is changed by the other.
    fn shared_memory(&self, basis: &Basis) {
        let digits = self.params.ring().digits().len();
        let pairs = (0..digits).map(|_| (self.random(1, basis), self.random(1, basis)));
        let (oracle, subject) = pairs.map(|(b, a)| ([b.0, a.0], [b.1, a.1])).unzip();
        let (oracle, subject) = (GadgetKey { pairs: oracle }, GadgetKey { pairs: subject });
        let x = self.random(2, basis);
        let [mut b, mut a] = self.oracle.gadget_product(&[x.0], &oracle).unwrap();
        let [mut c, mut d] = self.subject.gadget_product(&[x.1], &subject).unwrap();
        self.oracle.add_assign(&mut b, &a).unwrap();
        self.subject.add_assign(&mut c, &d).unwrap();
        self.same("add, shared memory", &b, &c);
        self.oracle.sub_assign(&mut a, &b).unwrap();
        self.subject.sub_assign(&mut d, &c).unwrap();
        self.same("sub, shared memory", &a, &d);
    }

    #[track_caller]
    fn same(&self, op: &str, oracle: &<Reference as Transfer>::Buffer, subject: &B::Buffer) {
        let shape = self.oracle.shape(oracle);
        assert_eq!(shape, self.subject.shape(subject), "{op}: shapes");
        let (want, have) = (
            self.oracle.download(oracle).unwrap(),
            self.subject.download(subject).unwrap(),
        );
        let Some(i) = want.iter().zip(&have).position(|(a, b)| a != b) else {
            return assert_eq!(want.len(), have.len());
        };
        let n = self.params.degree();
        let (row, limbs) = (i / n, shape.basis.len());
        panic!(
            "{op}: polynomial {}, limb {:?}, index {}: {} instead of {}",
            row / limbs,
            shape.basis.iter().nth(row % limbs),
            i % n,
            have[i],
            want[i]
        );
    }
}

macro_rules! same {
    ($p:ident, $op:literal, |$backend:ident| $oracle:expr, $subject:expr) => {{
        let oracle = {
            let $backend = $p.oracle;
            $oracle
        };
        let subject = {
            let $backend = $p.subject;
            $subject
        };
        $p.same($op, &oracle, &subject);
    }};
}

fn ring_ops<B: Backend>(p: &Pair<'_, B>, basis: &Basis, batch: usize) {
    let smaller = Basis::new(basis.iter().skip(1));
    let (x, y, one) = (
        p.random(batch, basis),
        p.random(batch, basis),
        p.random(1, basis),
    );
    let low = p.random(batch, &smaller);
    let constants: Vec<u32> = basis
        .iter()
        .map(|l| p.params.ring().modulus(l).value() / 3 + l as u32)
        .collect();

    macro_rules! in_place {
        ($op:literal, $start:ident, |$b:ident, $acc:ident| $first:expr, $second:expr) => {{
            let batch = p.oracle.shape(&$start.0).batch;
            let basis = p.oracle.shape(&$start.0).basis.clone();
            let mut first = p.oracle.copy(&$start.0, 0..batch, &basis).unwrap();
            let mut second = p.subject.copy(&$start.1, 0..batch, &basis).unwrap();
            {
                let ($b, $acc) = (p.oracle, &mut first);
                $first.unwrap();
            }
            {
                let ($b, $acc) = (p.subject, &mut second);
                $second.unwrap();
            }
            p.same($op, &first, &second);
        }};
    }
    in_place!("ntt", x, |b, acc| b.ntt(acc), b.ntt(acc));
    in_place!("intt", x, |b, acc| b.intt(acc), b.intt(acc));
    in_place!(
        "add",
        x,
        |b, acc| b.add_assign(acc, &y.0),
        b.add_assign(acc, &y.1)
    );
    in_place!(
        "add, broadcast",
        x,
        |b, acc| b.add_assign(acc, &one.0),
        b.add_assign(acc, &one.1)
    );
    in_place!(
        "add, more limbs",
        low,
        |b, acc| b.add_assign(acc, &y.0),
        b.add_assign(acc, &y.1)
    );
    in_place!(
        "sub",
        x,
        |b, acc| b.sub_assign(acc, &y.0),
        b.sub_assign(acc, &y.1)
    );
    in_place!(
        "sub, broadcast",
        x,
        |b, acc| b.sub_assign(acc, &one.0),
        b.sub_assign(acc, &one.1)
    );
    in_place!(
        "scale",
        x,
        |b, acc| b.scale_assign(acc, &constants),
        b.scale_assign(acc, &constants)
    );
    in_place!(
        "add constant",
        x,
        |b, acc| b.add_constant_assign(acc, &constants),
        b.add_constant_assign(acc, &constants)
    );
    in_place!(
        "lifted sum",
        x,
        |b, acc| b.add_lifted_assign(acc, &y.0),
        b.add_lifted_assign(acc, &y.1)
    );

    same!(
        p,
        "copy",
        |b| b.copy(&x.0, batch - 1..batch, &smaller).unwrap(),
        b.copy(&x.1, batch - 1..batch, &smaller).unwrap()
    );
    same!(
        p,
        "stack",
        |b| b.stack(&[&x.0, &one.0, &low.0], &smaller).unwrap(),
        b.stack(&[&x.1, &one.1, &low.1], &smaller).unwrap()
    );
    same!(p, "sum", |b| b.sum(&x.0).unwrap(), b.sum(&x.1).unwrap());
    same!(
        p,
        "sum of products",
        |b| b.mul_sum(&[(&x.0, &y.0), (&y.0, &one.0)]).unwrap(),
        b.mul_sum(&[(&x.1, &y.1), (&y.1, &one.1)]).unwrap()
    );
    let many: Vec<_> = (0..19).map(|_| p.random(1, &smaller)).collect();
    let (oracle, subject): (Vec<_>, Vec<_>) =
        many.iter().map(|m| ((&m.0, &x.0), (&m.1, &x.1))).unzip();
    if batch == 1 {
        same!(
            p,
            "sum of many products",
            |b| b.mul_sum(&oracle).unwrap(),
            b.mul_sum(&subject).unwrap()
        );
    }
    let (c, d) = (constants.as_slice(), vec![1; basis.len()]);
    same!(
        p,
        "linear combination",
        |b| b.scale_sum(&[(&x.0, c), (&one.0, &d)]).unwrap(),
        b.scale_sum(&[(&x.1, c), (&one.1, &d)]).unwrap()
    );
    // More than one dispatch of a device takes: the second adds to what the first left.
    let (oracle, subject) = ([&x.0, &one.0, &y.0], [&x.1, &one.1, &y.1]);
    let (oracle, subject): (Vec<_>, Vec<_>) = (0..9)
        .map(|i| ((oracle[i % 3], c), (subject[i % 3], c)))
        .unzip();
    same!(
        p,
        "linear combination of many",
        |b| b.scale_sum(&oracle).unwrap(),
        b.scale_sum(&subject).unwrap()
    );
    for g in [
        GaloisElement::of(Rotation(5), p.params.degree()),
        GaloisElement::conjugation(p.params.degree()),
    ] {
        same!(
            p,
            "automorphism",
            |b| b.automorphism(&x.0, g).unwrap(),
            b.automorphism(&x.1, g).unwrap()
        );
    }
    let oracle = p
        .oracle
        .tensor_sum(&[
            ([&x.0, &y.0], [&one.0, &x.0]),
            ([&y.0, &y.0], [&x.0, &one.0]),
        ])
        .unwrap();
    let subject = p
        .subject
        .tensor_sum(&[
            ([&x.1, &y.1], [&one.1, &x.1]),
            ([&y.1, &y.1], [&x.1, &one.1]),
        ])
        .unwrap();
    for (oracle, subject) in oracle.iter().zip(&subject) {
        p.same("tensor product", oracle, subject);
    }
}

fn basis_and_gadget_ops<B: Backend>(p: &Pair<'_, B>, level: Level, batch: usize) {
    let ring = p.params.ring();
    let basis = p.params.basis(level).clone();
    let extended = basis.union(&ring.special());
    let below = p.params.basis(Level(level.0.saturating_sub(1)));
    let (x, up) = (p.random(batch, &basis), p.random(batch, &extended));
    for (_, digit) in ring.digits().at(&basis) {
        same!(
            p,
            "mod-up",
            |b| b.mod_up(&x.0, &digit, &extended).unwrap(),
            b.mod_up(&x.1, &digit, &extended).unwrap()
        );
    }
    // As the modulus is raised: the limbs of level 0, a part of a digit perhaps, and others before, between and behind them.
    let (bottom, all) = (p.params.basis(Level(0)), Basis::new(0..ring.moduli().len()));
    let low = p.random(batch, bottom);
    for to in [&all, &basis, &extended, &bottom.union(&ring.special())] {
        same!(
            p,
            "mod-up of level 0",
            |b| b.mod_up(&low.0, bottom, to).unwrap(),
            b.mod_up(&low.1, bottom, to).unwrap()
        );
    }
    // As the secret is exchanged for a sparse one: a division by some of the special limbs.
    let few = bottom.union(&p.params.encapsulation_special());
    let small = p.random(batch, &few);
    same!(
        p,
        "mod-down to level 0",
        |b| b.mod_down(&small.0, bottom).unwrap(),
        b.mod_down(&small.1, bottom).unwrap()
    );
    for to in [&basis, below] {
        same!(
            p,
            "mod-down",
            |b| b.mod_down(&up.0, to).unwrap(),
            b.mod_down(&up.1, to).unwrap()
        );
    }
    if level.0 > 0 {
        same!(
            p,
            "rescale",
            |b| b.mod_down(&x.0, below).unwrap(),
            b.mod_down(&x.1, below).unwrap()
        );
    }
    let key_basis = p.params.key_basis(level);
    let pairs =
        (0..ring.digits().len()).map(|_| (p.random(1, &key_basis), p.random(1, &key_basis)));
    let (oracle, subject) = pairs.map(|(b, a)| ([b.0, a.0], [b.1, a.1])).unzip();
    let (oracle, subject) = (GadgetKey { pairs: oracle }, GadgetKey { pairs: subject });
    let digits = (
        p.oracle.decompose(&x.0).unwrap(),
        p.subject.decompose(&x.1).unwrap(),
    );
    for (want, have) in digits.0.iter().zip(&digits.1) {
        p.same("decompose", want, have);
    }
    let (lift, one) = (p.random(batch, &basis), p.random(1, &basis));
    for to in [&basis, below] {
        let want = p
            .oracle
            .key_switch(&x.0, &oracle, [Some(&lift.0), Some(&one.0)], to)
            .unwrap();
        let have = p
            .subject
            .key_switch(&x.1, &subject, [Some(&lift.1), Some(&one.1)], to)
            .unwrap();
        want.iter()
            .zip(&have)
            .for_each(|(want, have)| p.same("key switch", want, have));
        let want = p
            .oracle
            .gadget_product_down(&digits.0, &oracle, [Some(&lift.0), None], to)
            .unwrap();
        let have = p
            .subject
            .gadget_product_down(&digits.1, &subject, [Some(&lift.1), None], to)
            .unwrap();
        want.iter()
            .zip(&have)
            .for_each(|(want, have)| p.same("hoisted key switch", want, have));
    }
    let want = p.oracle.gadget_product(&digits.0, &oracle).unwrap();
    let have = p.subject.gadget_product(&digits.1, &subject).unwrap();
    want.iter()
        .zip(&have)
        .for_each(|(want, have)| p.same("gadget product", want, have));
}

fn check<B: Backend>(
    params: &Params,
    oracle: &Reference,
    subject: &B,
    levels: &[usize],
    batches: &[usize],
) {
    let p = Pair::new(params, oracle, subject);
    for batch in batches {
        for level in levels {
            ring_ops(&p, &params.key_basis(Level(*level)), *batch);
            basis_and_gadget_ops(&p, Level(*level), *batch);
        }
    }
}
