//! What is made of files with certain endings.

use atocore_engine::extract::{EndingRule, FormatRules, converters, endings};

use super::{Check, Key};

impl Check<'_> {
    /// All three settings, in which an ending stands once.
    pub(super) fn formats(&mut self) -> FormatRules {
        let mut rules = FormatRules::default();
        let plain = |rule: EndingRule| {
            move |text: &str| {
                let endings = endings(text)?;
                Some(endings.into_iter().map(|ending| (ending, rule.clone())).collect::<Vec<_>>())
            }
        };
        self.add_rules(&mut rules, Key::TextEndings, plain(EndingRule::Text));
        self.add_rules(&mut rules, Key::ExcludedEndings, plain(EndingRule::Excluded));
        self.add_rules(&mut rules, Key::Converters, |text| {
            let rule = |(ending, command)| (ending, EndingRule::Converted(command));
            Some(converters(text)?.into_iter().map(rule).collect())
        });
        rules
    }

    fn add_rules(
        &mut self,
        rules: &mut FormatRules,
        key: Key,
        read: impl Fn(&str) -> Option<Vec<(String, EndingRule)>>,
    ) {
        let added = self.optional(key, |text| {
            let mut with = rules.clone();
            read(text)?.into_iter().all(|(ending, rule)| with.add(ending, rule)).then_some(with)
        });
        *rules = added.unwrap_or_else(|| rules.clone());
    }
}
