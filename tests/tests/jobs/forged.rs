//! Files whose checksums fit and whose headers say what cannot be.

use host::file::{Expected, Reader, Writer};
use host::job::{ResumeConfig, ResumeFrom};
use serde_json::{Value, json};

use super::*;

/// Writes a file again with another header.
fn forge(path: &Path, change: impl FnOnce(&mut Value)) {
    let expected = Expected {
        kind: None,
        parameters: None,
        max_section_bytes: 1 << 40,
    };
    let mut reader = Reader::open(path, &expected).unwrap();
    let mut header: Value = reader.header().unwrap();
    change(&mut header);
    let mut writer = Writer::create(path, reader.kind(), reader.parameters()).unwrap();
    let sections = reader.sections();
    let sections: Vec<_> = sections
        .map(|(name, bytes)| (name.to_owned(), bytes))
        .collect();
    for (name, bytes) in sections {
        let content = reader.section(&name, bytes).unwrap();
        writer.section(&name, &content).unwrap();
    }
    writer.commit(&header).unwrap();
}

#[test]
fn headers_that_ask_for_what_cannot_be_are_refused_by_file_and_field() {
    let place = Place::new();
    place.keygen("keys").unwrap();
    let secret = place.path("keys/secret.vg");
    let sound = fs::read(&secret).unwrap();
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 6] = [
        (
            |header| header["origin"]["task"]["features"] = json!(0),
            "origin.task`",
        ),
        (
            |header| header["origin"]["task"]["features"] = json!(1u64 << 40),
            "origin.task.features`",
        ),
        (
            |header| header["origin"]["task"]["batch"] = json!(0),
            "origin.task`",
        ),
        (
            |header| header["origin"]["activation"]["range"] = json!(1e9),
            "origin.activation`",
        ),
        (
            |header| header["literal"]["app_levels"] = json!(u64::MAX),
            "app_levels",
        ),
        (
            |header| header["literal"]["name"] = json!("\u{1b}"),
            "not a sound parameter set",
        ),
    ];
    for (change, words) in changes {
        fs::write(&secret, &sound).unwrap();
        forge(&secret, change);
        let error = place.encrypt("keys", "train.vg").unwrap_err().to_string();
        assert!(error.contains("secret.vg"), "{error}");
        assert!(error.contains(words), "{words} is not in: {error}");
    }
    // Written again as it was, it is sound.
    fs::write(&secret, &sound).unwrap();
    forge(&secret, |_| {});
    place.encrypt("keys", "train.vg").unwrap();
}

/// Copies the directory of a run when its first step is over.
struct Copier {
    from: PathBuf,
    to: PathBuf,
}

impl Observer for Copier {
    fn event(&mut self, event: &Event<'_>) {
        if let (Event::Step(_), false) = (event, self.to.exists()) {
            fs::create_dir(&self.to).unwrap();
            for name in ["run.vg", "checkpoint.vg"] {
                fs::copy(self.from.join(name), self.to.join(name)).unwrap();
            }
        }
    }
}

#[test]
fn a_checkpoint_beyond_its_training_is_refused() {
    let place = Place::new();
    let mut copier = Copier {
        from: place.path("work"),
        to: place.path("copy"),
    };
    let config = RunConfig {
        work: Some(copier.from.clone()),
        ..place.run_config()
    };
    job::run(&config, &mut copier).unwrap();
    let resume = || {
        let config = ResumeConfig {
            from: ResumeFrom::Work(copier.to.clone()),
            evaluation_keys: None,
            data: None,
            exchange: None,
            wait: None,
            out: None,
            device: DeviceChoice::Cpu,
            threads: None,
        };
        job::resume(&config, &mut Heard::default())
    };
    let checkpoint = copier.to.join("checkpoint.vg");
    let sound = fs::read(&checkpoint).unwrap();
    for (field, value, words) in [
        (
            "steps",
            json!(1u64 << 60),
            "steps: found 1152921504606846976",
        ),
        ("steps", json!(0), "state"),
        ("level", json!(u64::MAX), "level: found"),
    ] {
        fs::write(&checkpoint, &sound).unwrap();
        forge(&checkpoint, |header| header[field] = value);
        let error = resume().unwrap_err().to_string();
        assert!(error.contains("checkpoint.vg"), "{error}");
        assert!(error.contains(words), "{words} is not in: {error}");
    }
    fs::write(&checkpoint, &sound).unwrap();
    resume().unwrap();
}
