//! Scans one piece of an item.

use super::{DocumentName, Event, Feed, Judge, Portion, Work, run};
use crate::chunk::{CONTEXT, Chunker};
use crate::decode::{Decoder, Problem, What, plain, shown_item};
use crate::layout::Layout;
use crate::matcher::Matcher;
use crate::preview::preview;
use crate::range::{self, Piece};
use crate::source::Item;
use crate::text::Text;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Scans a piece of the item that it was cut from, as [`scan`](super::scan) does, in chunks of about `chunk` bytes,
/// usually [`CHUNK`](super::CHUNK). Answers how many lines begin in the piece, by which the lines of findings in the
/// pieces behind it are set right: with the lines that events tell to be before theirs, they count from the piece's first,
/// which is 1.
///
/// The piece at the start tells of the document, the one at the end that it and the item are done.
pub fn scan_piece<J: Judge>(
    (piece, item): (&Piece, &Item),
    (decoder, matcher, judge): (&Decoder, &Matcher<'_>, &J),
    (threads, chunk): (usize, usize),
    mut take: impl FnMut(Portion<J::Finding>) -> ControlFlow<()>,
) -> Result<u64, J::Error> {
    let mut lines = 0;
    let feed = |feed: &mut Feed<'_, J::Finding>| {
        feed.chunk = chunk;
        if piece.is_whole() {
            feed.items(std::iter::once(Ok(item.clone())), decoder);
        } else {
            feed.piece(piece, item);
        }
    };
    run(feed, (matcher, judge), threads, |portion| {
        if let Event::Scanned { counters, .. } = &portion.event {
            lines += counters.lines();
        }
        take(portion)
    })?;
    Ok(lines)
}

/// Why a range was not read, or not to its end: where in the item, and in words.
type Broken = (u64, String);

impl<F: Send> Feed<'_, F> {
    /// Hands out a range of a document.
    fn piece(&mut self, piece: &Piece, item: &Item) {
        let path: Arc<str> = shown_item(piece.name.as_bytes()).into();
        let document = DocumentName { path: path.clone(), place: item.place().into() };
        let mut open = true;
        if let Err((at, error)) = self.range(piece, item, &document, &mut open) {
            let problem = Problem { path: path.to_string(), what: What::Read { at, error } };
            self.position.problems += 1;
            open = open && self.send(Work::Note(Event::Problem(problem)));
        }
        if open && piece.end == piece.size {
            self.position.items += 1;
            // Nobody is there any more who could be told that nobody listens.
            let _ = self.send(Work::Note(Event::ItemDone(Some(piece.size))));
        }
    }

    /// `open` becomes `false` when nobody takes anything any more.
    fn range(&mut self, piece: &Piece, item: &Item, document: &DocumentName, open: &mut bool) -> Result<(), Broken> {
        let head = range::head(item).map_err(|error| (0, plain(&error)))?;
        let refused = || (piece.start, "only lines of plain text are read in pieces, and it is none".to_owned());
        let writing = range::plain_text(&head).ok_or_else(refused)?;
        // What the beginning tells holds for every piece.
        let start = Text::new(&head[..]).map_err(|error| (0, plain(&error)))?.start();
        let layout = Layout::of(&start);
        if piece.start == 0 {
            let path = document.path.clone();
            let event = Event::Document { path, size: Some(piece.size), preview: preview(&start, writing) };
            *open = self.send(Work::Note(event));
        }
        let before = piece.start.min(CONTEXT as u64);
        let begin = piece.start - before;
        let length = before + piece.length() + CONTEXT as u64;
        let content = item.open_range(begin, length).map_err(|error| (begin, plain(&error)))?;
        let mut content = Watched { content, at: begin, failed: None };
        let text = Text::middle(&mut content, writing).ok_or_else(refused)?;
        let own = (piece.start..piece.end, before as usize);
        let mut broken = self.chunks_of((text, layout), own, document, open).err().map(|error| plain(&error));
        broken = content.failed.or(broken);
        if *open && content.at < piece.end {
            broken = broken.or_else(|| Some(format!("it ends here, and had {} bytes when it was listed", piece.size)));
        }
        if *open && piece.end == piece.size {
            self.position.documents += 1;
            self.position.chunks = 0;
            *open = self.send(Work::Note(Event::DocumentDone));
        }
        broken.map_or(Ok(()), |error| Err((content.at, error)))
    }

    fn chunks_of(
        &mut self,
        (text, layout): (impl Read, Layout),
        own: (std::ops::Range<u64>, usize),
        document: &DocumentName,
        open: &mut bool,
    ) -> io::Result<()> {
        let mut chunker = Chunker::of_range(text, self.chunk, self.pool.clone(), own)?.with_layout(layout);
        while *open && let Some(chunk) = chunker.next_chunk()? {
            self.position.chunks += 1;
            let stopped = self.stop.load(std::sync::atomic::Ordering::Relaxed);
            *open = !stopped && self.send(Work::Chunk(document.clone(), Box::new(chunk), 0));
        }
        Ok(())
    }
}

/// Content that ends where it fails, so that what came before is scanned.
struct Watched<R> {
    content: R,
    /// Where in the item its next byte is.
    at: u64,
    failed: Option<String>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.failed.is_some() {
            return Ok(0);
        }
        match self.content.read(into) {
            Ok(count) => {
                self.at += count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.failed = Some(plain(&error));
                Ok(0)
            }
        }
    }
}
