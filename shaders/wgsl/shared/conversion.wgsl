// Tables of conversions between bases. Targets are converted in groups of at most GROUP_TARGETS, so that a source is read once for all
// of a group. Several conversions can share one dispatch: each group names its sources.
#import limb

// Sources from `first_source` on, targets from `first_target` on, and the place of the weights: GROUP_TARGETS for each source.
struct TargetGroup {
    sources: u32,
    first_source: u32,
    targets: u32,
    first_target: u32,
    weights: u32,
}

// Where a source is (already scaled: y_i), and floor(2^(32 + FRACTION_BITS) / d_i).
struct Source {
    row: u32,
    stride: u32,
    fraction: u32,
}

// Where a target goes, and the weight of the overflow.
struct ConversionTarget {
    limb: Limb,
    row: u32,
    stride: u32,
    overflow: u32,
}
