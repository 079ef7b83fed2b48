//! Arguments → the configuration of a job.

mod prune;

pub(crate) use prune::{prune_check, prune_mask, prune_merge, prune_score, prune_sweep};

use std::env;
use std::path::PathBuf;

use host::job::{
    ActivationChoice, ActivationsConfig, CalibrateConfig, DEFAULT_RANGE, DataChoice, DecryptConfig,
    EncryptConfig, EvaluateConfig, KeygenConfig, ParamsChoice, PlanConfig, ProfileConfig,
    RefreshConfig, ResumeConfig, ResumeFrom, RunConfig, SIGMOID, SimulateConfig, StepShape,
    TaskShape, TrainConfig, TrainJobConfig, describe_params,
};

use crate::args::{
    Activation, ActivationArgs, ActivationsTableArgs, CalibrateArgs, CalibrationsArgs, DataArgs,
    DecryptArgs, EncryptArgs, EvaluateArgs, KeygenArgs, ParamsArgs, ParamsTableArgs, PlanArgs,
    ProfileArgs, RefreshArgs, RefreshBy, RefreshByArgs, ResumeArgs, RunArgs, SeedArgs,
    SimulateArgs, TrainArgs, TrainingArgs,
};
use crate::streams::Failure;

/// The configuration of `veilgrad run`, with a parameter set that may be used.
pub(crate) fn run(args: RunArgs) -> Result<RunConfig, Failure> {
    let train = TrainConfig {
        patience: args.patience,
        prune: prune::config(args.prune_score, args.training.epochs, &args.prune)?,
        ..train_config(&args.training, &args.activation, &args.seed)?
    };
    Ok(RunConfig {
        allow_insecure: args.params.allow_insecure,
        params: permitted(args.params)?,
        data: data(args.data),
        train,
        refresh: refresh_by(&args.refresh),
        device: args.machine.device,
        threads: args.machine.threads,
        calibrations: calibrations(args.calibrations),
        model_out: args.out,
        work: args.work,
    })
}

/// The configuration of `veilgrad plan`, with a parameter set that may be used.
pub(crate) fn plan(args: PlanArgs) -> Result<PlanConfig, Failure> {
    let run = run(args.run)?;
    let cache = writable(run.calibrations.clone())?;
    Ok(PlanConfig { run, cache })
}

/// The configuration of `veilgrad calibrate`.
pub(crate) fn calibrate(args: CalibrateArgs) -> Result<CalibrateConfig, Failure> {
    Ok(CalibrateConfig {
        params: args
            .params_file
            .map_or(ParamsChoice::Named(args.params), ParamsChoice::File),
        refresh: refresh_by(&args.refresh),
        device: args.machine.device,
        threads: args.machine.threads,
        cache: writable(calibrations(args.calibrations))?,
        again: args.again,
    })
}

/// The directory of calibrations, if there can be one.
fn calibrations(args: CalibrationsArgs) -> Option<PathBuf> {
    let of = |name: &str| env::var_os(name).filter(|path| !path.is_empty());
    let cache = || {
        let home = || of("HOME").map(|home| PathBuf::from(home).join(".cache"));
        of("XDG_CACHE_HOME").map(PathBuf::from).or_else(home)
    };
    args.calibrations
        .or_else(|| cache().map(|cache| cache.join("veilgrad")))
}

fn writable(calibrations: Option<PathBuf>) -> Result<PathBuf, Failure> {
    calibrations.ok_or_else(|| {
        Failure::Usage(
            "there is no place for calibrations, for neither XDG_CACHE_HOME nor HOME is set; name one with \
             --calibrations DIR"
                .to_owned(),
        )
    })
}

/// The configuration of `veilgrad simulate`, with a parameter set that may be used.
pub(crate) fn simulate(args: SimulateArgs) -> Result<SimulateConfig, Failure> {
    Ok(SimulateConfig {
        allow_insecure: args.params.allow_insecure,
        params: permitted(args.params)?,
        data: data(args.data),
        train: TrainConfig {
            prune: prune::config(args.prune_score, args.training.epochs, &args.prune)?,
            ..train_config(&args.training, &args.activation, &args.seed)?
        },
        refresh: refresh_by(&args.refresh),
        threads: args.threads,
    })
}

