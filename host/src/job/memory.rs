//! How much memory the process has used.

/// The largest resident set of this process so far in bytes: `VmHWM` of `/proc/self/status`; 0 where there is no such
/// file (outside Linux).
#[must_use]
pub fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    peak_of(&status)
}

fn peak_of(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok());
    kibibytes.unwrap_or(0u64).saturating_mul(1024)
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
        }
    }
}
