//! Charts as SVG: plain shapes with a title and a description, and classes that the page's style sheet colours.

use askama::Template;

/// Across all charts: the width of the drawing, which the page scales.
const WIDTH: u32 = 640;
/// Of a bar with the gap below it.
const ROW: u32 = 26;
/// Where bars begin: names stand before.
const NAMES: u32 = 210;
/// Room for numbers behind the longest bar.
const NUMBERS: u32 = 60;
/// The most characters of a name in a chart; the table beside it has the whole.
const LONGEST: usize = 26;

/// A bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What it stands for, whole.
    pub name: String,
    /// The same, as far as there is room.
    pub shown: String,
    /// How much it is.
    pub count: u64,
    /// Where its row begins.
    pub y: u32,
    /// How long it is drawn.
    pub length: u32,
}

/// Bars, one below the other.
#[derive(Template)]
#[template(path = "bars.svg", escape = "html")]
pub struct Chart {
    /// Tells this chart's texts from those of others on the page.
    id: &'static str,
    title: String,
    description: String,
    bars: Vec<Bar>,
    names: u32,
    width: u32,
    height: u32,
}

impl Chart {
    /// A chart of counts, in their order.
    pub fn new(id: &'static str, title: &str, counts: &[(String, u64)]) -> Self {
        let most = counts.iter().map(|(_, count)| *count).max().unwrap_or_default();
        let bars = counts.iter().zip(0_u32..).map(|((name, count), row)| Bar {
            name: name.clone(),
            shown: shortened(name),
            count: *count,
            y: row * ROW,
            length: length(*count, most, WIDTH - NAMES - NUMBERS),
        });
        let bars: Vec<Bar> = bars.collect();
        let height = (counts.len() as u32).max(1) * ROW;
        Self { id, title: title.to_owned(), description: described(counts), bars, names: NAMES, width: WIDTH, height }
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The time that it stands for.
    pub name: String,
    /// How much it is.
    pub count: u64,
    /// Where it begins.
    pub x: u32,
    /// Its upper end.
    pub y: u32,
    /// How wide it is.
    pub width: u32,
    /// How high it is.
    pub height: u32,
    /// Whether there is room for its name below it.
    pub is_named: bool,
    /// Whether none is higher.
    pub is_highest: bool,
}

impl Column {
    /// The middle of it.
    fn middle(&self) -> u32 {
        self.x + self.width / 2
    }
}

/// Columns, one beside the other: how counts go over time.
#[derive(Template)]
#[template(path = "columns.svg", escape = "html")]
pub struct Columns {
    id: &'static str,
    title: String,
    description: String,
    bars: Vec<Column>,
    base: u32,
    width: u32,
    height: u32,
}

impl Columns {
    /// Of the highest column.
    const HEIGHT: u32 = 150;
    /// Above it, for its number.
    const ABOVE: u32 = 18;
    /// Between the names below the columns, at least.
    const NAME: u32 = 64;

    /// A chart of counts, in the order of time.
    pub fn new(id: &'static str, title: &str, counts: &[(String, u64)]) -> Self {
        let most = counts.iter().map(|(_, count)| *count).max().unwrap_or_default();
        let step = (WIDTH / (counts.len() as u32).max(1)).clamp(4, 72);
        let every = Self::NAME.div_ceil(step);
        let column = |(place, (name, count)): (u32, &(String, u64))| {
            let height = length(*count, most, Self::HEIGHT);
            Column {
                name: name.clone(),
                count: *count,
                x: place * step,
                y: Self::ABOVE + Self::HEIGHT - height,
                width: (step * 4 / 5).max(2),
                height,
                is_named: place.is_multiple_of(every),
                is_highest: *count == most,
            }
        };
        let bars = (0_u32..).zip(counts).map(column).collect();
        let base = Self::ABOVE + Self::HEIGHT;
        let description = described(counts);
        Self { id, title: title.to_owned(), description, bars, base, width: WIDTH, height: base + 22 }
    }
}

/// How long something is drawn: in proportion, and to be seen where it is not nothing.
fn length(count: u64, most: u64, longest: u32) -> u32 {
    if count == 0 || most == 0 {
        return 0;
    }
    let length = u128::from(count) * u128::from(longest) / u128::from(most);
    u32::try_from(length).unwrap_or(longest).max(2)
}

fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= LONGEST {
        return name.to_owned();
    }
    // The end of a path tells more than its beginning.
    let end: String = name.chars().skip(length - LONGEST + 1).collect();
    format!("…{end}")
}

/// The chart in words, for those who do not see it.
fn described(counts: &[(String, u64)]) -> String {
    if counts.is_empty() {
        return "Nothing.".to_owned();
    }
    let all: Vec<String> = counts.iter().map(|(name, count)| format!("{name}: {count}")).collect();
    format!("{}.", all.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(&str, u64)]) -> Vec<(String, u64)> {
        of.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn bars_are_as_long_as_their_counts() {
        let chart = Chart::new("c", "A <title>", &counts(&[("a & b", 1000), ("b", 500), ("c", 1), ("d", 0)]));
        let lengths: Vec<u32> = chart.bars.iter().map(|bar| bar.length).collect();
        assert_eq!(lengths, [WIDTH - NAMES - NUMBERS, (WIDTH - NAMES - NUMBERS) / 2, 2, 0]);
        let svg = chart.render().expect("it can be written");
        assert!(svg.contains("A &#60;title&#62;") && svg.contains("a &#38; b: 1000; b: 500; c: 1; d: 0."), "{svg}");
        assert!(!svg.contains("<title>A <"), "{svg}");
    }

    #[test]
    fn the_largest_counts_do_not_overflow() {
        assert_eq!(length(u64::MAX, u64::MAX, 400), 400);
        assert_eq!(length(u64::MAX / 2, u64::MAX, 400), 199);
        assert_eq!(length(7, 0, 400), 0);
    }

    #[test]
    fn many_columns_stay_within_the_drawing_and_name_themselves_apart() {
        for many in [1_usize, 2, 9, 60, 120] {
            let all: Vec<(String, u64)> = (0..many).map(|n| (format!("2024-{n:02}"), n as u64)).collect();
            let chart = Columns::new("t", "Over time", &all);
            let last = chart.bars.last().expect("there is one");
            assert!(last.x + last.width <= WIDTH, "{many}");
            let named: Vec<u32> = chart.bars.iter().filter(|column| column.is_named).map(|column| column.x).collect();
            assert!(named.windows(2).all(|pair| pair[1] - pair[0] >= Columns::NAME), "{many}: {named:?}");
        }
    }

    #[test]
    fn an_empty_chart_says_so() {
        let svg = Chart::new("c", "Nothing yet", &[]).render().expect("it can be written");
        assert!(svg.contains("Nothing."), "{svg}");
    }
}
