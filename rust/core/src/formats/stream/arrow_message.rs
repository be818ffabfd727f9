//! Messages of Arrow IPC: one after another from a stream, and what the packed columns of one claim to be unpacked.
//!
//! The decoder allocates a claim unseen, and a process that cannot ends: each is tried with memory before.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use arrow_ipc::{Block, Message, RecordBatch, root_as_message};

use super::arrow_file::unsound;
use crate::error::{Error, Result};

/// What begins a message; files of old leave it out.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// The bytes before a packed column: how long it is unpacked; -1 where it is not packed.
const CLAIM: usize = 8;

/// The bytes of the next message of a stream; fewer where the file is cut short, none at its end.
pub(super) fn read_message(file: &Path, opened: &mut File) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut has_read = |bytes: &mut Vec<u8>, length: u64| -> Result<bool> {
        let read = opened.take(length).read_to_end(bytes);
        let read = read.map_err(|source| Error::io(file, source))?;
        Ok(read as u64 == length)
    };
    if !has_read(&mut bytes, 4)? || bytes == CONTINUATION && !has_read(&mut bytes, 4)? {
        return Ok(bytes);
    }
    let start = bytes.len();
    let size = bytes
        .last_chunk()
        .map_or(0, |&size| u32::from_le_bytes(size));
    if size == 0 || !has_read(&mut bytes, size.into())? {
        return Ok(bytes);
    }
    let body_length = message_of(file, &bytes[start..])?.bodyLength();
    let body_length = u64::try_from(body_length).map_err(|error| unsound(file, &error))?;
    let body = bytes.len();
    if has_read(&mut bytes, body_length)? {
        check_claims(
            file,
            &message_of(file, &bytes[start..body])?,
            &bytes[body..],
        )?;
    }
    Ok(bytes)
}

fn message_of<'a>(file: &Path, bytes: &'a [u8]) -> Result<Message<'a>> {
    root_as_message(bytes).map_err(|error| unsound(file, &error))
}

/// As [`check_claims`], of a block of a file.
pub(super) fn check_block(file: &Path, block: &Block, bytes: &[u8]) -> Result<()> {
    let body = usize::try_from(block.metaDataLength()).unwrap_or(0);
    let (Some(message), Some(body)) = (bytes.get(..body), bytes.get(body..)) else {
        return Err(unsound(file, &"a batch past its end"));
    };
    let start = if message.starts_with(&CONTINUATION) {
        8
    } else {
        4
    };
    let message = message.get(start..).unwrap_or_default();
    check_claims(file, &message_of(file, message)?, body)
}

/// Checks that memory holds what each packed column claims to be unpacked.
fn check_claims(file: &Path, message: &Message<'_>, body: &[u8]) -> Result<()> {
    let dictionary = || {
        message
            .header_as_dictionary_batch()
            .and_then(|batch| batch.data())
    };
    let batch: Option<RecordBatch<'_>> = message.header_as_record_batch().or_else(dictionary);
    let Some(batch) = batch.filter(|batch| batch.compression().is_some()) else {
        return Ok(());
    };
    for buffer in batch.buffers().iter().flatten() {
        let start = usize::try_from(buffer.offset()).unwrap_or(usize::MAX);
        let claim = body
            .get(start..)
            .and_then(|bytes| bytes.first_chunk::<CLAIM>());
        let length = claim.map_or(0, |&claim| i64::from_le_bytes(claim));
        let length = usize::try_from(length).unwrap_or(0);
        if Vec::<u8>::new().try_reserve_exact(length).is_err() {
            return Err(unsound(file, &format!("a column of {length} bytes")));
        }
    }
    Ok(())
}
