//! Boards in the format JSON Canvas, as Obsidian writes them: cards with text, files and addresses.

use serde::Deserialize;

use crate::{error::ExtractError, extracted::Extracted};

/// The longest name of a card, in characters.
const LONGEST_NAME: usize = 60;

#[derive(Deserialize)]
struct Canvas {
    #[serde(default)]
    nodes: Vec<CanvasCard>,
}

/// What there is of each card depends on its type, and so does what counts.
#[derive(Deserialize)]
struct CanvasCard {
    #[serde(default)]
    x: f64,
    #[serde(default)]
    y: f64,
    text: Option<String>,
    file: Option<String>,
    url: Option<String>,
    label: Option<String>,
}

/// Reads the cards from top to bottom, those beside one another from left to right.
pub(super) fn read(content: &str) -> Result<Extracted, ExtractError> {
    let mut canvas: Canvas = serde_json::from_str(content).map_err(ExtractError::damaged)?;
    canvas.nodes.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x)));
    let mut out = Extracted::markdown();
    for card in canvas.nodes {
        let parts = [card.label, card.text, card.file, card.url];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
        let Some(name) =
            text.lines().map(|line| line.trim_start_matches('#').trim()).find(|line| !line.is_empty())
        else {
            continue;
        };
        out.begin(format!("card {}", name.chars().take(LONGEST_NAME).collect::<String>()));
        out.block(&text);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_read_from_top_to_bottom() {
        let board = r###"{"nodes":[
            {"id":"a","type":"text","x":0,"y":200,"width":9,"height":9,"text":"Below"},
            {"id":"b","type":"text","x":50,"y":0,"text":"## Right\nof it"},
            {"id":"c","type":"file","x":0,"y":0,"file":"notes/left.md"},
            {"id":"d","type":"group","x":0,"y":300,"label":"Later"},
            {"id":"e","type":"text","x":0,"y":400}
        ],"edges":[{"id":"f","fromNode":"a","toNode":"b"}]}"###;
        let out = read(board).unwrap();
        assert_eq!(out.text, "notes/left.md\n\n## Right\nof it\n\nBelow\n\nLater\n\n");
        let names: Vec<_> = out.locations.iter().map(|mark| mark.name.as_str()).collect();
        assert_eq!(names, ["card notes/left.md", "card Right", "card Below", "card Later"]);
    }

    #[test]
    fn what_is_no_board_is_damaged_and_an_empty_one_is_empty() {
        assert!(matches!(read("[1").unwrap_err(), ExtractError::Damaged(_)));
        assert!(matches!(read(r#"{"nodes":7}"#).unwrap_err(), ExtractError::Damaged(_)));
        assert_eq!(read("{}").unwrap().text, "");
    }
}
