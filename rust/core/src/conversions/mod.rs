//! Rows of ids made from other rows of ids, where chance has a part.

mod draw_outside;

pub use draw_outside::{NONE, draw_outside};
