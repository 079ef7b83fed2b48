//! The memory that a training takes, estimated from what is alive at once.

use engine::circuits::{Budget, Operation};
use engine::ckks::Level;

use super::course::Training;
use crate::job::task::Setup;

/// The program itself, tables, and a small data set.
const PROGRAM_BYTES: u64 = 100 << 20;
/// Vectors that a bootstrap has at the top level at once, in the modulus times P: baby steps, sums, and digits.
const BOOTSTRAP_VECTORS: u64 = 24;

/// Bytes of owner and server in one process, at most. A good guess, for there is no count of what is alive.
pub(super) fn peak_bytes(training: &Training<'_>, first_bootstrap: Option<&Budget>) -> u64 {
    let Setup { params, plan, .. } = training.setup;
    let (layout, levels, data) = (plan.layout(), plan.levels(), plan.data_levels());
    let row = (params.degree() * size_of::<u32>()) as u64;
    let special = params.ring().special().len();
    let ciphertexts =
        |vectors: usize, level: Level| (vectors * params.ciphertext_bytes(level)) as u64;
    let keys = plan.keys().bytes(params) as u64;
    let batch = ciphertexts(plan.feature_vectors(), data.features) + ciphertexts(1, data.labels);
    let validation = training.validation_batches
        * plan.feature_vectors()
        * params.ciphertext_bytes(plan.validation_levels().features);
    // A model in doubles, and the rows as they were read and as they are used.
    let task = plan.task();
    let rows = (training.rows() * task.features * 2 * size_of::<f64>()) as u64;
    let kept = keys + training.classes.len() as u64 * batch + validation as u64 + rows;

    let encoded = |budget: &Budget, special: usize| -> u64 {
        let counts = budget.counts().into_iter();
        let encodings = counts.filter(|((operation, _), _)| *operation == Operation::Encoding);
        encodings
            .map(|((_, level), times)| times * (params.limbs_at(level) + special) as u64 * row)
            .sum()
    };
    let masks = encoded(plan.first_budget(), 0);

    let (tiles, diagonals, groups) = (layout.tiles(), layout.diagonals(), layout.groups());
    // Forward: the features at the level of the weights, all diagonals, one unit seen from all groups.
    let spread = ciphertexts(2 * groups, levels.state);
    let forward = |blocks: usize| {
        spread + ciphertexts(diagonals * tiles + 2 * tiles * blocks, levels.features)
    };
    let digits = params.ring().digits().at(params.basis(levels.labels)).len();
    let extended = params.limbs_at(levels.labels) + special;
    let step = |blocks: usize| {
        // Backward: copies of the residual moved by all classes, by diagonal and by row block; products of all tiles.
        let copies = diagonals * blocks;
        let backward = ciphertexts(2 * copies + diagonals * tiles + blocks, levels.labels);
        // Digits of hoisted rotations of all row blocks at once.
        let decomposed = (blocks * digits * extended) as u64 * row;
        forward(blocks) + backward + decomposed
    };
    let all = layout.row_blocks();
    let (merged, widest) = match training.merged_batches() {
        0 => (0, step(all)),
        batches => {
            let blocks = training.merged_row_blocks();
            let merged =
                ciphertexts(tiles * blocks, levels.features) + ciphertexts(batches, levels.labels);
            // Scores are a forward pass of full batches; so is all of a step during the warm-up.
            let full = match training.warmup() {
                0 => forward(all),
                _ => step(all),
            };
            (merged, full.max(step(blocks.div_ceil(batches))))
        }
    };
    // Memory that one part of a step gives back serves another only where rows are of one size: measured, it is twice.
    let step = merged + 2 * widest;

    let bootstrap = first_bootstrap.map_or(0, |first| {
        let top = params.limbs_at(params.top_level()) + special;
        encoded(first, special) + BOOTSTRAP_VECTORS * 2 * top as u64 * row
    });
    PROGRAM_BYTES + kept + masks + step + bootstrap
}
