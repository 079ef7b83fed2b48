//! Decrypted models as safetensors: `weight` `[classes, features]` and `bias` `[classes]`, 32-bit, for raw features, with
//! [what they are](About) beside them. The class of a row `x` is that of the largest entry of `x W^T + b`; in Python:
//!
//! ```python
//! m = safetensors.numpy.load_file("model.safetensors")
//! classes = (x @ m["weight"].T + m["bias"]).argmax(1)
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use engine::train::Model;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::{JobError, read_limited, samples};
use crate::data::{MAX_CLASSES, Normalization};
use crate::file::AtomicFile;

/// The largest model that is read.
const MAX_BYTES: u64 = 1 << 28;
const WEIGHT: &str = "weight";
const BIAS: &str = "bias";

/// What is said of a model in its file.
pub(super) struct About<'a> {
    /// What each class is called; its number, where nobody said.
    pub(super) class_names: Option<&'a [String]>,
    /// Parameter set.
    pub(super) params: &'a str,
    pub(super) activation: &'a str,
    /// Steps that lead to it.
    pub(super) steps: usize,
    /// Epochs that lead to it.
    pub(super) epochs: usize,
}

impl About<'_> {
    /// Name and value; the classes as those of data sets, a list in JSON.
    fn metadata(&self, model: &Model) -> serde_json::Result<String> {
        let numbers: Vec<String>;
        let class_names = match self.class_names {
            Some(names) if names.len() == model.classes() => names,
            _ => {
                numbers = (0..model.classes())
                    .map(|class| class.to_string())
                    .collect();
                &numbers
            }
        };
        serde_json::to_string(&BTreeMap::from([
            ("format", "veilgrad linear classifier".to_owned()),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("classes", serde_json::to_string(class_names)?),
            ("features", model.features().to_string()),
            ("params", self.params.to_owned()),
            ("activation", self.activation.to_owned()),
            ("steps", self.steps.to_string()),
            ("epochs", self.epochs.to_string()),
        ]))
    }
}

/// Puts metadata, a JSON object, into a safetensors file: the crate writes them in an order of its own each time, and the same
/// model shall have the same bytes.
fn with_metadata(file: &[u8], metadata: &str) -> Option<Vec<u8>> {
    let (length, rest) = file.split_first_chunk()?;
    let (header, data) = rest.split_at_checked(u64::from_le_bytes(*length).try_into().ok()?)?;
    let tensors = header.strip_prefix(b"{")?;
    let mut header = format!("{{\"__metadata__\":{metadata},").into_bytes();
    header.extend_from_slice(tensors);
    header.resize(header.len().next_multiple_of(length.len()), b' ');
    Some(
        [
            &(header.len() as u64).to_le_bytes(),
            header.as_slice(),
            data,
        ]
        .concat(),
    )
}

/// Begins the file of a model. Before there is one, so that a place where it cannot be is found out early.
pub(super) fn create(path: &Path) -> Result<AtomicFile, JobError> {
    Ok(AtomicFile::create(path, false)?)
}

/// Completes a file with a model of normalized features, for raw ones.
pub(super) fn write(
    file: AtomicFile,
    model: &Model,
    normalization: &Normalization,
    about: &About<'_>,
) -> Result<(), JobError> {
    let path = &file.target().to_owned();
    let (weights, biases) = samples::for_raw_features(model, normalization);
    let bytes = |values: &[f64]| -> Vec<u8> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the file has 32-bit numbers"
        )]
        values
            .iter()
            .flat_map(|&value| (value as f32).to_le_bytes())
            .collect()
    };
    let (weights, biases) = (bytes(&weights), bytes(&biases));
    let (classes, features) = (model.classes(), model.features());
    let unsound = |error: safetensors::SafeTensorError| {
        JobError::mismatch(path, "model", error, "a model that fits safetensors")
    };
    let tensors = [
        (
            WEIGHT,
            TensorView::new(Dtype::F32, vec![classes, features], &weights).map_err(unsound)?,
        ),
        (
            BIAS,
            TensorView::new(Dtype::F32, vec![classes], &biases).map_err(unsound)?,
        ),
    ];
    let bytes = safetensors::serialize(tensors, None).map_err(unsound)?;
    let metadata = about.metadata(model).map_err(|source| JobError::Json {
        file: path.to_owned(),
        what: "expressible as JSON",
        source,
    })?;
    let bytes = with_metadata(&bytes, &metadata).ok_or_else(|| {
        JobError::mismatch(path, "model", "another header", "one that begins with `{`")
    })?;
    Ok(file.complete(&bytes)?)
}

