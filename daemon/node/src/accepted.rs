//! The last manifest that this node accepted, remembered across restarts: an older one that is put back, however well it is signed,
//! is refused. It never forgets by itself, and a memory that cannot be read refuses too.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use cofferdam_hwprofile::Refusal;
use cofferdam_rack::{Epoch, Manifest};
use serde::{Deserialize, Serialize};

/// The file in a node's state directory.
const FILE: &str = "manifest.json";
/// The most of it that is read, in bytes.
const LIMIT_BYTES: u64 = 4096;

/// The file's form.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    version: u32,
    epoch: u64,
    manifest: String,
}

/// Accepts `manifest` in `state`: it follows the last one that was accepted there, and is the last one from now on.
///
/// # Errors
/// It is older than the last one (RK-207), another one of the same epoch (RK-208), or the memory cannot be used (ND-016).
pub(crate) fn accept(state: &Path, manifest: &Manifest) -> Result<(), Refusal> {
    let path = state.join(FILE);
    let last = read(&path).map_err(|error| unusable(&path, &error))?;
    if let Some((epoch, digest)) = &last {
        manifest
            .follows(*epoch, digest)
            .map_err(|refusal| refusal.also(format!("remembered in {}", path.display())))?;
    }
    if last == Some((manifest.epoch, manifest.digest)) {
        return Ok(());
    }
    write(state, &path, manifest).map_err(|error| unusable(&path, &error))
}

fn read(path: &Path) -> io::Result<Option<(Epoch, [u8; 32])>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(LIMIT_BYTES).read_to_end(&mut bytes)?;
    let record: Record = serde_json::from_slice(&bytes)?;
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    if record.version != 1 {
        return Err(wrong("its version is not 1"));
    }
    let epoch = Epoch::new(record.epoch).ok_or_else(|| wrong("its epoch is nought"))?;
    let digest = digest(&record.manifest).ok_or_else(|| wrong("it holds no digest"))?;
    Ok(Some((epoch, digest)))
}

/// Whole or not at all, and on disk before anything follows from it.
fn write(state: &Path, path: &Path, manifest: &Manifest) -> io::Result<()> {
    let record = Record {
        version: 1,
        epoch: manifest.epoch.number(),
        manifest: crate::hex(&manifest.digest),
    };
    let fresh: PathBuf = state.join(format!(".{FILE}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(&serde_json::to_vec(&record)?)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(state)?.sync_all()
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let nibble = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect();
    bytes?.try_into().ok()
}

fn unusable(path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(
        "ND-016",
        "the last accepted manifest is not known, so an older one could not be told; the zone does not start",
        "look at the file and its disk; an operator who knows which manifest was last in force may remove it",
    )
    .read(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written_and_nothing_else_is() {
        let bytes = [0xa5_u8; 32];
        assert_eq!(digest(&crate::hex(&bytes)), Some(bytes));
        for wrong in [
            "",
            "a",
            "A5",
            "zz",
            &"a5".repeat(31),
            &"a5".repeat(33),
            &"5".repeat(63),
        ] {
            assert_eq!(digest(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_memory_that_is_not_there_is_none_and_one_that_is_damaged_is_an_error() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(FILE);
        assert_eq!(read(&path).expect("none"), None);
        let hex = "00".repeat(32);
        for wrong in [
            String::new(),
            "{}".to_owned(),
            "{\"version\":1,\"epoch\":1}".to_owned(),
            format!("{{\"version\":2,\"epoch\":1,\"manifest\":\"{hex}\"}}"),
            format!("{{\"version\":1,\"epoch\":0,\"manifest\":\"{hex}\"}}"),
            format!("{{\"version\":1,\"epoch\":-1,\"manifest\":\"{hex}\"}}"),
            format!("{{\"version\":1,\"epoch\":1,\"manifest\":\"{hex}\",\"more\":1}}"),
            "{\"version\":1,\"epoch\":1,\"manifest\":\"00\"}".to_owned(),
            "\u{0}".repeat(5000),
        ] {
            fs::write(&path, &wrong).expect("written");
            let error = read(&path).expect_err("damaged");
            assert_eq!(unusable(&path, &error).code, "ND-016", "{wrong}");
        }
        fs::write(
            &path,
            format!("{{\"version\":1,\"epoch\":7,\"manifest\":\"{hex}\"}}"),
        )
        .expect("written");
        assert_eq!(
            read(&path).expect("good"),
            Some((Epoch::new(7).expect("seven"), [0; 32]))
        );
    }
}
