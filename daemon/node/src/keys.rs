//! Data keys, asked of the keeper over the link. New keys come in batches, so that a write rarely waits for the keeper; a key is
//! wiped when its holder drops it, and the pool when the lease is lost.

use std::collections::{BTreeMap, VecDeque};
use std::sync::PoisonError;
use std::time::Duration;

use cofferdam_hwprofile::Refusal;
use cofferdam_link::{Connection, Dialer};
use cofferdam_rack::ZoneName;
use cofferdam_rack::keys::{KeyNew, KeyNewAnswer, KeyOpen, KeyOpenAnswer};
use cofferdam_seal::{FernetKey, WrappedKey};
use tokio::sync::{Mutex, watch};

use crate::authority::{BenchError, post_json};
use crate::node::Addresses;

/// How many keys are asked for at once.
const BATCH: u32 = 16;
/// How long a caller waits for a key.
const DEADLINE: Duration = Duration::from_secs(5);

/// The keys of one node.
#[derive(Debug)]
pub struct Keys {
    dialer: Dialer,
    addresses: Addresses,
    keeper: ZoneName,
    /// Keys that nobody took yet. Never held while somebody is waited for, so that they can always be wiped at once.
    unused: std::sync::Mutex<Unused>,
    /// The connection that is kept; held by the one who asks.
    line: Mutex<Option<Connection>>,
    /// Turns true once: from then on there is no key here, for nobody.
    closed: watch::Sender<bool>,
}

type Unused = BTreeMap<ZoneName, VecDeque<(FernetKey, WrappedKey)>>;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The keeper said no.
    #[error("the keeper refused: {0}")]
    Refused(Refusal),
    /// The keeper could not be asked.
    #[error("failed to ask the keeper for a key: {0}")]
    Unanswered(String),
}

impl KeysError {
    /// What a person reads.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Unanswered(seen) => Refusal::new(
                "ND-030",
                "the keeper gave no key, so nothing is sealed or opened",
                "see that the keeper runs and holds a lease: cofferctl status",
            )
            .read(seen.as_str()),
        }
    }
}

impl Keys {
    pub(crate) fn new(dialer: Dialer, addresses: Addresses, keeper: ZoneName) -> Self {
        Self {
            dialer,
            addresses,
            keeper,
            unused: std::sync::Mutex::default(),
            line: Mutex::new(None),
            closed: watch::Sender::new(false),
        }
    }

    /// A new data key, wrapped for `owner`.
    ///
    /// # Errors
    /// The keeper refused, or could not be asked in five seconds.
    pub async fn take(&self, owner: &ZoneName) -> Result<(FernetKey, WrappedKey), KeysError> {
        self.within_deadline(async {
            if let Some(pair) = self.pop(owner) {
                return Ok(pair);
            }
            let mut line = self.line.lock().await;
            // Whoever asked before may have brought more than it needed.
            if let Some(pair) = self.pop(owner) {
                return Ok(pair);
            }
            let question = KeyNew {
                owner: owner.clone(),
                count: BATCH,
            };
            let answer = self
                .ask(&mut line, "/v1/keys/new", &question.to_json())
                .await?;
            let answer = KeyNewAnswer::from_json(&answer).map_err(|error| unusable(&error))?;
            let mut pairs = read_pairs(answer)?;
            let first = pairs.pop_front().ok_or_else(|| {
                KeysError::Unanswered("the keeper answered with no key".to_owned())
            })?;
            self.keep(owner, pairs);
            Ok(first)
        })
        .await
    }

    fn unused(&self) -> std::sync::MutexGuard<'_, Unused> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pop(&self, owner: &ZoneName) -> Option<(FernetKey, WrappedKey)> {
        self.unused().get_mut(owner).and_then(VecDeque::pop_front)
    }

    /// Keeps what was brought beyond need; after the end nothing is kept.
    fn keep(&self, owner: &ZoneName, mut pairs: VecDeque<(FernetKey, WrappedKey)>) {
        let mut unused = self.unused();
        if !*self.closed.borrow() {
            unused.entry(owner.clone()).or_default().append(&mut pairs);
        }
    }

    /// Opens a wrapped data key that this zone owns.
    ///
    /// # Errors
    /// The keeper refused, or could not be asked in five seconds.
    pub async fn open(&self, wrapped: &WrappedKey) -> Result<FernetKey, KeysError> {
        self.within_deadline(async {
            let mut line = self.line.lock().await;
            let question = KeyOpen {
                wrapped: wrapped.as_bytes().to_vec(),
            };
            let answer = self
                .ask(&mut line, "/v1/keys/open", &question.to_json())
                .await?;
            let answer = KeyOpenAnswer::from_json(&answer).map_err(|error| unusable(&error))?;
            FernetKey::from_text(answer.0.reveal()).map_err(|error| unusable(&error))
        })
        .await
    }

    /// Forgets every unused key at once and for good: questions under way are cut, and no key is given any more. What the loss of a
    /// lease demands; it waits for nobody.
    pub(crate) fn close(&self) {
        // Said first: what is brought from now on is not kept.
        self.closed.send_replace(true);
        self.unused().clear();
        if let Ok(mut line) = self.line.try_lock() {
            *line = None;
        }
    }

    async fn within_deadline<T>(
        &self,
        asking: impl Future<Output = Result<T, KeysError>>,
    ) -> Result<T, KeysError> {
        let mut closed = self.closed.subscribe();
        tokio::select! {
            biased;
            _closed = closed.wait_for(|closed| *closed) => Err(KeysError::Refused(given_up())),
            asked = tokio::time::timeout(DEADLINE, asking) => asked.unwrap_or_else(|_elapsed| {
                Err(KeysError::Unanswered(format!("no answer in {DEADLINE:?}")))
            }),
        }
    }

    /// Asks over the kept connection; one that broke is replaced once.
    async fn ask(
        &self,
        line: &mut Option<Connection>,
        path: &str,
        question: &serde_json::Value,
    ) -> Result<serde_json::Value, KeysError> {
        if let Some(mut connection) = line.take() {
            match post_json(&mut connection, path, question).await {
                Ok(answer) => {
                    *line = Some(connection);
                    return Ok(answer);
                }
                Err(BenchError::Refused(refusal)) => {
                    *line = Some(connection);
                    return Err(KeysError::Refused(refusal));
                }
                Err(BenchError::Unreachable(_) | BenchError::Unanswered(_)) => {}
            }
        }
        let mut connection = self.connect().await?;
        let answer = post_json(&mut connection, path, question).await;
        if !matches!(
            answer,
            Err(BenchError::Unanswered(_) | BenchError::Unreachable(_))
        ) {
            *line = Some(connection);
        }
        answer.map_err(|error| match error {
            BenchError::Refused(refusal) => KeysError::Refused(refusal),
            other @ (BenchError::Unanswered(_) | BenchError::Unreachable(_)) => {
                KeysError::Unanswered(crate::refusal::chain(&other))
            }
        })
    }

    async fn connect(&self) -> Result<Connection, KeysError> {
        let address = self.addresses.get(&self.keeper).copied().ok_or_else(|| {
            KeysError::Unanswered("no address for the keeper in [peers] of node.toml".to_owned())
        })?;
        self.dialer
            .connect(address, &self.keeper)
            .await
            .map_err(|error| KeysError::Unanswered(crate::refusal::chain(&error)))
    }
}

