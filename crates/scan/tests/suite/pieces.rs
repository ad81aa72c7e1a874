//! An item that is scanned in pieces gives what it gives as a whole.

use super::world::{Finding, World, finding};
use proptest::prelude::*;
use scan::counters::Counters;
use scan::decode::{Decoder, Limits};
use scan::engine::{DocumentName, Event, Judge, Position, scan, scan_piece};
use scan::matcher::{Found, Matcher};
use scan::preview::Preview;
use scan::range::{Piece, PieceError, cut};
use scan::source::{Item, Location};
use std::convert::Infallible;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

pub struct All;

impl Judge for All {
    type Finding = (String, Finding);
    type Error = Infallible;

    fn judge(
        &self,
        document: &DocumentName,
        found: &Found<'_>,
        findings: &mut Vec<Self::Finding>,
    ) -> Result<(), Infallible> {
        findings.push((format!("{} at {}", document.path, document.place), finding(found)));
        Ok(())
    }
}

/// What the events of a scan tell, but for how much of a line that is skipped was read before that was seen.
#[derive(Debug, Default, PartialEq)]
struct Told {
    findings: Vec<(String, Finding)>,
    counters: Counters,
    problems: Vec<String>,
    documents: Vec<(String, Option<u64>, Preview)>,
    documents_done: u64,
    items_done: Vec<Option<u64>>,
}

impl Told {
    fn take(&mut self, event: Event<(String, Finding)>) {
        match event {
            Event::Document { path, size, preview } => self.documents.push((path.to_string(), size, preview)),
            Event::Scanned { lines_before, counters, findings, .. } => {
                self.counters.add(&counters);
                self.findings.extend(findings.into_iter().map(|(place, mut finding)| {
                    finding.line += lines_before;
                    (place, finding)
                }));
            }
            Event::DocumentDone => self.documents_done += 1,
            Event::Problem(problem) => self.problems.push(problem.to_string()),
            Event::Source(error) => self.problems.push(error.to_string()),
            Event::ItemDone(size) => self.items_done.push(size),
        }
    }
}

fn whole(world: &World, item: &Item) -> Told {
    let matcher = Matcher::new(&world.index, &world.normaliser, &[]);
    let (decoder, mut told) = (Decoder::new(Limits::default(), Vec::new()), Told::default());
    let items = std::iter::once(Ok(item.clone()));
    let Ok(()) = scan(items, (&decoder, &matcher, &All), (1, Position::default()), |portion| {
        told.take(portion.event);
        ControlFlow::Continue(())
    });
    told
}

/// Scans pieces apart, with what one machine would know of each, and puts the lines right.
fn in_pieces(world: &World, pieces: &[Piece], chunk: usize) -> Told {
    let matcher = Matcher::new(&world.index, &world.normaliser, &[]);
    let (decoder, mut told, mut lines_before) = (Decoder::new(Limits::default(), Vec::new()), Told::default(), 0);
    for piece in pieces {
        let item = piece.find().expect("the item is there");
        let first = told.findings.len();
        let Ok(lines) = scan_piece((piece, &item), (&decoder, &matcher, &All), (2, chunk), |portion| {
            told.take(portion.event);
            ControlFlow::Continue(())
        });
        told.findings[first..].iter_mut().for_each(|(_, finding)| finding.line += lines_before);
        lines_before += lines;
    }
    told
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Item {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a file is written");
    let location = Location::parse(path.as_os_str()).expect("a location");
    location.items().next().expect("an item").expect("it is there")
}

/// Checks that pieces cover an item without a gap, each but the last to the end of a line.
#[track_caller]
fn check_cover(pieces: &[Piece], bytes: &[u8], size: u64) {
    let mut end = 0;
    for piece in pieces {
        assert_eq!(piece.start, end);
        assert!(piece.length() >= size.min(bytes.len() as u64 - piece.start), "{piece:?} is short");
        end = piece.end;
        assert!(end == bytes.len() as u64 || matches!(bytes[end as usize - 1], b'\n' | b'\r'), "{piece:?}");
    }
    assert_eq!(end, bytes.len() as u64);
}

#[track_caller]
fn check(world: &World, bytes: &[u8], size: u64, chunk: usize) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let item = write(folder.path(), "a list.txt", bytes);
    let pieces = cut(&item, size).expect("it is cut");
    check_cover(&pieces, bytes, size);
    assert_eq!(in_pieces(world, &pieces, chunk), whole(world, &item), "pieces of {size}, chunks of {chunk}");
    pieces.len()
}

