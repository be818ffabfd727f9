//! Every distinct text once, as a `u32`.