/// Reads a model.
pub(super) fn read(path: &Path) -> Result<Model, JobError> {
    let bytes = read_limited(path, MAX_BYTES)?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| JobError::Model {
        file: path.to_owned(),
        reason: error.to_string(),
    })?;
    let tensor = |name: &str| {
        tensors.tensor(name).map_err(|_| JobError::Model {
            file: path.to_owned(),
            reason: format!("there is no tensor `{name}`"),
        })
    };
    let (weight, bias) = (tensor(WEIGHT)?, tensor(BIAS)?);
    for (what, tensor) in [("tensor `weight`", &weight), ("tensor `bias`", &bias)] {
        if tensor.dtype() != Dtype::F32 {
            return Err(JobError::mismatch(path, what, tensor.dtype(), "F32"));
        }
    }
    let &[classes, features] = weight.shape() else {
        let found = format!("{:?}", weight.shape());
        return Err(JobError::mismatch(
            path,
            "shape of `weight`",
            found,
            "[classes, features]",
        ));
    };
    if !(2..=MAX_CLASSES).contains(&classes) || features == 0 || bias.shape() != [classes] {
        let found = format!("{:?} and {:?}", weight.shape(), bias.shape());
        let expected =
            format!("[classes, features] and [classes], from 2 to {MAX_CLASSES} classes");
        return Err(JobError::mismatch(
            path,
            "shapes of `weight` and `bias`",
            found,
            expected,
        ));
    }
    let (weights, biases) = (weight.data().as_chunks().0, bias.data().as_chunks().0);
    let values = weights.chunks_exact(features).zip(biases);
    let values = values.flat_map(|(row, bias)| row.iter().chain([bias]));
    let values: Vec<_> = values
        .map(|bytes| f64::from(f32::from_le_bytes(*bytes)))
        .collect();
    if let Some(found) = values.iter().find(|value| !value.is_finite()) {
        return Err(JobError::mismatch(path, "weight", found, "finite numbers"));
    }
    Ok(Model::from_values(classes, features, values)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        let model = Model::from_values(2, 2, vec![1.0, -2.0, 0.5, 0.25, 3.0, -1.0]).unwrap();
        let identity = Normalization::new(vec![0.0; 2], vec![1.0; 2]).unwrap();
        let names = ["cat".to_owned(), "dög \"2\"".to_owned()];
        let about = About {
            class_names: Some(&names),
            params: "leveled-15",
            activation: "sigmoid",
            steps: 16,
            epochs: 8,
        };
        let write = |about: &About<'_>| {
            let file = create(&path).unwrap();
            super::write(file, &model, &identity, about).unwrap();
        };
        write(&about);
        assert_eq!(read(&path).unwrap(), model);
        let bytes = std::fs::read(&path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().clone().unwrap();
        let classes: Vec<String> = serde_json::from_str(&metadata["classes"]).unwrap();
        assert_eq!(classes, names);
        for (key, value) in [("steps", "16"), ("epochs", "8"), ("features", "2")] {
            assert_eq!(metadata[key], value);
        }
        // The same model is the same file.
        write(&about);
        assert!(std::fs::read(&path).unwrap() == bytes);
        // Without names classes have their numbers.
        let about = About {
            class_names: None,
            ..about
        };
        write(&about);
        let bytes = std::fs::read(&path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let classes = header.metadata().as_ref().unwrap()["classes"].clone();
        assert_eq!(classes, r#"["0","1"]"#);
    }

    #[test]
    fn other_tensors_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        let numbers = |count: usize| [0, 0, 0x80, 0x3f].repeat(count);
        let refusal = |shapes: [&[usize]; 2], bytes: [Vec<u8>; 2]| {
            let tensor =
                |i: usize| TensorView::new(Dtype::F32, shapes[i].to_vec(), &bytes[i]).unwrap();
            let bytes = safetensors::serialize([(WEIGHT, tensor(0)), (BIAS, tensor(1))], None);
            std::fs::write(&path, bytes.unwrap()).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains("model.safetensors"), "{error}");
            error
        };
        assert!(refusal([&[6], &[2]], [numbers(6), numbers(2)]).contains("[6]"));
        assert!(refusal([&[2, 3], &[3]], [numbers(6), numbers(3)]).contains("[3]"));
        assert!(refusal([&[1, 3], &[1]], [numbers(3), numbers(1)]).contains("[1, 3]"));
        let infinite = [0, 0, 0x80, 0x7f].repeat(6);
        assert!(refusal([&[2, 3], &[2]], [infinite, numbers(2)]).contains("inf"));
        let refusal = || read(&path).unwrap_err().to_string();
        let only = TensorView::new(Dtype::F32, vec![1], &[0; 4]).unwrap();
        let bytes = safetensors::serialize([(WEIGHT, only)], None).unwrap();
        std::fs::write(&path, bytes).unwrap();
        assert!(
            refusal().ends_with("model.safetensors: not a sound model: there is no tensor `bias`"),
            "{}",
            refusal()
        );
        std::fs::write(&path, b"no model").unwrap();
        assert!(refusal().contains("model.safetensors: not a sound model"));
    }
}
