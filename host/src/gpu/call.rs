//! Limb-wise calls: one table, one dispatch for each piece of the batch.

use std::ops::Range;

use engine::arith::{ShoupFactor, Word};
use engine::backend::BackendError;
use engine::ring::{Basis, GaloisElement};
use shaders::layout::{self, MAX_ROWS, OPERANDS, WORKGROUP_SIZE};

use super::buffer::{GpuBuffer, View};
use super::recording::{Command, Dispatch};
use super::{Gpu, word};
use crate::profile::Cost;

/// An operand of a limb-wise call.
pub(super) struct Operand<'a> {
    view: View<'a>,
    /// Its row for each limb of the call.
    rows: Vec<usize>,
    /// Its constant for each limb of the call: a factor, or a word and nothing.
    constants: Vec<(Word, Word)>,
    /// Whether the kernel reads its row, for each limb of the call.
    is_read: Vec<bool>,
}

impl<'a> Operand<'a> {
    /// The rows of the limbs of `basis`.
    pub(super) fn new(view: View<'a>, basis: &Basis) -> Self {
        Self::at(view, view.buffer.rows_of(basis))
    }

    /// These rows.
    pub(super) fn at(view: View<'a>, rows: Vec<usize>) -> Self {
        let (constants, is_read) = (vec![(0, 0); rows.len()], vec![true; rows.len()]);
        Self {
            view,
            rows,
            constants,
            is_read,
        }
    }

    /// With a factor for each limb.
    pub(super) fn times(self, factors: impl IntoIterator<Item = ShoupFactor>) -> Self {
        let factors = factors.into_iter();
        self.with(factors.map(|factor| (factor.value(), factor.quotient())))
    }

    /// With a word for each limb.
    pub(super) fn plus(self, words: impl IntoIterator<Item = Word>) -> Self {
        self.with(words.into_iter().map(|word| (word, 0)))
    }

    /// Without the limbs that the kernel finds missing, whose rows it does not read.
    pub(super) fn where_it_has(self, limbs: impl IntoIterator<Item = bool>) -> Self {
        let is_read: Vec<_> = limbs.into_iter().collect();
        let words = is_read.iter().copied().map(Word::from).collect::<Vec<_>>();
        Self { is_read, ..self }.plus(words)
    }

    fn with(self, constants: impl Iterator<Item = (Word, Word)>) -> Self {
        let constants = constants.collect();
        Self { constants, ..self }
    }
}

/// A call of a kernel that treats limbs and words alike.
pub(super) struct Call<'a> {
    pub(super) kernel: &'static str,
    /// The limbs, for their moduli.
    pub(super) limbs: Vec<usize>,
    /// Polynomials.
    pub(super) batch: usize,
    /// Inputs, in the order of their bindings; the last is repeated for bindings that are not needed.
    pub(super) inputs: Vec<Operand<'a>>,
    /// Bindings of inputs that the kernel has.
    pub(super) slots: usize,
    /// Terms among the inputs.
    pub(super) terms: usize,
    pub(super) outputs: Vec<Operand<'a>>,
    /// Whether the result is added to what the outputs hold.
    pub(super) accumulate: bool,
    /// Whether the polynomials of the batch are added up into one.
    pub(super) fold: bool,
    pub(super) galois: Option<GaloisElement>,
    /// Products for each word of an output polynomial.
    pub(super) products: usize,
}

impl<'a> Call<'a> {
    /// A call with one result and no more than it needs.
    pub(super) fn new(
        kernel: &'static str,
        output: Operand<'a>,
        basis: &Basis,
        inputs: Vec<Operand<'a>>,
    ) -> Self {
        Self {
            kernel,
            limbs: basis.iter().collect(),
            batch: output.view.buffer.shape.batch,
            slots: inputs.len(),
            terms: inputs.len(),
            inputs,
            outputs: vec![output],
            accumulate: false,
            fold: false,
            galois: None,
            products: 0,
        }
    }

    fn table(
        &self,
        gpu: &Gpu,
        piece: &Range<usize>,
        rows: Range<usize>,
        accumulate: bool,
    ) -> Vec<u8> {
        let head = layout::Call {
            terms: word(self.terms),
            accumulate: accumulate.into(),
            galois: self.galois.map_or(1, GaloisElement::value),
            polys: word(piece.len()),
        };
        let size = size_of::<layout::Call>() + rows.len() * size_of::<layout::Row>();
        let mut bytes = Vec::with_capacity(size);
        bytes.extend_from_slice(bytemuck::bytes_of(&head));
        // The first result is operand 0, the inputs come next, further results last.
        let (first, further) = self.outputs.split_at(1);
        let inputs = (0..self.slots).filter_map(|i| self.inputs.get(i).or(self.inputs.last()));
        let operands: Vec<_> = first.iter().chain(inputs).chain(further).collect();
        for i in rows {
            let mut row = layout::Row {
                limb: gpu.tables.limb(self.limbs[i]),
                operands: [layout::Operand::default(); OPERANDS],
            };
            for (entry, operand) in row.operands.iter_mut().zip(&operands) {
                let (w, w_shoup) = operand.constants[i];
                *entry = layout::Operand {
                    row: word(operand.view.start(piece) + operand.rows[i]),
                    stride: word(operand.view.stride()),
                    w,
                    w_shoup,
                };
            }
            bytes.extend_from_slice(bytemuck::bytes_of(&row));
        }
        bytes
    }

