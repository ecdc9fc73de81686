//! The oracles: Python's `cryptography` for tokens, and the stock-Python reader for sealed objects.
//!
//! Where there is no Python, or it has no `cryptography`, a test says so and stops.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::alphabet;
use crate::engine::mac::MacKey;
use crate::engine::seal::{self, SealingKey};
use crate::vectors::plaintext;
use crate::{
    FernetKey, Keyring, ObjectId, RecordSealer, RotateError, Sealer, TokenError, Ttl, WrappedKey,
};

const CREATED: u64 = 1_700_000_000;
/// How many tokens Python judges beside us.
const TOKENS: usize = 100_000;

fn python(arguments: &[&str], input: &str) -> Option<Output> {
    let mut child = Command::new("python3")
        .arg("-B")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Some(output)
}

fn has_python(module: &str) -> bool {
    let found = python(&["-c", &format!("import {module}")], "");
    let found = found.is_some_and(|output| output.status.success());
    if !found {
        writeln!(
            std::io::stderr(),
            "skipped: python3 with {module} is not here"
        )
        .expect("standard error");
    }
    found
}

/// Runs one of our cases a line through a script and returns one value a line.
fn ask(script: &str, cases: &[Value]) -> Vec<Value> {
    let mut lines = String::new();
    for case in cases {
        lines.push_str(&case.to_string());
        lines.push('\n');
    }
    let output = python(&["-c", script], &lines).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// For each case: the plaintext or null, the time or null, and whether it rotates.
const JUDGE: &str = r"
import json, sys
from cryptography.fernet import Fernet, MultiFernet, InvalidToken
def attempt(work):
    try:
        return work()
    except (InvalidToken, ValueError):
        return None
rings = {}
for line in sys.stdin:
    keys, token, ttl, now = json.loads(line)
    ring = rings.setdefault(tuple(keys), MultiFernet([Fernet(key) for key in keys]))
    if ttl is None:
        plain = attempt(lambda: ring.decrypt(token).hex())
    else:
        plain = attempt(lambda: ring.decrypt_at_time(token, ttl, now).hex())
    time = attempt(lambda: ring.extract_timestamp(token))
    print(json.dumps([plain, time, attempt(lambda: ring.rotate(token).decode())]))
";

/// For each case: a token of Python's making.
const MAKE: &str = r"
import json, sys
from cryptography.fernet import Fernet
for line in sys.stdin:
    key, plain, created = json.loads(line)
    print(json.dumps(Fernet(key).encrypt_at_time(bytes.fromhex(plain), created).decode()))
";

/// A small generator: the cases must be many, and the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.roll(256)).unwrap()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A token with one thing done to it that a person, a mail program or an attacker does.
fn mutated(dice: &mut Dice, key: &FernetKey, raw: &[u8]) -> String {
    let mac = MacKey::new(key.signing());
    let mut raw = raw.to_vec();
    let resign = |mut body: Vec<u8>| {
        let tag = mac.sign(&[&body]);
        body.extend_from_slice(&tag);
        alphabet::encode_token(&body)
    };
    let text = alphabet::encode_token(&raw);
    let place = dice.roll(text.len());
    let (before, after) = text.split_at(place);
    match dice.roll(14) {
        0 => text,
        1 => {
            let at = dice.roll(raw.len());
            raw[at] ^= 1 << dice.roll(8);
            alphabet::encode_token(&raw)
        }
        2 => before.to_owned(),
        3 => format!(
            "{before}{}{after}",
            ["\n", " ", "=", "==", "!", "A", "-", "\u{e9}"][dice.roll(8)]
        ),
        4 => format!(
            "{text}{}",
            ["\n", "\r\n", "=", "==", "A", "AAAA", "====AAAA"][dice.roll(7)]
        ),
        5 => text.replace('-', "+").replace('_', "/"),
        6 => text.trim_end_matches('=').to_owned(),
        7 => format!("{text}{text}"),
        8 => format!("{before}{}", &after[1..]),
        9 => {
            raw.truncate(raw.len() - 32);
            raw.truncate(dice.roll(raw.len()) + 1);
            resign(raw)
        }
        10 => {
            raw.truncate(raw.len() - 32);
            let at = dice.roll(raw.len());
            raw[at] = dice.byte();
            resign(raw)
        }
        11 => {
            raw.truncate(raw.len() - 32);
            let more = dice.roll(40);
            raw.extend(dice.bytes(more));
            resign(raw)
        }
        12 => {
            let mut swapped = text.into_bytes();
            let other = dice.roll(swapped.len());
            swapped.swap(place, other);
            String::from_utf8(swapped).unwrap()
        }
        _ => {
            // Other bits in the last character before the padding.
            let body = text.trim_end_matches('=');
            let padding = &text[body.len()..];
            let last = b"ABCDwxyz0189-_"[dice.roll(14)];
            format!("{}{}{padding}", &body[..body.len() - 1], char::from(last))
        }
    }
}

fn ring(keys: &[String]) -> Keyring {
    Keyring::from_keys(
        keys.iter()
            .map(|key| FernetKey::from_text(key).unwrap())
            .collect(),
    )
    .unwrap()
}

#[test]
fn python_judges_random_and_mutated_tokens_as_we_do() {
    if !has_python("cryptography") {
        return;
    }
    let mut dice = Dice(0x00c0_ffee_dada_1234);
    let keys: Vec<String> = (0..4)
        .map(|_| FernetKey::generate().unwrap().to_text().to_string())
        .collect();
    let chosen = [&keys[..1], &keys[..2], &keys[1..3], &keys[..]];
    let rings = chosen.map(ring);
    let sealing_keys: Vec<(FernetKey, SealingKey)> = keys
        .iter()
        .map(|key| FernetKey::from_text(key).unwrap())
        .map(|key| (key.duplicate(), SealingKey::of(&key)))
        .collect();
    let mut cases = Vec::new();
    let mut ours = Vec::new();
    for _ in 0..TOKENS {
        let (key, sealing) = &sealing_keys[dice.roll(4)];
        let length = dice.roll(70);
        let created = [CREATED, 0, u64::MAX, CREATED + 61, CREATED - 61][dice.roll(5)];
        let iv = dice.bytes(16).try_into().unwrap();
        let mut raw = Vec::new();
        seal::token(sealing, &iv, created, &dice.bytes(length), &mut raw);
        let token = mutated(&mut dice, key, &raw);
        let which = dice.roll(4);
        let ring = &rings[which];
        let ttl = (dice.roll(2) == 0).then(|| Ttl {
            seconds: [0, 1, 60, 61, u64::MAX][dice.roll(5)],
            now: [CREATED, CREATED + 60, CREATED + 62, 0, u64::MAX][dice.roll(5)],
        });
        let plain = ring.decrypt(&token, ttl).ok().map(|plain| hex(&plain));
        let time = ring.extract_timestamp(&token).ok();
        let rotated = match ring.rotate(&token) {
            Ok(rotated) => Some(ring.decrypt(&rotated, None).unwrap()),
            Err(error) => {
                assert_eq!(error, RotateError::Token(TokenError));
                None
            }
        };
        cases.push(json!([
            chosen[which],
            token,
            ttl.map(|ttl| ttl.seconds),
            ttl.map(|ttl| ttl.now)
        ]));
        ours.push((plain, time, rotated, which));
    }
    let theirs = ask(JUDGE, &cases);
    assert_eq!(theirs.len(), ours.len());
    let mut opened = 0;
    for ((case, theirs), (plain, time, rotated, which)) in cases.iter().zip(&theirs).zip(&ours) {
        assert_eq!(theirs[0].as_str(), plain.as_deref(), "{case}");
        assert_eq!(theirs[1].as_u64(), *time, "{case}");
        let again = theirs[2]
            .as_str()
            .map(|token| rings[*which].decrypt(token, None).unwrap());
        assert_eq!(again, *rotated, "{case}");
        opened += usize::from(plain.is_some());
    }
    // Neither side of the judgement may be rare.
    assert!(
        opened > TOKENS / 12 && opened < TOKENS / 12 * 11,
        "{opened} opened"
    );
}

#[test]
fn python_and_we_read_each_others_tokens() {
    if !has_python("cryptography") {
        return;
    }
    let mut dice = Dice(77);
    let key = FernetKey::generate().unwrap().to_text().to_string();
    let ring = ring(std::slice::from_ref(&key));
    let plains: Vec<Vec<u8>> = (0..300).map(|length| dice.bytes(length)).collect();
    let theirs: Vec<Value> = plains
        .iter()
        .map(|plain| json!([key, hex(plain), CREATED]))
        .collect();
    for (token, plain) in ask(MAKE, &theirs).iter().zip(&plains) {
        let token = token.as_str().unwrap();
        assert_eq!(ring.decrypt(token, None).unwrap().as_slice(), plain);
        assert_eq!(ring.extract_timestamp(token).unwrap(), CREATED);
    }
    let ours: Vec<Value> = plains
        .iter()
        .map(|plain| {
            json!([
                [key],
                ring.encrypt(plain, CREATED).unwrap(),
                60,
                CREATED + 60
            ])
        })
        .collect();
    for (verdict, plain) in ask(JUDGE, &ours).iter().zip(&plains) {
        assert_eq!(verdict[0], hex(plain));
        assert_eq!(verdict[1], CREATED);
    }
}

/// A reader of `docs/`: the short one wants `cryptography`, the other one nothing.
fn reader(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/{name}"))
}

struct Recovery {
    directory: tempfile::TempDir,
    zone: FernetKey,
}

impl Recovery {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ring = Keyring::create(&directory.path().join("ring")).unwrap();
        Self {
            zone: ring.primary().duplicate(),
            directory,
        }
    }

    fn path(&self, name: &str) -> String {
        self.directory
            .path()
            .join(name)
            .to_str()
            .unwrap()
            .to_owned()
    }

    fn data_key(&self) -> (FernetKey, WrappedKey) {
        let key = FernetKey::generate().unwrap();
        let wrapped = WrappedKey::seal(&self.zone, &key, CREATED).unwrap();
        (key, wrapped)
    }

    fn frames(&self, plain: &[u8]) -> Vec<u8> {
        let (key, wrapped) = self.data_key();
        let id = ObjectId::random().unwrap();
        let (mut writer, mut sealed) = Sealer::new(&key, &wrapped, id, CREATED, b"files");
        writer.update(plain, &mut sealed);
        writer.finish(&mut sealed);
        sealed
    }

    /// The payloads together are `plain`.
    fn records(&self, plain: &[u8]) -> Vec<u8> {
        let (key, wrapped) = self.data_key();
        let id = ObjectId::random().unwrap();
        let (mut writer, mut sealed) = RecordSealer::new(&key, &wrapped, id, CREATED, b"files");
        for (number, payload) in (0_u128..).zip(plain.chunks(5000)) {
            let tag = number.to_be_bytes();
            writer.seal(&tag, payload, &mut sealed).unwrap();
        }
        writer.finish(&mut sealed);
        sealed
    }

    /// What the script recovers, or its exit status.
    fn run(&self, script: &str, sealed: &[u8], options: &[&str]) -> Result<Vec<u8>, i32> {
        let [object, output] = ["object", "output"].map(|name| self.path(name));
        std::fs::write(&object, sealed).unwrap();
        drop(std::fs::remove_file(&output));
        let script = reader(script);
        let ring = self.path("ring");
        let mut arguments = vec![script.to_str().unwrap()];
        arguments.extend_from_slice(options);
        arguments.extend([ring.as_str(), object.as_str(), output.as_str()]);
        let result = python(&arguments, "").unwrap();
        let status = result.status.code().unwrap();
        let left = std::fs::read(&output);
        assert!(!Path::new(&format!("{output}.partial")).exists());
        if status == 0 {
            return Ok(left.unwrap());
        }
        assert!(left.is_err(), "a refusal left an output");
        assert!(String::from_utf8_lossy(&result.stderr).starts_with("refused: "));
        Err(status)
    }
}

