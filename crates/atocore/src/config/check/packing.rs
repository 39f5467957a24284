//! How much of a context pack the facts may take.

use atocore_engine::PackShares;

use super::{Check, Fault, Key, Raw};

impl Check<'_> {
    /// Both shares, which together cannot be more than the whole.
    pub(super) fn packing(&mut self) -> PackShares {
        let state = self.fraction(Key::PackStateShare);
        let memories = self.fraction(Key::PackMemoryShare);
        let default = PackShares::default();
        let (Some(state), Some(memories)) = (state, memories) else { return default };
        if state + memories <= 1.0 {
            return PackShares { state, memories };
        }
        for (key, other, allowed) in [
            (Key::PackMemoryShare, Key::PackStateShare, state),
            (Key::PackStateShare, Key::PackMemoryShare, memories),
        ] {
            if let Some(Raw { text, origin }) = self.settings.values.get(&key).cloned() {
                let allowed = format!("at most what `{other}` leaves of 1, which is {allowed}");
                self.faults.push(Fault::Value { key, value: text, allowed, origin });
                break;
            }
        }
        default
    }
}
