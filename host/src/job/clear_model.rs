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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        let model = Model::from_values(2, 2, vec![1.0, -2.0, 0.5, 0.25, 3.0, -1.0]).unwrap();
        let identity = Normalization::new(vec![0.0; 2], vec![1.0; 2]).unwrap();
        write(&path, &model, &identity).unwrap();
        assert_eq!(read(&path).unwrap(), model);
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
        std::fs::write(&path, b"no model").unwrap();
        assert!(
            read(&path)
                .unwrap_err()
                .to_string()
                .contains("model.safetensors")
        );
    }
}
