//! How fast this machine seals and opens, beside crate `fernet`, in one run.
//!
//!     cargo bench -p cofferdam-seal                 the table
//!     cargo bench -p cofferdam-seal --bench seal -- --ask      reads names of cases from its input, answers each with seconds
//!
//!     cargo bench -p cofferdam-seal --bench seal -- --memory   the most memory this process had after sealing 1 GiB
//!
//! The second form is how `tests/peers/fernet/run.py` puts Python beside it. Time is the processor time of the thread, so that
//! neighbours on the machine count for little; quote the ratios, never the figures. Must never compare against a peer that was given
//! less: the crate gets its allocator tuned, and every frame as it would be handed over by a caller of ours.
#![expect(
    clippy::print_stdout,
    reason = "this program is for a person at a terminal"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use cofferdam_seal::{Engine, FernetKey, Keyring, ObjectId, ObjectReader, Sealer, WrappedKey};
use nix::time::{ClockId, clock_gettime};

const OBJECT: usize = 64 << 20;
const PIECE: usize = 1 << 20;
const FRAME: usize = 16 << 10;
const ROUNDS: usize = 9;
const BATCH: usize = 1000;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Everything the cases work on, made once.
struct Stand {
    key: FernetKey,
    wrapped: WrappedKey,
    crate_fernet: fernet::Fernet,
    plain: Vec<u8>,
    sealed: Vec<u8>,
    opened: Vec<u8>,
    tokens: Vec<String>,
}

/// A name, and what it does on the stand; what it measured where that is not the processor time of the call.
type Case = (&'static str, fn(&mut Stand) -> Outcome<()>);

const CASES: &[Case] = &[
    ("seal portable", |stand| {
        seal_object(stand, Engine::Portable)
    }),
    ("seal one-frame", |stand| {
        seal_object(stand, Engine::OneFrame)
    }),
    ("seal best", |stand| seal_object(stand, Engine::detected())),
    ("open portable", |stand| {
        open_object(stand, Engine::Portable)
    }),
    ("open one-frame", |stand| {
        open_object(stand, Engine::OneFrame)
    }),
    ("open best", |stand| open_object(stand, Engine::detected())),
    ("seal crate", |stand| {
        stand.tokens = stand
            .plain
            .chunks(FRAME)
            .map(|frame| stand.crate_fernet.encrypt(frame))
            .collect();
        Ok(())
    }),
    ("open crate", |stand| {
        for token in &stand.tokens {
            black_box(stand.crate_fernet.decrypt(token)?);
        }
        Ok(())
    }),
    ("seal cached portable", |stand| {
        seal_cached(stand, Engine::Portable)
    }),
    ("seal cached one-frame", |stand| {
        seal_cached(stand, Engine::OneFrame)
    }),
    ("seal cached best", |stand| {
        seal_cached(stand, Engine::detected())
    }),
    ("open cached best", |stand| {
        open_cached(stand, Engine::detected())
    }),
    ("token ours", |stand| {
        let ring = ring(stand, Engine::detected())?;
        let (plain, _) = stand.plain.split_at(256);
        for _ in 0..BATCH {
            black_box(ring.encrypt(plain, 1)?);
        }
        Ok(())
    }),
    ("token crate", |stand| {
        let (plain, _) = stand.plain.split_at(256);
        for _ in 0..BATCH {
            black_box(stand.crate_fernet.encrypt(plain));
        }
        Ok(())
    }),
    ("batch ours", |stand| {
        let ring = ring(stand, Engine::detected())?;
        let plains: Vec<&[u8]> = stand.plain.chunks(128).take(BATCH).collect();
        black_box(ring.encrypt_all(&plains, 1)?);
        Ok(())
    }),
    ("batch crate", |stand| {
        for plain in stand.plain.chunks(128).take(BATCH) {
            black_box(stand.crate_fernet.encrypt(plain));
        }
        Ok(())
    }),
];

/// Title, our case, the peer's, and the least ratio that was promised.
const TABLE: &[(&str, &str, &str, f64)] = &[
    (
        "seal 64 MiB, best path, against crate fernet per frame",
        "seal best",
        "seal crate",
        5.0,
    ),
    ("open the same", "open best", "open crate", 4.0),
    (
        "seal, AES-NI with SHA-NI, one frame at a time",
        "seal one-frame",
        "seal crate",
        3.0,
    ),
    ("open, the same path", "open one-frame", "open crate", 0.0),
    ("seal, portable path", "seal portable", "seal crate", 1.8),
    ("open, portable path", "open portable", "open crate", 0.0),
    (
        "seal one 256 B token, text out",
        "token ours",
        "token crate",
        2.0,
    ),
    (
        "seal 1,000 tokens of 128 B as a batch",
        "batch ours",
        "batch crate",
        5.0,
    ),
];

fn main() -> Outcome<()> {
    if std::env::args().any(|argument| argument == "--memory") {
        return memory();
    }
    let mut stand = Stand::new()?;
    if std::env::args().any(|argument| argument == "--ask") {
        return answer(&mut stand);
    }
    println!(
        "engines: {} is here, {} is used",
        Engine::detected(),
        Engine::chosen()
    );
    let best = best_of(&mut stand)?;
    let second = |name: &str| best.get(name).map_or(f64::NAN, Duration::as_secs_f64);
    for (title, ours, theirs, target) in TABLE {
        let ratio = second(theirs) / second(ours);
        let target = if *target > 0.0 {
            format!("at least {target}")
        } else {
            String::new()
        };
        println!("{title:<58} {ratio:6.2} times   {target}");
    }
    for (name, _) in CASES {
        let bytes = if name.starts_with("token") {
            BATCH * 256
        } else if name.starts_with("batch") {
            BATCH * 128
        } else {
            OBJECT
        };
        let megabytes = f64::from(u32::try_from(bytes)?) / 1e6;
        println!("  {name:<24} {:8.0} MB/s", megabytes / second(name));
    }
    two_cores(&stand)
}

/// The fastest of several rounds in which every case had its turn: on a machine with neighbours the others measure them.
fn best_of(stand: &mut Stand) -> Outcome<BTreeMap<&'static str, Duration>> {
    let mut best = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (name, work) in CASES {
            let took = timed(stand, *work)?;
            let fastest = best.entry(*name).or_insert(took);
            *fastest = took.min(*fastest);
        }
    }
    Ok(best)
}

