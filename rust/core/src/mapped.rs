//! Files as memory: read where they lie in the page cache, shared by all processes that map them.
//!
//! A mapped file that another program makes shorter ends the process at the next look behind its end (SIGBUS), which
//! nothing here can catch. So sizes are checked before a file is mapped, writers of this crate never shorten a file below
//! what its manifest tells, and replace files by renames, which leave a map on the old content.
#![expect(
    unsafe_code,
    reason = "memory maps, and arrays over them whose content was checked"
)]

use std::fs::File;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_array::{Array as _, LargeStringArray, StringViewArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use memmap2::MmapOptions;

use crate::error::{Error, Result};
use crate::pool;
use crate::tick::Tick;

/// Texts that are checked together.
const BLOCK: usize = 1 << 14;

/// The first `len` bytes of a file.
///
/// # Errors
/// [`Data`](Error::Data) where the file is shorter, [`Io`](Error::Io).
pub(crate) fn file(path: &Path, len: u64) -> Result<Buffer> {
    let io = |source| Error::io(path, source);
    let file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    if size < len {
        let message = format!("must have at least {len} bytes, got {size}: it was cut short");
        return Err(Error::data(path, message));
    }
    part(&file, path, 0, len)
}

/// `len` bytes of an open file from `first` on, all of which are there.
pub(crate) fn part(file: &File, path: &Path, first: u64, len: u64) -> Result<Buffer> {
    let io = |source| Error::io(path, source);
    let Ok(len) = usize::try_from(len) else {
        return Err(io(std::io::ErrorKind::FileTooLarge.into()));
    };
    if len == 0 {
        return Ok(Buffer::from_vec(Vec::<u8>::new()));
    }
    // SAFETY: the callers have checked the size, and no writer of this crate changes what is mapped: files grow behind
    // what their manifest tells, and a file that is being built is mapped by its one writer alone. Readers treat the
    // bytes as untrusted: offsets and UTF-8 are checked before they are used. What another program may do to the file
    // while it is mapped cannot be ruled out; the module says so.
    let map = unsafe { MmapOptions::new().offset(first).len(len).map(file) }.map_err(io)?;
    let start = NonNull::from(&map[..]).cast();
    // SAFETY: the pointer and the length are those of the map, which the allocation keeps alive and nobody writes.
    Ok(unsafe { Buffer::from_custom_allocation(start, len, Arc::new(map)) })
}

/// The part of `bytes` that two offsets cut out as text.
///
/// # Errors
/// [`Data`](Error::Data) where they are not in order or beyond the bytes, or the part is no UTF-8.
pub(crate) fn text<'a>(bytes: &'a [u8], start: i64, end: i64, path: &Path) -> Result<&'a str> {
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let part = range.and_then(|(start, end)| bytes.get(start..end));
    let Some(part) = part else {
        let message =
            format!("must hold the bytes {start} to {end}: it or its offsets were changed");
        return Err(Error::data(path, message));
    };
    std::str::from_utf8(part).map_err(|error| {
        let at = start.unsigned_abs() + error.valid_up_to() as u64;
        Error::data(
            path,
            format!("must hold UTF-8, got another byte at {at}: it was changed"),
        )
    })
}

/// All texts of a map as one Arrow array, once every one of them was checked. O(bytes), nothing is copied.
///
/// # Errors
/// As [`text`]; [`Cancelled`](Error::Cancelled).
pub(crate) fn strings(
    bytes: &Buffer,
    offsets: &ScalarBuffer<i64>,
    path: &Path,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<LargeStringArray> {
    let len = offsets.len().saturating_sub(1);
    pool::map_blocks(threads, len, BLOCK, tick, |block| {
        for at in block {
            text(bytes, offsets[at], offsets[at + 1], path)?;
        }
        Ok(())
    })?;
    if offsets.first() != Some(&0) {
        return Err(Error::data(
            path,
            "must begin with its first text: its offsets were changed",
        ));
    }
    // SAFETY: the offsets begin at 0, each is at most the next one, and the last is within the bytes, as all pairs of
    // neighbours are in order and within them; `text` has found each part to be UTF-8, so offsets are at its borders.
    Ok(unsafe {
        let offsets = OffsetBuffer::new_unchecked(offsets.clone());
        LargeStringArray::new_unchecked(offsets, bytes.clone(), None)
    })
}

/// Some texts of an array, in any order, as views of it. O(views), nothing is copied.
///
/// # Errors
/// [`Argument`](Error::Argument) for an id that the array has not, or a text of a gibibyte.
pub(crate) fn views(texts: &LargeStringArray, ids: &[u32]) -> Result<StringViewArray> {
    /// Where the buffers of views begin: each reaches over the next one's beginning, so that no text is cut.
    const STEP: usize = 1 << 30;
    let (bytes, offsets) = (texts.values(), texts.value_offsets());
    let mut views = Vec::with_capacity(ids.len());
    let place = |offset: i64| usize::try_from(offset).unwrap_or(usize::MAX);
    for &id in ids {
        let Some((&start, &end)) = offsets.get(id as usize).zip(offsets.get(id as usize + 1))
        else {
            let rule = format!("be below {}", texts.len());
            return Err(Error::argument("ids", rule, id));
        };
        let (start, end) = (place(start), place(end));
        if end - start >= STEP {
            return Err(Error::argument(
                "texts",
                "be shorter than a gibibyte",
                end - start,
            ));
        }
        let (buffer, at) = (start / STEP, start % STEP);
        let pieces = u32::try_from(buffer).ok().zip(u32::try_from(at).ok());
        let Some((buffer, at)) = pieces else {
            return Err(Error::argument("texts", "have fewer bytes", start));
        };
        views.push(arrow_array::builder::make_view(
            &bytes[start..end],
            buffer,
            at,
        ));
    }
    let starts = (0..bytes.len()).step_by(STEP);
    let buffers: Vec<Buffer> = starts
        .map(|start| bytes.slice_with_length(start, (bytes.len() - start).min(2 * STEP)))
        .collect();
    // SAFETY: each view names bytes of a text of the array, which are UTF-8 and lie whole in the buffer that begins at
    // most `STEP` before them.
    Ok(unsafe { StringViewArray::new_unchecked(views.into(), buffers, None) })
}
