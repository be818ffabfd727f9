//! Arrays on disk as `NumPy` has them, written from pieces.
//!
//! The format is `NumPy`'s version 1.0: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::fs::File;
use std::io::{BufReader, Read, Write as _};
use std::path::Path;

use crate::error::{Error, Result};
use crate::files::{Aside, refused};
use crate::tick::Tick;

/// Numbers that are read together.
const PIECE: usize = 1 << 16;
const HEADER: usize = 128;

/// Writes the array `name` in `folder`: `lead`, then the numbers of a file, each as `map` gives it; returns its checksum.
pub(super) fn write<const N: usize>(
    (folder, name, kind): (&Path, &str, &str),
    lead: &[[u8; N]],
    from: &Path,
    count: u64,
    tick: &mut Tick<'_>,
    map: impl Fn([u8; N]) -> [u8; N],
) -> Result<u64> {
    let mut file = Aside::new(folder, name)?;
    let header = header(kind, lead.len() as u64 + count);
    let mut start = file.write_all(&header);
    start = start.and_then(|()| file.write_all(lead.as_flattened()));
    start.map_err(|source| refused(folder, source))?;
    read::<N>(from, count, tick, |numbers| {
        let bytes: Vec<u8> = numbers.iter().flat_map(|&number| map(number)).collect();
        file.write_all(&bytes)
            .map_err(|source| refused(folder, source))
    })?;
    let checksum = file.checksum();
    file.publish(folder, name)?;
    Ok(checksum)
}

/// Shows `take` the numbers of a file in order, many at a time.
pub(super) fn read<const N: usize>(
    from: &Path,
    count: u64,
    tick: &mut Tick<'_>,
    mut take: impl FnMut(&[[u8; N]]) -> Result<()>,
) -> Result<()> {
    let io = |source| Error::io(from, source);
    let mut file = BufReader::with_capacity(1 << 20, File::open(from).map_err(io)?);
    let mut piece = vec![0; PIECE * N];
    let mut done = 0;
    while done < count {
        tick.at(done, count)?;
        let now = (count - done).min(PIECE as u64);
        let bytes = &mut piece[..usize::try_from(now).unwrap_or(0) * N];
        file.read_exact(bytes).map_err(io)?;
        take(bytes.as_chunks::<N>().0)?;
        done += now;
    }
    tick.at(count, count)
}

fn header(kind: &str, count: u64) -> [u8; HEADER] {
    let described = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({count},), }}");
    let mut header = [b' '; HEADER];
    header[..10].copy_from_slice(b"\x93NUMPY\x01\x00\x76\x00");
    header[10..10 + described.len()].copy_from_slice(described.as_bytes());
    header[HEADER - 1] = b'\n';
    header
}
