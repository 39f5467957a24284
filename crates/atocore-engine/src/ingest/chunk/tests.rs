use super::*;

fn limits(max_chars: usize, overlap_chars: usize) -> ChunkLimits {
    ChunkLimits::new(max_chars, overlap_chars).unwrap()
}

/// Packs blank-line separated blocks that are all cut in the same way.
fn pieces(text: &str, cut: CutAt, limits: ChunkLimits) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut offset = 0;
    for part in text.split_inclusive("\n\n") {
        blocks.extend(Block::new(text, offset..offset + part.len(), cut));
        offset += part.len();
    }
    pack(text, &blocks, limits).into_iter().map(|span| &text[span]).collect()
}

#[test]
fn limits_have_a_range() {
    for (size, overlap) in [(99, 0), (20_001, 0), (100, 50), (101, 50), (800, usize::MAX), (usize::MAX, 0)] {
        assert!(ChunkLimits::new(size, overlap).is_err(), "{size}/{overlap}");
    }
    for (size, overlap) in [(100, 49), (20_000, 9_999), (800, 0)] {
        assert!(ChunkLimits::new(size, overlap).is_ok(), "{size}/{overlap}");
    }
    let default = ChunkLimits::default();
    assert_eq!(ChunkLimits::new(default.max_chars(), default.overlap_chars()), Ok(default));
    assert_eq!(
        ChunkLimits::new(50, 0).unwrap_err().to_string(),
        "the chunk size is 50 characters, 100 to 20000 are allowed"
    );
}

#[test]
fn small_neighbours_share_a_chunk_as_far_as_it_holds() {
    let block = "x".repeat(49);
    let text = format!("{block}\n\n{block}\n\n{block}");
    assert_eq!(pieces(&text, CutAt::Sentences, limits(100, 0)), [&text[..100], &text[102..]]);
}

#[test]
fn the_size_is_in_characters_and_not_in_bytes() {
    let text = "é".repeat(100);
    assert_eq!(pieces(&text, CutAt::Sentences, limits(100, 0)), [text.as_str()]);
}

#[test]
fn blank_lines_are_trimmed_and_indentation_is_kept() {
    assert_eq!(pieces("\r\n \n    code\n  more  \n \n", CutAt::Lines, limits(100, 0)), ["    code\n  more"]);
}

#[test]
fn prose_is_cut_behind_a_sentence() {
    let text = format!("{} end. \"Next {}", "word ".repeat(15), "word ".repeat(10).trim_end());
    let cut = text.find(" \"Next").unwrap();
    assert_eq!(pieces(&text, CutAt::Sentences, limits(100, 0)), [&text[..cut], &text[cut + 1..]]);
}

#[test]
fn a_sentence_that_fills_the_chunk_exactly_is_not_cut() {
    let first = format!("{}.", "word ".repeat(20).trim_end());
    assert_eq!(first.len(), 100);
    let text = format!("{first} And more.");
    assert_eq!(pieces(&text, CutAt::Sentences, limits(100, 0)), [first.as_str(), "And more."]);
}

#[test]
fn sentences_without_spaces_are_cut_behind_their_full_stop() {
    let sentence = format!("「{}。」", "文".repeat(57));
    let text = sentence.repeat(3);
    assert_eq!(pieces(&text, CutAt::Sentences, limits(100, 0)), [sentence.as_str(); 3]);
}

#[test]
fn without_sentences_prose_is_cut_between_words() {
    let text = "abcdefg ".repeat(40);
    for piece in pieces(&text, CutAt::Sentences, limits(100, 30)) {
        assert!(piece.split(' ').all(|word| word == "abcdefg"), "{piece}");
    }
}

#[test]
fn the_overlap_begins_at_a_word_and_is_about_as_long_as_asked_for() {
    let text: String = (0..300).map(|n| format!("word{n} ")).collect();
    let pieces = pieces(&text, CutAt::Sentences, limits(200, 50));
    for pair in pieces.windows(2) {
        let first = pair[1].split(' ').next().unwrap();
        let at =
            pair[0].find(&format!(" {first} ")).expect("the next piece begins with a word of this one") + 1;
        let shared = &pair[0][at..];
        assert!(pair[1].starts_with(shared));
        assert!((40..=50).contains(&shared.len()), "{shared}");
    }
}

#[test]
fn text_without_spaces_is_cut_at_characters_and_overlaps_by_characters() {
    let text = "字".repeat(250);
    let lengths: Vec<_> =
        pieces(&text, CutAt::Sentences, limits(100, 20)).iter().map(|p| count_chars(p)).collect();
    assert_eq!(lengths, [100, 100, 90]);
}

#[test]
fn code_is_cut_at_line_ends_and_overlaps_by_whole_lines() {
    let lines: Vec<_> = (0..40).map(|n| format!("    let value_{n} = {n};\r\n")).collect();
    let text = lines.concat();
    let pieces = pieces(&text, CutAt::Lines, limits(200, 60));
    assert!(pieces.len() > 3);
    for pair in pieces.windows(2) {
        let first = pair[1].lines().next().unwrap();
        assert!(pair[0].lines().any(|line| line == first), "{first:?} is repeated from {:?}", pair[0]);
    }
    for line in pieces.iter().flat_map(|piece| piece.lines()) {
        assert!(lines.iter().any(|whole| whole.trim_end() == line), "{line:?}");
    }
}

#[test]
fn a_short_lead_in_stays_with_what_it_leads_in() {
    let text = format!("For example:\n\n{}", "let it = be;\n".repeat(30));
    let pieces = pieces(&text, CutAt::Lines, limits(100, 0));
    assert!(pieces[0].starts_with("For example:\n\nlet it"), "{}", pieces[0]);
    assert!(pieces[0].ends_with("= be;"));
}

#[test]
fn only_the_block_that_was_cut_is_repeated() {
    let text = format!("Leading in to it:\n\nA first sentence of forty-one letters. {}", "abc".repeat(33));
    let pieces = pieces(&text, CutAt::Sentences, limits(100, 49));
    assert!(pieces[0].starts_with("Leading") && pieces[0].ends_with("letters."), "{}", pieces[0]);
    assert!(pieces[1].starts_with("A first sentence"), "{}", pieces[1]);
}

#[test]
fn the_rest_of_a_cut_block_shares_its_chunk_with_the_next() {
    let text = format!("{}\n\nnext", "word ".repeat(25).trim_end());
    let pieces = pieces(&text, CutAt::Sentences, limits(100, 0));
    assert_eq!(pieces.len(), 2);
    assert!(pieces[1].ends_with("word\n\nnext"), "{}", pieces[1]);
}

#[test]
fn huge_gaps_give_no_blank_chunks() {
    let gap = " ".repeat(5_000);
    let text = format!("{gap}one{gap}\n{gap}two{gap}three");
    for cut in [CutAt::Sentences, CutAt::Lines] {
        for overlap in [0, 49] {
            assert_eq!(pieces(&text, cut, limits(100, overlap)), ["one", "two", "three"]);
        }
    }
}
