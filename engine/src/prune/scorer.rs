//! The scores of encrypted samples.

use num_complex::Complex64;

use super::score::Score;
use super::sign::published_sign;
use crate::circuits::activation::{Approximation, Classes};
use crate::circuits::matmul::Diagonals;
use crate::circuits::packing::{Layout, WeightSet};
use crate::circuits::{
    Aside, Budget, Clear, Course, LevelRange, Parts, Polynomial, RefreshPlan, Slots, Stage,
};
use crate::ckks::{EvalError, Level};
use crate::train::{Head, PROBABILITY_BOUND, StepLevels, StepRefresh, WEIGHT_BOUND};

/// The scores of one model, with masks prepared on a machine whose plain vectors are `P`.
#[derive(Clone, Debug)]
pub struct Scorer<A, P> {
    score: Score,
    head: Head<A, P>,
    classes: Classes<P>,
    /// One in the slots of a class, padding included.
    class_masks: Vec<P>,
    stages: Vec<Stage>,
    refreshes: Vec<Option<Level>>,
    /// The levels in front of the stages, before they are refreshed.
    entered: Vec<Level>,
}

impl<A: Approximation + Clone, P: Clone> Scorer<A, P> {
    /// Prepares the masks and plans the refreshes on the way from a state at level `state` to the score, which give back
    /// levels in this range: as few as possible.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] if a part has more levels than the range, [`EvalError::SlotCount`] if the layout is for
    /// another number of slots.
    pub fn new<S: Slots<Plain = P>>(
        machine: &S,
        head: &Head<A, P>,
        score: Score,
        state: Level,
        range: LevelRange,
    ) -> Result<Self, EvalError> {
        let layout = head.matmul().layout();
        let forward = Stage {
            depth: head.logits_depth(),
            work: layout.forward_key_switches(),
            vectors: layout.state_vectors(),
            bound: WEIGHT_BOUND,
            aside: Aside::Nothing,
        };
        let mut stages = vec![forward];
        let mut start = state;
        let mut levels = range;
        match score {
            Score::Random => stages.clear(),
            Score::LogitMargin => {
                // Products are the cheaper the lower they are, and nothing is refreshed behind them.
                start = state.min(Level(head.logits_depth()));
                levels.floor = Level(0);
            }
            Score::Hefs | Score::HefsAbs => {
                stages.extend(head.activation().stages());
                stages.push(Stage {
                    depth: score.depth(),
                    work: 1 + layout.padded_classes().ilog2() as usize,
                    vectors: 1,
                    bound: PROBABILITY_BOUND,
                    aside: Aside::Nothing,
                });
            }
        }
        let plan = RefreshPlan::fewest(&stages, Some(start), levels).ok_or_else(|| {
            let deepest = stages.iter().map(|stage| stage.depth).max();
            EvalError::LevelExhausted {
                op: "score",
                needed: Level(deepest.unwrap_or(0)),
                left: Level(range.depth()),
            }
        })?;
        let class_slots = layout.slots() / layout.padded_classes();
        let class_mask = |class: usize| {
            let of_class = |slot: usize| f64::from(u8::from(slot / class_slots == class));
            let values = (0..layout.slots()).map(|slot| Complex64::from(of_class(slot)));
            machine.plain(&values.collect::<Vec<_>>())
        };
        Ok(Self {
            score,
            classes: Classes::new(machine, layout, &head.activation().masks())?,
            class_masks: (0..layout.padded_classes())
                .map(class_mask)
                .collect::<Result<_, _>>()?,
            head: head.clone(),
            entered: plan.entered(&stages),
            stages,
            refreshes: plan.refreshes,
        })
    }

    /// The refreshes on the way, in order: that of the state, where it has too few levels, is made once for all batches.
    #[must_use]
    pub fn refreshes(&self) -> Vec<StepRefresh> {
        let planned = self.stages.iter().zip(&self.refreshes).zip(&self.entered);
        // The state, in front of the first stage, is the only complex one.
        let parts = std::iter::once(Parts::Complex).chain(std::iter::repeat(Parts::Real));
        let refresh = |(((stage, to), &from), parts): (((&Stage, &Option<Level>), &Level), _)| {
            to.map(|to| StepRefresh {
                vectors: stage.vectors,
                from,
                to,
                bound: stage.bound,
                parts,
            })
        };
        planned.zip(parts).filter_map(refresh).collect()
    }

    /// Whether the state itself is refreshed first.
    #[must_use]
    pub fn refreshes_state(&self) -> bool {
        self.refreshes.first().is_some_and(Option::is_some)
    }

