//! Numbers with their units, for people.

/// `count` with a comma between groups of three digits.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `number` things, each of which is called `thing`.
pub(crate) fn things(number: usize, thing: &str) -> String {
    let plural = match number {
        1 => "",
        // As in batches, but not in epochs.
        _ if thing.ends_with("tch") => "es",
        _ => "s",
    };
    format!("{} {thing}{plural}", count(number as u64))
}

/// `bytes` in the largest binary unit of which there is at least one.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        // What would be shown as 1024 of a unit is shown as 1 of the next.
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// A length of time with about three digits.
pub(crate) fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown time".to_owned();
    }
    if seconds < 0.0005 {
        return "less than 1 ms".to_owned();
    }
    if seconds < 0.9995 {
        return format!("{:.0} ms", seconds * 1e3);
    }
    if seconds < 99.95 {
        return format!("{seconds:.1} s");
    }
    let minutes = (seconds / 60.0).floor();
    if minutes < 100.0 {
        return format!("{minutes:.0} min {:02.0} s", (seconds % 60.0).floor());
    }
    let hours = (minutes / 60.0).floor();
    format!("{hours:.0} h {:02.0} min", minutes % 60.0)
}

/// A part of one in per cent.
pub(crate) fn percent(part: f64) -> String {
    if !part.is_finite() {
        return "unknown".to_owned();
    }
    format!("{:.2} %", part * 100.0)
}

/// A difference of two parts of one in percentage points, signed.
pub(crate) fn percentage_points(difference: f64) -> String {
    if !difference.is_finite() {
        return "difference unknown".to_owned();
    }
    // No "-0.00".
    let points = (difference * 1e4).round() / 100.0 + 0.0;
    format!("{points:+.2} percentage points")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(things(1, "epoch"), "1 epoch");
        assert_eq!(things(8, "epoch"), "8 epochs");
        assert_eq!(things(1200, "step"), "1,200 steps");
        assert_eq!(things(2, "mini-batch"), "2 mini-batches");
    }

    #[test]
    fn bytes_change_unit_in_time() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1024), "1.0 KiB");
        assert_eq!(bytes(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(bytes(39_845_888), "38.0 MiB");
        assert_eq!(bytes(u64::MAX), "16384.0 PiB");
    }

    #[test]
    fn times_change_unit_in_time() {
        assert_eq!(seconds(0.0), "less than 1 ms");
        assert_eq!(seconds(0.0854), "85 ms");
        assert_eq!(seconds(1.92), "1.9 s");
        assert_eq!(seconds(99.94), "99.9 s");
        assert_eq!(seconds(119.99), "1 min 59 s");
        assert_eq!(seconds(7265.0), "2 h 01 min");
        assert_eq!(seconds(f64::NAN), "unknown time");
    }

    #[test]
    fn accuracies_have_two_places() {
        assert_eq!(percent(0.93333), "93.33 %");
        assert_eq!(percentage_points(-0.00278), "-0.28 percentage points");
        assert_eq!(percentage_points(-0.00001), "+0.00 percentage points");
    }
}
