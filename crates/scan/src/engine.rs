//! The whole way, from items to findings: one thread decodes and cuts, any number of threads look for names and ask a
//! [`Judge`], and the caller is handed what came of it in the order of the material.
//!
//! Because it comes in order, every [`Portion`] ends at a [`Position`] before which everything is done: who keeps that
//! with what was found can go on there after a crash, and finds neither more nor less.

mod piece;

pub use piece::scan_piece;

use crate::chunk::{Chunk, Chunker, Pool};
use crate::counters::Counters;
use crate::decode::{Decoder, Document, Flow, Problem, Visitor};
use crate::layout::Layout;
use crate::matcher::{Found, Matcher, Occurrence, Scratch, Sink};
use crate::preview::{Preview, preview};
use crate::source::{Item, SourceError};
use crate::text::Text;
use crate::words::{self, WordJudge};
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};

/// About how long a chunk is, in bytes of text: it fits a processor's cache. It is a part of what a position means.
pub const CHUNK: usize = 1 << 20;

/// Decides which candidates are passwords; asked by several threads at once.
pub trait Judge: Sync {
    /// What is kept of a password that was found.
    type Finding: Send;
    /// Why nothing can be decided any more.
    type Error: Send;

    /// Looks at a name with its candidates, in a document with these names.
    fn judge(
        &self,
        document: &DocumentName,
        found: &Found<'_>,
        findings: &mut Vec<Self::Finding>,
    ) -> Result<(), Self::Error>;

    /// Whether [`unknown`](Self::unknown) is to be called.
    fn wants_unknown(&self) -> bool {
        false
    }

    /// Looks at an address in a domain of the organisation that no user bears, with its candidates.
    fn unknown(
        &self,
        _document: &DocumentName,
        _unknown: &Occurrence<'_>,
        _findings: &mut Vec<Self::Finding>,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Who decides instead, where the material is lists of passwords that name nobody: then no name is looked for.
    fn of_words(&self) -> Option<&dyn WordJudge<Finding = Self::Finding, Error = Self::Error>> {
        None
    }
}

/// What a document is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentName {
    /// Its path, relative to what was given: what people and evidence are told.
    pub path: Arc<str>,
    /// Where it is: the same, from where its item is found again ([`Item::place`]).
    pub place: Arc<str>,
}

/// How far the material has been scanned: everything before it, nothing behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Items that are done.
    pub items: u64,
    /// Documents of the next item that are done.
    pub documents: u64,
    /// Problems of that item that have been told.
    pub problems: u64,
    /// Chunks of its next document that are done.
    pub chunks: u64,
}

/// What came of a piece of the material.
#[derive(Debug)]
pub enum Event<F> {
    /// A document begins: its path, its size as its archive says, and what it seems to be.
    Document {
        /// Its path.
        path: Arc<str>,
        /// Its size in bytes, as far as its archive or its source says.
        size: Option<u64>,
        /// What it seems to be.
        preview: Preview,
    },
    /// A piece of it was scanned.
    Scanned {
        /// How many lines of the document begin before it: to be added to the lines of its findings, which count from the
        /// piece's first.
        lines_before: u64,
        /// What became of its lines.
        counters: Counters,
        /// Its length in bytes of text.
        bytes: u64,
        /// What was found in it, in its order.
        findings: Vec<F>,
    },
    /// The document was scanned to its end.
    DocumentDone,
    /// Something was not read, or not to its end.
    Problem(Problem),
    /// Something of a source was not read.
    Source(SourceError),
    /// An item is done: how many bytes it has, as far as its source says.
    ItemDone(Option<u64>),
}

/// An event, and how far the material is scanned with it.
#[derive(Debug)]
pub struct Portion<F> {
    /// What came.
    pub event: Event<F>,
    /// How far it is.
    pub position: Position,
}

/// What is handed from the decoding thread to the others.
enum Work<F> {
    /// A chunk, and how many lines begin in those directly before it that were done by a process before.
    Chunk(DocumentName, Box<Chunk>, u64),
    Note(Event<F>),
}

struct Task<F> {
    number: u64,
    position: Position,
    work: Work<F>,
}

type Done<J> = (u64, Position, Result<Event<<J as Judge>::Finding>, <J as Judge>::Error>);

/// Scans items with so many threads beside the one that decodes. `take` is told of everything in order, on the calling
/// thread, and may end it. Answers the error of the judge that ended it, if one did.
pub fn scan<J: Judge>(
    items: impl Iterator<Item = Result<Item, SourceError>> + Send,
    (decoder, matcher, judge): (&Decoder, &Matcher<'_>, &J),
    (threads, from): (usize, Position),
    take: impl FnMut(Portion<J::Finding>) -> ControlFlow<()>,
) -> Result<(), J::Error> {
    let feed = |feed: &mut Feed<'_, J::Finding>| {
        feed.from = from;
        feed.items(items, decoder);
    };
    run(feed, (matcher, judge), threads, take)
}

