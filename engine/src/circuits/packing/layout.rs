//! The sizes of a packing, and how they are chosen. See [`packing`](super) for the letters.

use num_complex::Complex64;

use super::PackingError;

/// The most classes.
pub const MAX_CLASSES: usize = 64;
/// The widest tile considered. Wider ones leave fewer rows than batches need row blocks.
const MAX_WIDTH: usize = 256;
/// What a vector of state costs to refresh, in key switches: about what a bootstrap costs.
const REFRESH_KEY_SWITCHES: usize = 100;

/// One of the two sets of weights of Nesterov's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WeightSet {
    /// The model.
    Weights,
    /// The point where the gradient is taken.
    LookAhead,
}

/// How many diagonals share a unit of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// As many as fit: few key switches.
    Packed,
    /// One: a step has two levels less, and for each diagonal and tile `2 log2 h` key switches.
    Flat,
}

/// The packing of one training job. See the module head for the letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    slots: usize,
    classes: usize,
    features: usize,
    batch: usize,
    width: usize,
    groups: usize,
}

/// Where a unit's rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its tile; nothing for the bias.
    pub tile: Option<usize>,
    /// The first of its diagonals.
    pub first_diagonal: usize,
    /// Its vector in the state.
    pub vector: usize,
    /// Its pair of rows in each group.
    pub pair: usize,
}

impl Layout {
    /// The layout with the fewest key switches per step.
    ///
    /// # Errors
    /// [`PackingError`] for a size that does not fit.
    pub fn plan(
        slots: usize,
        classes: usize,
        features: usize,
        batch: usize,
        grouping: Grouping,
    ) -> Result<Self, PackingError> {
        let narrowest = classes.max(2).next_power_of_two();
        let mut best = Self::with_width(slots, classes, features, batch, narrowest, grouping)?;
        let mut width = 2 * narrowest;
        while width <= MAX_WIDTH.min(slots / 2) {
            let layout = Self::with_width(slots, classes, features, batch, width, grouping)?;
            if layout.cost() <= best.cost() {
                best = layout;
            }
            width *= 2;
        }
        Ok(best)
    }

    /// The layout with tiles of a given width: a power of two from `c'` to half the slots.
    ///
    /// # Errors
    /// [`PackingError`] for a size that does not fit.
    pub fn with_width(
        slots: usize,
        classes: usize,
        features: usize,
        batch: usize,
        width: usize,
        grouping: Grouping,
    ) -> Result<Self, PackingError> {
        if !slots.is_power_of_two() {
            return Err(PackingError::Slots(slots));
        }
        let limit = MAX_CLASSES.min(slots / 2);
        if !(2..=limit).contains(&classes) {
            return Err(PackingError::Classes {
                found: classes,
                limit,
                slots,
            });
        }
        if features == 0 {
            return Err(PackingError::Features);
        }
        let limit = slots / classes.next_power_of_two();
        if !(1..=limit).contains(&batch) {
            return Err(PackingError::Batch {
                found: batch,
                limit,
            });
        }
        if !width.is_power_of_two() || width < classes || width > slots / 2 {
            return Err(PackingError::Width {
                width,
                classes,
                slots,
            });
        }
        let groups = match grouping {
            Grouping::Packed => (classes.next_power_of_two() / 2).min(slots / width / 2),
            Grouping::Flat => 1,
        };
        Ok(Self {
            slots,
            classes,
            features,
            batch,
            width,
            groups,
        })
    }

    /// The same tiles for batches of so many row blocks, all of them full.
    ///
    /// # Range
    /// `blocks` from one to [`class_columns`](Self::class_columns).
    #[must_use]
    pub fn with_row_blocks(&self, blocks: usize) -> Self {
        debug_assert!((1..=self.class_columns()).contains(&blocks));
        Self {
            batch: blocks * self.height(),
            ..self.clone()
        }
    }

    /// `n`: slots of a vector.
    #[must_use]
    pub const fn slots(&self) -> usize {
        self.slots
    }

    /// Classes, without padding.
    #[must_use]
    pub const fn classes(&self) -> usize {
        self.classes
    }

    /// `c'`: classes with padding.
    #[must_use]
    pub const fn padded_classes(&self) -> usize {
        self.classes.next_power_of_two()
    }

