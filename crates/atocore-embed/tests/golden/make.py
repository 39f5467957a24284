"""Makes all-minilm-l6-v2.json with sentence-transformers (needs torch). Usage: make.py MODEL_FOLDER OUT.json

Run once; the test reads the stored file. The vectors are rounded to 7 digits.
"""

import json
import sys

from sentence_transformers import SentenceTransformer

WORDS = "the store keeps every document and each snapshot can be verified before it is restored again".split()
TEXTS = [
    "",
    " ",
    "\n\t \u00a0\u3000",
    ".",
    "a",
    "Hello, world!",
    "How do I restore a snapshot?",
    "HOW DO I RESTORE A SNAPSHOT?",
    "The quick brown fox jumps over the lazy dog.",
    "A context engine on your own machine that can prove everything it knows can be got back.",
    "fn main() { println!(\"{}\", x.iter().map(|v| v * 2).sum::<i32>()); }",
    "SELECT id, name FROM projects WHERE deleted_at IS NULL ORDER BY name -- comment",
    "| key | value |\n|---|---|\n| max_seq_length | 256 |\n| pooling | mean |",
    "https://example.org/a/b?c=d&e=f#g and user@example.org, v1.2.3-rc.4+build",
    "Größenwahn, Çeşme, naïve café, Ångström, Łódź; ﬁnally a ligature",
    "e\u0301 cole\u0301 decomposed against \u00e9cole composed",
    "Быстрая коричневая лиса перепрыгивает через ленивую собаку",
    "الثعلب البني السريع يقفز فوق الكلب الكسول",
    "素早い茶色の狐がのろまな犬を飛び越える。",
    "敏捷的棕色狐狸跳过了懒狗。恢复快照之前会先验证。",
    "빠른 갈색 여우가 게으른 개를 뛰어넘는다",
    "तेज़ भूरी लोमड़ी आलसी कुत्ते के ऊपर कूदती है",
    "emoji: \U0001f98a jumps \U0001f415 \U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1e9\U0001f1ea \u2764\ufe0f",
    "zero\u200bwidth, soft\u00adhyphen, \u202eright to left\u202c, bell \u0007 and null \u0000 end",
    "[CLS] text with [SEP] special [MASK] tokens [PAD] in it [UNK]",
    "x" * 99 + " " + "y" * 101 + " Donaudampfschifffahrtsgesellschaftskapitän",
    "3.14159265358979 -1e-12 0xDEADBEEF 1,000,000.00 $5 50% 2026-11-22T23:59:60Z",
    " ".join(WORDS[(i * 7 + i // 16) % len(WORDS)] for i in range(157)),
    " ".join(WORDS[(i * 5 + i // 16) % len(WORDS)] for i in range(254)),
    " ".join(WORDS[(i * 3 + i // 16) % len(WORDS)] for i in range(255)),
    " ".join(WORDS[(i * 11 + i // 16) % len(WORDS)] for i in range(700)) + " unseen end",
    "漢字" * 200,
]


def main():
    model = SentenceTransformer(sys.argv[1], device="cpu")
    assert model.max_seq_length == 256
    rows = []
    for text in TEXTS:
        vector = model.encode([text], normalize_embeddings=True)[0]
        rows.append('{"text": %s, "vector": [%s]}' % (json.dumps(text), ",".join(f"{x:.7f}" for x in vector)))
    with open(sys.argv[2], "w") as out:
        out.write("[\n" + ",\n".join(rows) + "\n]\n")


main()
