//! A stream of any size is decoded in the same little memory.
//!
//! Alone in its process: the peak is that of all its threads.

use scan::decode::{Decoder, Document, Flow, Limits, Problem, Visitor};
use scan::source::Content;
use std::io::{Cursor, Read, Write};

/// The most memory that this process had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

const SIZE: u64 = 1 << 30;

fn fill(mut encoder: impl Write) {
    let chunk = vec![b'x'; 1 << 16];
    for _ in 0..SIZE / chunk.len() as u64 {
        encoder.write_all(&chunk).expect("memory");
    }
}

#[derive(Default)]
struct Counting(u64);

impl Visitor for Counting {
    fn document(&mut self, _document: &Document<'_>, content: &mut dyn Read) -> Flow {
        self.0 += std::io::copy(content, &mut std::io::sink()).expect("content never fails");
        Flow::Continue
    }

    fn problem(&mut self, problem: &Problem) {
        panic!("{problem}");
    }
}

#[test]
fn a_large_stream_takes_no_memory() {
    let mut packed = Vec::new();
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("an encoder");
    fill(&mut encoder);
    packed.push(encoder.finish().expect("memory"));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    fill(&mut encoder);
    packed.push(encoder.finish().expect("memory"));
    let decoder = Decoder::new(Limits { ratio: u64::MAX, ..Limits::default() }, Vec::new());
    let before = peak_kib();
    for packed in packed {
        let mut counting = Counting::default();
        decoder.content("x", Content::stream(Cursor::new(packed)), None, &mut counting);
        assert_eq!(counting.0, SIZE);
    }
    let grown = peak_kib() - before;
    assert!(grown < 16 << 10, "the peak grew by {grown} KiB");
}
