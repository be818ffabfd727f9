//! Laws of the readers: what was written is read, whatever the blocks, the threads and the packing; nothing panics.

mod arrow;
mod beir;
mod common;
mod limits;
mod mutated;
mod parquet;
mod sound;
mod streamed;
mod streamed_faults;
mod text;
mod trec_run;
mod whole;
mod written;
