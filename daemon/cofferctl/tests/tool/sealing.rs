//! The tool's own program, sealing and opening files, pipes and columns, as a shell meets it.
//!
//! Where there is no `python3`, or `COFFERDAM_PYTHON` names none with Django, a test says so and stops.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bench::{Bench, ended, feed, out, said, succeeded};

impl Bench {
    fn run_with(&self, variable: (&str, &str), arguments: &[&str], input: &[u8]) -> Output {
        feed(self.command(arguments).env(variable.0, variable.1), input)
    }

    fn sealed(&self, plain: &[u8]) -> Vec<u8> {
        self.sealed_with("fernet", plain)
    }

    fn sealed_with(&self, suite: &str, plain: &[u8]) -> Vec<u8> {
        let arguments = ["seal", "--keyring", "ring", "--suite", suite];
        let sealed = self.feed(&arguments, plain);
        succeeded(&sealed);
        assert!(
            sealed.stderr.is_empty(),
            "nothing is shown in a pipe: {}",
            said(&sealed)
        );
        sealed.stdout
    }

    fn opens(&self, sealed: &[u8], options: &[&str], expect: &[u8]) {
        fs::write(self.at("sealed"), sealed).expect("a file");
        for (place, input) in [(None, sealed), (Some("sealed"), &b""[..])] {
            let fixed = ["unseal", "--keyring", "ring"];
            let arguments = [&fixed[..], options, place.as_slice()].concat();
            let opened = self.feed(&arguments, input);
            assert!(opened.status.success(), "{arguments:?}: {}", said(&opened));
            assert!(opened.stdout == expect, "{arguments:?}: other bytes");
            assert!(opened.stderr.is_empty(), "{}", said(&opened));
        }
    }
}

fn plain(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at % 251).unwrap_or(0))
        .collect()
}

#[test]
fn files_and_pipes_come_back_whole_and_in_ranges() {
    let bench = Bench::with_ring();
    for length in [0, 1, 16_384, 300_000, 1_100_000] {
        bench.opens(&bench.sealed(&plain(length)), &[], &plain(length));
    }
    let content = plain(1_100_000);
    let sealed = bench.sealed(&content);
    for (range, from, to) in [
        ("0-0", 0, 1),
        ("16383-16384", 16_383, 16_385),
        ("262143-700000", 262_143, 700_001),
        ("1099999-9999999", 1_099_999, 1_100_000),
    ] {
        bench.opens(&sealed, &["--range", range], &content[from..to]);
    }
}

#[test]
fn the_second_suite_comes_back_whole_in_ranges_and_after_a_rotation() {
    let bench = Bench::with_ring();
    for length in [0, 1, 16_384, 300_000] {
        let sealed = bench.sealed_with("cobblestone-128", &plain(length));
        bench.opens(&sealed, &[], &plain(length));
    }
    let content = plain(300_000);
    let sealed = bench.sealed_with("cobblestone-128", &content);
    bench.opens(
        &sealed,
        &["--range", "16383-40000"],
        &content[16_383..40_001],
    );
    fs::write(bench.at("object"), &sealed).expect("a file");
    bench.done(&["key", "add", "ring"]);
    bench.done(&["key", "rotate", "--keyring", "ring", "object"]);
    let ring = fs::read_to_string(bench.at("ring")).expect("a ring");
    let first = ring.lines().next().expect("a key");
    fs::write(bench.at("ring"), first).expect("a ring");
    bench.opens(
        &fs::read(bench.at("object")).expect("a file"),
        &[],
        &content,
    );
    let cut = &sealed[..sealed.len() - 1];
    fs::write(bench.at("ring"), &ring).expect("a ring");
    let refused = bench.feed(&["unseal", "--keyring", "ring", "-o", "out"], cut);
    assert_eq!(refused.status.code(), Some(65), "{}", said(&refused));
    assert!(!bench.at("out").exists());
}

