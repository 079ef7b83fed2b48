//! The task that keys, data and models of one key generation share, and how long it is trained.

use std::io::{Read, Seek};
use std::path::Path;

use engine::circuits::activation::{ActivationChoice, Approximation};
use engine::circuits::{Costs, Phase};
use engine::ckks::{Level, Params, ParamsLiteral};
use engine::protocol::{Choice, Plan, PlanError, RefreshBy, Task};
use engine::prune::Pruning;
use serde::{Deserialize, Serialize};

pub(super) use super::schedule::Schedule;
use super::{JobError, PassageReport, PlanReport, params, random};
use crate::file::{ParameterSet, Reader};
use crate::launch::Device;

/// The sigmoid. With the default rate and steps, the largest logit was 8 to 26 on six data sets
/// (digits, breast cancer, face masks, dermatoscopy, SNIPS, MNIST); degree 61 is off by 1.5e-3 at most, and turns logits
/// back that leave the interval (degrees `4k + 3` do not, see `Sigmoid`).
pub const SIGMOID: ActivationChoice = ActivationChoice::Sigmoid {
    range: 32.0,
    degree: 61,
};
/// The largest logit that a softmax is made for where none is chosen: as for the sigmoid.
pub const DEFAULT_RANGE: f64 = 32.0;
/// Steps, at least, where no number of epochs is chosen: a linear classifier is then within one percent of its final accuracy
/// on four of the six data sets (digits 95.3% after 16 steps, 95.8% after 40), and logits have not outgrown the sigmoid.
pub const DEFAULT_STEPS: usize = 16;
/// Samples of a batch, at most, where no number is chosen: with up to 16 classes they fill one ciphertext of `N = 2^16`.
pub const DEFAULT_BATCH: usize = 2048;
/// The most features.
pub const MAX_FEATURES: usize = 1 << 16;

/// The key generation that a file belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Origin {
    /// The name of the keys: random, the same in all their files.
    pub(super) key: String,
    pub(super) task: Task,
    pub(super) activation: ActivationChoice,
    pub(super) refresh: RefreshBy,
    /// What the keys and the data are prepared for, if the training may prune.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pruning: Option<Pruning>,
    /// What the planner chose where the keys were made: by costs that this machine may not know.
    pub(super) choice: Choice,
    /// Columns of a tile and groups of its rows, which follow from the rest in one version of the program.
    pub(super) tile: [usize; 2],
}

/// What all files of one key generation have in common.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) params: Params,
    pub(super) identity: ParameterSet,
    pub(super) origin: Origin,
    pub(super) plan: Plan,
}

impl Setup {
    /// A new one, planned by estimated costs.
    pub(super) fn new(
        params: &Params,
        task: Task,
        activation: Option<ActivationChoice>,
        refresh: Option<RefreshBy>,
    ) -> Result<Self, JobError> {
        Self::planned(params, task, activation, refresh, None)
    }

    /// A new one, planned by these costs; by estimated ones, if there are none.
    pub(super) fn planned(
        params: &Params,
        task: Task,
        activation: Option<ActivationChoice>,
        refresh: Option<RefreshBy>,
        costs: Option<&Costs>,
    ) -> Result<Self, JobError> {
        let refresh = refresh.unwrap_or_else(|| RefreshBy::of(params));
        let activation = activation.unwrap_or(default_activation(refresh));
        check_sizes(task)?;
        let plan = match costs {
            Some(costs) => Plan::fastest(params, task, activation, refresh, costs),
            None => Plan::new(params, task, activation, refresh),
        }?;
        let origin = Origin {
            key: random::fresh_id()?,
            task,
            activation,
            refresh,
            pruning: None,
            choice: plan.choice().clone(),
            tile: tile(&plan),
        };
        let identity = params::identity(params)?;
        Ok(Self {
            params: params.clone(),
            identity,
            origin,
            plan,
        })
    }

    /// The same with keys and data for a training that prunes.
    pub(super) fn with_pruning(mut self, pruning: Pruning) -> Result<Self, JobError> {
        self.plan = self.plan.with_pruning(&self.params, pruning)?;
        self.origin.pruning = Some(pruning);
        Ok(self)
    }

    /// The one that `file` brings along, its numbers checked before anything is made of them.
    pub(super) fn of<R: Read + Seek>(
        file: &Path,
        reader: &Reader<R>,
        literal: ParamsLiteral,
        origin: Origin,
    ) -> Result<Self, JobError> {
        let params = params::check(&file.display().to_string(), literal)?;
        let identity = params::identity(&params)?;
        if reader.parameters() != Some(&identity) {
            let found = reader.parameters();
            let found = found.map_or_else(|| "none".to_owned(), ToString::to_string);
            return Err(JobError::mismatch(file, "parameter set", found, identity));
        }
        if origin.task.features > MAX_FEATURES {
            let (found, range) = (origin.task.features, format!("at most {MAX_FEATURES}"));
            let what = "header field `origin.task.features`";
            return Err(JobError::mismatch(file, what, found, range));
        }
        let unfit = |source| JobError::Header {
            file: file.to_owned(),
            field: field_of(&source),
            source,
        };
        let (task, choice) = (origin.task, origin.choice.clone());
        let plan = Plan::chosen(&params, task, origin.activation, origin.refresh, choice);
        let mut plan = plan.map_err(unfit)?;
        if let Some(pruning) = origin.pruning {
            plan = plan.with_pruning(&params, pruning).map_err(unfit)?;
        }
        if origin.tile != tile(&plan) {
            let [found, expected] = [origin.tile, tile(&plan)].map(|tile| format!("{tile:?}"));
            return Err(JobError::mismatch(
                file,
                "tiles of another version",
                found,
                expected,
            ));
        }
        Ok(Self {
            params,
            identity,
            origin,
            plan,
        })
    }