/// A part of a dump: lines of one kind, or something over many lines, or one very long line.
fn part() -> impl Strategy<Value = String> {
    let name = prop::sample::select(
        ["jane@contoso.test", "a@elsewhere.test", "gwen.stacy@gmail.com", "mmuster", "nobody@contoso.test"].as_slice(),
    );
    let end = prop::sample::select(["\n", "\r\n"].as_slice());
    (0..8u8, name, end, 1..400usize, "[!-9;-~]{1,12}").prop_map(|(kind, name, end, count, password)| match kind {
        0 | 1 => format!("x{count}@elsewhere.test:1{end}{name}:{password}{end}").repeat(count % 60 + 1),
        2 => format!("URL: https://a{count}.test/{end}Username: {name}{end}Password: {password}{end}==={end}")
            .repeat(count % 40 + 1),
        3 => {
            let row = format!("{{{end}  \"email\": \"{name}\",{end}  \"password\": \"p{count}\"{end}}}");
            vec![row; count % 40 + 1].join(",")
        }
        4 => format!(
            "INSERT INTO u VALUES {};{end}",
            vec![format!("({count},'{name}','p{count}')"); 10 * count].join(",")
        ),
        5 => format!("{name}:{}{end}", "x".repeat(200 * count)),
        6 => format!("{end}{name}{end}{password}{end}"),
        // A block whose password is far behind its name.
        _ => format!("User: {name}{end}{}Password: {password}{end}{end}", format!("Note: {count}{end}").repeat(count)),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn pieces_give_what_the_whole_gives(
        parts in prop::collection::vec(part(), 1..25),
        size in 1..20_000u64,
        chunk in 1..20_000usize,
        ends in any::<bool>(),
    ) {
        let mut text = parts.concat();
        if !ends {
            text.truncate(text.trim_end().len());
        }
        check(&World::new(), text.as_bytes(), size, chunk);
    }

    #[test]
    fn so_do_any_bytes(bytes in prop::collection::vec(prop::sample::select(b"a@:\n\r\0\xE4".as_slice()), 0..3000), size in 1..500u64) {
        check(&World::new(), &bytes, size, 64);
    }
}

#[test]
fn a_line_is_never_divided_and_one_without_an_end_joins_pieces() {
    let world = World::new();
    let long = format!("a:b\njane@contoso.test:{}\njane@contoso.test:hunter2\n", "x".repeat(100_000));
    assert_eq!(check(&world, long.as_bytes(), 10, 1 << 20), 2);
    assert_eq!(check(&world, long.as_bytes(), 4, 1 << 20), 3);
    // A cut that falls on the start of a line is there.
    let lines = "jane@contoso.test:hunter2\n".repeat(1000);
    assert_eq!(check(&world, lines.as_bytes(), 26 * 10, 1 << 20), 100);
    assert_eq!(check(&world, lines.trim_end().replace('\n', "\r").as_bytes(), 26 * 10, 1 << 20), 100);
    assert_eq!(check(&world, lines.as_bytes(), 26_000, 1 << 20), 1);
    assert_eq!(check(&world, b"", 10, 1 << 20), 1);
}

/// A table so wide that only its header tells which column holds passwords.
#[test]
fn what_the_beginning_tells_of_columns_holds_for_every_piece() {
    let world = World::new();
    let names: Vec<String> = (0..20).map(|column| format!("column{column}")).collect();
    let values: Vec<String> = (0..20).map(|column| format!("value{column}")).collect();
    let (names, values) = (names.join(","), values.join(","));
    let row = format!("jane@contoso.test,{values},hunter2,{values}\n");
    let table = format!("email,{names},password,{names}\n{}", row.repeat(400));
    assert!(check(&world, table.as_bytes(), 20_000, 4_000) > 5);
    let folder = tempfile::tempdir().expect("a folder");
    let item = write(folder.path(), "table.csv", table.as_bytes());
    let piece = cut(&item, 20_000).expect("it is cut").remove(2);
    let found = in_pieces(&world, &[piece], 4_000).findings;
    assert!(!found.is_empty() && found.iter().all(|(_, one)| one.has(b"hunter2")), "{found:?}");
}

#[test]
fn what_has_no_lines_where_its_bytes_are_is_one_piece() {
    let world = World::new();
    let text = "jane@contoso.test:hunter2\n".repeat(4000);
    let wide: Vec<u8> = format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packed.write_all(text.as_bytes()).expect("memory takes it");
    let mut image = vec![0; 40_000];
    image[0x8001..0x8006].copy_from_slice(b"CD001");
    for bytes in [wide, packed.finish().expect("memory takes it"), image, b"%PDF-1.7\n".repeat(2000)] {
        assert_eq!(check(&world, &bytes, 1000, 1 << 20), 1);
    }
}

#[test]
fn what_others_cannot_read_is_refused() {
    let standard = Location::parse("-".as_ref()).expect("a location").items().next().expect("one").expect("an item");
    let error = cut(&standard, 10).expect_err("it is here only");
    let expected = "standard input: standard input is here only, and cannot be read from another machine; \
                    give a file, a folder or an object store";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_item_that_is_another_now_is_not_scanned() {
    let folder = tempfile::tempdir().expect("a folder");
    let item = write(folder.path(), "list%20\u{E4}.txt", &b"a@b.test:c\n".repeat(100));
    let pieces = cut(&item, 300).expect("it is cut");
    assert_eq!(pieces[1].find().expect("it is there").name, item.name);
    let wrong = Piece { end: 5000, ..pieces[1].clone() };
    assert!(matches!(wrong.find().err(), Some(PieceError::Range { end: 5000, size: 1100, .. })));
    write(folder.path(), "list%20\u{E4}.txt", &b"a@b.test:c\n".repeat(99));
    let error = pieces[1].find().err().expect("it was changed");
    assert!(matches!(error, PieceError::Changed { listed: 1100, found: 1089, .. }), "{error}");
    std::fs::remove_file(folder.path().join("list%20\u{E4}.txt")).expect("it is removed");
    assert!(matches!(pieces[1].find().err(), Some(PieceError::Gone { .. })));
    std::fs::create_dir(folder.path().join("list%20\u{E4}.txt")).expect("a folder");
    write(&folder.path().join("list%20\u{E4}.txt"), "b", b"a@b.test:c\n");
    assert!(matches!(pieces[1].find().err(), Some(PieceError::Gone { .. })));
}

#[test]
fn an_item_that_shrinks_while_it_is_scanned_is_a_problem() {
    let folder = tempfile::tempdir().expect("a folder");
    let item = write(folder.path(), "list.txt", &b"a@b.test:c\n".repeat(100));
    let piece = cut(&item, 300).expect("it is cut").remove(1);
    let item = piece.find().expect("it is there");
    write(folder.path(), "list.txt", &b"a@b.test:c\n".repeat(40));
    let (world, mut told) = (World::new(), Told::default());
    let matcher = Matcher::new(&world.index, &world.normaliser, &[]);
    let decoder = Decoder::new(Limits::default(), Vec::new());
    let Ok(lines) = scan_piece((&piece, &item), (&decoder, &matcher, &All), (1, 1 << 20), |portion| {
        told.take(portion.event);
        ControlFlow::Continue(())
    });
    assert_eq!((piece.start, piece.end, lines), (308, 616, 12));
    assert_eq!(told.problems, ["list.txt: cannot be read at 440: it ends here, and had 1100 bytes when it was listed"]);
}
