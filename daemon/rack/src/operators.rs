//! Who may sign a manifest, and how many of them must. Must never count one key twice.

use std::collections::BTreeSet;

use cofferdam_hwprofile::Refusal;
use cofferdam_trail::VerifierKey;

use crate::{Code, Faults};

/// The operators of a rack: any `threshold` of the `keys` together sign a manifest.
#[derive(Debug, Clone)]
pub struct Operators {
    /// The keys that check their signatures.
    pub keys: Vec<VerifierKey>,
    /// How many of them must have signed.
    pub threshold: u32,
}

impl Operators {
    /// The threshold as a count, where these operators can decide at all.
    ///
    /// # Errors
    /// If the threshold is nought or more than there are keys, or a key is given twice.
    pub(crate) fn quorum(&self) -> Result<usize, Faults> {
        let unfit = |seen: String| {
            let refusal = Refusal::new(
                Code::OperatorsUnfit.as_str(),
                "no manifest can be believed, because nobody can have signed it",
                Code::OperatorsUnfit.entry().mend,
            );
            Faults::one(refusal.read(seen))
        };
        let mut seen = BTreeSet::new();
        for key in &self.keys {
            // The last part of the text is the key itself: another name does not make another
            // operator.
            let text = key.to_string();
            let material = text.splitn(3, '+').nth(2).unwrap_or(&text).to_owned();
            if !seen.insert(material) {
                return Err(unfit(format!("the key {} is given twice", key.short())));
            }
        }
        match usize::try_from(self.threshold) {
            Ok(threshold) if (1..=self.keys.len()).contains(&threshold) => Ok(threshold),
            Ok(_) | Err(_) => Err(unfit(format!(
                "threshold {} of {} operators",
                self.threshold,
                self.keys.len()
            ))),
        }
    }
}