fn recovers(script: &str, options: &[&str], lengths: impl IntoIterator<Item = usize>) {
    let recovery = Recovery::new();
    for length in lengths {
        let plain = plaintext(length);
        for sealed in [recovery.frames(&plain), recovery.records(&plain)] {
            let recovered = recovery.run(script, &sealed, options);
            assert!(
                recovered.as_deref() == Ok(&plain[..]),
                "{length}: {:?}",
                recovered.err()
            );
        }
    }
}

#[test]
fn the_short_reader_recovers_objects_of_many_sizes() {
    if has_python("cryptography") {
        let around = [16_384, 32_768, 16 * 16_384];
        let edges = around.map(|edge| [edge - 1, edge, edge + 1]).concat();
        let lengths = [0, 1, 15, 16, 17, 100_000, 3_000_000];
        recovers(
            "recover.py",
            &["--context", "files"],
            lengths.into_iter().chain(edges),
        );
    }
}

#[test]
fn the_short_reader_is_short() {
    let text = std::fs::read_to_string(reader("recover.py")).unwrap();
    assert!(text.lines().count() < 40, "{} lines", text.lines().count());
    assert!(text.lines().all(|line| line.len() <= 140));
}

#[test]
fn the_pure_reader_recovers_with_nothing_but_python() {
    if has_python("hmac") {
        let options = ["--pure", "--context", "files"];
        recovers(
            "recover_pure.py",
            &options,
            [0, 1, 16_383, 16_384, 16_385, 100_000],
        );
    }
}

