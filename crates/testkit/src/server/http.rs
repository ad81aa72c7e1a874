//! A small HTTP/1.1 client over a plain socket: it sends exactly the bytes that it is told to, also
//! wrong ones, and sees how the other end takes them.

use super::PATIENCE;
use serde_json::Value;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The same answer, which must have this status.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often only the status is of interest")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The code of an error, in an answer that must have this status and Graph's shape.
    #[track_caller]
    pub fn error(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        let error = &body["error"];
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        assert_eq!(error["innerError"]["request-id"].as_str(), self.header("request-id"), "{body}");
        error["code"].as_str().expect("an error has a code").to_owned()
    }
}

/// A connection that is kept open from request to request.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    /// Sends one request with a token, and a body as JSON, and reads the answer.
    pub fn call(&mut self, method: &str, path: &str, token: &str, body: Option<&Value>) -> io::Result<Response> {
        self.send(request(method, path, token, body))?;
        self.response()
    }

    /// Reads the answer to a request other than HEAD.
    pub fn response(&mut self) -> io::Result<Response> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| wrong("the status line"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut response = Response { status, headers, body: Vec::new() };
        if response.header("transfer-encoding").is_some() {
            return Err(wrong("a body in chunks, which this client does not read"));
        }
        let length = match response.header("content-length") {
            Some(length) => length.parse().map_err(|_| wrong("the Content-Length"))?,
            None => 0,
        };
        response.body.resize(length, 0);
        self.stream.read_exact(&mut response.body)?;
        Ok(response)
    }

    /// Waits until the other end closes the connection; answers what came before.
    pub fn until_closed(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(rest),
            outcome => outcome.map(|_| rest),
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the connection was closed before the answer"));
        }
        Ok(line.trim_end().to_owned())
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{what} is not understood"))
}

/// The bytes of a request; an empty token is left out.
pub fn request(method: &str, path: &str, token: &str, body: Option<&Value>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: spillwatch.test\r\n");
    if !token.is_empty() {
        text = format!("{text}Authorization: Bearer {token}\r\n");
    }
    if let Some(body) = body {
        let body = body.to_string();
        return format!("{text}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into();
    }
    format!("{text}\r\n").into()
}

/// One GET without a token.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Response> {
    Connection::open(address)?.call("GET", path, "", None)
}
