//! A backend whose operations are timed by the clock of the host, one by one.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use engine::arith::Word;
use engine::backend::{
    Backend, BackendError, BasisOps, GadgetKey, GadgetOps, PairOfPairs, RingOps, Shape, Transfer,
};
use engine::ring::{Basis, GaloisElement, RingContext};

use super::cost::Counting;
use super::{Ceilings, Cost, Profiled, Span, ceilings};
use crate::cpu::Cpu;

/// The CPU backend with a clock.
#[derive(Debug)]
pub struct Timed {
    inner: Cpu,
    clock: Mutex<Option<(Instant, Vec<Span>)>>,
}

type Buffer = <Cpu as Transfer>::Buffer;

impl Timed {
    /// Times nothing yet.
    #[must_use]
    pub fn new(inner: Cpu) -> Self {
        Self {
            inner,
            clock: Mutex::new(None),
        }
    }

    fn clock(&self) -> MutexGuard<'_, Option<(Instant, Vec<Span>)>> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self) -> Counting {
        Counting {
            degree: self.inner.context().degree(),
            factor_bytes: self.inner.factor_bytes(),
        }
    }

    /// Runs an operation that costs so much.
    fn time<T>(&self, kernel: &'static str, cost: Cost, run: impl FnOnce(&Cpu) -> T) -> T {
        let begun = Instant::now();
        let done = run(&self.inner);
        let seconds = begun.elapsed().as_secs_f64();
        if let Some((start, spans)) = self.clock().as_mut() {
            let begin = begun.duration_since(*start).as_secs_f64();
            spans.push(Span {
                kernel,
                begin,
                seconds,
                cost,
            });
        }
        done
    }

    fn rows(&self, x: &Buffer) -> usize {
        self.inner.shape(x).rows()
    }

    /// Polynomials and limbs of a sum, which are those of its first operand.
    fn size(&self, first: Option<&Buffer>) -> (usize, usize) {
        first.map_or((0, 0), |x| {
            let Shape { batch, basis } = self.shape(x);
            (*batch, basis.len())
        })
    }

    /// Rows of operands that are read for a result of so many limbs: those of other limbs are not.
    fn read<'a>(&self, operands: impl IntoIterator<Item = &'a Buffer>, limbs: usize) -> usize {
        let polys: usize = operands.into_iter().map(|x| self.shape(x).batch).sum();
        polys * limbs
    }

    /// What transforms of all rows cost.
    fn transform_cost(&self, x: &Buffer) -> Cost {
        let (shape, count) = (self.inner.shape(x), self.count());
        Cost {
            bytes: count.rows(2 * shape.rows(), 0).bytes + count.factors(shape.basis.len()),
            products: count.transforms(shape.rows()),
        }
    }

    /// What the gadget product and the mod-down of a key switch cost.
    fn switch_cost(
        &self,
        batch: usize,
        extended: &Basis,
        digits: usize,
        lift: [Option<&Buffer>; 2],
        to: &Basis,
    ) -> Cost {
        let (count, limbs) = (self.count(), extended.len());
        let ordinary = limbs - self.inner.context().special().len();
        // Digits and keys are read once, the keys by all polynomials of the batch.
        let mut cost = count.rows(digits * limbs * (batch + 2), 2 * digits * limbs * batch);
        let lifts = lift.into_iter().flatten();
        let lifted = lifts.clone().count() * ordinary * batch;
        cost += count.rows(self.read(lifts, ordinary), lifted);
        let mut down = count.mod_down(2 * batch, extended, to);
        // The pair is never written out.
        down.bytes -= count.rows(2 * batch * limbs, 0).bytes;
        cost += down;
        cost
    }

    /// What decomposing costs: `x` to digits over more limbs.
    fn decompose_cost(&self, x: &Shape) -> Cost {
        let context = self.inner.context();
        let (count, batch) = (self.count(), x.batch as u64);
        let extended = x.basis.union(&context.special());
        let digits = context.digits().at(&x.basis);
        let raised = digits.iter().map(|(_, limbs)| {
            let targets = extended.len() - limbs.len();
            count.transforms(targets) + count.conversion(limbs.len(), targets)
        });
        let products = count.transforms(x.basis.len()) + raised.sum::<u64>();
        // Two digits lack each other's limbs, a single one the special limbs only.
        let forth = match digits.len() {
            1 => extended.len() - x.basis.len(),
            _ => extended.len(),
        };
        let factors = count.factors(x.basis.len() + forth);
        Cost {
            bytes: batch * count.rows(x.basis.len(), 0).bytes + factors,
            products: batch * products,
        }
    }
}

impl Profiled for Timed {
    fn begin(&self) -> Result<(), BackendError> {
        *self.clock() = Some((Instant::now(), Vec::new()));
        Ok(())
    }

