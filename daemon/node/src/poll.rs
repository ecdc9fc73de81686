//! Hears from the keeper who lost a lease, within a second: one question that the keeper holds until it has news.

use std::time::Duration;

use cofferdam_link::{Dialer, Snapshot};
use cofferdam_rack::ZoneName;
use cofferdam_rack::lease::Standing;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

use crate::authority::ask_standing;

/// The wait after a question that found nobody.
const RETRY: Duration = Duration::from_millis(250);

/// Where the keeper is and what was heard from it last.
#[derive(Debug)]
pub(crate) struct Poll {
    pub(crate) dialer: Dialer,
    pub(crate) keeper: ZoneName,
    pub(crate) address: SocketAddr,
    pub(crate) snapshot: watch::Receiver<Arc<Snapshot>>,
    pub(crate) heard: watch::Sender<Standing>,
}

impl Poll {
    /// Asks until the node stops.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        tokio::select! {
            _stopped = stopping.wait_for(|stop| *stop) => {}
            () = self.ask_for_ever() => {}
        }
    }

    #[expect(
        clippy::infinite_loop,
        reason = "the caller cuts it when the node stops"
    )]
    async fn ask_for_ever(&mut self) {
        loop {
            if self
                .snapshot
                .wait_for(|snapshot| snapshot.credential.is_some())
                .await
                .is_err()
            {
                // The tenant has ended and with it the node; the caller's other branch is due.
                std::future::pending::<()>().await;
            }
            let asked = self.ask_over_one_connection().await;
            log::debug!(reason = asked.as_str(); "asking the keeper for news again");
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Returns when the connection is of no more use, and says why.
    async fn ask_over_one_connection(&mut self) -> String {
        let mut connection = match self.dialer.connect(self.address, &self.keeper).await {
            Ok(connection) => connection,
            Err(error) => return crate::refusal::chain(&error),
        };
        loop {
            let after = self.heard.borrow().sequence;
            match ask_standing(&mut connection, after).await {
                Ok(news) => {
                    self.heard.send_if_modified(|heard| {
                        let newer = news.sequence > heard.sequence;
                        if newer {
                            *heard = news;
                        }
                        newer
                    });
                }
                Err(error) => return crate::refusal::chain(&error),
            }
        }
    }
}
