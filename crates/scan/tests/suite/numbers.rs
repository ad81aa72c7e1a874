//! The numbers of lines, whatever of a document was scanned by a process before.

use super::pieces::All;
use super::plain;
use super::world::World;
use scan::engine::{Event, Position, scan};
use scan::matcher::Matcher;
use scan::source::Location;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

/// A place: its document, and where the name begins, with the number of its line.
type Numbered = (String, u64, u64);

/// What a scan from a position on finds, and every position that it comes by, with how many findings are before it.
fn numbered(world: &World, folder: &Path, from: Position) -> (Vec<Numbered>, Vec<(Position, usize)>) {
    let matcher = Matcher::new(&world.index, &world.normaliser, &[]);
    let (mut found, mut positions) = (Vec::new(), Vec::new());
    let location = Location::parse(folder.as_os_str()).expect("a folder");
    let Ok(()) = scan(location.items(), (&plain(), &matcher, &All), (2, from), |portion| {
        if let Event::Scanned { lines_before, findings, .. } = portion.event {
            let place = |(document, finding): (String, super::world::Finding)| {
                (document, finding.offset, lines_before + finding.line)
            };
            found.extend(findings.into_iter().map(place));
        }
        positions.push((portion.position, found.len()));
        ControlFlow::Continue(())
    });
    (found, positions)
}

#[test]
fn a_line_has_its_number_wherever_the_scan_goes_on() {
    let named = |count: usize| "jane@contoso.test:a password\n".repeat(count);
    let foreign = "somebody@elsewhere.test:and a password\n".repeat(30_000);
    // Lines that chunks are cut within: records, and one that is skipped.
    let records = format!("INSERT INTO u VALUES {};\n", vec!["(1,'jane@contoso.test','x')"; 40_000].join(","));
    let skipped = format!("{}\n", "y".repeat(1_200_000));
    let first = [&named(3), &*foreign, &records, &named(2), &skipped, &named(2), &foreign, &named(1)].concat();
    let second = [&*skipped, &records, &foreign, "\njane@contoso.test:last"].concat();
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("a.txt", &first), ("b.txt", &second)] {
        fs::write(folder.path().join(name), text).expect("a file");
    }

    let world = World::new();
    let (found, positions) = numbered(&world, folder.path(), Position::default());
    assert_eq!(found.len(), 8 + 40_000 + 40_000 + 1);
    let (mut at, mut line, mut document) = (0, 1, "");
    for (path, offset, number) in &found {
        let text = if path.starts_with("a.txt") { &first } else { &second };
        if path != document {
            (at, line, document) = (0, 1, path);
        }
        let upto = *offset as usize;
        line += text[at..upto].bytes().filter(|byte| *byte == b'\n').count() as u64;
        at = upto;
        assert_eq!(*number, line, "of {path} at {offset}");
    }

    assert!(positions.len() > 12, "{positions:?}");
    for (position, before) in positions {
        let (rest, _) = numbered(&world, folder.path(), position);
        assert!(rest == found[before..], "from {position:?} on");
    }
}