    /// What a piece costs: every row that is read moved once, results twice where they are added to.
    fn cost(&self, gpu: &Gpu, piece: &Range<usize>, rows: Range<usize>, accumulate: bool) -> Cost {
        let words = |rows: usize| (rows * gpu.context.degree()) as u64;
        let polys = piece.len() as u64;
        let moved = |operand: &Operand<'_>| {
            let read = operand.is_read[rows.clone()].iter().filter(|read| **read);
            let words = words(read.count());
            match operand.view.stride() {
                0 => words,
                _ => words * polys,
            }
        };
        let inputs: u64 = self.inputs.iter().map(moved).sum();
        let results = if self.fold { 1 } else { polys };
        let words = words(rows.len());
        let touched = 1 + u64::from(accumulate || self.is_in_place());
        let outputs = words * results * touched * self.outputs.len() as u64;
        Cost {
            bytes: (inputs + outputs) * size_of::<Word>() as u64,
            products: words * results * self.products as u64,
        }
    }

    /// Whether the kernel reads its result, too.
    fn is_in_place(&self) -> bool {
        const IN_PLACE: [&str; 5] = [
            "ring_add",
            "ring_sub",
            "ring_scale",
            "ring_add_constant",
            "basis_mod_down",
        ];
        IN_PLACE.contains(&self.kernel)
    }
}

/// Bytes of a full table.
const TABLE_BYTES: usize = size_of::<layout::Call>() + MAX_ROWS * size_of::<layout::Row>();

impl Gpu {
    /// Records a call. An input that shares its memory with a result is copied first: no kernel may read and write one buffer.
    pub(super) fn call(&self, call: Call<'_>) -> Result<(), BackendError> {
        let is_shared = |input: &Operand<'_>| {
            let outputs = call.outputs.iter();
            outputs
                .into_iter()
                .any(|output| input.view.buffer.shares_memory(output.view.buffer))
        };
        let shared: Vec<_> = call.inputs.iter().map(is_shared).collect();
        if !shared.contains(&true) {
            return self.record_call(&call);
        }
        let copies = call.inputs.iter().zip(&shared).map(|(input, shared)| {
            shared
                .then(|| self.duplicate(input.view.buffer))
                .transpose()
        });
        let copies: Vec<_> = copies.collect::<Result<_, _>>()?;
        let inputs = call.inputs.into_iter().zip(&copies).map(|(input, copy)| {
            let buffer = copy.as_ref().unwrap_or(input.view.buffer);
            Operand {
                view: View {
                    buffer,
                    ..input.view
                },
                ..input
            }
        });
        self.record_call(&Call {
            inputs: inputs.collect(),
            ..call
        })
    }

    fn record_call(&self, call: &Call<'_>) -> Result<(), BackendError> {
        let operands = || call.inputs.iter().chain(&call.outputs);
        let mut firsts: Vec<_> = operands()
            .filter_map(|operand| operand.view.first())
            .collect();
        if call.fold {
            firsts.pop();
        }
        for (number, piece) in self
            .chunk
            .pieces(call.batch, &firsts)
            .into_iter()
            .enumerate()
        {
            let accumulate = call.accumulate || (call.fold && number > 0);
            let output = if call.fold { 0..1 } else { piece.clone() };
            for start in (0..call.limbs.len()).step_by(MAX_ROWS) {
                let rows = start..call.limbs.len().min(start + MAX_ROWS);
                let table = call.table(self, &piece, rows.clone(), accumulate);
                let mut bindings = vec![self.tables.table(&self.device, &table, TABLE_BYTES)?];
                let inputs =
                    (0..call.slots).filter_map(|i| call.inputs.get(i).or(call.inputs.last()));
                bindings.extend(inputs.map(|input| input.view.window(&piece)));
                bindings.extend(call.outputs.iter().map(|o| o.view.window(&output)));
                let polys = if call.fold { 1 } else { piece.len() };
                self.record(Command::Dispatch(Dispatch {
                    kernel: call.kernel,
                    bindings,
                    grid: [
                        word(self.context.degree()) / WORKGROUP_SIZE,
                        word(rows.len()),
                        word(polys),
                    ],
                    cost: call.cost(self, &piece, rows, accumulate),
                }))?;
            }
        }
        Ok(())
    }

    /// A copy in memory of its own.
    pub(super) fn duplicate(&self, buffer: &GpuBuffer) -> Result<GpuBuffer, BackendError> {
        let copy = self.unset(buffer.shape.clone())?;
        self.copy_rows(&copy, buffer)?;
        Ok(copy)
    }

    /// The rows of `dst` from those of the same limbs in `src`.
    pub(super) fn copy_rows(&self, dst: &GpuBuffer, src: &GpuBuffer) -> Result<(), BackendError> {
        let basis = &dst.shape.basis;
        let input = Operand::new(src.each(), basis);
        self.call(Call::new(
            "ring_copy",
            Operand::new(dst.each(), basis),
            basis,
            vec![input],
        ))
    }
}
