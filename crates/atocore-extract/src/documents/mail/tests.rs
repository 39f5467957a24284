use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const MESSAGE: &str = "From: =?utf-8?q?Ada_L=C3=B6w?= <ada@a.org>\r\nTo: b@b.org, Cleo <c@c.org>\r\nSubject: The\r\n plan\r\n\
    Date: Sun, 29 Nov 2026 16:20:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
    --x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
    Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n# no heading\r\n--y\r\nContent-Type: text/html\r\n\r\n\
    <p>Gr&uuml;&szlig;e\r\n--y--\r\n--x\r\nContent-Type: application/pdf; name=plan.pdf\r\n\
    Content-Disposition: attachment; filename=plan.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--x--\r\n";

const TEXT: &str = "# The plan\n\nFrom: Ada Löw <ada@a.org>\nTo: b@b.org, Cleo <c@c.org>\n\
    Date: 2026-11-29T16:20:00+01:00\nAttachments: plan.pdf\n\nGrüße\n\\# no heading\n\n";

#[test]
fn a_message_says_who_wrote_what_to_whom() {
    let out = read(MESSAGE.as_bytes()).unwrap();
    assert_eq!(out.text, TEXT);
    assert_eq!(out.title.as_deref(), Some("The plan"));
    assert_eq!(out.locations.len(), 1);
    assert_eq!(out.locations[0].name, "message 1");
}

#[test]
fn a_message_without_plain_text_is_read_as_a_page() {
    let message =
        "From: a@a.org\nContent-Type: text/html\n\n<h1>Hi</h1><script>no</script><p>a <a href=data:x>b</a>";
    assert_eq!(read(message.as_bytes()).unwrap().text, "From: a@a.org\n\n# Hi\n\na b\n\n");
}

#[test]
fn a_mailbox_is_its_messages() {
    let mailbox = "From a@a.org Sun Nov 29 16:20:00 2026\nFrom: a@a.org\nSubject: One\n\nFirst\nFrom here on\n\n\
        From b@b.org Sun Nov 29 16:21:00 2026\r\nFrom: b@b.org\r\nSubject: Two\r\n\r\nSecond\r\n\r\n\
        From junk@a.org Sun Nov 29 16:22:00 2026\nDate:\n\nFrom c@c.org Sun Nov 29 16:23:00 2026\nSubject: Four\n\nLast\n";
    let out = read(mailbox.as_bytes()).unwrap();
    assert_eq!(
        out.text,
        "# One\n\nFrom: a@a.org\n\nFirst\nFrom here on\n\n# Two\n\nFrom: b@b.org\n\nSecond\n\n# Four\n\nLast\n\n"
    );
    let locations: Vec<_> = out.locations.iter().map(|place| place.name.as_str()).collect();
    assert_eq!(locations, ["message 1", "message 2", "message 4"]);
    assert_eq!(out.title, None);
}

