"""Writes one small document of every format into a folder; with a number, that many sentences more into each. Needs nothing but Python."""

import hashlib
import json
import sys
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
more = [
    f"Tree {n} of row {n % 37} was planted in {1900 + n % 120} beside the wall of garden {n // 37} and bears {n * 7 % 91} kilograms in a good year."
    for n in range(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
]


def parts(size):
    """The sentences in parts of that many."""
    return [more[at : at + size] for at in range(0, len(more), size)]


def archive(name, files, first=None):
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as packed:
        if first:
            packed.writestr(zipfile.ZipInfo("mimetype"), first)
        for path, text in files.items():
            packed.writestr(path, text)


def pdf(name, pages, password=None):
    """A PDF with lines of text per page, parted by `|`; encrypted with 40 bit RC4 when it has a password."""
    objects = {1: "<< /Type /Catalog /Pages 2 0 R >>", 3: "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"}
    kids = []
    key = None
    file_id = bytes(range(16))
    pad = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
    if password:
        padded = (password.encode() + pad)[:32]
        owner = rc4(hashlib.md5(padded).digest()[:5], padded)
        key = hashlib.md5(padded + owner + (0xFFFFFFFC).to_bytes(4, "little") + file_id).digest()[:5]
        user = rc4(key, pad)
    for index, line in enumerate(pages):
        page, content = 10 + 2 * index, 11 + 2 * index
        kids.append(f"{page} 0 R")
        objects[page] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        lines = " 0 -16 Td ".join(f"({part}) Tj" for part in line.split("|"))
        stream = f"BT /F1 12 Tf 72 770 Td {lines} ET".encode()
        if key:
            salted = key + content.to_bytes(3, "little") + bytes(2)
            stream = rc4(hashlib.md5(salted).digest()[:10], stream)
        objects[content] = (len(stream), stream)
    objects[2] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    data = bytearray(b"%PDF-1.4\n")
    offsets = {}
    for number in sorted(objects):
        offsets[number] = len(data)
        body = objects[number]
        if isinstance(body, str):
            data += f"{number} 0 obj\n{body}\nendobj\n".encode()
        else:
            data += f"{number} 0 obj\n<< /Length {body[0]} >>\nstream\n".encode() + body[1] + b"\nendstream\nendobj\n"
    last = max(objects) + 1
    table = len(data)
    data += f"xref\n0 {last}\n0000000000 65535 f \n".encode()
    for number in range(1, last):
        data += f"{offsets[number]:010d} 00000 n \n".encode() if number in offsets else b"0000000000 00000 f \n"
    trailer = f"/Size {last} /Root 1 0 R /ID [<{file_id.hex()}> <{file_id.hex()}>]"
    if key:
        trailer += f" /Encrypt << /Filter /Standard /V 1 /R 2 /O <{owner.hex()}> /U <{user.hex()}> /P -4 >>"
    data += f"trailer\n<< {trailer} >>\nstartxref\n{table}\n%%EOF\n".encode()
    (folder / name).write_bytes(data)


def rc4(key, data):
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    out = bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def relations(*targets):
    lines = "".join(f'<Relationship Id="rId{n}" Type="{REL}/{kind}" Target="{target}"/>' for n, (kind, target) in enumerate(targets, 1))
    return f'{XML}<Relationships xmlns="{PACKAGE}/relationships">{lines}</Relationships>'


def types(*parts):
    lines = "".join(f'<Override PartName="{part}" ContentType="application/vnd.openxmlformats-officedocument.{kind}+xml"/>' for part, kind in parts)
    return (
        f'{XML}<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{lines}</Types>'
    )


def word():
    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    paragraph = lambda text, style="": f"<w:p>{style}<w:r><w:t>{text}</w:t></w:r></w:p>"
    heading = '<w:pPr><w:pStyle w:val="Heading1"/></w:pPr>'
    body = paragraph("Watering", heading) + paragraph("The letter says that quinces are watered at dawn.")
    for n, part in enumerate(parts(40)):
        body += paragraph(f"Garden {n}", heading) + "".join(paragraph(text) for text in part)
    archive("letter.docx", {
        "[Content_Types].xml": types(("/word/document.xml", "wordprocessingml.document.main"), ("/word/styles.xml", "wordprocessingml.styles")),
        "_rels/.rels": relations(("officeDocument", "word/document.xml")),
        "word/_rels/document.xml.rels": relations(("styles", "styles.xml")),
        "word/document.xml": f"{XML}<w:document {w}><w:body>{body}</w:body></w:document>",
        "word/styles.xml": f'{XML}<w:styles {w}><w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/></w:style></w:styles>',
    })


def powerpoint():
    a = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    p = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    r = f'xmlns:r="{REL}"'

    def slide(title, text):
        shape = lambda n, kind, words: (
            f'<p:sp><p:nvSpPr><p:cNvPr id="{n}" name="{kind}"/><p:cNvSpPr/><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>'
            f"<p:spPr/><p:txBody><a:bodyPr/><a:p><a:r><a:t>{words}</a:t></a:r></a:p></p:txBody></p:sp>"
        )
        head = '<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'
        return f"{XML}<p:sld {a} {p} {r}><p:cSld><p:spTree>{head}{shape(2, 'title', title)}{shape(3, 'body', text)}</p:spTree></p:cSld></p:sld>"

    slides = [slide("Welcome", "What this talk is about."), slide("Harvest", "Medlars are harvested after the first frost.")]
    slides += [slide(f"Garden {n}", " ".join(part)) for n, part in enumerate(parts(5))]
    names = [f"slides/slide{n}.xml" for n in range(1, len(slides) + 1)]
    listed = "".join(f'<p:sldId id="{255 + n}" r:id="rId{n}"/>' for n in range(1, len(slides) + 1))
    archive("talk.pptx", {
        "[Content_Types].xml": types(
            ("/ppt/presentation.xml", "presentationml.presentation.main"),
            *[(f"/ppt/{name}", "presentationml.slide") for name in names],
        ),
        "_rels/.rels": relations(("officeDocument", "ppt/presentation.xml")),
        "ppt/_rels/presentation.xml.rels": relations(*[("slide", name) for name in names]),
        "ppt/presentation.xml": f"{XML}<p:presentation {a} {p} {r}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
        **{f"ppt/{name}": slide for name, slide in zip(names, slides)},
    })


def excel():
    s = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rows = [["Tree", "Year", "Kilograms"], ["Mulberry", 1987, 41.5], ["Damson", 1992, 18]]
    rows += [[text, 1900 + n % 120, n % 91] for n, text in enumerate(more)]

    def cell(column, row, value):
        place = f'{"ABC"[column]}{row}'
        if isinstance(value, str):
            return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
        return f'<c r="{place}"><v>{value}</v></c>'

    lines = "".join(
        f'<row r="{n}">' + "".join(cell(c, n, value) for c, value in enumerate(row)) + "</row>" for n, row in enumerate(rows, 1)
    )
    archive("yield.xlsx", {
        "[Content_Types].xml": types(("/xl/workbook.xml", "spreadsheetml.sheet.main"), ("/xl/worksheets/sheet1.xml", "spreadsheetml.worksheet")),
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
        "xl/_rels/workbook.xml.rels": relations(("worksheet", "worksheets/sheet1.xml")),
        "xl/workbook.xml": f'{XML}<workbook {s} xmlns:r="{REL}"><sheets><sheet name="Orchard" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/worksheets/sheet1.xml": f"{XML}<worksheet {s}><sheetData>{lines}</sheetData></worksheet>",
    })


def open_document():
    office = "urn:oasis:names:tc:opendocument:xmlns:"
    names = f'xmlns:office="{office}office:1.0" xmlns:text="{office}text:1.0" xmlns:table="{office}table:1.0"'
    body = '<text:h text:outline-level="1">Pruning</text:h><text:p>Sloes are pruned in late winter.</text:p>'
    body += "".join(f"<text:p>{text}</text:p>" for text in more)
    content = f"{XML}<office:document-content {names}><office:body><office:text>{body}</office:text></office:body></office:document-content>"
    archive("hedge.odt", {"content.xml": content}, "application/vnd.oasis.opendocument.text")


def epub():
    page = lambda title, text: f'{XML}<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>'
    archive("book.epub", {
        "META-INF/container.xml": f'{XML}<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
        "OEBPS/book.opf": f'{XML}<package version="3.0" unique-identifier="id" xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">urn:x</dc:identifier><dc:title>The Old Orchard</dc:title><dc:language>en</dc:language><meta property="dcterms:modified">2026-01-01T00:00:00Z</meta></metadata><manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/><item id="b" href="b.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>',
        "OEBPS/nav.xhtml": f'{XML}<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title>Contents</title></head><body><nav epub:type="toc"><ol><li><a href="a.xhtml">Spring</a></li><li><a href="b.xhtml">Autumn</a></li></ol></nav></body></html>',
        "OEBPS/a.xhtml": page("Spring", "Everything is in flower."),
        "OEBPS/b.xhtml": page("Autumn", "</p><p>".join(["Rowan berries are bitter until they have been frozen.", *more])),
    }, "application/epub+zip")


pdf("report.pdf", ["This report is about trees that are rarely seen,|and about what grows below them in the shade.", "The service tree bears fruit after thirty years,|and lives for two hundred more.", *["|".join(part) for part in parts(40)]])
pdf("secret.pdf", ["Nobody reads this."], password="sesame")
pdf("scan.pdf", [""])
word()
powerpoint()
excel()
open_document()
epub()
texts = {
    "page.html": "<!DOCTYPE html><title>Garden</title><script>var hazel = 1</script><h1>Nuts</h1><p>Hazelnuts fall in September.</p>" + "".join(f"<p>{text}</p>" for text in more),
    "note.rtf": r"{\rtf1\ansi{\fonttbl{\f0 Arial;}}\pard Elder flowers make a good cordial.\par " + "".join(text + r"\par " for text in more) + "}",
    "mail.eml": "From: Ada <ada@example.org>\r\nTo: Ben <ben@example.org>\r\nSubject: Cuttings\r\nDate: Mon, 6 Apr 2026 10:00:00 +0000\r\n\r\nTake the fig cuttings in March.\r\n" + "".join(text + "\r\n" for text in more),
    "table.csv": "tree;height\nHornbeam;21\nSpindle;4\n" + "".join(f"{text};{n}\n" for n, text in enumerate(more)),
    "film.srt": "1\n00:00:01,000 --> 00:00:03,000\nWelcome.\n\n2\n00:01:05,000 --> 00:01:08,000\nThe barberry hedge has thorns.\n" + "".join(f"\n{n + 3}\n{n // 900 + 1:02}:{n // 15 % 60:02}:{n % 15 * 4:02},000 --> {n // 900 + 1:02}:{n // 15 % 60:02}:{n % 15 * 4 + 3:02},000\n{text}\n" for n, text in enumerate(more)),
    "board.canvas": '{"nodes": [{"id": "1", "type": "text", "x": 0, "y": 0, "text": "Wayfaring tree\\nnear the gate"}]}',
    "trees.ts": "export class Orchard {\n" + "  planted = 1;\n" * 80 + "  countHollies(): number {\n    return 3;\n  }\n}\n" + "".join(f"\n/** {text} */\nexport function tree{n}(row: number): number {{\n  return row * {n} + 7;\n}}\n" for n, text in enumerate(more)),
    "hedges.rst": "Hedges\n======\n\nThorns\n------\n\nThe blackthorn flowers before its leaves.\n" + "".join(f"\nGarden {n}\n---------\n\n" + "\n".join(part) + "\n" for n, part in enumerate(parts(40))),
    "orchard.yaml": "orchard:\n  rows: 4\n  trees:\n    - shipova\n    - bullace\n" + "".join(f"tree{n}:\n  text: {text}\n  row: {n}\n  old: true\n" for n, text in enumerate(more)),
    "tree.rs": "/// How tall a wych elm grows, in metres.\nfn wych_elm_height() -> u32 {\n    40\n}\n",
    "LICENSE": "Anybody may plant a bullace from this garden.\n" + "".join(text + "\n" for text in more),
    "notes.md": "# Notes\n\nThe crab apple is grafted.\n" + "".join(f"\n## Garden {n}\n\n" + "\n".join(part) + "\n" for n, part in enumerate(parts(40))),
}
for name, text in texts.items():
    (folder / name).write_bytes(text.encode())
cells = [
    {"cell_type": "markdown", "metadata": {}, "source": ["# Yields\n"]},
    {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": ["greengage = 12\n"], "outputs": [
        {"output_type": "stream", "name": "stdout", "text": ["greengages were picked twice\n"]}]},
]
cells += [{"cell_type": "markdown", "metadata": {}, "source": ["\n".join(part)]} for part in parts(10)]
notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"language": "python", "name": "python3", "display_name": "Python"}}, "cells": cells}
(folder / "yields.ipynb").write_text(json.dumps(notebook))
(folder / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
(folder / "unknown.blob").write_bytes(bytes(range(256)) * 8)
(folder / "id_rsa").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nnobody finds this\n-----END OPENSSH PRIVATE KEY-----\n")
(folder / "broken.docx").write_bytes((folder / "letter.docx").read_bytes()[:300])
