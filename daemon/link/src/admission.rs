//! From an accepted socket to a session, or to a recorded refusal. Owns the order: handshake,
//! judgement, seat, receipt. Must never hand a byte to the service; that begins after the receipt.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::clock::Clock;
use crate::exchange;
use crate::guard::{Ends, Guard, Holding, Looks};
use crate::judgement::Identified;
use crate::limits::Limits;
use crate::reason::{Denied, Reason};
use crate::seats::{Seat, Seats};
use crate::service::Service;
use crate::session::{FlowId, Session};
use crate::standing::{Snapshot, Standing};
use crate::tally::Tally;
use crate::tls::{Signer, Signers, server_config};
use crate::verifier::{Expect, Verifier};
use crate::witness::Witness;

/// How long a refused peer may take to read its alert.
const ALERT_LINGER: Duration = Duration::from_millis(500);
/// Bytes of a refused peer that we read and throw away, so that its alert is not lost to a reset.
const ALERT_DISCARD: u64 = 64 * 1024;
/// A connection's last call leaves it at least three quarters of its life.
const LAST_CALL_SHARE: u64 = 4;

/// What the connections of one listener share.
#[derive(Debug)]
pub(crate) struct House<S, W> {
    pub(crate) service: Arc<S>,
    pub(crate) witness: Arc<W>,
    pub(crate) standing: Standing,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) signers: Signers,
    pub(crate) seats: Arc<Seats>,
    pub(crate) tally: Arc<Tally>,
    /// True once the listener stops.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Moves at each step of the clock.
    pub(crate) pulse: watch::Receiver<u64>,
}

/// An admitted connection, receipt included.
pub(crate) struct Admitted {
    pub(crate) stream: TlsStream<TcpStream>,
    pub(crate) session: Arc<Session>,
    pub(crate) guard: Guard,
    pub(crate) seat: Seat,
}

/// A connection whose peer is known.
struct Met {
    stream: TlsStream<TcpStream>,
    identified: Identified,
    snapshot: Arc<Snapshot>,
    signer: Arc<Signer>,
    verifier: Arc<Verifier>,
}

/// The whole life of one accepted connection.
pub(crate) async fn receive<S: Service, W: Witness>(
    house: Arc<House<S, W>>,
    socket: TcpStream,
    remote: SocketAddr,
) {
    let mut stopping = house.stopping.clone();
    let met = tokio::select! {
        biased;
        () = exchange::told(&mut stopping) => return,
        met = house.meet(socket) => met,
    };
    let admitted = match met {
        Ok(met) => house.admit(met, remote).await,
        Err(denied) => Err(denied),
    };
    match admitted {
        Ok(admitted) => exchange::run(&house, admitted).await,
        Err(denied) => house.refuse(denied, remote).await,
    }
}

impl<S: Service, W: Witness> House<S, W> {
    /// The handshake.
    async fn meet(&self, socket: TcpStream) -> Result<Met, Denied> {
        let snapshot = Arc::clone(&self.standing.borrow());
        let Some(credential) = &snapshot.credential else {
            self.signers.forget();
            return Err(Reason::NoLease.into());
        };
        // Without its publisher a standing is only as good as its last word.
        if self.standing.has_changed().is_err() {
            return Err(Reason::NoLease.into());
        }
        let signer = self.signers.of(credential)?;
        if self.clock.unix_seconds() > signer.chain_end {
            return Err(Reason::NoLease.into());
        }
        let verifier = Arc::new(Verifier::new(
            Arc::clone(&snapshot),
            signer.own.clone(),
            Expect::Caller,
        ));
        let judge: Arc<Verifier> = Arc::clone(&verifier);
        let config = server_config(judge, Arc::clone(&signer.certified), &self.clock)?;
        let handshake = TlsAcceptor::from(Arc::new(config))
            .accept(socket)
            .into_fallible();
        let stream = match timeout(self.limits.handshake, handshake).await {
            Err(_elapsed) => return Err(Reason::Silent(self.limits.handshake).into()),
            Ok(Ok(stream)) => stream,
            Ok(Err((fault, socket))) => {
                linger(socket).await;
                return Err(match verifier.outcome() {
                    Some(Err(denied)) => denied.clone(),
                    Some(Ok(known)) => Denied {
                        claim: Some(known.peer.clone()),
                        reason: Reason::of_handshake(&fault),
                    },
                    None => Reason::of_handshake(&fault).into(),
                });
            }
        };
        match verifier.outcome() {
            Some(Ok(identified)) => {
                let identified = identified.clone();
                Ok(Met {
                    stream,
                    identified,
                    snapshot,
                    signer,
                    verifier,
                })
            }
            Some(Err(denied)) => Err(denied.clone()),
            None => Err(Reason::NoCertificate.into()),
        }
    }

