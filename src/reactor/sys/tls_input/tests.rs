//! Records in pieces of any length, records by the hundred, and messages that never end.

use std::io::{IoSlice, Read, Write};
use std::sync::Arc;

use rustls::crypto::cipher::{OutboundChunks, OutboundPlainMessage};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, ContentType, ProtocolVersion, RootCertStore,
    SupportedCipherSuite, SupportedProtocolVersion, version,
};

use super::super::tls_buffers::{MAX_PENDING_BYTES, SEAL_BYTES, with_buffers};
use super::super::tls_records::{MAX_RECORD_BYTES, Plaintext};
use super::*;
use crate::tls::Tls;

/// A server's side without a socket.
struct Side {
    session: Session,
    input: TlsInput,
    output: Vec<u8>,
}

impl Side {
    /// Takes ciphertext in pieces of this length, each into a buffer of `space` bytes, and returns plaintext.
    fn take(&mut self, ciphertext: &[u8], piece: usize, space: usize) -> Result<Vec<u8>, rustls::Error> {
        let mut plain = vec![];
        for piece in ciphertext.chunks(piece) {
            let mut buffer = vec![0xa5; space];
            let mut opened = self.receive(piece, &mut buffer);
            loop {
                assert!(opened.len <= space);
                plain.extend_from_slice(&buffer[..opened.len]);
                if let Some(error) = opened.error {
                    return Err(error);
                }
                if !self.input.is_ready() {
                    break;
                }
                opened = self.input.resume(&mut self.session, &mut buffer, &mut self.output);
            }
        }
        Ok(plain)
    }

    fn receive(&mut self, piece: &[u8], buffer: &mut [u8]) -> Opened {
        with_buffers(|buffers| {
            let (before, space) = self.input.space(&mut buffers.input, piece.len()).unwrap();
            space[..piece.len()].copy_from_slice(piece);
            let input = &mut buffers.input[..before + piece.len()];
            self.input.receive(input, &mut self.session, buffer, &mut self.output)
        })
    }

    /// Encrypts `plaintext`.
    fn seal(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let (slices, kept) = ([IoSlice::new(plaintext)], self.input.kept());
        let (mut record, mut output) = (vec![], vec![0; 2 * SEAL_BYTES]);
        let mut rest = Plaintext::new(&slices);
        let (taken, len) = self.session.seal(kept, &mut rest, SEAL_BYTES, &mut record, &mut output).unwrap();
        assert_eq!(taken, plaintext.len());
        output.truncate(len);
        output
    }

    /// Whether it holds no memory.
    fn is_at_rest(&self) -> bool {
        let TlsInput { pending, kept, has_records, plain, overhead: _ } = &self.input;
        (pending.capacity(), *kept, *has_records, plain.capacity()) == (0, 0, false, 0)
    }
}

/// A client and a server, connected, whose bytes pass in pieces of this length.
fn pair(version: &'static SupportedProtocolVersion, piece: usize) -> (ClientConnection, Side) {
    let (mut client, mut server) = strangers(version);
    while client.is_handshaking() || client.wants_write() {
        let sent = written(&mut client);
        assert_eq!(server.take(&sent, piece, 4096), Ok(vec![]));
        told(&mut client, &std::mem::take(&mut server.output));
    }
    assert!(!server.session.is_handshaking() && server.is_at_rest());
    assert_eq!(server.session.take_server_name().as_deref(), Some("localhost"));
    server.input.take_overhead();
    (client, server)
}

fn strangers(version: &'static SupportedProtocolVersion) -> (ClientConnection, Side) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let der: CertificateDer<'static> = made.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(der).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.enable_secret_extraction = true;
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let tls = Tls::from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap();
    let session = Session::new(&tls).unwrap();
    (client, Side { session, input: TlsInput::default(), output: vec![] })
}

