//! The demo's model: obtained the first time, used ever after, and missed loudly where it cannot be had.

use atocore_engine::{
    EmbeddingReport,
    embed::model::{KnownModel, ModelError},
};
use atocore_model::{error::ErrorCode, ranking::Mode};

use super::{Demo, Runner, story::Story};
use crate::{
    models::{self, FetchEvent},
    operations::{ApiError, Embed},
};

impl Demo<'_> {
    /// Embeds what was read, with a model that is fetched when it is not here. `None` when the settings do not want one,
    /// or when there is none: then the story has said so, and goes on by words.
    ///
    /// # Errors
    /// When the user cancels it, or the store cannot be written.
    pub(super) fn make_vectors(
        &self,
        runner: &Runner,
        story: &mut Story<'_>,
    ) -> Result<Option<EmbeddingReport>, ApiError> {
        if self.config.engine.weights.mode == Mode::Lexical {
            return Ok(None);
        }
        let name = &self.config.engine.model.name;
        let here = self.model(story);
        self.monitor.clear();
        match here {
            Ok(()) => {}
            Err(error) if error.code == ErrorCode::Cancelled => return Err(error),
            Err(error) => {
                story.no_model(name, &error);
                return Ok(None);
            }
        }
        let made = runner.run(Embed {}, self.monitor);
        self.monitor.clear();
        match made {
            Ok(result) => {
                story.embedded(name, &result);
                Ok(Some(result))
            }
            Err(error) if matches!(error.code, ErrorCode::ModelMissing | ErrorCode::ModelDamaged) => {
                story.no_model(name, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Sees to it that the model is here.
    fn model(&self, story: &mut Story<'_>) -> Result<(), ApiError> {
        let name = &self.config.engine.model.name;
        let missing = match models::look(self.config, name) {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let (ModelError::NotFetched { .. }, Some(known)) = (&missing, KnownModel::by_name(name)) else {
            return Err(models::from_model(&missing));
        };
        let mut tell = |event: &FetchEvent<'_>| {
            self.monitor.clear();
            story.fetching(known, event);
        };
        models::obtain(self.config, known, None, self.monitor, &mut tell).map(drop)
    }
}
