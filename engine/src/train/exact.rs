//! The same training on `f64`: what an encrypted step is held to.

use super::{Model, momentum};
use crate::circuits::activation::Approximation;

/// Samples whose parts of the gradient are added in one pass over it: one by one, the gradient would be read and written as often.
const GROUP: usize = 4;

/// Which probabilities a training in the clear uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Those of the function.
    Exact,
    /// Those of its polynomial.
    Approximate,
}

/// Training in the clear, step by step.
#[derive(Clone, Debug)]
pub struct ExactTrainer<'a, A> {
    activation: &'a A,
    precision: Precision,
    weights: Model,
    look_ahead: Model,
    steps: usize,
    largest_logit: f64,
}

impl<'a, A: Approximation> ExactTrainer<'a, A> {
    /// Starts from a model.
    #[must_use]
    pub fn new(start: Model, activation: &'a A, precision: Precision) -> Self {
        let look_ahead = start.clone();
        Self {
            activation,
            precision,
            weights: start,
            look_ahead,
            steps: 0,
            largest_logit: 0.0,
        }
    }

    /// One step on a batch: `x` holds its samples row by row.
    pub fn step(&mut self, x: &[f64], labels: &[usize], learning_rate: f64) {
        self.step_weighted(x, labels, None, learning_rate);
    }

    /// One step on a batch whose samples count as much as their weights say: all alike, if nothing is said.
    pub fn step_weighted(
        &mut self,
        x: &[f64],
        labels: &[usize],
        sample_weights: Option<&[f64]>,
        learning_rate: f64,
    ) {
        let (features, stride) = (self.weights.features(), self.weights.features() + 1);
        let mut gradient = vec![0.0; self.weights.values().len()];
        let groups = x.chunks(GROUP * features).zip(labels.chunks(GROUP));
        for (number, (samples, labels)) in groups.enumerate() {
            let mut residuals = [const { Vec::new() }; GROUP];
            let members = samples.chunks_exact(features).zip(labels);
            for (member, (residual, (sample, &label))) in
                residuals.iter_mut().zip(members).enumerate()
            {
                *residual = self.look_ahead.logits(sample);
                for logit in residual.iter() {
                    self.largest_logit = self.largest_logit.max(logit.abs());
                }
                match self.precision {
                    Precision::Exact => self.activation.exact(residual),
                    Precision::Approximate => self.activation.approximate(residual),
                }
                residual[label] -= 1.0;
                let index = GROUP * number + member;
                if let Some(weight) = sample_weights.and_then(|weights| weights.get(index)) {
                    residual.iter_mut().for_each(|d| *d *= weight);
                }
            }
            for (class, row) in gradient.chunks_exact_mut(stride).enumerate() {
                let (weights, bias) = row.split_at_mut(features);
                let of_class = residuals.each_ref().map(|d| d.get(class).copied());
                for d in of_class.iter().flatten() {
                    bias[0] += d;
                }
                add_samples(weights, samples, of_class);
            }
        }
        let rate = learning_rate / labels.len() as f64;
        let gamma = momentum(self.steps);
        let (weights, look_ahead) = (self.weights.values_mut(), self.look_ahead.values_mut());
        for ((w, v), g) in weights.iter_mut().zip(look_ahead).zip(gradient) {
            let next = *v - rate * g;
            *v = (1.0 - gamma) * next + gamma * *w;
            *w = next;
        }
        self.steps += 1;
    }

    /// The model.
    #[must_use]
    pub const fn weights(&self) -> &Model {
        &self.weights
    }

    /// Steps that were taken.
    #[must_use]
    pub const fn steps(&self) -> usize {
        self.steps
    }

    /// The point where the next gradient is taken.
    #[must_use]
    pub const fn look_ahead(&self) -> &Model {
        &self.look_ahead
    }

    /// The size of the largest logit of all steps so far: the interval an activation has to hold for.
    #[must_use]
    pub const fn largest_logit(&self) -> f64 {
        self.largest_logit
    }
}

/// Adds every sample (a row of `x`, up to the first without a factor) by its factor.
fn add_samples(sum: &mut [f64], x: &[f64], factors: [Option<f64>; GROUP]) {
    let mut rows = x.chunks_exact(sum.len());
    if let ([Some(a), Some(b), Some(c), Some(d)], [Some(u), Some(v), Some(w), Some(z)]) =
        (factors, [(); GROUP].map(|()| rows.next()))
    {
        let pairs = u.iter().zip(v).zip(w.iter().zip(z));
        for (sum, ((u, v), (w, z))) in sum.iter_mut().zip(pairs) {
            *sum = *sum + a * u + b * v + c * w + d * z;
        }
        return;
    }
    for (row, factor) in x.chunks_exact(sum.len()).zip(factors.iter().flatten()) {
        for (sum, x) in sum.iter_mut().zip(row) {
            *sum += factor * x;
        }
    }
}