    /// The seat and the receipt.
    async fn admit(&self, met: Met, remote: SocketAddr) -> Result<Admitted, Denied> {
        let Met {
            mut stream,
            identified,
            snapshot,
            signer,
            verifier,
        } = met;
        let claim = Some(identified.peer.clone());
        let direction = verifier.direction(&identified.peer.zone);
        let per_flow = snapshot
            .flows
            .max_connections(&direction.from, &direction.to);
        let seat = self
            .seats
            .take(&identified.peer, self.limits.max_per_peer, per_flow);
        let seat = match seat {
            Ok(seat) => seat,
            Err(reason) => {
                farewell(&mut stream).await;
                return Err(Denied { claim, reason });
            }
        };
        let session = match self.session(&identified, &snapshot, &signer, remote) {
            Ok(session) => Arc::new(session),
            Err(reason) => return Err(Denied { claim, reason }),
        };
        let receipt = timeout(self.limits.receipt, self.witness.admitted(&session)).await;
        let fault = match receipt {
            Ok(Ok(())) => None,
            Ok(Err(fault)) => Some(chain_text(&fault)),
            Err(_elapsed) => Some(format!("no receipt within {:?}", self.limits.receipt)),
        };
        if let Some(fault) = fault {
            farewell(&mut stream).await;
            return Err(Denied {
                claim,
                reason: Reason::NoReceipt(fault),
            });
        }
        self.tally.admitted.add_one();
        let guard = Guard {
            ends: Ends::of(
                self.clock.unix_ms(),
                session.deadline,
                self.limits.drain,
                LAST_CALL_SHARE,
            ),
            standing: self.standing.clone(),
            clock: self.clock.clone(),
            identified,
            direction,
            holding: Holding::Lease(signer.own.id.clone()),
            looks: Looks::AtPulse(self.pulse.clone()),
        };
        Ok(Admitted {
            stream,
            session,
            guard,
            seat,
        })
    }

    fn session(
        &self,
        identified: &Identified,
        snapshot: &Snapshot,
        signer: &Signer,
        remote: SocketAddr,
    ) -> Result<Session, Reason> {
        let id = FlowId::random()
            .ok_or_else(|| Reason::TlsFault("the system gives no randomness".to_owned()))?;
        Ok(Session {
            peer: identified.peer.clone(),
            local: signer.own.id.zone.clone(),
            kind: identified.kind,
            id,
            established_ms: self.clock.unix_ms(),
            certificate_sha256: identified.leaf.certificate_sha256,
            key_sha256: identified.leaf.key_sha256,
            serial: identified.leaf.serial.clone(),
            deadline: identified.chain_end.min(signer.chain_end),
            epoch: snapshot.epoch,
            remote,
        })
    }

    async fn refuse(&self, denied: Denied, remote: SocketAddr) {
        self.tally.refused.add_one();
        let refusal = denied.reason.refusal("the connection was refused", remote);
        log::warn!(code = refusal.code.as_str(), remote:% = remote; "refuse a connection");
        let record = self.witness.refused(denied.claim.as_ref(), &refusal);
        if timeout(self.limits.receipt, record).await.is_err() {
            log::error!(code = refusal.code.as_str(); "give up on the record of a refusal");
        }
    }
}

/// Lets a refused peer read its alert: a socket closed over unread bytes is reset, and the alert
/// lost.
async fn linger(mut socket: TcpStream) {
    let reading = async {
        socket.shutdown().await?;
        let mut rest = socket.take(ALERT_DISCARD);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    // Whether the peer took it is the peer's matter.
    drop(timeout(ALERT_LINGER, reading).await);
}

/// Closes a finished handshake kindly.
async fn farewell(stream: &mut TlsStream<TcpStream>) {
    drop(timeout(ALERT_LINGER, stream.shutdown()).await);
}

fn chain_text(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
