//! Which model makes the vectors, where it is looked for, and where it is downloaded from.

use std::path::Path;

use atocore_engine::{Layout, ModelChoice, Precision, embed::fetch::ModelHub, files};

use ureq::tls::{PemItem, parse_pem};

use super::{Check, Key, SettingOrigin, SettingValue, models_beside};
use crate::config::env::HUB_ENDPOINT;

impl Check<'_> {
    /// The model and the places where it is looked for: the installation's own, the user's, and the hub's.
    pub(super) fn model(&mut self, layout: &Layout, model_dir: &Path) -> ModelChoice {
        let is_name = |text: &&str| !text.is_empty() && !text.contains(char::is_control);
        let name = self.value(Key::EmbeddingModel, |text| Some(text).filter(is_name).map(ToOwned::to_owned));
        let precision = self.value(Key::EmbeddingPrecision, precision);
        let mut folders = vec![models_beside(layout), model_dir.to_owned()];
        folders.dedup();
        folders.extend(self.settings.hub_cache_dir.clone());
        ModelChoice { name: name.unwrap_or_default(), precision: precision.unwrap_or_default(), folders }
    }

    /// The hub that models are downloaded from. What the variable of other programs says may be no address for us, which
    /// only a download has to complain about; it is shown where it can hold no password.
    pub(super) fn model_hub(&mut self) -> ModelHub {
        let key = Key::ModelHubUrl;
        let given = self.settings.values.contains_key(&key);
        let hub = match &self.settings.hub_endpoint {
            Some(endpoint) if !given => {
                let shown = if ModelHub::is_address(endpoint) { endpoint } else { "(cannot be used)" };
                let origin = SettingOrigin::Variable(HUB_ENDPOINT.to_owned());
                self.shown.push(SettingValue { key, value: Some(shown.to_owned()), origin });
                ModelHub::at(endpoint)
            }
            None if !given => {
                let (value, origin) = (Some(ModelHub::USUAL.to_owned()), SettingOrigin::Default);
                self.shown.push(SettingValue { key, value, origin });
                ModelHub::default()
            }
            _ => {
                let address = |text: &str| ModelHub::is_address(text).then(|| ModelHub::at(text));
                self.optional(key, address).unwrap_or_default()
            }
        };
        match self.authorities(Key::ModelHubCaFile) {
            Some(authorities) => hub.trusting(authorities),
            None => hub,
        }
    }

    /// The certificates in a file, in DER; `None` also after a fault.
    pub(super) fn authorities(&mut self, key: Key) -> Option<Vec<Vec<u8>>> {
        self.optional(key, |path| certificates(&files::read_if_present(Path::new(path)).ok()??))
    }
}

/// One or more certificates in PEM.
fn certificates(pem: &[u8]) -> Option<Vec<Vec<u8>>> {
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Some(certificate.der().to_vec())),
        Ok(_) => None,
        Err(_) => Some(None),
    };
    let found: Vec<_> = parse_pem(pem).filter_map(certificate).collect::<Option<_>>()?;
    (!found.is_empty()).then_some(found)
}

fn precision(text: &str) -> Option<Precision> {
    let all = [Precision::F32, Precision::Int8];
    all.into_iter().find(|precision| precision.to_string().eq_ignore_ascii_case(text))
}
