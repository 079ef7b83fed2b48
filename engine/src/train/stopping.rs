//! When to stop: the owner's decision after each epoch.

/// Waits for a smaller validation loss, and gives up after some epochs without one.
#[derive(Clone, Debug)]
pub struct Stopping {
    patience: usize,
    best: f64,
    since_best: usize,
}

/// What is decided after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// No epoch was better.
    pub best: bool,
    /// The training is over.
    pub stop: bool,
}

impl Stopping {
    /// Gives up after `patience` epochs that are no better than one before them.
    #[must_use]
    pub const fn new(patience: usize) -> Self {
        Self {
            patience,
            best: f64::INFINITY,
            since_best: 0,
        }
    }

    /// Decides by the loss of an epoch. One that is not a number is not the best.
    pub fn judge(&mut self, loss: f64) -> Verdict {
        let best = loss < self.best;
        if best {
            (self.best, self.since_best) = (loss, 0);
        } else {
            self.since_best += 1;
        }
        Verdict {
            best,
            stop: self.since_best >= self.patience,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_begins_anew_with_each_best_epoch() {
        let mut stopping = Stopping::new(2);
        let losses = [1.0, 1.5, 0.9, 0.9, f64::NAN];
        let verdicts = losses.map(|loss| stopping.judge(loss));
        let best = verdicts.map(|verdict| verdict.best);
        assert_eq!(best, [true, false, true, false, false]);
        let stop = verdicts.map(|verdict| verdict.stop);
        assert_eq!(stop, [false, false, false, false, true]);
    }
}
