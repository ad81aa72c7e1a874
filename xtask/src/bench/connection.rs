//! One kept-alive HTTP/1.1 connection, and the requests that are sent over it.

use crate::bench::response::Frame;
use anyhow::{Context as _, Result, bail, ensure};
use std::borrow::Cow;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer: its status, and its body while the next request is not yet sent.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Cow<'a, [u8]>,
}

impl Answer<'_> {
    /// The start of the body, for messages.
    pub fn excerpt(&self) -> String {
        String::from_utf8_lossy(&self.body[..self.body.len().min(300)]).into_owned()
    }

    /// Fails when the status is another.
    pub fn expect(&self, status: u16) -> Result<()> {
        ensure!(self.status == status, "status {}, not {status}: {}", self.status, self.excerpt());
        Ok(())
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.excerpt()))
    }
}

/// A connection to one server.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("nothing answers at {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(128 * 1024) })
    }

    /// Sends a request and waits for the whole answer.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.buffer.clear();
        self.stream.write_all(request).await.context("the server closed the connection")?;
        let frame = loop {
            if self.stream.read_buf(&mut self.buffer).await.context("the answer breaks off")? == 0 {
                bail!("the server closed the connection after {} bytes of its answer", self.buffer.len());
            }
            if let Some(frame) = Frame::find(&self.buffer)? {
                break frame;
            }
        };
        ensure!(frame.end == self.buffer.len(), "{} bytes follow the answer", self.buffer.len() - frame.end);
        Ok(Answer { status: frame.status, body: frame.body(&self.buffer)? })
    }
}

/// Where requests go, and with which token.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server's address.
    pub address: SocketAddr,
    /// The token's text, or nothing to send none.
    pub token: Option<String>,
}

impl Target {
    /// The head of a request up to its last own header; [`Target::tail`] ends it.
    pub fn head(&self, method: &str, path: &str) -> String {
        format!("{method} {path}{}", self.line_and_headers())
    }

    /// What stands between a path and the end of the headers that every request has.
    pub fn line_and_headers(&self) -> String {
        let mut text = format!(" HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n", self.address);
        if let Some(token) = &self.token {
            text.extend(["Authorization: Bearer ", token, "\r\n"]);
        }
        text
    }

    /// The end of a request: its body's headers, and its body.
    pub fn tail(body: Option<&str>) -> String {
        match body {
            None => "\r\n".into(),
            Some(body) => format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        }
    }

    /// A whole request.
    pub fn request(&self, method: &str, path: &str, body: Option<&str>) -> Vec<u8> {
        (self.head(method, path) + &Self::tail(body)).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_its_token_and_the_length_of_its_body() {
        let target = Target { address: ([127, 0, 0, 1], 8080).into(), token: Some("abc".into()) };
        let text = String::from_utf8(target.request("POST", "/v1.0/x", Some("{\"ä\":1}"))).expect("it is text");
        assert_eq!(
            text,
            "POST /v1.0/x HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: application/json\r\n\
             Authorization: Bearer abc\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"ä\":1}"
        );
    }
}
