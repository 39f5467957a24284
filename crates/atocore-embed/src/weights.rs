//! Reads a safetensors checkpoint once, front to back: tensors as f32, and the digest of the whole file.

use std::{
    collections::HashMap,
    io::Read,
    path::{Path, PathBuf},
};

use atocore_model::digest::Digest;
use safetensors::{Dtype, tensor::Metadata};

use crate::{error::ModelError, files};

/// The tensors of a checkpoint, taken out one by one while the network is built.
#[derive(Debug)]
pub(crate) struct Tensors {
    path: PathBuf,
    by_name: HashMap<String, Tensor>,
}

#[derive(Debug)]
struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// The longest header that is read; the format allows 100 MB, real ones have some kilobytes.
const LONGEST_HEADER: u64 = 16 << 20;

/// How much is read at a time.
const PIECE: usize = 256 << 10;

/// The prefixes that checkpoints put before the names of the encoder's tensors.
const PREFIXES: [&str; 4] = ["bert.", "roberta.", "model.", "0.auto_model."];

impl Tensors {
    /// Reads the checkpoint and returns its tensors with the digest of its bytes.
    ///
    /// # Errors
    /// When the file is missing, cut off, not in the format, or has tensors of other types than f32, f16, bf16.
    pub(crate) fn read(path: &Path) -> Result<(Self, Digest), ModelError> {
        let (mut file, header) = open(path)?;
        let mut hash = blake3::Hasher::new();
        hash.update(&header.bytes);
        let mut by_name = HashMap::new();
        let mut piece = vec![0; PIECE];
        for name in header.metadata.offset_keys() {
            let Some(info) = header.metadata.info(&name) else { continue };
            let short = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(&name);
            let wanted = short.starts_with("embeddings.") || short.starts_with("encoder.layer.");
            let wanted = wanted && !short.ends_with("position_ids");
            let decode = if wanted { Some(decoder(path, &name, info.dtype)?) } else { None };
            let mut left = info.data_offsets.1 - info.data_offsets.0;
            let mut values = Vec::with_capacity(if wanted { info.shape.iter().product() } else { 0 });
            while left > 0 {
                let bytes = &mut piece[..left.min(PIECE)];
                file.read_exact(bytes)
                    .map_err(|source| ModelError::Unreadable { path: path.to_owned(), source })?;
                hash.update(bytes);
                if let Some(decode) = decode {
                    decode(bytes, &mut values);
                }
                left -= bytes.len();
            }
            if wanted {
                by_name.insert(modern(short), Tensor { shape: info.shape.clone(), values });
            }
        }
        Ok((Self { path: path.to_owned(), by_name }, Digest::from_bytes(*hash.finalize().as_bytes())))
    }

    /// Takes a tensor out, row by row as one list of numbers.
    ///
    /// # Errors
    /// When it is not there or has another shape.
    pub(crate) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let Some(tensor) = self.by_name.remove(name) else {
            return Err(ModelError::MissingTensor { path: self.path.clone(), tensor: name.to_owned() });
        };
        if tensor.shape != shape {
            return Err(ModelError::WrongDimensions {
                path: self.path.clone(),
                field: name.to_owned(),
                expected: format!("{shape:?}"),
                found: format!("{:?}", tensor.shape),
            });
        }
        Ok(tensor.values)
    }
}

/// The present name of a tensor; checkpoints of the first years call the two of a norm otherwise.
fn modern(name: &str) -> String {
    let old = [(".LayerNorm.gamma", ".LayerNorm.weight"), (".LayerNorm.beta", ".LayerNorm.bias")];
    let found = old.iter().find_map(|(old, new)| Some(format!("{}{new}", name.strip_suffix(old)?)));
    found.unwrap_or_else(|| name.to_owned())
}

/// Checks that the checkpoint is whole by its header and its length, without reading the tensors.
///
/// # Errors
/// When it is missing, cut off or not in the format.
pub(crate) fn check(path: &Path) -> Result<(), ModelError> {
    open(path).map(drop)
}

/// What stands before the tensors: the raw bytes, and what they mean.
struct TensorHeader {
    bytes: Vec<u8>,
    metadata: Metadata,
}

/// Opens the file and reads its header; the tensors follow.
fn open(path: &Path) -> Result<(impl Read, TensorHeader), ModelError> {
    let unreadable = |source| ModelError::Unreadable { path: path.to_owned(), source };
    let wrong_length = |expected, found| ModelError::WrongLength { path: path.to_owned(), expected, found };
    let (mut file, found) = files::open(path)?;
    if found < 8 {
        return Err(wrong_length(8, found));
    }
    let mut bytes = vec![0; 8];
    file.read_exact(&mut bytes).map_err(unreadable)?;
    let length = bytes.iter().rev().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    if length > LONGEST_HEADER {
        let source = format!("its header would have {length} bytes: this is not a safetensors file").into();
        return Err(ModelError::Invalid { path: path.to_owned(), source });
    }
    if found < 8 + length {
        return Err(wrong_length(8 + length, found));
    }
    let read = file.by_ref().take(length).read_to_end(&mut bytes).map_err(unreadable)?;
    let invalid = |error| ModelError::Invalid { path: path.to_owned(), source: Box::new(error) };
    // The reader checks that the tensors lie one behind the other without gaps.
    let metadata: Metadata = serde_json::from_slice(&bytes[8..]).map_err(invalid)?;
    let expected = 8 + read as u64 + metadata.data_len() as u64;
    if expected == found {
        Ok((file, TensorHeader { bytes, metadata }))
    } else {
        Err(wrong_length(expected, found))
    }
}

/// Turns raw bytes into numbers.
type Decoder = fn(&[u8], &mut Vec<f32>);

fn decoder(path: &Path, name: &str, kind: Dtype) -> Result<Decoder, ModelError> {
    match kind {
        Dtype::F32 => Ok(|bytes, values| {
            values.extend(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        }),
        Dtype::F16 => Ok(|bytes, values| {
            values.extend(bytes.as_chunks::<2>().0.iter().map(|bytes| from_f16(u16::from_le_bytes(*bytes))));
        }),
        Dtype::BF16 => Ok(|bytes, values| {
            let wide = |bytes: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
            values.extend(bytes.as_chunks::<2>().0.iter().map(wide));
        }),
        other => Err(ModelError::Unsupported {
            path: path.to_owned(),
            field: name.to_owned(),
            found: format!("{other:?}"),
            supported: "tensors of type F32, F16 and BF16",
        }),
    }
}

/// Widens a number of 16 bits (IEEE 754 binary16).
fn from_f16(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from((bits >> 10) & 0x1f), u32::from(bits & 0x3ff));
    let magnitude = match exponent {
        // Below the smallest normal number: the fraction counts units of 2⁻²⁴.
        0 => (fraction as f32 * 2.0_f32.powi(-24)).to_bits(),
        31 => 0x7f80_0000 | (fraction << 13),
        _ => ((exponent + 112) << 23) | (fraction << 13),
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bit_numbers_are_widened_exactly() {
        let known = [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (bits, value) in known {
            assert_eq!(from_f16(bits).to_bits(), value.to_bits(), "{bits:#x}");
        }
        assert!(from_f16(0x7e00).is_nan());
    }
}
