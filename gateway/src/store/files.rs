//! Where the store is: a directory with a lock and a database, or memory.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, ReadableTable as _, StorageError, WriteTransaction};
use rustix::fs::{Access, access};

use super::Fault;
use super::memory::Memory;
use super::transaction::Transaction;
use crate::options::shown;

/// The name of the database in its directory.
const DATABASE: &str = "sysconn.redb";
/// The name of the file that a program locks while it uses the directory.
const LOCK: &str = "lock";
/// Bytes of the database that are kept in memory.
const CACHE_BYTES: usize = 16 * 1024 * 1024;
/// The files have personal data.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// The format of the tables. A program that changes it raises the number, and converts older ones when it
/// opens them.
const FORMAT: u64 = 1;
const FORMAT_KEY: &str = "format";
/// Single numbers, by their names.
pub(super) const NUMBERS: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("numbers");

/// Opens the database; called again after each failure.
type Open = Box<dyn FnMut() -> Result<Database, OpenError> + Send>;

/// Why a database cannot be used.
#[derive(Debug)]
pub(super) enum OpenError {
    /// The file cannot be opened.
    File(io::Error),
    Database(DatabaseError),
    /// The first transaction failed.
    Transaction(Fault),
    /// There is a file, but with nothing in it.
    Empty,
    /// The database panicked.
    Damaged,
    /// Its tables have a format that only a newer version of this program knows.
    Newer(u64),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::File(error) => write!(f, "cannot be opened: {error}"),
            OpenError::Database(DatabaseError::DatabaseAlreadyOpen) => f.write_str("another program uses it"),
            OpenError::Database(DatabaseError::Storage(StorageError::Corrupted(reason))) => {
                write!(f, "is no database that this version can read: {reason}")
            }
            OpenError::Database(error) => write!(f, "cannot be used: {error}"),
            OpenError::Transaction(fault) => write!(f, "cannot be written: {}", fault.reason()),
            OpenError::Empty => f.write_str("is empty: restore it, or remove it to begin anew"),
            OpenError::Damaged => f.write_str("is damaged: restore it from a copy"),
            OpenError::Newer(format) => {
                write!(
                    f,
                    "a newer version of sysconn has written it (format {format}, this one knows {FORMAT})"
                )
            }
        }
    }
}

/// A place of a store. As long as it exists no other program can use that.
pub(super) struct Place {
    /// For error lines, escaped.
    name: String,
    open: Open,
    /// Held for its lock.
    _lock: Option<File>,
}

impl Place {
    /// A directory, which is made if there is none.
    pub(super) fn create(directory: &Path) -> Result<Self, String> {
        if !directory.is_dir() {
            let made =
                DirBuilder::new().mode(DIRECTORY_MODE).create(directory).and_then(|()| sync_entry(directory));
            made.map_err(|error| format!("{}: cannot be made: {error}", shown(directory)))?;
        }
        Ok(Place::in_directory(directory, lock(directory)?))
    }

    /// A directory that has a store.
    pub(super) fn existing(directory: &Path) -> Result<Self, String> {
        let database = directory.join(DATABASE);
        match database.try_exists() {
            Ok(true) => Ok(Place::in_directory(directory, lock(directory)?)),
            Ok(false) => Err(format!("{}: there is no such file", shown(&database))),
            Err(error) => Err(format!("{}: cannot be opened: {error}", shown(&database))),
        }
    }

    /// Memory, which is empty at first.
    pub(super) fn memory() -> Self {
        let memory = Memory::new();
        let open = move || builder().create_with_backend(memory.clone()).map_err(OpenError::Database);
        Place::with("memory".to_owned(), open)
    }

    /// A place with a function that opens its database.
    pub(super) fn with(
        name: String,
        open: impl FnMut() -> Result<Database, OpenError> + Send + 'static,
    ) -> Self {
        Place { name, open: Box::new(open), _lock: None }
    }

