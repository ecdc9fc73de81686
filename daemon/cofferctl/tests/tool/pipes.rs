//! Standard output belongs to the data, byte for byte, whoever reads: what is said of it goes to standard error.

use std::fs;

use crate::bench::{Bench, document};

#[test]
fn what_is_sealed_for_a_program_opens_again_byte_for_byte() {
    let bench = Bench::with_ring();
    for suite in [
        &["--suite", "fernet"][..],
        &["--suite", "cobblestone-128"],
        &["--token"],
    ] {
        let seal = [&["--json", "seal", "--keyring", "ring"], suite].concat();
        let sealed = bench.feed(&seal, b"plain\n");
        assert_eq!(document(&sealed.stderr)["exit"], 0, "{suite:?}");
        let opened = bench.feed(&["unseal", "--keyring", "ring"], &sealed.stdout);
        assert_eq!(opened.stdout, b"plain\n", "{suite:?}");
        let opened = bench.feed(&["--json", "unseal", "--keyring", "ring"], &sealed.stdout);
        assert_eq!(opened.stdout, b"plain\n", "{suite:?}");
        let said = document(&opened.stderr);
        assert_eq!(said["verdict"], "opened: 6 bytes, every one verified");
    }
}

#[test]
fn the_values_of_a_column_come_alone_and_their_counts_beside_them() {
    let bench = Bench::with_ring();
    let token = bench.feed(&["seal", "--keyring", "ring", "--token"], b"a");
    let arguments = ["field", "decrypt", "--keyring", "ring"];
    let opened = bench.feed(&arguments, &token.stdout);
    assert_eq!(opened.stdout, b"a\n");
    assert!(opened.stderr.starts_with(b"opened: 0 cells, 1 tokens"));
    let opened = bench.feed(&[&["--json"], &arguments[..]].concat(), &token.stdout);
    assert_eq!(opened.stdout, b"a\n");
    let said = document(&opened.stderr);
    assert_eq!(
        said["verdict"],
        "opened: 0 cells, 1 tokens; 0 empty, 0 never encrypted"
    );
}

#[test]
fn a_refusal_in_the_middle_of_a_stream_puts_nothing_behind_what_was_opened() {
    let bench = Bench::with_ring();
    let plain: Vec<u8> = (0..40_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(bench.at("plain"), &plain).expect("a file");
    let sealed = bench.run(&["seal", "--keyring", "ring", "plain"]).stdout;
    fs::write(bench.at("cut"), &sealed[..sealed.len() - 40]).expect("a file");
    let cut = fs::File::open(bench.at("cut")).expect("a file");
    let opened = bench
        .command(&["--json", "unseal", "--keyring", "ring"])
        .stdin(cut)
        .output()
        .expect("a program");
    assert_eq!(opened.status.code(), Some(65));
    assert!(!opened.stdout.is_empty(), "verified pieces pass");
    assert!(plain.starts_with(&opened.stdout), "and nothing else");
    assert_eq!(document(&opened.stderr)["exit"], 65);
}

#[test]
fn with_a_file_for_the_data_standard_output_has_the_document() {
    let bench = Bench::with_ring();
    let arguments = ["--json", "seal", "--keyring", "ring", "-o", "sealed"];
    let sealed = bench.feed(&arguments, b"plain");
    let said = document(&sealed.stdout);
    assert_eq!(said["result"]["file"], "sealed");
    assert!(sealed.stderr.is_empty());
}

#[test]
fn an_output_that_takes_no_more_is_a_refusal_though_little_was_written() {
    let bench = Bench::with_ring();
    let token = bench.feed(&["seal", "--keyring", "ring", "--token"], b"a");
    fs::write(bench.at("token"), token.stdout).expect("a file");
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let Ok(full) = full else { return };
    let opened = bench
        .command(&["unseal", "--keyring", "ring", "token"])
        .stdout(full)
        .output()
        .expect("a program");
    assert_eq!(opened.status.code(), Some(65), "a part of it is lost");
}
