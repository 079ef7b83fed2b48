//! `#import name` and constants to one text.

use std::collections::{BTreeMap, BTreeSet};

/// `text` with the constants before it and every `#import name` line replaced by that shared text, each only once and
/// before its first use.
///
/// # Errors
/// The name of an import that `shared` does not have.
pub fn assemble(
    text: &str,
    shared: &BTreeMap<String, String>,
    constants: &str,
) -> Result<String, String> {
    let mut source = constants.to_owned();
    append(text, shared, &mut BTreeSet::new(), &mut source)?;
    Ok(source)
}

fn append(
    text: &str,
    shared: &BTreeMap<String, String>,
    seen: &mut BTreeSet<String>,
    source: &mut String,
) -> Result<(), String> {
    for line in text.lines() {
        match line.strip_prefix("#import ").map(str::trim) {
            None => {
                source.push_str(line);
                source.push('\n');
            }
            Some(name) if seen.insert(name.to_owned()) => {
                let text = shared.get(name).ok_or_else(|| name.to_owned())?;
                append(text, shared, seen, source)?;
            }
            Some(_) => {}
        }
    }
    Ok(())
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
        assert_eq!(assemble("#import x", &shared, ""), Err("x".to_owned()));
    }
}
