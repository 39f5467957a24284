"""Makes the folders below small/ and small.json: tiny encoders with random weights, and what sentence-transformers
makes of them. Needs torch, sentence-transformers, sentencepiece and protobuf. Usage: make_small.py

Run once; the tests read the stored files. Each folder has the layout of a kind of model that people have:

    multilingual  as paraphrase-multilingual-MiniLM-L12-v2 is published: BERT with an XLM-R tokenizer, mean, bf16
    xlm-roberta   a checkpoint with a language-model head, names with `roberta.`, CLS, f16, folder of version 6
    roberta       byte-level BPE, mean, Normalize, f32, folder of version 6

Every weight is a multiple of 1/128 below 2, so it is the same number in f32, f16 and bf16: the tests rewrite the
checkpoints in the other types and expect the same vectors.
"""

import json
import os
import shutil
import tempfile

import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentencepiece import SentencePieceTrainer, sentencepiece_model_pb2
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaTokenizer,
)

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPE = dict(
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=40,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)
WINDOW = 32
CORPUS = [
    "the store keeps every document and each snapshot can be verified before it is restored",
    "how do I restore a snapshot of the store",
    "die Sicherung wird geprüft bevor sie wiederhergestellt wird",
    "la copie est vérifiée avant d'être restaurée",
    "быстрая лиса и снимок",
    "恢复快照之前会先验证快照",
    "素早い狐が犬を飛び越える",
    "สำรองข้อมูลก่อนกู้คืน",
]
TEXTS = [
    "",
    " ",
    "\n\t \u00a0\u3000",
    "a",
    "How do I restore a snapshot?",
    "HOW DO I RESTORE A SNAPSHOT?",
    "the store  keeps\tevery\n\n document ",
    "  leading spaces and a line\r\nend",
    "die Sicherung wird gepru\u0308ft, la copie est vérifiée",
    "быстрая лиса",
    "恢复快照之前会先验证快照。",
    "素早い狐が犬を飛び越える、恢复",
    "สำรองข้อมูลก่อนกู้คืน",
    "emoji \U0001f98a\U0001f415 \U0001f469\u200d\U0001f467 ❤\ufe0f end",
    "ｆｕｌｌ　ｗｉｄｔｈ ﬁne ½ ™",
    "nul\u0000l, bell\u0007, zero\u200bwidth, soft\u00adhyphen",
    "<s> special </s> <mask> <pad> <unk> tokens [CLS]",
    "fn main() { println!(\"{}\", 1_000); }",
    "x" * 200,
    "快照" * 60,
    "the store keeps every document " * 12,
]
# What the published rules do to a few characters; the whole table has 300 kB.
RULES = {
    "\u00a0": " ", "\u3000": " ", "\t": " ", "\n": " ", "\r": " ", "\u200b": "", "\u0007": "", "\u00ad": "",
    "ﬁ": "fi", "½": "1\u20442", "™": "TM", "u\u0308": "ü", "e\u0301": "é", "\ufe0f": "", "。": ".",
    **{chr(0xFF01 + i): chr(0x21 + i) for i in range(94)},
}


def sentencepiece(scratch):
    """A Unigram model as sentencepiece trains it: its pieces with scores, and its table of rules."""
    with open(f"{scratch}/rules.tsv", "w") as out:
        for before, after in RULES.items():
            out.write("\t".join(" ".join(f"{ord(c):X}" for c in s) for s in (before, after)) + "\n")
    with open(f"{scratch}/corpus", "w") as out:
        out.write("\n".join(CORPUS) + "\n")
    SentencePieceTrainer.train(
        input=f"{scratch}/corpus",
        model_prefix=f"{scratch}/spm",
        vocab_size=190,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_tsv=f"{scratch}/rules.tsv",
        num_threads=1,
        minloglevel=2,
    )
    proto = sentencepiece_model_pb2.ModelProto()
    with open(f"{scratch}/spm.model", "rb") as model:
        proto.ParseFromString(model.read())
    # The first three are <unk> <s> </s>; XLM-R has four of its own in front.
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(piece.piece, piece.score) for piece in proto.pieces[3:]] + [("<mask>", 0.0)]
    return pieces, proto.normalizer_spec.precompiled_charsmap


