//! What stands between a node and PostgreSQL, and fails as it is told to.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

/// What the line does with what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It carries it.
    Good,
    /// There is none: connections are cut, and new ones too.
    Cut,
    /// Now and then, the answer to something that was carried is lost, with its connection.
    Flaky,
    /// It carries nothing, and shows no sign of it.
    Silent,
    /// It carries what comes by a new connection. Those that were silent stay so.
    OnlyNew,
    /// Whoever begins a transaction waits; the others don't.
    HoldsBegin,
}

/// One answer in so many is lost on a flaky line.
const FLAKY: u8 = 24;

/// Listens for as long as it is kept.
pub struct Proxy {
    pub port: u16,
    line: watch::Sender<Line>,
    _listening: JoinSet<()>,
}

impl Proxy {
    /// To this host and port.
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (line, state) = watch::channel(Line::Good);
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                connections.spawn(connection(client, server.clone(), state.clone()));
            }
        });
        Self { port, line, _listening: listening }
    }

    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

impl Line {
    /// Whether a connection that came when the line was `born` carries something now.
    fn carries(self, born: Self, begins: bool) -> bool {
        match self {
            Self::Silent => false,
            Self::OnlyNew => born == Self::OnlyNew,
            Self::HoldsBegin => !begins,
            Self::Good | Self::Cut | Self::Flaky => true,
        }
    }
}

async fn connection(client: TcpStream, server: String, mut state: watch::Receiver<Line>) {
    let born = *state.borrow();
    // One that carries nothing takes no place at the server.
    if state.wait_for(|line| line.carries(born, false)).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let mut until_cut = state.clone();
    // What ends first ends the connection.
    tokio::select! {
        () = carry(from_client, to_server, state.clone(), born, 0) => {}
        () = carry(from_server, to_client, state, born, FLAKY) => {}
        _ = until_cut.wait_for(|line| *line == Line::Cut) => {}
    }
}

/// Carries one way until an end closes; of so many parts one is lost on a flaky line, if any.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<Line>,
    born: Line,
    flaky: u8,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let part = &buffer[..length];
        let begins = part.windows(5).any(|word| word == b"BEGIN");
        let Ok(line) = state.wait_for(|line| line.carries(born, begins)).await.map(|line| *line) else { return };
        let lost = line == Line::Flaky && flaky > 0 && rolecall::random::bytes::<1>()[0].is_multiple_of(flaky);
        if lost || to.write_all(part).await.is_err() {
            return;
        }
    }
}
