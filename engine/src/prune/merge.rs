//! Where the kept samples go: a pure function of the layout and the mask, the same for whoever computes it.

use std::collections::BTreeMap;

use super::Mask;
use super::plan;
use crate::circuits::packing::Layout;

/// How survivors are brought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeMethod {
    /// None leaves its row: there are as many row blocks as the fullest row has survivors. Of masks with quotas by row
    /// ([`Scope::Rows`](super::Scope::Rows)) these are as few as hold all, but where mini-batches are shorter than a tile.
    WithinRows,
    /// Into as few row blocks as hold all; those that move by the same distance to the same ciphertext move together. Needs
    /// [`Scope::Global`](super::Scope::Global) keys.
    Planned,
    /// One after the other, as HEPrune published it: a mask and a rotation for each. Needs [`Scope::Global`](super::Scope::Global) keys.
    Naive,
}

impl MergeMethod {
    /// Whether survivors move between rows, which takes keys with rotations for that.
    #[must_use]
    pub const fn moves(self) -> bool {
        !matches!(self, Self::WithinRows)
    }

    /// Row blocks that survivors in these rows fill: one at least.
    fn row_blocks(self, height: usize, rows: impl Iterator<Item = usize>) -> usize {
        let mut of_row = vec![0; height];
        rows.for_each(|row| of_row[row] += 1);
        let blocks = match self {
            Self::WithinRows => of_row.iter().copied().max().unwrap_or(0),
            Self::Planned | Self::Naive => of_row.iter().sum::<usize>().div_ceil(height),
        };
        blocks.max(1)
    }
}

/// A place of a sample: in the training set as it was sent, or in the merged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The batch.
    pub batch: usize,
    /// Its row block.
    pub block: usize,
    /// The row in it.
    pub row: usize,
}

/// A survivor and where it goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Move {
    /// Where it is.
    pub from: Place,
    /// Where it will be.
    pub to: Place,
    /// What its gradient will be multiplied by.
    pub weight: f32,
}

/// Survivors that move together into one row block: masked where they are, added, rotated once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureGroup {
    /// The batch of the merged set.
    pub batch: usize,
    /// Its row block.
    pub block: usize,
    /// Rows to the left.
    pub shift: isize,
    /// Batch, row block and rows.
    pub sources: Vec<(usize, usize, Vec<usize>)>,
}

/// The same for labels, which are one vector for a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelGroup {
    /// The batch of the merged set.
    pub batch: usize,
    /// Row blocks to the left.
    pub blocks: isize,
    /// Rows to the left.
    pub shift: isize,
    /// Batch, and in it row blocks and rows.
    pub sources: Vec<(usize, Vec<(usize, usize)>)>,
}

/// What merging costs. Feature ciphertexts are counted one by one: a row block has one for each tile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct MergeTotals {
    /// Kept samples.
    pub kept: usize,
    /// Ciphertexts of features and labels before.
    pub ciphertexts_before: usize,
    /// After.
    pub ciphertexts_after: usize,
    /// Masks.
    pub masks: usize,
    /// Products by a mask.
    pub products: usize,
    /// Rotations of features: moves between rows.
    pub feature_rotations: usize,
    /// Rotations of labels: moves between row blocks, which share a ciphertext, and between rows.
    pub label_rotations: usize,
    /// Key switches of all rotations: one for each power of two of a distance between rows.
    pub key_switches: usize,
    /// Rotations that the published algorithm makes for the same mask, features and labels.
    pub naive_rotations: usize,
}

/// Where every survivor goes, and in which groups.
#[derive(Clone, Debug, PartialEq)]
pub struct MergePlan {
    moves: Vec<Move>,
    /// For each merged batch its row blocks.
    blocks: Vec<usize>,
    features: Vec<FeatureGroup>,
    labels: Vec<LabelGroup>,
    totals: MergeTotals,
}

impl MergePlan {
    /// The plan for a mask: row blocks that hold the survivors, spread evenly over as few batches as hold those.
    ///
    /// Survivors stay in their rows as long as there is room. Others move to rows that are free, in groups: the next group is
    /// always the one with the most survivors for each key switch.
    ///
    /// # Cost
    /// `O(samples)`, and for moves between rows `O(h^2)` for each group.
    #[must_use]
    pub fn new(layout: &Layout, mask: &Mask, method: MergeMethod) -> Self {
        let height = layout.height();
        let survivors: Vec<(Place, f32)> = (0..)
            .zip(mask.kept())
            .flat_map(|(batch, kept)| {
                kept.iter().map(move |kept| {
                    let sample = kept.sample as usize;
                    let (block, row) = (sample / height, sample % height);
                    (Place { batch, block, row }, kept.weight)
                })
            })
            .collect();
        let total = method.row_blocks(height, survivors.iter().map(|(place, _)| place.row));
        let batches = total.div_ceil(layout.row_blocks());
        let targets = match method {
            MergeMethod::WithinRows | MergeMethod::Planned => {
                plan::targets(layout, total, &survivors)
            }
            MergeMethod::Naive => plan::naive_targets(height, &survivors),
        };
        let moves: Vec<Move> = survivors
            .iter()
            .zip(targets)
            .map(|(&(from, weight), (block, row))| Move {
                from,
                to: Place {
                    batch: block % batches,
                    block: block / batches,
                    row,
                },
                weight,
            })
            .collect();
        let features = feature_groups(&moves, method);
        let labels = label_groups(&moves, method);
        let blocks: Vec<usize> = (0..batches)
            .map(|batch| (total - batch).div_ceil(batches))
            .collect();
        let totals = MergeTotals {
            naive_rotations: (layout.tiles() + 1) * plan::naive_moves(height, &survivors),
            ..totals(layout, mask, &blocks, &features, &labels)
        };
        Self {
            moves,
            blocks,
            features,
            labels,
            totals,
        }
    }