/// Opens an object of the second suite with nothing of ours: the data key from the ring, the message's key from the data key.
const RECOVER: &str = "import hmac,hashlib,base64,sys
from cryptography.fernet import Fernet, MultiFernet
from cryptography.cobblestone import Cobblestone128Decryptor
o=open('object','rb').read(); ring=MultiFernet([Fernet(l) for l in open('ring').read().split()])
w=int.from_bytes(o[72:74],'big'); dek=base64.urlsafe_b64decode(ring.decrypt(base64.urlsafe_b64encode(o[74:74+w])))
key=hmac.new(dek,b'cofferdam/v1 cobblestone-128\\0'+o[:40]+b'\\x01',hashlib.sha256).digest()[:16]
d=Cobblestone128Decryptor(key,context=b''); sys.stdout.buffer.write(d.update(o[512:])+d.finalize())";

#[test]
fn python_recovers_an_object_of_the_second_suite_from_the_ring_alone() {
    let bench = Bench::with_ring();
    let ready = run_python("import cryptography.cobblestone", &[], bench.path());
    if !ready.is_some_and(|output| output.status.success()) {
        println!("skipped: no python3 with cryptography 50 (COFFERDAM_PYTHON names another)");
        return;
    }
    for length in [0, 100, 50_000] {
        let sealed = bench.sealed_with("cobblestone-128", &plain(length));
        fs::write(bench.at("object"), sealed).expect("a file");
        let recovered = run_python(RECOVER, &[], bench.path()).expect("python");
        assert!(
            recovered.stdout == plain(length),
            "{length}: {}",
            said(&recovered)
        );
    }
}

#[test]
fn tokens_and_cells_are_opened_like_objects_and_in_ranges() {
    let bench = Bench::with_ring();
    let token = bench
        .feed(
            &["seal", "--keyring", "ring", "--token"],
            b"scope:files.read",
        )
        .stdout;
    let cell = STANDARD.encode(token.trim_ascii());
    assert!(cell.starts_with("Z0FBQUFB"));
    for sealed in [&token[..], cell.as_bytes(), format!("{cell}\n").as_bytes()] {
        bench.opens(sealed, &[], b"scope:files.read");
        bench.opens(sealed, &["--range", "6-10"], b"files");
    }
}

#[test]
fn what_was_cut_off_or_changed_ends_in_a_refusal_and_leaves_no_file() {
    let bench = Bench::with_ring();
    let sealed = bench.sealed(&plain(100_000));
    let mut changed = sealed.clone();
    changed[60_000] ^= 1;
    let whole_frames = 512 + 3 * 16_457;
    for (why, bytes) in [
        ("cut between frames", &sealed[..whole_frames]),
        ("cut within a frame", &sealed[..50_000]),
        ("changed", &changed[..]),
        ("header alone", &sealed[..512]),
        ("cut header", &sealed[..300]),
    ] {
        fs::write(bench.at("bad"), bytes).expect("a file");
        for input in [Some("bad"), None] {
            let fixed = ["unseal", "--keyring", "ring", "-o", "out"];
            let opened = bench.feed(&[&fixed[..], input.as_slice()].concat(), bytes);
            assert_eq!(opened.status.code(), Some(65), "{why}: {}", said(&opened));
            let left = fs::read_dir(bench.at(".")).expect("a directory");
            let left = left.map(|entry| entry.expect("an entry").file_name());
            let half = |name: &std::ffi::OsString| name.to_string_lossy().contains("out");
            assert_eq!(left.filter(half).count(), 0, "{why}");
        }
    }
    for (range, code) in [("100000-100001", 65), ("5-4", 64), ("x", 64)] {
        let opened = bench.feed(&["unseal", "--keyring", "ring", "--range", range], &sealed);
        assert_eq!(opened.status.code(), Some(code), "{}", said(&opened));
        assert!(opened.stdout.is_empty());
    }
}

