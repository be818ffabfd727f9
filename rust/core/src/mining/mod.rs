//! What a query finds and should not: candidates for hard negatives.

pub mod lexical;