    /// Features, without the bias.
    #[must_use]
    pub const fn features(&self) -> usize {
        self.features
    }

    /// Samples of a batch, at most.
    #[must_use]
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// `w`: columns of a tile.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// `h`: rows of a tile.
    #[must_use]
    pub const fn height(&self) -> usize {
        self.slots / self.width
    }

    /// `T`: tiles side by side.
    #[must_use]
    pub const fn tiles(&self) -> usize {
        self.features.div_ceil(self.width)
    }

    /// `R`: row blocks of a batch.
    #[must_use]
    pub const fn row_blocks(&self) -> usize {
        self.batch.div_ceil(self.height())
    }

    /// `G`: columns of a class.
    #[must_use]
    pub const fn class_columns(&self) -> usize {
        self.width / self.padded_classes()
    }

    /// `K`: complex diagonals.
    #[must_use]
    pub const fn diagonals(&self) -> usize {
        self.padded_classes() / 2
    }

    /// `K'`: groups of rows, and diagonals of a unit.
    #[must_use]
    pub const fn groups(&self) -> usize {
        self.groups
    }

    /// Rows of a group.
    #[must_use]
    pub const fn group_height(&self) -> usize {
        self.height() / self.groups()
    }

    /// The units of the state: by part and tile, the bias last.
    #[must_use]
    pub fn units(&self) -> Vec<Unit> {
        let parts = self.diagonals() / self.groups();
        let of_tiles = (0..parts).flat_map(|part| (0..self.tiles()).map(move |t| (part, Some(t))));
        let pairs = self.group_height() / 2;
        of_tiles
            .chain([(0, None)])
            .enumerate()
            .map(|(index, (part, tile))| Unit {
                tile,
                first_diagonal: part * self.groups(),
                vector: index / pairs,
                pair: index % pairs,
            })
            .collect()
    }

    /// Vectors of the state.
    #[must_use]
    pub fn state_vectors(&self) -> usize {
        let units = self.diagonals() / self.groups() * self.tiles() + 1;
        units.div_ceil(self.group_height() / 2)
    }

    /// Key switches of one step, without activation and refresh.
    #[must_use]
    pub fn key_switches(&self) -> usize {
        self.forward_key_switches() + self.backward_key_switches()
    }

    /// Those in front of the activation: weights spread, logits.
    #[must_use]
    pub fn forward_key_switches(&self) -> usize {
        let (blocks, diagonals) = (self.row_blocks(), self.diagonals());
        let units = self.units().len() - 1;
        let within_group = log2(self.group_height());
        let expand = units * (within_group + self.among_groups()) + log2(self.height());
        let logits = blocks * (2 * diagonals - 1) + blocks + self.class_columns();
        expand + logits
    }

    /// Those behind it: gradient, update.
    #[must_use]
    pub fn backward_key_switches(&self) -> usize {
        let (blocks, diagonals) = (self.row_blocks(), self.diagonals());
        let units = self.units().len() - 1;
        let within_group = log2(self.group_height());
        let residual = blocks + self.class_columns() - 1 + blocks * (diagonals - 1);
        let gradient = diagonals * self.tiles() + units * (self.among_groups() + within_group + 1);
        residual + gradient + log2(self.height()) + 1 + 2 * self.state_vectors()
    }

    const fn among_groups(&self) -> usize {
        2 * (self.groups() - 1)
    }

    fn cost(&self) -> usize {
        self.key_switches() + REFRESH_KEY_SWITCHES * self.state_vectors()
    }

    /// The slot of a row and column of a tile.
    #[must_use]
    pub const fn slot(&self, row: usize, column: usize) -> usize {
        self.height() * column + row
    }

    /// A vector with given values by row and column.
    pub(crate) fn tile(&self, f: impl Fn(usize, usize) -> f64) -> Vec<Complex64> {
        let height = self.height();
        (0..self.slots)
            .map(|slot| Complex64::from(f(slot % height, slot / height)))
            .collect()
    }
}

/// Of a power of two.
const fn log2(x: usize) -> usize {
    x.trailing_zeros() as usize
}

impl WeightSet {
    /// Its row in a pair.
    pub(crate) const fn row(self) -> usize {
        match self {
            Self::Weights => 0,
            Self::LookAhead => 1,
        }
    }
}
