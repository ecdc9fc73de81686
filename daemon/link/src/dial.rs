//! Calling another zone. Owns what must hold before a request may be sent: our right to call, and
//! who answered. Must never send a byte of a request to a peer that was not verified.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cofferdam_dial::AskError;
use cofferdam_hwprofile::Refusal;
use cofferdam_rack::{PeerId, ZoneName};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::clock::Clock;
use crate::connection::Connection;
use crate::guard::{Ends, Guard, Holding, Looks};
use crate::judgement::{Direction, Identified};
use crate::limits::DialLimits;
use crate::reason::{Denied, Reason};
use crate::standing::{Credential, Snapshot, Standing};
use crate::tls::{Protocol, Signer, Signers, client_config};
use crate::verifier::{Expect, Verifier};

/// A dialed connection takes no new request this long before its end, so that we leave before the
/// listener must close.
const LAST_CALL_MARGIN: Duration = Duration::from_secs(20);
/// ... but never more than half of its life.
const LAST_CALL_SHARE: u64 = 2;
/// How often a dialed connection looks whether the clock was set.
const CLOCK_LOOK: Duration = Duration::from_millis(500);

/// How a connection leaves this process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Way {
    /// By a socket of our own.
    #[default]
    Own,
    /// By the dialler that listens at this path: this process makes no network socket.
    Dialler(PathBuf),
}

/// Opens connections to other zones. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dialer {
    way: Arc<Way>,
    standing: Standing,
    clock: Clock,
    limits: DialLimits,
    signers: Arc<Signers>,
}

/// A connection could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("connect to {address} ({})", refusal.code)]
pub struct DialError {
    /// Whom we called.
    pub address: SocketAddr,
    /// Who answered, as far as it said; nobody proved it.
    pub peer: Option<PeerId>,
    /// Why not, with code and remedy.
    pub refusal: Box<Refusal>,
}

impl DialError {
    /// Its code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.refusal.code
    }
}

/// One call, as it is being made.
struct Call {
    address: SocketAddr,
    snapshot: Arc<Snapshot>,
    signer: Arc<Signer>,
    expect: Expect,
    holding: Holding,
    /// The host name in the handshake and in requests that name none.
    host: String,
}

impl Dialer {
    /// A dialer that is judged by `standing`.
    #[must_use]
    pub fn new(standing: Standing, clock: Clock) -> Self {
        let (limits, signers) = (DialLimits::default(), Arc::default());
        Self {
            way: Arc::default(),
            standing,
            clock,
            limits,
            signers,
        }
    }

    /// The same by another way.
    #[must_use]
    pub fn by(self, way: Way) -> Self {
        Self {
            way: Arc::new(way),
            ..self
        }
    }

    /// The same with other bounds.
    #[must_use]
    pub fn with_limits(self, limits: DialLimits) -> Self {
        Self { limits, ..self }
    }

    /// Connects to a node of zone `expect` under our lease.
    ///
    /// # Errors
    /// We hold no lease, no flow leads there, nobody answers, or who answers is not of that zone.
    /// That the other side refuses *us* shows only with the first request (TLS 1.3): see
    /// [`crate::SendError`].
    pub async fn connect(
        &self,
        address: SocketAddr,
        expect: &ZoneName,
    ) -> Result<Connection, DialError> {
        let call = self.leased_call(address, expect);
        self.make(address, call).await
    }

    /// Connects to the keeper with nothing but the key that the manifest pins for us, to ask for a
    /// lease.
    ///
    /// # Errors
    /// Nobody answers, or who answers does not hold the pinned key.
    pub async fn connect_boot(
        &self,
        address: SocketAddr,
        keeper_pin: [u8; 32],
        boot: &Credential,
    ) -> Result<Connection, DialError> {
        let call = self.boot_call(address, keeper_pin, boot);
        self.make(address, call).await
    }

    fn leased_call(&self, address: SocketAddr, expect: &ZoneName) -> Result<Call, Denied> {
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
        let own = &signer.own.id.zone;
        if !snapshot.flows.connects(own, expect) {
            let (from, to) = (own.clone(), expect.clone());
            return Err(Reason::NoFlow { from, to }.into());
        }
        let holding = Holding::Lease(signer.own.id.clone());
        let host = snapshot.domain.trust_domain(expect).to_string();
        let expect = Expect::Zone(expect.clone());
        Ok(Call {
            address,
            snapshot,
            signer,
            expect,
            holding,
            host,
        })
    }

