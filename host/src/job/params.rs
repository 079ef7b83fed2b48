//! Parameter sets by name or from a file, and their fingerprint.

use std::path::Path;

use engine::bootstrap::{key_plan, log2_failure_of};
use engine::circuits::Rotations;
use engine::ckks::{
    KeyName, Level, MAX_NAME_BYTES, Params, ParamsLiteral, Source, presets, security,
};
use engine::protocol::PlanError;

use super::{BootstrapReport, JobError, LevelReport, ParamsChoice, ParamsReport};
use crate::file::ParameterSet;

/// The largest file with a literal.
const MAX_LITERAL_BYTES: u64 = 1 << 20;
/// The most primes and levels of a literal that is looked at: a hundred primes are more than any degree has room for.
const MAX_LIST: usize = 256;

/// A checked set; one that is not secure only if this is allowed.
pub(super) fn choose(choice: &ParamsChoice, allow_insecure: bool) -> Result<Params, JobError> {
    let params = open(choice)?;
    if params.security_bits() == 0 && !allow_insecure {
        return Err(JobError::Insecure {
            name: params.name().to_owned(),
        });
    }
    Ok(params)
}

fn open(choice: &ParamsChoice) -> Result<Params, JobError> {
    match choice {
        ParamsChoice::Named(name) => {
            let literal = presets::literal(name).ok_or_else(|| JobError::UnknownParams {
                name: name.clone(),
                known: presets::NAMES.join(", "),
            })?;
            check("parameter sets of this program", literal)
        }
        ParamsChoice::File(path) => {
            let bytes = super::read_limited(path, MAX_LITERAL_BYTES)?;
            let mut literal: ParamsLiteral =
                serde_json::from_slice(&bytes).map_err(|source| JobError::Json {
                    file: path.clone(),
                    what: "a parameter set",
                    source,
                })?;
            if literal.name.is_empty() {
                literal.name = name_of(path);
            }
            check(&path.display().to_string(), literal)
        }
    }
}

/// The name of a set without one: that of its file, of visible characters.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let visible = stem
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '-' });
    visible.take(MAX_NAME_BYTES).collect()
}

/// The set of a literal that came from `place`.
pub(super) fn check(place: &str, literal: ParamsLiteral) -> Result<Params, JobError> {
    let lists = [
        ("terminal_primes", literal.terminal_primes.len()),
        ("main_primes", literal.main_primes.len()),
        ("aux_primes", literal.special_primes.len()),
        ("level_config", literal.levels.len()),
        ("app_levels", literal.app_levels),
        ("stc", literal.stc),
        ("evalmod", literal.evalmod),
        ("cts", literal.cts),
    ];
    for (what, found) in lists {
        if found > MAX_LIST {
            let range = format!("at most {MAX_LIST}");
            return Err(JobError::mismatch(Path::new(place), what, found, range));
        }
    }
    if !(20.0..=60.0).contains(&literal.log_scale) {
        let found = literal.log_scale;
        return Err(JobError::mismatch(
            Path::new(place),
            "delta_log",
            found,
            "from 20 to 60",
        ));
    }
    Params::new(literal).map_err(|source| JobError::Params {
        place: place.to_owned(),
        source,
    })
}

/// Name and fingerprint: the hash of the literal's JSON, whose fields have a fixed order.
pub(super) fn identity(params: &Params) -> Result<ParameterSet, JobError> {
    let json = serde_json::to_vec(params.literal()).map_err(|source| JobError::Json {
        file: params.name().into(),
        what: "expressible as JSON",
        source,
    })?;
    Ok(ParameterSet {
        name: params.name().to_owned(),
        fingerprint: *blake3::hash(&json).as_bytes(),
    })
}

/// One set, or all that have a name.
///
/// # Errors
/// [`JobError::UnknownParams`], [`JobError::Params`], [`JobError::Json`], [`JobError::Io`].
pub fn describe_params(choice: Option<&ParamsChoice>) -> Result<Vec<ParamsReport>, JobError> {
    match choice {
        Some(choice) => Ok(vec![describe(&open(choice)?)?]),
        None => presets::NAMES
            .iter()
            .map(|name| describe(&open(&ParamsChoice::Named((*name).to_owned()))?))
            .collect(),
    }
}

