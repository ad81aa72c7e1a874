//! How the cost of a read grows with the store: the CPU of a request at the largest size over
//! that at the smallest.

use crate::bench::report::{Cell, Sample, SizeReport, Turn, table};

/// The growth of every read that was measured at both sizes; empty when there is one size only.
pub fn table_of(sizes: &[SizeReport]) -> String {
    let by_rows = |size: &&SizeReport| size.rows;
    let (Some(small), Some(large)) = (sizes.iter().min_by_key(by_rows), sizes.iter().max_by_key(by_rows)) else {
        return String::new();
    };
    if small.rows == large.rows {
        return String::new();
    }
    let pairs = small.cells.iter().filter_map(|cell| {
        let same = |other: &&Cell| other.op == cell.op && other.connections == cell.connections;
        Some((cell, large.cells.iter().find(same)?))
    });
    let rows: Vec<Vec<String>> = pairs.filter_map(|(small, large)| rows(small, large)).flatten().collect();
    let (at_small, at_large) = (format!("at {}", small.rows), format!("at {}", large.rows));
    let head = ["op", "conns", "server", &at_small, &at_large, "growth", "wanted at most"];
    format!(
        "\nCPU us of a request, from {} to {} events\n\n{}What is constant shows how far the machine itself wavers.\n",
        small.rows,
        large.rows,
        table(&head, &rows)
    )
}

/// The server's row and its yardstick's.
fn rows(small: &Cell, large: &Cell) -> Option<[Vec<String>; 2]> {
    let wanted = small.op.wanted_growth()?;
    let row = |name: &str, side: fn(&Turn) -> Sample, wanted: String| {
        let [at_small, at_large] = [small, large].map(|cell| cell.middle(side, |sample| sample.cpu_us));
        vec![
            small.op.name().to_owned(),
            small.connections.to_string(),
            name.to_owned(),
            format!("{at_small:.1}"),
            format!("{at_large:.1}"),
            format!("{:.2}", at_large / at_small),
            wanted,
        ]
    };
    Some([
        row(small.server, |turn| turn.server, wanted.to_string()),
        row(small.beside, |turn| turn.yardstick, String::new()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::options::Op;
    use crate::bench::report::MemoryReport;

    fn size(rows: u64, cells: &[(Op, f64)]) -> SizeReport {
        let cell = |&(op, cpu_us): &(Op, f64)| {
            let sample = |cpu_us| Sample { cpu_us, ..Sample::default() };
            Cell {
                op,
                server: "spillwatch",
                beside: op.beside(),
                wanted: None,
                connections: 64,
                turns: vec![Turn { server: sample(cpu_us), yardstick: sample(8.0) }],
                kept: None,
            }
        };
        let cells = cells.iter().map(cell).collect();
        SizeReport { rows, preload_seconds: 1.0, memory: MemoryReport::default(), cells, failures: Vec::new() }
    }

    #[test]
    fn reads_are_held_from_the_smallest_to_the_largest_size() {
        let cells = [(Op::OfRange, 90.0), (Op::Count, 6.0), (Op::Create, 70.0)];
        let large = size(1_000_000, &cells);
        let small = size(10_000, &[(Op::OfRange, 30.0), (Op::Get, 5.0), (Op::Create, 60.0)]);
        let text = table_of(&[large, size(100_000, &cells), small]);
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(
            lines,
            [
                "| op      | conns | server                | at 10000 | at 1000000 | growth | wanted at most |",
                "|:--------|:------|:----------------------|---------:|-----------:|-------:|---------------:|",
                "| f_range | 64    | spillwatch            |     30.0 |       90.0 |   3.00 |            3.2 |",
                "| f_range | 64    | as many constant rows |      8.0 |        8.0 |   1.00 |                |",
            ]
        );
    }

    #[test]
    fn one_size_has_no_growth() {
        assert_eq!(table_of(&[]), "");
        assert_eq!(table_of(&[size(10_000, &[(Op::Get, 1.0)]), size(10_000, &[(Op::Get, 2.0)])]), "");
    }
}
