//! The plain backend: one thread, one word at a time. Every other backend is held to its words.

use std::ops::Range;
use std::sync::Arc;

use super::{Backend, BackendError, BasisOps, GadgetOps, RingOps, Shape, Transfer};
use crate::arith::{Modulus, Word};
use crate::ring::ntt::NttTable;
use crate::ring::{BaseConversion, Basis, GaloisElement, ModDown, RingContext};

/// Single-threaded and plain.
#[derive(Debug)]
pub struct Reference {
    context: Arc<RingContext>,
    tables: Vec<NttTable>,
}

/// Words in host memory.
#[derive(Clone, Debug)]
pub struct ReferenceBuffer {
    shape: Shape,
    words: Vec<Word>,
}

impl Reference {
    /// Tables for every modulus of the context (16 bytes for each word of a row).
    #[must_use]
    pub fn new(context: Arc<RingContext>) -> Self {
        let limbs = 0..context.moduli().len();
        let tables = limbs
            .map(|i| NttTable::new(context.degree(), context.modulus(i), context.root(i)))
            .collect();
        Self { context, tables }
    }

    fn degree(&self) -> usize {
        self.context.degree()
    }

    fn zeros(&self, shape: &Shape) -> ReferenceBuffer {
        let words = vec![0; shape.rows() * self.degree()];
        ReferenceBuffer {
            shape: shape.clone(),
            words,
        }
    }

    fn row<'a>(&self, x: &'a ReferenceBuffer, poly: usize, row: usize) -> &'a [Word] {
        let start = (poly * x.shape.basis.len() + row) * self.degree();
        &x.words[start..start + self.degree()]
    }

    /// Calls `f(poly, limb, modulus, row)` for every row.
    fn for_rows(
        &self,
        x: &mut ReferenceBuffer,
        mut f: impl FnMut(usize, usize, Modulus, &mut [Word]),
    ) {
        let limbs: Vec<_> = x.shape.basis.iter().collect();
        for (i, row) in x.words.chunks_exact_mut(self.degree()).enumerate() {
            let limb = limbs[i % limbs.len()];
            f(i / limbs.len(), limb, self.context.modulus(limb), row);
        }
    }

    /// The row of a limb in the polynomial of `x` that goes with `poly`.
    fn matched<'a>(&self, x: &'a ReferenceBuffer, poly: usize, limb: usize) -> &'a [Word] {
        let poly = if x.shape.batch == 1 { 0 } else { poly };
        self.row(x, poly, x.shape.basis.row(limb).unwrap_or_default())
    }
}

impl Transfer for Reference {
    type Buffer = ReferenceBuffer;

    fn context(&self) -> &Arc<RingContext> {
        &self.context
    }

    fn shape<'a>(&self, buffer: &'a ReferenceBuffer) -> &'a Shape {
        &buffer.shape
    }

    fn alloc(&self, shape: &Shape) -> Result<ReferenceBuffer, BackendError> {
        Ok(self.zeros(shape))
    }

    fn upload(&self, shape: &Shape, words: &[Word]) -> Result<ReferenceBuffer, BackendError> {
        shape.check_words("upload", self.degree(), words.len())?;
        Ok(ReferenceBuffer {
            shape: shape.clone(),
            words: words.to_vec(),
        })
    }

    fn download(&self, buffer: &ReferenceBuffer) -> Result<Vec<Word>, BackendError> {
        Ok(buffer.words.clone())
    }

    fn wait(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn copy(
        &self,
        buffer: &ReferenceBuffer,
        batch: Range<usize>,
        basis: &Basis,
    ) -> Result<ReferenceBuffer, BackendError> {
        let shape = buffer.shape.part("copy", &batch, basis)?;
        let rows = batch.flat_map(|poly| basis.iter().map(move |limb| (poly, limb)));
        let words = rows.flat_map(|(poly, limb)| self.matched(buffer, poly, limb));
        Ok(ReferenceBuffer {
            words: words.copied().collect(),
            shape,
        })
    }

    fn stack(
        &self,
        parts: &[&ReferenceBuffer],
        basis: &Basis,
    ) -> Result<ReferenceBuffer, BackendError> {
        let shape = Shape::stack("stack", parts.iter().map(|part| &part.shape), basis)?;
        let mut words = Vec::new();
        for part in parts {
            words.extend(self.copy(part, 0..part.shape.batch, basis)?.words);
        }
        Ok(ReferenceBuffer { shape, words })
    }
}

