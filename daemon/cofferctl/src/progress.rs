//! How far a long command is: one line on a terminal, rewritten in place, and nothing anywhere else.
//!
//! Must never write to standard output, nor stay on the screen when the command has ended.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use crate::clock::Stopwatch;

/// How long a line stays before it is rewritten; a command that ends sooner shows none.
const INTERVAL: Duration = Duration::from_millis(200);
/// How many characters the bar has.
const WIDTH: u64 = 24;

/// The line of one command.
pub(crate) struct Progress {
    total: Option<u64>,
    done: u64,
    watch: Stopwatch,
    shown: Option<Duration>,
    watched: bool,
}

impl Progress {
    /// Begins, silently; `total` is how many bytes there will be, where that is known.
    pub(crate) fn of(total: Option<u64>) -> Self {
        Self {
            total,
            done: 0,
            watch: Stopwatch::start(),
            shown: None,
            // Where the data goes to the same screen, or to a program that may write there, a line between would spoil it.
            watched: io::stderr().is_terminal() && output_is_a_file(),
        }
    }

    /// The data goes to a file, so a terminal at standard output does not matter.
    pub(crate) fn beside_a_file(mut self) -> Self {
        self.watched = io::stderr().is_terminal();
        self
    }

    /// So many more bytes are done.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.done = self
            .done
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if !self.watched {
            return;
        }
        let elapsed = self.watch.elapsed();
        if elapsed.saturating_sub(self.shown.unwrap_or_default()) >= INTERVAL {
            self.shown = Some(elapsed);
            let line = line(self.done, self.total, elapsed);
            // A terminal that went away is no reason to stop.
            drop(write!(io::stderr().lock(), "\r{line}\x1b[K"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            drop(write!(io::stderr().lock(), "\r\x1b[K"));
        }
    }
}

fn output_is_a_file() -> bool {
    let output = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let metadata = output.and_then(|output| output.metadata());
    metadata.is_ok_and(|metadata| metadata.is_file())
}

fn line(done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let mebibytes = done >> 20;
    let millis = elapsed.as_millis().max(1);
    let rate = (u128::from(done) * 1000 / millis) >> 20;
    let Some(total) = total.filter(|total| *total > 0) else {
        return format!("{mebibytes} MiB, {rate} MiB/s");
    };
    let share = |of: u64| u128::from(done.min(total)) * u128::from(of) / u128::from(total);
    let filled = usize::try_from(share(WIDTH)).unwrap_or_default();
    let empty = usize::try_from(WIDTH)
        .unwrap_or_default()
        .saturating_sub(filled);
    format!(
        "[{}{}] {:3} %  {mebibytes} MiB, {rate} MiB/s",
        "#".repeat(filled),
        ".".repeat(empty),
        share(100),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(done: u64, total: Option<u64>, seconds: u64, expect: &str) {
        assert_eq!(line(done, total, Duration::from_secs(seconds)), expect);
    }

    #[test]
    fn the_line_tells_share_amount_and_rate_and_never_overflows() {
        let mebibyte = 1 << 20;
        check(
            6 * mebibyte,
            Some(8 * mebibyte),
            2,
            "[##################......]  75 %  6 MiB, 3 MiB/s",
        );
        check(
            0,
            Some(8),
            0,
            "[........................]   0 %  0 MiB, 0 MiB/s",
        );
        check(
            9,
            Some(8),
            1,
            "[########################] 100 %  0 MiB, 0 MiB/s",
        );
        check(6 * mebibyte, None, 2, "6 MiB, 3 MiB/s");
        check(6 * mebibyte, Some(0), 2, "6 MiB, 3 MiB/s");
        assert!(line(u64::MAX, Some(u64::MAX), Duration::ZERO).contains("100 %"));
    }

    #[test]
    fn nothing_is_shown_where_no_terminal_is() {
        // Under the test harness, standard error may be a terminal of the developer's: then this proves nothing.
        if io::stderr().is_terminal() {
            return;
        }
        let mut progress = Progress::of(Some(1)).beside_a_file();
        progress.advance(1);
        assert!(!progress.watched && progress.shown.is_none());
    }
}