def set_weights(model, seed):
    """Gives every weight a random multiple of 1/128."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            middle, spread = (1.0, 0.1) if name.endswith("LayerNorm.weight") else (0.0, 0.25)
            values = middle + spread * torch.randn(weight.shape, generator=generator)
            weight.copy_((values * 128).round().clamp(-127, 255).where(weight == weight, 0) / 128)
            if middle == 0.0:
                weight.clamp_(-127 / 128, 127 / 128)


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        json.dump(value, out, ensure_ascii=False, separators=(",", ":"))
        out.write("\n")


def multilingual(folder, pieces, rules):
    backend = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    backend.normalizer = normalizers.Precompiled(rules)
    backend.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    backend.enable_truncation(128)
    backend.enable_padding(pad_id=1, pad_token="<pad>")
    tokenizer = json.loads(backend.to_str())
    # The way the published file puts it, which is older than what the library writes today.
    tokenizer["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {"type": "Metaspace", "replacement": "▁", "str_rep": "▁", "add_prefix_space": True},
        ],
    }
    # The published table of vectors is longer than the vocabulary, and the padding id of the network is another one.
    config = BertConfig(
        vocab_size=len(pieces) + 5, max_position_embeddings=40, pad_token_id=0, type_vocab_size=2, **SHAPE
    )
    model = BertModel(config)
    set_weights(model, 1)
    model.to(torch.bfloat16).save_pretrained(folder)
    write_json(f"{folder}/tokenizer.json", tokenizer)
    write_json(f"{folder}/tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, "pad_token": "<pad>"})
    write_json(f"{folder}/sentence_bert_config.json", {"max_seq_length": WINDOW, "do_lower_case": False})
    kinds = ["Transformer", "Pooling"]
    paths = ["", "1_Pooling"]
    modules = [
        {"idx": i, "name": str(i), "path": paths[i], "type": f"sentence_transformers.models.{kinds[i]}"}
        for i in range(2)
    ]
    write_json(f"{folder}/modules.json", modules)
    pooling = {"word_embedding_dimension": 24, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    pooling |= {"pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False}
    write_json(f"{folder}/1_Pooling/config.json", pooling)


def assemble(folder, scratch, model, tokenizer, pooling, normalize):
    """Saves with today's sentence-transformers, but keeps the checkpoint that the model itself saves."""
    model.save_pretrained(f"{scratch}/plain")
    tokenizer.save_pretrained(f"{scratch}/plain")
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    transformer = Transformer(f"{scratch}/plain", max_seq_length=WINDOW)
    modules = [transformer, Pooling(24, pooling_mode=pooling)] + ([Normalize()] if normalize else [])
    SentenceTransformer(modules=modules, device="cpu").save(folder, create_model_card=False)
    shutil.copy(f"{scratch}/plain/model.safetensors", f"{folder}/model.safetensors")
    shutil.rmtree(f"{scratch}/plain")


def xlm_roberta(folder, scratch, pieces, rules):
    model = XLMRobertaForMaskedLM(
        XLMRobertaConfig(
            vocab_size=len(pieces),
            max_position_embeddings=WINDOW + 2,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            bos_token_id=0,
            pad_token_id=1,
            eos_token_id=2,
            **SHAPE,
        )
    )
    set_weights(model, 2)
    tokenizer = XLMRobertaTokenizer(vocab=pieces, _spm_precompiled_charsmap=rules)
    assemble(folder, scratch, model.to(torch.float16), tokenizer, "cls", False)


def roberta(folder, scratch):
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    backend.train_from_iterator(CORPUS, trainer)
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, False)
    names = dict(zip(["bos_token", "pad_token", "eos_token", "unk_token", "mask_token"], special))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, cls_token="<s>", sep_token="</s>", **names)
    model = RobertaModel(
        RobertaConfig(
            vocab_size=300,
            max_position_embeddings=WINDOW + 2,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            bos_token_id=0,
            pad_token_id=1,
            eos_token_id=2,
            **SHAPE,
        ),
        add_pooling_layer=False,
    )
    set_weights(model, 3)
    assemble(folder, scratch, model, tokenizer, "mean", True)


def reference(folder):
    """The tokens and vectors of every text, computed in f32."""
    model = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.float32})
    assert model.max_seq_length == WINDOW, model.max_seq_length
    encoder = model[0].auto_model
    for name, weight in load_file(f"{folder}/model.safetensors").items():
        if "word_embeddings" in name:
            assert torch.equal(encoder.embeddings.word_embeddings.weight, weight.float()), folder
    tokens = [model.tokenize([text])["input_ids"][0].tolist() for text in TEXTS]
    vectors = [model.encode([text], normalize_embeddings=True)[0] for text in TEXTS]
    return {"tokens": tokens, "vectors": [[round(float(value), 7) for value in vector] for vector in vectors]}


def main():
    small = f"{HERE}/small"
    shutil.rmtree(small, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        pieces, rules = sentencepiece(scratch)
        multilingual(f"{small}/multilingual", pieces, rules)
        xlm_roberta(f"{small}/xlm-roberta", scratch, pieces, rules)
        roberta(f"{small}/roberta", scratch)
    models_of = {name: reference(f"{small}/{name}") for name in ["multilingual", "xlm-roberta", "roberta"]}
    for folder, _, files in os.walk(small):
        for file in [file for file in files if file.endswith(".json")]:
            with open(f"{folder}/{file}") as text:
                value = json.load(text)
            write_json(f"{folder}/{file}", value)
    with open(f"{HERE}/small.json", "w") as out:
        rows = [f"{json.dumps('texts')}:{json.dumps(TEXTS)}"]
        rows += [f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'))}" for name, value in models_of.items()]
        out.write("{" + ",\n".join(rows) + "}\n")


if __name__ == "__main__":
    main()
