//! How much memory the process has used, and how much there is.

/// The largest resident set of this process so far in bytes: `VmHWM` of `/proc/self/status`; 0 where there is no such
/// file (outside Linux).
#[must_use]
pub fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    peak_of(&status)
}

/// Bytes that processes can still have without swapping: `MemAvailable` of `/proc/meminfo`; nothing where there is no such
/// file (outside Linux).
fn available_memory_bytes() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    bytes_of(&info, "MemAvailable:")
}

/// What to say where keys and a training set in memory take so many bytes, if there are fewer.
pub(super) fn too_little_for(needed: u64) -> Option<String> {
    too_large(needed, available_memory_bytes()?)
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

fn peak_of(status: &str) -> u64 {
    bytes_of(status, "VmHWM:").unwrap_or(0)
}

fn bytes_of(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read() {
        assert_eq!(
            peak_of("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"),
            2 << 20
        );
        assert_eq!(peak_of("VmHWM: many kB"), 0);
        assert_eq!(peak_of(""), 0);
        if cfg!(target_os = "linux") {
            assert!(peak_memory_bytes() > 1 << 20);
            assert!(available_memory_bytes().is_some_and(|bytes| bytes > 1 << 20));
        }
    }

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
