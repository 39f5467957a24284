//! The encoder as others use it: texts in, vectors out, with a fingerprint of everything the vectors depend on.

use std::{
    cmp::Reverse,
    fmt,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use atocore_model::{
    digest::Digest,
    monitor::{Monitor, Progress},
};

use crate::{
    EmbedError,
    bert::{self, Network, PASS_VERSION, Scratch},
    config::ModelConfig,
    cpu::{self, Kernels},
    error::ModelError,
    files,
    model::{CHECKPOINT, CONFIG, ModelFolder, TOKENIZER},
    tokens::Splitter,
    weights::Tensors,
};

/// How the weights are kept and multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// 32-bit floating point: the reference.
    #[default]
    F32,
    /// Weights of 8 bits: faster, a quarter of the memory for the layers, slightly different vectors.
    Int8,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Int8 => "int8",
        })
    }
}

/// A loaded model. Vectors have length 1, so their dot product is their cosine. The same text gives the same bits
/// on the same machine, whether alone or among many.
///
/// A blank text ([`Embedder::is_blank`]) has a vector too, as with sentence-transformers: that of the special tokens
/// alone, the same for every blank text, or zeros where the model has no special tokens. It means nothing and must not
/// be stored or searched with. No other vector is zero or not finite: that would be an error instead.
///
/// A text may have any length. The time for one is bounded by what the window can see: of a word longer than 16 KiB
/// the rest is passed over, and after 1 MiB that has not filled the window the rest of the text is.
#[derive(Debug)]
pub struct Embedder {
    splitter: Splitter,
    network: Network,
    cpu: &'static dyn Kernels,
    threads: NonZeroUsize,
    window: usize,
    fingerprint: Digest,
    /// Where the weights came from, to name them when they turn out to be broken.
    checkpoint: PathBuf,
}

/// What [`Embedder::embed_question`] makes of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionVector {
    /// Its vector, of length 1.
    pub vector: Vec<f32>,
    /// Whether it is longer than the window, so that its end was not seen.
    pub cut: bool,
}

