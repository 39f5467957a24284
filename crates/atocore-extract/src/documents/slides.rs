//! Slides as text, whatever program they are of.

use crate::extracted::Extracted;

/// What a slide holds, in the order of its shapes.
#[derive(Debug, Default)]
pub(super) struct Slide {
    pub(super) title: String,
    pub(super) parts: Vec<SlideContent>,
    pub(super) notes: Vec<String>,
    pub(super) comments: Vec<String>,
}

#[derive(Debug)]
pub(super) enum SlideContent {
    Text(Vec<String>),
    Table(Vec<Vec<String>>),
}

/// A slide each with its number, below its title; one without a title has its number as heading.
pub(super) fn written(title: &str, slides: impl IntoIterator<Item = Slide>) -> Extracted {
    let mut out = Extracted::markdown();
    out.title_from_metadata(title);
    for (index, slide) in slides.into_iter().enumerate() {
        let begins = out.text.len();
        out.begin(format!("slide {}", index + 1));
        for part in slide.parts {
            match part {
                SlideContent::Text(lines) => out.paragraph(&lines.join("\n")),
                SlideContent::Table(rows) => out.table(&rows),
            }
        }
        if slide.notes.iter().any(|line| !line.trim().is_empty()) {
            out.paragraph(&format!("Notes: {}", slide.notes.join("\n").trim()));
        }
        for comment in slide.comments {
            out.paragraph(&format!("Comment: {comment}"));
        }
        let body = out.text.split_off(begins);
        if slide.title.is_empty() && body.is_empty() {
            out.locations.pop();
            continue;
        }
        let title = if slide.title.is_empty() { format!("Slide {}", index + 1) } else { slide.title };
        out.heading(1, &title);
        out.text.push_str(&body);
    }
    out
}
