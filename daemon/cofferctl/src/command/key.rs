//! `cofferctl key`: keyrings made, named and rotated. Must never print a key.

use std::path::{Path, PathBuf};

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use cofferdam_seal::{
    HeaderError, Keyring, KeyringError, KeyringPlace, REWRAP_SUFFIX, RewrapError, RewrapErrorKind,
    Rewrapped, rewrap_file,
};
use serde_json::json;

use super::object::file_failed;
use crate::cli::KeyCommand;
use crate::environment;
use crate::verdict::{Failure, Outcome, Verdict};

pub(crate) fn run(command: KeyCommand) -> Outcome {
    match command {
        KeyCommand::New { file } => new(file),
        KeyCommand::Add { file } => add(&file),
        KeyCommand::Show { file } => show(file.as_deref()),
        KeyCommand::Rotate { keyring, paths } => rotate(keyring.as_deref(), &paths),
    }
}

/// A keyring, and the file that it was read from.
pub(crate) struct Ring {
    pub(crate) file: PathBuf,
    pub(crate) keys: Keyring,
}

/// Reads the ring that was named, or the one that the surroundings name.
pub(crate) fn read_ring(named: Option<&Path>) -> Result<Ring, Failure> {
    let place = find(named).map_err(|error| unusable(&error))?;
    let keys = place.read().map_err(|error| unusable(&error))?;
    let file = place.path().to_path_buf();
    Ok(Ring { file, keys })
}

fn find(named: Option<&Path>) -> Result<KeyringPlace, KeyringError> {
    match named {
        Some(path) => Ok(KeyringPlace::File(path.to_path_buf())),
        None => environment::keyring_sources().find(),
    }
}

fn unusable(error: &KeyringError) -> Failure {
    let refusal = Refusal::new(
        error.code(),
        "the keyring cannot be used, so nothing was sealed or opened",
        "name a keyring file of yours, mode 0600: `cofferctl key new FILE` makes one",
    )
    .read(cofferdam_node::refusal::chain(error));
    Failure::new(Exit::Config, refusal)
}

fn new(file: Option<PathBuf>) -> Outcome {
    let made = match file {
        Some(path) => Keyring::create(&path).map(|_ring| path),
        None => environment::keyring_sources().create(),
    };
    let file = made.map_err(|error| {
        let refusal = Refusal::new(
            error.code(),
            "no keyring was made",
            "name a file that does not exist yet, in a directory of yours",
        )
        .read(cofferdam_node::refusal::chain(&error));
        Failure::new(Exit::Config, refusal)
    })?;
    Ok(Verdict::yes(format!(
        "made: a keyring with one key, mode 0600, {}",
        file.display()
    ))
    .body("keep a copy where the rack is not: without it nothing sealed under it opens again\n")
    .value(json!({ "file": file })))
}

fn add(file: &Path) -> Outcome {
    let ring = Keyring::add_primary(file).map_err(|error| {
        let refusal = Refusal::new(
            error.code(),
            "the keyring is as it was",
            "name a keyring of yours, mode 0600, with fewer than 64 keys",
        )
        .read(cofferdam_node::refusal::chain(&error));
        Failure::new(Exit::Config, refusal)
    })?;
    let name = ring.primary().fingerprint().to_string();
    Ok(Verdict::yes(format!(
        "added: {name} seals from now on, {} keys, {}",
        ring.count(),
        file.display()
    ))
    .body(
        "keep a copy where the rack is not; then `cofferctl key rotate` what the old keys sealed\n",
    )
    .value(json!({ "file": file, "fingerprint": name, "keys": ring.count() })))
}

fn show(named: Option<&Path>) -> Outcome {
    let place = find(named).map_err(|error| unusable(&error))?;
    let ring = place.read().map_err(|error| unusable(&error))?;
    let names: Vec<String> = ring.fingerprints().map(|name| name.to_string()).collect();
    let body: String = (0..)
        .zip(&names)
        .map(|(number, name)| match number {
            0 => format!("{name}  seals and opens\n"),
            1.. | i32::MIN..0 => format!("{name}  opens\n"),
        })
        .collect();
    let line = format!("{} keys, {}", names.len(), place.path().display());
    Ok(Verdict::yes(line)
        .body(body)
        .value(json!({ "file": place.path(), "fingerprints": names })))
}

