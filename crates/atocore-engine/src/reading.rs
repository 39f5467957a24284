//! Reads lines of a document: in its file when that still has the bytes that the store knows, else in the passages.
//!
//! Nothing is ever read out of a file that is not what was ingested, so whatever lies at its path today stays unseen.

use atocore_model::{
    document::{HeadingPath, LineSpan, Location},
    excerpt::{DocumentRef, Excerpt, LineRange, MaxChars, Reading, TextSource},
    id::{Generation, ProjectId},
    nearest::slips,
    path::SourcePath,
    text,
};
use atocore_storage::sqlite::{PassageText, ReadTransaction, Store, StoredDocument};

use crate::{decoding::decode, error::Error, file_check};

/// How many paths are compared letter by letter with one that is not there.
const COMPARED: usize = 2000;

/// Reads what is wanted. `project` is the one that the place of `reading` names.
pub(crate) fn read(store: &Store, reading: &Reading, project: Option<&ProjectId>) -> Result<Excerpt, Error> {
    let (stored, chunks, generation) = store.read(|read| {
        let stored = find(read, &reading.document, project)?;
        let passages = read.chunks_of(stored.key)?;
        Ok::<_, Error>((stored, passages, read.generation()?))
    })?;
    // Lines of a text that was extracted from the file stand in the passages only.
    let is_extracted = chunks.iter().any(|passage| passage.location.is_some());
    let (text, source) = match if is_extracted { None } else { unchanged_text(&stored) } {
        Some(text) => (text, TextSource::File),
        None => (put_together(&chunks), TextSource::Chunks),
    };
    // A document without text is found by a passage that is its title.
    let passage = stored.chunk.filter(|_| !text.is_empty());
    let wanted = reading.lines.or_else(|| passage.map(LineRange::from));
    let excerpt = excerpt(stored, &text, source, wanted, reading.limit, generation)?;
    let location = excerpt.lines.and_then(|lines| location_of(&chunks, lines));
    Ok(Excerpt { location, ..excerpt })
}

/// Where lines of a text are found in the file.
fn location_of(passages: &[PassageText], lines: LineSpan) -> Option<Location> {
    let within =
        |passage: &&PassageText| passage.lines.first <= lines.last && passage.lines.last >= lines.first;
    let within = passages.iter().filter(within).filter_map(|passage| passage.location.clone());
    within.reduce(|first, last| first.to(&last))
}

/// The document that is wanted. `project` is the one that its place names.
pub(crate) fn find(
    read: &ReadTransaction<'_>,
    wanted: &DocumentRef,
    project: Option<&ProjectId>,
) -> Result<StoredDocument, Error> {
    let unknown = || Error::DocumentUnknown { wanted: wanted.clone(), near: None };
    match (wanted, project) {
        (DocumentRef::Document(id), _) => read.document(id)?.ok_or_else(unknown),
        (DocumentRef::Chunk(id), _) => read.document_of_chunk(id)?.ok_or_else(unknown),
        (DocumentRef::Place { path, .. }, Some(project)) => {
            let mut found = read.documents_at(project, path)?;
            if found.len() > 1 {
                let ids = found.into_iter().map(|stored| stored.document.id).collect();
                return Err(Error::DocumentAmbiguous { project: project.clone(), path: path.clone(), ids });
            }
            match found.pop() {
                Some(found) => Ok(found),
                None => {
                    Err(Error::DocumentUnknown { wanted: wanted.clone(), near: near(read, project, path)? })
                }
            }
        }
        (DocumentRef::Place { .. }, None) => Err(unknown()),
    }
}

/// The path that somebody who mistyped one probably meant: the same in another case, the same file in another folder,
/// else the one with the fewest slips.
fn near(
    read: &ReadTransaction<'_>,
    project: &ProjectId,
    wanted: &SourcePath,
) -> Result<Option<String>, Error> {
    let name = |path: &str| text::caseless(path.rsplit('/').next().unwrap_or_default());
    let (whole, file) = (text::caseless(wanted.as_str()), name(wanted.as_str()));
    let mut best: Option<(usize, String)> = None;
    let mut compared = 0;
    read.each_document_place(|place| {
        if place.project != project.as_str() {
            return;
        }
        let distance = if text::caseless(place.path) == whole {
            Some(0)
        } else if name(place.path) == file {
            Some(1)
        } else {
            // To compare letters takes its time.
            compared += 1;
            let slips = (compared <= COMPARED).then(|| slips(&whole, &text::caseless(place.path)));
            slips.flatten().map(|slips| slips + 1)
        };
        let is_nearer = |distance: &usize| best.as_ref().is_none_or(|(least, _)| distance < least);
        if let Some(distance) = distance.filter(is_nearer) {
            best = Some((distance, place.path.to_owned()));
        }
    })?;
    Ok(best.map(|(_, path)| path))
}

