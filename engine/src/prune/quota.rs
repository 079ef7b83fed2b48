//! Whole numbers that add up: how many samples each row, and in it each class, may keep.

/// Quotas of strata of these sizes that add up to `total` and differ by one at most, but where a stratum is too small.
///
/// # Range
/// `total` is at most the sum of the sizes.
pub(super) fn fill(sizes: impl Iterator<Item = usize> + Clone, total: usize) -> Vec<usize> {
    let filled = |level: usize| sizes.clone().map(|size| size.min(level)).sum::<usize>();
    let (mut level, mut above) = (0, sizes.clone().max().unwrap_or(0) + 1);
    while above - level > 1 {
        let middle = usize::midpoint(level, above);
        if filled(middle) <= total {
            level = middle;
        } else {
            above = middle;
        }
    }
    let mut left = total - filled(level);
    let quota = |size: usize| {
        let more = usize::from(size > level && left > 0);
        left -= more;
        size.min(level) + more
    };
    sizes.clone().map(quota).collect()
}

/// A share of the quota for each class, proportional to its size: rounded down or up so that they add up, and so that over
/// many strata a class gets what it is owed.
pub(super) fn class_quotas(sizes: &[usize], quota: usize, owed: &mut Vec<f64>) -> Vec<usize> {
    owed.resize(owed.len().max(sizes.len()), 0.0);
    let all = sizes.iter().sum::<usize>().max(1) as f64;
    let mut quotas = vec![0; sizes.len()];
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    for (class, &size) in sizes.iter().enumerate() {
        owed[class] += quota as f64 * size as f64 / all;
    }
    let mut left = quota;
    for class in 0..sizes.len() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "no more than there are samples"
        )]
        let whole = (owed[class].max(0.0) as usize).min(left).min(sizes[class]);
        quotas[class] = whole;
        owed[class] -= whole as f64;
        left -= whole;
    }
    // What rounding has left, to the classes that are owed most; again, where classes are smaller than what they are owed.
    while left > 0 {
        order.sort_by(|&a, &b| owed[b].total_cmp(&owed[a]));
        order.retain(|&class| quotas[class] < sizes[class]);
        if order.is_empty() {
            break;
        }
        for &class in order.iter().take(left) {
            quotas[class] += 1;
            owed[class] -= 1.0;
        }
        left -= order.len().min(left);
    }
    quotas
}
