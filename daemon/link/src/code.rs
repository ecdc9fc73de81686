//! The codes of the link. Owns the one table that says what each means and how it is mended; a code
//! that is not here cannot be given out.

use cofferdam_hwprofile::CodeEntry;

macro_rules! codes {
    ($($variant:ident = $code:literal, $title:literal, $meaning:literal, $mend:literal;)+) => {
        /// One code of the link.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Code {
            $($variant),+
        }

        impl Code {
            /// All of them, in the order of the table.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as people see it.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// What it means.
            pub(crate) const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }

            /// What to do about it.
            pub(crate) const fn mend(self) -> &'static str {
                match self { $(Self::$variant => $mend),+ }
            }
        }

        /// Every code that the link can give out.
        pub static CODES: &[CodeEntry] = &[
            $(CodeEntry { code: $code, title: $title, meaning: $meaning, mend: $mend }),+
        ];
    };
}

codes! {
    // --- taking an address ---
    AddressBusy = "LK-001", "the address is busy",
        "Another program already listens on this address and port.",
        "See who holds it with `ss -ltnp`, stop that program, or choose another port in the \
         node's configuration.";
    AddressForbidden = "LK-002", "the address is forbidden",
        "The system does not let this process take the port; ports below 1024 need a capability \
         or a passed socket.",
        "Choose a port from 1024 up, or let the service manager pass the socket.";
    AddressElsewhere = "LK-003", "the address is not of this machine",
        "No network interface of this machine carries the address.",
        "Compare the address with `ip address`; correct it or bring the interface up first.";
    AddressFault = "LK-004", "the address could not be taken",
        "The system refused the socket for the reason that stands with the error.",
        "Mend what the system names; when it speaks of too many files, raise LimitNOFILE= of the \
         unit.";
    // --- the handshake ---
    NotTls = "LK-101", "no TLS was spoken",
        "The first bytes were not TLS. Everything between zones is mutual TLS; there is no plain \
         port.",
        "Use https:// and a client certificate; point a plain-text health check at nothing.";
    OldTls = "LK-102", "no common TLS 1.3",
        "The peer offered no TLS 1.3, or none of our key exchanges and signatures (no RSA).",
        "Update the peer's TLS library or enable TLS 1.3 with X25519 or P-256 and ECDSA or \
         Ed25519 in it.";
    Silent = "LK-103", "the handshake took too long",
        "The peer connected and did not finish the handshake in time, so its place was given to \
         the next.",
        "Look for a load balancer or scanner that opens connections without speaking; a slow peer \
         should try again.";
    HungUp = "LK-104", "the peer hung up in the handshake",
        "The connection ended before the handshake did.",
        "Look at the peer's own log: it refused us or died. A port probe looks the same and is \
         harmless.";
    NoCertificate = "LK-105", "no client certificate",
        "Every listener authenticates both sides; the peer showed no certificate.",
        "Give the client its certificate and key (curl: --cert and --key; boto3: \
         Config(client_cert=...)).";
    NoProtocol = "LK-106", "no common protocol",
        "The peer offered neither `h2` nor `http/1.1`.",
        "Configure the client for HTTP/1.1 or HTTP/2.";
    FalseProof = "LK-107", "the key was not proved",
        "The peer broke the TLS protocol, or did not prove that it holds the key of the \
         certificate it showed.",
        "Check that certificate and key belong together. If they do, treat it as somebody \
         replaying a certificate.";
    PeerRefused = "LK-108", "the peer refused us",
        "The other side ended the handshake with an alert; its own log and trail hold the reason.",
        "Read the peer's trail for a refusal at this time; the alert named here says which kind \
         it was.";
    TlsFault = "LK-109", "TLS could not be set up",
        "The TLS library failed on our side, for the reason that stands with the error.",
        "Mend what the reason names; restart the node if it names nothing of ours.";
    // --- the certificate ---
    Unreadable = "LK-201", "the certificate cannot be read",
        "The certificate is not strict X.509 DER, or its chain is longer than we follow.",
        "Let the keeper issue a new one; send the leaf and what leads to the root, nothing else.";
    NoName = "LK-202", "the certificate names nobody",
        "A peer's name is the one URI in its subject alternative name; this certificate has none.",
        "Use the certificate that the keeper issued, not one for web servers.";
    ManyNames = "LK-203", "the certificate has more than one URI name",
        "A certificate with two URI names could be taken for either peer, so it is nobody's.",
        "Let the keeper issue a certificate with exactly one SPIFFE id.";
    MalformedName = "LK-204", "the certificate's name is malformed",
        "The URI is not spiffe://<zone>.<rack-domain>/node/<name> of this rack.",
        "Let the keeper of this rack issue the certificate; a foreign rack's certificates do not \
         count here.";
    UnknownZone = "LK-205", "no roots for the zone",
        "The trust bundle holds no root for the zone that the certificate names.",
        "Add the zone to the manifest, or correct the name in the certificate.";
    WrongIssuer = "LK-206", "not issued by the zone's authority",
        "The certificate does not chain to the roots of the zone that it names. Another zone's \
         authority cannot vouch for it.",
        "Let the keeper issue the certificate for this zone; after a change of roots, renew the \
         lease.";
    Expired = "LK-207", "the certificate has expired",
        "The lease of the peer is over: it was not renewed in time.",
        "See why the peer did not renew (`cofferctl status` there); compare both clocks.";
    NotYetValid = "LK-208", "the certificate is not yet valid",
        "The certificate begins in our future: one of the two clocks is wrong.",
        "Compare the clocks of both machines with `timedatectl`.";
    UnfitLeaf = "LK-209", "the certificate is for another use",
        "A peer's certificate is a leaf for digital signatures and for its role in TLS, and no \
         authority.",
        "Let the keeper issue the certificate; an authority's own certificate never speaks on the \
         wire.";
    Unpinned = "LK-210", "the self-signed key is not pinned",
        "A certificate signed by its own key is admitted only when the manifest pins that key.",
        "Compare `cofferctl hw pin` on the node with node.pin.key in hwprofile.toml, and sign the \
         manifest again.";
    // --- what stands against a good certificate ---
    Revoked = "LK-301", "the peer is revoked",
        "The keeper ended the lease of this peer before its time.",
        "Read the reason that the keeper gave with the revocation; mend it there and ask for a \
         new lease.";
    NoFlow = "LK-302", "no flow between the zones",
        "Flows are denied unless flows.toml names them; no rule connects these two zones in this \
         direction.",
        "See `cofferctl flow explain --from A --to B VERB`; add a [[flow]] and sign the manifest \
         if it is meant.";
    NotMe = "LK-303", "the peer is ourselves",
        "The other side carries our own name or our own key: a copied node, a loop, or somebody \
         with our key.",
        "Correct the address if we called ourselves. If not, a node was cloned: revoke it and \
         commission it anew.";
    NoLease = "LK-304", "this node holds no lease",
        "Without a certificate of our own nothing opens and nothing is admitted.",
        "See why this node has no lease: `cofferctl status`.";
    PeerFull = "LK-305", "too many connections from one peer",
        "The peer already holds as many connections as one peer may.",
        "Let the peer reuse its connections and close those that it no longer needs.";
    FlowFull = "LK-306", "too many connections for the flow",
        "The zones already hold as many connections as max-connections of their flow allows.",
        "Reuse connections, or raise max-connections of the flow and sign the manifest.";
    NoReceipt = "LK-307", "the admission could not be recorded",
        "No peer is served before the receipt of its admission is durable, and the trail did not \
         take it.",
        "Look at this node's trail: a full disk or a damaged log stops it. Nothing was served.";
    WrongZone = "LK-308", "another zone answered",
        "Who answered has a good certificate, of another zone than the one we called.",
        "Correct the zone's address in the node's configuration.";
    WrongKey = "LK-309", "the keeper's key is not the pinned one",
        "Before it has a lease a node knows its keeper only by the pinned key, and another key \
         answered.",
        "Compare the keeper's key with node.pin.key of the manifest, and its address with the \
         configuration.";
    // --- why an open connection ended ---
    PeerClosed = "LK-401", "the peer closed the connection",
        "The peer ended the connection in its own time.",
        "Nothing. Connect again for the next request.";
    Broken = "LK-402", "the connection broke",
        "The network or the peer broke the connection off, or the peer broke the protocol.",
        "Try again; if it repeats, look at the peer's log and at the network between.";
    Idle = "LK-403", "the connection was idle",
        "No request ran for longer than the idle limit.",
        "Nothing. Connect again for the next request.";
    SlowHead = "LK-404", "a request's head took too long",
        "The head of a request did not arrive within the header limit.",
        "Send the head of a request at once; look for a client that trickles.";
    Deadline = "LK-405", "the end of a lease",
        "A connection lives no longer than the certificates that opened it.",
        "Connect again under the renewed lease; that is the ordinary course.";
    LostRevoked = "LK-406", "the peer was revoked meanwhile",
        "The keeper ended the peer's lease while the connection was open.",
        "Read the reason that the keeper gave with the revocation.";
    LostFlow = "LK-407", "the flow was removed meanwhile",
        "A new manifest no longer connects the two zones.",
        "Nothing, if that was meant; otherwise add the [[flow]] and sign the manifest.";
    LostTrust = "LK-408", "the roots were removed meanwhile",
        "The authority that vouched for the peer is no longer in the trust bundle.",
        "Renew the peer's lease under the new roots.";
    LostPin = "LK-409", "the pin was removed meanwhile",
        "The key that the peer came with is no longer pinned in the manifest.",
        "Pin the node's present key if it is meant to join.";
    LostLease = "LK-410", "this node lost its lease",
        "This node no longer holds the certificate that the connection was opened with, or became \
         another peer.",
        "See why this node lost its lease: `cofferctl status`.";
    Drained = "LK-411", "the listener stopped",
        "The node stopped; this connection had finished what it was doing.",
        "Nothing. Connect again when the node is back.";
    CutOff = "LK-412", "cut off at the stop",
        "The node stopped and the request did not finish within the drain time.",
        "Repeat the request when the node is back.";
    // --- calling ---
    Unreachable = "LK-501", "nobody answers",
        "The address refused the connection or cannot be reached.",
        "Check that the other node runs and listens there (`cofferctl status`), and the network \
         between.";
    ConnectTimeout = "LK-502", "connecting took too long",
        "The address did not answer within the connect limit.",
        "Check the address and the network between; a firewall that drops silently looks like \
         this.";
    AnswerTimeout = "LK-503", "the answer took too long",
        "The peer did not answer the request in the time it was given.",
        "Look at the peer's load; try again later.";
    UnfitRequest = "LK-504", "the request cannot be sent",
        "The request has no path, or headers that HTTP does not allow.",
        "This is a fault of the caller in this program: report it with the request's method and \
         path.";
    DiallerGone = "LK-505", "the dialler cannot be asked",
        "This process may make no network socket; the program that makes them for it is not there \
         or does not answer as it must.",
        "See `systemctl status cofferd-dial@ZONE.socket`, and `dialler` in node.toml.";
    NotCalled = "LK-506", "the dialler does not call there",
        "The address is none of the peers that the dialler read when it started.",
        "Compare [peers] in node.toml; restart the dialler after a change.";
    // --- request bodies ---
    BodyTooLarge = "LK-601", "the body is too large",
        "The body is longer than the limit of this interface.",
        "Send it in smaller parts.";
    BodyTimeout = "LK-602", "the body took too long",
        "The body did not end within its time.",
        "Send it faster or in smaller parts.";
    BodyBroken = "LK-603", "the body broke off",
        "The peer broke the message off before its end.",
        "Send it again.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_enum_and_the_table_agree_and_no_code_stands_twice() {
        let table: Vec<&str> = CODES.iter().map(|entry| entry.code).collect();
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(table, codes);
        assert_eq!(table.iter().collect::<BTreeSet<_>>().len(), table.len());
        for (code, entry) in Code::ALL.iter().zip(CODES) {
            assert_eq!(code.meaning(), entry.meaning);
            assert_eq!(code.mend(), entry.mend);
        }
    }

    #[test]
    fn every_code_is_of_our_family_and_says_what_to_do() {
        for entry in CODES {
            assert!(
                entry.code.starts_with("LK-") && entry.code.len() == 6,
                "{}",
                entry.code
            );
            assert!(
                entry.mend.ends_with('.') || entry.mend.ends_with(')'),
                "{}",
                entry.code
            );
            assert!(
                !entry.title.is_empty() && !entry.meaning.is_empty(),
                "{}",
                entry.code
            );
        }
    }
}
