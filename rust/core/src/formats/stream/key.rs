//! A key of a JSON object as the place that its name has.

use std::fmt;

use serde_core::de::{DeserializeSeed, Deserializer, Visitor};

/// Calls a function with the name, and gives what it gives.
pub(super) struct Key<F>(pub(super) F);

impl<'de, F: FnOnce(&str) -> usize> DeserializeSeed<'de> for Key<F> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl<F: FnOnce(&str) -> usize> Visitor<'_> for Key<F> {
    type Value = usize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<usize, E> {
        Ok((self.0)(name))
    }
}