/// The text of the file, without its byte order mark, when every byte is as it was read.
fn unchanged_text(stored: &StoredDocument) -> Option<String> {
    let bytes = file_check::unchanged(&stored.document, stored.size)?;
    Some(decode(&bytes).ok()?.text.into_owned())
}

/// Puts passages together by their lines. What is in none of them is an empty line.
fn put_together(passages: &[PassageText]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for PassageText { lines: span, text, .. } in passages {
        for (index, part) in text.lines().enumerate() {
            let place = span.first.saturating_sub(1) as usize + index;
            if lines.len() <= place {
                lines.resize(place + 1, String::new());
            }
            join(&mut lines[place], part);
        }
    }
    let mut above = &HeadingPath::default();
    for passage in passages.iter().filter(|passage| passage.location.is_some()) {
        put_headings(&mut lines, above, passage);
        above = &passage.heading_path;
    }
    lines.join("\n")
}

/// Puts the headings of an extracted text that are new with a passage on the empty lines above it, as its Markdown has
/// them: the last one two lines above, those before it two lines apart.
fn put_headings(lines: &mut [String], above: &HeadingPath, passage: &PassageText) {
    let headings: Vec<&str> = passage.heading_path.as_str().split(HeadingPath::SEPARATOR).collect();
    let known = above.as_str().split(HeadingPath::SEPARATOR);
    let shared = headings.iter().zip(known).take_while(|(heading, known)| *heading == known).count();
    let first = passage.lines.first as usize;
    for (distance, (level, heading)) in (1..).zip(headings.iter().enumerate().skip(shared).rev()) {
        let Some(line) = (first.checked_sub(1 + 2 * distance)).and_then(|place| lines.get_mut(place)) else {
            return;
        };
        if line.is_empty() {
            *line = format!("{} {heading}", "#".repeat(level + 1)).trim_end_matches(['#', ' ']).to_owned();
        }
    }
}

/// Adds a piece to what is known of a line already. Neighbouring passages say some of it twice.
fn join(line: &mut String, piece: &str) {
    if line.contains(piece) {
        return;
    }
    if piece.contains(line.as_str()) {
        piece.clone_into(line);
        return;
    }
    let ends = line.char_indices().map(|(at, _)| at);
    let shared = ends.clone().find(|at| piece.starts_with(&line[*at..])).map(|at| line.len() - at);
    match shared {
        Some(shared) => line.push_str(&piece[shared..]),
        None => {
            line.push(' ');
            line.push_str(piece);
        }
    }
}

fn excerpt(
    stored: StoredDocument,
    text: &str,
    source: TextSource,
    wanted: Option<LineRange>,
    limit: MaxChars,
    generation: Generation,
) -> Result<Excerpt, Error> {
    let starts = line_starts(text);
    let total = u32::try_from(starts.len()).unwrap_or(u32::MAX);
    let first = wanted.map_or(1, LineRange::first);
    if first > total && wanted.is_some() {
        return Err(Error::LinesBeyondEnd { first, total });
    }
    let last = wanted.and_then(LineRange::last).map_or(total, |last| last.min(total));
    let mut taken = ExcerptEnd { end: 0, last: 0, cut: false };
    if total > 0 {
        taken = take(text, &starts, first, last, limit);
    }
    let begin = starts.get(first as usize - 1).copied().unwrap_or_default();
    Ok(Excerpt {
        document: stored.document,
        lines: (total > 0).then_some(LineSpan { first, last: taken.last }),
        location: None,
        total_lines: total,
        text: text[begin..taken.end.max(begin)].to_owned(),
        cut_line: taken.cut,
        next_line: (taken.last < last).then_some(taken.last + 1),
        source,
        generation,
    })
}

/// How far an excerpt goes.
struct ExcerptEnd {
    /// In bytes of the text.
    end: usize,
    /// The last line of it.
    last: u32,
    /// Whether that line is not whole.
    cut: bool,
}

