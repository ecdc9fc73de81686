//! How fast this machine seals and opens: our sealed object beside crate `fernet`, frame by frame, in one run.
//!
//!     cargo run --release -p cofferdam-seal --example throughput
//!
//! Quote the ratios, not the figures: they travel better between machines.
#![expect(
    clippy::print_stdout,
    reason = "this program is for a person at a terminal"
)]
#![expect(clippy::disallowed_methods, reason = "a benchmark owns its clock")]

use std::error::Error;
use std::time::{Duration, Instant};

use cofferdam_seal::{FernetKey, ObjectId, ObjectReader, Sealer, WrappedKey};

const OBJECT: usize = 32 * 1024 * 1024;
const FRAME: usize = 16 * 1024;
const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let [zone, key] = [FernetKey::generate()?, FernetKey::generate()?];
    let wrapped = WrappedKey::seal(&zone, &key, 1)?;
    let plain: Vec<u8> = (0..OBJECT).map(|place| place.to_le_bytes()[0]).collect();

    let mut sealed = Vec::with_capacity(OBJECT + OBJECT / 100);
    let sealing = fastest(|| {
        sealed.clear();
        let (mut writer, header) = Sealer::new(&key, &wrapped, ObjectId([0; 16]), 1, b"");
        sealed.extend_from_slice(&header);
        for piece in plain.chunks(1024 * 1024) {
            writer.update(piece, &mut sealed);
        }
        writer.finish(&mut sealed);
        Ok(())
    })?;
    let mut opened = Vec::with_capacity(1024 * 1024 + FRAME);
    let opening = fastest(|| {
        let reader = ObjectReader::open(sealed.as_slice(), &key, b"")?;
        let mut offset = 0;
        while offset < reader.len() {
            opened.clear();
            offset += u64::try_from(reader.read_at(offset, 1024 * 1024, &mut opened)?)?;
        }
        Ok(())
    })?;

    let oracle = fernet::Fernet::new(&key.to_text()).ok_or("the oracle takes our key")?;
    let mut tokens = Vec::new();
    let oracle_sealing = fastest(|| {
        tokens = plain
            .chunks(FRAME)
            .map(|frame| oracle.encrypt(frame))
            .collect::<Vec<_>>();
        Ok(())
    })?;
    let oracle_opening = fastest(|| {
        for token in &tokens {
            oracle.decrypt(token)?;
        }
        Ok(())
    })?;

    for (work, ours, theirs) in [
        ("seal", sealing, oracle_sealing),
        ("open", opening, oracle_opening),
    ] {
        let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
        let [ours, theirs] = [ours, theirs].map(rate);
        println!("{work}  {ours:6.0} MB/s   crate fernet {theirs:6.0} MB/s   {ratio:.2} times");
    }
    Ok(())
}

/// The fastest of several rounds: on a machine with neighbours the others measure them.
fn fastest(
    mut work: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<Duration, Box<dyn Error>> {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        work()?;
        best = best.min(begin.elapsed());
    }
    Ok(best)
}

/// Megabytes of plaintext a second.
fn rate(time: Duration) -> f64 {
    f64::from(u32::try_from(OBJECT).unwrap_or(u32::MAX)) / 1e6 / time.as_secs_f64()
}
