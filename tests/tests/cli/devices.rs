//! The list of devices.

use host::gpu::adapters;

use super::veilgrad;

#[test]
fn the_processor_and_every_adapter_are_listed() {
    let outcome = veilgrad(&["devices"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (0, ""));
    assert!(outcome.out.starts_with("cpu "), "{}", outcome.out);
    let adapters = adapters();
    if adapters.is_empty() {
        assert!(outcome.out.contains("no GPU"));
    }
    for adapter in &adapters {
        let title = format!("gpu:{}  {}", adapter.number, adapter.name);
        let (_, entry) = outcome.out.split_once(&title).unwrap();
        for row in ["kind", "64-bit products", "largest binding", "used"] {
            assert!(entry.contains(row), "{row}");
        }
        for (row, value) in [
            ("workgroup threads", adapter.workgroup_threads),
            ("workgroups", adapter.workgroups),
        ] {
            let mut lines = entry.lines().map(str::trim_start);
            let line = lines.find(|line| line.starts_with(row)).unwrap();
            assert!(line.contains(&value.to_string()), "{line}");
        }
        // A software device is slower than the CPU's own kernels.
        if adapter.kind == "software" {
            assert!(!adapter.automatic);
            assert!(entry.contains("not by itself"), "{entry}");
        }
    }
}

#[test]
fn programs_get_the_list_as_one_line() {
    let outcome = veilgrad(&["devices", "--json"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (0, ""));
    let report = outcome.last();
    assert_eq!(report["event"], "done");
    assert_eq!(
        report["adapters"].as_array().unwrap().len(),
        adapters().len()
    );
    let automatic = report["automatic"].as_str().unwrap();
    assert!(
        automatic == "cpu" || automatic.starts_with("gpu:"),
        "{automatic}"
    );
}

#[test]
fn where_no_gpu_is_taken_by_itself_it_is_said_why() {
    let outcome = veilgrad(&[
        "profile",
        "ntt",
        "--params",
        "insecure-10",
        "--repetitions",
        "1",
    ]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let adapters = adapters();
    let is_taken = adapters.iter().any(|adapter| adapter.automatic);
    let note = outcome.err.lines().find(|line| line.contains("on the CPU"));
    assert_eq!(note.is_none(), is_taken, "{}", outcome.err);
    for adapter in adapters.iter().filter(|_| !is_taken) {
        let reason = adapter.reason.as_deref().unwrap();
        assert!(note.unwrap().contains(reason), "{}", outcome.err);
    }
}

#[test]
fn a_gpu_that_is_not_there_is_named() {
    let outcome = veilgrad(&[
        "run",
        "--params",
        "insecure-10",
        "--allow-insecure",
        "--device",
        "gpu:99",
    ]);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.err.contains("there is no GPU number 99"),
        "{}",
        outcome.err
    );
}
