//! What the device shall do, in order, before it is handed over.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::profile::{Cost, Span};

/// A window of a buffer.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) buffer: wgpu::Buffer,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

/// A kernel over a grid of workgroups.
#[derive(Clone, Debug)]
pub(super) struct Dispatch {
    pub(super) kernel: &'static str,
    pub(super) bindings: Vec<Binding>,
    pub(super) grid: [u32; 3],
    pub(super) cost: Cost,
}

/// One step of the device.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Dispatch(Dispatch),
    /// Sets words to zero.
    Clear(Binding),
}

impl Command {
    /// The name of its kernel: `clear` for what sets words to zero, which needs none.
    pub(super) const fn kernel(&self) -> &'static str {
        match self {
            Self::Dispatch(dispatch) => dispatch.kernel,
            Self::Clear(_) => "clear",
        }
    }

    /// What it costs. To clear is to write once.
    pub(super) const fn cost(&self) -> Cost {
        match self {
            Self::Dispatch(dispatch) => dispatch.cost,
            Self::Clear(binding) => Cost {
                bytes: binding.bytes,
                products: 0,
            },
        }
    }
}

/// Calls of one kernel and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Dispatches, or clears.
    pub calls: u64,
    /// All of them together.
    #[serde(flatten)]
    pub cost: Cost,
}

/// The most of one submission, so that no driver takes it for hung: these bytes are a tenth of a second on a device that moves
/// 80 GB/s, these products a tenth on one that makes 40 G of them in a second, and a second on a slow one that makes 4 G.
const MAX_COST: Cost = Cost {
    bytes: 8 << 30,
    products: 4 << 30,
};
/// The most commands of one submission: enough that handing over costs nothing beside them.
const MAX_COMMANDS: usize = 256;

/// Commands that wait for their submission, and the calls of all so far.
#[derive(Debug, Default)]
pub(super) struct Recording {
    commands: Vec<Command>,
    cost: Cost,
    tallies: BTreeMap<&'static str, Tally>,
    /// The times of commands, if they are asked for.
    spans: Option<Vec<Span>>,
}

impl Recording {
    pub(super) fn push(&mut self, command: Command) {
        self.count(command.kernel(), command.cost());
        self.commands.push(command);
    }

    fn count(&mut self, kernel: &'static str, cost: Cost) {
        self.cost += cost;
        let tally = self.tallies.entry(kernel).or_default();
        tally.calls += 1;
        tally.cost += cost;
    }

    /// Whether it is time to hand over.
    pub(super) fn is_full(&self) -> bool {
        self.commands.len() >= MAX_COMMANDS
            || self.cost.bytes >= MAX_COST.bytes
            || self.cost.products >= MAX_COST.products
    }

    /// What is recorded, which is then forgotten.
    pub(super) fn take(&mut self) -> Vec<Command> {
        self.cost = Cost::default();
        std::mem::take(&mut self.commands)
    }

    /// Begins or ends to time commands; those that were timed so far.
    pub(super) fn set_timed(&mut self, timed: bool) -> Vec<Span> {
        let spans = std::mem::replace(&mut self.spans, timed.then(Vec::new));
        spans.unwrap_or_default()
    }

    /// Where the times go, if commands are timed.
    pub(super) fn spans(&mut self) -> Option<&mut Vec<Span>> {
        self.spans.as_mut()
    }

    /// Calls of each kernel since the last time this was asked.
    pub(super) fn take_tallies(&mut self) -> BTreeMap<&'static str, Tally> {
        std::mem::take(&mut self.tallies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submissions_are_cut_by_their_cost() {
        let mut recording = Recording::default();
        let half = Cost {
            bytes: 4 << 30,
            products: 1,
        };
        recording.count("a", half);
        assert!(!recording.is_full());
        recording.count("b", half);
        assert!(recording.is_full());
        recording.take();
        let slow = Cost {
            bytes: 1,
            products: 4 << 30,
        };
        recording.count("c", slow);
        assert!(recording.is_full());
        assert!(recording.take().is_empty());
        assert!(!recording.is_full());
        recording.count("a", half);
        let tallies = recording.take_tallies();
        assert_eq!(tallies["a"].calls, 2);
        assert_eq!(tallies["a"].cost.bytes, 8 << 30);
        assert_eq!(tallies["b"].cost.products, 1);
        assert!(recording.take_tallies().is_empty());
    }
}
