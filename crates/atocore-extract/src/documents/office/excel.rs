//! Workbooks of Excel.
//!
//! A sheet of the new format is read cell by cell: a million of them as a table of the library would not fit into memory.

use std::{
    cell::RefCell,
    collections::HashSet,
    io::{Cursor, Read, Seek},
    iter,
};

use calamine::{
    Cell, Data, DataRef, ExcelDateTime, Reader, SheetType, Xls, XlsError, Xlsb, XlsbError, Xlsx, XlsxError,
    open_workbook_from_rs,
};

use super::{
    super::{
        archive::Archive,
        records::Records,
        sheets::{RowPlace, Sheets},
        xml::{Node, Nodes},
    },
    package::{relations, title},
};
use crate::{error::ExtractError, extracted::Extracted, words::one_line};

const WORKBOOK: &str = "xl/workbook.xml";

type Content<'content> = Cursor<&'content [u8]>;

pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    let mut archive = Archive::open(content)?;
    let mut sheets = Sheets::default();
    sheets.out.title_from_metadata(&title(&mut archive)?);
    if !archive.has(WORKBOOK) {
        let workbook: Xlsb<Content<'_>> = open_workbook_from_rs(Cursor::new(content)).map_err(xlsb_error)?;
        append_all(&mut sheets, workbook, xlsb_error)?;
        return Ok(sheets.finish());
    }
    let parts = sheet_parts(&mut archive)?;
    let mut workbook: Xlsx<Content<'_>> = open_workbook_from_rs(Cursor::new(content)).map_err(xlsx_error)?;
    for name in worksheets(&workbook) {
        let part = parts.iter().find(|(sheet, _)| *sheet == name).map(|(_, part)| part);
        let comments = part.map(|part| comments(&mut archive, part)).transpose()?.unwrap_or_default();
        sheets.append(&name, &comments, |out, place| stream(&mut workbook, &name, out, place))?;
    }
    Ok(sheets.finish())
}

pub(super) fn read_binary(content: &[u8]) -> Result<Extracted, ExtractError> {
    let workbook: Xls<Content<'_>> = open_workbook_from_rs(Cursor::new(content)).map_err(xls_error)?;
    let mut sheets = Sheets::default();
    append_all(&mut sheets, workbook, xls_error)?;
    Ok(sheets.finish())
}

/// Appends the sheets of a workbook that the library holds in memory.
fn append_all<'content, Workbook: Reader<Content<'content>>>(
    sheets: &mut Sheets,
    mut workbook: Workbook,
    error: impl Fn(Workbook::Error) -> ExtractError,
) -> Result<(), ExtractError> {
    for name in worksheets(&workbook) {
        let range = workbook.worksheet_range(&name).map_err(&error)?;
        let (first_row, first_column) = range.start().unwrap_or_default();
        let rows = range.rows().enumerate().map(|(index, cells)| {
            let empty = iter::repeat_n(String::new(), first_column as usize);
            (u64::from(first_row) + index as u64 + 1, empty.chain(cells.iter().map(of_data)).collect())
        });
        sheets.append(&name, &[], |out, place| {
            Records::append(out, rows, place);
            Ok(())
        })?;
    }
    Ok(())
}

/// The names of the sheets that hold cells.
fn worksheets<'content, Workbook: Reader<Content<'content>>>(workbook: &Workbook) -> Vec<String> {
    let sheets = workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    sheets.map(|sheet| sheet.name.clone()).collect()
}

fn stream<Source: Read + Seek>(
    workbook: &mut Xlsx<Source>,
    name: &str,
    out: &mut Extracted,
    place: RowPlace<'_>,
) -> Result<(), ExtractError> {
    let mut cells = match workbook.worksheet_cells_reader(name) {
        Err(XlsxError::NotAWorksheet(_)) => return Ok(()),
        cells => cells.map_err(xlsx_error)?,
    };
    let percents: Vec<Option<usize>> = cells
        .styles()
        .iter()
        .map(|style| style.number_format.as_ref().and_then(|format| decimals_of_percent(&format.format_code)))
        .collect();
    let failed = RefCell::new(None);
    let mut next = || {
        let cell = cells.next_cell_with_style_id();
        let (cell, style) = cell.unwrap_or_else(|error| {
            failed.replace(Some(error));
            None
        })?;
        let percent = percents.get(style).copied().flatten();
        Some((cell.get_position(), shown(&cell, percent)))
    };
    let mut following = next();
    let rows = iter::from_fn(|| {
        let ((row, _), _) = following.as_ref()?;
        let row = *row;
        let mut values = Vec::new();
        while let Some(((_, column), value)) = following.take_if(|((of, _), _)| *of == row) {
            if !value.is_empty() {
                values.resize(values.len().max(column as usize + 1), String::new());
                values[column as usize] = value;
            }
            following = next();
        }
        Some((u64::from(row) + 1, values))
    });
    Records::append(out, rows, place);
    failed.into_inner().map_or(Ok(()), |error| Err(xlsx_error(error)))
}

