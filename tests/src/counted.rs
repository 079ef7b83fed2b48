//! A backend that counts what is asked of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use engine::arith::Word;
use engine::backend::{
    Backend, BackendError, BasisOps, GadgetKey, GadgetOps, PairOfPairs, RingOps, Shape, Transfer,
};
use engine::ckks::{Level, Params};
use engine::ring::{Basis, GaloisElement, RingContext};
use host::cpu::Cpu;

type Buffer = <Cpu as Transfer>::Buffer;

/// Calls of one kind on operands at one level, each as often as its batch is large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Products of digits with a key: the second half of a key switch.
    KeyProduct,
    /// Decompositions into digits: the first half.
    Decomposition,
    /// Products of two ciphertexts.
    TensorProduct,
    /// Products of one half of a ciphertext with a plaintext.
    PlainProduct,
    /// Plaintexts that were encoded.
    Encoding,
}

/// Calls by kind and level.
pub type Calls = BTreeMap<(Call, Level), u64>;

/// The CPU backend, counted.
pub struct Counted {
    inner: Cpu,
    params: Params,
    calls: Mutex<Calls>,
}

impl Counted {
    /// Nothing is counted yet.
    pub fn new(params: &Params) -> Self {
        Self {
            inner: crate::cpu(params),
            params: params.clone(),
            calls: Mutex::default(),
        }
    }

    /// The calls since the start or the last call of this.
    pub fn take(&self) -> Calls {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn count(&self, call: Call, basis: &Basis, times: usize) {
        if times == 0 {
            return;
        }
        let ordinary = basis.difference(&self.params.ring().special());
        let levels = (0..=self.params.top_level().0).map(Level);
        let level = levels
            .into_iter()
            .find(|level| *self.params.basis(*level) == ordinary);
        let level = level.expect("operands are at a level");
        *self.calls.lock().unwrap().entry((call, level)).or_default() += times as u64;
    }
}

impl Transfer for Counted {
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
        self.count(Call::Encoding, &shape.basis, shape.batch);
        self.inner.upload(shape, words)
    }

    fn download(&self, buffer: &Buffer) -> Result<Vec<Word>, BackendError> {
        self.inner.download(buffer)
    }

    fn wait(&self) -> Result<(), BackendError> {
        self.inner.wait()
    }

    fn copy(
        &self,
        buffer: &Buffer,
        batch: Range<usize>,
        basis: &Basis,
    ) -> Result<Buffer, BackendError> {
        self.inner.copy(buffer, batch, basis)
    }

    fn stack(&self, parts: &[&Buffer], basis: &Basis) -> Result<Buffer, BackendError> {
        self.inner.stack(parts, basis)
    }
}

impl RingOps for Counted {
    fn ntt(&self, x: &mut Buffer) -> Result<(), BackendError> {
        self.inner.ntt(x)
    }

    fn intt(&self, x: &mut Buffer) -> Result<(), BackendError> {
        self.inner.intt(x)
    }

    fn add_assign(&self, acc: &mut Buffer, x: &Buffer) -> Result<(), BackendError> {
        self.inner.add_assign(acc, x)
    }

    fn sub_assign(&self, acc: &mut Buffer, x: &Buffer) -> Result<(), BackendError> {
        self.inner.sub_assign(acc, x)
    }

    fn scale_assign(&self, x: &mut Buffer, constants: &[Word]) -> Result<(), BackendError> {
        self.inner.scale_assign(x, constants)
    }

    fn add_constant_assign(&self, x: &mut Buffer, constants: &[Word]) -> Result<(), BackendError> {
        self.inner.add_constant_assign(x, constants)
    }

    fn mul_sum(&self, terms: &[(&Buffer, &Buffer)]) -> Result<Buffer, BackendError> {
        // The imaginary unit is over all limbs there are, and is no plaintext.
        let plain = terms
            .iter()
            .filter(|(a, b)| self.shape(a).basis == self.shape(b).basis)
            .count();
        if let Some((first, _)) = terms.first() {
            let shape = self.shape(first);
            self.count(Call::PlainProduct, &shape.basis, plain * shape.batch);
        }
        self.inner.mul_sum(terms)
    }

    fn scale_sum(&self, terms: &[(&Buffer, &[Word])]) -> Result<Buffer, BackendError> {
        self.inner.scale_sum(terms)
    }

    fn sum(&self, x: &Buffer) -> Result<Buffer, BackendError> {
        self.inner.sum(x)
    }

    fn automorphism(&self, x: &Buffer, g: GaloisElement) -> Result<Buffer, BackendError> {
        self.inner.automorphism(x, g)
    }

    fn tensor_sum(&self, pairs: &[PairOfPairs<'_, Buffer>]) -> Result<[Buffer; 3], BackendError> {
        if let Some((first, _)) = pairs.first() {
            let shape = self.shape(first[0]);
            self.count(Call::TensorProduct, &shape.basis, pairs.len() * shape.batch);
        }
        self.inner.tensor_sum(pairs)
    }
}

impl BasisOps for Counted {
    fn mod_up(&self, x: &Buffer, digit: &Basis, to: &Basis) -> Result<Buffer, BackendError> {
        self.inner.mod_up(x, digit, to)
    }

    fn mod_down(&self, x: &Buffer, to: &Basis) -> Result<Buffer, BackendError> {
        self.inner.mod_down(x, to)
    }

    fn add_lifted_assign(&self, acc: &mut Buffer, x: &Buffer) -> Result<(), BackendError> {
        self.inner.add_lifted_assign(acc, x)
    }
}

impl GadgetOps for Counted {
    fn decompose(&self, x: &Buffer) -> Result<Vec<Buffer>, BackendError> {
        let shape = self.shape(x);
        self.count(Call::Decomposition, &shape.basis, shape.batch);
        self.inner.decompose(x)
    }

    fn gadget_product(
        &self,
        digits: &[Buffer],
        key: &GadgetKey<Buffer>,
    ) -> Result<[Buffer; 2], BackendError> {
        if let Some(first) = digits.first() {
            let shape = self.shape(first);
            self.count(Call::KeyProduct, &shape.basis, shape.batch);
        }
        self.inner.gadget_product(digits, key)
    }
}

impl Backend for Counted {
    const NAME: &'static str = "counted";
}
