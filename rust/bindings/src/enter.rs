//! The one door: every call into the core goes through [`enter`].

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use foolsgold_core::{Error, Result, tick::Tick};
use pyo3::prelude::*;

use crate::error::to_py;

/// The least time between two looks at Python, which cost the interpreter's lock.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs `work` with the interpreter released; hears Ctrl-C and calls `progress(done, total)` at most every 100 ms.
///
/// An exception raised there, `KeyboardInterrupt` included, stops the work and is the one that the caller sees.
pub(crate) fn enter<T: Send>(
    py: Python<'_>,
    progress: Option<Py<PyAny>>,
    work: impl FnOnce(&mut Tick<'_>) -> Result<T> + Send,
) -> PyResult<T> {
    let mut raised = None;
    let mut next = Instant::now() + PAUSE;
    let outcome = py.detach(|| {
        let mut poll = |done, total| {
            if done < total && Instant::now() < next {
                return ControlFlow::Continue(());
            }
            let asked = Python::attach(|py| {
                py.check_signals()?;
                progress.as_ref().map_or(Ok(()), |progress| {
                    progress.call1(py, (done, total)).map(drop)
                })
            });
            next = Instant::now() + PAUSE;
            asked
                .map_err(|error| raised = Some(error))
                .map_or(ControlFlow::Break(()), ControlFlow::Continue)
        };
        work(&mut Tick::new(&mut poll))
    });
    match (outcome, raised) {
        (Err(Error::Cancelled), Some(error)) => Err(error),
        (outcome, _) => outcome.map_err(|error| to_py(&error)),
    }
}