    fn end(&self) -> Result<Vec<Span>, BackendError> {
        Ok(self
            .clock()
            .take()
            .map_or_else(Vec::new, |(_, spans)| spans))
    }

    fn ceilings(&self) -> Result<Ceilings, BackendError> {
        ceilings::of_cpu(&self.inner)
    }
}

impl Transfer for Timed {
    type Buffer = Buffer;

    fn context(&self) -> &Arc<RingContext> {
        self.inner.context()
    }

    fn shape<'a>(&self, buffer: &'a Buffer) -> &'a Shape {
        self.inner.shape(buffer)
    }

    fn alloc(&self, shape: &Shape) -> Result<Buffer, BackendError> {
        self.inner.alloc(shape)
    }

    fn upload(&self, shape: &Shape, words: &[Word]) -> Result<Buffer, BackendError> {
        let cost = self.count().rows(2 * shape.rows(), 0);
        self.time("upload", cost, |cpu| cpu.upload(shape, words))
    }

    fn download(&self, buffer: &Buffer) -> Result<Vec<Word>, BackendError> {
        let cost = self.count().rows(2 * self.rows(buffer), 0);
        self.time("download", cost, |cpu| cpu.download(buffer))
    }

    fn wait(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn copy(
        &self,
        buffer: &Buffer,
        batch: Range<usize>,
        basis: &Basis,
    ) -> Result<Buffer, BackendError> {
        let cost = self.count().rows(2 * batch.len() * basis.len(), 0);
        self.time("copy", cost, |cpu| cpu.copy(buffer, batch, basis))
    }

    fn stack(&self, parts: &[&Buffer], basis: &Basis) -> Result<Buffer, BackendError> {
        let polys: usize = parts.iter().map(|part| self.shape(part).batch).sum();
        let cost = self.count().rows(2 * polys * basis.len(), 0);
        self.time("stack", cost, |cpu| cpu.stack(parts, basis))
    }
}

impl RingOps for Timed {
    fn ntt(&self, x: &mut Buffer) -> Result<(), BackendError> {
        let cost = self.transform_cost(x);
        self.time("ntt", cost, |cpu| cpu.ntt(x))
    }

    fn intt(&self, x: &mut Buffer) -> Result<(), BackendError> {
        let mut cost = self.transform_cost(x);
        cost += self.count().rows(0, self.rows(x));
        self.time("intt", cost, |cpu| cpu.intt(x))
    }

    fn add_assign(&self, acc: &mut Buffer, x: &Buffer) -> Result<(), BackendError> {
        let read = self.read([x], self.shape(acc).basis.len());
        let cost = self.count().rows(2 * self.rows(acc) + read, 0);
        self.time("add", cost, |cpu| cpu.add_assign(acc, x))
    }

    fn sub_assign(&self, acc: &mut Buffer, x: &Buffer) -> Result<(), BackendError> {
        let read = self.read([x], self.shape(acc).basis.len());
        let cost = self.count().rows(2 * self.rows(acc) + read, 0);
        self.time("sub", cost, |cpu| cpu.sub_assign(acc, x))
    }

    fn scale_assign(&self, x: &mut Buffer, constants: &[Word]) -> Result<(), BackendError> {
        let cost = self.count().rows(2 * self.rows(x), self.rows(x));
        self.time("scale", cost, |cpu| cpu.scale_assign(x, constants))
    }

    fn add_constant_assign(&self, x: &mut Buffer, constants: &[Word]) -> Result<(), BackendError> {
        let cost = self.count().rows(2 * self.rows(x), 0);
        self.time("add constant", cost, |cpu| {
            cpu.add_constant_assign(x, constants)
        })
    }

    fn mul_sum(&self, terms: &[(&Buffer, &Buffer)]) -> Result<Buffer, BackendError> {
        let (batch, limbs) = self.size(terms.first().map(|(a, _)| *a));
        let rows = batch * limbs;
        let read = self.read(terms.iter().flat_map(|(a, b)| [*a, *b]), limbs);
        let cost = self.count().rows(read + rows, terms.len() * rows);
        self.time("sum of products", cost, |cpu| cpu.mul_sum(terms))
    }

    fn scale_sum(&self, terms: &[(&Buffer, &[Word])]) -> Result<Buffer, BackendError> {
        let (batch, limbs) = self.size(terms.first().map(|(a, _)| *a));
        let rows = batch * limbs;
        let read = self.read(terms.iter().map(|(a, _)| *a), limbs);
        let cost = self.count().rows(read + rows, terms.len() * rows);
        self.time("linear combination", cost, |cpu| cpu.scale_sum(terms))
    }

    fn sum(&self, x: &Buffer) -> Result<Buffer, BackendError> {
        let limbs = self.shape(x).basis.len();
        let cost = self.count().rows(self.rows(x) + limbs, 0);
        self.time("sum", cost, |cpu| cpu.sum(x))
    }

