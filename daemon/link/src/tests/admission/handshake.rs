//! What a client does before it has proved anything: other protocols, silence, resumption.

use super::*;

#[tokio::test]
async fn plain_http_is_refused_in_the_handshake() {
    let stage = Stage::new().await;
    let seen = raw(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", stage.address()).await;
    assert!(!seen.starts_with(b"HTTP"), "{seen:?}");
    assert_eq!(stage.ledger.refused().await.1.code, "LK-101");
    assert_eq!(stage.serving.counts().requests, 0);
}

/// A hello as a library of 2014 sends it: TLS 1.2 at most, an ECDSA suite, P-256, no
/// `supported_versions`.
const HELLO_TLS12: &[u8] = &[
    0x16, 0x03, 0x01, 0x00, 0x51, // handshake record of 81 bytes
    0x01, 0x00, 0x00, 0x4d, // client hello of 77 bytes
    0x03, 0x03, // TLS 1.2
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
    27, 28, 29, 30, 31, 32,   // random
    0x00, // no session
    0x00, 0x04, 0xc0, 0x2b, 0xc0, 0x2c, // ECDHE-ECDSA with AES-GCM
    0x01, 0x00, // no compression
    0x00, 0x20, // extensions of 32 bytes
    0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17, // groups: P-256
    0x00, 0x0b, 0x00, 0x02, 0x01, 0x00, // points: uncompressed
    0x00, 0x0d, 0x00, 0x06, 0x00, 0x04, 0x04, 0x03, 0x05, 0x03, // signatures: ECDSA
    0x00, 0x17, 0x00, 0x00, // extended master secret
    0x00, 0x15, 0x00, 0x00, // padding
];

#[tokio::test]
async fn a_tls_1_2_client_is_refused_in_the_handshake() {
    let stage = Stage::new().await;
    let seen = raw(HELLO_TLS12, stage.address()).await;
    assert_eq!(seen, [0x15, 3, 3, 0, 2, 2, 70], "a protocol_version alert");
    let (_, refusal) = stage.ledger.refused().await;
    assert_eq!(refusal.code, "LK-102");
    assert_eq!(refusal.read[1], "SupportedVersionsExtensionRequired");
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_handshake_is_recorded() {
    let stage = Stage::new().await;
    drop(
        TcpStream::connect(stage.address())
            .await
            .expect("a connection"),
    );
    assert_eq!(stage.ledger.refused().await.1.code, "LK-104");
}

#[tokio::test]
async fn a_client_of_another_protocol_is_refused() {
    let stage = Stage::new().await;
    let mut client = shows(&stage.rack.credential("intake/in1"));
    client.alpn_protocols = vec![b"smtp".to_vec()];
    refused(&stage, client, "LK-106", None, "NoApplicationProtocol").await;
}

#[tokio::test]
async fn a_client_that_names_no_protocol_speaks_http_1() {
    let stage = Stage::new().await;
    let mut client = shows(&stage.rack.credential("intake/in1"));
    client.alpn_protocols.clear();
    admitted(&stage, client).await;
}

#[tokio::test]
async fn a_silent_client_is_dropped_at_the_handshake_deadline() {
    let rack = Rack::new();
    let limit = std::time::Duration::from_millis(50);
    let setting = Setting::of(&rack).limits(|limits| limits.handshake = limit);
    let stage = Stage::set(rack, setting).await;
    let mut silent = TcpStream::connect(stage.address())
        .await
        .expect("a connection");
    let mut answer = Vec::new();
    let end = timeout(PATIENCE, silent.read_to_end(&mut answer))
        .await
        .expect("an end in time");
    assert!(end.is_err() || answer.is_empty());
    assert_eq!(stage.ledger.refused().await.1.code, "LK-103");
}

#[tokio::test]
async fn a_client_that_trickles_is_dropped_at_the_handshake_deadline() {
    let rack = Rack::new();
    let limit = std::time::Duration::from_millis(100);
    let setting = Setting::of(&rack).limits(|limits| limits.handshake = limit);
    let stage = Stage::set(rack, setting).await;
    let mut slow = TcpStream::connect(stage.address())
        .await
        .expect("a connection");
    slow.write_all(&HELLO_TLS12[..20])
        .await
        .expect("room in the socket");
    assert_eq!(stage.ledger.refused().await.1.code, "LK-103");
}

#[tokio::test]
async fn resumption_that_is_offered_is_not_taken() {
    let stage = Stage::new().await;
    let client = Arc::new(shows(&stage.rack.credential("intake/in1")));
    for _ in 0..2 {
        let talking = async {
            let mut stream = connect(Arc::clone(&client), stage.address()).await?;
            stream
                .write_all(b"GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                .await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>((stream, answer))
        };
        let talked = timeout(PATIENCE, talking).await.expect("an answer in time");
        let (stream, answer) = talked.expect("an answer");
        assert!(answer.ends_with("intake/in1 leased"), "{answer}");
        let tls = stream.get_ref().1;
        assert_eq!(tls.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(tls.tls13_tickets_received(), 0);
        assert!(!tls.is_early_data_accepted());
    }
    assert_eq!(stage.serving.counts().admitted, 2);
}
