//! Measures the way from a forbidden device to a node without keys: `drift RUNS DIRECTORY` prepares a rack there, starts the keeper's
//! real program that many times, plugs a drive into its simulated machine, rings the bell as the kernel would, and reads when the
//! keys were gone.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cofferdam_cofferctl::lab::layout::{Layout, NODES};
use cofferdam_cofferctl::lab::prepare::prepare;
use tokio::time::Instant;

/// The drive that is plugged in.
const DRIVE: &str = "sys/devices/pci0000:00/usb1/1-1/host9/block/sdz";
/// The first port of the rack; only the keeper's is used.
const PORTS: u16 = 47_540;

type Failure = Box<dyn std::error::Error>;

/// From the bell: to the line that says that the keys are gone, and to the end of the program.
struct Run {
    keys: Duration,
    end: Duration,
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let usage = "drift RUNS DIRECTORY";
    let runs: usize = arguments.next().ok_or(usage)?.parse()?;
    let directory = PathBuf::from(arguments.next().ok_or(usage)?);
    let lab = prepare(Layout::new(&directory, PORTS)).map_err(|failure| format!("{failure:?}"))?;
    let mut measured = Vec::new();
    for _ in 0..runs {
        measured.push(measure(&lab.layout)?);
    }
    let mut out = std::io::stdout().lock();
    let keys = measured.iter().map(|run| run.keys).collect();
    let end = measured.iter().map(|run| run.end).collect();
    writeln!(out, "  event to keys dropped: {}", spread(keys))?;
    writeln!(out, "  event to program gone: {}", spread(end))?;
    Ok(())
}

fn measure(layout: &Layout) -> Result<Run, Failure> {
    let [keeper, ..] = &NODES;
    let (state, root) = (layout.state(keeper), layout.sysroot(keeper));
    let here = std::env::current_exe()?;
    let folder = here.ancestors().nth(2).ok_or("no folder")?;
    let mut child = Command::new(folder.join("cofferd-keeper"))
        .args(["--until-stdin-closes", "--config"])
        .arg(state.join("node.toml"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stderr.take().ok_or("no words")?).lines();
    wait_for(&mut lines, "serving zone")?;
    plug(&root)?;
    let bell = UnixDatagram::unbound()?;
    let began = Instant::now();
    bell.send_to(
        b"add@/x\0SUBSYSTEM=block\0SEQNUM=1\0",
        state.join("uevents"),
    )?;
    wait_for(&mut lines, "keys dropped")?;
    let keys = began.elapsed();
    for line in lines {
        line?;
    }
    child.wait()?;
    let end = began.elapsed();
    std::fs::remove_file(root.join("sys/block/sdz"))?;
    Ok(Run { keys, end })
}

fn wait_for(
    lines: &mut impl Iterator<Item = std::io::Result<String>>,
    word: &str,
) -> Result<(), Failure> {
    for line in lines {
        if line?.contains(word) {
            return Ok(());
        }
    }
    Err(format!("the program ended before it said {word:?}").into())
}

fn plug(root: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(root.join(DRIVE))?;
    std::fs::write(root.join(DRIVE).join("removable"), "1\n")?;
    std::os::unix::fs::symlink(Path::new("/").join(DRIVE), root.join("sys/block/sdz"))?;
    Ok(())
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| {
        let index = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(index).map_or(0, Duration::as_millis)
    };
    let (half, most, all) = (at(50), at(99), at(100));
    format!(
        "p50 {half} ms, p99 {most} ms, worst {all} ms over {} runs",
        times.len()
    )
}