    fn automorphism(&self, x: &Buffer, g: GaloisElement) -> Result<Buffer, BackendError> {
        let cost = self.count().rows(2 * self.rows(x), 0);
        self.time("automorphism", cost, |cpu| cpu.automorphism(x, g))
    }

    fn tensor_sum(&self, pairs: &[PairOfPairs<'_, Buffer>]) -> Result<[Buffer; 3], BackendError> {
        let (batch, limbs) = self.size(pairs.first().map(|(a, _)| a[0]));
        let rows = batch * limbs;
        let halves = pairs.iter().flat_map(|(a, b)| a.iter().chain(b));
        let read = self.read(halves.copied(), limbs);
        let cost = self.count().rows(read + 3 * rows, 4 * pairs.len() * rows);
        self.time("tensor product", cost, |cpu| cpu.tensor_sum(pairs))
    }
}

impl BasisOps for Timed {
    fn mod_up(&self, x: &Buffer, digit: &Basis, to: &Basis) -> Result<Buffer, BackendError> {
        let (count, batch) = (self.count(), self.shape(x).batch);
        let targets = to.difference(digit).len();
        let cost = Cost {
            products: batch as u64 * count.conversion(digit.len(), targets),
            ..count.rows(batch * (digit.len() + to.len()), 0)
        };
        self.time("mod-up", cost, |cpu| cpu.mod_up(x, digit, to))
    }

    fn mod_down(&self, x: &Buffer, to: &Basis) -> Result<Buffer, BackendError> {
        let shape = self.shape(x);
        let cost = self.count().mod_down(shape.batch, &shape.basis, to);
        self.time("mod-down", cost, |cpu| cpu.mod_down(x, to))
    }

    fn add_lifted_assign(&self, acc: &mut Buffer, x: &Buffer) -> Result<(), BackendError> {
        let special = self.inner.context().special();
        let shape = self.shape(acc);
        let limbs = shape.basis.difference(&special).len();
        let rows = shape.batch * limbs;
        let cost = self.count().rows(2 * rows + self.read([x], limbs), rows);
        self.time("lifted sum", cost, |cpu| cpu.add_lifted_assign(acc, x))
    }
}

impl GadgetOps for Timed {
    fn decompose(&self, x: &Buffer) -> Result<Vec<Buffer>, BackendError> {
        let shape = self.shape(x);
        let extended = shape.basis.union(&self.inner.context().special());
        let digits = self.inner.context().digits().at(&shape.basis).len();
        let mut cost = self.decompose_cost(shape);
        cost += self.count().rows(digits * shape.batch * extended.len(), 0);
        self.time("decompose", cost, |cpu| cpu.decompose(x))
    }

    fn gadget_product(
        &self,
        digits: &[Buffer],
        key: &GadgetKey<Buffer>,
    ) -> Result<[Buffer; 2], BackendError> {
        let (batch, limbs) = self.size(digits.first());
        let rows = batch * limbs;
        let read = self.read(digits, limbs) + 2 * digits.len() * limbs;
        let cost = self.count().rows(read + 2 * rows, 2 * digits.len() * rows);
        self.time("gadget product", cost, |cpu| {
            cpu.gadget_product(digits, key)
        })
    }

    fn key_switch(
        &self,
        x: &Buffer,
        key: &GadgetKey<Buffer>,
        lift: [Option<&Buffer>; 2],
        to: &Basis,
    ) -> Result<[Buffer; 2], BackendError> {
        let shape = self.shape(x);
        let context = self.inner.context();
        let extended = shape.basis.union(&context.special());
        let digits = context.digits().at(&shape.basis).len();
        let mut cost = self.switch_cost(shape.batch, &extended, digits, lift, to);
        // Digits are never written out.
        cost.bytes -= self
            .count()
            .rows(digits * extended.len() * shape.batch, 0)
            .bytes;
        cost += self.decompose_cost(shape);
        self.time("key switch", cost, |cpu| cpu.key_switch(x, key, lift, to))
    }

    fn gadget_product_down(
        &self,
        digits: &[Buffer],
        key: &GadgetKey<Buffer>,
        lift: [Option<&Buffer>; 2],
        to: &Basis,
    ) -> Result<[Buffer; 2], BackendError> {
        let cost = digits.first().map_or_else(Cost::default, |first| {
            let shape = self.shape(first);
            self.switch_cost(shape.batch, &shape.basis, digits.len(), lift, to)
        });
        self.time("gadget product and mod-down", cost, |cpu| {
            cpu.gadget_product_down(digits, key, lift, to)
        })
    }
}

impl Backend for Timed {
    const NAME: &'static str = Cpu::NAME;
}
