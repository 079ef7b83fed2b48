//! Parameter sets: the table of all, the levels of one, JSON lines for programs.

use host::job::{BootstrapReport, ParamsReport};
use serde::Serialize;

use crate::print;
use crate::streams::Streams;
use crate::units::{bytes, count};

/// The one field of the end of `veilgrad params`.
#[derive(Serialize)]
struct Sets {
    sets: usize,
}

/// All sets in one table.
pub(crate) fn all(sets: &[ParamsReport]) -> String {
    let head = [
        "set",
        "N",
        "primes",
        "levels",
        "scale",
        "log2(QP)",
        "limit",
        "security",
        "one key",
        "ciphertext",
        "for",
    ];
    let rows: Vec<Vec<String>> = sets
        .iter()
        .map(|set| {
            vec![
                set.name.clone(),
                format!("2^{}", set.log_n),
                format!("{} + {}", set.ordinary_primes, set.special_primes),
                set.levels.to_string(),
                format!("2^{:.1}", set.log_scale),
                format!("{:.1}", set.log_qp),
                format!("{:.0}", set.log_qp_limit),
                if set.secure {
                    format!("{} bits", set.security_bits)
                } else {
                    "NONE".to_owned()
                },
                bytes(set.relinearization_key_bytes as u64),
                bytes(set.fresh_ciphertext_bytes as u64),
                set.purpose.clone(),
            ]
        })
        .collect();
    format!(
        "{}\n\
         primes      ordinary + special\n\
         limit       the largest log2(QP) with 128 bits of classical security, for a uniform ternary secret and an error\n\
         {:12}of standard deviation 3.2 (Security Guidelines, eprint 2024/463, table 5.2); what is above it needs\n\
         {:12}--allow-insecure\n\
         one key     a relinearization key in memory, at the highest level for use; ciphertext: the same\n\
         \n\
         The levels of one set: veilgrad params --set NAME\n",
        table(&head, &rows),
        "",
        ""
    )
}

/// Each set with its levels.
pub(crate) fn levels(sets: &[ParamsReport]) -> String {
    sets.iter().map(set).collect::<Vec<_>>().join("\n")
}

fn set(set: &ParamsReport) -> String {
    let summary = print::list(&[
        ("Set", format!("{}: {}", set.name, set.purpose)),
        (
            "Ring",
            format!(
                "N = 2^{} = {}, {} slots",
                set.log_n,
                count(set.degree as u64),
                count(set.slots as u64)
            ),
        ),
        (
            "Modulus",
            format!(
                "log2(Q) = {:.1} ({} primes), log2(P) = {:.1} ({} special primes)",
                set.log_q, set.ordinary_primes, set.log_p, set.special_primes
            ),
        ),
        (
            "Security",
            print::security(set.security_bits, set.log_n, set.log_qp, set.log_qp_limit),
        ),
        (
            "Levels",
            format!("{} for use, scale 2^{:.2}", set.levels, set.log_scale),
        ),
        ("One key", bytes(set.relinearization_key_bytes as u64)),
        ("Ciphertext", bytes(set.fresh_ciphertext_bytes as u64)),
        (
            "Bootstrap",
            set.bootstrap
                .as_ref()
                .map_or_else(|| "none".to_owned(), bootstrap),
        ),
    ]);
    let rows: Vec<Vec<String>> = set
        .rows
        .iter()
        .map(|row| {
            vec![
                row.level.to_string(),
                row.limbs.to_string(),
                format!("{:.1}", row.log_q),
                format!("{:.3}", row.log_scale),
            ]
        })
        .collect();
    let head = ["level", "limbs", "log2(q)", "log2(scale)"];
    format!("{summary}\n{}", table(&head, &rows))
}

fn bootstrap(report: &BootstrapReport) -> String {
    format!(
        "{} levels left, {:.1} bits of values up to 1, fails once in 2^{:.0}; {} keys, {} ({}, {} with --refresh \
         bootstrap-lean)",
        report.levels_left,
        report.promised_bits,
        -report.log_failure,
        report.keys,
        bytes(report.key_bytes as u64),
        report.lean_keys,
        bytes(report.lean_key_bytes as u64),
    )
}

/// One line for each set.
pub(crate) fn json(streams: &mut Streams<'_>, sets: &[ParamsReport]) {
    for set in sets {
        print::json_line(streams, "params", set);
    }
    print::json_line(streams, "done", &Sets { sets: sets.len() });
}

/// Rows under a head, columns aligned: the first and the last to the left, numbers to the right.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let last = head.len().saturating_sub(1);
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let longest = cells.map(|cell| cell.chars().count()).max();
            longest.unwrap_or(0).max(head[column].chars().count())
        })
        .collect();
    let line = |cells: Vec<&str>| {
        let cells = cells.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, &width))| match column {
            0 => format!("{cell:width$}"),
            _ if column == last && head[last] == "for" => (*cell).to_owned(),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ") + "\n"
    };
    let mut text = line(head.to_vec());
    for row in rows {
        text += &line(row.iter().map(String::as_str).collect());
    }
    text
}
