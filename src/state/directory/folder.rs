//! A folder in which files appear whole or not at all, and into which nobody is led by a link.
//!
//! All paths are names beneath one directory handle. A file is written under a temporary name, synced, and renamed (or,
//! to create and never overwrite, linked). A folder that others can write to is refused.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use crate::crash;
use crate::state::store::StoreError;

const LOCK: &str = ".lock";

/// No file of a chain is larger; a larger one was not written by this program.
const LARGEST_FILE: u64 = 256 << 20;

/// For what is no secret: still nobody else's business.
pub const OPEN_MODE: u32 = 0o600;
/// For secrets.
pub const SECRET_MODE: u32 = 0o600;

/// A folder, opened once.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    root: Dir,
}

/// What a file must do about one that is there.
#[derive(Clone, Copy, PartialEq)]
pub enum Existing {
    /// Put the new one in its place.
    Replace,
    /// Leave it.
    Keep,
}

impl Folder {
    /// Opens the folder, making it (0700) if it is not there.
    ///
    /// # Errors
    /// The folder cannot be made or opened, is a link, or others can write to it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |action| {
            move |source| StoreError::File {
                action,
                path: path.display().to_string(),
                source,
            }
        };
        match std::fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => {
                return Err(failed("use")(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    "not a folder (links are not followed)",
                )));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                crash::point(format_args!("before mkdir {}", path.display()));
                let mut builder = std::fs::DirBuilder::new();
                builder.recursive(true);
                #[cfg(unix)]
                std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
                builder.create(path).map_err(failed("make"))?;
                crash::point(format_args!("after mkdir {}", path.display()));
            }
            Err(error) => return Err(failed("open")(error)),
        }
        let root = Dir::open_ambient_dir(path, ambient_authority()).map_err(failed("open"))?;
        let folder = Self {
            path: path.to_owned(),
            root,
        };
        folder.check_folder(&folder.root, path)?;
        folder.sweep();
        Ok(folder)
    }

    /// Removes temporary files of processes that died while they wrote: they may hold keys. Where the system does not tell
    /// which processes live, they are left.
    fn sweep(&self) {
        if !Path::new("/proc/self").exists() {
            return;
        }
        let folders = self.root.entries().into_iter().flatten().flatten();
        let below = folders.filter_map(|entry| entry.open_dir().ok());
        for dir in below.chain(self.root.try_clone()) {
            for entry in dir.entries().into_iter().flatten().flatten() {
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let dead = name
                    .strip_prefix('.')
                    .and_then(|name| name.strip_suffix(".tmp"))
                    .and_then(|name| name.rsplit_once('.'))
                    .is_some_and(|(_, pid)| {
                        pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists()
                    });
                if dead {
                    // Nothing is lost if it stays: the next run sweeps again.
                    let _ = dir.remove_file(&name);
                }
            }
        }
    }

    /// Refuses a folder that its group or the world can write to.
    #[cfg(unix)]
    fn check_folder(&self, folder: &Dir, path: &Path) -> Result<(), StoreError> {
        use cap_std::fs::MetadataExt as _;
        let metadata = folder.dir_metadata().map_err(self.failed("read", path))?;
        let mode = metadata.mode() & 0o7777;
        if mode & 0o022 != 0 {
            return Err(StoreError::OpenFolder {
                path: path.display().to_string(),
                mode,
            });
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn check_folder(&self, _folder: &Dir, _path: &Path) -> Result<(), StoreError> {
        Ok(())
    }

    fn failed<'a>(
        &'a self,
        action: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> StoreError + use<'a> {
        move |source| StoreError::File {
            action,
            path: if path.is_absolute() {
                path.display().to_string()
            } else {
                self.path.join(path).display().to_string()
            },
            source,
        }
    }

    /// A file, for messages.
    pub fn show(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    /// A sub-folder, for messages.
    pub fn place(&self, folder: &str) -> String {
        format!("folder {}", self.path.join(folder).display())
    }

    /// A sub-folder, made if missing; `None` if missing and not to be made.
    fn folder(&self, name: &str, make: Option<u32>) -> Result<Option<Dir>, StoreError> {
        let path = Path::new(name);
        match self.root.symlink_metadata(path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => {
                return Err(self.failed("use", path)(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    "not a folder (links are not followed)",
                )));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && make.is_some() => {
                let mut builder = cap_std::fs::DirBuilder::new();
                #[cfg(unix)]
                cap_std::fs::DirBuilderExt::mode(&mut builder, make.unwrap_or(0o700));
                crash::point(format_args!("before mkdir {name}"));
                match self.root.create_dir_with(path, &builder) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(self.failed("make", path)(error));
                    }
                    _ => {}
                }
                crash::point(format_args!("after mkdir {name}"));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("open", path)(error)),
        }
        let folder = self
            .root
            .open_dir(path)
            .map_err(self.failed("open", path))?;
        self.check_folder(&folder, &self.path.join(path))?;
        Ok(Some(folder))
    }

    /// Reads a file; `None` if it is not there.
    pub fn read(&self, folder: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let relative = Path::new(folder).join(name);
        let dir = if folder.is_empty() {
            None
        } else {
            match self.folder(folder, None)? {
                Some(dir) => Some(dir),
                None => return Ok(None),
            }
        };
        let dir = dir.as_ref().unwrap_or(&self.root);
        match dir.symlink_metadata(name) {
            Ok(found) if found.is_file() && found.len() <= LARGEST_FILE => {}
            Ok(_) => {
                return Err(self.failed("read", &relative)(io::Error::other(
                    "not a plain file of a usual size (links are not followed)",
                )));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("read", &relative)(error)),
        }
        let mut bytes = Vec::new();
        dir.open(name)
            .and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut bytes))
            .map_err(self.failed("read", &relative))?;
        Ok(Some(bytes))
    }

    /// Writes a file whole or not at all. Returns false if one was there and `existing` is `Keep`.
    pub fn write(
        &self,
        folder: &str,
        name: &str,
        mode: u32,
        bytes: &[u8],
        existing: Existing,
    ) -> Result<bool, StoreError> {
        let relative = Path::new(folder).join(name);
        let sub_folder = if folder.is_empty() {
            None
        } else {
            self.folder(
                folder,
                Some(if mode == SECRET_MODE { 0o700 } else { 0o755 }),
            )?
        };
        let dir = sub_folder.as_ref().unwrap_or(&self.root);
        crash::point(format_args!("before write {}", relative.display()));
        let written =
            write_in(dir, name, mode, bytes, existing).map_err(self.failed("write", &relative))?;
        crash::point(format_args!("after write {}", relative.display()));
        Ok(written)
    }

    pub fn remove(&self, folder: &str, name: &str) -> Result<(), StoreError> {
        let relative = Path::new(folder).join(name);
        crash::point(format_args!("before remove {}", relative.display()));
        match self.root.remove_file(&relative) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(self.failed("remove", &relative)(error));
            }
            _ => {}
        }
        crash::point(format_args!("after remove {}", relative.display()));
        Ok(())
    }

    /// Holds the folder's lock until the file is dropped; the system lets go of it when the process dies.
    pub fn exclusive(&self) -> Result<File, StoreError> {
        let path = Path::new(LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::mode(&mut options, SECRET_MODE);
        let file = self
            .root
            .open_with(path, &options)
            .map_err(self.failed("open", path))?
            .into_std();
        file.lock().map_err(self.failed("lock", path))?;
        Ok(file)
    }

    /// The names in a sub-folder that are not temporary.
    pub fn names(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let Some(dir) = self.folder(folder, None)? else {
            return Ok(Vec::new());
        };
        let path = Path::new(folder);
        let entries = dir.entries().map_err(self.failed("read", path))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(self.failed("read", path))?;
            if let Ok(name) = entry.file_name().into_string()
                && !name.starts_with('.')
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Writes `bytes` under a temporary name, syncs, and gives it its name.
fn write_in(
    dir: &Dir,
    name: &str,
    mode: u32,
    bytes: &[u8],
    existing: Existing,
) -> io::Result<bool> {
    let temporary = format!(".{name}.{}.tmp", std::process::id());
    match dir.remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = dir.open_with(&temporary, &options)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    crash::point(format_args!("between temporary file and {name}"));
    let placed = match existing {
        Existing::Replace => dir.rename(&temporary, dir, name).map(|()| true),
        Existing::Keep => {
            let linked = match dir.hard_link(&temporary, dir, name) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error),
            };
            dir.remove_file(&temporary)?;
            linked
        }
    }?;
    // The name is only safe once the folder is on the disk too.
    #[cfg(unix)]
    dir.open(".")?.sync_all()?;
    Ok(placed)
}
