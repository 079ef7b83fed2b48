//! Whether a job fits into memory.

use crate::memory::available_bytes;

/// What to say where keys and a training set in memory take so many bytes, if there are fewer.
pub(super) fn too_little_for(needed: u64) -> Option<String> {
    too_large(needed, available_bytes()?)
}

fn too_large(needed: u64, available: u64) -> Option<String> {
    let [needed_gib, available_gib] = [needed, available].map(|bytes| bytes as f64 / 1073741824.0);
    (needed > available).then(|| {
        format!(
            "keys and ciphertexts take {needed_gib:.1} GiB, and {available_gib:.1} GiB of memory are free: `veilgrad keygen`, \
             `veilgrad encrypt` and `veilgrad train` keep the training set in a file"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_set_that_does_not_fit_is_told_of() {
        assert_eq!(too_large(3 << 30, 3 << 30), None);
        let note = too_large(20 << 30, 3 << 29).unwrap();
        assert!(
            note.contains("20.0 GiB") && note.contains("1.5 GiB"),
            "{note}"
        );
        assert!(note.contains("veilgrad encrypt"), "{note}");
    }
}