impl RingOps for Reference {
    fn ntt(&self, x: &mut ReferenceBuffer) -> Result<(), BackendError> {
        self.for_rows(x, |_, limb, _, row| self.tables[limb].forward(row));
        Ok(())
    }

    fn intt(&self, x: &mut ReferenceBuffer) -> Result<(), BackendError> {
        self.for_rows(x, |_, limb, _, row| self.tables[limb].inverse(row));
        Ok(())
    }

    fn add_assign(
        &self,
        acc: &mut ReferenceBuffer,
        x: &ReferenceBuffer,
    ) -> Result<(), BackendError> {
        acc.shape.check_operand("add", &x.shape)?;
        self.for_rows(acc, |poly, limb, q, row| {
            for (a, b) in row.iter_mut().zip(self.matched(x, poly, limb)) {
                *a = q.add(*a, *b);
            }
        });
        Ok(())
    }

    fn sub_assign(
        &self,
        acc: &mut ReferenceBuffer,
        x: &ReferenceBuffer,
    ) -> Result<(), BackendError> {
        acc.shape.check_operand("sub", &x.shape)?;
        self.for_rows(acc, |poly, limb, q, row| {
            for (a, b) in row.iter_mut().zip(self.matched(x, poly, limb)) {
                *a = q.sub(*a, *b);
            }
        });
        Ok(())
    }

    fn scale_assign(
        &self,
        x: &mut ReferenceBuffer,
        constants: &[Word],
    ) -> Result<(), BackendError> {
        x.shape.check_constants("scale", constants.len())?;
        let basis = x.shape.basis.clone();
        self.for_rows(x, |_, limb, q, row| {
            let c = constants[basis.row(limb).unwrap_or_default()];
            row.iter_mut().for_each(|a| *a = q.mul(*a, c));
        });
        Ok(())
    }

    fn add_constant_assign(
        &self,
        x: &mut ReferenceBuffer,
        constants: &[Word],
    ) -> Result<(), BackendError> {
        x.shape.check_constants("add constant", constants.len())?;
        let basis = x.shape.basis.clone();
        self.for_rows(x, |_, limb, q, row| {
            let c = constants[basis.row(limb).unwrap_or_default()];
            row.iter_mut().for_each(|a| *a = q.add(*a, c));
        });
        Ok(())
    }

    fn mul_sum(
        &self,
        terms: &[(&ReferenceBuffer, &ReferenceBuffer)],
    ) -> Result<ReferenceBuffer, BackendError> {
        let operands = terms.iter().flat_map(|(a, b)| [&a.shape, &b.shape]);
        let shape = Shape::sum("sum of products", operands)?;
        let mut sum = self.zeros(shape);
        self.for_rows(&mut sum, |poly, limb, q, row| {
            for (a, b) in terms {
                let factors = self
                    .matched(a, poly, limb)
                    .iter()
                    .zip(self.matched(b, poly, limb));
                for (s, (a, b)) in row.iter_mut().zip(factors) {
                    *s = q.add(*s, q.mul(*a, *b));
                }
            }
        });
        Ok(sum)
    }

    fn scale_sum(
        &self,
        terms: &[(&ReferenceBuffer, &[Word])],
    ) -> Result<ReferenceBuffer, BackendError> {
        const OP: &str = "linear combination";
        let shape = Shape::sum(OP, terms.iter().map(|(a, _)| &a.shape))?;
        for (_, constants) in terms {
            shape.check_constants(OP, constants.len())?;
        }
        let mut sum = self.zeros(shape);
        self.for_rows(&mut sum, |poly, limb, q, row| {
            let index = shape.basis.row(limb).unwrap_or_default();
            for (a, constants) in terms {
                for (s, a) in row.iter_mut().zip(self.matched(a, poly, limb)) {
                    *s = q.add(*s, q.mul(*a, constants[index]));
                }
            }
        });
        Ok(sum)
    }

    fn sum(&self, x: &ReferenceBuffer) -> Result<ReferenceBuffer, BackendError> {
        let mut sum = self.zeros(&Shape {
            batch: 1,
            basis: x.shape.basis.clone(),
        });
        self.for_rows(&mut sum, |_, limb, q, row| {
            for poly in 0..x.shape.batch {
                for (s, a) in row.iter_mut().zip(self.matched(x, poly, limb)) {
                    *s = q.add(*s, *a);
                }
            }
        });
        Ok(sum)
    }