/// The bytes that the client sends now.
fn written(client: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = vec![];
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// Gives bytes to the client, and returns the plaintext in them.
fn told(client: &mut ClientConnection, mut bytes: &[u8]) -> Vec<u8> {
    let (mut plain, mut buffer) = (vec![], vec![0; MAX_RECORD_BYTES]);
    while !bytes.is_empty() {
        client.read_tls(&mut bytes).unwrap();
        client.process_new_packets().unwrap();
        while let Ok(len @ 1..) = client.reader().read(&mut buffer) {
            plain.extend_from_slice(&buffer[..len]);
        }
    }
    plain
}

#[test]
fn records_come_in_pieces_of_any_length_and_leave_nothing_behind() {
    for version in [&version::TLS12, &version::TLS13] {
        for piece in [1, 2, 3, 5, 7, 100, 4096, 20_000] {
            let (mut client, mut server) = pair(version, piece);
            for space in [1, 100, 16 * 1024, 64 * 1024] {
                let (mut sent, mut expected, mut records) = (vec![], vec![], 0);
                for len in [1_usize, 2, 300, 16_384, 5, 0, 20_000] {
                    let bytes: Vec<_> = (0..len).map(|byte| (byte % 251) as u8).collect();
                    client.writer().write_all(&bytes).unwrap();
                    sent.extend(written(&mut client));
                    expected.extend(bytes);
                    records += len.div_ceil(16_384);
                }
                let context = format!("{version:?}, pieces of {piece}, {space} bytes of space");
                assert!(server.take(&sent, piece, space) == Ok(expected), "{context}");
                assert_eq!(server.input.take_overhead(), records * RECORD_BYTES, "{context}");
                assert!(server.is_at_rest(), "{context}");
            }
            assert_eq!(told(&mut client, &server.seal(&[7; 40_000])), [7; 40_000]);
        }
    }
}

#[test]
fn each_message_of_a_handshake_is_a_step_and_a_piece_of_one_is_none() {
    for version in [&version::TLS12, &version::TLS13] {
        let (mut client, mut server) = strangers(version);
        while client.is_handshaking() || client.wants_write() {
            // The key exchange of TLS 1.2 costs as much as a signature, and has no answer by itself.
            for record in records(&written(&mut client)) {
                let (piece, rest) = record.split_at(record.len() - 1);
                assert_eq!(server.take(piece, piece.len(), 4096), Ok(vec![]));
                assert!(!server.session.has_stepped(), "{version:?}: a piece");
                assert_eq!(server.take(rest, 1, 4096), Ok(vec![]));
                assert!(server.session.has_stepped(), "{version:?}: {record:?}");
            }
            told(&mut client, &std::mem::take(&mut server.output));
        }
    }
}

/// The records in `bytes`.
fn records(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut records = vec![];
    while let Next::Whole(len) = tls_records::next(bytes) {
        records.push(bytes.split_off(..len).unwrap());
    }
    records
}

#[test]
fn a_read_ends_after_so_many_records_and_the_next_one_goes_on() {
    let (mut client, mut server) = pair(&version::TLS13, 4096);
    let mut sent = vec![];
    for number in 0..300 {
        client.writer().write_all(&[number as u8]).unwrap();
        sent.extend(written(&mut client));
    }
    let mut buffer = [0; 1000];
    let mut reads = vec![server.receive(&sent, &mut buffer).len];
    while server.input.is_ready() {
        // It can be answered in between.
        assert_eq!(told(&mut client, &server.seal(b"so far")), b"so far");
        reads.push(server.input.resume(&mut server.session, &mut buffer, &mut server.output).len);
    }
    assert_eq!(reads, [READ_RECORDS, READ_RECORDS, 300 - 2 * READ_RECORDS]);
    assert_eq!(server.input.take_overhead(), 300 * RECORD_BYTES);
    assert!(server.is_at_rest());
}

#[test]
fn nothing_counts_behind_the_end_or_an_error() {
    for version in [&version::TLS12, &version::TLS13] {
        let (mut client, mut server) = pair(version, 4096);
        client.writer().write_all(b"last").unwrap();
        client.send_close_notify();
        let sent = [written(&mut client), b"\x17\x03\x03\0\x20 no record".to_vec()].concat();
        assert_eq!(server.take(&sent, 4096, 4096), Ok(b"last".to_vec()));
        assert!(server.session.has_ended() && server.is_at_rest());

        let (mut client, mut server) = pair(version, 4096);
        client.writer().write_all(b"last").unwrap();
        let garbage = [&b"\x17\x03\x03\0\x20"[..], &[0; 100]].concat();
        let sent = [written(&mut client), garbage].concat();
        assert_eq!(server.take(&sent, 4096, 4096), Err(rustls::Error::DecryptError));
        assert!(!server.output.is_empty(), "an alert");
        assert!(server.is_at_rest());
        let len = server.output.len();
        server.session.close(server.input.kept(), &mut server.output);
        assert_eq!(server.output.len(), len, "no close_notify behind an alert");

        // An impossible header shows before the record is whole.
        for header in [b"\x47\x45\x54\x20\x2f", b"\x16\x03\x01\xff\xff", b"\x16\x09\x01\0\x05"] {
            let (_, mut server) = strangers(version);
            assert!(server.take(header, 1, 4096).is_err(), "{header:?}");
        }
    }
}

/// A record of a client that has given its keys away.
fn record(client: ClientConnection, typ: ContentType, payload: &[u8]) -> Vec<u8> {
    let Some(SupportedCipherSuite::Tls13(suite)) = client.negotiated_cipher_suite() else { panic!() };
    let secrets = client.dangerous_extract_secrets().unwrap();
    let (key, iv) = match secrets.tx.1 {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv }
        | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
        | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (key, iv),
        _ => panic!(),
    };
    let payload = OutboundChunks::Single(payload);
    let message = OutboundPlainMessage { typ, version: ProtocolVersion::TLSv1_2, payload };
    suite.aead_alg.encrypter(key, iv).encrypt(message, secrets.tx.0).unwrap().encode()
}

#[test]
fn a_handshake_message_in_pieces_is_kept_and_output_goes_on() {
    let (client, mut server) = pair(&version::TLS13, 4096);
    // Most of a KeyUpdate (RFC 8446 §4.6.3).
    let sent = record(client, ContentType::Handshake, b"\x18\0\0\x01");
    assert_eq!(server.take(&sent, sent.len(), 4096), Ok(vec![]));
    assert_eq!(server.input.kept().len(), sent.len());
    for _ in 0..2 {
        assert!(server.seal(b"pushed").len() > 6);
    }
    server.session.close(server.input.kept(), &mut server.output);
    assert!(!server.output.is_empty());
}

/// A ClientHello of 60,000 bytes, in records of one byte.
#[test]
fn a_handshake_message_in_too_many_pieces_is_refused() {
    let (_, mut server) = strangers(&version::TLS13);
    let record = |byte: u8| [0x16, 3, 1, 0, 1, byte];
    let sent: Vec<_> = [1, 0, 0xea, 0x60].into_iter().chain([0; 59_000]).flat_map(record).collect();
    let mut received = 0;
    for piece in sent.chunks(16 * 1024) {
        let has_space = with_buffers(|buffers| server.input.space(&mut buffers.input, 0).is_some());
        if !has_space {
            break;
        }
        assert_eq!(server.take(piece, piece.len(), 4096), Ok(vec![]));
        received += piece.len();
    }
    assert!(received < sent.len());
    assert!(server.input.pending.len() <= MAX_PENDING_BYTES);
}