/// What a rotation has come to so far.
#[derive(Default)]
struct Rotation {
    moved: usize,
    already: usize,
    passed_over: usize,
    refused: Vec<Refusal>,
}

fn rotate(keyring: Option<&Path>, paths: &[PathBuf]) -> Outcome {
    let ring = read_ring(keyring)?.keys;
    let mut rotation = Rotation::default();
    for path in paths {
        // What is named must be an object or a directory; what merely lies in a directory may be anything.
        if path.is_dir() {
            rotation.directory(path, &ring);
        } else {
            match rewrap_file(path, &ring) {
                Ok(done) => rotation.count(done),
                Err(error) => rotation.refuse(&error),
            }
        }
    }
    let Rotation {
        moved,
        already,
        passed_over,
        refused,
    } = rotation;
    let line = format!(
        "{moved} re-wrapped, {already} under the primary key before, {passed_over} other files passed over"
    );
    if refused.is_empty() {
        return Ok(Verdict::yes(format!("rotated: {line}")).value(json!({
            "moved": moved, "already": already, "passed_over": passed_over,
        })));
    }
    let refusals = refused.into_iter().map(|refusal| refusal.also(&line));
    Err(Failure::all(Exit::Data, refusals.collect()))
}

impl Rotation {
    /// Every object below a directory. Links are not followed; the order is that of the names, so that a second run that was
    /// interrupted passes the same way.
    fn directory(&mut self, directory: &Path, ring: &Keyring) {
        let mut waiting = vec![directory.to_path_buf()];
        while let Some(directory) = waiting.pop() {
            let entries = std::fs::read_dir(&directory)
                .and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
            let mut entries = match entries {
                Ok(entries) => entries,
                Err(error) => {
                    self.refused
                        .extend(file_failed(&directory, &error).refusals);
                    continue;
                }
            };
            entries.sort_by_key(std::fs::DirEntry::path);
            for entry in entries {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => waiting.push(entry.path()),
                    Ok(kind) if kind.is_file() => {
                        // The rotation of its object clears it away.
                        if !is_unfinished(&entry.path()) && !is_upload(&entry.path()) {
                            self.found(&entry.path(), ring);
                        }
                    }
                    Ok(_link_or_device) => self.passed_over += 1,
                    Err(error) => {
                        self.refused
                            .extend(file_failed(&entry.path(), &error).refusals);
                    }
                }
            }
        }
    }

    fn found(&mut self, path: &Path, ring: &Keyring) {
        match rewrap_file(path, ring) {
            Ok(done) => self.count(done),
            Err(RewrapError {
                kind: RewrapErrorKind::Header(HeaderError::Magic | HeaderError::Short { .. }),
                ..
            }) => self.passed_over += 1,
            Err(error) => self.refuse(&error),
        }
    }

    fn count(&mut self, done: Rewrapped) {
        match done {
            Rewrapped::Moved => self.moved += 1,
            Rewrapped::Already => self.already += 1,
        }
    }

    fn refuse(&mut self, error: &RewrapError) {
        let refusal = Refusal::new(
            error.code(),
            "an object was not rotated and is as it was",
            "mend what it names, keep the old keys in the ring, and run the same command again",
        );
        self.refused
            .push(refusal.read(cofferdam_node::refusal::chain(error)));
    }
}

/// A writer gives it its last name when it is whole; until then it is nobody else's.
fn is_upload(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end == cofferdam_seal::UNFINISHED_UPLOAD)
}

fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with('.') && name.ends_with(REWRAP_SUFFIX))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cofferdam_seal::{FernetKey, Header, ObjectId, Sealer, WrappedKey};

    use super::*;

    fn object(ring: &Keyring, path: &Path) {
        let key = FernetKey::generate().expect("randomness");
        let wrapped = WrappedKey::seal(ring.primary(), &key, 1).expect("randomness");
        let (mut sealer, mut sealed) = Sealer::new(&key, &wrapped, ObjectId([1; 16]), 1, b"");
        sealer.update(b"content", &mut sealed);
        sealer.finish(&mut sealed);
        fs::write(path, sealed).expect("a file");
    }

    fn done(command: KeyCommand) -> String {
        format!("{:?}", run(command).expect("done"))
    }

    fn rotate_with(ring: &Path, path: &Path) -> Outcome {
        run(KeyCommand::Rotate {
            keyring: Some(ring.to_path_buf()),
            paths: vec![path.to_path_buf()],
        })
    }

    #[test]
    fn a_directory_is_rotated_to_the_new_key_and_a_second_run_finds_nothing_to_do() {
        let directory = tempfile::tempdir().expect("a directory");
        let (ring, data) = (directory.path().join("ring"), directory.path().join("data"));
        let old = Keyring::create(&ring).expect("a ring");
        fs::create_dir_all(data.join("deep")).expect("a directory");
        object(&old, &data.join("one"));
        object(&old, &data.join("deep/two"));
        fs::write(data.join("README"), b"not ours").expect("a file");
        fs::write(data.join(format!(".one{REWRAP_SUFFIX}")), b"half").expect("a file");
        done(KeyCommand::Add { file: ring.clone() });
        let ring_now = Keyring::read(&ring).expect("a ring");

        let said = format!("{:?}", rotate_with(&ring, &data).expect("rotated"));
        assert!(
            said.contains("2 re-wrapped, 0 under") && said.contains("1 other"),
            "{said}"
        );
        for name in ["one", "deep/two"] {
            let bytes = fs::read(data.join(name)).expect("an object");
            let header = Header::parse(&bytes).expect("a header");
            assert!(header.wrapped().is_under_primary(&ring_now), "{name}");
        }
        assert!(!data.join(format!(".one{REWRAP_SUFFIX}")).exists());
        let said = format!("{:?}", rotate_with(&ring, &data).expect("rotated"));
        assert!(said.contains("0 re-wrapped, 2 under"), "{said}");
    }

    #[test]
    fn one_object_of_another_ring_is_named_and_the_others_are_rotated() {
        let directory = tempfile::tempdir().expect("a directory");
        let (ring, data) = (directory.path().join("ring"), directory.path().join("data"));
        let old = Keyring::create(&ring).expect("a ring");
        fs::create_dir(&data).expect("a directory");
        object(&old, &data.join("ours"));
        let other = FernetKey::generate().expect("randomness");
        object(
            &Keyring::from_keys(vec![other]).expect("a ring"),
            &data.join("another"),
        );
        done(KeyCommand::Add { file: ring.clone() });
        let failure = rotate_with(&ring, &data).expect_err("refused");
        assert_eq!(failure.refusals.len(), 1);
        let said = failure.refusals[0].to_string();
        assert!(
            said.contains("SE-211") && said.contains("another"),
            "{said}"
        );
        assert!(said.contains("1 re-wrapped"), "{said}");
    }

    #[test]
    fn a_ring_is_shown_by_fingerprints_and_no_key_is_printed() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("ring");
        done(KeyCommand::New {
            file: Some(file.clone()),
        });
        done(KeyCommand::Add { file: file.clone() });
        let shown = run(KeyCommand::Show {
            file: Some(file.clone()),
        })
        .expect("shown");
        let shown = format!("{shown:?}");
        let keys = fs::read_to_string(&file).expect("keys");
        for (key, name) in keys
            .lines()
            .zip(Keyring::read(&file).expect("a ring").fingerprints())
        {
            assert!(shown.contains(&name.to_string()));
            assert!(!shown.contains(key.get(..8).expect("ASCII")));
        }
    }
}
