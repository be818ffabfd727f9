//! Files that are there whole or not at all, and a folder that one writer has at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::hash::Hasher as _;
use std::io::{BufWriter, ErrorKind, Read as _, Write};
use std::path::{Path, PathBuf};

use twox_hash::XxHash3_64;

use crate::error::{Error, Result};
use crate::tick::Tick;

const LOCK: &str = ".lock";
const ASIDE: &str = ".aside";
const PIECE: usize = 1 << 20;

/// A folder that is this process's to write in, until this is dropped or the process ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the folder; the file that is locked stays in it, as its removal could not be told from a new writer's.
    ///
    /// # Errors
    /// [`Data`](Error::Data) where another has it, [`Io`](Error::Io).
    pub fn new(folder: &Path) -> Result<Self> {
        let path = folder.join(LOCK);
        let options = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let file = options.map_err(|source| Error::io(&path, source))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let hint = "hint: wait until that one has ended, or give another folder";
                Err(Error::data(
                    folder,
                    format!("is being written by another call\n{hint}"),
                ))
            }
            // Some network file systems know no locks; the renames still keep every file whole.
            Err(TryLockError::Error(source)) if source.kind() != ErrorKind::Unsupported => {
                Err(Error::io(&path, source))
            }
            _ => Ok(Self { _file: file }),
        }
    }
}

/// A file under a name of its own until it is whole; gone if it never is.
pub(crate) struct Aside {
    file: BufWriter<File>,
    path: PathBuf,
    hash: XxHash3_64,
}

impl Aside {
    pub(crate) fn new(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(format!(".{name}{ASIDE}"));
        let file = File::create(&path).map_err(|source| refused(folder, source))?;
        Ok(Self {
            file: BufWriter::with_capacity(PIECE, file),
            path,
            hash: XxHash3_64::new(),
        })
    }

    /// The checksum of what was written so far.
    pub(crate) fn checksum(&self) -> u64 {
        self.hash.finish()
    }

    /// Gives the file its name in the folder, once all of it is on the disk.
    pub(crate) fn publish(mut self, folder: &Path, name: &str) -> Result<()> {
        let mut publish = || {
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            std::fs::rename(&self.path, folder.join(name))?;
            sync_folder(folder)
        };
        publish().map_err(|source| refused(folder, source))
    }
}

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = self.file.write(bytes)?;
        self.hash.write(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // After `publish` there is nothing under this name.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What the operating system said of a file that is being written.
#[expect(
    clippy::needless_pass_by_value,
    reason = "errors are handed over by `map_err`"
)]
pub(crate) fn refused(folder: &Path, source: std::io::Error) -> Error {
    let hint = "hint: what is finished stays; mend this and make the same call again";
    Error::io(
        folder,
        std::io::Error::new(source.kind(), format!("{source}\n{hint}")),
    )
}

/// Makes the names in a folder last through a loss of power, where the system can.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// The names in a folder, in order.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let list = || -> std::io::Result<Vec<String>> {
        std::fs::read_dir(folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    };
    let mut names = list().map_err(|source| Error::io(folder, source))?;
    names.sort_unstable();
    Ok(names)
}

/// Whether a writer of this module makes files of that name beside those that it publishes.
pub(crate) fn is_own(name: &str) -> bool {
    name == LOCK || is_aside(name)
}

fn is_aside(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(ASIDE)
}

/// Removes what an interrupted writer left.
pub(crate) fn remove_leftovers(folder: &Path) -> Result<()> {
    for name in names(folder)?.iter().filter(|name| is_aside(name)) {
        remove(&folder.join(name))?;
    }
    Ok(())
}

pub(crate) fn remove(path: &Path) -> Result<()> {
    std::fs::remove_file(path).map_err(|source| Error::io(path, source))
}

/// 64 bits of bytes (XXH3).
pub fn checksum(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

/// The checksum of a file's content; `read` bytes of `total` are read before it.
pub(crate) fn checksum_of(
    path: &Path,
    read: &mut u64,
    total: u64,
    tick: &mut Tick<'_>,
) -> Result<u64> {
    let mut file = File::open(path).map_err(|source| Error::io(path, source))?;
    let mut hash = XxHash3_64::new();
    let mut piece = vec![0; PIECE];
    loop {
        tick.at((*read).min(total), total)?;
        match file.read(&mut piece) {
            Ok(0) => return Ok(hash.finish()),
            Ok(taken) => {
                hash.write(&piece[..taken]);
                *read += taken as u64;
            }
            Err(source) if source.kind() == ErrorKind::Interrupted => {}
            Err(source) => return Err(Error::io(path, source)),
        }
    }
}

/// The bytes of a file, 0 where there is none.
pub(crate) fn size_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}
