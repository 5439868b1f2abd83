//! What is shown to a person: styled text whose every piece is escaped.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::escape::{visible, visible_lines};

/// What a piece of text means, from which its looks follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Ordinary text.
    Plain,
    /// Accepted, passed.
    Good,
    /// Refused, failed.
    Bad,
    /// Worth a look; unknown.
    Warn,
    /// Names and headings.
    Strong,
    /// Labels, and what is said beside the point.
    Faint,
}

impl Ink {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Good => colour(AnsiColor::Green).bold(),
            Self::Bad => colour(AnsiColor::Red).bold(),
            Self::Warn => colour(AnsiColor::Yellow),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
        }
    }
}

/// Text for a person, with its styles as terminal codes; whoever writes it out
/// takes them away where nobody could see them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    text: String,
}

impl Page {
    /// Adds a piece of text; line feeds in it are escaped like all controls.
    pub(crate) fn put(&mut self, ink: Ink, text: impl AsRef<str>) -> &mut Self {
        self.paint(ink, &visible(text.as_ref()));
        self
    }

    /// Adds a piece of ordinary text.
    pub(crate) fn text(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.put(Ink::Plain, text)
    }

    /// Adds text of several lines, such as a finding with its place underlined.
    pub(crate) fn lines(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.text.push_str(&visible_lines(text.as_ref()));
        self
    }

    /// Ends the line.
    pub(crate) fn end(&mut self) -> &mut Self {
        self.text.push('\n');
        self
    }

    /// Adds a line with an indented label and what belongs to it.
    pub(crate) fn field(&mut self, label: &str, value: impl AsRef<str>) -> &mut Self {
        self.put(Ink::Faint, format!("  {label:<11} "))
            .text(value)
            .end()
    }

    /// Adds the rows as columns of equal width, each row indented.
    pub(crate) fn table(&mut self, indent: usize, rows: &[Vec<Cell>]) -> &mut Self {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(Cell::width).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        for row in rows {
            self.text.push_str(&" ".repeat(indent));
            let last = row.iter().rposition(|cell| !cell.text.is_empty());
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                self.paint(cell.ink, &cell.text);
                if last.is_some_and(|last| column < last) {
                    let gap = width.saturating_sub(cell.width()) + 2;
                    self.text.push_str(&" ".repeat(gap));
                }
            }
            self.end();
        }
        self
    }

    /// The text with its styles.
    pub(crate) fn styled(&self) -> &str {
        &self.text
    }

    fn paint(&mut self, ink: Ink, text: &str) {
        let style = ink.style();
        if text.is_empty() || style == Style::new() {
            self.text.push_str(text);
        } else {
            // Writing to a string can't fail.
            let _ = write!(self.text, "{style}{text}{style:#}");
        }
    }
}

/// One cell of a table.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    ink: Ink,
    text: String,
}

impl Cell {
    /// A cell; the text is escaped.
    pub(crate) fn new(ink: Ink, text: impl AsRef<str>) -> Self {
        Self {
            ink,
            text: visible(text.as_ref()),
        }
    }

    /// A cell of ordinary text.
    pub(crate) fn plain(text: impl AsRef<str>) -> Self {
        Self::new(Ink::Plain, text)
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(page: &Page) -> String {
        anstream::adapter::strip_str(page.styled()).to_string()
    }

    #[test]
    fn columns_are_aligned_and_lines_end_without_blanks() {
        let mut page = Page::default();
        page.table(
            2,
            &[
                vec![
                    Cell::new(Ink::Good, "✓"),
                    Cell::plain("ref"),
                    Cell::plain("main"),
                ],
                vec![Cell::plain("?"), Cell::plain("longer"), Cell::plain("")],
            ],
        );
        assert_eq!(bare(&page), "  ✓  ref     main\n  ?  longer\n");
    }

    #[test]
    fn nothing_that_is_put_can_leave_its_line_or_bring_its_own_codes() {
        let mut page = Page::default();
        page.put(Ink::Bad, "a\n\u{1b}[2Jb").end();
        assert_eq!(bare(&page), "a\\n\\u{1b}[2Jb\n");
    }
}
