//! Exactly what the user may type. The doc comments are the help texts.

mod machine;
mod options;
mod owner;
mod prune;
mod resume;
mod server;
mod trial;

use clap::{Parser, Subcommand};

pub(crate) use machine::{
    ActivationsTableArgs, CalibrateArgs, DevicesArgs, ParamsTableArgs, ProfileArgs,
};
pub(crate) use options::{
    Activation, ActivationArgs, CalibrationsArgs, DataArgs, ParamsArgs, PruneArgs, PruneMerge,
    PruneRule, PruneScore, RefreshBy, RefreshByArgs, SeedArgs, SelectionArgs, TrainingArgs,
};
pub(crate) use owner::{DecryptArgs, EncryptArgs, EvaluateArgs, KeygenArgs, RefreshArgs};
pub(crate) use prune::{
    PruneCheckArgs, PruneCommand, PruneCommandArgs, PruneMaskArgs, PruneMergeArgs, PruneScoreArgs,
    PruneSweepArgs,
};
pub(crate) use resume::ResumeArgs;
pub(crate) use server::TrainArgs;
pub(crate) use trial::{PlanArgs, RunArgs, SimulateArgs};

/// Train classifiers on data that stays encrypted
///
/// A data owner encrypts feature vectors and labels (CKKS homomorphic encryption).
/// A server trains on the ciphertexts and returns an encrypted model that only the
/// owner can open. The server is trusted to do its work, not with the data: it
/// holds ciphertexts and evaluation keys, never the secret key.
///
/// To see all of it on one machine, on bundled digits:
///   veilgrad run
///
/// To see whether a training would succeed, in a fraction of the time:
///   veilgrad simulate
///
/// To see what a training would take on this machine:
///   veilgrad plan
///
/// Between an owner and a server, in this order:
///   owner   veilgrad keygen    secret key, and evaluation keys for the server
///   owner   veilgrad encrypt   the training set for the server
///   server  veilgrad train     the encrypted model; meanwhile
///   owner   veilgrad refresh   answers the server until training is done
///   owner   veilgrad decrypt   the model
///   owner   veilgrad evaluate  its accuracy
///
/// A training that was ended before it was done goes on with
///   veilgrad resume
///
/// To train on few rows, chosen anew on the way: keygen --prune-score, train --prune, or step by
/// step veilgrad prune.
///
/// Exit codes: 0 done, 1 the job failed, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "veilgrad", version, verbatim_doc_comment, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(RunArgs),
    Plan(PlanArgs),
    Simulate(SimulateArgs),
    Keygen(KeygenArgs),
    Encrypt(EncryptArgs),
    Train(TrainArgs),
    Resume(ResumeArgs),
    Refresh(RefreshArgs),
    Prune(PruneCommandArgs),
    Decrypt(DecryptArgs),
    Evaluate(EvaluateArgs),
    Params(ParamsTableArgs),
    Activations(ActivationsTableArgs),
    Calibrate(CalibrateArgs),
    Devices(DevicesArgs),
    Profile(ProfileArgs),
}
