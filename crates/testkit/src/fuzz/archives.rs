//! Archives and compressions: every decoder ends, keeps its limits, tells of what it leaves out, and gives the
//! same from a pipe however the bytes come in, up to where something is damaged.

use super::{Drops, check_message};
use scan::decode::{ArchivePassword, Decoder, Document, Flow, Limits, Problem, Summary, Visitor};
use scan::source::Content;
use std::io::{Cursor, Read};

/// So small that a short input passes every limit, and that no input takes long.
const TIGHT: Limits = Limits {
    total_bytes: 256 << 10,
    ratio: 100,
    entries: 20,
    depth: 3,
    name_bytes: 40,
    held_bytes: 4 << 10,
    window_bytes: 1 << 20,
};

/// Wide enough for all that comes from a short input, and still quick.
const WIDE: Limits = Limits { total_bytes: 4 << 20, window_bytes: 8 << 20, ..TIGHT };

/// Checks an input as an item, from a file and from a pipe.
pub(super) fn archives(input: &[u8]) {
    for limits in [TIGHT, Limits { entries: 1000, depth: 4, name_bytes: 4096, held_bytes: 1 << 20, ..WIDE }] {
        let decoder = Decoder::new(limits, vec![ArchivePassword::new("wrong"), ArchivePassword::new("example")]);
        let size = Some(input.len() as u64);
        outcome(&decoder, limits, Content::seekable(Cursor::new(input)), size);
        let at_once = outcome(&decoder, limits, Content::stream(input), None);
        let in_drops = outcome(&decoder, limits, Content::stream(Drops { left: input, most: 33, reads: 0 }), None);
        alike(&at_once, &in_drops);
    }
}

/// However the bytes come in, the content is the same; where something is damaged, decoders notice that more or less early,
/// and one gives the beginning of what the other gives.
fn alike(at_once: &Everything, in_drops: &Everything) {
    let is_whole = at_once.problems.is_empty() && in_drops.problems.is_empty();
    if is_whole {
        assert_eq!(at_once.documents, in_drops.documents, "content depends on how the bytes come in");
        return;
    }
    assert!(!at_once.problems.is_empty() && !in_drops.problems.is_empty(), "a problem that only one of them has");
    for ((path, one), (other_path, other)) in at_once.documents.iter().zip(&in_drops.documents) {
        if path == other_path {
            let common = one.len().min(other.len());
            assert_eq!(one[..common], other[..common], "{path}: not the beginning of the same");
        }
    }
}

#[derive(Default)]
struct Everything {
    depth: u32,
    documents: Vec<(String, Vec<u8>)>,
    problems: Vec<String>,
}

impl Visitor for Everything {
    fn document(&mut self, document: &Document<'_>, content: &mut dyn Read) -> Flow {
        assert!(document.depth <= self.depth, "{} layers", document.depth);
        assert!(!document.path.chars().any(char::is_control), "{:?}", document.path);
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).expect("content never fails");
        self.documents.push((document.path.to_owned(), bytes));
        Flow::Continue
    }

    fn problem(&mut self, problem: &Problem) {
        let message = problem.what.to_string();
        check_message(&message);
        assert!(!problem.path.chars().any(char::is_control), "{:?}", problem.path);
        self.problems.push(format!("{}: {message}", problem.path));
    }
}

fn outcome(decoder: &Decoder, limits: Limits, content: Content<'_>, size: Option<u64>) -> Everything {
    let mut all = Everything { depth: limits.depth, ..Everything::default() };
    let summary: Summary = decoder.content("x", content, size, &mut all);
    let given: usize = all.documents.iter().map(|(_, bytes)| bytes.len()).sum();
    let most = limits.total_bytes + summary.encoded_bytes;
    assert!(given as u64 <= most, "{given} bytes over the limit");
    assert!(summary.entries <= limits.entries + 1, "{summary:?}");
    assert_eq!(summary.documents, all.documents.len() as u64);
    assert_eq!(summary.problems, all.problems.len() as u64);
    assert!(summary.documents + summary.problems + summary.folders > 0, "a silent zero: {summary:?}");
    all
}