/// Takes whole lines from `first` on as long as they are within the limit; of the first line at least a piece.
fn take(text: &str, starts: &[usize], first: u32, last: u32, limit: MaxChars) -> ExcerptEnd {
    let mut room = limit.get();
    let mut taken = ExcerptEnd { end: 0, last: first, cut: false };
    for line in first..=last {
        let index = line as usize - 1;
        let whole = starts[index]..starts.get(index + 1).copied().unwrap_or(text.len());
        let shown = text[whole.clone()].trim_end_matches(['\n', '\r']);
        let chars = shown.chars().count();
        if chars > room && line == first {
            let fits = shown.char_indices().nth(room).map_or(shown.len(), |(at, _)| at);
            return ExcerptEnd { end: whole.start + fits, last: line, cut: true };
        }
        if chars > room {
            return taken;
        }
        // The end of the line counts when another one follows.
        room = room.saturating_sub(chars + 1);
        taken = ExcerptEnd { end: whole.start + shown.len(), last: line, cut: false };
        if room == 0 {
            return taken;
        }
    }
    taken
}

/// Where every line begins; a text that ends with a line end has no empty line after it.
fn line_starts(text: &str) -> Vec<usize> {
    let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
    let starts = std::iter::once(0).chain(ends);
    starts.filter(|start| *start < text.len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str, first: u32, last: u32, limit: u64) -> (String, u32, bool) {
        let starts = line_starts(text);
        let taken = take(text, &starts, first, last, MaxChars::new(limit).unwrap());
        (text[starts[first as usize - 1]..taken.end].to_owned(), taken.last, taken.cut)
    }

    #[test]
    fn whole_lines_are_taken_as_long_as_there_is_room() {
        let text = "one\r\ntwo\nthrée\n\nfive";
        assert_eq!(line_starts(text).len(), 5);
        assert_eq!(taken(text, 1, 5, 100), (text.to_owned(), 5, false));
        assert_eq!(taken(text, 2, 3, 100), ("two\nthrée".to_owned(), 3, false));
        assert_eq!(taken(text, 2, 5, 9), ("two\nthrée".to_owned(), 3, false));
        assert_eq!(taken(text, 2, 5, 8), ("two".to_owned(), 2, false));
        assert_eq!(taken(text, 3, 5, 3), ("thr".to_owned(), 3, true));
        assert_eq!(taken(text, 1, 1, 3), ("one".to_owned(), 1, false));
    }

    #[test]
    fn passages_come_together_at_their_lines() {
        let passage = |first, last, text: &str| PassageText {
            heading_path: HeadingPath::default(),
            lines: LineSpan { first, last },
            location: None,
            text: text.to_owned(),
        };
        let passages = [
            passage(3, 3, "The quick brown fox"),
            passage(3, 4, "brown fox jumps over\nthe dog"),
            passage(7, 7, "end"),
        ];
        assert_eq!(put_together(&passages), "\n\nThe quick brown fox jumps over\nthe dog\n\n\nend");
        assert_eq!(put_together(&[passage(1, 1, "a b"), passage(1, 1, "c d")]), "a b c d");
        assert_eq!(put_together(&[]), "");
    }

    #[test]
    fn lines_are_found_at_all_places_of_their_passages() {
        let passage = |first, last, location: &str| PassageText {
            heading_path: HeadingPath::default(),
            lines: LineSpan { first, last },
            location: Some(Location::from_text(location.to_owned())),
            text: "x".to_owned(),
        };
        let passages = [
            passage(1, 3, "sheet A, B2:C4"),
            passage(3, 6, "sheet A, A4:F9"),
            passage(7, 9, "sheet A, B10:C12"),
            passage(10, 11, "sheet B, A1:B2"),
        ];
        let found = |first, last| location_of(&passages, LineSpan { first, last }).unwrap().to_string();
        assert_eq!(found(2, 2), "sheet A, B2:C4");
        assert_eq!(found(1, 9), "sheet A, A2:F12");
        assert_eq!(found(7, 11), "sheet A, B10:C12 to sheet B, A1:B2");
        assert_eq!(location_of(&passages, LineSpan { first: 12, last: 12 }), None);
    }

    #[test]
    fn headings_of_an_extracted_text_stand_above_their_passages() {
        let passage = |path: &[&str], line, text: &str| PassageText {
            heading_path: HeadingPath::new(path.iter().copied()),
            lines: LineSpan { first: line, last: line },
            location: Some(Location::from_text("page 1".to_owned())),
            text: text.to_owned(),
        };
        let passages = [
            passage(&["Top", "Part"], 5, "a"),
            passage(&["Top", "Part"], 7, "b"),
            passage(&["Top", "Other"], 11, "c"),
        ];
        assert_eq!(put_together(&passages), "# Top\n\n## Part\n\na\n\nb\n\n## Other\n\nc");
    }
}
