//! From the tensors of a checkpoint to a network: names, shapes, packing.

use super::{EncoderLayer, LayerWeights, Network};
use crate::{
    Precision,
    config::ModelConfig,
    error::ModelError,
    kernel::{float, int8, rows::Norm},
    weights::Tensors,
};

/// Builds the network that `config` describes; takes the tensors out of `tensors` as it goes.
///
/// # Errors
/// When a tensor is missing or does not have the shape that the configuration asks for.
pub(crate) fn build(
    config: &ModelConfig,
    tensors: &mut Tensors,
    precision: Precision,
) -> Result<Network, ModelError> {
    let hidden = config.hidden;
    let words = tensors.take("embeddings.word_embeddings.weight", &[config.vocabulary, hidden])?;
    let positions = tensors.take("embeddings.position_embeddings.weight", &[config.positions, hidden])?;
    let types = tensors.take("embeddings.token_type_embeddings.weight", &[config.token_types, hidden])?;
    // One sequence is always of the first type; its row is added once here instead of at every token.
    let typed = |rows: &[f32]| -> Vec<f32> {
        let rows = rows.chunks_exact(hidden);
        rows.flat_map(|row| row.iter().zip(&types).map(|(position, kind)| position + kind)).collect()
    };
    let first = config.first_position * hidden;
    let placeless = config.placeless.map(|token| (token, typed(&positions[first - hidden..first])));
    let positions = typed(&positions[first..][..config.window * hidden]);
    let embedding_norm = norm(tensors, config, "embeddings.LayerNorm")?;
    let layers =
        (0..config.layers).map(|i| layer(config, tensors, precision, i)).collect::<Result<Vec<_>, _>>()?;
    Ok(Network {
        hidden,
        heads: config.heads,
        pooling: config.pooling,
        words,
        positions,
        placeless,
        embedding_norm,
        layers,
    })
}

fn layer(
    config: &ModelConfig,
    tensors: &mut Tensors,
    precision: Precision,
    number: usize,
) -> Result<EncoderLayer, ModelError> {
    let (hidden, wide) = (config.hidden, config.intermediate);
    let name = |part: &str| format!("encoder.layer.{number}.{part}");
    let mut linear = |parts: &[&str], outputs: usize, inputs: usize| {
        let (mut weights, mut bias) = (Vec::new(), Vec::new());
        for part in parts {
            weights.append(&mut tensors.take(&name(&format!("{part}.weight")), &[outputs, inputs])?);
            bias.append(&mut tensors.take(&name(&format!("{part}.bias")), &[outputs])?);
        }
        Ok::<_, ModelError>(match precision {
            Precision::F32 => LayerWeights::Float(float::FloatMatrix::pack(&weights, &bias, inputs)),
            Precision::Int8 => LayerWeights::Int8(int8::Int8Matrix::pack(&weights, &bias, inputs)),
        })
    };
    let inner = ["attention.self.query", "attention.self.key", "attention.self.value"];
    Ok(EncoderLayer {
        attention: linear(&inner, hidden, hidden)?,
        attention_output: linear(&["attention.output.dense"], hidden, hidden)?,
        wide: linear(&["intermediate.dense"], wide, hidden)?,
        narrow: linear(&["output.dense"], hidden, wide)?,
        attention_norm: norm(tensors, config, &name("attention.output.LayerNorm"))?,
        output_norm: norm(tensors, config, &name("output.LayerNorm"))?,
    })
}

fn norm(tensors: &mut Tensors, config: &ModelConfig, name: &str) -> Result<Norm, ModelError> {
    Ok(Norm {
        scale: tensors.take(&format!("{name}.weight"), &[config.hidden])?,
        shift: tensors.take(&format!("{name}.bias"), &[config.hidden])?,
        epsilon: config.norm_epsilon,
    })
}
