//! Laws of pairs and triplets that are computed: exact counts, one-to-one numbering, orders without repetition.

mod common;
mod distances;
mod labelled;
mod labels;
mod labels_drawn;
mod labels_large;
mod permutation;
mod scores;