#[test]
fn the_environment_names_the_keyring_and_a_key_in_it_is_not_repeated() {
    let bench = Bench::with_ring();
    let path = bench.at("ring");
    let path = path.to_str().expect("UTF-8");
    let token = bench
        .run_with(("FERNET_KEY", path), &["seal", "--token"], b"x")
        .stdout;
    let opened = bench.run_with(
        ("field_key_dir", "absent"),
        &["unseal", "--keyring", "ring"],
        &token,
    );
    assert_eq!(opened.stdout, b"x");

    let key = fs::read_to_string(path).expect("a key");
    let refused = bench.run_with(("FERNET_KEY", key.trim()), &["unseal"], &token);
    assert_eq!(refused.status.code(), Some(78));
    let message = said(&refused);
    assert!(
        message.contains("SE-112") && !message.contains(key.split_at(8).0),
        "{message}"
    );

    let none = bench.feed(&["unseal"], &token);
    assert!(said(&none).contains("SE-118"), "{}", said(&none));
    let made = bench.run_with(("field_key_dir", "keys"), &["key", "new"], b"");
    assert!(
        made.status.success() && bench.at("keys/fernet.key").exists(),
        "{}",
        said(&made)
    );
    let again = bench.run_with(("field_key_dir", "keys"), &["key", "new"], b"");
    assert!(said(&again).contains("SE-115"), "{}", said(&again));
}

fn python() -> PathBuf {
    std::env::var_os("COFFERDAM_PYTHON").map_or_else(|| "python3".into(), PathBuf::from)
}

fn run_python(script: &str, arguments: &[&str], directory: &Path) -> Option<Output> {
    let found = Command::new(python()).arg("--version").output().is_ok();
    found.then(|| {
        let mut command = Command::new(python());
        command.arg("-B").arg("-c").arg(script).args(arguments);
        ended(command.current_dir(directory))
    })
}

fn adopt(bench: &Bench, batch: &str) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/adopt_field.py");
    let mut command = Command::new(python());
    command
        .arg("-B")
        .arg(script)
        .args(["app.sqlite3", "licences", "license"]);
    command.args(["--keyring", "ring", "--batch", batch]);
    command.args(["--cofferctl", env!("CARGO_BIN_EXE_cofferctl")]);
    ended(command.current_dir(bench.path()))
}

/// Prints the column as CSV.
const COLUMN: &str = "import csv,sqlite3,sys
rows=sqlite3.connect('app.sqlite3').execute('SELECT license FROM licences ORDER BY rowid')
w=csv.writer(sys.stdout,lineterminator='\\n'); w.writerow(['license']); w.writerows(rows)";

/// Opens the column.
const DECRYPT: [&str; 6] = [
    "field",
    "decrypt",
    "--keyring",
    "ring",
    "--column",
    "license",
];

/// A table of cells, from the lines of a file.
const TABLE: &str = "import sqlite3
d=sqlite3.connect('app.sqlite3'); d.execute('CREATE TABLE licences(id INTEGER PRIMARY KEY, license TEXT)')
d.executemany('INSERT INTO licences(license) VALUES(?)',[(l.rstrip(chr(10)),) for l in open('cells')]); d.commit()";

