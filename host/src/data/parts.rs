//! What features and labels are called in files that hold several arrays.

use super::DataError;

/// Names of features and labels: training, validation, test.
pub(super) const PARTS: [[&str; 2]; 3] = [
    ["x_train", "y_train"],
    ["x_val", "y_val"],
    ["x_test", "y_test"],
];

/// Refuses an array that is named like features or labels but is neither: the part would be missing. Others are ignored.
pub(super) fn check_name(file: &str, name: &str) -> Result<(), DataError> {
    let known = PARTS.concat();
    let is_like = name.starts_with("x_") || name.starts_with("y_");
    if !is_like || known.contains(&name) {
        return Ok(());
    }
    Err(DataError::UnknownTensor {
        file: file.to_owned(),
        tensor: name.to_owned(),
        known: known.join(", "),
    })
}
