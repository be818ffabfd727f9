//! Pairs and triplets of rows that are computed when they are asked for: exact counts, the i-th one, a random order.
//!
//! A set of tuples is an implicit array. Its length is a sum over classes (or over scores, or over distances), and number
//! i is found by a search among prefix sums and one or two divisions. A random order is a [`Permutation`] of the numbers.
//! So 10^12 triplets take no more memory than the labels, any stretch of any order can be computed by itself, and a
//! position in an order is one integer.
//!
//! | type | its tuples |
//! | --- | --- |
//! | [`LabelTuples`] | triplets, pairs of one class or of two, from the class of each row |
//! | [`LabelledPairs`] | pairs of one class and of two, each with 1 or 0 |
//! | [`ScoreTriplets`] | from scores of pairs: what scores higher is the positive |
//! | [`DistanceTriplets`] | hard, semi-hard and easy ones, from labels and distances |

mod classes;
mod counts;
mod distances;
mod index;
mod labelled_pairs;
mod labels;
mod permutation;
mod scores;
mod search;
mod set;
mod space;
mod take;

pub use classes::Labels;
pub use counts::Share;
pub use distances::{DistanceTriplets, Hardness};
pub use labelled_pairs::LabelledPairs;
pub use labels::{Form, LabelTuples, Report};
pub use permutation::Permutation;
pub use scores::{ScoreReport, ScoreTriplets, Scores};
pub use space::{Metric, Space};
pub use take::{Order, Places};
