//! The extension module `foolsgold._core`: each function unpacks its arguments, enters the core, packs the answer.
//!
//! No algorithm lives here. Users read the Python wrappers; the stubs are `python/foolsgold/_core.pyi`.

#![expect(
    clippy::needless_pass_by_value,
    reason = "arguments are extracted from Python as values of their own"
)]

mod arrays;
mod arrow;
mod checking;
mod conversions;
mod enter;
mod error;
mod exclusions;
mod formats;
mod fusion;
mod lexical;
mod mining;
mod mining_store;
mod near_duplicates;
mod probe;
mod ranking;
mod sampling;
mod streams;
mod text_store;
mod texts;
mod triplets;

#[pyo3::pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::checking::{Examined, equal_rows, examine, known_positives, read_sound, shared};
    #[pymodule_export]
    use super::conversions::draw_outside;
    #[pymodule_export]
    use super::formats::{Table, is_beir, read_beir, read_trec_run};
    #[pymodule_export]
    use super::fusion::fuse;
    #[pymodule_export]
    use super::lexical::Bm25;
    #[pymodule_export]
    use super::mining::{CandidateTable, Corpus, check_fits, code_peak, mine};
    #[pymodule_export]
    use super::mining::{multiply_add_peak, pair_scores, search, tiles};
    #[pymodule_export]
    use super::mining_store::{CandidateStore, FolderLock, checksum};
    #[pymodule_export]
    use super::near_duplicates::{near_duplicates, near_duplicates_between};
    #[pymodule_export]
    use super::probe::{available_threads, cpu_features, wait};
    #[pymodule_export]
    use super::ranking::evaluate;
    #[pymodule_export]
    use super::sampling::{
        Labels, Packing, fingerprint, num_batches, random_plan, sequential_plan, tally,
    };
    #[pymodule_export]
    use super::sampling::{blend_plan, mix_counts, mix_passes, mix_plan};
    #[pymodule_export]
    use super::sampling::{draw_negatives, draw_negatives_of_row};
    #[pymodule_export]
    use super::streams::{Batch, FileStream, FileWriter, StreamBatches};
    #[pymodule_export]
    use super::streams::{check_writable, write_arrow, write_stream};
    #[pymodule_export]
    use super::text_store::{StoredTexts, TextStore, TextStoreBuilder};
    #[pymodule_export]
    use super::texts::Texts;
    #[pymodule_export]
    use super::triplets::{Tuples, permute};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add(
            "build_profile",
            if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
        )
    }
}
