//! Keeps others away from a file, under whatever name they open it.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::open_error::OpenError;

/// The longest chain of symbolic links that is followed, as in Linux.
const MOST_LINKS: usize = 40;

/// What a file is to the system, whatever its names are: its device and its inode.
type FileId = (u64, u64);

/// The files that stores of this process have open. A file must not even be opened a second time: closing it
/// would end the locks that SQLite itself has on it.
static OPEN: Mutex<Option<HashSet<FileId>>> = Mutex::new(None);

/// The right to a file, until it is dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    /// The file itself, under one of its names.
    path: PathBuf,
    /// Locked beside the file, where earlier versions look.
    _beside: Option<File>,
    /// The file, locked against processes that open it under another name.
    _itself: Option<File>,
    id: Option<FileId>,
    /// What was made for this lock and goes with it unless it is kept.
    made: Option<PathBuf>,
}

impl FileLock {
    /// Takes the right to the file at `path`, which is made if it is missing.
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let mut lock = Self {
            path: path.to_owned(),
            _beside: None,
            _itself: None,
            id: None,
            made: None,
        };
        // Every store in memory is one of its own.
        if path.as_os_str() == ":memory:" {
            return Ok(lock);
        }
        check_place(path)?;
        let failed = |path: &Path, source| OpenError::Lock {
            path: path.to_owned(),
            source,
        };
        lock.path = real(path).map_err(|source| failed(path, source))?;
        let mut open = open_files();
        let open = open.get_or_insert_default();
        if let Ok(id) = fs::metadata(&lock.path).map(|metadata| id(&metadata))
            && open.contains(&id)
        {
            return Err(OpenError::InUse(path.to_owned()));
        }
        let mut beside = OsString::from(&lock.path);
        beside.push(".lock");
        let beside = PathBuf::from(beside);
        lock.made = (!beside.exists()).then(|| beside.clone());
        lock._beside = Some(locked(&beside, path)?);
        let itself = locked(&lock.path, path)?;
        let metadata = itself.metadata();
        let id = id(&metadata.map_err(|source| failed(&lock.path, source))?);
        lock._itself = Some(itself);
        lock.id = Some(id);
        open.insert(id);
        Ok(lock)
    }

    /// The file itself, behind all symbolic links.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves what was made for the lock where it is: the file is a store.
    pub(crate) fn keep(&mut self) {
        self.made = None;
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            open_files().get_or_insert_default().remove(&id);
        }
        if let Some(made) = &self.made {
            // Left behind in the worst case, where it does no harm.
            let _removed = fs::remove_file(made);
        }
    }
}

fn open_files() -> MutexGuard<'static, Option<HashSet<FileId>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn id(metadata: &fs::Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

/// What is wrong with the place of the file, as the operator wrote it.
pub(crate) fn check_place(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Err(OpenError::Folder(path.to_owned()));
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.exists() => {
            Err(OpenError::NoFolder(folder.to_owned()))
        }
        _ => Ok(()),
    }
}

/// The path behind all symbolic links, also of a file that is still to be made.
fn real(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = folder.canonicalize()?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let here = folder.join(name);
        match fs::read_link(&here) {
            Ok(target) => path = folder.join(target),
            Err(_) => return Ok(here),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// A file that is locked for this process; `store` is what it is locked for.
fn locked(file: &Path, store: &Path) -> Result<File, OpenError> {
    let failed = |source| OpenError::Lock {
        path: file.to_owned(),
        source,
    };
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let opened = options.open(file).map_err(failed)?;
    match opened.try_lock() {
        Ok(()) => Ok(opened),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(store.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
