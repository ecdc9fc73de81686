//! A TPM that others wrote, at the other end of the same client.

use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::fact::Fact;
use crate::tpm::key::name;
use crate::tpm::{Endorsement, ask, public_key};

/// A TPM of software that ends with the test.
struct Swtpm {
    child: Child,
    stream: UnixStream,
}

impl Swtpm {
    /// Starts it on a state. It inherits the socket that it answers on, so nobody waits for a path to
    /// appear, and it ends by itself when this end is closed.
    fn start(state: &Path) -> Self {
        let (stream, theirs) = UnixStream::pair().unwrap();
        let patience = Some(Duration::from_secs(30));
        stream.set_read_timeout(patience).unwrap();
        stream.set_write_timeout(patience).unwrap();
        // It takes no socket below 3, where the standard library puts what a child inherits.
        let child = Command::new("sh")
            .args([
                "-c",
                "exec swtpm socket \"$@\" --fd 3 3<&0 </dev/null",
                "sh",
            ])
            .args(["--tpm2", "--flags", "not-need-init,startup-clear"])
            .arg("--tpmstate")
            .arg(format!("dir={}", state.display()))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, stream }
    }

    fn told(state: &Path) -> Endorsement {
        let swtpm = Self::start(state);
        ask(&swtpm.stream).unwrap()
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        // It may have ended by itself; it is waited for in either case.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Whether there is one here; a test without it says so.
fn is_installed() -> bool {
    let runs = |program: &str| {
        let mut command = Command::new(program);
        let command = command
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok()
    };
    let installed = runs("swtpm") && runs("swtpm_setup");
    if !installed {
        writeln!(std::io::stderr(), "skipped: swtpm is not installed").expect("standard error");
    }
    installed
}

/// Makes a TPM below a directory, with an authority of its own for certificates.
fn make(directory: &Path, name: &str, arguments: &[&str]) -> std::path::PathBuf {
    let state = directory.join(name);
    fs::create_dir_all(&state).unwrap();
    let at = |file: &str| directory.join(file).display().to_string();
    let authority = [
        format!("statedir = {}\n", at("authority")),
        format!("signingkey = {}\n", at("authority/key.pem")),
        format!("issuercert = {}\n", at("authority/issuer.pem")),
        format!("certserial = {}\n", at("authority/serial")),
    ];
    fs::create_dir_all(directory.join("authority")).unwrap();
    fs::write(directory.join("authority.conf"), authority.concat()).unwrap();
    fs::write(
        directory.join("authority.options"),
        "--platform-manufacturer Cofferdam\n--platform-version 1\n--platform-model Test\n",
    )
    .unwrap();
    let setup = [
        "create_certs_tool = /usr/bin/swtpm_localca\n".to_owned(),
        format!("create_certs_tool_config = {}\n", at("authority.conf")),
        format!("create_certs_tool_options = {}\n", at("authority.options")),
    ];
    fs::write(directory.join("setup.conf"), setup.concat()).unwrap();
    let output = Command::new("swtpm_setup")
        .args(["--tpm2", "--config"])
        .arg(directory.join("setup.conf"))
        .arg("--tpmstate")
        .arg(&state)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    state
}

fn names(told: &Endorsement) -> Vec<(String, String)> {
    let keys = told.keys.value().unwrap_or_else(|| panic!("{told:?}"));
    keys.iter()
        .map(|key| (key.origin.clone(), key.key.reveal().to_owned()))
        .collect()
}

#[test]
fn a_software_tpm_with_certificates_names_the_keys_that_they_were_issued_for() {
    if !is_installed() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let written = directory.path().join("written");
    fs::create_dir_all(&written).unwrap();
    let path = written.display().to_string();
    let arguments = ["--create-ek-cert", "--write-ek-cert-files", &path];
    let state = make(directory.path(), "one", &arguments);
    let told = Swtpm::told(&state);
    assert_eq!(told.manufacturer, Fact::Value("IBM".to_owned()));
    let mut found = names(&told);
    assert_eq!(found[0].0, "certificate 0x01c00002");
    // The same keys as in the files that its maker wrote beside it.
    let mut expected: Vec<String> = fs::read_dir(&written)
        .unwrap()
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .map(|bytes| name(public_key(&bytes).unwrap()).unwrap())
        .map(|key| key.reveal().to_owned())
        .collect();
    assert_eq!(expected.len(), 2);
    expected.sort();
    found.sort_by(|a, b| a.1.cmp(&b.1));
    let found: Vec<String> = found.into_iter().map(|(_, key)| key).collect();
    assert_eq!(found, expected);
    // It is the same after it was started again, and another one is another.
    assert_eq!(Swtpm::told(&state), told);
    let other = make(directory.path(), "two", &["--create-ek-cert"]);
    let other = names(&Swtpm::told(&other));
    assert!(other.iter().all(|(_, key)| !found.contains(key)));
}

#[test]
fn a_software_tpm_without_certificates_names_its_permanent_keys() {
    if !is_installed() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let state = make(directory.path(), "one", &["--createek"]);
    let told = Swtpm::told(&state);
    let origins: Vec<String> = names(&told).into_iter().map(|(origin, _)| origin).collect();
    assert_eq!(origins, ["key 0x81010001", "key 0x81010016"]);
}

#[test]
fn a_software_tpm_that_nobody_provisioned_has_no_endorsement_key() {
    if !is_installed() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let told = Swtpm::told(directory.path());
    assert_eq!(told.keys, Fact::Absent);
    assert_eq!(told.manufacturer, Fact::Value("IBM".to_owned()));
}
