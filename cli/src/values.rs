//! What the value of one option may be. The messages follow "invalid value '…' for '--option <…>': ".

use std::str::FromStr;
use std::time::Duration;

use host::job::{ActivationChoice, DeviceChoice, GpuChoice, Operation};

/// A whole number of at least one.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("it must be a whole number of at least 1".to_owned()),
    }
}

/// A number of classes: at least two.
pub(crate) fn classes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count >= 2 => Ok(count),
        _ => Err("it must be a whole number of at least 2".to_owned()),
    }
}

/// A power of two, so that a mini-batch fills slots without a rest.
pub(crate) fn power_of_two(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(count) if count.is_power_of_two() => Ok(count),
        Ok(count) if count > 0 => {
            let above = count.checked_next_power_of_two();
            let near = match above {
                Some(above) => format!("{} or {above}", above / 2),
                None => "a smaller one".to_owned(),
            };
            Err(format!("it must be a power of two, such as {near}"))
        }
        _ => Err("it must be a power of two, such as 256".to_owned()),
    }
}

/// A finite number above zero.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("it must be a finite number above 0, such as 0.5".to_owned()),
    }
}

/// The largest logit of an activation.
pub(crate) fn range(text: &str) -> Result<f64, String> {
    let largest = ActivationChoice::MAX_RANGE;
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= largest => Ok(value),
        _ => Err(format!(
            "it must be above 0 and up to {largest}, such as 32"
        )),
    }
}

/// A whole number, perhaps zero.
pub(crate) fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    let number = text.parse();
    number.map_err(|_| "it must be a whole number of at least 0, and not too large".to_owned())
}

/// A share of the rows that is not all of them.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..1.0).contains(&value) => Ok(value),
        _ => Err("it must be a number of at least 0 and below 1, such as 0.9".to_owned()),
    }
}

/// What is left of all rows without a share of them, to twelve digits but not nothing: in binary, one less nine tenths is below a
/// tenth.
pub(crate) fn without(share: f64) -> f64 {
    ((1.0 - share) * 1e12).round().max(1.0) / 1e12
}

/// A percentage above 0, as a share.
pub(crate) fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 100.0 => Ok(value / 100.0),
        _ => Err("it must be above 0 and at most 100, such as 10".to_owned()),
    }
}

/// An operation that can be profiled.
pub(crate) fn operation(text: &str) -> Result<Operation, String> {
    let found = Operation::ALL
        .into_iter()
        .find(|operation| operation.name() == text);
    let names = Operation::ALL.map(Operation::name).join(", ");
    found.ok_or_else(|| format!("it must be one of {names}"))
}

/// Where to compute: `auto`, `cpu`, `gpu`, or `gpu:N`.
pub(crate) fn device(text: &str) -> Result<DeviceChoice, String> {
    let gpu = |number| {
        DeviceChoice::Gpu(GpuChoice {
            number,
            fault: None,
        })
    };
    let wrong = || {
        "it must be auto, cpu, gpu, or gpu:N with a number that `veilgrad devices` lists".to_owned()
    };
    match text {
        "auto" => Ok(DeviceChoice::Auto),
        "cpu" => Ok(DeviceChoice::Cpu),
        "gpu" => Ok(gpu(None)),
        _ => {
            let number = text.strip_prefix("gpu:").filter(|number| {
                // A sign is no part of a number of a device.
                number.bytes().all(|digit| digit.is_ascii_digit())
            });
            let number = number.and_then(|number| number.parse().ok());
            number.map(|number| gpu(Some(number))).ok_or_else(wrong)
        }
    }
}

/// A length of time above zero: `45s`, `10m`, `2h`, or seconds without a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, seconds) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1),
        Some(b'm') => (&text[..text.len() - 1], 60),
        Some(b'h') => (&text[..text.len() - 1], 3600),
        _ => (text, 1),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(seconds))
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs)
        .ok_or_else(|| "it must be a time such as 45s, 10m or 2h".to_owned())
}

#[cfg(test)]
mod tests {
    use host::job::{Rule, Scope, Selection};

    use super::*;

    #[test]
    fn numbers_that_mean_nothing_are_refused() {
        for text in [
            "0", "-1", "-0.0", "NaN", "nan", "inf", "-inf", "1e400", "", "x",
        ] {
            assert!(positive(text).is_err(), "{text}");
        }
        assert_eq!(positive("1e-3"), Ok(0.001));
        for text in ["0", "-1", "1.5", "", "99999999999999999999999"] {
            assert!(count(text).is_err(), "{text}");
            assert!(power_of_two(text).is_err(), "{text}");
        }
        assert!(classes("1").is_err());
        for text in ["1", "-0.1", "NaN", "90", "10%", ""] {
            assert!(share(text).is_err(), "{text}");
        }
        assert_eq!(share("0.9"), Ok(0.9));
        assert_eq!((range("128"), whole("0")), (Ok(128.0), Ok(0u64)));
        for text in ["0", "-1", "NaN", "inf", "128.5", ""] {
            assert!(range(text).is_err(), "{text}");
        }
        for text in ["-1", "1.5", "", "18446744073709551616"] {
            assert!(whole::<u64>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_left_of_the_rows_is_the_number_that_was_meant() {
        for percent in 1..100 {
            let left = without(f64::from(100 - percent) / 100.0);
            assert_eq!(left.to_bits(), (f64::from(percent) / 100.0).to_bits());
        }
        assert_eq!(without(0.0), 1.0);
        let selection = Selection {
            keep: without(0.9),
            rule: Rule::Random,
            class_balance: false,
            scope: Scope::Rows,
        };
        // Half a row is a row.
        for tens in 0..1000 {
            assert_eq!(selection.kept(10 * tens + 5), tens + 1);
        }
    }

    #[test]
    fn a_batch_beside_a_power_of_two_names_its_neighbours() {
        assert_eq!(power_of_two("512"), Ok(512));
        assert!(power_of_two("500").unwrap_err().contains("256 or 512"));
        assert!(power_of_two(&usize::MAX.to_string()).is_err());
    }

    #[test]
    fn devices_have_numbers() {
        let number = |text: &str| match device(text) {
            Ok(DeviceChoice::Gpu(choice)) => Some(choice.number),
            _ => None,
        };
        assert_eq!(number("gpu"), Some(None));
        assert_eq!(number("gpu:12"), Some(Some(12)));
        assert_eq!(device("auto"), Ok(DeviceChoice::Auto));
        for text in ["", "GPU", "gpu:", "gpu:-1", "gpu:+1", "gpu:x", "cuda"] {
            assert!(device(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("45"), Ok(Duration::from_secs(45)));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for text in ["", "0s", "-1s", "s", "5d", "1.5h", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