#[test]
fn the_short_reader_refuses_what_we_refuse() {
    if has_python("cryptography") {
        refuses("recover.py", &[]);
    }
}

#[test]
fn the_pure_reader_refuses_what_we_refuse() {
    if has_python("hmac") {
        let recovery = refuses("recover_pure.py", &["--pure"]);
        let records = recovery.records(b"abc");
        let unclosed = &records[..records.len() - 101];
        let options = ["--pure", "--unclosed", "--context", "files"];
        let recovered = recovery.run("recover_pure.py", unclosed, &options);
        assert_eq!(recovered.as_deref(), Ok(&b"abc"[..]));
    }
}

fn refuses(script: &str, options: &[&str]) -> Recovery {
    let recovery = Recovery::new();
    let [frames, records] = [
        recovery.frames(&plaintext(20_000)),
        recovery.records(b"abc"),
    ];
    let check = |sealed: &[u8], context: &str, what: &str| {
        let options = [options, &["--context", context]].concat();
        let verdict = recovery.run(script, sealed, &options);
        assert_eq!(verdict.err(), Some(65), "{what}");
    };
    check(&frames, "file", "another context");
    check(&records, "file", "another context");
    check(&frames[..512 + 16_457], "files", "no last frame");
    check(
        &frames[..frames.len() - 16],
        "files",
        "a shorter last frame",
    );
    check(&records[..records.len() - 101], "files", "no final record");
    check(&records[..records.len() - 1], "files", "a torn record");
    check(&[&records[..], b"\0"].concat(), "files", "something behind");
    for position in [3, 9, 14, 20, 30, 50, 73, 100, 300, 600, 600 + 16_457] {
        let mut altered = frames.clone();
        altered[position] ^= 1;
        check(&altered, "files", &format!("byte {position} of frames"));
    }
    for position in [10, 71, 511, 512, 515, 520, 535, 545, 600, 650, 700] {
        let mut altered = records.clone();
        altered[position] ^= 1;
        check(&altered, "files", &format!("byte {position} of records"));
    }
    recovery
}
