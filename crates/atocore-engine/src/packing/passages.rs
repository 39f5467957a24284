//! The last tier: passages of documents, best first, neighbours as one.

use atocore_model::{
    document::LineSpan,
    pack::{NearMiss, Origin, PackItem, PackNotice, PackedChunk, Tier},
    query::Hit,
};

use super::{
    Meter, PackOptions, cautions,
    frame::{self, Frame, PassageNote},
    merge::Run,
    section::{MissLimit, RenderedItem, Section},
};
use crate::error::Error;

/// The beginning of a passage is worth taking from this many characters on.
const LEAST: usize = 40;

/// Takes passages, best first, as long as there is room for them; one that has none is passed over. `is_unfit` says that none
/// of them fits the prompt well, which stands above them then.
pub(super) fn fill(
    hits: &[Hit],
    is_unfit: bool,
    frame: &Frame<'_>,
    options: PackOptions<'_>,
    limit: usize,
) -> Result<Section, Error> {
    let meter = options.meter;
    if hits.is_empty() {
        let (notice, line) = match is_unfit {
            true => (PackNotice::NoFittingChunks, "No passage fits the prompt well.\n"),
            false => (PackNotice::NoChunks, "No passage was found.\n"),
        };
        return Section::nothing(notice, line.to_owned(), limit, meter);
    }
    let copies = hits.iter().map(|hit| usize::try_from(hit.copy_count).unwrap_or(usize::MAX)).sum();
    let mut section = Section { copies, ..Section::default() };
    let mut placed: Vec<(Run<'_>, RenderedItem)> = Vec::new();
    if is_unfit {
        section.open = "No passage fits the prompt well; these are the nearest.\n".to_owned();
    }
    let mut left = limit.saturating_sub(meter.size(&section.open)?);
    let mut misses = MissLimit::default();
    for (rank, hit) in hits.iter().enumerate() {
        if misses.is_reached() {
            section.left_out += 1;
            continue;
        }
        let mut run = Run::of(hit, rank);
        let mut merged = Vec::new();
        for (at, (neighbour, _)) in placed.iter().enumerate() {
            if let Some(both) = run.with(neighbour, options.longest_overlap) {
                run = both;
                merged.push(at);
            }
        }
        let rendered = rendered(&run, frame, meter)?;
        let given_back: usize = merged.iter().map(|at| placed[*at].1.item.size).sum();
        if rendered.item.size > left + given_back {
            misses.missed();
            let needs = rendered.item.size - given_back.min(rendered.item.size);
            section.leave_out(nearly(&Run::of(hit, rank), needs, left));
            continue;
        }
        left = left + given_back - rendered.item.size;
        misses.fitted();
        for at in merged.into_iter().rev() {
            drop(placed.swap_remove(at));
        }
        placed.push((run, rendered));
    }
    if placed.is_empty()
        && let Some((run, rendered)) = beginning(&hits[0], frame, meter, left)?
    {
        section.left_out -= 1;
        section.nearly.retain(|nearly| nearly.id != hits[0].chunk_id.as_str());
        placed.push((run, rendered));
    }
    if placed.is_empty() {
        section.open.clear();
    }
    placed.sort_by_key(|(run, _)| run.best);
    section.items = placed.into_iter().map(|(_, rendered)| rendered).collect();
    Ok(section)
}

fn rendered(run: &Run<'_>, frame: &Frame<'_>, meter: &dyn Meter) -> Result<RenderedItem, Error> {
    set_as(run, &run.text, run.lines, false, frame, meter)
}

fn set_as(
    run: &Run<'_>,
    text: &str,
    lines: LineSpan,
    cut: bool,
    frame: &Frame<'_>,
    meter: &dyn Meter,
) -> Result<RenderedItem, Error> {
    let first = run.first();
    let flags = cautions::of(&[text, &first.title, first.heading_path.as_str()].join("\n"));
    let block =
        frame.passage(first, (lines, run.location.as_ref()), text, &PassageNote { flags: &flags, cut });
    let hits: Vec<Hit> = run.hits.iter().map(|hit| (*hit).clone()).collect();
    let score = hits.iter().map(|hit| hit.score).fold(0.0, f64::max);
    let origin = Origin::Chunk(PackedChunk { hits, lines, location: run.location.clone(), score });
    let item = PackItem { origin, text: text.to_owned(), size: meter.size(&block)?, cut, flags };
    Ok(RenderedItem { item, block })
}

/// The beginning of a passage that does not fit, when nothing at all does.
fn beginning<'h>(
    hit: &'h Hit,
    frame: &Frame<'_>,
    meter: &dyn Meter,
    limit: usize,
) -> Result<Option<(Run<'h>, RenderedItem)>, Error> {
    let run = Run::of(hit, 0);
    let at = |end: usize| {
        let text = run.text[..end].trim_end();
        let ends = text.bytes().filter(|byte| *byte == b'\n').count();
        let lines = LineSpan {
            first: run.lines.first,
            last: run.lines.first + u32::try_from(ends).unwrap_or_default(),
        };
        set_as(&run, text, lines, true, frame, meter)
    };
    let end = longest(&run.text, |end| Ok(at(end)?.item.size <= limit))?;
    let rendered = at(end)?;
    let fits = rendered.item.size <= limit && rendered.item.text.chars().count() >= LEAST;
    Ok(fits.then_some((run, rendered)))
}

/// Where to cut a text so that it fits: the last place between two words, else between two characters; 0 when no
/// beginning fits.
pub(super) fn longest(text: &str, fits: impl Fn(usize) -> Result<bool, Error>) -> Result<usize, Error> {
    let characters: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let last_that_fits = |places: &[usize]| -> Result<usize, Error> {
        let (mut low, mut high) = (0, places.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if fits(places[middle])? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low.checked_sub(1).map_or(0, |at| places[at]))
    };
    let blanks: Vec<usize> =
        text.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at).collect();
    let (word, character) = (last_that_fits(&blanks)?, last_that_fits(&characters)?);
    // A text without blanks is cut where it must be.
    Ok(if word * 2 >= character { word } else { character })
}

fn nearly(run: &Run<'_>, needs: usize, left: usize) -> NearMiss {
    let hit = run.first();
    NearMiss {
        tier: Tier::Chunks,
        id: hit.chunk_id.to_string(),
        what: frame::place(hit, run.lines, run.location.as_ref()),
        score: Some(hit.score),
        needs,
        left,
    }
}
