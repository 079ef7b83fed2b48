//! `veilgrad profile`: kernels, rates, shares, and the trace.

use serde_json::Value;
use tests::backends::is_gpu_required;

use super::veilgrad;

const OPERATIONS: [&str; 6] = [
    "ntt",
    "key-switch",
    "multiply",
    "rotate",
    "bootstrap",
    "step",
];

fn has_gpu() -> bool {
    let is_there = host::gpu::adapters().iter().any(|adapter| adapter.usable);
    assert!(is_there || !is_gpu_required());
    is_there
}

/// Whether the GPU that is taken computes on the CPU.
fn is_software() -> bool {
    let adapters = host::gpu::adapters();
    let taken = adapters.iter().find(|adapter| adapter.usable);
    taken.is_some_and(|adapter| adapter.kind == "software")
}

/// Profiles on a small ring; the last event.
fn profile(operation: &str, device: &str, more: &[&str]) -> Value {
    let set = if operation == "bootstrap" {
        "insecure-11-boot"
    } else {
        "insecure-10"
    };
    let args = [
        "profile",
        operation,
        "--params",
        set,
        "--device",
        device,
        "--repetitions",
        "1",
        "--json",
    ];
    let outcome = veilgrad(&[&args[..], more].concat());
    assert_eq!(outcome.code, 0, "{operation}: {}", outcome.err);
    outcome.last()
}

fn check(report: &Value, operation: &str, device: &str) {
    assert_eq!(report["event"], "done");
    assert_eq!(report["operation"], operation);
    assert!(
        report["device"].as_str().unwrap().starts_with(device),
        "{report}"
    );
    assert!(report["threads"].as_u64().unwrap() > 0);
    assert!(report["median_ms"].as_f64().unwrap() > 0.0);
    let number = |value: &Value| value.as_f64().unwrap();
    let (copy, multiply) = (
        number(&report["copy_gb_per_s"]),
        number(&report["multiply_gmul_per_s"]),
    );
    assert!(copy > 0.0 && multiply > 0.0);
    let kernels = report["kernels"].as_array().unwrap();
    assert!(!kernels.is_empty());
    for kernel in kernels {
        let (seconds, close) = (number(&kernel["ms"]) / 1e3, |a: f64, b: f64| {
            (a - b).abs() <= 1e-9 * b
        });
        assert!(kernel["calls"].as_u64().unwrap() > 0);
        for (amount, rate, share, ceiling) in [
            ("bytes", "gb_per_s", "copy_share", copy),
            ("products", "gmul_per_s", "multiply_share", multiply),
        ] {
            let rate = number(&kernel[rate]);
            assert!(
                close(rate * seconds * 1e9, number(&kernel[amount])),
                "{kernel}"
            );
            assert!(close(number(&kernel[share]) * ceiling, rate), "{kernel}");
        }
    }
}

#[test]
fn every_operation_has_kernels_with_rates_and_shares() {
    for operation in OPERATIONS {
        let of_cpu = profile(operation, "cpu", &[]);
        check(&of_cpu, operation, "cpu");
        // The others take the software device a minute.
        let is_short = !matches!(operation, "bootstrap" | "step");
        if is_short && has_gpu() {
            let of_gpu = profile(operation, "gpu", &[]);
            check(&of_gpu, operation, "gpu");
            assert_eq!(of_gpu["result"], of_cpu["result"], "{operation}");
        }
    }
}

/// The modular products of all kernels.
fn products(report: &Value) -> u64 {
    let kernels = report["kernels"].as_array().unwrap().iter();
    kernels.map(|k| k["products"].as_u64().unwrap()).sum()
}

#[test]
fn products_are_those_of_a_count_by_hand_on_every_device() {
    let devices = if has_gpu() {
        &["cpu", "gpu"][..]
    } else {
        &["cpu"]
    };
    let (n, log, batch) = (1024, 10, 3);
    let mut switches = Vec::new();
    for device in devices {
        let transform = profile("ntt", device, &["--batch", "3"]);
        let limbs = transform["limbs"].as_u64().unwrap();
        assert_eq!(
            products(&transform),
            batch * limbs * n / 2 * log,
            "{device}"
        );
        let switch = profile("key-switch", device, &["--batch", "3"]);
        switches.push(products(&switch));
    }
    // Fused kernels of the one and many kernels of the other do the same.
    assert!(
        switches.iter().all(|products| *products == switches[0]),
        "{switches:?}"
    );
}

#[test]
fn the_result_depends_on_the_operands_only() {
    let result = |operation, more: &[&str]| profile(operation, "cpu", more)["result"].clone();
    let once = result("multiply", &[]);
    assert_eq!(once.as_str().unwrap().len(), 64);
    assert_eq!(once, result("multiply", &["--threads", "1"]));
    assert_ne!(once, result("multiply", &["--batch", "2"]));
    assert_ne!(once, result("multiply", &["--level", "1"]));
    assert_ne!(once, result("rotate", &[]));
}

#[test]
fn a_trace_has_every_call_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trace.json");
    for device in if has_gpu() {
        &["cpu", "gpu"][..]
    } else {
        &["cpu"]
    } {
        let report = profile("multiply", device, &["--trace", file.to_str().unwrap()]);
        let trace: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        let calls: u64 = report["kernels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|k| k["calls"].as_u64().unwrap())
            .sum();
        assert_eq!(events.len() as u64, calls);
        // Passes of a GPU may overlap where none needs the result of another.
        let overlaps = *device == "gpu" && !is_software();
        let mut end = 0.0;
        for event in events {
            assert_eq!(event["ph"], "X");
            let (begin, length) = (
                event["ts"].as_f64().unwrap(),
                event["dur"].as_f64().unwrap(),
            );
            assert!(begin >= end - 1e-6 && length >= 0.0, "{event}");
            end = begin + if overlaps { 0.0 } else { length };
        }
    }
}

#[test]
fn people_get_a_table() {
    let outcome = veilgrad(&[
        "profile",
        "ntt",
        "--params",
        "insecure-10",
        "--device",
        "cpu",
        "--batch",
        "2",
    ]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    for text in [
        "Ceilings",
        "GB/s",
        "kernel",
        "of multiply",
        "batch of 2",
        "1 call in",
    ] {
        assert!(outcome.out.contains(text), "{text}: {}", outcome.out);
    }
}

#[test]
fn what_cannot_be_profiled_is_refused() {
    let outcome = veilgrad(&["profile", "juggle"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.err.contains("key-switch"), "{}", outcome.err);
    let outcome = veilgrad(&[
        "profile",
        "multiply",
        "--params",
        "insecure-10",
        "--level",
        "99",
    ]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.err.contains("the level is 99"), "{}", outcome.err);
    for (operation, option, value, told) in [
        ("ntt", "--batch", "1025", "from 1 to 1024"),
        ("step", "--batch", "2", "the batch is 2; it must be 1 for"),
        ("step", "--level", "3", "the level is 3; it must be left"),
    ] {
        let set = ["--params", "insecure-10", "--device", "cpu"];
        let outcome = veilgrad(&[&["profile", operation, option, value], &set[..]].concat());
        assert_eq!(outcome.code, 2, "{operation} {option}");
        assert!(outcome.err.contains(told), "{}", outcome.err);
    }
    // A set without the levels of a bootstrap.
    let outcome = veilgrad(&[
        "profile",
        "bootstrap",
        "--params",
        "insecure-10",
        "--device",
        "cpu",
    ]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.err.contains("bootstrap"), "{}", outcome.err);
}