fn shown(cell: &Cell<DataRef<'_>>, percent: Option<usize>) -> String {
    match (cell.get_value(), percent) {
        (DataRef::Float(value), Some(decimals)) => format!("{:.decimals$}%", value * 100.0),
        (DataRef::Int(value), Some(decimals)) => format!("{:.decimals$}%", *value as f64 * 100.0),
        (DataRef::SharedString(text), _) => (*text).to_owned(),
        (value, _) => of_data(&Data::from(value.clone())),
    }
}

/// A value as a person sees it; times are written as ISO 8601 does.
fn of_data(value: &Data) -> String {
    match value {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => of_number(*number),
        Data::Bool(truth) => if *truth { "TRUE" } else { "FALSE" }.to_owned(),
        Data::DateTime(time) => of_time(time),
        Data::Error(error) => error.to_string(),
    }
}

/// A number with the 15 digits that Excel has.
fn of_number(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-9..1e15).contains(&size) {
        return format!("{number:e}");
    }
    let rounded = format!("{number:.14e}").parse::<f64>().unwrap_or(number);
    rounded.to_string()
}

fn of_time(time: &ExcelDateTime) -> String {
    let clock = |hours: u64, minutes: u64, seconds: u64| match seconds {
        0 => format!("{hours:02}:{minutes:02}"),
        seconds => format!("{hours:02}:{minutes:02}:{seconds:02}"),
    };
    if time.is_duration() {
        let seconds = (time.as_f64().max(0.0) * 86_400.0).round() as u64;
        return clock(seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    let (year, month, day, hours, minutes, seconds, _) = time.to_ymd_hms_milli();
    let clock = clock(hours.into(), minutes.into(), seconds.into());
    match (time.as_f64() < 1.0, clock.as_str()) {
        (true, _) => clock,
        (false, "00:00") => format!("{year}-{month:02}-{day:02}"),
        (false, _) => format!("{year}-{month:02}-{day:02} {clock}"),
    }
}

/// How many decimals a format for percentages shows; `None` for other formats.
fn decimals_of_percent(format: &str) -> Option<usize> {
    let positive = format.split(';').next()?;
    let code: String = positive.split('"').step_by(2).collect();
    let decimals = |rest: &str| rest.chars().take_while(|one| matches!(one, '0' | '#' | '?')).count();
    code.contains('%').then(|| code.split_once('.').map_or(0, |(_, rest)| decimals(rest)))
}

/// The names of the sheets and the parts that hold them.
fn sheet_parts(archive: &mut Archive<'_>) -> Result<Vec<(String, String)>, ExtractError> {
    let relations = relations(archive, WORKBOOK)?;
    let mut parts = Vec::new();
    for node in Nodes::of(&archive.required(WORKBOOK)?) {
        if let Node::Open(element) = node?
            && element.name == "sheet"
            && let (Some(name), Some(id)) = (element.attribute("name"), element.attribute("id"))
            && let Some(relation) = relations.iter().find(|relation| relation.id == id)
        {
            parts.push((name, relation.target.clone()));
        }
    }
    Ok(parts)
}

/// The comments on the cells of a sheet: threads, then notes. A thread stands a second time among the notes, behind a hint in
/// brackets to buy a newer program.
fn comments(archive: &mut Archive<'_>, part: &str) -> Result<Vec<(String, String)>, ExtractError> {
    let relations = relations(archive, part)?;
    let mut of_kind = |kind: &str| match relations.iter().find(|relation| relation.kind == kind) {
        Some(relation) => comments_in(&archive.text(&relation.target)?.unwrap_or_default()),
        None => Ok(Vec::new()),
    };
    let mut comments = of_kind("threadedComment")?;
    let notes = of_kind("comments")?;
    let threads: HashSet<String> = comments.iter().map(|(cell, _)| cell.clone()).collect();
    comments
        .extend(notes.into_iter().filter(|(cell, note)| !(note.starts_with('[') && threads.contains(cell))));
    Ok(comments)
}

/// The comments in a part that holds such, with the names of their cells; those without text are left out.
fn comments_in(xml: &str) -> Result<Vec<(String, String)>, ExtractError> {
    let mut comments: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for node in Nodes::of(xml) {
        match node? {
            Node::Open(element) if matches!(element.name.as_str(), "comment" | "threadedComment") => {
                comments.push((element.attribute("ref").unwrap_or_default(), String::new()));
                inside = true;
            }
            Node::Close(name) if matches!(name.as_str(), "comment" | "threadedComment") => inside = false,
            Node::Text(text) if inside => {
                if let Some((_, comment)) = comments.last_mut() {
                    comment.push_str(&text);
                }
            }
            _ => {}
        }
    }
    for (_, comment) in &mut comments {
        *comment = one_line(comment);
    }
    comments.retain(|(_, comment)| !comment.is_empty());
    Ok(comments)
}

fn xlsx_error(error: XlsxError) -> ExtractError {
    if matches!(error, XlsxError::Password) { ExtractError::Encrypted } else { ExtractError::damaged(error) }
}

fn xlsb_error(error: XlsbError) -> ExtractError {
    if matches!(error, XlsbError::Password) { ExtractError::Encrypted } else { ExtractError::damaged(error) }
}

fn xls_error(error: XlsError) -> ExtractError {
    if matches!(error, XlsError::Password) { ExtractError::Encrypted } else { ExtractError::damaged(error) }
}
