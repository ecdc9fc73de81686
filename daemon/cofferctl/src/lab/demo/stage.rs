//! What the demo prints: a line of verdict a step, and a line of progress while it waits. On a terminal the progress line is
//! overwritten; elsewhere it is left out of the way.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use crate::clock::Stopwatch;

/// The width of a step's name.
const NAME_WIDTH: usize = 15;

/// The stage.
#[derive(Debug)]
pub(super) struct Stage {
    watch: Stopwatch,
    terminal: bool,
    steps: u32,
    current: String,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            watch: Stopwatch::start(),
            terminal: std::io::stdout().is_terminal(),
            steps: 0,
            current: String::new(),
        }
    }

    /// How many steps have begun.
    pub(super) fn steps(&self) -> u32 {
        self.steps
    }

    /// The step that runs.
    pub(super) fn current(&self) -> &str {
        &self.current
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.watch.elapsed()
    }

    /// A step begins.
    pub(super) fn begin(&mut self, name: &str) {
        self.steps += 1;
        name.clone_into(&mut self.current);
        self.progress(name);
    }

    /// While it waits.
    pub(super) fn progress(&self, text: &str) {
        if self.terminal {
            write(&format!("\r\x1b[K  ...  {text}"));
        } else {
            write(&format!("  ...  {text}\n"));
        }
    }

    /// The step showed what it must.
    pub(super) fn pass(&self, name: &str, text: &str) {
        let seconds = self.watch.elapsed().as_secs_f64();
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        write(&format!(
            "{clear}  ok   {name:<NAME_WIDTH$} {text}  [{seconds:.1} s, E0]\n"
        ));
    }

    /// A line that is not a verdict.
    pub(super) fn say(&self, text: &str) {
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        write(&format!("{clear}{text}\n"));
    }

    /// Text that belongs to the step above.
    pub(super) fn show(&self, text: &str) {
        for line in text.trim_end().lines() {
            self.say(&format!("         {line}"));
        }
    }
}

fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody may be listening; the exit code still tells.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
