//! The forward pass of a BERT-family encoder over one sequence: token numbers in, one normalised vector out.
//!
//! There is no batch and no padding: sequences run side by side on the cores instead, which computes nothing in vain.

mod build;

use crate::{
    config::Pooling,
    cpu::Kernels,
    kernel::{
        LANES, Lanes,
        float::{self, Panels, Rows},
        int8,
        rows::Norm,
        stride,
    },
};

pub(crate) use build::build;

/// Changes whenever the same files and text would give other vectors than before; part of every fingerprint.
pub(crate) const PASS_VERSION: u32 = 1;

/// The weights of an encoder, ready to run.
#[derive(Debug)]
pub(crate) struct Network {
    hidden: usize,
    heads: usize,
    pooling: Pooling,
    words: Vec<f32>,
    /// Position and token type added up; the first row belongs to the first token of a sequence.
    positions: Vec<f32>,
    /// A token that has a row of its own instead of the one of its place, and takes no place.
    placeless: Option<(u32, Vec<f32>)>,
    embedding_norm: Norm,
    layers: Vec<EncoderLayer>,
}

/// One layer: attention, then the feed-forward half, each with its residual and norm.
#[derive(Debug)]
struct EncoderLayer {
    /// Queries, keys and values side by side.
    attention: LayerWeights,
    attention_output: LayerWeights,
    attention_norm: Norm,
    wide: LayerWeights,
    narrow: LayerWeights,
    output_norm: Norm,
}

/// A weight matrix in the precision that was asked for.
#[derive(Debug)]
enum LayerWeights {
    Float(float::FloatMatrix),
    Int8(int8::Int8Matrix),
}

/// The buffers of one running pass; kept from sequence to sequence.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    hidden: Vec<f32>,
    projected: Vec<f32>,
    context: Vec<f32>,
    wide: Vec<f32>,
    output: Vec<f32>,
    head: HeadScratch,
    packed: Vec<f32>,
    rounded: int8::Int8Scratch,
}

/// The buffers of one attention head.
#[derive(Debug, Default)]
struct HeadScratch {
    lanes: Vec<Lanes>,
    scores: Vec<f32>,
    context: Vec<f32>,
}

impl Network {
    /// How many numbers a vector has.
    pub(crate) fn dimensions(&self) -> usize {
        self.hidden
    }

    /// How many token numbers have a vector.
    pub(crate) fn vocabulary(&self) -> usize {
        self.words.len() / self.hidden
    }

    /// Encodes one sequence of at least one token. Every token must be below [`Network::vocabulary`], and there must
    /// be no more of them than positions.
    pub(crate) fn encode(&self, cpu: &dyn Kernels, tokens: &[u32], scratch: &mut Scratch) -> Vec<f32> {
        let (hidden, row) = (self.hidden, stride(self.hidden));
        fill(&mut scratch.hidden, tokens.len() * row);
        fill(&mut scratch.output, tokens.len() * row);
        let mut places = self.positions.chunks_exact(hidden);
        for (i, token) in tokens.iter().enumerate() {
            let word = &self.words[*token as usize * hidden..][..hidden];
            scratch.hidden[i * row..][..hidden].copy_from_slice(word);
            let place = match &self.placeless {
                Some((placeless, place)) if placeless == token => Some(place.as_slice()),
                _ => places.next(),
            };
            if let Some(place) = place {
                scratch.output[i * row..][..hidden].copy_from_slice(place);
            }
        }
        cpu.add_and_norm(&mut scratch.hidden, &scratch.output, row, &self.embedding_norm);
        for layer in &self.layers {
            self.attend(cpu, layer, tokens.len(), scratch);
            feed_forward(cpu, layer, tokens.len(), row, scratch);
        }
        self.pool(&scratch.hidden)
    }

