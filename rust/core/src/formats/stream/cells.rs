//! Values of JSON into typed cells: the second pass.

use std::fmt;

use serde_core::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::key::Key;
use super::mixed::MixedCell;
use super::passed::Passed;
use super::values::{Cells, Fields};

/// A walk over the rows of a block.
#[derive(Default)]
pub(super) struct Walk {
    /// A number of its own for each object that is walked, from 1.
    pub(super) object: u64,
    /// Whether a name that nobody knows breaks the row.
    pub(super) is_closed: bool,
    /// The column of a value that does not suit it, and why.
    pub(super) fault: Option<(String, String)>,
}

/// An object, whose values become cells.
pub(super) struct Object<'a> {
    pub(super) fields: &'a mut Fields,
    pub(super) walk: &'a mut Walk,
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { fields, walk } = self;
        walk.object += 1;
        let object = walk.object;
        let mut guess = 0;
        loop {
            let known = fields.names.len();
            let place = Key(|name: &str| fields.place(name, guess));
            let Some(at) = map.next_key_seed(place)? else {
                fields.close(object);
                return Ok(());
            };
            if walk.is_closed && at == known {
                return Err(A::Error::custom("a name that no column has"));
            }
            if std::mem::replace(&mut fields.objects[at], object) == object {
                let name = &fields.names[at];
                return Err(A::Error::custom(format_args!("the key `{name}` twice")));
            }
            guess = at + 1;
            let cells = &mut fields.cells[at];
            match cells {
                Cells::Skipped => {
                    map.next_value::<Passed>()?;
                    continue;
                }
                Cells::Mixed(cells) => {
                    map.next_value_seed(MixedCell(cells))?;
                    continue;
                }
                _ => {}
            }
            let value = Cell {
                cells,
                depth: 0,
                walk: &mut *walk,
            };
            if let Err(error) = map.next_value_seed(value) {
                if let Some((column, _)) = &mut walk.fault {
                    let name = &fields.names[at];
                    *column = if column.is_empty() {
                        name.clone()
                    } else {
                        format!("{name}.{column}")
                    };
                }
                return Err(error);
            }
        }
    }
}

struct Cell<'a> {
    cells: &'a mut Cells,
    depth: usize,
    walk: &'a mut Walk,
}

impl Cell<'_> {
    /// Notes that the value does not suit the column.
    fn clash<E: serde_core::de::Error>(self, got: &str) -> E {
        let expected = self.cells.named();
        let message = match self.depth {
            0 => format!("must be {expected}, got {got}"),
            _ => format!("must be a list in which each is {expected}, got {got}"),
        };
        self.walk.fault = Some((String::new(), message));
        E::custom("a value that does not suit the column")
    }
}

impl<'de> DeserializeSeed<'de> for Cell<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Cell<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.cells.append_null();
        Ok(())
    }

    fn visit_bool<E: serde_core::de::Error>(self, value: bool) -> Result<(), E> {
        let Cells::Bool(values, nulls) = self.cells else {
            return Err(self.clash("a truth value"));
        };
        values.append(value);
        nulls.append_non_null();
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "what widening means")]
    fn visit_i64<E: serde_core::de::Error>(self, value: i64) -> Result<(), E> {
        match self.cells {
            Cells::Int(values, nulls) => {
                values.push(value);
                nulls.append_non_null();
                Ok(())
            }
            Cells::Float(..) => self.visit_f64(value as f64),
            _ => Err(self.clash("a number")),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the nearest fraction stands for it"
    )]
    fn visit_u64<E: serde_core::de::Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_f64<E: serde_core::de::Error>(self, value: f64) -> Result<(), E> {
        let Cells::Float(values, nulls) = self.cells else {
            return Err(self.clash("a number"));
        };
        values.push(value);
        nulls.append_non_null();
        Ok(())
    }

    fn visit_str<E: serde_core::de::Error>(self, value: &str) -> Result<(), E> {
        if !matches!(self.cells, Cells::Text(..)) {
            return Err(self.clash("a text"));
        }
        self.cells.append_text(value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Cells::List(_, _, items) = self.cells else {
            return Err(self.clash("a list"));
        };
        loop {
            let item = Cell {
                cells: &mut *items,
                depth: self.depth + 1,
                walk: &mut *self.walk,
            };
            if seq.next_element_seed(item)?.is_none() {
                self.cells.close_list();
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Cells::Object(fields) = self.cells else {
            return Err(self.clash("an object"));
        };
        let walk = self.walk;
        Object { fields, walk }.visit_map(map)
    }
}
