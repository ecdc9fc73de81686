//! An object that is damaged, or newer than this program, is named as that.

use std::fs;

use crate::bench::{Bench, refused};

#[test]
fn a_header_that_cannot_be_read_keeps_its_own_code_from_a_file_and_from_a_pipe() {
    let bench = Bench::with_ring();
    fs::write(bench.at("plain"), "plain").expect("a file");
    bench.done(&["seal", "--keyring", "ring", "plain", "-o", "sealed"]);
    let sealed = fs::read(bench.at("sealed")).expect("an object");
    for (at, byte, code, says) in [
        (8, 9, "SE-303", "version 9"),
        (9, 9, "SE-304", "suite 9"),
        (10, 9, "SE-305", "layout 9"),
        (0, b'x', "CL-050", "neither a sealed object"),
    ] {
        let mut other = sealed.clone();
        other[at] = byte;
        fs::write(bench.at("other"), &other).expect("a file");
        let unseal = ["unseal", "--keyring", "ring"];
        let file = bench.run(&[&unseal[..], &["other"]].concat());
        let input = fs::File::open(bench.at("other")).expect("a file");
        let pipe = bench
            .command(&unseal)
            .stdin(input)
            .output()
            .expect("a program");
        for run in [file, pipe] {
            refused(&run, 65, &[code, says]);
            assert!(run.stdout.is_empty());
        }
    }
}
