//! Parameter sets from files and by name.

use engine::ckks::{Level, Params, ParamsLiteral, presets};

const FILE: &str = include_str!("data/B16-R39.json");

#[test]
fn a_set_in_a_file_is_the_set_by_name() {
    let literal: ParamsLiteral = serde_json::from_str(FILE).unwrap();
    let named = presets::literal("boot-39").unwrap();
    assert_eq!(
        ParamsLiteral {
            name: named.name.clone(),
            ..literal
        },
        named
    );
}

#[test]
fn going_down_the_rational_chain_drops_primes_and_restores_others() {
    let literal = ParamsLiteral {
        name: "B16-R39".to_owned(),
        ..serde_json::from_str(FILE).unwrap()
    };
    let params = Params::new(literal).unwrap();
    assert_eq!(params.security_bits(), 128);
    let step = |level: usize| {
        let (from, to) = (params.basis(Level(level)), params.basis(Level(level - 1)));
        (from.difference(to).len(), to.difference(from).len())
    };
    let steps: Vec<_> = (1..=params.max_level().0).map(step).collect();
    // Three main primes come for two terminal ones, two go for four, ...
    assert_eq!(steps[..3], [(3, 2), (4, 2), (3, 2)]);
    assert!(steps.iter().all(|(dropped, restored)| dropped > restored));
    assert!(steps.iter().any(|(_, restored)| *restored > 0));
    for level in 1..=params.max_level().0 {
        let (level, below) = (Level(level), Level(level - 1));
        let factor = params.rescale_factor(params.basis(level), params.basis(below));
        let landed = params.scale(level).powi(2) / factor;
        assert!(
            (landed / params.scale(below) - 1.0).abs() < 1e-12,
            "{level}"
        );
    }
}
