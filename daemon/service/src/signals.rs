//! What may tell the program to stop: SIGTERM, SIGINT, SIGQUIT, and the end of standard input where that was asked for. All mean the
//! same graceful stop.

use tokio::signal::unix::{SignalKind, signal};

/// Whether the end of standard input is a reason to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    /// It is.
    Watched,
    /// It is not.
    Ignored,
}

/// Waits for the first reason to stop and names it.
///
/// # Errors
/// The handlers cannot be installed.
pub async fn wait(stdin: Stdin) -> std::io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    Ok(tokio::select! {
        _received = terminate.recv() => "SIGTERM",
        _received = interrupt.recv() => "SIGINT",
        _received = quit.recv() => "SIGQUIT",
        () = stdin_closed(stdin) => "standard input closed",
    })
}

/// Ends when standard input does. Reading it blocks a thread of its own, which dies with the process.
async fn stdin_closed(stdin: Stdin) {
    if stdin == Stdin::Ignored {
        std::future::pending::<()>().await;
    }
    let (closed, seen) = tokio::sync::oneshot::channel();
    let reader = std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            let copied = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            // Its end and an error that ends reading mean the same.
            if let Err(_nobody_waits) = closed.send(copied.is_ok()) {
                log::debug!("standard input closed after the stop");
            }
        });
    if reader.is_err() {
        std::future::pending::<()>().await;
    }
    // Closed either way: by its end, or by an error that ends reading.
    drop(seen.await);
}
