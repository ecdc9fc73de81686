//! Where `-o` writes: never over what a command reads, never over what is no file, and always the file that a link names.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};

use crate::bench::{Bench, refused};

impl Bench {
    /// A ring, something plain, and the same sealed.
    fn with_sealed() -> Self {
        let bench = Self::with_ring();
        fs::write(bench.at("plain"), "plain").expect("a file");
        bench.done(&["seal", "--keyring", "ring", "plain", "-o", "sealed"]);
        bench
    }

    /// The command ends so, and the file is as it was.
    fn leaves(&self, file: &str, arguments: &[&str], exit: i32, code: &str) {
        let before = fs::read(self.at(file)).expect("a file");
        refused(&self.run(arguments), exit, &[code]);
        assert_eq!(fs::read(self.at(file)).expect("a file"), before, "{file}");
        self.has_no_part();
    }

    fn has_no_part(&self) {
        for entry in fs::read_dir(self.path()).expect("a directory") {
            let name = entry.expect("an entry").file_name();
            assert!(
                !name.to_string_lossy().ends_with(".part"),
                "{}",
                name.display()
            );
        }
    }
}

#[test]
fn the_keyring_and_the_input_are_never_written_over() {
    let bench = Bench::with_sealed();
    fs::hard_link(bench.at("ring"), bench.at("ring-by-another-name")).expect("a link");
    symlink("sealed", bench.at("link")).expect("a link");
    let seal = ["seal", "--keyring", "ring", "plain", "-o"];
    let unseal = ["unseal", "--keyring", "ring", "sealed", "-o"];
    let adopt = [
        "field",
        "adopt",
        "--keyring",
        "ring",
        "--take-plain",
        "plain",
        "-o",
    ];
    for (arguments, output, file) in [
        (&seal[..], "ring", "ring"),
        (&seal, "./ring", "ring"),
        (&seal, "ring-by-another-name", "ring"),
        (&seal, "plain", "plain"),
        (&unseal, "sealed", "sealed"),
        (&unseal, "link", "sealed"),
        (&unseal, "ring", "ring"),
        (&adopt, "plain", "plain"),
        (&adopt, "ring", "ring"),
    ] {
        bench.leaves(file, &[arguments, &[output]].concat(), 64, "CL-054");
    }
}

#[test]
fn a_keyring_of_the_environment_and_an_input_from_the_shell_are_kept_too() {
    let bench = Bench::with_sealed();
    let arguments = ["unseal", "-o", "sealed"];
    let sealed = fs::read(bench.at("sealed")).expect("a file");
    let run = bench
        .command(&arguments)
        .env("FERNET_KEY", bench.at("ring"))
        .stdin(fs::File::open(bench.at("sealed")).expect("a file"))
        .output()
        .expect("a program");
    refused(&run, 64, &["CL-054"]);
    assert_eq!(fs::read(bench.at("sealed")).expect("a file"), sealed);
    let ring = fs::read(bench.at("ring")).expect("a file");
    let run = bench
        .command(&["seal", "plain", "-o", "ring"])
        .env("FERNET_KEY", bench.at("ring"))
        .output()
        .expect("a program");
    refused(&run, 64, &["CL-054"]);
    assert_eq!(fs::read(bench.at("ring")).expect("a file"), ring);
}

#[test]
fn a_link_is_followed_and_stays_a_link() {
    let bench = Bench::with_sealed();
    fs::create_dir(bench.at("far")).expect("a directory");
    fs::write(bench.at("far/file"), "old").expect("a file");
    symlink("far/file", bench.at("link")).expect("a link");
    bench.done(&["unseal", "--keyring", "ring", "sealed", "-o", "link"]);
    assert!(bench.at("link").is_symlink());
    assert_eq!(fs::read(bench.at("far/file")).expect("a file"), b"plain");
    assert_eq!(fs::read_dir(bench.at("far")).expect("one").count(), 1);
    let metadata = bench.at("far/file").metadata().expect("a file");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_no_file_is_refused_and_stays_what_it_is() {
    let bench = Bench::with_sealed();
    let unseal = ["unseal", "--keyring", "ring", "sealed", "-o"];
    nix::unistd::mkfifo(&bench.at("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    symlink("pipe", bench.at("to-a-pipe")).expect("a link");
    symlink("nothing", bench.at("to-nothing")).expect("a link");
    fs::create_dir(bench.at("directory")).expect("a directory");
    for name in [
        "pipe",
        "to-a-pipe",
        "to-nothing",
        "directory",
        "none/file",
        "..",
    ] {
        refused(
            &bench.run(&[&unseal[..], &[name]].concat()),
            65,
            &["CL-041"],
        );
    }
    let kind = bench.at("pipe").metadata().expect("a pipe").file_type();
    assert!(kind.is_fifo() && bench.at("to-a-pipe").is_symlink());
    // The name that a shell gives to a pipe.
    let fixed = [&unseal[..], &["/proc/self/fd/1"]].concat();
    refused(&bench.run(&fixed), 65, &["CL-041"]);
    bench.has_no_part();
}