    fn automorphism(
        &self,
        x: &ReferenceBuffer,
        g: GaloisElement,
    ) -> Result<ReferenceBuffer, BackendError> {
        let permutation = g.permutation(self.degree());
        let mut image = self.zeros(&x.shape);
        self.for_rows(&mut image, |poly, limb, _, row| {
            let source = self.matched(x, poly, limb);
            for (place, i) in row.iter_mut().zip(&permutation) {
                *place = source[*i as usize];
            }
        });
        Ok(image)
    }
}

impl Reference {
    /// For every polynomial and coefficient, the scaled sources `y` of a conversion; calls `f(poly, coefficient, y)`.
    fn for_sources(
        &self,
        x: &ReferenceBuffer,
        conversion: &BaseConversion,
        mut f: impl FnMut(usize, usize, &[Word]),
    ) {
        let sources: Vec<_> = conversion.sources().iter().collect();
        let mut y = vec![0; sources.len()];
        for poly in 0..x.shape.batch {
            let rows = sources.iter().zip(conversion.scale()).map(|(limb, scale)| {
                (
                    self.matched(x, poly, *limb),
                    self.context.modulus(*limb),
                    *scale,
                )
            });
            let rows: Vec<_> = rows.collect();
            for i in 0..self.degree() {
                for (y, (row, q, scale)) in y.iter_mut().zip(&rows) {
                    *y = q.mul_shoup(row[i], *scale);
                }
                f(poly, i, &y);
            }
        }
    }
}

impl BasisOps for Reference {
    fn mod_up(
        &self,
        x: &ReferenceBuffer,
        digit: &Basis,
        to: &Basis,
    ) -> Result<ReferenceBuffer, BackendError> {
        x.shape.check_limbs("mod-up", digit)?;
        let conversion = self.context.mod_up(digit, &to.difference(digit));
        let mut raised = self.zeros(&Shape {
            batch: x.shape.batch,
            basis: to.clone(),
        });
        self.for_rows(&mut raised, |poly, limb, _, row| {
            if digit.row(limb).is_some() {
                row.copy_from_slice(self.matched(x, poly, limb));
            }
        });
        let targets: Vec<_> = conversion.targets().iter().enumerate().collect();
        self.for_sources(x, &conversion, |poly, i, y| {
            for (row, limb) in &targets {
                let word = conversion.word(y, *row, self.context.modulus(*limb));
                let place = poly * to.len() + to.row(*limb).unwrap_or_default();
                raised.words[place * self.degree() + i] = word;
            }
        });
        Ok(raised)
    }

    fn mod_down(&self, x: &ReferenceBuffer, to: &Basis) -> Result<ReferenceBuffer, BackendError> {
        let table = self.context.mod_down(&x.shape.basis, to);
        let dropped = table.conversion().sources().clone();
        let mut sources = self.copy(x, 0..x.shape.batch, &dropped)?;
        self.intt(&mut sources)?;
        let mut result = self.zeros(&Shape {
            batch: x.shape.batch,
            basis: to.clone(),
        });
        self.for_sources(&sources, table.conversion(), |poly, i, y| {
            for (row, limb) in to.iter().enumerate() {
                let word = table.conversion().word(y, row, self.context.modulus(limb));
                result.words[(poly * to.len() + row) * self.degree() + i] = word;
            }
        });
        self.ntt(&mut result)?;
        self.for_rows(&mut result, |poly, limb, q, row| {
            let index = to.row(limb).unwrap_or_default();
            let source = table.common()[index].map(|r| self.row(x, poly, r));
            for (i, place) in row.iter_mut().enumerate() {
                let word = source.map_or(0, |source| source[i]);
                *place = ModDown::word(word, *place, table.factor()[index], q);
            }
        });
        Ok(result)
    }

    fn add_lifted_assign(
        &self,
        acc: &mut ReferenceBuffer,
        x: &ReferenceBuffer,
    ) -> Result<(), BackendError> {
        let special = self.context.special();
        let ordinary = acc.shape.basis.difference(&special);
        Shape {
            batch: acc.shape.batch,
            basis: ordinary,
        }
        .check_operand("lifted sum", &x.shape)?;
        self.for_rows(acc, |poly, limb, q, row| {
            if special.row(limb).is_none() {
                let p = self.context.product(&special, q);
                for (a, b) in row.iter_mut().zip(self.matched(x, poly, limb)) {
                    *a = q.add(*a, q.mul(*b, p));
                }
            }
        });
        Ok(())
    }
}

impl GadgetOps for Reference {}

impl Backend for Reference {
    const NAME: &'static str = "reference";
}
