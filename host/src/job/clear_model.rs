//! Decrypted models as safetensors: `weight` `[classes, features]` and `bias` `[classes]`, 32-bit, for raw features.

use std::io::Write;
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

/// Writes a model of normalised features for raw ones.
pub(super) fn write(
    path: &Path,
    model: &Model,
    normalization: &Normalization,
) -> Result<(), JobError> {
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
    let mut file = AtomicFile::create(path, false)?;
    file.write_all(&bytes)
        .map_err(JobError::io(path, "be written"))?;
    Ok(file.commit()?)
}

/// Reads a model.
pub(super) fn read(path: &Path) -> Result<Model, JobError> {
    let bytes = read_limited(path, MAX_BYTES)?;
    let unsound = |error: safetensors::SafeTensorError| {
        JobError::mismatch(path, "model", error, "a sound safetensors file")
    };
    let tensors = SafeTensors::deserialize(&bytes).map_err(unsound)?;
    let weight = tensors.tensor(WEIGHT).map_err(unsound)?;
    let bias = tensors.tensor(BIAS).map_err(unsound)?;
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
