//! Values of JSON into shapes: the first pass.

use std::fmt;

use serde_core::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::key::Key;
use super::shape::{Keys, Kind, Place, Shape};
use crate::formats::MAX_COLUMNS;

/// A walk over one row.
pub(super) struct Walk {
    pub(super) place: Place,
    /// A number of its own for each object that is walked, from 1.
    pub(super) object: u64,
    /// Whether what the row added is taken back.
    pub(super) is_undone: bool,
    pub(super) has_too_many: bool,
}

/// An object whose values are observed.
pub(super) struct Observed<'a> {
    pub(super) keys: &'a mut Keys,
    pub(super) walk: &'a mut Walk,
}

impl<'de> Visitor<'de> for Observed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { keys, walk } = self;
        walk.object += 1;
        let object = walk.object;
        let mut guess = 0;
        loop {
            let place = Key(|name: &str| keys.place(name, guess));
            let Some(at) = map.next_key_seed(place)? else {
                return Ok(());
            };
            if keys.len() > MAX_COLUMNS {
                walk.has_too_many = true;
                return Err(A::Error::custom("too many columns"));
            }
            if !keys.enter(at, object, walk.is_undone) {
                let name = keys.name(at);
                return Err(A::Error::custom(format_args!("the key `{name}` twice")));
            }
            guess = at + 1;
            let shape = keys.shape(at);
            map.next_value_seed(Value {
                shape,
                walk: &mut *walk,
            })?;
        }
    }
}

struct Value<'a> {
    shape: &'a mut Shape,
    walk: &'a mut Walk,
}

impl Value<'_> {
    fn see(&mut self, kind: Kind) {
        self.shape.see(kind, self.walk.place, self.walk.is_undone);
        self.walk.place.turn += 1;
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(mut self, _: bool) -> Result<(), E> {
        self.see(Kind::Bool);
        Ok(())
    }

    fn visit_i64<E>(mut self, _: i64) -> Result<(), E> {
        self.see(Kind::Int);
        Ok(())
    }

    fn visit_u64<E>(mut self, value: u64) -> Result<(), E> {
        let is_whole = i64::try_from(value).is_ok();
        self.see(if is_whole { Kind::Int } else { Kind::Long });
        Ok(())
    }

    fn visit_f64<E>(mut self, _: f64) -> Result<(), E> {
        self.see(Kind::Float);
        Ok(())
    }

    fn visit_str<E>(mut self, _: &str) -> Result<(), E> {
        self.see(Kind::Text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        self.see(Kind::List);
        let items = self.shape.items();
        loop {
            let value = Value {
                shape: &mut *items,
                walk: &mut *self.walk,
            };
            if seq.next_element_seed(value)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<(), A::Error> {
        self.see(Kind::Object);
        let (keys, walk) = (self.shape.keys(), self.walk);
        Observed { keys, walk }.visit_map(map)
    }
}
