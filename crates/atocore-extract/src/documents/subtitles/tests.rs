use proptest::prelude::*;

use super::*;

const SUBRIP: &str = "1\r\n00:00:01,500 --> 00:00:03,000\r\n<i>Hello</i> there,\r\n{\\an8}friend.\r\n\r\n2\r\n\
    00:00:03,100 --> 00:00:04,000\r\n2 < 3.\r\n\r\nAnd more.\r\n\r\n3\r\n01:02:03,000 --> 01:02:04,000\r\n1999\r\n";

fn locations(out: &Extracted) -> Vec<(usize, &str)> {
    out.locations.iter().map(|place| (place.from, place.name.as_str())).collect()
}

#[test]
fn what_is_said_is_running_text_with_times_as_places() {
    let out = read(SUBRIP.as_bytes()).unwrap();
    assert_eq!(out.text, "Hello there, friend. 2 < 3. And more.\n\n1999\n");
    assert_eq!(locations(&out), [(0, "00:00:01"), (21, "00:00:03"), (39, "01:02:03")]);
}

#[test]
fn notes_and_styles_of_web_captions_are_no_text() {
    let captions = "\u{feff}WEBVTT - The talk\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE\nnobody sees this\n\n\
        intro\n00:01.000 --> 00:02.000 align:start\n<v Ada>Cats &amp; <c.x>dogs</c>\n\n00:02.000 --> 00:03.000\n\
        Cats &amp; dogs\n<v Ada>Cats &amp; dogs\nand<00:00:02.500> more\n";
    let out = read(captions.as_bytes()).unwrap();
    assert_eq!(out.title.as_deref(), Some("The talk"));
    assert_eq!(out.text, "Ada: Cats & dogs Cats & dogs and more\n");
    assert_eq!(locations(&out), [(0, "00:00:01"), (17, "00:00:02")]);
}

#[test]
fn live_captions_are_not_said_twice() {
    let captions = "WEBVTT\n\n00:01.000 --> 00:02.000\none\n\n00:02.000 --> 00:02.010\none\n\n00:02.010 --> 00:03.000\none\ntwo\n";
    assert_eq!(read(captions.as_bytes()).unwrap().text, "one two\n");
}

#[test]
fn paragraphs_end_with_a_sentence_once_they_are_long() {
    let cue = |second: u64| {
        format!(
            "00:{:02}:{:02}.000 --> 01:00:00.000\nword word number {second}.\n\n",
            second / 60,
            second % 60
        )
    };
    let out = read((0..200).map(cue).collect::<String>().as_bytes()).unwrap();
    let paragraphs: Vec<&str> = out.text.split("\n\n").collect();
    assert!(paragraphs.len() > 5);
    assert!(paragraphs.iter().all(|paragraph| paragraph.len() < LONG + 50));
}

#[test]
fn a_file_without_cues_is_reported() {
    assert_eq!(read(b"").unwrap_err(), ExtractError::NoText);
    assert_eq!(read(b"WEBVTT\n").unwrap_err(), ExtractError::NoText);
    assert_eq!(read(b"1\n00:00:01,000 --> 00:00:02,000\n\n").unwrap_err(), ExtractError::NoText);
    assert!(matches!(read(b"a letter\n"), Err(ExtractError::Damaged(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_is_read(text in "(00:00:01,0|-->| |\n|<v a>|<|>|\\{|&lt;|5|word|99999999999|é){0,60}") {
        let _is_text = read(text.as_bytes());
    }
}
