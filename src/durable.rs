//! The one way a file is written: whole, or not at all, whatever happens to the machine.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    time::SystemTime,
};

use sha2::{Digest, Sha256};

use crate::text::hex;

/// Writes `bytes` to `path`: a temporary file beside it, fsync, rename, fsync of the folder. Whoever
/// reads `path` sees the old file or the new one. Folders are made as needed.
pub fn write(path: &Path, bytes: &[u8], modified: Option<SystemTime>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A name of its own: the file's may be as long as a name can be.
    let temporary = folder.join(format!(".{}.tmp", hex(&Sha256::digest(name.as_bytes())[..8])));
    let written = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        if let Some(modified) = modified {
            file.set_modified(modified)?;
        }
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary); // the first error is the one to report
    }
    written?;
    File::open(folder)?.sync_all()
}

/// Makes a folder that its owner alone can look into: readers' addresses are in it.
pub fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Whether a name is that of a file still being written.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".tmp")
}