#[test]
fn a_column_in_sqlite_is_adopted_in_batches_resumed_after_a_refusal_and_then_left_alone() {
    let bench = Bench::with_ring();
    let mut cells = String::new();
    for number in 0..7 {
        let value = format!("value {number}");
        let token = bench
            .feed(&["seal", "--keyring", "ring", "--token"], value.as_bytes())
            .stdout;
        cells.push_str(&STANDARD.encode(token.trim_ascii()));
        cells.push('\n');
    }
    fs::write(bench.at("cells"), format!("{cells}\nnever encrypted\n")).expect("a file");
    let Some(made) = run_python(TABLE, &[], bench.path()) else {
        println!("skipped: no python3");
        return;
    };
    succeeded(&made);
    // Interrupted in the third batch by a cell that the ring does not open.
    let spoil = "import sqlite3,sys
d=sqlite3.connect('app.sqlite3'); d.execute('UPDATE licences SET license=replace(license,?,?) WHERE id=6',sys.argv[1:]); d.commit()";
    run_python(spoil, &["Z0FBQUFB", "Z0FBQUFBQUFB"], bench.path());
    let stopped = adopt(&bench, "2");
    assert!(!stopped.status.success());
    assert!(
        said(&stopped).contains("CL-061") && said(&stopped).contains("4 moved"),
        "{}",
        said(&stopped)
    );
    run_python(spoil, &["Z0FBQUFBQUFB", "Z0FBQUFB"], bench.path());
    bench.done(&["key", "add", "ring"]);
    for expect in ["7 moved, 0 were", "0 moved, 7 were"] {
        let adopted = adopt(&bench, "2");
        let line = String::from_utf8_lossy(&adopted.stdout).into_owned();
        assert!(
            line.contains(expect) && line.contains("1 never"),
            "{line}{}",
            said(&adopted)
        );
    }
    let column = run_python(COLUMN, &[], bench.path())
        .expect("python")
        .stdout;
    let opened = bench.feed(&[&DECRYPT[..], &["--take-plain"]].concat(), &column);
    let values: Vec<String> = (0..7).map(|number| format!("value {number}\n")).collect();
    let expect = format!("license\n{}\"\"\nnever encrypted\n", values.concat());
    assert_eq!(out(&opened), expect, "{}", said(&opened));
    let raw = fs::read(bench.at("app.sqlite3")).expect("a database");
    assert!(
        !raw.windows(7).any(|part| part == b"value 3"),
        "plaintext on the disk"
    );
}

/// A model with a field of the kind: base64 of a token in, bytes out, false values as they are.
const DJANGO: &str = "
import base64, django
from django.conf import settings
settings.configure(DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'app.sqlite3'}}, DEFAULT_AUTO_FIELD='django.db.models.AutoField')
django.setup()
from django.db import connection, models
from cryptography.fernet import Fernet
fernet = Fernet(open('ring').readline().strip())
class Encrypted(models.TextField):
    def get_prep_value(self, value):
        return base64.b64encode(fernet.encrypt(value.encode())).decode() if value else value
    def from_db_value(self, value, *_):
        return fernet.decrypt(base64.b64decode(value)) if value else value
class Licence(models.Model):
    license = Encrypted(null=True)
    class Meta:
        app_label = 'app'
        db_table = 'licences'
with connection.schema_editor() as editor:
    editor.create_model(Licence)
for text in ['scope:files.read', 'grüße, \"q\"', '', 'two\\nlines']:
    Licence.objects.create(license=text)
assert Licence.objects.get(pk=1).license == b'scope:files.read'
assert Licence.objects.filter(license='scope:files.read').count() == 0
";

#[test]
fn what_django_wrote_is_opened_and_adopted() {
    let bench = Bench::with_ring();
    let ready = run_python("import django, cryptography", &[], bench.path());
    if !ready.is_some_and(|output| output.status.success()) {
        println!(
            "skipped: python3 with django and cryptography is not here (COFFERDAM_PYTHON names another)"
        );
        return;
    }
    let written = run_python(DJANGO, &[], bench.path()).expect("python");
    succeeded(&written);
    let expect = "license\nscope:files.read\n\"grüße, \"\"q\"\"\"\n\"\"\n\"two\nlines\"\n";
    let opens = || {
        let column = run_python(COLUMN, &[], bench.path())
            .expect("python")
            .stdout;
        let opened = bench.feed(&DECRYPT, &column);
        assert_eq!(out(&opened), expect, "{}", said(&opened));
        String::from_utf8_lossy(&column).matches("Z0FBQUFB").count()
    };
    assert_eq!(opens(), 3);
    let adopted = adopt(&bench, "100");
    succeeded(&adopted);
    assert_eq!(opens(), 0);
}
