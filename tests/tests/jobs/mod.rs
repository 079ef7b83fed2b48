//! Jobs from end to end, through files, on the smallest set.

mod devices;
mod forged;
mod prune;
mod refusals;
mod rounds;
mod stopping;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use host::job::{
    self, ActivationChoice, DataChoice, DecryptConfig, DeviceChoice, EncryptConfig, EvaluateConfig,
    Event, JobError, KeygenConfig, Observer, ParamsChoice, RefreshBy, RefreshConfig, RefreshReport,
    ResumeConfig, ResumeFrom, ResumedReport, RunConfig, TaskShape, TrainConfig, TrainJobConfig,
    TrainReport,
};
use tempfile::TempDir;

/// An observer that keeps the names of what it hears.
#[derive(Default)]
struct Heard(Vec<String>);

impl Heard {
    fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|event| *event == name).count()
    }
}

impl Observer for Heard {
    fn event(&mut self, event: &Event<'_>) {
        let text = format!("{event:?}");
        self.0
            .push(text.split([' ', '(']).next().unwrap_or_default().to_owned());
    }
}

/// Begins a training in a process that ends when the first step is over.
fn end_after_a_step(config: &TrainJobConfig) {
    struct Ending;
    impl Observer for Ending {
        fn event(&mut self, event: &Event<'_>) {
            assert!(!matches!(event, Event::Step(_)), "the end of this process");
        }
    }
    let ended = catch_unwind(AssertUnwindSafe(|| job::train(config, &mut Ending)));
    assert!(ended.is_err());
}

/// Goes on with the training that has this checkpoint.
fn resume(checkpoint: &Path) -> Result<ResumedReport, JobError> {
    let config = ResumeConfig {
        from: ResumeFrom::Checkpoint(checkpoint.to_owned()),
        evaluation_keys: None,
        data: None,
        exchange: None,
        wait: None,
        out: None,
        device: DeviceChoice::Auto,
        threads: None,
    };
    job::resume(&config, &mut Heard::default())
}

/// Rows of three features around one centre for each of two classes.
fn write_data(path: &Path, rows: usize, features: usize) {
    let noise = tests::slots(rows * features, 5);
    let mut text = String::new();
    for row in 0..rows {
        let label = row % 2;
        for feature in 0..features {
            let centre = if (row + feature) % 2 == 0 { 1.0 } else { -1.0 };
            text += &format!(
                "{:.4},",
                10.0 + 3.0 * centre + 4.0 * noise[row * features + feature].re
            );
        }
        text += &format!("{label}\n");
    }
    fs::write(path, text).unwrap();
}

/// Rows whose labels have nothing to do with the features: what is learned is wrong.
fn write_noise(path: &Path) {
    let rows: Vec<String> = tests::slots(120, 8)
        .chunks(2)
        .map(|z| {
            format!(
                "{:.3},{:.3},{:.3},{}\n",
                z[0].re,
                z[0].im,
                z[1].re,
                u8::from(z[1].im > 0.0)
            )
        })
        .collect();
    fs::write(path, rows.concat()).unwrap();
}

/// A directory with a data set and what jobs make of it.
struct Place {
    directory: TempDir,
    activation: Option<ActivationChoice>,
    params: &'static str,
    refresh: Option<RefreshBy>,
    pruning: Option<job::Pruning>,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
            activation: Some(job::SIGMOID),
            params: "insecure-10",
            refresh: None,
            pruning: None,
        };
        write_data(&place.path("data.csv"), 60, 3);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn data(&self) -> DataChoice {
        DataChoice::File(self.path("data.csv"))
    }

    fn keygen(&self, out: &str) -> Result<job::KeygenReport, JobError> {
        let config = KeygenConfig {
            calibrations: None,
            refresh: self.refresh,
            pruning: self.pruning,
            params: ParamsChoice::Named(self.params.to_owned()),
            allow_insecure: true,
            shape: TaskShape::Of(self.data(), Some(32)),
            activation: self.activation,
            device: DeviceChoice::Auto,
            threads: None,
            out: self.path(out),
        };
        job::keygen(&config, &mut Heard::default())
    }

    fn encrypt(&self, keys: &str, out: &str) -> Result<job::EncryptReport, JobError> {
        let config = EncryptConfig {
            secret_key: self.path(keys).join("secret.vg"),
            data: self.data(),
            batch: None,
            seed: 3,
            device: DeviceChoice::Auto,
            threads: None,
            out: self.path(out),
            normalization: self.path("normalization.json"),
        };
        job::encrypt(&config, &mut Heard::default())
    }

    fn train_config(&self, keys: &str) -> TrainJobConfig {
        TrainJobConfig {
            evaluation_keys: self.path(keys).join("evaluation.vg"),
            data: self.path("train.vg"),
            start: None,
            epochs: Some(2),
            learning_rate: Some(1.5),
            early_stopping: false,
            prune: None,
            any_rule: false,
            exchange: Some(self.path("exchange")),
            wait: Duration::from_secs(60),
            device: DeviceChoice::Auto,
            threads: None,
            out: self.path("model.vg"),
            checkpoint: None,
        }
    }

    fn refresh_config(&self, keys: &str) -> RefreshConfig {
        RefreshConfig {
            secret_key: self.path(keys).join("secret.vg"),
            data: self.data(),
            seed: 3,
            patience: 2,
            exchange: self.path("exchange"),
            wait: Duration::from_secs(60),
            device: DeviceChoice::Auto,
            threads: None,
        }
    }

    /// The server, with the owner in a thread beside it.
    fn train(
        &self,
        config: &TrainJobConfig,
        keys: &str,
    ) -> (
        Result<TrainReport, JobError>,
        Result<RefreshReport, JobError>,
    ) {
        let answering = self.refresh_config(keys);
        thread::scope(|scope| {
            let owner = scope.spawn(|| job::refresh(&answering, &mut Heard::default()));
            let trained = job::train(config, &mut Heard::default());
            (trained, owner.join().unwrap())
        })
    }

    fn decrypt(&self, keys: &str, model: &str) -> Result<job::DecryptReport, JobError> {
        let config = DecryptConfig {
            secret_key: self.path(keys).join("secret.vg"),
            model: self.path(model),
            normalization: self.path("normalization.json"),
            out: self.path("model.safetensors"),
            device: DeviceChoice::Auto,
            threads: None,
        };
        job::decrypt(&config, &mut Heard::default())
    }

    fn evaluate(&self, model: &str) -> Result<job::EvaluateReport, JobError> {
        let config = EvaluateConfig {
            model: self.path(model),
            data: self.data(),
            seed: 3,
        };
        job::evaluate(&config, &mut Heard::default())
    }

    fn run_config(&self) -> RunConfig {
        RunConfig {
            calibrations: None,
            refresh: self.refresh,
            params: ParamsChoice::Named(self.params.to_owned()),
            allow_insecure: true,
            data: self.data(),
            train: TrainConfig {
                epochs: Some(2),
                batch: Some(32),
                learning_rate: Some(1.5),
                activation: self.activation,
                patience: None,
                prune: None,
                seed: 3,
            },
            device: DeviceChoice::Auto,
            threads: None,
            model_out: Some(self.path("clear.safetensors")),
            work: None,
        }
    }
}

/// The weights of a decrypted model, then its biases.
fn weights(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let data = ["weight", "bias"].map(|name| tensors.tensor(name).unwrap().data().to_vec());
    let words = data.concat();
    words
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}
