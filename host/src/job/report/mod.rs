//! What jobs say when they are done. Field names are the names in JSON.

mod measured;
mod parties;
mod pruning;
mod sets;
mod training;

pub use measured::{
    ActivationReport, ActivationsReport, OperationCost, OperationCount, PredictionReport,
    RefreshCost,
};
pub use parties::{
    DecryptReport, EncryptReport, EvaluateReport, KeygenReport, RefreshReport, TrainReport,
};
pub use pruning::{
    MergeLevels, PartPrediction, PruneCheckReport, PruneMaskReport, PruneMergeReport, PruneReport,
    PruneScoreReport, PruneSummary, PruningPrediction, ScoreRefresh, ScoreSeconds, SweepReport,
    SweepRow,
};
pub use sets::{BootstrapReport, LevelReport, ParamsReport};
pub use training::{
    EarlierReport, EpochReport, PassageReport, PhaseReport, PlanReport, RunReport, SimulateReport,
    StepReport, ValidationReport,
};

pub(super) use training::step_report;