    /// Every survivor, in the order of the mask.
    #[must_use]
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// For each merged batch its row blocks.
    #[must_use]
    pub fn row_blocks(&self) -> &[usize] {
        &self.blocks
    }

    /// Groups of features.
    #[must_use]
    pub fn features(&self) -> &[FeatureGroup] {
        &self.features
    }

    /// Groups of labels.
    #[must_use]
    pub fn labels(&self) -> &[LabelGroup] {
        &self.labels
    }

    /// What it costs.
    #[must_use]
    pub const fn totals(&self) -> &MergeTotals {
        &self.totals
    }

    /// The weights of a merged batch by place, row block by row block: zero where nothing was put.
    #[must_use]
    pub fn weights(&self, layout: &Layout, batch: usize) -> Vec<f64> {
        let blocks = self.blocks.get(batch).copied().unwrap_or(0);
        let mut weights = vec![0.0; blocks * layout.height()];
        for moved in self.moves.iter().filter(|moved| moved.to.batch == batch) {
            weights[moved.to.block * layout.height() + moved.to.row] = f64::from(moved.weight);
        }
        weights
    }
}

/// Rows to the left.
const fn shift(moved: &Move) -> isize {
    moved.from.row.cast_signed() - moved.to.row.cast_signed()
}

/// Survivors with the same number are moved together.
const fn alone(method: MergeMethod, index: usize, moved: &Move) -> usize {
    match method {
        MergeMethod::Naive if shift(moved) != 0 => index + 1,
        _ => 0,
    }
}

fn feature_groups(moves: &[Move], method: MergeMethod) -> Vec<FeatureGroup> {
    let mut groups: BTreeMap<_, BTreeMap<_, Vec<usize>>> = BTreeMap::new();
    for (index, moved) in moves.iter().enumerate() {
        let alone = alone(method, index, moved);
        let group = (alone, moved.to.batch, moved.to.block, shift(moved));
        let source = (moved.from.batch, moved.from.block);
        let rows = groups.entry(group).or_default().entry(source).or_default();
        rows.push(moved.from.row);
    }
    let group = |((_, batch, block, shift), sources): (_, BTreeMap<(usize, usize), Vec<usize>>)| {
        let sources = sources.into_iter();
        FeatureGroup {
            batch,
            block,
            shift,
            sources: sources.map(|((b, r), rows)| (b, r, rows)).collect(),
        }
    };
    groups.into_iter().map(group).collect()
}

fn label_groups(moves: &[Move], method: MergeMethod) -> Vec<LabelGroup> {
    let mut groups: BTreeMap<_, BTreeMap<usize, Vec<(usize, usize)>>> = BTreeMap::new();
    for (index, moved) in moves.iter().enumerate() {
        let alone = alone(method, index, moved);
        let blocks = moved.from.block.cast_signed() - moved.to.block.cast_signed();
        let group = (alone, moved.to.batch, shift(moved), blocks);
        let cells = groups.entry(group).or_default().entry(moved.from.batch);
        cells.or_default().push((moved.from.block, moved.from.row));
    }
    let group = |((_, batch, shift, blocks), sources): (_, BTreeMap<_, _>)| LabelGroup {
        batch,
        blocks,
        shift,
        sources: sources.into_iter().collect(),
    };
    groups.into_iter().map(group).collect()
}

fn totals(
    layout: &Layout,
    mask: &Mask,
    blocks: &[usize],
    features: &[FeatureGroup],
    labels: &[LabelGroup],
) -> MergeTotals {
    let tiles = layout.tiles();
    let of_samples = |samples: usize| samples.div_ceil(layout.height());
    let before: usize = mask
        .samples()
        .iter()
        .map(|&samples| of_samples(samples))
        .sum();
    let switches = |shift: isize| plan::powers(shift).len();
    let pairs: usize = features.iter().map(|group| group.sources.len()).sum();
    let label_pairs: usize = labels.iter().map(|group| group.sources.len()).sum();
    let feature_rotations = tiles * features.iter().filter(|group| group.shift != 0).count();
    let between_blocks = labels.iter().filter(|group| group.blocks != 0).count();
    let between_rows = labels.iter().filter(|group| group.shift != 0).count();
    let key_switches = tiles
        * features
            .iter()
            .map(|group| switches(group.shift))
            .sum::<usize>()
        + labels
            .iter()
            .map(|group| switches(group.shift))
            .sum::<usize>()
        + between_blocks;
    MergeTotals {
        kept: mask.len(),
        ciphertexts_before: tiles * before + mask.samples().len(),
        ciphertexts_after: tiles * blocks.iter().sum::<usize>() + blocks.len(),
        masks: pairs + label_pairs,
        products: tiles * pairs + label_pairs,
        feature_rotations,
        label_rotations: between_blocks + between_rows,
        key_switches,
        naive_rotations: 0,
    }
}
