//! Stores in real directories.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::files::NUMBERS;
use super::super::{Store, Transaction, accounts};
use super::key;

/// A directory that does not exist yet, gone when it is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Directory(std::env::temp_dir().join(format!("sysconn-store-{}-{number}", std::process::id())))
    }

    fn open(&self) -> Result<Store, String> {
        Store::open(Some(&self.0))
    }

    /// The error, with the path cut off.
    fn error(&self) -> String {
        let line = self.open().unwrap_err();
        line.strip_prefix(self.0.to_str().unwrap()).unwrap().to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn accounts_outlive_the_store_and_removed_roles_do_not_come_back() {
    let directory = Directory::new();
    for round in 0..3 {
        let store = directory.open().unwrap();
        assert_eq!(store.role(key("same", 1)), Ok(1));
        assert_eq!(store.role(key("gone", 1)), Ok(round + 2));
        store.call(|transaction| accounts::remove(transaction, &key("gone", 1))).unwrap();
        store.close();
    }
    let store = directory.open().unwrap();
    let list = |transaction: &mut Transaction<'_>| {
        let mut listed = vec![];
        accounts::visit(transaction, |key, role_id| {
            listed.push((key, role_id));
            true
        })?;
        Ok(listed)
    };
    let listed = store.call(list).unwrap();
    assert_eq!(listed, [(key("same", 1), 1)]);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory.0.clone()), 0o700);
    assert_eq!(mode(directory.0.join("sysconn.redb")), 0o600);
}

/// Whatever is wrong with the file: it is an error, and neither a panic nor a store that does not answer.
#[test]
fn a_damaged_file_is_an_error() {
    let directory = Directory::new();
    let store = directory.open().unwrap();
    for zone_id in 0..50 {
        store.role(key("account", zone_id)).unwrap();
    }
    store.close();
    let database = directory.0.join("sysconn.redb");
    let whole = fs::read(&database).unwrap();
    let mut errors = 0;
    for at in (0..whole.len()).step_by(whole.len() / 150) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        fs::write(&database, if at % 10 == 0 { &whole[..at] } else { &damaged }).unwrap();
        match directory.open() {
            Err(line) => {
                assert!(line.starts_with(database.to_str().unwrap()) && !line.contains('\n'), "{line}");
                errors += 1;
            }
            Ok(store) => {
                let _ = store.role(key("account", 1));
                let _ = store.role(key("another", 1));
                store.close();
            }
        }
    }
    assert!(errors > 5, "{errors}");
}

#[test]
fn a_directory_that_cannot_be_used_is_one_clear_line() {
    let directory = Directory::new();
    let store = directory.open().unwrap();
    assert_eq!(directory.error(), ": another sysconn uses this directory, and only one at a time can");
    store.call(|transaction| Ok(transaction.write(NUMBERS)?.insert("format", 7)?.map(drop))).unwrap();
    store.close();
    let newer = ": a newer version of sysconn has written it (format 7, this one knows 1)";
    assert_eq!(directory.error(), format!("/sysconn.redb{newer}"));

    let database = directory.0.join("sysconn.redb");
    fs::write(&database, "no database at all").unwrap();
    let line = directory.error();
    assert!(line.starts_with("/sysconn.redb: ") && !line.contains('\n'), "{line}");

    fs::write(&database, "").unwrap();
    assert_eq!(directory.error(), "/sysconn.redb: is empty: restore it, or remove it to begin anew");

    fs::remove_dir_all(&directory.0).unwrap();
    fs::write(&directory.0, "a file").unwrap();
    assert!(directory.error().starts_with(": cannot be made: "));
    fs::remove_file(&directory.0).unwrap();
    assert!(
        Store::open_existing(&directory.0).unwrap_err().ends_with("/sysconn.redb: there is no such file")
    );
    assert!(!directory.0.exists(), "commands make none");
}
