//! The dialler's program: reads whom it may call, takes its socket, answers until it is told to stop.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use cofferdam_dial::{code, peers, server};
use cofferdam_hwprofile::Refusal;
use cofferdam_service::signals::Stdin;
use cofferdam_service::{Environment, Exit, Notifier, journal, signals, sockets};

/// Makes the outward connections of one zone and passes them to it.
#[derive(Debug, Parser)]
#[command(name = "cofferd-dial", version)]
struct Arguments {
    /// The node.toml of the zone; only its [peers] are read.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where to listen when the service manager passed no socket.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Stop when standard input ends.
    #[arg(long)]
    until_stdin_closes: bool,
}

/// Why the program ends without having served.
struct Failed(Exit, Refusal);

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let wanted = !error.use_stderr();
            let printed = error.print().is_ok();
            return if wanted && printed {
                Exit::Ok
            } else {
                Exit::Usage
            }
            .into();
        }
    };
    journal::start("cofferd-dial");
    match run(&arguments) {
        Ok(()) => Exit::Ok.into(),
        Err(Failed(exit, refusal)) => {
            log::error!(code = refusal.code.as_str(); "{refusal}");
            exit.into()
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failed> {
    let peers = peers::read(&arguments.config).map_err(|refusal| Failed(Exit::Config, refusal))?;
    let listener = listener(arguments)?;
    let stdin = if arguments.until_stdin_closes {
        Stdin::Watched
    } else {
        Stdin::Ignored
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| no_socket(&error.to_string()))?;
    runtime.block_on(serve(listener, peers, stdin))
}

async fn serve(
    listener: UnixListener,
    peers: BTreeSet<SocketAddr>,
    stdin: Stdin,
) -> Result<(), Failed> {
    let listener = listener
        .set_nonblocking(true)
        .and_then(|()| tokio::net::UnixListener::from_std(listener))
        .map_err(|error| no_socket(&error.to_string()))?;
    let environment = Environment::read();
    let notifier = Notifier::new(environment.notify_socket.as_deref());
    let count = peers.len();
    notifier.ready(&format!("calling {count} peers for the zone"));
    log::info!(peers = count; "ready");
    let serving = server::serve(listener, peers, signals::wait(stdin));
    tokio::select! {
        () = serving => {}
        never = notifier.keep_alive(environment.watchdog) => never,
    }
    notifier.stopping();
    Ok(())
}

fn listener(arguments: &Arguments) -> Result<UnixListener, Failed> {
    match (sockets::passed_local(), &arguments.socket) {
        (Ok(Some(passed)), _) => Ok(passed),
        (Ok(None), Some(path)) => UnixListener::bind(path)
            .map_err(|error| no_socket(&format!("{}: {error}", path.display()))),
        (Ok(None), None) => Err(no_socket("no socket was passed and --socket names none")),
        (Err(error), _) => Err(no_socket(&format!("the passed socket: {error}"))),
    }
}

fn no_socket(what: &str) -> Failed {
    let refusal = code::refuse("DL-003", "the dialler has nowhere to listen").read(what);
    Failed(Exit::Config, refusal)
}