    /// The weights of a state, spread for [`forward`](Self::forward). Once for all batches.
    ///
    /// # Errors
    /// [`EvalError::LevelExhausted`] for a state without levels; those of the machine.
    pub fn weights<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        state: &S::Vector,
    ) -> Result<Diagonals<S::Vector>, EvalError> {
        let state = match self.refreshes.first().copied().flatten() {
            Some(level) => machine.refresh(state, level, WEIGHT_BOUND, Parts::Complex)?,
            None if self.score == Score::LogitMargin => {
                let level = machine.level(state).min(Level(self.head.logits_depth()));
                machine.lower(state, level)?
            }
            None => state.clone(),
        };
        let matmul = self.head.matmul();
        matmul.expand(machine, &state, WeightSet::Weights)
    }

    /// The forward pass of a batch, as far as scores need it: scaled logits, or probabilities with the levels of
    /// [`distance`](Self::distance).
    ///
    /// # Errors
    /// Those of the machine.
    pub fn forward<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        weights: &Diagonals<S::Vector>,
        features: &[S::Vector],
    ) -> Result<S::Vector, EvalError> {
        let logits = self.head.matmul().logits(machine, features, weights)?;
        match self.score {
            Score::LogitMargin | Score::Random => Ok(logits),
            Score::Hefs | Score::HefsAbs => self.probabilities(machine, &logits),
        }
    }

    fn probabilities<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        logits: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        let (stages, refreshes) = (&self.stages[1..], &self.refreshes[1..]);
        let mut course = Course::new(stages, refreshes);
        let activation = self.head.activation();
        let probabilities = activation.apply(machine, &self.classes, &mut course, logits)?;
        let [probabilities] = course.enter(machine, [probabilities])?;
        Ok(probabilities)
    }

    /// The distance of a forward pass from the labels: the score of a sample in the slots of all its classes. Logits stay what
    /// they are.
    ///
    /// # Cost
    /// For `hefs` two levels (one of them in [`pack`](Self::pack)) and `1 + log2 c'` key switches; for `hefs-abs` nine levels
    /// and those of two polynomials of degrees 7 and 15 besides.
    ///
    /// # Errors
    /// Those of the machine.
    pub fn distance<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        forward: &S::Vector,
        labels: &S::Vector,
    ) -> Result<S::Vector, EvalError> {
        match self.score {
            Score::LogitMargin | Score::Random => Ok(forward.clone()),
            Score::Hefs => {
                let right = machine.mul(forward, labels)?;
                let right = self.classes.sum(machine, &right)?;
                machine.add_const(&machine.mul_integer(&right, -2)?, 2.0)
            }
            Score::HefsAbs => {
                let difference = machine.sub(forward, labels)?;
                let mut sign = difference.clone();
                for part in published_sign() {
                    sign = Polynomial::from(&part).evaluate(machine, &sign)?;
                }
                let distances = machine.mul(&difference, &sign)?;
                self.classes.sum(machine, &distances)
            }
        }
    }

    /// What is sent to the owner: the scores of all batches, in [`Score::vectors`] ciphertexts at level 0.
    ///
    /// # Cost
    /// For scores one level and a product by a mask for each batch; for logits nothing.
    ///
    /// # Errors
    /// [`EvalError::Empty`] without batches; those of the machine.
    pub fn pack<S: Slots<Plain = P>>(
        &self,
        machine: &S,
        scores: &[S::Vector],
    ) -> Result<S::Vector, EvalError> {
        let lowest = |x: &S::Vector| machine.lower(x, Level(0));
        let packed: Vec<S::Vector> = match self.score {
            Score::LogitMargin => scores.iter().map(lowest).collect::<Result<_, _>>()?,
            Score::Hefs | Score::HefsAbs | Score::Random => scores
                .chunks(self.class_masks.len())
                .map(|scores| {
                    let terms: Vec<_> = scores.iter().zip(&self.class_masks).collect();
                    lowest(&machine.dot_plain(&terms)?)
                })
                .collect::<Result<_, _>>()?,
        };
        machine.stack(&packed.iter().collect::<Vec<_>>())
    }
}

/// Refreshes on the way to scores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreRefreshes {
    /// That of the state, if it has too few levels: once for all batches.
    pub of_state: Vec<StepRefresh>,
    /// Those within the scores of a batch.
    pub of_batch: Vec<StepRefresh>,
}

impl ScoreRefreshes {
    /// Refreshes for the scores of so many batches.
    #[must_use]
    pub const fn count(&self, batches: usize) -> usize {
        self.of_state.len() + batches * self.of_batch.len()
    }

    /// Every kind of them.
    pub fn iter(&self) -> impl Iterator<Item = &StepRefresh> {
        self.of_state.iter().chain(&self.of_batch)
    }
}

/// What scoring needs: a dry run on zeros, of weights and one batch.
///
/// # Errors
/// [`EvalError::LevelExhausted`] if a part has more levels than the range.
pub fn score_budget<A: Approximation + Clone>(
    layout: &Layout,
    activation: A,
    score: Score,
    levels: StepLevels,
    range: LevelRange,
) -> Result<(Budget, ScoreRefreshes), EvalError> {
    if score == Score::Random {
        return Ok((Budget::default(), ScoreRefreshes::default()));
    }
    let machine = Clear::counting(layout.slots());
    let head = Head::new(&machine, layout, activation)?;
    let scorer = Scorer::new(&machine, &head, score, levels.state, range)?;
    let features = (0..layout.tiles())
        .map(|_| machine.zeros(layout.row_blocks(), levels.features))
        .collect::<Result<Vec<_>, _>>()?;
    let labels = machine.zeros(1, levels.labels)?;
    let state = machine.zeros(layout.state_vectors(), levels.state)?;
    let weights = scorer.weights(&machine, &state)?;
    let forward = scorer.forward(&machine, &weights, &features)?;
    let scores = scorer.distance(&machine, &forward, &labels)?;
    scorer.pack(&machine, &[scores])?;
    let mut of_state = scorer.refreshes();
    let of_batch = of_state.split_off(usize::from(scorer.refreshes_state()));
    Ok((machine.take_budget(), ScoreRefreshes { of_state, of_batch }))
}
