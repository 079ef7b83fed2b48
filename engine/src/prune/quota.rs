//! Whole numbers that add up: how many samples each row, and in it each class, may keep.

/// The largest number that every stratum of these sizes may keep (or all it has, if that is less), and how many more are then
/// to be kept: one each of as many of the larger strata.
///
/// # Range
/// `total` is at most the sum of the sizes.
pub(super) fn level(sizes: impl Iterator<Item = usize> + Clone, total: usize) -> (usize, usize) {
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
    (level, total - filled(level))
}

/// What has been rounded down so far, and is still to be made up for.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// To each class.
    classes: Vec<f64>,
    /// To what a rule does with a part of a stratum only.
    part: f64,
}

impl Owed {
    /// A whole number near `x`, so that over many strata the sum of the numbers is that of the `x`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no more than there are samples"
    )]
    pub(super) fn part(&mut self, x: f64) -> usize {
        self.part += x;
        let whole = self.part.floor();
        self.part -= whole;
        whole as usize
    }

    /// A share of the quota for each class, proportional to its size: rounded down or up so that they add up, and so that over
    /// many strata a class gets what it is owed.
    pub(super) fn class_quotas(&mut self, sizes: &[usize], quota: usize) -> Vec<usize> {
        let owed = &mut self.classes;
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
}