#[test]
fn a_sentence_that_begins_with_from_belongs_to_its_message() {
    let sentences = [
        "From the start it was clear.\n\nAnd so on.",
        "From here:\nSubject: cited\n\nEnd",
        "From Monday, Mar 4 2024, at 10:00 on\nwe work.",
        "From Mon Mar 4 10:00:00 2024 on we work.\nNote: we do.\n\nFrom",
        "From a@a.org Mon Mar 4 10:00:00 2024",
        "From a@a.org Mon Mar 4 10:00:00 2024\n\nSubject: x",
    ];
    for sentence in sentences {
        let first =
            format!("From a@a.org Sun Nov 29 16:20:00 2026\nSubject: One\n\nFirst\n\n{sentence}\n\nLast\n\n");
        for separator in [
            "From b Sun Nov 29 16:21:00 2026",
            "From \"B C\" <b@b.org> Thu Jan  1 00:00:00 1970\r",
            "From 12@xxx Sun Nov 29 16:21:00 +0000 2026",
            "From - Sun, 29 Nov 2026 16:21 GMT\n>From b@b.org Sun Nov 29 16:21:00 2026",
        ] {
            let mailbox = format!("{first}{separator}\nReceived: by b\n\tfor c\nsubject: Two\n\nSecond\n");
            let out = read(mailbox.as_bytes()).unwrap();
            let locations: Vec<_> = out.locations.iter().map(|place| place.name.as_str()).collect();
            assert_eq!(locations, ["message 1", "message 2"], "{mailbox}");
            assert!(out.text[..out.locations[1].from].contains("\nLast\n"), "{}", out.text);
            assert!(out.text.ends_with("Second\n\n"), "{}", out.text);
        }
    }
    let many = "From a@a.org Sun Nov 29 16:20:00 2026\nSubject: One\n\n".to_owned()
        + &"\n\nFrom a Sun Nov 29 16:20:00 2026\nx: y".repeat(200_000);
    let began = Instant::now();
    assert_eq!(read(many.as_bytes()).unwrap().locations.len(), 1);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

const MIXED: &str = "Subject: Outer\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nbody\n";

#[test]
fn text_that_is_attached_is_read_below_its_name() {
    let parts = "--x\nContent-Type: text/plain; name=\"notes.txt\"\nContent-Disposition: attachment\n\n# word\n\
        --x\nContent-Type: text/csv\nContent-Disposition: attachment; filename=t.csv\n\na,b\n\
        --x\nContent-Type: text/markdown; name=r.md\nContent-Transfer-Encoding: base64\n\nR3LDvMOfZQ==\n\
        --x\nContent-Type: text/html; name=p.html\nContent-Disposition: attachment\n\n<p>page<script>no</script>\n\
        --x\nContent-Type: application/octet-stream; name=o.log\n\nlog\n\
        --x\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\n\
        --x\nContent-Type: text/rtf; name=r.rtf\n\n{no}\n\
        --x\nContent-Type: application/pdf; name=n.pdf\nContent-Transfer-Encoding: base64\n\n%no\n\
        --x\nContent-Type: text/plain; name=k.pem\n\nno\n\
        --x\nContent-Type: text/plain; name=key\n\n-----BEGIN no\n\
        --x\nContent-Type: image/png; name=i.png\n\nno\n--x--\n";
    let out = read(format!("{MIXED}{parts}").as_bytes()).unwrap();
    let names = "notes.txt, t.csv, r.md, p.html, o.log, r.rtf, n.pdf, k.pem, key, i.png";
    assert_eq!(
        out.text,
        format!(
            "# Outer\n\nAttachments: {names}\n\nbody\n\n## notes.txt\n\n\\# word\n\n## t.csv\n\na,b\n\n## r.md\n\nGrüße\n\n\
            ## p.html\n\npage\n\n## o.log\n\nlog\n\n## text/calendar\n\nBEGIN:VCALENDAR\n\n"
        )
    );
}

#[test]
fn a_message_that_is_attached_is_read_with_what_is_attached_to_it() {
    let inner = "Content-Type: message/rfc822\n\nFrom: i@a.org\nSubject: Inner\nContent-Type: multipart/mixed; boundary=y\n\n\
        --y\n\ninside\n--y\nContent-Type: text/plain; name=a.txt\nContent-Disposition: attachment\n\ndeep\n--y--\n";
    let file =
        "Content-Type: application/octet-stream; name=f.eml\n\nFrom: f@a.org\nSubject: File\n\nfiled\n";
    let out = read(format!("{MIXED}--x\n{inner}--x\n{file}--x--\n").as_bytes()).unwrap();
    assert_eq!(
        out.text,
        "# Outer\n\nAttachments: Inner, f.eml\n\nbody\n\n## Inner\n\nFrom: i@a.org\nAttachments: a.txt\n\ninside\n\n\
        ### a.txt\n\ndeep\n\n## f.eml\n\nSubject: File\nFrom: f@a.org\n\nfiled\n\n"
    );
    assert_eq!(out.locations.len(), 1);
}

#[test]
fn of_many_attachments_and_deep_ones_the_first_are_read() {
    let part = "--x\nContent-Type: text/plain\nContent-Disposition: attachment\n\nword\n";
    let out = read(format!("{MIXED}{}--x--\n", part.repeat(1000)).as_bytes()).unwrap();
    assert_eq!(out.text.matches("word").count(), MOST_NAMES);
    let nested = (0..1000)
        .fold(String::new(), |nested, n| format!("{nested}Subject: s{n}\nContent-Type: message/rfc822\n\n"));
    let out = read(format!("{nested}Subject: last\n\nword").as_bytes()).unwrap();
    assert_eq!(out.text.matches("# s").count(), 6);
}

#[test]
fn what_is_no_message_is_reported() {
    assert_eq!(read(b" \n").unwrap_err(), ExtractError::NoText);
    for content in ["just words", "\0\x01\x02", "From \n\nFrom \n"] {
        assert!(matches!(read(content.as_bytes()), Err(ExtractError::Damaged(_))), "{content:?}");
    }
}

#[test]
fn many_parts_and_deep_ones_are_quick() {
    let head = "From: a@a.org\nContent-Type: multipart/mixed; boundary=x\n\n";
    let part = "--x\nContent-Type: text/plain\n\nword\n";
    let flat = format!("{head}{}--x--\n", part.repeat(10_000));
    let deep: String = (0..10_000)
        .map(|n| format!("--b{n}\nContent-Type: multipart/mixed; boundary=b{}\n\n", n + 1))
        .collect();
    let deep =
        format!("From: a@a.org\nContent-Type: multipart/mixed; boundary=b0\n\n{deep}--b10000\n\nword\n");
    let messages =
        format!("{}Subject: s\n\nword", "Subject: s\nContent-Type: message/rfc822\n\n".repeat(10_000));
    let began = Instant::now();
    assert_eq!(read(flat.as_bytes()).unwrap().text.matches("word").count(), 10_000);
    for message in [deep, messages] {
        let _is_read = read(message.as_bytes());
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_damaged_message_is_read_or_refused(
        cut in 0..MESSAGE.len(), flips in prop::collection::vec((0..MESSAGE.len(), any::<u8>()), 0..5),
    ) {
        let mut content = MESSAGE.as_bytes().to_vec();
        for (at, byte) in flips {
            content[at] = byte;
        }
        let _is_read = read(&content[..cut]);
        let _is_read = read(&content);
    }
}