    fn in_directory(directory: &Path, lock: File) -> Self {
        let path = directory.join(DATABASE);
        let name = shown(&path);
        // Whoever removes the file of a running program must not have it give all roles again.
        let mut may_be_made = true;
        let open = move || {
            let is_missing = may_be_made && !path.try_exists().map_err(OpenError::File)?;
            let database = if is_missing { make_file(&path)? } else { open_file(&path)? };
            may_be_made = false;
            Ok(database)
        };
        Place { name, open: Box::new(open), _lock: Some(lock) }
    }

    /// Opens the database, and writes to it.
    pub(super) fn open(&mut self) -> Result<Database, String> {
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let database = (self.open)()?;
            check_format(&database)?;
            Ok(database)
        }));
        checked.unwrap_or(Err(OpenError::Damaged)).map_err(|error| format!("{}: {error}", self.name))
    }
}

/// Locks the directory for this process, for as long as the file is open.
/// Checks that the files of a directory can be read and written, as far as there are any. It opens none.
pub(super) fn check(directory: &Path) -> Result<(), String> {
    for path in [directory.join(LOCK), directory.join(DATABASE)] {
        let fail = |why: &str| Err(format!("{}: cannot be opened: {why}", shown(&path)));
        match path.metadata() {
            Ok(metadata) if !metadata.is_file() => return fail("not a file"),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return fail(&error.to_string()),
        }
        if let Err(error) = access(&path, Access::READ_OK | Access::WRITE_OK) {
            return fail(&io::Error::from(error).to_string());
        }
    }
    Ok(())
}

fn lock(directory: &Path) -> Result<File, String> {
    let path = directory.join(LOCK);
    let open =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(&path);
    let file = open.map_err(|error| format!("{}: cannot be opened: {error}", shown(&path)))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!(
            "{}: another sysconn uses this directory, and only one at a time can",
            shown(directory)
        )),
        Err(TryLockError::Error(error)) => Err(format!("{}: cannot be locked: {error}", shown(&path))),
    }
}

pub(super) fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Opens the file of a database.
fn open_file(path: &Path) -> Result<Database, OpenError> {
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(OpenError::File)?;
    // It would count as a new database, which gives all roles again.
    if file.metadata().map_err(OpenError::File)?.len() == 0 {
        return Err(OpenError::Empty);
    }
    database_in(file)
}

fn database_in(file: File) -> Result<Database, OpenError> {
    FileBackend::new(file).and_then(|file| builder().create_with_backend(file)).map_err(OpenError::Database)
}

/// Makes a database. It gets its name once it is whole, so that no start that was cut off leaves a file that
/// the next one cannot read.
fn make_file(path: &Path) -> Result<Database, OpenError> {
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true).mode(FILE_MODE);
    let file = options.open(&unfinished).map_err(OpenError::File)?;
    let made = database_in(file).and_then(|database| {
        check_format(&database)?;
        fs::rename(&unfinished, path).and_then(|()| sync_entry(path)).map_err(OpenError::File)?;
        Ok(database)
    });
    if made.is_err() {
        // On a full disk its bytes may be missed.
        let _ = fs::remove_file(&unfinished);
    }
    made
}

/// Has the entry of a file in its directory reach the disk.
fn sync_entry(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// Begins a transaction.
pub(super) fn begin(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut transaction = database.begin_write()?;
    // Otherwise the next start after a crash would read the whole file.
    transaction.set_quick_repair(true);
    Ok(transaction)
}

/// Checks that this program knows the format of the tables, and writes its number, which shows whether the
/// database can be written at all.
fn check_format(database: &Database) -> Result<(), OpenError> {
    let write = || -> Result<Option<u64>, Fault> {
        let inner = begin(database)?;
        let mut transaction = Transaction::new(&inner);
        let found = transaction.read(NUMBERS)?.get(FORMAT_KEY)?.map(|number| number.value());
        if found.is_none_or(|format| format <= FORMAT) {
            transaction.write(NUMBERS)?.insert(FORMAT_KEY, FORMAT)?;
            inner.commit()?;
        }
        Ok(found)
    };
    match write().map_err(OpenError::Transaction)? {
        Some(format) if format > FORMAT => Err(OpenError::Newer(format)),
        _ => Ok(()),
    }
}