    fn boot_call(
        &self,
        address: SocketAddr,
        pin: [u8; 32],
        boot: &Credential,
    ) -> Result<Call, Denied> {
        let snapshot = Arc::clone(&self.standing.borrow());
        let signer = Arc::new(Signer::of(boot)?);
        let host = snapshot.pins.get(&pin).map_or_else(
            || address.ip().to_string(),
            |keeper| snapshot.domain.trust_domain(&keeper.zone).to_string(),
        );
        let expect = Expect::Key(pin);
        Ok(Call {
            address,
            snapshot,
            signer,
            expect,
            holding: Holding::PinnedKey,
            host,
        })
    }

    async fn make(
        &self,
        address: SocketAddr,
        call: Result<Call, Denied>,
    ) -> Result<Connection, DialError> {
        let opened = match call {
            Ok(call) => Box::pin(self.open(call)).await,
            Err(denied) => Err(denied),
        };
        opened.map_err(|denied| DialError {
            address,
            peer: denied.claim,
            refusal: Box::new(
                denied
                    .reason
                    .refusal("the connection was not opened", address),
            ),
        })
    }

    async fn open(&self, call: Call) -> Result<Connection, Denied> {
        let socket = self.reach(call.address).await?;
        let (stream, identified, direction) = self.handshake(socket, &call).await?;
        let Call {
            address,
            signer,
            holding,
            host,
            ..
        } = call;
        let deadline = identified.chain_end.min(signer.chain_end);
        let now = self.clock.unix_ms();
        let guard = Guard {
            standing: self.standing.clone(),
            clock: self.clock.clone(),
            direction,
            identified,
            holding,
            ends: Ends::of(now, deadline, LAST_CALL_MARGIN, LAST_CALL_SHARE),
            looks: Looks::Every(CLOCK_LOOK),
        };
        Connection::start(stream, guard, host, address).await
    }

    async fn reach(&self, address: SocketAddr) -> Result<TcpStream, Reason> {
        let limit = self.limits.connect;
        let reaching = async {
            match &*self.way {
                Way::Own => TcpStream::connect(address)
                    .await
                    .map_err(|fault| Reason::Unreachable(fault.to_string())),
                Way::Dialler(path) => cofferdam_dial::ask(path, address).await.map_err(by_dialler),
            }
        };
        let socket = timeout(limit, reaching)
            .await
            .map_err(|_elapsed| Reason::ConnectTimeout(limit))??;
        socket
            .set_nodelay(true)
            .map_err(|fault| Reason::Unreachable(fault.to_string()))?;
        Ok(socket)
    }

    async fn handshake(
        &self,
        socket: TcpStream,
        call: &Call,
    ) -> Result<(TlsStream<TcpStream>, Identified, Direction), Denied> {
        let (snapshot, own) = (Arc::clone(&call.snapshot), call.signer.own.clone());
        let verifier = Arc::new(Verifier::new(snapshot, own, call.expect.clone()));
        let protocols: &[Protocol] = if self.limits.http2 {
            &[Protocol::Http2, Protocol::Http1]
        } else {
            &[Protocol::Http1]
        };
        let judge: Arc<Verifier> = Arc::clone(&verifier);
        let certified = Arc::clone(&call.signer.certified);
        let config = client_config(judge, certified, &self.clock, protocols)?;
        let name = ServerName::try_from(call.host.clone())
            .unwrap_or_else(|_not_a_host_name| ServerName::IpAddress(call.address.ip().into()));
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, socket);
        let outcome = timeout(self.limits.handshake, handshake)
            .await
            .map_err(|_elapsed| Reason::Silent(self.limits.handshake))?;
        match (outcome, verifier.outcome()) {
            (_, Some(Err(denied))) => Err(denied.clone()),
            (Ok(stream), Some(Ok(identified))) => {
                let direction = verifier.direction(&identified.peer.zone);
                Ok((stream, identified.clone(), direction))
            }
            // Without a verdict there is no peer, whatever the library says.
            (Ok(_), None) => Err(Reason::NoCertificate.into()),
            (Err(fault), _) => Err(Reason::of_handshake(&fault).into()),
        }
    }
}

/// Why no connection came from the dialler.
fn by_dialler(fault: AskError) -> Reason {
    match fault {
        AskError::Denied { .. } => Reason::NotCalled,
        AskError::Unreachable { why } => Reason::Unreachable(why),
        AskError::Dialler { ref source, .. } => Reason::DiallerGone(format!("{fault}: {source}")),
        AskError::Malformed { .. } => Reason::DiallerGone(fault.to_string()),
    }
}
