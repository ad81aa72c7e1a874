//! Multipart bodies (RFC 2046, section 5.1) and the HTTP requests in their parts (RFC 9112), as far
//! as batches use them. Lines may end with CRLF or LF.

use super::item::MOST_HEADERS;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use odata::fault::excerpt;

/// The most header fields and bytes of a part's head.
const PART_FIELDS: usize = 16;
const PART_HEAD: usize = 4 << 10;
/// The most bytes of the head of a request in a part, and of each of its lines.
const REQUEST_HEAD: usize = 64 << 10;

/// Says what is wrong with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

fn malformed<T>(message: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed(message.into()))
}

/// A media type without its parameters, in lower case.
pub fn media(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The boundary that a `Content-Type` of multipart/mixed names: 1 to 70 characters of those that
/// RFC 2046 allows, quoted or, more leniently, not.
pub fn boundary(content_type: &str) -> Result<&str, Malformed> {
    let mut parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let found = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"));
    let Some((_, boundary)) = found else { return malformed("Content-Type names no boundary") };
    let boundary = boundary.trim();
    let boundary = boundary.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(boundary);
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    if (1..=70).contains(&boundary.len()) && boundary.bytes().all(fit) && !boundary.ends_with(' ') {
        return Ok(boundary);
    }
    malformed(format!("the boundary {} is not 1 to 70 of the characters that RFC 2046 allows", excerpt(boundary)))
}

/// Takes a multipart body apart, at most into `most` parts. What stands before the first delimiter
/// and after the last one has no meaning.
pub fn parts<'b>(body: &'b [u8], boundary: &str, most: usize) -> Result<Vec<&'b [u8]>, Malformed> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut begin = None;
    let mut lines = Lines { rest: body };
    loop {
        let before = body.len() - lines.rest.len();
        let Some(line) = lines.next() else { break };
        let last = match line.strip_prefix(delimiter.as_bytes()).map(<[u8]>::trim_ascii_end) {
            Some(b"") => false,
            Some(b"--") => true,
            _ => continue,
        };
        if let Some(begin) = begin {
            if parts.len() == most {
                return malformed(format!("there are more than {most} parts"));
            }
            parts.push(without_line_end(&body[begin..before]));
        }
        if last {
            return Ok(parts);
        }
        begin = Some(body.len() - lines.rest.len());
    }
    match begin {
        None => malformed(format!("there is no line {}", excerpt(&delimiter))),
        Some(_) => malformed(format!("the last delimiter, {}, is missing", excerpt(&format!("{delimiter}--")))),
    }
}

/// The line end before a delimiter belongs to the delimiter.
fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

/// Splits a part into its header fields and its content.
pub fn part(bytes: &[u8]) -> Result<(HeaderMap, &[u8]), Malformed> {
    let mut lines = Lines { rest: bytes };
    let headers = fields(&mut lines, PART_FIELDS, PART_HEAD)?;
    Ok((headers, lines.rest))
}

/// An HTTP request in a part.
#[derive(Debug)]
pub struct HttpRequest<'b> {
    /// The method as it was sent.
    pub method: &'b str,
    /// The URL as it was sent.
    pub target: &'b str,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: &'b [u8],
}

/// Reads the HTTP request of a part. The version at the end of its first line may be missing, as in
/// OData's own examples, and blanks may stand in the URL.
pub fn request(bytes: &[u8]) -> Result<HttpRequest<'_>, Malformed> {
    let mut lines = Lines { rest: bytes };
    let line = loop {
        match lines.next() {
            Some(line) if line.trim_ascii().is_empty() => {}
            Some(line) if line.len() > REQUEST_HEAD => {
                return malformed(format!("the request line is longer than {REQUEST_HEAD} bytes"));
            }
            Some(line) => break line,
            None => return malformed("there is no request in it"),
        }
    };
    let Ok(line) = std::str::from_utf8(line) else { return malformed("the request line is not UTF-8") };
    let without_version = match line.trim_ascii().rsplit_once(' ') {
        Some((before, version)) if version.get(..5).is_some_and(|http| http.eq_ignore_ascii_case("HTTP/")) => before,
        _ => line.trim_ascii(),
    };
    let Some((method, target)) = without_version.split_once(' ').map(|(m, t)| (m, t.trim_ascii())) else {
        return malformed(format!("the request line is {}; expected METHOD URL HTTP/1.1", excerpt(line)));
    };
    let headers = fields(&mut lines, MOST_HEADERS, REQUEST_HEAD)?;
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return malformed("Transfer-Encoding has no place in a part, whose end the boundary tells");
    }
    let body = match headers.get(header::CONTENT_LENGTH) {
        None => lines.rest,
        Some(declared) => declared_body(lines.rest, declared)?,
    };
    let body = if body.trim_ascii().is_empty() { &[] } else { body };
    Ok(HttpRequest { method, target, headers, body })
}