fn read_pairs(answer: KeyNewAnswer) -> Result<VecDeque<(FernetKey, WrappedKey)>, KeysError> {
    let mut pairs = VecDeque::with_capacity(answer.0.len());
    for pair in answer.0 {
        let key = FernetKey::from_text(pair.key.reveal()).map_err(|error| unusable(&error))?;
        let wrapped = WrappedKey::from_bytes(&pair.wrapped).map_err(|error| unusable(&error))?;
        pairs.push_back((key, wrapped));
    }
    Ok(pairs)
}

fn unusable(error: &dyn std::error::Error) -> KeysError {
    KeysError::Unanswered(crate::refusal::chain(error))
}

fn given_up() -> Refusal {
    Refusal::new(
        "ND-070",
        "this node gave up its keys, so nothing is sealed or opened here any more",
        "see why it lost its lease: refusal.json in its state, or cofferctl status",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cofferdam_hwprofile::{KeyPin, Policy};
    use cofferdam_link::Clock;
    use cofferdam_rack::{Epoch, FlowTable};

    use super::*;

    /// The lab's flows; which ones does not matter here.
    fn flows() -> FlowTable {
        let fill = |text: &str| {
            let parties = ["kp1", "st1", "in1", "an1", "app"].iter().zip(1_u8..);
            parties.fold(text.to_owned(), |text, (party, number)| {
                text.replace(
                    &format!("{{{{key:{party}}}}}"),
                    &KeyPin([number; 32]).to_string(),
                )
            })
        };
        let policy = fill(include_str!("../../cofferctl/lab/hwprofile.toml"));
        let policy = Policy::parse("hwprofile.toml", &policy).expect("the lab's policy");
        let flows = fill(include_str!("../../cofferctl/lab/flows.toml"));
        FlowTable::parse("flows.toml", &flows, &policy).expect("the lab's flows")
    }

    fn pairs() -> VecDeque<(FernetKey, WrappedKey)> {
        let [zone, one, two] = std::array::from_fn(|_| FernetKey::generate().expect("a key"));
        let wrap = |key: FernetKey| {
            let wrapped = WrappedKey::seal(&zone, &key, 7).expect("wrapped");
            (key, wrapped)
        };
        [one, two].map(wrap).into()
    }

    #[test]
    fn keys_that_were_given_up_are_given_to_nobody_and_a_question_under_way_is_cut() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let snapshot = cofferdam_link::Snapshot {
                domain: "lab.internal".parse().expect("a domain"),
                credential: None,
                trust: cofferdam_rack::lease::TrustBundle::default(),
                pins: BTreeMap::new(),
                flows: Arc::new(flows()),
                epoch: Epoch::FIRST,
                revoked: Vec::new(),
            };
            let (_sender, standing) = watch::channel(Arc::new(snapshot));
            let dialer = Dialer::new(standing, Clock::system());
            let keeper: ZoneName = "keeper".parse().expect("a name");
            let keys = Keys::new(dialer, Arc::default(), keeper.clone());
            keys.keep(&keeper, pairs());
            assert!(keys.pop(&keeper).is_some());
            // A question that is never answered, holding the line, and driven by nobody while the keys are given up.
            let mut endless = Box::pin(keys.within_deadline(async {
                let _line = keys.line.lock().await;
                std::future::pending::<Result<(), KeysError>>().await
            }));
            let waiting = tokio::time::timeout(Duration::ZERO, endless.as_mut()).await;
            assert!(waiting.is_err() && keys.line.try_lock().is_err());
            keys.close();
            assert!(keys.pop(&keeper).is_none());
            keys.keep(&keeper, pairs());
            assert!(
                keys.pop(&keeper).is_none(),
                "what comes too late is not kept"
            );
            let cut = endless.await;
            assert_eq!(cut.expect_err("cut").refusal().code, "ND-070");
            let after = keys.take(&keeper).await.map(drop);
            assert_eq!(after.expect_err("refused").refusal().code, "ND-070");
        });
    }
}
