//! The one way a file is written: whole, or not at all, whatever happens to the machine.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use sha2::{Digest, Sha256};

use crate::text::hex;

#[cfg(target_os = "linux")]
/// More are made sure of all at once, with whatever else the file system has to write.
const FILES_ONE_BY_ONE_MAX: usize = 64;

/// Writes `bytes` to `path`: a temporary file beside it, fsync, rename, fsync of the folder. Whoever
/// reads `path` sees the old file or the new one. Folders are made as needed.
pub fn write(path: &Path, bytes: &[u8], modified: Option<SystemTime>) -> io::Result<()> {
    replace(path, bytes, modified, File::sync_all)?;
    File::open(folder_of(path))?.sync_all()
}

/// The same for whoever reads `path` while the machine runs; after a power cut only once
/// [`make_sure`] has answered.
pub fn place(path: &Path, bytes: &[u8], modified: Option<SystemTime>) -> io::Result<()> {
    replace(path, bytes, modified, |_| Ok(()))
}

/// Makes files that were placed outlast a power cut, and their names with them.
pub fn make_sure(files: Vec<PathBuf>) -> io::Result<()> {
    let folders: BTreeSet<&Path> = files.iter().map(|file| folder_of(file)).collect();
    #[cfg(target_os = "linux")]
    if let Some(first) = folders.first().filter(|_| files.len() > FILES_ONE_BY_ONE_MAX) {
        return Ok(rustix::fs::syncfs(File::open(first)?)?);
    }
    for file in &files {
        File::open(file)?.sync_all()?;
    }
    folders.into_iter().try_for_each(|folder| File::open(folder)?.sync_all())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

fn replace(
    path: &Path,
    bytes: &[u8],
    modified: Option<SystemTime>,
    sync: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let folder = folder_of(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A name of its own: the file's may be as long as a name can be.
    let temporary = folder.join(format!(".{}.tmp", hex(&Sha256::digest(name.as_bytes())[..8])));
    let written = (|| {
        let mut file = match File::create(&temporary) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder)?;
                File::create(&temporary)
            }
            created => created,
        }?;
        file.write_all(bytes)?;
        if let Some(modified) = modified {
            file.set_modified(modified)?;
        }
        sync(&file)?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary); // the first error is the one to report
    }
    written
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