/// Runs the threads: one has the feed.
fn run<J: Judge>(
    feed: impl FnOnce(&mut Feed<'_, J::Finding>) + Send,
    (matcher, judge): (&Matcher<'_>, &J),
    threads: usize,
    mut take: impl FnMut(Portion<J::Finding>) -> ControlFlow<()>,
) -> Result<(), J::Error> {
    let threads = threads.max(1);
    let stop = AtomicBool::new(false);
    // As much waits as all threads work at: memory stays bounded, and nobody waits for work.
    let (tasks, work) = sync_channel::<Task<J::Finding>>(threads + 1);
    let work = Mutex::new(work);
    let (results, done) = channel::<Done<J>>();
    // What is ahead of a slow piece is held back, so the decoding thread must not run away from it.
    let (tickets, free) = sync_channel::<()>(4 * threads + 8);
    std::thread::scope(|scope| {
        let stopped = &stop;
        let pool = Arc::new(Pool::default());
        scope.spawn(move || {
            let start = Position::default();
            let (position, from, item) = (start, start, (String::new(), 0));
            feed(&mut Feed { tasks, tickets, stop: stopped, number: 0, position, from, item, chunk: CHUNK, pool });
        });
        for _ in 0..threads {
            let (work, results) = (&work, results.clone());
            scope.spawn(move || worker(work, &results, matcher, judge, stopped));
        }
        drop(results);
        let outcome = in_order::<J>(&done, &free, &mut take);
        stop.store(true, Ordering::Relaxed);
        drop((done, free)); // whoever waits to hand something over stops
        outcome
    })
}

/// Hands results on in the order of their numbers, and numbers their lines.
fn in_order<J: Judge>(
    done: &Receiver<Done<J>>,
    free: &Receiver<()>,
    take: &mut impl FnMut(Portion<J::Finding>) -> ControlFlow<()>,
) -> Result<(), J::Error> {
    let mut waiting = BTreeMap::new();
    let (mut next, mut lines) = (0, 0);
    while let Ok((number, position, result)) = done.recv() {
        waiting.insert(number, (position, result));
        while let Some((position, result)) = waiting.remove(&next) {
            next += 1;
            // Each task took a ticket; a feed that has ended needs none back.
            _ = free.try_recv();
            let mut event = result?;
            match &mut event {
                Event::Scanned { lines_before, counters, .. } => {
                    lines += *lines_before;
                    *lines_before = lines;
                    lines += counters.lines();
                }
                Event::DocumentDone => lines = 0,
                _ => {}
            }
            if take(Portion { event, position }).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn worker<J: Judge>(
    work: &Mutex<Receiver<Task<J::Finding>>>,
    results: &std::sync::mpsc::Sender<Done<J>>,
    matcher: &Matcher<'_>,
    judge: &J,
    stop: &AtomicBool,
) {
    let mut scratch = Scratch::default();
    loop {
        let task = work.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
        let Ok(Task { number, position, work }) = task else { return };
        let result = match work {
            Work::Note(event) => Ok(event),
            Work::Chunk(document, chunk, lines_before) => {
                let chunk = (&document, &*chunk, lines_before);
                scanned(chunk, matcher, judge, &mut scratch, stop)
            }
        };
        if results.send((number, position, result)).is_err() {
            return;
        }
    }
}

fn scanned<J: Judge>(
    (document, chunk, lines_before): (&DocumentName, &Chunk, u64),
    matcher: &Matcher<'_>,
    judge: &J,
    scratch: &mut Scratch,
    stop: &AtomicBool,
) -> Result<Event<J::Finding>, J::Error> {
    if let Some(words) = judge.of_words() {
        return listed((document, chunk, lines_before), words, stop);
    }
    let mut counters = Counters::default();
    let mut judging = Judging { document, judge, stop, findings: Vec::new(), failed: None };
    matcher.chunk(chunk, scratch, &mut counters, &mut judging);
    let Judging { findings, failed, .. } = judging;
    match failed {
        Some(error) => Err(error),
        None => Ok(Event::Scanned { lines_before, counters, bytes: chunk.bytes().len() as u64, findings }),
    }
}

/// Hands what is found in a chunk to the judge, until that fails or the scan is to stop.
struct Judging<'j, J: Judge> {
    document: &'j DocumentName,
    judge: &'j J,
    stop: &'j AtomicBool,
    findings: Vec<J::Finding>,
    failed: Option<J::Error>,
}

impl<J: Judge> Judging<'_, J> {
    fn hand(&mut self, ask: impl FnOnce(&J, &DocumentName, &mut Vec<J::Finding>) -> Result<(), J::Error>) {
        if self.failed.is_none() && !self.stop.load(Ordering::Relaxed) {
            self.failed = ask(self.judge, self.document, &mut self.findings).err();
        }
    }
}

impl<J: Judge> Sink for Judging<'_, J> {
    fn found(&mut self, found: Found<'_>) {
        self.hand(|judge, document, findings| judge.judge(document, &found, findings));
    }

    fn wants_unknown(&self) -> bool {
        self.judge.wants_unknown()
    }

    fn unknown(&mut self, unknown: Occurrence<'_>) {
        self.hand(|judge, document, findings| judge.unknown(document, &unknown, findings));
    }
}

/// Reads a chunk of a list of passwords.
fn listed<F, E>(
    (document, chunk, lines_before): (&DocumentName, &Chunk, u64),
    judge: &dyn WordJudge<Finding = F, Error = E>,
    stop: &AtomicBool,
) -> Result<Event<F>, E> {
    if words::begins_hash_list(chunk) {
        judge.hashes(&document.path)?;
    }
    let (mut counters, mut findings, mut failed) = (Counters::default(), Vec::new(), None);
    words::chunk(chunk, &mut counters, &mut |word| {
        failed = judge.word(document, &word, &mut findings).err();
        failed.is_none() && !stop.load(Ordering::Relaxed)
    });
    judge.chunk_done();
    match failed {
        Some(error) => Err(error),
        None => Ok(Event::Scanned { lines_before, counters, bytes: chunk.bytes().len() as u64, findings }),
    }
}

/// The decoding thread.
struct Feed<'s, F> {
    tasks: SyncSender<Task<F>>,
    tickets: SyncSender<()>,
    stop: &'s AtomicBool,
    number: u64,
    /// Everything before it has been handed out.
    position: Position,
    /// Everything before it was done by a process before.
    from: Position,
    /// Where the item is, and how long its name is, with which paths of its documents begin.
    item: (String, usize),
    /// How long a chunk is, in bytes.
    chunk: usize,
    /// Buffers, used again.
    pool: Arc<Pool>,
}

impl<F: Send> Feed<'_, F> {
    fn items(&mut self, items: impl Iterator<Item = Result<Item, SourceError>>, decoder: &Decoder) {
        for item in items {
            let is_done = self.position.items < self.from.items;
            self.position = Position { items: self.position.items, ..Position::default() };
            let event = match item {
                Err(error) => Event::Source(error),
                Ok(item) => {
                    if !is_done {
                        self.item = (item.place(), crate::decode::shown_item(item.name.as_bytes()).len());
                        decoder.item(&item, self);
                    }
                    Event::ItemDone(item.size)
                }
            };
            self.position = Position { items: self.position.items + 1, ..Position::default() };
            if !is_done && !self.send(Work::Note(event)) {
                return;
            }
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// Hands something out; `false` when nobody takes anything any more.
    fn send(&mut self, work: Work<F>) -> bool {
        let task = Task { number: self.number, position: self.position, work };
        self.number += 1;
        self.tickets.send(()).is_ok() && self.tasks.send(task).is_ok()
    }

    /// Cuts a document and hands out what was not done before.
    fn chunks(&mut self, document: &DocumentName, size: Option<u64>, content: &mut dyn Read) -> std::io::Result<Flow> {
        let place = (self.position.items, self.position.documents);
        let is_begun = place == (self.from.items, self.from.documents) && self.from.chunks > 0;
        let done = if is_begun { self.from.chunks } else { 0 };
        let text = Text::new(content)?;
        let start = text.start();
        let layout = Layout::of(&start);
        if !is_begun {
            let event = Event::Document { path: document.path.clone(), size, preview: preview(&start, text.writing()) };
            if !self.send(Work::Note(event)) {
                return Ok(Flow::Stop);
            }
        }
        let mut chunker = Chunker::new(text, self.chunk, self.pool.clone()).with_layout(layout);
        let mut lines_before = 0;
        while let Some(chunk) = chunker.next_chunk()? {
            self.position.chunks += 1;
            if self.position.chunks <= done {
                lines_before += chunk.lines();
                continue;
            }
            let work = Work::Chunk(document.clone(), Box::new(chunk), std::mem::take(&mut lines_before));
            if self.stop.load(Ordering::Relaxed) || !self.send(work) {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }
}

impl<F: Send> Visitor for Feed<'_, F> {
    fn document(&mut self, document: &Document<'_>, content: &mut dyn Read) -> Flow {
        let place = (self.position.items, self.position.documents);
        if place < (self.from.items, self.from.documents) {
            self.position.documents += 1;
            return Flow::Continue; // what is damaged in it has been told, and is counted again
        }
        let (place, name) = &self.item;
        let within = document.path.get(*name..).unwrap_or_default();
        let named = DocumentName { path: document.path.into(), place: format!("{place}{within}").into() };
        // Content never fails; should it, the reader of it is at its end, and what is wrong is told as a problem.
        let flow = self.chunks(&named, document.size, content).unwrap_or(Flow::Continue);
        if flow != Flow::Continue {
            return flow;
        }
        self.position = Position { documents: self.position.documents + 1, chunks: 0, ..self.position };
        if self.send(Work::Note(Event::DocumentDone)) { Flow::Continue } else { Flow::Stop }
    }

    fn problem(&mut self, problem: &Problem) {
        let is_told = self.position.items == self.from.items && self.position.problems < self.from.problems;
        self.position.problems += 1;
        if !is_told {
            // Where nobody takes it any more, the visitor is told to stop at the next document.
            let _ = self.send(Work::Note(Event::Problem(problem.clone())));
        }
    }
}
