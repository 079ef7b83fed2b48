//! Help that teaches.

use super::veilgrad;

const COMMANDS: [&str; 14] = [
    "activations",
    "calibrate",
    "plan",
    "run",
    "simulate",
    "keygen",
    "encrypt",
    "train",
    "refresh",
    "decrypt",
    "evaluate",
    "params",
    "devices",
    "profile",
];

#[test]
fn the_program_lists_its_commands() {
    let help = veilgrad(&["--help"]);
    assert_eq!(help.code, 0);
    assert_eq!(help.err, "");
    for command in COMMANDS.iter().chain(&["prune"]) {
        assert!(help.out.contains(&format!("\n  {command} ")), "{command}");
    }
    assert!(help.out.contains("Exit codes"));
}

/// Those within `prune`.
const PRUNE_COMMANDS: [&str; 5] = [
    "prune score",
    "prune mask",
    "prune merge",
    "prune check",
    "prune simulate",
];

#[test]
fn each_command_says_who_reads_writes_and_learns_what() {
    for command in COMMANDS.iter().chain(&PRUNE_COMMANDS) {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = veilgrad(&words);
        assert_eq!(help.code, 0, "{command}");
        assert_eq!(help.err, "", "{command}");
        for section in ["Who  ", "Reads  ", "Writes  ", "Learns  ", "Example"] {
            assert!(help.out.contains(section), "{command}: {section}");
        }
        assert!(help.out.contains(&format!("\n  veilgrad {command}")));
        assert!(help.out.contains("--json"), "{command}");
    }
}

#[test]
fn whoever_can_say_what_a_mask_tells_says_so() {
    for (command, words) in [
        ("refresh", ["its classes where the", "which rows are kept"]),
        ("encrypt", ["where a training prunes", "--seed decides"]),
        ("train", ["which rows are kept", "the --seed of"]),
        ("run", ["Where a training prunes", "nobody else knows"]),
    ] {
        let help = veilgrad(&[command, "--help"]).out;
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(help.contains(word), "{command}: {word}");
        }
    }
}

#[test]
fn every_example_is_a_command_line_that_parses() {
    for command in COMMANDS.iter().chain(&PRUNE_COMMANDS) {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = veilgrad(&words).out.replace("\\\n", " ");
        let examples = help
            .lines()
            .filter_map(|line| line.strip_prefix("  veilgrad "));
        for example in examples {
            let words = example.split(" > ").next().unwrap().split_whitespace();
            // Help is asked for last, so that everything before it is parsed and nothing is run.
            let words: Vec<&str> = words.chain(["--help"]).collect();
            let outcome = veilgrad(&words);
            assert_eq!(outcome.code, 0, "{example}: {}", outcome.err);
        }
    }
}

#[test]
fn the_version_is_told() {
    let version = veilgrad(&["--version"]);
    assert_eq!(version.code, 0);
    assert!(version.out.starts_with("veilgrad "));
}

#[test]
fn without_a_command_help_is_shown_and_usage_is_wrong() {
    let nothing = veilgrad(&[]);
    assert_eq!(nothing.code, 2);
    assert_eq!(nothing.out, "");
    assert!(nothing.err.contains("Commands:"));
}