fn answer(stand: &mut Stand) -> Outcome<()> {
    for line in std::io::stdin().lock().lines() {
        let name = line?;
        let case = CASES.iter().find(|(known, _)| *known == name);
        let (_, work) = case.ok_or("no case of this name")?;
        println!("{}", timed(stand, *work)?.as_secs_f64());
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn timed(stand: &mut Stand, work: fn(&mut Stand) -> Outcome<()>) -> Outcome<Duration> {
    let begin = processor_time()?;
    work(stand)?;
    Ok(processor_time()?.saturating_sub(begin))
}

fn processor_time() -> Outcome<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

impl Stand {
    fn new() -> Outcome<Self> {
        let [zone, key] = [FernetKey::generate()?, FernetKey::generate()?];
        let mut stand = Self {
            wrapped: WrappedKey::seal(&zone, &key, 1)?,
            crate_fernet: fernet::Fernet::new(&key.to_text()).ok_or("the crate takes our key")?,
            key,
            plain: (0..OBJECT)
                .map(|place| (place % 251).to_le_bytes())
                .map(|[low, ..]| low)
                .collect(),
            sealed: Vec::with_capacity(OBJECT + OBJECT / 100),
            opened: Vec::with_capacity(PIECE + FRAME),
            tokens: Vec::new(),
        };
        // Every case finds what the one before it would have left.
        seal_object(&mut stand, Engine::detected())?;
        stand.tokens = stand
            .plain
            .chunks(FRAME)
            .map(|frame| stand.crate_fernet.encrypt(frame))
            .collect();
        Ok(stand)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a case")]
fn seal_object(stand: &mut Stand, engine: Engine) -> Outcome<()> {
    engine.limit();
    stand.sealed.clear();
    let id = ObjectId([0; 16]);
    let (mut writer, header) = Sealer::new(&stand.key, &stand.wrapped, id, 1, b"");
    stand.sealed.extend_from_slice(&header);
    for piece in stand.plain.chunks(PIECE) {
        writer.update(piece, &mut stand.sealed);
    }
    writer.finish(&mut stand.sealed);
    Ok(())
}

fn open_object(stand: &mut Stand, engine: Engine) -> Outcome<()> {
    engine.limit();
    let reader = ObjectReader::open(stand.sealed.as_slice(), &stand.key, b"")?;
    let mut offset = 0;
    while offset < reader.len() {
        stand.opened.clear();
        offset += u64::try_from(reader.read_at(offset, PIECE, &mut stand.opened)?)?;
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a case")]
/// As many bytes again and again out of one quarter of a mebibyte: what the engine does when memory does not hold it up.
fn seal_cached(stand: &mut Stand, engine: Engine) -> Outcome<()> {
    engine.limit();
    let id = ObjectId([0; 16]);
    let (mut writer, _header) = Sealer::new(&stand.key, &stand.wrapped, id, 1, b"");
    let (piece, _) = stand.plain.split_at(16 * FRAME);
    for _ in 0..OBJECT / piece.len() {
        stand.opened.clear();
        writer.update(piece, &mut stand.opened);
    }
    Ok(())
}

fn open_cached(stand: &mut Stand, engine: Engine) -> Outcome<()> {
    engine.limit();
    let reader = ObjectReader::open(stand.sealed.as_slice(), &stand.key, b"")?;
    for _ in 0..OBJECT / (16 * FRAME) {
        stand.opened.clear();
        reader.read_at(0, 16 * FRAME, &mut stand.opened)?;
    }
    Ok(())
}

fn ring(stand: &Stand, engine: Engine) -> Outcome<Keyring> {
    engine.limit();
    Ok(Keyring::from_keys(vec![stand.key.duplicate()])?)
}

/// Two threads seal an object each, against one: wall time, since it is the machine that is asked.
fn two_cores(stand: &Stand) -> Outcome<()> {
    Engine::detected().limit();
    let mut best = [f64::MAX; 2];
    for _ in 0..ROUNDS {
        for (threads, best) in (1..=2).zip(&mut best) {
            let begin = wall_time()?;
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        let id = ObjectId([0; 16]);
                        let (mut writer, _) = Sealer::new(&stand.key, &stand.wrapped, id, 1, b"");
                        let mut out = Vec::with_capacity(PIECE + PIECE / 100);
                        for piece in stand.plain.chunks(PIECE) {
                            out.clear();
                            writer.update(piece, &mut out);
                        }
                    });
                }
            });
            *best = best.min(wall_time()?.saturating_sub(begin).as_secs_f64());
        }
    }
    let [one, two] = best;
    println!(
        "{:<58} {:6.2} times   at least 1.8",
        "two cores against one",
        2.0 * one / two
    );
    Ok(())
}

fn wall_time() -> Outcome<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC)?.into())
}

/// Seals 1 GiB piece by piece, as a stream is, and tells how far the process grew.
fn memory() -> Outcome<()> {
    let [zone, key] = [FernetKey::generate()?, FernetKey::generate()?];
    let wrapped = WrappedKey::seal(&zone, &key, 1)?;
    let (mut writer, header) = Sealer::new(&key, &wrapped, ObjectId([0; 16]), 1, b"");
    let piece = vec![7; PIECE];
    let mut out = Vec::new();
    let mut length = header.len();
    for _ in 0..(1 << 30) / PIECE {
        out.clear();
        writer.update(&piece, &mut out);
        length += out.len();
    }
    out.clear();
    writer.finish(&mut out);
    length += out.len();
    println!("1 GiB sealed, {length} bytes");
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!("{}", peak.ok_or("the kernel tells the peak")?);
    Ok(())
}
