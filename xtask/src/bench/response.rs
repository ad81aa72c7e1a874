//! Finds where an HTTP/1.1 response ends, and what is in it: no more than a load generator needs.

use anyhow::{Context as _, Result, bail, ensure};
use std::borrow::Cow;
use std::ops::Range;

/// A head longer than this is no answer of ours.
const HEAD_LIMIT: usize = 64 * 1024;

/// Where a complete response lies in the bytes that were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The status code.
    pub status: u16,
    /// The body as it came over the wire.
    body: Range<usize>,
    /// Whether the body came in chunks.
    chunked: bool,
    /// Where the next response would begin.
    pub end: usize,
}

impl Frame {
    /// Finds the response at the start of `bytes`; `None` while some of it is still to come.
    pub fn find(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(head_end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            ensure!(bytes.len() <= HEAD_LIMIT, "the head of the answer does not end");
            return Ok(None);
        };
        let mut lines = bytes[..head_end].split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end);
        let status = status(lines.next().unwrap_or_default())?;
        let (mut length, mut chunked) = (None, false);
        for line in lines {
            let Some(colon) = line.iter().position(|b| *b == b':') else {
                bail!("a header without a colon: {}", String::from_utf8_lossy(line));
            };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                let text = std::str::from_utf8(value).context("Content-Length is not text")?;
                let value = text.parse::<usize>().with_context(|| format!("Content-Length is `{text}`"))?;
                ensure!(length.is_none_or(|before| before == value), "two different Content-Lengths");
                length = Some(value);
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                ensure!(value.eq_ignore_ascii_case(b"chunked"), "an unknown Transfer-Encoding");
                chunked = true;
            }
        }
        let start = head_end + 4;
        ensure!(!(chunked && length.is_some()), "both a Content-Length and chunks");
        if status == 204 || status == 304 {
            return Ok(Some(Self { status, body: start..start, chunked: false, end: start }));
        }
        if chunked {
            let end = walk_chunks(&bytes[start..], |_| {})?.map(|taken| start + taken);
            return Ok(end.map(|end| Self { status, body: start..end, chunked, end }));
        }
        let length = length.context("neither a Content-Length nor chunks: the end cannot be known")?;
        let end = start.checked_add(length).context("a body without bounds")?;
        Ok((bytes.len() >= end).then_some(Self { status, body: start..end, chunked, end }))
    }

    /// The body's content, out of the bytes in which it was found.
    pub fn body<'a>(&self, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>> {
        let raw = &bytes[self.body.clone()];
        if !self.chunked {
            return Ok(Cow::Borrowed(raw));
        }
        let mut whole = Vec::with_capacity(raw.len());
        walk_chunks(raw, |chunk| whole.extend_from_slice(chunk))?;
        Ok(Cow::Owned(whole))
    }
}

/// Reads `HTTP/1.1 200 OK`.
fn status(line: &[u8]) -> Result<u16> {
    let text = std::str::from_utf8(line).unwrap_or_default();
    let code = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
    code.with_context(|| format!("not an HTTP/1.1 answer: `{}`", String::from_utf8_lossy(line)))
}

/// Hands out each chunk; returns where the last one ends, or `None` while some is missing.
fn walk_chunks(bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<Option<usize>> {
    let mut at = 0;
    loop {
        let Some(line_end) = bytes[at..].windows(2).position(|two| two == b"\r\n") else {
            return Ok(None);
        };
        let line = std::str::from_utf8(&bytes[at..at + line_end]).context("a chunk's size is not text")?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).with_context(|| format!("a chunk's size is `{digits}`"))?;
        let start = at + line_end + 2;
        let end = start.checked_add(size).and_then(|n| n.checked_add(2)).context("a chunk without bounds")?;
        if bytes.len() < end {
            return Ok(None);
        }
        ensure!(&bytes[end - 2..end] == b"\r\n", "a chunk (or trailers) does not end where it said");
        if size == 0 {
            return Ok(Some(end));
        }
        each(&bytes[start..end - 2]);
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<Frame> {
        Frame::find(text.as_bytes()).expect("it is well formed")
    }

    #[test]
    fn a_body_ends_where_its_length_says() {
        let text =
            "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\ncontent-LENGTH:  5 \r\n\r\nhelloHTTP/1.1 ";
        let frame = found(text).expect("it is complete");
        assert_eq!((frame.status, frame.end), (201, text.len() - 9));
        assert_eq!(&*frame.body(text.as_bytes()).expect("it was framed"), b"hello");
    }

    #[test]
    fn every_prefix_of_a_response_is_incomplete() {
        for text in [
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
        ] {
            for cut in 0..text.len() {
                assert_eq!(found(&text[..cut]), None, "{cut} bytes of {text:?}");
            }
            assert_eq!(found(text).expect("it is complete").end, text.len());
        }
    }

    #[test]
    fn chunks_are_joined() {
        let text =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n, world...\r\n0\r\n\r\n";
        assert_eq!(
            &*found(text).expect("it is complete").body(text.as_bytes()).expect("it was framed"),
            b"hello, world..."
        );
    }

    #[test]
    fn what_cannot_be_framed_is_refused() {
        for text in [
            "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc",
            "HTTP/1.1 2x0 OK\r\ncontent-length: 0\r\n\r\n",
        ] {
            assert!(Frame::find(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