/// The configuration of `veilgrad keygen`, with a parameter set that may be used.
pub(crate) fn keygen(args: KeygenArgs) -> Result<KeygenConfig, Failure> {
    let shape = match (args.features, args.classes) {
        (Some(features), Some(classes)) => TaskShape::Given {
            features,
            classes,
            batch: args.batch,
        },
        _ => TaskShape::Of(data(args.data), args.batch),
    };
    Ok(KeygenConfig {
        allow_insecure: args.params.allow_insecure,
        params: permitted(args.params)?,
        shape,
        pruning: prune::pruning(args.prune_score, args.global_mask),
        refresh: refresh_by(&args.refresh),
        activation: activation(&args.activation)?,
        calibrations: calibrations(args.calibrations),
        device: args.machine.device,
        threads: args.machine.threads,
        out: args.out,
    })
}

/// The configuration of `veilgrad encrypt`.
pub(crate) fn encrypt(args: EncryptArgs) -> EncryptConfig {
    EncryptConfig {
        secret_key: args.secret_key,
        data: data(args.data),
        batch: args.batch,
        seed: args.seed.seed,
        device: args.machine.device,
        threads: args.machine.threads,
        out: args.out,
        normalization: args.normalization,
    }
}

/// The configuration of `veilgrad train`.
pub(crate) fn train(args: TrainArgs) -> Result<TrainJobConfig, Failure> {
    let mut prune = prune::rounds(args.epochs, &args.prune)?;
    if let Some(rounds) = &mut prune {
        rounds.schedule.trained = args.start.is_some();
    }
    Ok(TrainJobConfig {
        evaluation_keys: args.evaluation_keys,
        data: args.data,
        any_rule: args.prune.selection.prune_rule.is_none(),
        start: args.start,
        epochs: args.epochs,
        learning_rate: args.lr,
        early_stopping: args.early_stopping,
        prune,
        exchange: args.exchange,
        wait: args.wait,
        device: args.machine.device,
        threads: args.machine.threads,
        out: args.out,
        checkpoint: args.checkpoint,
    })
}

/// The configuration of `veilgrad resume`.
pub(crate) fn resume(args: ResumeArgs) -> Result<ResumeConfig, Failure> {
    let from = match (args.checkpoint, args.work) {
        (Some(checkpoint), None) => ResumeFrom::Checkpoint(checkpoint),
        (None, Some(work)) => ResumeFrom::Work(work),
        _ => {
            let message = "name what to go on with: --checkpoint FILE or --work DIR";
            return Err(Failure::Usage(message.to_owned()));
        }
    };
    Ok(ResumeConfig {
        from,
        evaluation_keys: args.evaluation_keys,
        data: args.data,
        exchange: args.exchange,
        wait: args.wait,
        out: args.out,
        device: args.machine.device,
        threads: args.machine.threads,
    })
}

fn refresh_by(args: &RefreshByArgs) -> Option<host::job::RefreshBy> {
    args.by.map(|by| match by {
        RefreshBy::Owner => host::job::RefreshBy::Owner,
        RefreshBy::Bootstrap => host::job::RefreshBy::Bootstrap,
        RefreshBy::BootstrapLean => host::job::RefreshBy::BootstrapLean,
    })
}

/// The configuration of `veilgrad refresh`.
pub(crate) fn refresh(args: RefreshArgs) -> RefreshConfig {
    RefreshConfig {
        secret_key: args.secret_key,
        data: data(args.data),
        seed: args.seed.seed,
        patience: args.patience,
        exchange: args.exchange.exchange,
        wait: args.exchange.wait,
        device: args.machine.device,
        threads: args.machine.threads,
    }
}

