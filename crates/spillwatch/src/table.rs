//! Tables of rows that come one after another: the columns are laid out by the first ones and keep their
//! widths, so that nothing has to be held back.

use rustix::termios::tcgetwinsize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// What stands between columns.
const GAP: &str = "  ";
/// A column is not made narrower than this to fit the terminal.
const NARROW: usize = 6;

/// The widths of columns.
pub struct Layout(Vec<usize>);

impl Layout {
    /// Lays columns out so that a line fits into `width`: each as wide as its widest cell where there is room
    /// for that; otherwise the widest ones give.
    pub fn fit(columns: &[&str], rows: &[Vec<String>], width: usize) -> Self {
        let cells = |at: usize| rows.iter().filter_map(move |row| row.get(at)).map(|cell| cell.as_str().width());
        let mut widths: Vec<usize> =
            columns.iter().enumerate().map(|(at, name)| cells(at).fold(name.width(), usize::max)).collect();
        let gaps = GAP.len() * columns.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > width {
            match widths.iter_mut().max().filter(|widest| **widest > NARROW) {
                Some(widest) => *widest -= 1,
                None => break,
            }
        }
        Self(widths)
    }

    /// The lines above the rows.
    pub fn head(&self, columns: &[&str]) -> String {
        let names: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        let rules: Vec<String> = self.0.iter().map(|width| "─".repeat(*width)).collect();
        format!("{}\n{}", self.line(&names), self.line(&rules))
    }

    /// One row: what does not fit into its column is cut, and control characters, which could steer the
    /// terminal, are replaced.
    pub fn line(&self, cells: &[String]) -> String {
        let mut out = String::new();
        for (at, (cell, width)) in cells.iter().zip(&self.0).enumerate() {
            if at > 0 {
                out.push_str(GAP);
            }
            let used = cut(cell, *width, &mut out);
            out.extend(std::iter::repeat_n(' ', width - used));
        }
        out.truncate(out.trim_end_matches(' ').len());
        out
    }
}

/// Writes as much of a text as fits; answers how wide that is.
fn cut(text: &str, width: usize, out: &mut String) -> usize {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let wide = |c: char| c.width().unwrap_or(0);
    let whole: usize = text.chars().map(|c| wide(shown(c))).sum();
    let room = if whole > width { width.saturating_sub(1) } else { width };
    let mut used = 0;
    for c in text.chars().map(shown) {
        if used + wide(c) > room {
            break;
        }
        used += wide(c);
        out.push(c);
    }
    if whole > width && width > 0 {
        out.push('…');
        used += 1;
    }
    used
}

/// The width of the terminal that standard output goes to.
pub fn terminal_width() -> usize {
    match tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_col > 0 => size.ws_col.into(),
        _ => 80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_cells_and_cut_to_the_terminal() {
        let columns = ["level", "name"];
        let rows = [row(&["high", "Mara Lind"]), row(&["medium", "Øyvind of the long name"])];
        let roomy = Layout::fit(&columns, &rows, 80);
        assert_eq!(roomy.head(&columns), "level   name\n──────  ───────────────────────");
        assert_eq!(roomy.line(&rows[0]), "high    Mara Lind");
        let tight = Layout::fit(&columns, &rows, 20);
        assert_eq!(tight.line(&rows[1]), "medium  Øyvind of t…");
        assert_eq!(tight.line(&row(&["unknownFutureValue", "x"])), "unkno…  x");
        let tiny = Layout::fit(&columns, &rows, 3);
        assert_eq!(tiny.line(&rows[1]), "medium  Øyvin…", "a column keeps its narrowest width");
    }

    #[test]
    fn a_cell_cannot_steer_the_terminal() {
        let layout = Layout(vec![12, 4]);
        assert_eq!(layout.line(&row(&["\u{1b}[2J\tx\n", "字字字"])), "\u{fffd}[2J\u{fffd}x\u{fffd}       字…");
    }
}
