//! Subtitles, `.srt` and `.vtt`.

use crate::{error::ExtractError, extracted::Extracted, words::one_line};

/// A silence of so many milliseconds ends a paragraph.
const SILENCE: u64 = 2500;

/// A paragraph that is longer ends with a sentence, in bytes.
const LONG: usize = 600;

/// And one that is longer ends anywhere.
const LONGEST: usize = 1500;

/// Reads what is said as running text, with the times of the cues as locations.
pub(super) fn read(content: &[u8]) -> Result<Extracted, ExtractError> {
    let text = super::text(content)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out = Extracted::default();
    if let Some(header) = text.strip_prefix("WEBVTT") {
        let said = header.lines().next().unwrap_or_default();
        out.title_from_metadata(said.trim_start_matches(|c: char| c == '-' || c.is_whitespace()));
    }
    let cues = cues(text);
    let mut last: Option<&Cue> = None;
    for cue in &cues {
        append(cue, last, &mut out);
        last = Some(cue);
    }
    if !out.text.is_empty() {
        out.text.push('\n');
        return Ok(out);
    }
    if cues.is_empty() && !text.trim().is_empty() && !text.starts_with("WEBVTT") {
        return Err(ExtractError::damaged("there are no times in it"));
    }
    Err(ExtractError::NoText)
}

/// What is shown for a while.
#[derive(Debug)]
struct Cue {
    /// In milliseconds.
    from: u64,
    to: u64,
    lines: Vec<String>,
}

fn append(cue: &Cue, last: Option<&Cue>, out: &mut Extracted) {
    // Live captions show a line again while the next one is spoken.
    let shown = last.map(|last| last.lines.as_slice()).unwrap_or_default();
    let text = cue
        .lines
        .iter()
        .filter(|line| !shown.contains(line))
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ");
    if text.is_empty() {
        return;
    }
    let paragraph = out.text.len() - out.text.rfind("\n\n").map_or(0, |end| end + 2);
    let silence = last.is_some_and(|last| cue.from.saturating_sub(last.to) >= SILENCE);
    let sentence = out.text.ends_with(['.', '!', '?', '…', '"', '”', '。']);
    if out.text.is_empty() {
        // The first one.
    } else if silence || paragraph > LONGEST || (sentence && paragraph > LONG) {
        out.text.push_str("\n\n");
    } else {
        out.text.push(' ');
    }
    let seconds = cue.from / 1000;
    let name = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if out.locations.last().is_none_or(|place| place.name != name) {
        out.go_on(name);
    }
    out.text.push_str(&text);
}

/// Every cue, in the order of the file.
fn cues(text: &str) -> Vec<Cue> {
    let mut cues: Vec<Cue> = Vec::new();
    // The line behind an empty one is the number of the next cue, if its times follow.
    let mut number = None;
    let (mut after_empty, mut in_note) = (true, false);
    for line in text.lines().map(str::trim) {
        if let Some((from, to)) = times(line) {
            number = None;
            (after_empty, in_note) = (false, false);
            cues.push(Cue { from, to, lines: Vec::new() });
            continue;
        }
        if let (Some(number), Some(cue)) = (number.take(), cues.last_mut()) {
            cue.lines.extend(plain(number));
        }
        if line.is_empty() {
            (after_empty, in_note) = (true, false);
        } else if after_empty {
            in_note =
                ["NOTE", "STYLE", "REGION"].contains(&line.split_whitespace().next().unwrap_or_default());
            number = (!in_note).then_some(line);
            after_empty = false;
        } else if let (Some(cue), false) = (cues.last_mut(), in_note) {
            cue.lines.extend(plain(line));
        }
    }
    if let (Some(number), Some(cue)) = (number, cues.last_mut()) {
        cue.lines.extend(plain(number));
    }
    cues
}

/// The times of a line `00:01:02,345 --> 00:01:04,000 align:start`, in milliseconds.
fn times(line: &str) -> Option<(u64, u64)> {
    let (from, to) = line.split_once("-->")?;
    Some((time(from)?, time(to.split_whitespace().next()?)?))
}

fn time(time: &str) -> Option<u64> {
    let (seconds, fraction) = time.trim().split_once([',', '.']).unwrap_or((time.trim(), "0"));
    let mut total = 0_u64;
    let mut parts = 0;
    for part in seconds.split(':') {
        total = total.checked_mul(60)?.checked_add(u64::from(part.trim().parse::<u32>().ok()?))?;
        parts += 1;
    }
    let fraction = format!("{:0<3}", fraction.trim());
    let milliseconds: u64 = fraction.get(..3)?.parse().ok()?;
    (2..=3).contains(&parts).then_some(())?;
    total.checked_mul(1000)?.checked_add(milliseconds)
}

/// A line without its tags; a voice becomes the name of who speaks. `None` when nothing is left.
fn plain(line: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['<', '{']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let closing = if rest.starts_with('<') { '>' } else { '}' };
        let is_tag = rest[1..].starts_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '\\'));
        let end = rest.find(closing).filter(|_| is_tag);
        if let Some(voice) = end.and_then(|end| rest[..end].strip_prefix("<v")) {
            let name = voice.split_once(char::is_whitespace).map_or("", |(_, name)| name.trim());
            if !name.is_empty() {
                text.push_str(name);
                text.push_str(": ");
            }
        }
        // What is no tag stays.
        let next = end.map_or(1, |end| end + 1);
        if end.is_none() {
            text.push_str(&rest[..next]);
        }
        rest = &rest[next..];
    }
    text.push_str(rest);
    for (name, character) in
        [("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&lrm;", ""), ("&rlm;", ""), ("&amp;", "&")]
    {
        if text.contains(name) {
            text = text.replace(name, character);
        }
    }
    let text = one_line(&text);
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
