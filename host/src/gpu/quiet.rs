//! Panics that are caught and told of as errors, and therefore not printed.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

thread_local! {
    /// Whether nothing is to be printed of a panic of this thread.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs something, and catches its panic without a word on standard error. Other threads, and this one afterwards, panic as ever.
pub(super) fn catch_quietly<T>(run: impl FnOnce() -> T) -> thread::Result<T> {
    wrap_hook();
    let was_quiet = IS_QUIET.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(run));
    IS_QUIET.set(was_quiet);
    done
}

/// Puts a hook before the one that there is, once.
fn wrap_hook() {
    static WRAPPED: Once = Once::new();
    // A thread that panics may not change the hook.
    if thread::panicking() {
        return;
    }
    WRAPPED.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // A thread at its end has no flag any more.
            if !IS_QUIET.try_with(Cell::get).unwrap_or(false) {
                tell(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::{env, str};

    use super::*;

    /// Set in the process that panics.
    const INNER: &str = "QUIET_INNER";

    #[test]
    fn a_panic_is_caught_without_a_word_and_others_are_told_as_ever() {
        if env::var_os(INNER).is_some() {
            assert!(catch_quietly(|| panic!("told to nobody")).is_err());
            assert_eq!(catch_quietly(|| 7).unwrap(), 7);
            assert!(panic::catch_unwind(|| panic!("told as ever")).is_err());
            return;
        }
        // Without the name of the crate.
        let (_, module) = module_path!().split_once("::").unwrap();
        let name =
            format!("{module}::a_panic_is_caught_without_a_word_and_others_are_told_as_ever");
        let inner = Command::new(env::current_exe().unwrap())
            .args(["--exact", &name, "--nocapture"])
            .env(INNER, "1")
            .output()
            .unwrap();
        let told = str::from_utf8(&inner.stderr).unwrap();
        assert!(inner.status.success(), "{told}");
        assert!(told.contains("told as ever"), "{told}");
        assert!(!told.contains("told to nobody"), "{told}");
    }
}
