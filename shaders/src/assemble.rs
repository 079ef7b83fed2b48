//! `#import name`, `#repeat` and constants to one text.

use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssembleError {
    /// There is no shared text of this name.
    Import(String),
    /// A `#repeat name first end` that cannot be read, or whose `#end` is missing.
    Repeat(String),
}

impl std::fmt::Display for AssembleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Import(name) => write!(f, "imports {name}, which is not in wgsl/shared"),
            Self::Repeat(line) => write!(f, "`{line}` is no repetition with an end"),
        }
    }
}

/// `text` with the constants before it.
///
/// - A line `#import name` becomes that shared text, each only once and before its first use.
/// - The lines between `#repeat k 0 4` and `#end` are written for `k` = 0, 1, 2, 3; in them `{k}`, `{k+8}`, `{k*2+1}` and sums of such
///   terms become numbers. (WGSL has no way to ask for an unrolled loop, and an indexed array of registers may end up in memory.)
///
/// # Errors
/// [`AssembleError`].
pub fn assemble(
    text: &str,
    shared: &BTreeMap<String, String>,
    constants: &str,
) -> Result<String, AssembleError> {
    let mut imported = String::new();
    append(text, shared, &mut BTreeSet::new(), &mut imported)?;
    let lines: Vec<_> = imported.lines().map(str::to_owned).collect();
    let mut source = constants.to_owned();
    for line in unroll(&lines)? {
        source.push_str(&line);
        source.push('\n');
    }
    Ok(source)
}

fn append(
    text: &str,
    shared: &BTreeMap<String, String>,
    seen: &mut BTreeSet<String>,
    source: &mut String,
) -> Result<(), AssembleError> {
    for line in text.lines() {
        match line.strip_prefix("#import ").map(str::trim) {
            None => {
                source.push_str(line);
                source.push('\n');
            }
            Some(name) if seen.insert(name.to_owned()) => {
                let text = shared.get(name);
                let text = text.ok_or_else(|| AssembleError::Import(name.to_owned()))?;
                append(text, shared, seen, source)?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Writes out every repetition, the outer ones first.
fn unroll(lines: &[String]) -> Result<Vec<String>, AssembleError> {
    let Some(start) = lines.iter().position(|line| line.starts_with("#repeat ")) else {
        return Ok(lines.to_vec());
    };
    let broken = || AssembleError::Repeat(lines[start].clone());
    let mut depth = 0;
    let end = lines[start..].iter().position(|line| {
        depth += i32::from(line.starts_with("#repeat ")) - i32::from(line.trim() == "#end");
        depth == 0
    });
    let end = start + end.ok_or_else(broken)?;
    let words: Vec<_> = lines[start].split_whitespace().collect();
    let &[_, name, first, last] = words.as_slice() else {
        return Err(broken());
    };
    let number = |text: &str| text.parse::<u32>().map_err(|_| broken());
    let mut out = lines[..start].to_vec();
    for value in number(first)?..number(last)? {
        let body = lines[start + 1..end].iter();
        let body: Vec<_> = body.map(|line| substitute(line, name, value)).collect();
        out.extend(unroll(&body)?);
    }
    out.extend(unroll(&lines[end + 1..])?);
    Ok(out)
}

/// `line` with every `{...}` that names `name` evaluated as far as it is known.
fn substitute(line: &str, name: &str, value: u32) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, from)) = rest.split_once('{') {
        out.push_str(before);
        let Some((formula, after)) = from.split_once('}') else {
            out.push('{');
            rest = from;
            continue;
        };
        let terms = formula.split('+');
        let terms: Vec<_> = terms.map(|term| evaluate(term, name, value)).collect();
        let numbers = terms.iter().map(|term| term.parse::<u32>());
        match numbers.sum::<Result<u32, _>>() {
            Ok(sum) => out.push_str(&sum.to_string()),
            Err(_) => out.push_str(&format!("{{{}}}", terms.join("+"))),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A term `k`, `k*3` or `3` for `k = value`; any other is left as it is.
fn evaluate(term: &str, name: &str, value: u32) -> String {
    let mut factors = term.split('*').map(|factor| match factor.trim() {
        factor if factor == name => Some(value),
        factor => factor.parse().ok(),
    });
    factors
        .try_fold(1, |product: u32, factor| Some(product * factor?))
        .map_or_else(|| term.to_owned(), |product| product.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_come_once_and_in_order() {
        let shared = BTreeMap::from([
            ("a".to_owned(), "A".to_owned()),
            ("b".to_owned(), "#import a\nB".to_owned()),
        ]);
        let text = assemble("#import b\n#import a\nmain", &shared, "C\n").unwrap();
        assert_eq!(text, "C\nA\nB\nmain\n");
        let missing = AssembleError::Import("x".to_owned());
        assert_eq!(assemble("#import x", &shared, ""), Err(missing));
    }

    #[test]
    fn repetitions_are_written_out() {
        let text = "a {\n#repeat g 0 2\n{g}\n#repeat k 1 3\nx{g*4+k+1}y{k*2}\n#end\n#end\n}\n#repeat i 5 6\n{i}\n#end\n";
        let unrolled = assemble(text, &BTreeMap::new(), "").unwrap();
        assert_eq!(unrolled, "a {\n0\nx2y2\nx3y4\n1\nx6y2\nx7y4\n}\n5\n");
        for broken in [
            "#repeat k 0 2\nx",
            "#repeat k 0\n#end",
            "#repeat k a b\n#end",
        ] {
            assert!(assemble(broken, &BTreeMap::new(), "").is_err(), "{broken}");
        }
    }
}
