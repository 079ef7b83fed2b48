//! Residues as little-endian 32-bit words: `word[((polynomial * limbs) + limb) * degree + i]`.

use std::borrow::Cow;

use super::FileError;

/// How many residues a section holds, and below what they must be.
#[derive(Debug, Clone, Copy)]
pub struct ResidueLayout<'a> {
    /// Number of polynomials.
    pub polynomials: usize,
    /// The modulus of each limb.
    pub moduli: &'a [u32],
    /// Residues in a row.
    pub degree: usize,
}

impl ResidueLayout<'_> {
    /// `polynomials * limbs * degree`, nothing if that is beyond the address space.
    #[must_use]
    pub fn words(&self) -> Option<usize> {
        self.polynomials
            .checked_mul(self.moduli.len())?
            .checked_mul(self.degree)
    }

    /// Checks that the words in `section` of `file` are canonical: each below the modulus of its limb.
    ///
    /// # Errors
    /// [`FileError::SectionLength`] for another number of words, [`FileError::Residue`] for the first that is too large.
    pub fn check(&self, file: &str, section: &str, words: &[u32]) -> Result<(), FileError> {
        if self.words() != Some(words.len()) {
            return Err(FileError::SectionLength {
                file: file.to_owned(),
                section: section.to_owned(),
                expected: self.words().map_or(u64::MAX, |words| words as u64 * 4),
                found: words.len() as u64 * 4,
            });
        }
        let rows = words.chunks_exact(self.degree.max(1));
        for (row, (words, &modulus)) in rows.zip(self.moduli.iter().cycle()).enumerate() {
            let largest = words.iter().fold(0, |max, &word| word.max(max));
            if largest < modulus {
                continue;
            }
            let found = (0..).zip(words).find(|&(_, &word)| word >= modulus);
            if let Some((index, &value)) = found {
                return Err(FileError::Residue {
                    file: file.to_owned(),
                    section: section.to_owned(),
                    polynomial: row / self.moduli.len(),
                    limb: row % self.moduli.len(),
                    index,
                    value,
                    modulus,
                });
            }
        }
        Ok(())
    }
}

/// The little-endian bytes of the words; the words themselves, where the machine is little-endian.
#[must_use]
pub fn words_as_bytes(words: &[u32]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        Cow::Borrowed(bytemuck::cast_slice(words))
    } else {
        Cow::Owned(words.iter().flat_map(|word| word.to_le_bytes()).collect())
    }
}

/// The words of little-endian bytes, nothing if a word is incomplete; the bytes themselves, where the machine is little-endian and
/// they are aligned.
#[must_use]
pub fn words_from_bytes(bytes: &[u8]) -> Option<Cow<'_, [u32]>> {
    let (words, []) = bytes.as_chunks() else {
        return None;
    };
    match bytemuck::try_cast_slice(bytes) {
        Ok(words) if cfg!(target_endian = "little") => Some(Cow::Borrowed(words)),
        _ => Some(Cow::Owned(
            words.iter().map(|&word| u32::from_le_bytes(word)).collect(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_little_endian() {
        let words = [0x0403_0201, 0xffff_fffe];
        let bytes = words_as_bytes(&words);
        assert_eq!(*bytes, [1, 2, 3, 4, 0xfe, 0xff, 0xff, 0xff]);
        assert_eq!(*words_from_bytes(&bytes).unwrap(), words);
        // At one of two neighbouring addresses they are not aligned.
        let shifted = [&[0][..], &bytes, &[0]].concat();
        assert_eq!(*words_from_bytes(&shifted[1..9]).unwrap(), words);
        assert_eq!(words_from_bytes(&bytes[..7]), None);
        assert!(words_from_bytes(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_word_that_is_no_residue_is_named() {
        let layout = ResidueLayout {
            polynomials: 2,
            moduli: &[97, 101],
            degree: 3,
        };
        let mut words = [
            [96; 3], [100; 3], [0; 3],
            [100; 3], // polynomial 0 limbs 0 and 1, polynomial 1 limbs 0 and 1
        ]
        .concat();
        layout.check("f", "s", &words).unwrap();
        words[8] = 97;
        assert_eq!(
            layout.check("f", "s", &words).unwrap_err().to_string(),
            "f: section `s`: residue 2 of limb 0 of polynomial 1 is 97, not below its modulus 97"
        );
        assert_eq!(
            layout.check("f", "s", &words[1..]).unwrap_err().to_string(),
            "f: section `s` has 44 bytes, expected 48"
        );
        let degenerate = ResidueLayout {
            polynomials: 1,
            moduli: &[],
            degree: 0,
        };
        degenerate.check("f", "s", &[]).unwrap();
    }
}
