//! What a store holds, told by one small file that is written last: a folder without it is no store.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::files::{self, Aside, refused};

pub(super) const NAME: &str = "manifest.json";
pub(super) const BYTES: &str = "texts.bytes";
pub(super) const OFFSETS: &str = "offsets.i64";
const FORMAT: &str = "foolsgold texts";
const VERSION: u64 = 1;

/// How many texts there are, their bytes, and 64 bits of them in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) texts: u32,
    pub(super) bytes: u64,
    pub(super) fingerprint: u64,
}

impl Manifest {
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        if !path.exists() && folder.join(OFFSETS).exists() {
            let hint = "hint: the call that builds it was stopped; make it again";
            let message = format!("must be a finished store, got no `{NAME}`\n{hint}");
            return Err(Error::data(folder, message));
        }
        let text = std::fs::read_to_string(&path).map_err(|source| Error::io(&path, source))?;
        let unsound =
            |what: &str| Error::data(&path, format!("must be a manifest of stored texts, {what}"));
        let object: Map<String, Value> = serde_json::from_str(&text)
            .map_err(|error| unsound(&format!("got broken JSON: {error}")))?;
        if object.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(unsound("got another file"));
        }
        match object.get("version").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(version) => {
                let hint = "hint: it was written by another version of foolsgold";
                let message = format!("must be of version {VERSION}, got {version}\n{hint}");
                return Err(Error::data(&path, message));
            }
            None => return Err(unsound("got no `version`")),
        }
        let count = |name: &str| object.get(name).and_then(Value::as_u64);
        let texts = count("texts").and_then(|texts| u32::try_from(texts).ok());
        let digits = object.get("fingerprint").and_then(Value::as_str);
        let fingerprint = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        Ok(Self {
            texts: texts.ok_or_else(|| unsound("got no usable `texts`"))?,
            bytes: count("bytes").ok_or_else(|| unsound("got no usable `bytes`"))?,
            fingerprint: fingerprint.ok_or_else(|| unsound("got no usable `fingerprint`"))?,
        })
    }

    /// Tells readers of all that is on the disk by now.
    pub(super) fn write(self, folder: &Path) -> Result<()> {
        let object: BTreeMap<&str, Value> = [
            ("format", json!(FORMAT)),
            ("version", json!(VERSION)),
            ("texts", json!(self.texts)),
            ("bytes", json!(self.bytes)),
            ("fingerprint", json!(format!("{:016x}", self.fingerprint))),
        ]
        .into();
        let mut file = Aside::new(folder, NAME)?;
        writeln!(file, "{:#}", json!(object)).map_err(|source| refused(folder, source))?;
        file.publish(folder, NAME)
    }

    /// Refuses a folder to build in that holds a store, or anything that no build has left.
    pub(super) fn check_absent(folder: &Path) -> Result<()> {
        let names = files::names(folder)?;
        if names.iter().any(|name| name == NAME) {
            let hint = "hint: open it, append to it, or give another folder";
            let message = format!("must hold no store yet, got `{NAME}`\n{hint}");
            return Err(Error::data(folder, message));
        }
        let is_own = |name: &str| files::is_own(name) || name == BYTES || name == OFFSETS;
        if let Some(other) = names.iter().find(|name| !is_own(name)) {
            let hint = "hint: give a new folder, or an empty one";
            let message = format!("must hold nothing else, got `{other}`\n{hint}");
            return Err(Error::data(folder, message));
        }
        Ok(())
    }
}

pub(super) fn bytes_of(folder: &Path) -> PathBuf {
    folder.join(BYTES)
}

pub(super) fn offsets_of(folder: &Path) -> PathBuf {
    folder.join(OFFSETS)
}
