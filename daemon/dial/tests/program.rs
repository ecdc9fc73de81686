//! The dialler's real program, and the zone's side against diallers that lie. Everything is on loopback and in a directory of its own.

#[cfg(test)]
mod program {
    use std::io::{IoSlice, Read as _, Write as _};
    use std::mem::MaybeUninit;
    use std::net::{SocketAddr, TcpListener};
    use std::os::fd::{AsFd as _, BorrowedFd};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};

    use cofferdam_dial::{AskError, ask};
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// A running dialler with one peer.
    struct Dialler {
        child: Child,
        directory: tempfile::TempDir,
    }

    fn command(config: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cofferd-dial"));
        command
            .arg("--config")
            .arg(config)
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    impl Dialler {
        fn calling(peer: SocketAddr) -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let config = directory.path().join("node.toml");
            std::fs::write(&config, format!("[peers]\nkeeper = \"{peer}\"\n")).expect("written");
            let socket = directory.path().join("dial.sock");
            let mut command = command(&config);
            let child = command.arg("--socket").arg(&socket).spawn();
            let mut dialler = Self {
                child: child.expect("the dialler starts"),
                directory,
            };
            let said = dialler.until("ready");
            assert!(said.contains("ready"), "{said}");
            dialler
        }

        fn socket(&self) -> PathBuf {
            self.directory.path().join("dial.sock")
        }

        /// What it says, up to a word or its end.
        fn until(&mut self, word: &str) -> String {
            let words = self.child.stderr.as_mut().expect("piped");
            let mut said = String::new();
            let mut byte = [0];
            while !said.contains(word) && words.read(&mut byte).expect("its words") == 1 {
                said.push(char::from(byte[0]));
            }
            said
        }

        /// What it answers to these bytes.
        fn told(&self, bytes: &[u8]) -> Vec<u8> {
            let mut stream = UnixStream::connect(self.socket()).expect("it listens");
            stream.write_all(bytes).expect("written");
            // One message; what was asked too much resets the connection after it.
            let mut answer = vec![0; 64];
            let length = stream.read(&mut answer).expect("an answer");
            answer.truncate(length);
            answer
        }
    }

    impl Drop for Dialler {
        fn drop(&mut self) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }

    fn peer() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        (listener, address)
    }

    #[tokio::test]
    async fn a_peer_of_the_list_is_called_and_its_connection_passed_on() {
        let (listener, address) = peer();
        let dialler = Dialler::calling(address);
        let mut connection = ask(&dialler.socket(), address).await.expect("connected");
        let (mut accepted, _from) = listener.accept().expect("called");
        connection.write_all(b"ping").await.expect("sent");
        let mut bytes = [0; 4];
        accepted.read_exact(&mut bytes).expect("received");
        assert_eq!(&bytes, b"ping");
        accepted.write_all(b"pong").expect("answered");
        drop(accepted);
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.expect("received");
        assert_eq!(
            answer, b"pong",
            "and the dialler holds no copy that keeps it open"
        );
    }

    #[tokio::test]
    async fn an_address_that_is_no_peer_is_refused_and_never_called() {
        let (_listener, address) = peer();
        let (other, elsewhere) = peer();
        let mut dialler = Dialler::calling(address);
        let refused = ask(&dialler.socket(), elsewhere).await;
        assert!(
            matches!(refused, Err(AskError::Denied { address }) if address == elsewhere),
            "{refused:?}"
        );
        other.set_nonblocking(true).expect("set");
        let called = other.accept().map(|_| ()).expect_err("nobody came");
        assert_eq!(called.kind(), std::io::ErrorKind::WouldBlock);
        let said = dialler.until("DL-004");
        assert!(said.contains("DL-004"), "{said}");
    }

    #[tokio::test]
    async fn a_peer_that_does_not_listen_is_unreachable_in_the_kernels_words() {
        let (listener, address) = peer();
        drop(listener);
        let dialler = Dialler::calling(address);
        let refused = ask(&dialler.socket(), address).await.expect_err("nobody");
        let AskError::Unreachable { why } = refused else {
            panic!("{refused:?}");
        };
        assert!(why.contains("refused"), "{why}");
    }

    #[test]
    fn what_is_no_question_is_refused_and_the_next_one_is_heard() {
        let (_listener, address) = peer();
        let dialler = Dialler::calling(address);
        let long = [b'1'; 200];
        for bytes in [&b"\n"[..], b"keeper:7540\n", b"\xff\xff\n", &long] {
            assert_eq!(dialler.told(bytes), b"-denied", "{bytes:?}");
        }
        let line = format!("{address}\n");
        assert_eq!(dialler.told(line.as_bytes()), b"+");
    }

    #[tokio::test]
    async fn a_hundred_questions_at_once_are_all_answered() {
        let (listener, address) = peer();
        let dialler = Dialler::calling(address);
        let socket = dialler.socket();
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let socket = socket.clone();
            asking.spawn(async move { ask(&socket, address).await.map(drop) });
        }
        while let Some(asked) = asking.join_next().await {
            asked.expect("ends").expect("connected");
        }
        drop(listener);
    }

    #[test]
    fn it_stops_when_it_is_told_to_and_says_what_it_needs() {
        let (_listener, address) = peer();
        let mut dialler = Dialler::calling(address);
        drop(dialler.child.stdin.take());
        assert_eq!(dialler.child.wait().expect("it ends").code(), Some(0));

        let directory = tempfile::tempdir().expect("a directory");
        let config = directory.path().join("node.toml");
        let ends = |command: &mut Command| {
            let output = command.output().expect("it ends");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            (output.status.code(), said)
        };
        let (code, said) = ends(&mut command(&config));
        assert_eq!(code, Some(78), "{said}");
        assert!(
            said.contains("DL-001 refused") && said.contains("node.toml"),
            "{said}"
        );
        std::fs::write(&config, "[peers]\n").expect("written");
        assert!(ends(&mut command(&config)).1.contains("DL-002 refused"));
        std::fs::write(&config, "[peers]\nkeeper = \"127.0.0.1:1\"\n").expect("written");
        assert!(ends(&mut command(&config)).1.contains("DL-003 refused"));
        let taken = directory.path().join("taken");
        std::fs::write(&taken, "").expect("written");
        let (code, said) = ends(command(&config).arg("--socket").arg(&taken));
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains("DL-003") && said.contains("taken"), "{said}");
        let (code, said) = ends(command(&config).arg("--nonsense"));
        assert_eq!(code, Some(64), "{said}");
    }

    /// A dialler that answers once, with these bytes and this descriptor.
    fn liar(directory: &Path, bytes: &'static [u8], descriptor: Option<BorrowedFd<'_>>) -> PathBuf {
        let socket = directory.join("liar.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let descriptor = descriptor.map(|descriptor| {
            let owned = descriptor.try_clone_to_owned();
            owned.expect("a copy")
        });
        std::thread::spawn(move || {
            let (mut stream, _unnamed) = listener.accept().expect("asked");
            let mut question = [0; 80];
            assert!(stream.read(&mut question).expect("asked") > 0);
            let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut beside = SendAncillaryBuffer::new(&mut room);
            let descriptors = descriptor.as_ref().map(|descriptor| [descriptor.as_fd()]);
            if let Some(descriptors) = &descriptors {
                assert!(beside.push(SendAncillaryMessage::ScmRights(descriptors)));
            }
            sendmsg(
                &stream,
                &[IoSlice::new(bytes)],
                &mut beside,
                SendFlags::empty(),
            )
            .expect("sent");
        });
        socket
    }

    async fn told_by(bytes: &'static [u8], descriptor: Option<BorrowedFd<'_>>) -> AskError {
        let (_listener, address) = peer();
        let directory = tempfile::tempdir().expect("a directory");
        let socket = liar(directory.path(), bytes, descriptor);
        ask(&socket, address).await.expect_err("a lie")
    }

    #[tokio::test]
    async fn a_dialler_that_sends_something_else_is_not_believed() {
        let (elsewhere, _address) = peer();
        let other = std::net::TcpStream::connect(elsewhere.local_addr().expect("bound"));
        let other = other.expect("connected");
        let file = tempfile::tempfile().expect("a file");
        let (local, _end) = UnixStream::pair().expect("a pair");
        for descriptor in [
            other.as_fd(),
            file.as_fd(),
            local.as_fd(),
            elsewhere.as_fd(),
        ] {
            let fault = told_by(b"+", Some(descriptor)).await;
            assert!(
                fault
                    .to_string()
                    .contains("something else than a connection"),
                "{fault}"
            );
        }
    }

    #[tokio::test]
    async fn an_answer_without_a_connection_or_without_meaning_is_none() {
        let file = tempfile::tempfile().expect("a file");
        for (bytes, descriptor, word) in [
            (&b"+"[..], None, "sent no connection"),
            (b"?", None, "without meaning"),
            (b"-denied", Some(file.as_fd()), "all the same"),
        ] {
            let fault = told_by(bytes, descriptor).await;
            assert!(fault.to_string().contains(word), "{fault}");
        }
    }

    #[tokio::test]
    async fn a_dialler_that_is_not_there_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let nowhere = directory.path().join("dial.sock");
        let (_listener, address) = peer();
        let fault = ask(&nowhere, address).await.expect_err("nobody");
        assert!(matches!(fault, AskError::Dialler { .. }), "{fault:?}");
        assert!(fault.to_string().contains("dial.sock"), "{fault}");
    }
}
