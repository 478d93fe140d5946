//! Another server on this machine: answers as it is told, and remembers what it was asked.

use offshoot_testkit::receivers::{Call, Receivers};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) path: String,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Status and body of what it answers.
pub(super) enum Replies {
    Always((u16, String)),
    /// The last one stays.
    InTurn(Vec<(u16, String)>),
    /// As those who keep secrets do.
    From(Receivers),
}

pub(super) struct Fake {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

struct State {
    replies: VecDeque<(u16, String)>,
    receivers: Option<Receivers>,
    requests: Vec<Request>,
}

impl Fake {
    pub(super) async fn start(replies: Replies) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let receivers = match &replies {
            Replies::From(receivers) => Some(receivers.clone()),
            _ => None,
        };
        let state = Arc::new(Mutex::new(State {
            replies: queue(replies),
            receivers,
            requests: Vec::new(),
        }));
        let shared = state.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                tokio::spawn(async move {
                    // Whoever breaks off is not answered.
                    let _ = answer(stream, &state).await;
                });
            }
        });
        Self {
            address,
            state,
            serving,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn reply(&self, replies: Replies) {
        self.state.lock().unwrap().replies = queue(replies);
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn queue(replies: Replies) -> VecDeque<(u16, String)> {
    match replies {
        Replies::Always(reply) => VecDeque::from([reply]),
        Replies::InTurn(replies) => replies.into(),
        Replies::From(_) => VecDeque::new(),
    }
}

async fn answer(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut read = Vec::new();
    let head = loop {
        if let Some(end) = read.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    };
    let text = String::from_utf8_lossy(&read[..head]).into_owned();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap_or("").split(' ');
    let method = first.next().unwrap_or("").to_owned();
    let path = first.next().unwrap_or("");
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(n, _)| n == "content-length");
    let length: usize = length.and_then(|(_, v)| v.parse().ok()).unwrap_or(0);
    while read.len() < head + 4 + length {
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
    let request = Request {
        path: path.to_owned(),
        headers,
        body: String::from_utf8_lossy(&read[head + 4..]).into_owned(),
    };
    let (status, body) = {
        let mut state = state.lock().unwrap();
        state.requests.push(request.clone());
        match state.replies.len() {
            0 if state.receivers.is_some() => {
                let headers = ["authorization", "private-token", "x-vault-token"];
                let reply = state.receivers.as_ref().unwrap().answer(Call {
                    method: &method,
                    path: &request.path,
                    token: headers.iter().find_map(|n| request.header(n)).unwrap_or(""),
                    body: &request.body,
                });
                (reply.status, reply.body)
            }
            0 => (500, String::new()),
            1 => state.replies[0].clone(),
            _ => state.replies.pop_front().unwrap(),
        }
    };
    let answer = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
