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
/// reads `path` sees the old file or the new one. Folders are made as needed, as durably.
pub fn write(path: &Path, bytes: &[u8], modified: Option<SystemTime>) -> io::Result<()> {
    make_folder(folder_of(path))?;
    stage_with(path.to_path_buf(), bytes, modified, File::sync_all)?.place()?;
    File::open(folder_of(path))?.sync_all()
}

/// A file that lies ready beside its place. It is gone again if it is never put there.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    is_placed: bool,
}

impl Staged {
    /// Puts the file into its place. After a power cut it is there for sure only once [`make_sure`] has
    /// answered.
    pub fn place(mut self) -> io::Result<()> {
        fs::rename(temporary_of(&self.path), &self.path)?;
        self.is_placed = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_placed {
            let _ = fs::remove_file(temporary_of(&self.path)); // what is left is overwritten by the next one
        }
    }
}

/// Writes what will be the file at `path`, and leaves alone what is there.
pub fn stage(path: PathBuf, bytes: &[u8], modified: Option<SystemTime>) -> io::Result<Staged> {
    stage_with(path, bytes, modified, |_| Ok(()))
}

/// The same with what is in another file.
pub fn stage_copy(path: PathBuf, source: &Path, modified: SystemTime) -> io::Result<Staged> {
    let staged = Staged { path, is_placed: false };
    let mut file = create(&staged)?;
    io::copy(&mut File::open(source)?, &mut file)?;
    file.set_modified(modified)?;
    Ok(staged)
}

/// Takes a file away, and what a crash left of its next version. One that is not there is no error.
pub fn remove(path: &Path) -> io::Result<()> {
    let gone = |path: &Path| match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
        _ => Ok(()),
    };
    gone(&temporary_of(path))?;
    gone(path)
}

/// Makes files below `root` that were placed outlast a power cut, and their names and folders with them.
pub fn make_sure(root: &Path, files: Vec<PathBuf>) -> io::Result<()> {
    let folders = files.iter().flat_map(|file| file.ancestors().skip(1));
    let folders: BTreeSet<&Path> = folders.filter(|folder| folder.starts_with(root)).collect();
    #[cfg(target_os = "linux")]
    if let Some(first) = folders.first().filter(|_| files.len() > FILES_ONE_BY_ONE_MAX) {
        return Ok(rustix::fs::syncfs(File::open(first)?)?);
    }
    for file in &files {
        File::open(file)?.sync_all()?;
    }
    folders.into_iter().try_for_each(|folder| File::open(folder)?.sync_all())
}

/// Makes a folder and those that it is in, each with an fsync of the one above.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    make_folder(above)?;
    match fs::create_dir(folder) {
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
    File::open(above)?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// A name of its own: the file's may be as long as a name can be.
fn temporary_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    folder_of(path).join(format!(".{}.tmp", hex(&Sha256::digest(name.as_bytes())[..8])))
}

/// The temporary file. Folders are made as needed; one that stands where the file should go is found now,
/// and not when others are in their places already.
fn create(staged: &Staged) -> io::Result<File> {
    let path = temporary_of(&staged.path);
    let named = |why: io::Error| io::Error::new(why.kind(), format!("{}: {why}", staged.path.display()));
    if staged.path.is_dir() {
        return Err(io::Error::other(format!("{} is a folder", staged.path.display())));
    }
    match File::create(&path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder_of(&path)).map_err(named)?;
            File::create(&path).map_err(named)
        }
        created => created.map_err(named),
    }
}

fn stage_with(
    path: PathBuf,
    bytes: &[u8],
    modified: Option<SystemTime>,
    sync: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<Staged> {
    // From here on, whatever fails takes the temporary file away.
    let staged = Staged { path, is_placed: false };
    let mut file = create(&staged)?;
    file.write_all(bytes)?;
    if let Some(modified) = modified {
        file.set_modified(modified)?;
    }
    sync(&file)?;
    Ok(staged)
}

/// Makes a folder that its owner alone can look into: readers' addresses are in it.
pub fn private_folder(path: &Path) -> io::Result<()> {
    make_folder(path)?;
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