    /// The attention half of a layer.
    fn attend(&self, cpu: &dyn Kernels, layer: &EncoderLayer, tokens: usize, scratch: &mut Scratch) {
        let Scratch { hidden, projected, context, output, head, packed, rounded, .. } = scratch;
        let (row, wide, width) = (stride(self.hidden), stride(3 * self.hidden), self.hidden / self.heads);
        fill(projected, tokens * wide);
        fill(context, tokens * row);
        let left = Rows { values: hidden, stride: row, count: tokens };
        layer.attention.multiply(cpu, left, projected, wide, packed, rounded);
        for h in 0..self.heads {
            let (queries, keys, values) = (h * width, self.hidden + h * width, 2 * self.hidden + h * width);
            let columns = stride(tokens);
            fill(&mut head.scores, tokens * columns);
            pack_keys(&projected[keys..], wide, tokens, width, &mut head.lanes);
            let right = Panels { inputs: width, panels: columns / LANES, lanes: &head.lanes, bias: None };
            let left = Rows { values: &projected[queries..], stride: wide, count: tokens };
            cpu.multiply(left, right, &mut head.scores, columns, packed);
            cpu.softmax(&mut head.scores, columns, tokens, 1.0 / (width as f32).sqrt());

            fill(&mut head.context, tokens * stride(width));
            pack_values(&projected[values..], wide, tokens, width, &mut head.lanes);
            let right =
                Panels { inputs: tokens, panels: stride(width) / LANES, lanes: &head.lanes, bias: None };
            let left = Rows { values: &head.scores, stride: columns, count: tokens };
            cpu.multiply(left, right, &mut head.context, stride(width), packed);
            for (all, one) in context.chunks_exact_mut(row).zip(head.context.chunks_exact(stride(width))) {
                all[queries..][..width].copy_from_slice(&one[..width]);
            }
        }
        let left = Rows { values: context, stride: row, count: tokens };
        layer.attention_output.multiply(cpu, left, output, row, packed, rounded);
        cpu.add_and_norm(hidden, output, row, &layer.attention_norm);
    }

    /// One vector from the vectors of all tokens, brought to length 1.
    fn pool(&self, rows: &[f32]) -> Vec<f32> {
        let mut pooled = rows[..self.hidden].to_vec();
        if self.pooling == Pooling::Mean {
            for row in rows.chunks_exact(stride(self.hidden)).skip(1) {
                for (sum, value) in pooled.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        }
        // The mean is the sum but for its length, which is 1 afterwards.
        let length = pooled.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        for value in &mut pooled {
            *value = (f64::from(*value) / length.max(f64::MIN_POSITIVE)) as f32;
        }
        pooled
    }
}

/// The feed-forward half of a layer.
fn feed_forward(cpu: &dyn Kernels, layer: &EncoderLayer, tokens: usize, row: usize, scratch: &mut Scratch) {
    let Scratch { hidden, wide, output, packed, rounded, .. } = scratch;
    let columns = layer.wide.columns();
    fill(wide, tokens * columns);
    let left = Rows { values: hidden, stride: row, count: tokens };
    layer.wide.multiply(cpu, left, wide, columns, packed, rounded);
    cpu.gelu(wide);
    let left = Rows { values: wide, stride: columns, count: tokens };
    layer.narrow.multiply(cpu, left, output, row, packed, rounded);
    cpu.add_and_norm(hidden, output, row, &layer.output_norm);
}

impl LayerWeights {
    /// How many columns the product has, filled up to whole lanes.
    fn columns(&self) -> usize {
        match self {
            Self::Float(matrix) => matrix.panels().panels * LANES,
            Self::Int8(matrix) => matrix.columns(),
        }
    }

    fn multiply(
        &self,
        cpu: &dyn Kernels,
        left: Rows<'_>,
        out: &mut [f32],
        stride: usize,
        packed: &mut Vec<f32>,
        rounded: &mut int8::Int8Scratch,
    ) {
        match self {
            Self::Float(matrix) => cpu.multiply(left, matrix.panels(), out, stride, packed),
            Self::Int8(matrix) => cpu.multiply_int8(left, matrix, out, stride, rounded),
        }
    }
}

/// Makes the buffer exactly so long. What is in it does not matter: it is overwritten, or zero from the start.
fn fill(buffer: &mut Vec<f32>, length: usize) {
    buffer.clear();
    buffer.resize(length, 0.0);
}

/// The keys of one head as a right matrix: one column per token, filled up with zeros.
fn pack_keys(keys: &[f32], row: usize, tokens: usize, width: usize, lanes: &mut Vec<Lanes>) {
    let panels = stride(tokens) / LANES;
    lanes.clear();
    lanes.resize(panels * width, Lanes::ZERO);
    for (token, key) in keys.chunks(row).enumerate() {
        for (input, value) in key[..width].iter().enumerate() {
            lanes[float::position(width, panels, token / LANES, input)].0[token % LANES] = *value;
        }
    }
}

/// The values of one head as a right matrix: one row per token.
fn pack_values(values: &[f32], row: usize, tokens: usize, width: usize, lanes: &mut Vec<Lanes>) {
    let panels = stride(width) / LANES;
    lanes.clear();
    lanes.resize(panels * tokens, Lanes::ZERO);
    for (token, value) in values.chunks(row).enumerate() {
        for (panel, part) in value[..width].chunks(LANES).enumerate() {
            lanes[float::position(tokens, panels, panel, token)].0[..part.len()].copy_from_slice(part);
        }
    }
}
