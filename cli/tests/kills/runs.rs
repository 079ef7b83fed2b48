//! Owner and server in one process.

use std::fs;
use std::thread;
use std::time::Instant;

use super::place::{Chance, Place};

#[test]
fn a_killed_run_ends_with_the_same_model() {
    let place = Place::new();
    let line = "run --params insecure-11-boot --allow-insecure --activation sigmoid --data @data.csv --batch 32 --epochs 3 \
                --lr 1 --patience 2 --out @model.safetensors --work @work";
    place.failed("resume --work @work", &["run.vg", "veilgrad run --work"]);
    place.kill_after_steps(line, 2);
    place.failed(line, &["checkpoint.vg", "veilgrad resume --work"]);
    #[cfg(unix)]
    for (name, mode) in [("work", 0o700), ("work/run.vg", 0o600)] {
        use std::os::unix::fs::PermissionsExt;
        let found = fs::metadata(place.path(name)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{name}");
    }
    for name in ["again", "copy"] {
        place.copy("work", name);
    }
    let begun = Instant::now();
    let whole = place.done("resume --work @work --out @whole.safetensors");
    let lasted = begun.elapsed();
    assert_eq!(
        (&whole["event"], &whole["steps"]),
        (&"done".into(), &6.into())
    );
    assert!(whole["test_accuracy"].as_f64().unwrap() > 0.9, "{whole}");
    assert_eq!(
        fs::read_dir(place.path("work")).unwrap().count(),
        0,
        "secrets are gone"
    );
    let mut chance = Chance(4);
    let resume = "resume --work @again --out @model.safetensors";
    let files = ["again/checkpoint.vg", "model.safetensors"];
    place.kill_again_and_again(resume, resume, files, |_| {
        thread::sleep(lasted.mul_f64(chance.next()));
    });
    assert!(place.bytes("model.safetensors") == place.bytes("whole.safetensors"));

    // Other data, or a checkpoint of another run, is refused by name.
    fs::write(place.path("other.csv"), "1,2,0\n2,1,1\n".repeat(30)).unwrap();
    let resume = "resume --work @copy";
    place.failed(
        &format!("{resume} --data @other.csv"),
        &["other.csv", "copy"],
    );
    place.failed(
        "resume --checkpoint @copy/checkpoint.vg",
        &["checkpoint.vg", "veilgrad resume --work"],
    );
    let again = place.done(&format!("{resume} --out @third.safetensors"));
    assert!(place.bytes("third.safetensors") == place.bytes("whole.safetensors"));
    for field in [
        "test_accuracy",
        "validation_accuracy",
        "weight_error",
        "best_epoch",
    ] {
        assert_eq!(again[field], whole[field], "{field}");
    }
}
