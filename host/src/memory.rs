//! How much memory the process has used, and how much there is.

use std::fs::read_to_string;

/// The largest resident set of this process so far in bytes: `VmHWM` of `/proc/self/status`; 0 where there is no such
/// file (outside Linux).
#[must_use]
pub fn peak_memory_bytes() -> u64 {
    kibibytes(&file("/proc/self/status"), "VmHWM:").unwrap_or(0)
}

/// Bytes that this process can still have without swapping: the least of `MemAvailable` of `/proc/meminfo`, what its limit of
/// address space (`ulimit -v`) leaves, and what the limit of its control group leaves. Nothing where none of them is told
/// (outside Linux).
pub(crate) fn available_bytes() -> Option<u64> {
    let left = [
        kibibytes(&file("/proc/meminfo"), "MemAvailable:"),
        left_of_address_space(&file("/proc/self/limits"), &file("/proc/self/status")),
        left_of_group(
            &file("/sys/fs/cgroup/memory.max"),
            &file("/sys/fs/cgroup/memory.stat"),
        ),
    ];
    left.into_iter().flatten().min()
}

/// Empty, if there is none.
fn file(path: &str) -> String {
    read_to_string(path).unwrap_or_default()
}

fn left_of_address_space(limits: &str, status: &str) -> Option<u64> {
    let limit: u64 = word_behind(limits, "Max address space")?.parse().ok()?;
    let used = kibibytes(status, "VmSize:")?;
    Some(limit.saturating_sub(used))
}

/// What is anonymous cannot be given back; the rest of what a group has is mostly copies of files.
fn left_of_group(limit: &str, stat: &str) -> Option<u64> {
    let limit: u64 = limit.trim().parse().ok()?;
    let used: u64 = word_behind(stat, "anon ")?.parse().ok()?;
    Some(limit.saturating_sub(used))
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let number: u64 = word_behind(text, name)?.parse().ok()?;
    Some(number.saturating_mul(1024))
}

/// The first word behind the name at the head of a line.
fn word_behind<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_name() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmSize:\t 1 kB\n";
        assert_eq!(kibibytes(status, "VmHWM:"), Some(2 << 20));
        assert_eq!(kibibytes("VmHWM: many kB", "VmHWM:"), None);
        assert_eq!(kibibytes("", "VmHWM:"), None);
        if cfg!(target_os = "linux") {
            assert!(peak_memory_bytes() > 1 << 20);
            assert!(available_bytes().is_some_and(|bytes| bytes > 1 << 20));
        }
    }

    #[test]
    fn limits_leave_what_is_not_used() {
        let limits =
            "Limit Soft Limit Hard Limit Units\nMax address space   3072   unlimited   bytes\n";
        let left = |limits| left_of_address_space(limits, "VmSize:\t 1 kB\n");
        assert_eq!(left(limits), Some(2048));
        assert_eq!(left("Max address space  512  512  bytes\n"), Some(0));
        assert_eq!(
            left("Max address space  unlimited  unlimited  bytes\n"),
            None
        );
        assert_eq!(left_of_group("4096\n", "anon 1024\nfile 7\n"), Some(3072));
        assert_eq!(left_of_group("max\n", "anon 1024\n"), None);
    }
}