impl Embedder {
    /// Reads a model into memory and compares the files of a known one with the published ones.
    ///
    /// # Errors
    /// When a file is missing, damaged or another one than published, or the files do not fit each other.
    pub fn load(folder: &ModelFolder, precision: Precision) -> Result<Self, EmbedError> {
        let config = ModelConfig::read(folder.path())?;
        let config_bytes = files::read(&folder.path().join(CONFIG))?;
        let config_digest = Digest::from_bytes(*blake3::hash(&config_bytes).as_bytes());
        folder.compare(CONFIG, config_digest)?;
        let (splitter, network) = thread::scope(|scope| {
            let splitter = scope
                .spawn(|| Splitter::read(&folder.path().join(TOKENIZER), config.window, config.lower_case));
            let network = load_network(folder, &config, precision);
            (splitter.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), network)
        });
        let ((splitter, tokenizer_digest), (network, weights_digest)) = (splitter?, network?);
        folder.compare(TOKENIZER, tokenizer_digest)?;
        if splitter.vocabulary() > network.vocabulary() {
            return Err(EmbedError::Model(ModelError::WrongDimensions {
                path: folder.path().join(TOKENIZER),
                field: "vocabulary".to_owned(),
                expected: format!("at most {}", network.vocabulary()),
                found: splitter.vocabulary().to_string(),
            }));
        }
        let pooling = config.pooling;
        let lower_case = if config.lower_case { "lower case\n" } else { "" };
        let described = format!(
            "pass {PASS_VERSION}\nweights {weights_digest}\ntokenizer {tokenizer_digest}\nconfig {config_digest}\n\
             precision {precision}\npooling {pooling:?}\nwindow {}\n{lower_case}",
            config.window
        );
        Ok(Self {
            splitter,
            network,
            cpu: cpu::fastest(),
            threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            window: config.window,
            fingerprint: Digest::from_bytes(*blake3::hash(described.as_bytes()).as_bytes()),
            checkpoint: folder.path().join(CHECKPOINT),
        })
    }

    /// Uses that many threads in [`Embedder::embed_many`] instead of one per core.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = threads;
        self
    }

    /// Uses the arithmetic that runs on every CPU instead of the fastest one, to compare the two.
    #[must_use]
    pub fn with_portable_arithmetic(mut self) -> Self {
        self.cpu = &cpu::PortableKernels;
        self
    }

    /// Which arithmetic is in use: `avx2` or `portable`. It is no part of the fingerprint.
    #[must_use]
    pub fn arithmetic(&self) -> &'static str {
        self.cpu.name()
    }

    /// Embeds one text, on the calling thread. What lies behind the window is not seen; see [`Embedder::is_cut`].
    ///
    /// # Errors
    /// When the tokenizer fails on it, or the model's weights make a vector that is not finite of it.
    pub fn embed_one(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.embed(text, &mut Scratch::default())
    }

    /// Embeds many texts, one per core at a time, longest first; the vectors come in the order of the texts.
    ///
    /// # Errors
    /// When one of them cannot be embedded alone either, or the caller cancelled.
    ///
    /// # Cancellation
    /// Between texts, so within some hundredths of a second; finished vectors are dropped.
    pub fn embed_many(&self, texts: &[&str], monitor: &dyn Monitor) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|i| Reverse(texts[*i].len()));
        let (next, done, stopped) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        let vectors: Vec<OnceLock<Vec<f32>>> = texts.iter().map(|_| OnceLock::new()).collect();
        let work = || -> Result<(), EmbedError> {
            let mut scratch = Scratch::default();
            while let Some(i) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                if stopped.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let vector = if monitor.cancelled() {
                    Err(EmbedError::Cancelled)
                } else {
                    self.embed(texts[*i], &mut scratch)
                };
                let vector = vector.inspect_err(|_| stopped.store(true, Ordering::Relaxed))?;
                vectors[*i].get_or_init(|| vector);
                let done = done.fetch_add(1, Ordering::Relaxed) as u64 + 1;
                monitor.progress(Progress {
                    phase: "embedding".into(),
                    done,
                    total: Some(texts.len() as u64),
                });
            }
            Ok(())
        };
        let threads = self.threads.get().min(texts.len());
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let own = work();
            let others = others
                .into_iter()
                .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            std::iter::once(own).chain(others.collect::<Vec<_>>()).collect::<Result<(), _>>()
        })?;
        Ok(vectors.into_iter().filter_map(OnceLock::into_inner).collect())
    }

    /// How many numbers a vector has.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.network.dimensions()
    }

    /// How many tokens of a text are seen, special ones included.
    #[must_use]
    pub fn window(&self) -> usize {
        self.window
    }

    /// A digest of all that decides about the vectors: the model's files, precision, pooling, window and the version
    /// of the forward pass. Vectors may be compared only when their fingerprints are equal.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// How many tokens a whole text has, special ones included, even beyond the window; by some too many where there is
    /// no whitespace for 16 KiB. Takes time in proportion to the text.
    ///
    /// # Errors
    /// When the tokenizer fails on it.
    pub fn tokens(&self, text: &str) -> Result<usize, EmbedError> {
        self.splitter.count(text)
    }

    /// Whether a text is longer than the window, so that its end would not be seen.
    ///
    /// # Errors
    /// When the tokenizer fails on it.
    pub fn is_cut(&self, text: &str) -> Result<bool, EmbedError> {
        Ok(self.splitter.split(text)?.cut)
    }

    /// Whether nothing of a text reaches the model: it is empty, or whitespace, control characters, and whatever else
    /// the tokenizer throws away. Its vector means nothing.
    ///
    /// # Errors
    /// When the tokenizer fails on it.
    pub fn is_blank(&self, text: &str) -> Result<bool, EmbedError> {
        self.splitter.is_blank(text)
    }

    /// Whether the vector of a text says something about it: the text is not blank, and the model has tokens for at
    /// least half of it. All words that a model does not know are the same to it, so that any two texts in a script it
    /// never learned seem to say the same.
    ///
    /// # Errors
    /// When the tokenizer fails on it.
    pub fn understands(&self, text: &str) -> Result<bool, EmbedError> {
        Ok(!self.splitter.is_blank(text)? && !self.splitter.is_foreign(text)?)
    }

    /// Embeds a question, on the calling thread: all at once what [`Embedder::understands`], [`Embedder::embed_one`] and
    /// [`Embedder::is_cut`] say of it. `None` when it is not understood.
    ///
    /// # Errors
    /// As [`Embedder::embed_one`].
    pub fn embed_question(&self, text: &str) -> Result<Option<QuestionVector>, EmbedError> {
        let sequence = self.splitter.split(text)?;
        if self.splitter.has_nothing(text, &sequence) || self.splitter.is_mostly_unknown(&sequence) {
            return Ok(None);
        }
        let vector = self.embed_tokens(&sequence.tokens, &mut Scratch::default())?;
        Ok(Some(QuestionVector { vector, cut: sequence.cut }))
    }

    fn embed(&self, text: &str, scratch: &mut Scratch) -> Result<Vec<f32>, EmbedError> {
        self.embed_tokens(&self.splitter.split(text)?.tokens, scratch)
    }

    fn embed_tokens(&self, tokens: &[u32], scratch: &mut Scratch) -> Result<Vec<f32>, EmbedError> {
        let vocabulary = self.network.vocabulary();
        if let Some(token) = tokens.iter().find(|token| **token as usize >= vocabulary) {
            return Err(EmbedError::TokenUnknown { token: *token, vocabulary });
        }
        if tokens.is_empty() {
            return Ok(vec![0.0; self.dimensions()]);
        }
        let vector = self.network.encode(self.cpu, tokens, scratch);
        // Broken weights make numbers that are not finite, or all zero; the comparison is false for NaN as well.
        let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
        if (0.5..2.0).contains(&length) {
            return Ok(vector);
        }
        let source = "its weights make a vector without a direction".into();
        Err(EmbedError::Model(ModelError::Invalid { path: self.checkpoint.clone(), source }))
    }
}

fn load_network(
    folder: &ModelFolder,
    config: &ModelConfig,
    precision: Precision,
) -> Result<(Network, Digest), ModelError> {
    let (mut tensors, digest) = Tensors::read(&folder.path().join(CHECKPOINT))?;
    folder.compare(CHECKPOINT, digest)?;
    Ok((bert::build(config, &mut tensors, precision)?, digest))
}