    /// Checks that `file` is of the same key generation as `keys`, where this one is from.
    pub(super) fn check(&self, keys: &Path, file: &Path, found: &Origin) -> Result<(), JobError> {
        if self.origin == *found {
            return Ok(());
        }
        Err(JobError::OtherKeys {
            file: file.to_owned(),
            keys: keys.to_owned(),
        })
    }

    /// Bytes of the state of a training, and as much again to work with.
    pub(super) fn state_bytes(&self) -> u64 {
        let vectors = self.plan.layout().state_vectors();
        (2 * vectors * self.params.ciphertext_bytes(self.plan.top())) as u64
    }

    /// Bytes of one encrypted mini-batch, and as much again to work with.
    pub(super) fn batch_bytes(&self) -> u64 {
        let vectors = self.plan.feature_vectors() + 1;
        (2 * vectors
            * self
                .params
                .ciphertext_bytes(self.plan.data_levels().features)) as u64
    }

    /// Bytes of a training on the server: keys, so many batches at once, the state, and eight times as much for what a step
    /// makes on its way. An estimate: a device that turns out too small is left in the middle.
    pub(super) fn training_bytes(&self, batches: usize) -> u64 {
        let keys = self.plan.keys().bytes(&self.params) as u64;
        keys + batches as u64 * self.batch_bytes() / 2 + 9 * self.state_bytes()
    }

    /// The moduli of the limbs of a level.
    pub(super) fn moduli(&self, level: Level) -> Vec<u32> {
        let ring = self.params.ring();
        let limbs = self.params.basis(level).iter();
        limbs.map(|limb| ring.modulus(limb).value()).collect()
    }
}

fn tile(plan: &Plan) -> [usize; 2] {
    [plan.layout().width(), plan.layout().groups()]
}

/// The field of a header that makes a plan fail so.
fn field_of(error: &PlanError) -> &'static str {
    match error {
        PlanError::Packing(_) => "origin.task",
        PlanError::Activation(_) => "origin.activation",
        PlanError::Bootstrap(_) => "origin.refresh",
        PlanError::NoRoomToMerge { .. } => "origin.pruning",
        PlanError::Choice { .. } => "origin.choice",
        _ => "origin",
    }
}

/// Checks sizes that come from outside before anything is made of them.
fn check_sizes(task: Task) -> Result<(), JobError> {
    if task.features > MAX_FEATURES {
        let range = format!("at most {MAX_FEATURES}");
        return Err(JobError::option(
            "the number of features",
            task.features,
            range,
        ));
    }
    Ok(())
}

/// The activation where none is chosen: softmax where the server bootstraps; the sigmoid where the owner refreshes, who
/// is then asked once a step and not within it. The sigmoid trains as well for a few epochs, the softmax better for many.
#[must_use]
pub const fn default_activation(refresh: RefreshBy) -> ActivationChoice {
    match refresh {
        RefreshBy::Owner => SIGMOID,
        RefreshBy::Bootstrap | RefreshBy::BootstrapLean => ActivationChoice::Softmax {
            range: DEFAULT_RANGE,
        },
    }
}

/// The learning rate where none is chosen: `1/L` for a loss whose curvature is at most `L`, which is 1/4 for the logistic
/// loss and 1/2 for the softmax's on features normalized as they are. The largest rate that Nesterov's method is known to
/// be stable at.
#[must_use]
pub const fn default_learning_rate(activation: ActivationChoice) -> f64 {
    match activation {
        ActivationChoice::Sigmoid { .. } => 4.0,
        ActivationChoice::Softmax { .. } | ActivationChoice::SoftmaxMax => 2.0,
    }
}

/// What is told before anything expensive is made.
pub(super) fn report(
    Setup {
        params,
        plan,
        origin,
        ..
    }: &Setup,
    schedule: &Schedule,
    data: &str,
    train_rows: usize,
    device: &Device,
) -> PlanReport {
    let (task, keys) = (plan.task(), plan.keys());
    PlanReport {
        params: params.name().to_owned(),
        security_bits: params.security_bits(),
        log_n: params.log_degree(),
        log_qp: params.log_qp(),
        log_qp_limit: engine::ckks::security::largest_log_qp(params.log_degree()),
        data: data.to_owned(),
        train_rows,
        features: task.features,
        classes: task.classes,
        batch: task.batch,
        steps: schedule.steps(),
        epochs: schedule.epochs,
        learning_rate: schedule.learning_rate,
        activation: origin.activation.name().to_owned(),
        logit_range: plan.activation().range(),
        levels_per_step: plan.depth(),
        refreshes_per_step: plan.refreshes().iter().map(|refresh| refresh.vectors).sum(),
        key_switches_per_step: plan.budget().key_switches(),
        keys: keys.len(),
        key_bytes: keys.bytes(params),
        ciphertext_bytes: params.ciphertext_bytes(plan.data_levels().features),
        device: device.name.clone(),
        threads: device.threads,
        refresh: plan.refresh_by().name().to_owned(),
        simulated: false,
        passages: passages(plan),
    }
}

/// A step and the refresh behind it, one phase after the other.
fn passages(plan: &Plan) -> Vec<PassageReport> {
    let passages = plan.budget().passages().iter();
    let within = passages.filter_map(|passage| {
        Some(PassageReport {
            phase: passage.phase?.name(),
            from: passage.highest.0,
            to: passage.lowest.0,
            key_switches: passage.key_switches(),
        })
    });
    let levels = plan.levels();
    let behind = PassageReport {
        phase: Phase::Refresh.name(),
        from: levels.result.0,
        to: levels.state.0,
        key_switches: 0,
    };
    within.chain([behind]).collect()
}