fn describe(params: &Params) -> Result<ParamsReport, JobError> {
    let (ring, top) = (params.ring(), params.max_level());
    let row = |level: usize| LevelReport {
        level,
        limbs: params.limbs_at(Level(level)),
        log_q: ring.log2(params.basis(Level(level))),
        log_scale: params.scale(Level(level)).log2(),
    };
    Ok(ParamsReport {
        name: params.name().to_owned(),
        log_n: params.log_degree(),
        degree: params.degree(),
        slots: params.slots(),
        ordinary_primes: ring.ordinary().len(),
        special_primes: ring.special().len(),
        levels: top.0,
        log_scale: params.literal().log_scale,
        log_q: ring.log2(&ring.ordinary()),
        log_p: ring.log2(&ring.special()),
        log_qp: params.log_qp(),
        log_qp_limit: security::largest_log_qp(params.log_degree()),
        security_bits: params.security_bits(),
        secure: params.security_bits() >= 128,
        relinearization_key_bytes: KeyName::Relinearization.bytes(params, top),
        fresh_ciphertext_bytes: params.ciphertext_bytes(top),
        purpose: purpose(params.name()).to_owned(),
        bootstrap: params
            .is_bootstrappable()
            .then(|| bootstrap(params))
            .transpose()?,
        rows: (0..=top.0).map(row).collect(),
    })
}

fn bootstrap(params: &Params) -> Result<BootstrapReport, JobError> {
    let plan = |rotations| key_plan(params, rotations).map_err(PlanError::from);
    let (keys, lean) = (plan(Rotations::Hoisted)?, plan(Rotations::Chained)?);
    let top = params.max_level();
    Ok(BootstrapReport {
        levels_left: top.0 - params.stc_levels(),
        promised_bits: Params::promised_bits(params.noise(Source::Bootstrap, top)),
        log_failure: log2_failure_of(params),
        keys: keys.len(),
        key_bytes: keys.bytes(params),
        lean_keys: lean.len(),
        lean_key_bytes: lean.bytes(params),
    })
}

fn purpose(name: &str) -> &'static str {
    match name {
        "leveled-15" => "training, weights refreshed by the data owner",
        "boot-39" => "training with bootstrapping",
        "boot-36" => "training with bootstrapping, two levels more, three bits less",
        "boot-30" => "training with bootstrapping, five levels more, eight bits less",
        "insecure-11-boot-36" | "insecure-11-boot-30" => "tests of bootstrapping",
        "leveled-13" => "small inference",
        "leveled-14" => "small jobs",
        "insecure-10" => "tests of training",
        "insecure-11-boot" => "tests of bootstrapping",
        _ => "given in a file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_set_has_a_purpose_and_another_fingerprint() {
        let sets = describe_params(None).unwrap();
        assert_eq!(sets.len(), presets::NAMES.len());
        let mut prints: Vec<_> = presets::NAMES
            .iter()
            .map(|name| {
                let params = choose(&ParamsChoice::Named((*name).to_owned()), true).unwrap();
                identity(&params).unwrap().fingerprint
            })
            .collect();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), sets.len());
        for set in sets {
            assert_ne!(set.purpose, purpose(""), "{}", set.name);
            assert_eq!(set.rows.len(), set.levels + 1);
            assert_eq!(set.secure, !set.name.starts_with("insecure-"));
        }
    }

    #[test]
    fn sets_that_are_insecure_unknown_or_unsound_are_refused() {
        let named = |name: &str| ParamsChoice::Named(name.to_owned());
        assert!(matches!(
            choose(&named("insecure-10"), false),
            Err(JobError::Insecure { .. })
        ));
        assert!(matches!(
            choose(&named("none"), true),
            Err(JobError::UnknownParams { .. })
        ));
        let mut literal = presets::literal("leveled-13").unwrap();
        literal.levels = vec![[1, 1]; MAX_LIST + 1];
        assert!(matches!(
            check("x", literal),
            Err(JobError::Mismatch { .. })
        ));
        let mut literal = presets::literal("leveled-13").unwrap();
        literal.app_levels = 7;
        assert!(matches!(check("x", literal), Err(JobError::Params { .. })));
        let mut literal = presets::literal("leveled-13").unwrap();
        literal.app_levels = usize::MAX;
        let error = check("x", literal).unwrap_err().to_string();
        assert!(error.starts_with("x: app_levels: found"), "{error}");
    }

    #[test]
    fn a_set_from_a_file_is_the_named_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("set.json");
        let literal = presets::literal("leveled-13").unwrap();
        std::fs::write(&path, serde_json::to_vec(&literal).unwrap()).unwrap();
        let params = choose(&ParamsChoice::File(path.clone()), false).unwrap();
        let named = choose(&ParamsChoice::Named("leveled-13".to_owned()), false).unwrap();
        assert_eq!(identity(&params).unwrap(), identity(&named).unwrap());
        let nameless = ParamsLiteral {
            name: String::new(),
            ..presets::literal("leveled-13").unwrap()
        };
        let other = directory.path().join("my set.json");
        std::fs::write(&other, serde_json::to_vec(&nameless).unwrap()).unwrap();
        let params = choose(&ParamsChoice::File(other), false).unwrap();
        assert_eq!(params.name(), "my-set");
        std::fs::write(&path, b"{}").unwrap();
        let error = choose(&ParamsChoice::File(path), false).unwrap_err();
        assert!(error.to_string().contains("set.json"), "{error}");
    }
}
