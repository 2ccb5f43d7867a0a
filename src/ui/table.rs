//! Tables as `kubectl get` prints them: upper-case headers, three spaces between columns, no borders.

use super::sanitize;

/// Spaces between two columns.
const PADDING: usize = 3;

/// A table under construction. Wide columns are there only with `-o wide`.
#[derive(Debug, Clone, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

#[derive(Debug, Clone)]
struct Column {
    header: String,
    wide: bool,
}

impl Table {
    /// A table with these columns, all of them shown always.
    pub fn new<H: AsRef<str>>(headers: impl IntoIterator<Item = H>) -> Self {
        let mut table = Self::default();
        for header in headers {
            table.column(header.as_ref());
        }
        table
    }

    /// One more column; the header is written in upper case.
    pub fn column(&mut self, header: &str) -> &mut Self {
        self.columns.push(Column {
            header: sanitize::one_line(header).to_uppercase(),
            wide: false,
        });
        self
    }

    /// One more column that only `-o wide` shows.
    pub fn wide_column(&mut self, header: &str) -> &mut Self {
        self.columns.push(Column {
            header: sanitize::one_line(header).to_uppercase(),
            wide: true,
        });
        self
    }

    /// One more row: a cell per column, wide ones included. An empty cell is printed as `<none>`; control characters
    /// are dropped, since cells come from clusters and plugins.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) -> &mut Self {
        let clean = |cell: C| match sanitize::one_line(cell.as_ref()).trim() {
            "" => "<none>".to_owned(),
            text => text.to_owned(),
        };
        self.rows.push(cells.into_iter().map(clean).collect());
        self
    }

    /// True when no row was added.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, a newline after every line; no spaces at the ends of lines.
    pub fn render(&self, wide: bool, headers: bool) -> String {
        let shown: Vec<(usize, &Column)> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| wide || !column.wide)
            .collect();
        let header: Vec<String> = self
            .columns
            .iter()
            .map(|column| column.header.clone())
            .collect();
        let lines: Vec<&Vec<String>> = headers
            .then_some(&header)
            .into_iter()
            .chain(self.rows.iter())
            .collect();
        let widths: Vec<usize> = shown
            .iter()
            .map(|(place, _)| {
                lines
                    .iter()
                    .map(|line| width(cell(line, *place)))
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        for line in lines {
            let start = out.len();
            for ((place, _), width_of_column) in shown.iter().zip(&widths) {
                let text = cell(line, *place);
                out.push_str(text);
                let missing = width_of_column.saturating_sub(width(text)) + PADDING;
                out.extend(std::iter::repeat_n(' ', missing));
            }
            let end = out.trim_end_matches(' ').len().max(start);
            out.truncate(end);
            out.push('\n');
        }
        out
    }
}

fn cell(line: &[String], place: usize) -> &str {
    line.get(place).map_or("", String::as_str)
}

/// Columns of the terminal that a text takes, counted as one per character: names of chains are ASCII.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["name", "Ready"]);
        table.wide_column("ip").column("age");
        table
            .row(["node0", "2/2", "10.0.0.1", "3m12s"])
            .row(["node-long", "0/2", "", "5s"]);
        table
    }

    #[test]
    fn pads_by_three_and_hides_wide_columns() {
        assert_eq!(
            table().render(false, true),
            "NAME        READY   AGE\nnode0       2/2     3m12s\nnode-long   0/2     5s\n"
        );
    }

    #[test]
    fn wide_shows_all() {
        assert_eq!(
            table().render(true, true),
            "NAME        READY   IP         AGE\nnode0       2/2     10.0.0.1   3m12s\nnode-long   0/2     <none>     5s\n"
        );
    }

    #[test]
    fn headers_can_go_and_controls_do() {
        let mut table = Table::new(["a", "b"]);
        table.row(["x\u{1b}[2J\ny", "z"]).row(["1"]);
        assert_eq!(table.render(false, false), "x y   z\n1\n");
    }
}