/// The configuration of `veilgrad decrypt`.
pub(crate) fn decrypt(args: DecryptArgs) -> DecryptConfig {
    DecryptConfig {
        secret_key: args.secret_key,
        model: args.model,
        normalization: args.normalization,
        out: args.out,
        device: args.machine.device,
        threads: args.machine.threads,
    }
}

/// The configuration of `veilgrad evaluate`.
pub(crate) fn evaluate(args: EvaluateArgs) -> EvaluateConfig {
    EvaluateConfig {
        model: args.model,
        data: data(args.data),
        seed: args.seed.seed,
    }
}

/// The configuration of `veilgrad activations`, with a parameter set that may be used.
pub(crate) fn activations(args: ActivationsTableArgs) -> Result<ActivationsConfig, Failure> {
    Ok(ActivationsConfig {
        allow_insecure: args.params.allow_insecure,
        params: permitted(args.params)?,
        samples: args.samples,
        encrypted: args.encrypted,
        device: args.machine.device,
        threads: args.machine.threads,
    })
}

/// The set that `veilgrad params` is asked about, or nothing for all of them.
pub(crate) fn params_table(args: ParamsTableArgs) -> Option<ParamsChoice> {
    let named = args.set.map(ParamsChoice::Named);
    named.or(args.params_file.map(ParamsChoice::File))
}

/// The chosen parameter set, if it is secure or the user accepts that it is not.
fn permitted(args: ParamsArgs) -> Result<ParamsChoice, Failure> {
    let choice = match args.params_file {
        Some(file) => ParamsChoice::File(file),
        None => ParamsChoice::Named(args.params),
    };
    if !args.allow_insecure {
        for set in describe_params(Some(&choice))? {
            if !set.secure {
                return Err(Failure::Usage(format!(
                    "parameter set {} is not secure: log2(QP) = {:.1}; the limit of 128 bits of security at N = 2^{} is {:.0}. \
                     Choose another one (`veilgrad params` lists them), or add --allow-insecure for a test on data that \
                     are not secret",
                    set.name, set.log_qp, set.log_n, set.log_qp_limit,
                )));
            }
        }
    }
    Ok(choice)
}

/// How to train.
fn train_config(
    training: &TrainingArgs,
    chosen: &ActivationArgs,
    seed: &SeedArgs,
) -> Result<TrainConfig, Failure> {
    Ok(TrainConfig {
        epochs: training.epochs,
        batch: training.batch,
        learning_rate: training.lr,
        activation: activation(chosen)?,
        patience: None,
        prune: None,
        seed: seed.seed,
    })
}

/// The chosen activation, with a range only where it has a choice of one.
fn activation(args: &ActivationArgs) -> Result<Option<ActivationChoice>, Failure> {
    match (args.activation, args.range) {
        (None, None) => Ok(None),
        (Some(Activation::Softmax), range) => Ok(Some(ActivationChoice::Softmax {
            range: range.unwrap_or(DEFAULT_RANGE),
        })),
        (Some(Activation::Sigmoid), None) => Ok(Some(SIGMOID)),
        (Some(Activation::SoftmaxMax), None) => Ok(Some(ActivationChoice::SoftmaxMax)),
        (_, Some(_)) => Err(Failure::Usage(
            "--range is for --activation softmax; the others have a range of their own".to_owned(),
        )),
    }
}

fn data(args: DataArgs) -> DataChoice {
    args.data.map_or(DataChoice::Digits, DataChoice::File)
}

/// The configuration of `veilgrad profile`.
pub(crate) fn profile(args: ProfileArgs) -> Result<ProfileConfig, Failure> {
    Ok(ProfileConfig {
        operation: args.operation,
        params: args
            .params_file
            .map_or(ParamsChoice::Named(args.params), ParamsChoice::File),
        level: args.level,
        batch: args.batch,
        step: StepShape {
            features: args.features,
            classes: args.classes,
            activation: activation(&args.activation)?,
            refresh: refresh_by(&args.refresh),
        },
        repetitions: args.repetitions,
        device: args.machine.device,
        threads: args.machine.threads,
        trace: args.trace,
    })
}
