//! What a training set is called, and the mark by which its owner knows its rows again.
//!
//! The mark is a BLAKE3 hash of the rows in their order, features and classes, under a key that is derived from the secret key:
//! without the secret key nobody can tell whether a guess of the rows is right, nor whether two sets are of the same rows, for
//! the name, which is random, is hashed with them.

use engine::ckks::SecretKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{JobError, random};
use crate::data::Table;
use crate::file::hexadecimal;

/// What the key of marks is derived for.
const CONTEXT: &str = "veilgrad: mark of the rows of a training set, version 1";

/// The name of one encryption of a training set. It travels with all that is made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetName {
    /// Random: no other encryption has it.
    name: String,
    /// In hexadecimal.
    mark: String,
}

impl SetName {
    /// A new one, for these rows of a table in these batches.
    pub(super) fn new(
        secret: &SecretKey,
        table: &Table,
        batches: &[Vec<usize>],
    ) -> Result<Self, JobError> {
        let name = random::fresh_id()?;
        let mark = mark(secret, &name, table, batches);
        Ok(Self { name, mark })
    }

    /// Whether it is the name of these rows in these batches.
    pub(super) fn is_of(&self, secret: &SecretKey, table: &Table, batches: &[Vec<usize>]) -> bool {
        self.mark == mark(secret, &self.name, table, batches)
    }
}

fn mark(secret: &SecretKey, name: &str, table: &Table, batches: &[Vec<usize>]) -> String {
    let coefficients = secret.coefficients().iter().map(|c| c.cast_unsigned());
    let coefficients = Zeroizing::new(coefficients.collect::<Vec<u8>>());
    let key = Zeroizing::new(blake3::derive_key(CONTEXT, &coefficients));
    let mut hasher = blake3::Hasher::new_keyed(&key);
    let number = |hasher: &mut blake3::Hasher, number: usize| {
        hasher.update(&(number as u64).to_le_bytes());
    };
    number(&mut hasher, name.len());
    hasher.update(name.as_bytes());
    number(&mut hasher, table.columns());
    for batch in batches {
        number(&mut hasher, batch.len());
        for &row in batch {
            let features = table.row(row).unwrap_or_default();
            hasher.update(bytemuck::cast_slice(features));
            hasher.update(&table.labels()[row].to_le_bytes());
        }
    }
    hexadecimal(hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use engine::ckks::presets;
    use engine::ring::sampling::Seed;

    use super::*;

    #[test]
    fn a_name_knows_its_rows_under_its_key_only() {
        let params = presets::named("insecure-10").unwrap().unwrap();
        let [ours, theirs] = [1, 2].map(|seed| SecretKey::generate(&params, &Seed([seed; 32])));
        let table = |last: f32, label: u16| {
            Table::new("t", 1, vec![1.0, 2.0, last], vec![0, 1, label]).unwrap()
        };
        let (rows, batches) = (table(3.0, 1), [vec![0, 2], vec![1]]);
        let name = SetName::new(&ours, &rows, &batches).unwrap();
        assert!(name.is_of(&ours, &rows, &batches));
        assert!(!name.is_of(&theirs, &rows, &batches));
        assert!(!name.is_of(&ours, &table(3.0, 0), &batches), "a class");
        assert!(!name.is_of(&ours, &table(3.5, 1), &batches), "a feature");
        for other in [[vec![2, 0], vec![1]], [vec![0], vec![2, 1]]] {
            assert!(!name.is_of(&ours, &rows, &other), "an order");
        }
        let again = SetName::new(&ours, &rows, &batches).unwrap();
        assert!(again.name != name.name && again.mark != name.mark);
    }
}
