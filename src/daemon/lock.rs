//! One at a time: a lock on a file in `data/`, which the kernel lets go of when its holder dies,
//! however it dies.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

/// Held for as long as it lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error("process {0} has it")]
    Held(String),
    /// The file cannot be opened or locked.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl Lock {
    /// Takes the lock at `path`, or says whose it is.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder)?;
                return Err(LockError::Held(holder.trim().to_string()));
            }
            Err(TryLockError::Error(why)) => return Err(why.into()),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        file.flush()?;
        Ok(Self { _file: file })
    }
}
