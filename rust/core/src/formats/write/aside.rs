//! A file under a name of its own until it is whole; gone if it never is.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

const BUFFER: usize = 1 << 20;

pub(super) struct Aside {
    file: BufWriter<File>,
    beside: PathBuf,
    path: PathBuf,
    is_published: bool,
}

/// The name beside `path`.
pub(super) fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.aside"))
}

impl Aside {
    pub(super) fn new(path: &Path) -> Result<Self> {
        let beside = beside(path);
        let file = File::create(&beside).map_err(|source| refused(path, source))?;
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER, file),
            beside,
            path: path.into(),
            is_published: false,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, once all of it is on the disk.
    pub(super) fn publish(mut self) -> Result<()> {
        let mut publish = || {
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            std::fs::rename(&self.beside, &self.path)?;
            sync_folder(&self.path)
        };
        let outcome = publish();
        self.is_published = outcome.is_ok();
        outcome.map_err(|source| refused(&self.path, source))
    }
}

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.is_published {
            let _ = std::fs::remove_file(&self.beside);
        }
    }
}

/// What the operating system said of a file that is being written.
pub(super) fn refused(path: &Path, source: std::io::Error) -> Error {
    Error::io(path, source)
}

/// Makes the names in the folder of `path` last through a loss of power, where the system can.
pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
