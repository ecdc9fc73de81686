//! `cofferctl key`.

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use cofferdam_seal::Keyring;
use serde_json::json;

use crate::cli::KeyCommand;
use crate::verdict::{Failure, Outcome, Verdict};

pub(crate) fn run(command: KeyCommand) -> Outcome {
    let KeyCommand::New { file } = command;
    Keyring::create(&file).map_err(|error| {
        let refusal = Refusal::new(
            error.code(),
            "no keyring was made",
            "name a file that does not exist yet, in a directory of yours",
        )
        .read(format!(
            "{}: {}",
            file.display(),
            cofferdam_node::refusal::chain(&error)
        ));
        Failure::new(Exit::Config, refusal)
    })?;
    Ok(Verdict::yes(format!(
        "made: a keyring with one key, mode 0600, {}",
        file.display()
    ))
    .body("keep a copy where the rack is not: without it nothing sealed under it opens again\n")
    .value(json!({ "file": file })))
}