/// As much of the rest as is declared; only blank lines may follow.
fn declared_body<'b>(rest: &'b [u8], declared: &HeaderValue) -> Result<&'b [u8], Malformed> {
    let text = String::from_utf8_lossy(declared.as_bytes());
    let Ok(length) = text.trim().parse::<usize>() else {
        return malformed(format!("Content-Length is {}; expected a number", excerpt(&text)));
    };
    match rest.split_at_checked(length) {
        Some((body, after)) if after.trim_ascii().is_empty() => Ok(body),
        _ => malformed(format!("Content-Length is {length}, but the part has {} bytes after the headers", rest.len())),
    }
}

/// Reads header fields up to the empty line after them, or up to the end. A line that begins with a
/// blank goes on with the value of the line before (RFC 5322, section 2.2.3).
fn fields(lines: &mut Lines<'_>, most: usize, most_bytes: usize) -> Result<HeaderMap, Malformed> {
    let mut found: Vec<(&[u8], Vec<u8>)> = Vec::new();
    let mut bytes = 0;
    while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
        bytes += line.len();
        if bytes > most_bytes {
            return malformed(format!("the headers are longer than {most_bytes} bytes"));
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            let Some((_, value)) = found.last_mut() else { return malformed("the first header begins with a blank") };
            value.push(b' ');
            value.extend_from_slice(line.trim_ascii());
            continue;
        }
        if found.len() == most {
            return malformed(format!("there are more than {most} headers"));
        }
        let text = || excerpt(&String::from_utf8_lossy(line));
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return malformed(format!("{} is not a header of the form Name: value", text()));
        };
        found.push((&line[..colon], line[colon + 1..].trim_ascii().to_vec()));
    }
    let mut headers = HeaderMap::with_capacity(found.len());
    for (name, value) in found {
        let parsed = (HeaderName::from_bytes(name), HeaderValue::from_maybe_shared(bytes::Bytes::from(value)));
        let (Ok(field), Ok(value)) = parsed else {
            let name = excerpt(&String::from_utf8_lossy(name));
            return malformed(format!("the header {name} is not well-formed"));
        };
        headers.append(field, value);
    }
    Ok(headers)
}

/// Lines without their ends.
struct Lines<'b> {
    rest: &'b [u8],
}

