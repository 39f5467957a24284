//! Sheets. Cells are what a person sees: their text stands beside their value.

use std::iter;

use super::{
    super::{
        records::Records,
        sheets::{RowPlace, Sheets},
        xml::{Element, Node, Nodes},
    },
    Annotation, inline, is_hidden, number,
};
use crate::{error::ExtractError, extracted::Extracted};

/// The most columns of a sheet.
const MOST_COLUMNS: usize = 16_384;

/// The most text of a row of which cells are repeated, in bytes.
const MOST_TEXT: usize = 1 << 20;

pub(super) fn read(xml: &str, title: &str) -> Result<Extracted, ExtractError> {
    let mut sheets = Sheets::default();
    sheets.out.title_from_metadata(title);
    let mut nodes = Nodes::of(xml);
    while let Some(node) = nodes.next() {
        match node? {
            Node::Open(element) if element.name == "table" => {
                let name = element.attribute("name").unwrap_or_default();
                sheets.append(&name, &[], |out, place| read_sheet(&mut nodes, out, place))?;
            }
            // What changed, and what a pivot table remembers of others.
            Node::Open(element) if is_hidden(&element) => nodes.pass_over(&element)?,
            _ => {}
        }
    }
    Ok(sheets.finish())
}

fn read_sheet(nodes: &mut Nodes<'_>, out: &mut Extracted, place: RowPlace<'_>) -> Result<(), ExtractError> {
    let mut rows = SheetRows { nodes, number: 0, last: Vec::new(), left: 0, ended: false, failed: None };
    Records::append(out, iter::from_fn(|| rows.next()), place);
    // Where it is too much, what is left of the sheet is read and thrown away.
    while !rows.ended && rows.failed.is_none() {
        rows.left = 0;
        rows.next();
    }
    rows.failed.map_or(Ok(()), Err)
}

/// The rows of a sheet that hold something, with their numbers.
struct SheetRows<'nodes, 'xml> {
    nodes: &'nodes mut Nodes<'xml>,
    number: u64,
    last: Vec<String>,
    /// How many times the last row comes again.
    left: usize,
    ended: bool,
    failed: Option<ExtractError>,
}

impl SheetRows<'_, '_> {
    fn next(&mut self) -> Option<(u64, Vec<String>)> {
        if self.left > 0 {
            self.left -= 1;
            self.number += 1;
            return Some((self.number, self.last.clone()));
        }
        while !self.ended && self.failed.is_none() {
            let Some(node) = self.nodes.next() else {
                self.ended = true;
                break;
            };
            match node {
                Err(error) => self.failed = Some(error),
                Ok(Node::Open(row)) if row.name == "table-row" => {
                    let repeated = number(&row, "number-rows-repeated").max(1);
                    match read_row(self.nodes) {
                        Err(error) => self.failed = Some(error),
                        Ok(cells) if cells.is_empty() => self.number += repeated as u64,
                        Ok(cells) => {
                            self.last = cells;
                            self.left = repeated;
                            return self.next();
                        }
                    }
                }
                Ok(Node::Close(name)) if name == "table" => self.ended = true,
                Ok(Node::Open(element)) if is_hidden(&element) || element.name == "shapes" => {
                    self.failed = self.nodes.pass_over(&element).err();
                }
                Ok(_) => {}
            }
        }
        None
    }
}

/// The cells of a row up to the last one that holds something.
fn read_row(nodes: &mut Nodes<'_>) -> Result<Vec<String>, ExtractError> {
    let (mut cells, mut column, mut length) = (Vec::new(), 0, 0);
    while let Some(node) = nodes.next() {
        match node? {
            Node::Open(cell) if matches!(cell.name.as_str(), "table-cell" | "covered-table-cell") => {
                let repeated = number(&cell, "number-columns-repeated").clamp(1, MOST_COLUMNS);
                let text = read_cell(nodes, &cell)?;
                let last = (column + repeated).min(MOST_COLUMNS);
                for place in column..last {
                    length += text.len();
                    if text.is_empty() || length > MOST_TEXT && place > column {
                        break;
                    }
                    cells.resize(place, String::new());
                    cells.push(text.clone());
                }
                column = last;
            }
            Node::Close(name) if name == "table-row" => break,
            _ => {}
        }
    }
    Ok(cells)
}

fn read_cell(nodes: &mut Nodes<'_>, cell: &Element<'_>) -> Result<String, ExtractError> {
    let mut text = String::new();
    let mut paragraphs = 0;
    let mut comments = Vec::new();
    while let Some(node) = nodes.next() {
        match node? {
            Node::Open(element) if element.name == "annotation" => comments.push(Annotation::read(nodes)?),
            Node::Open(element) if is_hidden(&element) => nodes.pass_over(&element)?,
            Node::Open(element) if element.name == "p" => paragraphs += 1,
            Node::Open(element) => text.push_str(&inline(&element)),
            Node::Text(part) if paragraphs > 0 => text.push_str(&part),
            Node::Text(_) => {}
            Node::Close(name) if name == "p" => {
                paragraphs -= 1;
                text.push(' ');
            }
            Node::Close(name) if name == cell.name => break,
            Node::Close(_) => {}
        }
    }
    for comment in comments {
        text.push_str(&format!(" ({comment})"));
    }
    Ok(text.trim().to_owned())
}