impl<'b> Lines<'b> {
    fn next(&mut self) -> Option<&'b [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |at| at + 1);
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(without_line_end(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn why<T: std::fmt::Debug>(outcome: Result<T, Malformed>) -> String {
        outcome.expect_err("it is malformed").0
    }

    #[test]
    fn boundaries_are_quoted_or_not() {
        for (content_type, expected) in [
            ("multipart/mixed; boundary=batch_1", "batch_1"),
            ("multipart/mixed;BOUNDARY=\"a b\"", "a b"),
            ("multipart/mixed; charset=utf-8; boundary=batch(36522ad7)", "batch(36522ad7)"),
            ("multipart/mixed; boundary==x=", "=x="),
        ] {
            assert_eq!(boundary(content_type).expect(content_type), expected);
        }
        let long = format!("multipart/mixed; boundary={}", "x".repeat(71));
        for content_type in [
            "multipart/mixed",
            "multipart/mixed; boundary",
            "multipart/mixed; boundary=",
            "multipart/mixed; boundary=\"\"",
            "multipart/mixed; boundary=\"a \"",
            "multipart/mixed; boundary=\"a\u{7}\"",
            "multipart/mixed; boundary=ä",
            &long,
        ] {
            assert!(why(boundary(content_type)).contains("boundary"), "{content_type}");
        }
    }

    #[test]
    fn parts_lie_between_delimiter_lines() {
        let read = |body: &'static str| parts(body.as_bytes(), "b", 3);
        let found =
            read("preamble\r\n--b\r\none\r\n--bx\r\n\r\n--b  \r\n\r\n--b\r\n--b--\r\nepilogue\r\n--b").expect("parts");
        assert_eq!(found, [b"one\r\n--bx\r\n".as_slice(), b"", b""]);
        assert_eq!(read("--b\none\n--b--").expect("bare line feeds"), [b"one"]);
        assert_eq!(read("--b--").expect("nothing"), [b""; 0]);
        assert_eq!(why(read("")), "there is no line `--b`");
        assert_eq!(why(read("-b\r\n--bb--\r\n x--b--")), "there is no line `--b`");
        assert_eq!(why(read("--b\r\none\r\n")), "the last delimiter, `--b--`, is missing");
        assert_eq!(why(read("--b\r\none\r\n--b")), "the last delimiter, `--b--`, is missing");
        assert_eq!(why(read("--b\n--b\n--b\n--b\n--b--")), "there are more than 3 parts");
    }

    #[test]
    fn heads_are_bounded_and_well_formed() {
        let read = |head: &str| part(head.as_bytes()).map(|(headers, content)| (headers, content.to_vec()));
        let (headers, content) = read("a: 1\r\nA:2\r\nlong: x\r\n\t y\r\n\r\nrest").expect("a part");
        let values = |name: &str| headers.get_all(name).iter().map(|v| v.as_bytes().to_vec()).collect::<Vec<_>>();
        assert_eq!((values("a"), values("long")), (vec![b"1".to_vec(), b"2".to_vec()], vec![b"x y".to_vec()]));
        assert_eq!(content, b"rest");
        assert_eq!(read("\r\nrest").expect("no headers").1, b"rest");
        assert_eq!(read("a: 1").expect("no end").1, b"");
        for (head, expected) in [
            (" a: 1\r\n\r\n".to_owned(), "begins with a blank"),
            ("a 1\r\n\r\n".to_owned(), "`a 1` is not a header"),
            ("a b: 1\r\n\r\n".to_owned(), "`a b` is not well-formed"),
            (": 1\r\n\r\n".to_owned(), "`` is not well-formed"),
            ("a: \u{0}\r\n\r\n".to_owned(), "`a` is not well-formed"),
            ("a: 1\r\n".repeat(17), "more than 16 headers"),
            ("a: 1\r\n".repeat(1_000_000), "more than 16 headers"),
            (format!("a: {}\r\n\r\n", "x".repeat(5000)), "longer than 4096 bytes"),
            (format!("a: 1\r\n{}", " x\r\n".repeat(5000)), "longer than 4096 bytes"),
            ("x".repeat(1 << 20), "longer than 4096 bytes"),
        ] {
            assert!(why(read(&head)).contains(expected), "{expected}");
        }
    }

    #[test]
    fn requests_are_read_as_clients_write_them() {
        let read = |text: &'static str| request(text.as_bytes());
        let found = read("\r\nGET users?$filter=a eq 'b c' HTTP/1.1\r\nHost: h\r\n\r\n\r\n").expect("a request");
        assert_eq!((found.method, found.target, found.body), ("GET", "users?$filter=a eq 'b c'", b"".as_slice()));
        assert_eq!(found.headers["host"], "h");
        let found = read("DELETE /v1.0/users('x')").expect("without version and headers");
        assert_eq!((found.method, found.target), ("DELETE", "/v1.0/users('x')"));
        let found = read("POST users HTTP/1.1\nContent-Length: 2\n\n{}\r\n").expect("a length");
        assert_eq!(found.body, b"{}");
        assert_eq!(read("POST users HTTP/1.1\n\n{}\r\n").expect("no length").body, b"{}\r\n");
        for (text, expected) in [
            ("", "no request"),
            ("\r\n \r\n", "no request"),
            ("GET\r\n\r\n", "expected METHOD URL HTTP/1.1"),
            ("GET HTTP/1.1\r\n\r\n", "expected METHOD URL HTTP/1.1"),
            ("POST u HTTP/1.1\r\nContent-Length: 3\r\n\r\n{}", "Content-Length is 3, but the part has 2 bytes"),
            ("POST u HTTP/1.1\r\nContent-Length: 1\r\n\r\n{}", "Content-Length is 1, but the part has 2 bytes"),
            ("POST u HTTP/1.1\r\nContent-Length: -1\r\n\r\n{}", "expected a number"),
            ("POST u HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n{}", "expected a number"),
            ("POST u HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding"),
        ] {
            assert!(why(read(text)).contains(expected), "{text}: {}", why(read(text)));
        }
        assert!(why(request(b"GET \xff HTTP/1.1\r\n\r\n")).contains("UTF-8"));
        let long = format!("POST u HTTP/1.1\r\nContent-Length: 1\t{}\r\n\r\n{{}}", "x".repeat(5000));
        let told = why(request(long.as_bytes()));
        assert!(told.len() < 200 && !told.contains(char::is_control), "{told:?}");
        let long = format!("GET {} HTTP/1.1\r\n\r\n", "x".repeat(REQUEST_HEAD));
        assert!(why(request(long.as_bytes())).contains("longer than"));
        let many = format!("GET u HTTP/1.1\r\n{}\r\n", "a: 1\r\n".repeat(101));
        assert!(why(request(many.as_bytes())).contains("more than 100 headers"));
    }

    proptest! {
        /// What is written as parts is read as the same parts, whatever is in them.
        #[test]
        fn parts_come_back(contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6)) {
            let boundary = "no-bytes-by-chance-are-this";
            let mut body = Vec::new();
            for content in &contents {
                body.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
                body.extend_from_slice(content);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(format!("--{boundary}--").as_bytes());
            prop_assert_eq!(parts(&body, boundary, 6).expect("parts"), contents);
        }

        /// Nothing makes it panic, and what it finds lies inside of what came.
        #[test]
        fn any_bytes_are_read_or_refused(
            pieces in prop::collection::vec(
                prop_oneof![
                    Just(b"--b\r\n".to_vec()), Just(b"--b--".to_vec()), Just(b"\r\n".to_vec()), Just(b"\n".to_vec()),
                    Just(b"Content-Length: 3\r\n".to_vec()), Just(b"GET u HTTP/1.1".to_vec()), Just(b": ".to_vec()),
                    prop::collection::vec(any::<u8>(), 0..6),
                ],
                0..30,
            ),
        ) {
            let body = pieces.concat();
            for found in parts(&body, "b", 4).unwrap_or_default() {
                prop_assert!(found.len() <= body.len());
                if let Ok((_, content)) = part(found) {
                    let _ = request(content).map(|request| bytes::Bytes::copy_from_slice(request.body));
                }
            }
            let _ = request(&body);
        }
    }
}
